import type { TypedArray } from '../core/dtype.ts';

/** out[i] = x[positions[i]]. */
export function take(out: TypedArray, x: TypedArray, positions: Int32Array): void {
  for (let i = 0; i < positions.length; i++) out[i] = x[positions[i]!]!;
}

/** out[positions[i]] += x[i]; a position may come often. */
export function putAdd(out: TypedArray, x: TypedArray, positions: Int32Array): void {
  for (let i = 0; i < positions.length; i++) out[positions[i]!]! += x[i]!;
}
