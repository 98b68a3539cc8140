import type { TypedArray } from '../core/dtype.ts';
import { heap } from './engine.ts';
import { gemm as gemmInWasm } from './wasm/gemm.ts';

/** A matrix inside an array: element (i, j) stands at `offset + i·rowStep + j·colStep`. */
export interface Matrix {
  readonly storage: TypedArray;
  readonly offset: number;
  readonly rowStep: number;
  readonly colStep: number;
}

/** Columns of B packed side by side, so that the inner loop walks one short line of memory. */
const WIDTH = 4;
let packed: Float64Array = new Float64Array(0);

/** Products from which on copying into the heap pays: `npm run bench -- --only sgemm`. */
const FEWEST = 1000;

/** Computes a product of float32, or says that it does not. */
export type SharedProduct = (
  out: Float32Array,
  offset: number,
  a: Matrix,
  b: Matrix,
  m: number,
  k: number,
  n: number,
  bias: TypedArray | null,
) => boolean;

let inThreads: SharedProduct | null = null;

/** Lets several threads compute products, or none; handed over, so that a program without threads does not hold them. */
export function shareProducts(by: SharedProduct | null): void {
  inThreads = by;
}

/** C[m, n] = A[m, k] · B[k, n] into row-major `out` at `offset`; `bias`, of n numbers, is added to every row. */
export function gemm(
  out: TypedArray,
  offset: number,
  a: Matrix,
  b: Matrix,
  m: number,
  k: number,
  n: number,
  bias: TypedArray | null = null,
): void {
  const single =
    out instanceof Float32Array && a.storage instanceof Float32Array && b.storage instanceof Float32Array;
  const wasm = single && m * k * n >= FEWEST ? heap() : null;
  if (wasm && inThreads?.(out as Float32Array, offset, a, b, m, k, n, bias)) return;
  if (wasm && gemmInWasm(wasm, out as Float32Array, offset, a, b, m, k, n, bias)) return;
  gemmInJs(out, offset, a, b, m, k, n);
  if (bias) {
    for (let i = 0, at = offset; i < m; i++) for (let j = 0; j < n; j++) out[at++]! += bias[j]!;
  }
}

/** The same in JavaScript; sums are kept in doubles. */
export function gemmInJs(
  out: TypedArray,
  offset: number,
  a: Matrix,
  b: Matrix,
  m: number,
  k: number,
  n: number,
): void {
  if (packed.length < WIDTH * k) packed = new Float64Array(WIDTH * k);
  const panel = packed;
  const x = a.storage;
  const { rowStep, colStep } = a;
  for (let j = 0; j < n; j += WIDTH) {
    const width = Math.min(WIDTH, n - j);
    for (let c = 0; c < WIDTH; c++) {
      let at = b.offset + (j + c) * b.colStep;
      for (let p = c; p < WIDTH * k; p += WIDTH, at += b.rowStep) panel[p] = c < width ? b.storage[at]! : 0;
    }
    let i = 0;
    for (; i + 1 < m; i += 2) {
      let p0 = a.offset + i * rowStep;
      let p1 = p0 + rowStep;
      let c00 = 0;
      let c01 = 0;
      let c02 = 0;
      let c03 = 0;
      let c10 = 0;
      let c11 = 0;
      let c12 = 0;
      let c13 = 0;
      for (let q = 0; q < WIDTH * k; q += WIDTH, p0 += colStep, p1 += colStep) {
        const a0 = x[p0]!;
        const a1 = x[p1]!;
        const b0 = panel[q]!;
        const b1 = panel[q + 1]!;
        const b2 = panel[q + 2]!;
        const b3 = panel[q + 3]!;
        c00 += a0 * b0;
        c01 += a0 * b1;
        c02 += a0 * b2;
        c03 += a0 * b3;
        c10 += a1 * b0;
        c11 += a1 * b1;
        c12 += a1 * b2;
        c13 += a1 * b3;
      }
      store(out, offset + i * n + j, width, c00, c01, c02, c03);
      store(out, offset + (i + 1) * n + j, width, c10, c11, c12, c13);
    }
    if (i < m) {
      let p0 = a.offset + i * rowStep;
      let c0 = 0;
      let c1 = 0;
      let c2 = 0;
      let c3 = 0;
      for (let q = 0; q < WIDTH * k; q += WIDTH, p0 += colStep) {
        const a0 = x[p0]!;
        c0 += a0 * panel[q]!;
        c1 += a0 * panel[q + 1]!;
        c2 += a0 * panel[q + 2]!;
        c3 += a0 * panel[q + 3]!;
      }
      store(out, offset + i * n + j, width, c0, c1, c2, c3);
    }
  }
}

/** Writes the first `width` of four neighbours. */
function store(
  out: TypedArray,
  at: number,
  width: number,
  x0: number,
  x1: number,
  x2: number,
  x3: number,
): void {
  out[at] = x0;
  if (width > 1) out[at + 1] = x1;
  if (width > 2) out[at + 2] = x2;
  if (width > 3) out[at + 3] = x3;
}
