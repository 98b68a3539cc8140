import { promote } from '../../core/dtype.ts';
import { ShapeError } from '../../core/errors.ts';
import { broadcastShapes, type Shape, sameShape, showShape, sizeOf } from '../../core/shape.ts';
import { gemm, type Matrix } from '../../kernels/gemm.ts';
import { type Derivative, identity, record, recordAll } from '../graph.ts';
import { empty, expectTensor, rowMajor, type Tensor } from '../tensor.ts';
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

/**
 * `x · weightᵀ + bias`: what {@link nn.Linear} computes, in one pass.
 *
 * @param bias - one number for each row of the weight, or nothing
 * @shape x: […, in]; weight: [out, in]; bias: [out]; result: […, out]
 * @throws {@link ShapeError} when the shapes do not fit
 * @example
 * ```ts
 * import { linear, tensor } from 'gradlet';
 * const weight = tensor([[1, 2], [3, 4], [5, 6]]);
 * linear(tensor([1, 1]), weight, tensor([0, 0, 100])); // → tensor([3., 7., 111.])
 * ```
 */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor | null): Tensor {
  const { shape, dtype } = expectTensor('linear', x);
  const w = expectTensor('linear', weight, 'the weight');
  const b = bias ? expectTensor('linear', bias, 'the bias') : null;
  const k = shape.at(-1);
  const n = w.shape[0]!;
  if (w.ndim !== 2 || k !== w.shape[1]) {
    throw new ShapeError(
      'linear',
      'the last size of the input must equal the last of the weight [out, in]',
      `${showShape(shape)} and ${showShape(w.shape)}`,
    );
  }
  if (b && !sameShape(b.shape, [n])) {
    throw new ShapeError('linear', `the bias must have the shape [${n}]`, showShape(b.shape));
  }
  const wide = promote(promote(dtype, w.dtype), b?.dtype ?? 'int32');
  const y = empty(shape.with(-1, n), promote(wide, 'int32'));
  const { storage, offset, strides } = w;
  const turned = { storage, offset, rowStep: strides[1]!, colStep: strides[0]! };
  const rows = flat(x.detach());
  gemm(y.storage, 0, matrixOf(rows), turned, rows.shape[0]!, k!, n, b && rowMajor(b));
  const pairs: [Tensor, Derivative][] = [];
  if (x.node) pairs.push([x, byInput(w, shape)]);
  if (w.node) pairs.push([w, byWeight(x)]);
  if (b?.node) pairs.push([b, identity]);
  return recordAll('linear', y, pairs);
}

/** All axes but the last as one. */
const flat = (x: Tensor): Tensor =>
  x.ndim === 2 ? x : reshape(x, [sizeOf(x.shape.slice(0, -1)), x.shape.at(-1)!]);

/** dx = G · W, keeping only W. */
const byInput =
  (w: Tensor, shape: Shape): Derivative =>
  (g) =>
    shape.length === 2 ? matmul(g, w) : reshape(matmul(flat(g), w), shape);

/** dW = Gᵀ · x, keeping only x. */
const byWeight =
  (x: Tensor): Derivative =>
  (g) =>
    matmul(transpose(flat(g)), flat(x));

/** [batch…, m, k] · [batch…, k, n], the batches broadcast. */
function product(a: Tensor, b: Tensor): Tensor {
  const m = a.shape.at(-2)!;
  const k = a.shape.at(-1)!;
  const n = b.shape.at(-1)!;
  const single = a.ndim === 2 && b.ndim === 2;
  const batch = single ? [] : broadcastShapes('matmul', a.shape.slice(0, -2), b.shape.slice(0, -2));
  const y = empty([...batch, m, n], promote(promote(a.dtype, b.dtype), 'int32'));
  if (single) gemm(y.storage, 0, matrixOf(a), matrixOf(b), m, k, n);
  else if (y.size > 0) {
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

/** The last two axes, from an offset on. */
function matrixOf({ storage, strides, offset }: Tensor, from = offset): Matrix {
  const rank = strides.length;
  return { storage, offset: from, rowStep: strides[rank - 2]!, colStep: strides[rank - 1]! };
}

/** Where each matrix of a batch stands in the storage, in row-major order of the batch. */
function matrices(x: Tensor): Matrix[] {
  const { shape, strides } = x;
  const rank = shape.length;
  let offsets = [x.offset];
  for (let axis = 0; axis < rank - 2; axis++) {
    offsets = offsets.flatMap((at) =>
      Array.from({ length: shape[axis]! }, (_, i) => at + i * strides[axis]!),
    );
  }
  return offsets.map((offset) => matrixOf(x, offset));
}
