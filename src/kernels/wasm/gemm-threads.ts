import type { Matrix } from '../gemm.ts';
import { type Placed, placed } from './gemm.ts';
import { gemmModule, INNER, ROWS, WIDTH } from './gemm-kernels.ts';
import { CALL_BYTES, MOST_TASKS, type Pool } from './pool.ts';

/** Products of a task: as few as are worth one, and as many as are soon done. */
const FEWEST = 2 ** 17;
const MOST = 2 ** 26;
/** Tasks for each thread, so that none waits long for the last. */
const TASKS = 8;

const upTo = (n: number, step: number): number => Math.ceil(n / step) * step;

/** Rows and columns of the blocks of C that are tasks, in whole panels. */
function blockOf(m: number, k: number, n: number, threads: number): { rows: number; cols: number } {
  const products = m * n * k;
  const wanted = Math.max(Math.min(TASKS * threads, products / FEWEST), products / MOST);
  let rows = upTo(Math.min(m, ROWS), WIDTH);
  let cols = upTo(n, WIDTH);
  const tasks = (): number => Math.ceil(m / rows) * Math.ceil(n / cols);
  while (tasks() < wanted && (cols > WIDTH || rows > WIDTH)) {
    if (cols >= rows) cols = upTo(cols / 2, WIDTH);
    else rows = upTo(rows / 2, WIDTH);
  }
  while (tasks() > MOST_TASKS) {
    if (m > rows) rows *= 2;
    else cols *= 2;
  }
  return { rows, cols };
}

/**
 * Adds tasks that pack the columns of a matrix of k rows, of which {@link INNER} are done at a time: panels of those that
 * begin with row p come after p rows of all panels.
 *
 * @param fn - the number of the function that packs; the one that packs transposes follows
 */
function pack(
  pool: Pool,
  fn: number,
  { at, row, col }: Placed,
  k: number,
  columns: number,
  some: number,
  to: number,
): void {
  for (let j = 0; j < columns; j += some) {
    const count = Math.min(some, columns - j);
    pool.task();
    for (let p = 0; p < k; p += INNER) {
      const inner = Math.min(INNER, k - p);
      const from = at + p * row + j * col;
      const place = to + 4 * (p * upTo(columns, WIDTH) + j * inner);
      if (col === 4) pool.call(fn, from, row, place, inner, count);
      else pool.call(fn + 1, from, col, place, inner, count);
    }
  }
  pool.post();
}

/**
 * C[m, n] = A[m, k] · B[k, n] by all threads of the pool, bit by bit as by one: each element is the sum of the same products
 * in the same order, whichever block it is in.
 *
 * @returns whether it was possible; `null` where a worker is lost, and the pool with it
 */
export function gemmInThreads(
  pool: Pool,
  threads: number,
  out: Float32Array,
  offset: number,
  a: Matrix,
  b: Matrix,
  m: number,
  k: number,
  n: number,
  bias: ArrayLike<number> | null,
): boolean | null {
  const { heap } = pool;
  const wide = upTo(n, WIDTH);
  const high = upTo(m, WIDTH);
  const { rows, cols } = blockOf(m, k, n, threads);
  const calls = Math.ceil(k / INNER) * (4 * threads + 4 + (high / WIDTH) * Math.ceil(n / cols));
  const numbers = (2 * m + high) * k + (2 * n + wide) * k + m * n + n;
  if (!heap.has(4 * numbers + CALL_BYTES * calls + 2 ** 16)) return false;
  pool.wake();
  const run = pool.load(gemmModule);
  const mark = heap.mark;
  const partOf = (columns: number): number => upTo(columns / threads / 2, WIDTH);

  const right = placed(heap, b, k, n);
  // for a few rows it does not pay
  const packsB = right.col !== 4 || m >= WIDTH / 2;
  const panelB = packsB ? heap.scratch(4 * wide * k) : 0;
  if (packsB) pack(pool, run + 1, right, k, n, partOf(n), panelB);
  const left = placed(heap, a, m, k);
  const packsA = left.col !== 4;
  const panelA = packsA ? heap.scratch(4 * high * k) : 0;
  if (packsA) pack(pool, run + 1, { at: left.at, row: left.col, col: left.row }, k, m, partOf(m), panelA);
  const c = heap.scratchFor(4 * m * n, out, offset);
  const start = bias ? heap.scratch(4 * n) : 0;
  if (bias) heap.numbers.set(bias, start >> 2);
  if (!pool.finish()) return null;

  const rowC = 4 * n;
  const step = packsA ? WIDTH : rows;
  for (let i = 0; i < m; i += rows) {
    for (let j = 0; j < n; j += cols) {
      const columns = Math.min(cols, n - j);
      const below = Math.min(i + rows, m);
      pool.task();
      for (let p = 0; p < k; p += INNER) {
        const inner = Math.min(INNER, k - p);
        const panels = packsB ? panelB + 4 * (p * wide + j * inner) : right.at + p * right.row + 4 * j;
        for (let r = i; r < below; r += step) {
          const from = packsA ? panelA + 4 * (p * high + r * inner) : left.at + r * left.row + p * left.col;
          const to = c + r * rowC + 4 * j;
          pool.call(
            run,
            from,
            packsA ? 4 : left.row,
            packsA ? 4 * WIDTH : left.col,
            panels,
            packsB ? 4 * WIDTH : right.row,
            packsB ? 4 * WIDTH * inner : 4 * WIDTH,
            to,
            rowC,
            p ? to : start && start + 4 * j,
            p ? rowC : 0,
            Math.min(step, below - r),
            columns,
            inner,
          );
        }
      }
    }
  }
  pool.post();
  if (!pool.finish()) return null;
  out.set(heap.numbers.subarray(c >> 2, (c >> 2) + m * n), offset);
  heap.release(mark);
  return true;
}
