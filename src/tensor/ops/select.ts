import { checkDType, type DType } from '../../core/dtype.ts';
import { checkKeys, ShapeError, show, ValueError } from '../../core/errors.ts';
import { checkShape, resolveAxis, showPlaces, showShape, sizeOf, stridesOf } from '../../core/shape.ts';
import { takeAt } from '../take.ts';
import { expectTensor, rowMajor, type Tensor, zeroed } from '../tensor.ts';

/** The index numbers, each checked against the size of its axis; negative ones count from the end. */
function checkedIndices(where: string, index: ArrayLike<number>, size: number): Int32Array {
  return Int32Array.from(index, (i) => {
    if (!Number.isInteger(i) || i < -size || i >= size) {
      throw new ValueError(where, `an index must be ${showPlaces(size)}`, show(i));
    }
    return i < 0 ? i + size : i;
  });
}

/**
 * Picks along one axis, a different place for each element: with axis 1, `y[i][j] = x[i][index[i][j]]`.
 *
 * @param index - int32, of the rank of `x`, with no larger size than `x` along the other axes
 * @throws {@link ValueError} for an index outside the axis
 * @example
 * ```ts
 * import { tensor } from 'gradlet';
 * const x = tensor([[1, 2, 3], [4, 5, 6]]);
 * x.gather(1, tensor([[2], [0]], { dtype: 'int32' })); // → tensor([[3.], [4.]])
 * ```
 */
export function gather(x: Tensor, axis: number, index: Tensor): Tensor {
  const { shape } = expectTensor('gather', x);
  const at = resolveAxis('gather', axis, shape.length);
  const places = expectTensor('gather', index, 'index').shape;
  if (index.dtype !== 'int32')
    throw new ValueError('gather', 'index must be int32', index.dtype, "Use cast('int32').");
  if (places.length !== shape.length || places.some((n, a) => a !== at && n > shape[a]!)) {
    throw new ShapeError(
      'gather',
      'index must have the rank of the input and, except along the axis, no larger sizes',
      `${showShape(places)} for ${showShape(shape)}`,
    );
  }
  const along = checkedIndices('gather', rowMajor(index), shape[at]!);
  const strides = stridesOf(shape);
  const at0 = places.map(() => 0);
  const positions = along.map((i) => {
    let p = 0;
    for (let a = 0; a < places.length; a++) p += strides[a]! * (a === at ? i : at0[a]!);
    for (let a = places.length - 1; a >= 0 && ++at0[a]! === places[a]; a--) at0[a] = 0;
    return p;
  });
  return takeAt(x, positions, places);
}

/**
 * Picks whole slices along one axis, in the order of `index`; a place may come often.
 *
 * @param index - whole numbers, as a list or an int32 tensor of rank 1
 * @throws {@link ValueError} for an index outside the axis
 * @example
 * ```ts
 * import { tensor } from 'gradlet';
 * tensor([[1, 2], [3, 4]]).indexSelect(0, [1, 1, 0]); // → tensor([[3., 4.], [3., 4.], [1., 2.]])
 * ```
 */
export function indexSelect(x: Tensor, axis: number, index: Tensor | readonly number[]): Tensor {
  const { shape } = expectTensor('indexSelect', x);
  const at = resolveAxis('indexSelect', axis, shape.length);
  if (!Array.isArray(index) && expectTensor('indexSelect', index, 'index').ndim !== 1) {
    throw new ShapeError('indexSelect', 'index must have one axis', showShape((index as Tensor).shape));
  }
  const list = Array.isArray(index) ? (index as readonly number[]) : rowMajor(index as Tensor);
  const picks = checkedIndices('indexSelect', list, shape[at]!);
  const outer = sizeOf(shape.slice(0, at));
  const positions = new Int32Array(outer * picks.length);
  let next = 0;
  for (let o = 0; o < outer; o++) for (const pick of picks) positions[next++] = o * shape[at]! + pick;
  return takeAt(x, positions, shape.with(at, picks.length), sizeOf(shape.slice(at + 1)));
}

/** Options of {@link oneHot}. */
export interface OneHotOptions {
  /** Default float32. */
  readonly dtype?: DType;
}

/**
 * Rows of zeros with a 1 at each index, of shape [...indices.shape, numClasses].
 *
 * @param numClasses - by default the largest index + 1
 * @throws {@link ValueError} for an index outside 0 … numClasses − 1
 * @example
 * ```ts
 * import { oneHot, tensor } from 'gradlet';
 * oneHot(tensor([0, 2], { dtype: 'int32' }), 3); // → tensor([[1., 0., 0.], [0., 0., 1.]])
 * ```
 */
export function oneHot(indices: Tensor, numClasses?: number, options: OneHotOptions = {}): Tensor {
  checkKeys('oneHot', options, ['dtype']);
  const dtype = checkDType('oneHot', options.dtype ?? 'float32');
  const list = rowMajor(expectTensor('oneHot', indices));
  const count = numClasses ?? 1 + Array.from(list).reduce((a, b) => Math.max(a, b), -1);
  if (!Number.isInteger(count) || count < 0) {
    throw new ValueError('oneHot', 'numClasses must be a whole number ≥ 0', show(count));
  }
  const y = zeroed(checkShape('oneHot', [...indices.shape, count]), dtype);
  list.forEach((i, row) => {
    if (!Number.isInteger(i) || i < 0 || i >= count) {
      throw new ValueError('oneHot', `a class index must be a whole number in 0 … ${count - 1}`, show(i));
    }
    y.storage[row * count + i] = 1;
  });
  return y;
}
