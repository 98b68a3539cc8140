import type { Shape } from '../core/shape.ts';
import { putAdd, take } from '../kernels/take.ts';
import { record } from './graph.ts';
import { rowMajor, type Tensor, zeroed } from './tensor.ts';

/**
 * Blocks of `wide` numbers from row-major places: block i of the result, which has the given shape, is block `positions[i]`
 * of x; zeros for −1.
 */
export function takeAt(x: Tensor, positions: Int32Array, shape: Shape, wide = 1): Tensor {
  const { shape: from } = x;
  const y = zeroed(shape, x.dtype);
  take(y.storage, rowMajor(x), positions, wide);
  return record('take', y, [x, (g) => putAt(g, positions, from, wide)]);
}

/** Zeros of `shape` with the blocks of x added at `positions`: the derivative of {@link takeAt}, and the other way round. */
export function putAt(x: Tensor, positions: Int32Array, shape: Shape, wide = 1): Tensor {
  const { shape: from } = x;
  const y = zeroed(shape, x.dtype);
  putAdd(y.storage, rowMajor(x), positions, wide);
  return record('put', y, [x, (g) => takeAt(g, positions, from, wide)]);
}
