import ndarray from 'ndarray';
import ops from 'ndarray-ops';
import { allocate, type DType, type TypedArray } from '../core/dtype.ts';
import { sizeOf, stridesOf } from '../core/shape.ts';
import type { Strided } from './map.ts';

type Places = Omit<Strided, 'isContiguous'>;

/** The same numbers as an npm `ndarray`: a view, nothing is copied. */
export function asNdarray(x: Places): ndarray.NdArray<TypedArray> {
  return ndarray(x.storage, [...x.shape], [...x.strides], x.offset);
}

/** Copies `from` into the places of `to`; the shapes are equal. */
export function copyInto(to: Places, from: Places): void {
  if (sizeOf(to.shape) > 0) ops.assign(asNdarray(to), asNdarray(from));
}

/** The numbers of `x` in row-major order, in an array of their own. */
export function gathered(x: Places, dtype: DType): TypedArray {
  const storage = allocate(dtype, sizeOf(x.shape));
  copyInto({ storage, shape: x.shape, strides: stridesOf(x.shape), offset: 0 }, x);
  return storage;
}
