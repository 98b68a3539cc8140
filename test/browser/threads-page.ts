import { setThreads, threads } from 'gradlet';
import { gemm } from '../../src/kernels/gemm.ts';
import { thePool } from '../../src/kernels/threads.ts';

export interface Found {
  readonly threads: number;
  /** Numbers that are not those of one thread. */
  readonly wrong: number;
  /** Whether another thread does tasks while this one does none. */
  readonly helped: boolean;
  readonly after: number;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function compute(): Promise<Found> {
  const n = 200;
  const numbers = Float32Array.from({ length: n * n }, (_, i) => Math.sin(i));
  const a = { storage: numbers, offset: 0, rowStep: n, colStep: 1 };
  const product = (): Float32Array => {
    const out = new Float32Array(n * n);
    gemm(out, 0, a, a, n, n, n);
    return out;
  };
  const one = product();
  setThreads(2);
  const found = threads();
  const two = product();
  const pool = thePool();
  let helped = false;
  if (pool) {
    pool.task();
    pool.call(1, 16, 64, 2 ** 20, 16, 16);
    pool.post();
    for (let i = 0; i < 100 && !helped; i++) {
      await pause(20);
      helped = pool.isDone();
    }
  }
  const wrong = product().reduce((sum, x, i) => sum + (x === one[i] && x === two[i] ? 0 : 1), 0);
  setThreads(1);
  return { threads: found, wrong, helped, after: threads() };
}

void compute().then((found) => postMessage(found));
