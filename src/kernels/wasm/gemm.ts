import { memo } from '../../core/memo.ts';
import type { Matrix } from '../gemm.ts';
import { type GemmKernels, gemmModule, INNER, ROWS, WIDTH } from './gemm-kernels.ts';
import { compiled, type Heap } from './heap.ts';

/** Numbers from which on a block of B, or of a transposed A, is worth packing. */
const PACK = 8192;

const kernels = new WeakMap<Heap, GemmKernels>();

/** A matrix in the heap: its address, and its steps in bytes. */
export interface Placed {
  readonly at: number;
  readonly row: number;
  readonly col: number;
}

/** Whether the lines of a matrix stand one after the other, so that kernels can walk them. */
const hasLines = ({ rowStep, colStep }: Matrix, rows: number, cols: number): boolean =>
  (colStep === 1 && rowStep >= cols) || (rowStep === 1 && colStep >= rows);

/** The address of a matrix that can stay where it is; 0 for others. */
function addressOf(heap: Heap, matrix: Matrix, rows: number, cols: number): number {
  const { storage, offset, rowStep, colStep } = matrix;
  const at = hasLines(matrix, rows, cols) ? heap.addressOf(storage) : 0;
  // packing reads three lines more, whatever is there
  const end = (at >> 2) + offset + (rows + 2) * rowStep + (cols + 2) * colStep + WIDTH;
  return at && end <= heap.numbers.length ? at + 4 * offset : 0;
}

/** Brings a matrix into the heap, where it does not stand there. One of its steps is then that of a number. */
export function placed(heap: Heap, matrix: Matrix, rows: number, cols: number): Placed {
  const { storage, offset, rowStep, colStep } = matrix;
  const span = (rows - 1) * rowStep + (cols - 1) * colStep + 1;
  const there = addressOf(heap, matrix, rows, cols);
  if (there) return { at: there, row: 4 * rowStep, col: 4 * colStep };
  if (hasLines(matrix, rows, cols) && span <= 2 * rows * cols) {
    const at = heap.scratchFor(4 * span, storage, offset);
    const whole = offset === 0 && storage.length === span;
    heap.numbers.set(whole ? storage : storage.subarray(offset, offset + span), at >> 2);
    return { at, row: 4 * rowStep, col: 4 * colStep };
  }
  const at = heap.scratch(4 * rows * cols);
  const { numbers } = heap;
  for (let r = 0, to = at >> 2; r < rows; r++) {
    for (let c = 0, from = offset + r * rowStep; c < cols; c++, from += colStep)
      numbers[to++] = storage[from]!;
  }
  return { at, row: 4 * cols, col: 4 };
}

/**
 * C[m, n] = A[m, k] · B[k, n] into row-major `out` at `offset`, in single numbers.
 *
 * @returns whether there was room for it
 */
export function gemm(
  heap: Heap,
  out: Float32Array,
  offset: number,
  a: Matrix,
  b: Matrix,
  m: number,
  k: number,
  n: number,
  bias: ArrayLike<number> | null = null,
): boolean {
  const panels = Math.ceil(n / WIDTH) * WIDTH * Math.min(k, INNER);
  const packedA = Math.ceil(Math.min(m, ROWS) / WIDTH) * WIDTH * Math.min(k, INNER);
  const there = heap.addressOf(out);
  const copied =
    (addressOf(heap, a, m, k) ? 0 : 2 * m * k) +
    (addressOf(heap, b, k, n) ? 0 : 2 * k * n) +
    (there ? 0 : m * n);
  if (!heap.has(4 * (copied + panels + packedA + n))) return false;
  const mark = heap.mark;
  const {
    gemm: run,
    pack,
    packTransposed,
  } = memo(kernels, heap, () => compiled<GemmKernels>(heap, gemmModule));
  const left = placed(heap, a, m, k);
  const right = placed(heap, b, k, n);
  const c = there ? there + 4 * offset : heap.scratch(4 * m * n);
  const panelB = heap.scratch(4 * panels);
  const panelA = heap.scratch(4 * packedA);
  const rowC = 4 * n;
  const start = bias ? heap.scratch(4 * n) : 0;
  if (bias) heap.numbers.set(bias, start >> 2);
  const rows = Math.min(m, ROWS);
  for (let p = 0; p < k; p += INNER) {
    const inner = Math.min(INNER, k - p);
    let at = right.at + p * right.row;
    let rowB = right.row;
    let panel = 4 * WIDTH;
    if (right.col !== 4 || (inner * n >= PACK && m >= WIDTH)) {
      if (right.col === 4) pack(at, right.row, panelB, inner, n);
      else packTransposed(at, right.col, panelB, inner, n);
      at = panelB;
      rowB = 4 * WIDTH;
      panel = 4 * WIDTH * inner;
    }
    const packsA = left.col !== 4 && inner * rows >= PACK;
    for (let i = 0; i < m; i += ROWS) {
      const some = Math.min(ROWS, m - i);
      const from = left.at + i * left.row + p * left.col;
      const to = c + i * rowC;
      const d = p === 0 ? start : to;
      const rowD = p === 0 ? 0 : rowC;
      if (!packsA) {
        run(from, left.row, left.col, at, rowB, panel, to, rowC, d, rowD, some, n, inner);
        continue;
      }
      pack(from, left.col, panelA, inner, some);
      for (let q = 0; q < some; q += WIDTH) {
        const below = q * rowC;
        const few = Math.min(WIDTH, some - q);
        run(
          panelA + 4 * q * inner,
          4,
          4 * WIDTH,
          at,
          rowB,
          panel,
          to + below,
          rowC,
          d && d + q * rowD,
          rowD,
          few,
          n,
          inner,
        );
      }
    }
  }
  if (!there) out.set(heap.numbers.subarray(c >> 2, (c >> 2) + m * n), offset);
  heap.release(mark);
  return true;
}
