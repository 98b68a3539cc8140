import type { TypedArray } from '../core/dtype.ts';
import { type Slide, seen } from './conv.ts';
import { layOut, type SpaceWork, setTable, sizeOfPlanes, work } from './planes.ts';

/** Numbers of planes that are laid out at a time, so that they stay in the cache. */
const CHUNK = 16384;

/**
 * The largest of each window of each plane; and where in x it stands, where that is asked for: the first of equal ones, and the
 * last NaN.
 */
export function largest(
  out: TypedArray,
  positions: Int32Array | null,
  x: TypedArray,
  count: number,
  rows: Slide,
  cols: Slide,
): void {
  if (out.length === 0) return;
  const { planes, table } = seen(1, rows, cols);
  const wide = planes.cols.count;
  const area = rows.size * cols.size;
  const result = rows.count * cols.count;
  const n = ((rows.count - 1) * wide + cols.count + 3) & ~3;
  const step = planes.whole ? area : planes.many * planes.step;
  const taps = table.length;
  const most = Math.min(count, Math.max(1, Math.floor(CHUNK / area)));
  const run: SpaceWork['run'] = (shop, laid, raw, tops, which, made, places, names) => {
    const { numbers } = shop;
    numbers.fill(Number.NEGATIVE_INFINITY, laid, raw);
    setTable(shop, places, table);
    for (let k = 0; k < taps; k++) {
      numbers[names + k] = Math.floor(k / cols.kernel) * cols.size + (k % cols.kernel);
    }
    for (let plane = 0; plane < count; plane += most) {
      const some = Math.min(most, count - plane);
      numbers.set(x.subarray(plane * area, (plane + some) * area), raw);
      const source = layOut(shop, raw, laid, some, planes);
      shop.top(tops, which, source, places, names, some, step, n, taps);
      shop.copy(tops, [n, wide, 1], made, [result, cols.count, 1], some, rows.count, cols.count);
      out.set(numbers.subarray(made, made + some * result), plane * result);
      if (!positions) continue;
      let to = plane * result;
      for (let block = 0; block < some; block++) {
        for (let i = 0; i < rows.count; i++) {
          const start = (plane + block) * area;
          const row = i * rows.stride - rows.before;
          let at = which + block * n + i * wide;
          let col = -cols.before;
          for (let j = 0; j < cols.count; j++, at++, to++, col += cols.stride) {
            const name = numbers[at]!;
            positions[to] =
              name < 0
                ? start + Math.max(row, 0) * cols.size + Math.max(col, 0)
                : start + row * cols.size + col + name;
          }
        }
      }
    }
    return true;
  };
  const each = [area, n, n, result].map((size) => most * size);
  const sizes = [sizeOfPlanes(planes, most), ...each, taps, taps];
  work([out, x], { products: 0, numbers: x.length + out.length, batch: 1, sizes: () => sizes, run });
}
