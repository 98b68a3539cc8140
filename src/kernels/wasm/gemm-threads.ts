import type { Matrix } from '../gemm.ts';
import { type Placed, placed } from './gemm.ts';
import { gemmModule, INNER, ROWS, WIDTH } from './gemm-kernels.ts';
import { CALL, type Call, MOST_TASKS, type Pool } from './pool.ts';

/** Products of a task: as few as are worth one, and as many as are soon done. */
const FEWEST = 2 ** 17;
const MOST = 2 ** 26;
/** Tasks for each thread, so that none waits long for the last. */
const TASKS = 8;

const upTo = (n: number, step: number): number => Math.ceil(n / step) * step;

/** What `0 … n` is cut into. */
const cut = (n: number, step: number): { from: number; count: number }[] =>
  Array.from({ length: Math.ceil(n / step) }, (_, k) => ({
    from: k * step,
    count: Math.min(step, n - k * step),
  }));

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
  const inners = cut(k, INNER);
  const { rows, cols } = blockOf(m, k, n, threads);
  const calls = inners.length * (4 * threads + 4 + (high / WIDTH) * Math.ceil(n / cols));
  if (!heap.has(4 * ((2 * m + high) * k + (2 * n + wide) * k + m * n + n + CALL * calls) + 2 ** 16)) {
    return false;
  }
  pool.wake();
  const run = pool.load(gemmModule);
  const mark = heap.mark;

  /** Packs columns: panels of those rows that begin with p come after p rows of all panels. */
  const pack = ({ at, row, col }: Placed, columns: number, to: number): void => {
    const some = upTo(columns / threads / 2, WIDTH);
    const tasks = cut(columns, some).map(({ from: j, count }) =>
      inners.map(({ from: p, count: inner }): Call => {
        const from = at + p * row + j * col;
        const place = to + 4 * (p * upTo(columns, WIDTH) + j * inner);
        return col === 4 ? [run + 1, from, row, place, inner, count] : [run + 2, from, col, place, inner, count];
      }),
    );
    pool.add(tasks);
  };

  const right = placed(heap, b, k, n);
  const panelB = heap.scratch(4 * wide * k);
  pack(right, n, panelB);
  const left = placed(heap, a, m, k);
  const packsA = left.col !== 4;
  const panelA = packsA ? heap.scratch(4 * high * k) : 0;
  if (packsA) pack({ at: left.at, row: left.col, col: left.row }, m, panelA);
  const c = heap.scratchFor(4 * m * n, out, offset);
  const start = bias ? heap.scratch(4 * n) : 0;
  if (bias) heap.numbers.set(bias, start >> 2);
  if (!pool.finish()) return null;

  const rowC = 4 * n;
  const block = (i: number, some: number, j: number, count: number): Call[] => {
    const to = c + i * rowC + 4 * j;
    return inners.flatMap(({ from: p, count: inner }) => {
      const panel = panelB + 4 * (p * wide + j * inner);
      const call = (at: number, row: number, col: number, q: number, few: number): Call => {
        const place = to + q * rowC;
        const [d, rowD] = p ? [place, rowC] : [start && start + 4 * j, 0];
        return [run, at, row, col, panel, 4 * WIDTH, 4 * WIDTH * inner, place, rowC, d, rowD, few, count, inner];
      };
      if (!packsA) return [call(left.at + i * left.row + p * left.col, left.row, left.col, 0, some)];
      return cut(some, WIDTH).map(({ from: q, count: few }) =>
        call(panelA + 4 * (p * high + (i + q) * inner), 4, 4 * WIDTH, q, few),
      );
    });
  };
  const columns = cut(n, cols);
  pool.add(
    cut(m, rows).flatMap(({ from: i, count: some }) =>
      columns.map(({ from: j, count }) => block(i, some, j, count)),
    ),
  );
  if (!pool.finish()) return null;
  out.set(heap.numbers.subarray(c >> 2, (c >> 2) + m * n), offset);
  heap.release(mark);
  return true;
}
