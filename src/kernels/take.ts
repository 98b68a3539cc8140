import type { TypedArray } from '../core/dtype.ts';

/** Block i of `out` is block `positions[i]` of x, of `wide` numbers each; it stays as it is for −1. */
export function take(out: TypedArray, x: TypedArray, positions: Int32Array, wide: number): void {
  for (let i = 0, to = 0; i < positions.length; i++, to += wide) {
    const from = positions[i]! * wide;
    if (from >= 0) for (let j = 0; j < wide; j++) out[to + j] = x[from + j]!;
  }
}

/** Block i of x is added to block `positions[i]` of `out`, to none for −1; a position may come often. */
export function putAdd(out: TypedArray, x: TypedArray, positions: Int32Array, wide: number): void {
  if (wide === 1) {
    for (let i = 0; i < positions.length; i++) {
      const to = positions[i]!;
      if (to >= 0) out[to]! += x[i]!;
    }
    return;
  }
  for (let i = 0, from = 0; i < positions.length; i++, from += wide) {
    const to = positions[i]! * wide;
    if (to >= 0) for (let j = 0; j < wide; j++) out[to + j]! += x[from + j]!;
  }
}
