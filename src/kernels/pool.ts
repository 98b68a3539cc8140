import type { TypedArray } from '../core/dtype.ts';
import type { Slide } from './conv.ts';

/** The largest of each window of each plane, and where in x it stands: the first of equal ones; the last NaN beats all. */
export function largest(
  out: TypedArray,
  positions: Int32Array,
  x: TypedArray,
  planes: number,
  rows: Slide,
  cols: Slide,
): void {
  let to = 0;
  for (let plane = 0; plane < planes; plane++) {
    const start = plane * rows.size * cols.size;
    for (let i = 0; i < rows.count; i++) {
      const row = i * rows.stride - rows.before;
      const top = start + Math.max(row, 0) * cols.size;
      const bottom = start + Math.min(row + rows.kernel, rows.size) * cols.size;
      for (let j = 0; j < cols.count; j++, to++) {
        const col = j * cols.stride - cols.before;
        const left = Math.max(col, 0);
        const right = Math.min(col + cols.kernel, cols.size);
        let best = Number.NEGATIVE_INFINITY;
        let at = top + left;
        for (let r = top; r < bottom; r += cols.size) {
          for (let p = r + left; p < r + right; p++) {
            const value = x[p]!;
            if (value > best || Number.isNaN(value)) {
              best = value;
              at = p;
            }
          }
        }
        out[to] = best;
        positions[to] = at;
      }
    }
  }
}
