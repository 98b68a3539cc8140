import { promote } from '../../core/dtype.ts';
import { ShapeError } from '../../core/errors.ts';
import { broadcastShapes, showShape, sizeOf } from '../../core/shape.ts';
import { gemm, type Matrix } from '../../kernels/gemm.ts';
import { type Derivative, record } from '../graph.ts';
import { empty, expectTensor, type Tensor } from '../tensor.ts';
import { expand, reshape, squeeze, transpose, unsqueeze } from './shape.ts';

/**
 * The matrix product `x · other`.
 *
 * Two vectors give their dot product, a matrix and a vector a vector; with more axes the leading ones are a batch that
 * broadcasts. Elementwise products are {@link mul}.
 *
 * @shape [m, k] · [k, n] → [m, n]; […, m, k] · […, k, n] → […, m, n]; [k] · [k] → []
 * @throws {@link ShapeError} when the inner sizes differ, or an input is a scalar
 * @example
 * ```ts
 * import { tensor } from 'gradlet';
 * const a = tensor([[1, 2], [3, 4]]);
 * a.matmul(tensor([1, 1])); // → tensor([3., 7.])
 * ```
 */
export function matmul(x: Tensor, other: Tensor): Tensor {
  const a = expectTensor('matmul', x);
  const b = expectTensor('matmul', other, 'the other input');
  const inner = a.shape.at(-1);
  if (a.ndim === 0 || b.ndim === 0 || inner !== b.shape.at(b.ndim === 1 ? 0 : -2)) {
    throw new ShapeError(
      'matmul',
      'the last size of the first input must equal the second-last (or only) size of the other',
      `${showShape(a.shape)} and ${showShape(b.shape)}`,
      'Transpose or reshape one of them.',
    );
  }
  if (a.ndim === 1) return squeeze(matmul(unsqueeze(a, 0), b), b.ndim === 1 ? 0 : -2);
  if (b.ndim === 1) return squeeze(matmul(a, unsqueeze(b, 1)), -1);
  if (b.ndim === 2 && a.ndim > 2) {
    // one large product instead of a batch of small ones: [b·m, k] · [k, n]
    return reshape(matmul(reshape(a, [sizeOf(a.shape.slice(0, -1)), inner!]), b), [
      ...a.shape.slice(0, -1),
      b.shape[1]!,
    ]);
  }
  return product(a, b);
}

/** [batch…, m, k] · [batch…, k, n], the batches broadcast. */
function product(a: Tensor, b: Tensor): Tensor {
  const [m, k] = a.shape.slice(-2) as [number, number];
  const n = b.shape.at(-1)!;
  const batch = broadcastShapes('matmul', a.shape.slice(0, -2), b.shape.slice(0, -2));
  const y = empty([...batch, m, n], promote(promote(a.dtype, b.dtype), 'int32'));
  if (y.size > 0) {
    const left = matrices(expand(a.detach(), [...batch, m, k]));
    const right = matrices(expand(b.detach(), [...batch, k, n]));
    left.forEach((matrix, i) => {
      gemm(y.storage, i * m * n, matrix, right[i]!, m, k, n);
    });
  }
  return record('matmul', y, [a, byLeft(b)], [b, byRight(a)]);
}

/** dA = G · Bᵀ, keeping only B. */
const byLeft =
  (b: Tensor): Derivative =>
  (g) =>
    matmul(g, transpose(b));

/** dB = Aᵀ · G, keeping only A. */
const byRight =
  (a: Tensor): Derivative =>
  (g) =>
    matmul(transpose(a), g);

/** Where each matrix of a batch stands in the storage, in row-major order of the batch. */
function matrices(x: Tensor): Matrix[] {
  const { storage, shape, strides } = x;
  const rank = shape.length;
  let offsets = [x.offset];
  for (let axis = 0; axis < rank - 2; axis++) {
    offsets = offsets.flatMap((at) =>
      Array.from({ length: shape[axis]! }, (_, i) => at + i * strides[axis]!),
    );
  }
  return offsets.map((offset) => ({
    storage,
    offset,
    rowStep: strides[rank - 2]!,
    colStep: strides[rank - 1]!,
  }));
}
