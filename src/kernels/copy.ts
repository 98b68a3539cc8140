import ndarray from 'ndarray';
import { allocate, type DType, type TypedArray } from '../core/dtype.ts';
import { sizeOf, stridesOf } from '../core/shape.ts';
import { advance, collapse, type Strided } from './map.ts';

type Places = Omit<Strided, 'isContiguous'>;

/** The same numbers as an npm `ndarray`: a view, nothing is copied. */
export function asNdarray(x: Places): ndarray.NdArray<TypedArray> {
  return ndarray(x.storage, [...x.shape], [...x.strides], x.offset);
}

/** Columns that are copied together, so that lines of memory that were read are still in the cache for the next row. */
const BLOCK = 32;

/** Copies `from` into the places of `to`; the shapes are equal. */
export function copyInto(to: Places, from: Places): void {
  const { sizes, steps } = collapse(to.shape, [to, from]);
  const [out, x] = steps as [number[], number[]];
  const rank = sizes.length;
  const rows = sizes[rank - 2] ?? 1;
  const cols = sizes[rank - 1] ?? 1;
  const matrices = sizes.slice(0, -2).reduce((n, size) => n * size, 1);
  const at = new Array<number>(Math.max(0, rank - 2)).fill(0);
  const offsets = [to.offset, from.offset];
  const [outRow, outCol] = [out[rank - 2] ?? 0, out[rank - 1] ?? 0];
  const [xRow, xCol] = [x[rank - 2] ?? 0, x[rank - 1] ?? 0];
  for (let k = 0; k < matrices; k++) {
    const [o, p] = offsets as [number, number];
    copyMatrix(to.storage, o, outRow, outCol, from.storage, p, xRow, xCol, rows, cols);
    advance(at, sizes, steps, offsets);
  }
}

function copyMatrix(
  out: TypedArray,
  o: number,
  outRow: number,
  outCol: number,
  x: TypedArray,
  p: number,
  xRow: number,
  xCol: number,
  rows: number,
  cols: number,
): void {
  if (outCol === 1 && xCol === 1 && cols > BLOCK) {
    for (let r = 0; r < rows; r++) {
      const from = p + r * xRow;
      out.set(x.subarray(from, from + cols), o + r * outRow);
    }
    return;
  }
  for (let first = 0; first < cols; first += BLOCK) {
    const end = Math.min(first + BLOCK, cols);
    for (let r = 0; r < rows; r++) {
      for (let c = first, to = o + r * outRow + c * outCol, from = p + r * xRow + c * xCol; c < end; c++) {
        out[to] = x[from]!;
        to += outCol;
        from += xCol;
      }
    }
  }
}

/** The numbers of `x` in row-major order, in an array of their own. */
export function gathered(x: Places, dtype: DType): TypedArray {
  const storage = allocate(dtype, sizeOf(x.shape));
  copyInto({ storage, shape: x.shape, strides: stridesOf(x.shape), offset: 0 }, x);
  return storage;
}
