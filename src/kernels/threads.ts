import { show, ValueError } from '../core/errors.ts';
import { shareProducts } from './gemm.ts';
import { shareSpaces } from './planes.ts';
import { workInThreads } from './wasm/conv-threads.ts';
import { gemmInThreads } from './wasm/gemm-threads.ts';
import { Heap, theHeap } from './wasm/heap.ts';
import { Pool, WORKER } from './wasm/pool.ts';

/** Products from which on several threads pay, and where they sleep: `npx tsx bench/threads.ts`. */
const FEWEST = 2 ** 18;
const FEWEST_ASLEEP = 2 ** 20;
/** Products per number from which on they do: memory that is shared is slower to copy into. */
const FEWEST_PER_NUMBER = 5;

/** What ends a worker. */
type End = () => void;
/** Starts a worker; `lost` is called when it ends by itself. */
type Start = (given: { memory: WebAssembly.Memory; control: Int32Array }, lost: (why: string) => void) => End;

const MOST = 256;

/** The pool that runs, with how many threads it is, and its workers. */
let running: { readonly pool: Pool; readonly threads: number; readonly ends: readonly End[] } | null = null;

/**
 * How many threads compute on tensors at the moment: 1, unless {@link setThreads} has changed it.
 *
 * @example
 * ```ts
 * import { threads } from 'gradlet';
 * threads(); // → 1
 * ```
 */
export function threads(): number {
  return running ? running.threads : 1;
}

/**
 * Lets so many threads compute large matrix products and convolutions of float32 from now on; the results stay the same,
 * bit by bit. Small ones, and all else, are computed in one thread anyway. More threads than the machine has cores make it
 * slower. The others sleep while there is nothing to do, and do not keep a process from ending; with 1, they end.
 *
 * It works in Node, and in the Workers of pages that are cross-origin isolated: those served with the headers
 * `Cross-Origin-Opener-Policy: same-origin` and `Cross-Origin-Embedder-Policy: require-corp`. Where threads cannot be had,
 * as on the main thread of a browser, which must not wait, it says so on the console and one thread computes.
 *
 * @throws {@link ValueError} for anything but a whole number from 1 to 256
 * @example
 * ```ts
 * import { setThreads, threads } from 'gradlet';
 * setThreads(2);
 * threads(); // → 2
 * setThreads(1);
 * ```
 */
export function setThreads(n: number): void {
  if (!Number.isInteger(n) || n < 1 || n > MOST) {
    throw new ValueError('setThreads', `n must be a whole number from 1 to ${MOST}`, show(n));
  }
  if (n === threads()) return;
  endThreads();
  const why = n > 1 ? startThreads(n) : null;
  if (why) loseThreads(why);
}

/** @returns why there can be none, if so */
function startThreads(n: number): string | null {
  const start = starter();
  if (typeof start === 'string') return start;
  const heap = theHeap() && Heap.largest(true);
  if (!heap) return 'there is no WebAssembly with SIMD, or no memory that threads share';
  const pool = new Pool(heap);
  const given = { memory: heap.memory, control: pool.control };
  const ends: End[] = [];
  running = { pool, threads: n, ends };
  shareProducts((out, offset, a, b, m, k, cols, bias) =>
    tried(pool, m * k * cols, m * k + k * cols + m * cols, () =>
      gemmInThreads(pool, n, out, offset, a, b, m, k, cols, bias),
    ),
  );
  shareSpaces((work) => tried(pool, work.products, work.numbers, () => workInThreads(pool, n, work)));
  const lost = (why: string): void => {
    if (running?.pool === pool) loseThreads(why);
  };
  try {
    for (let k = 1; k < n; k++) ends.push(start(given, lost));
  } catch (error) {
    return `a worker cannot be started: ${error}`;
  }
  return null;
}

/** The threads that compute; `null` where there is one. */
export function thePool(): Pool | null {
  return running ? running.pool : null;
}

/** Adds up products in the threads of a pool, where that is worth it: `numbers` are those that are copied for it. */
function tried(pool: Pool, products: number, numbers: number, run: () => boolean | null): boolean {
  if (products < FEWEST || products < FEWEST_PER_NUMBER * numbers) return false;
  if ((products < FEWEST_ASLEEP && !pool.awake) || pool.rests) return false;
  const start = performance.now();
  const done = run();
  pool.note(products, performance.now() - start);
  if (done === null) loseThreads('a worker did not finish its part');
  return done === true;
}

/** Ends the workers. */
function endThreads(): void {
  const before = running;
  running = null;
  shareProducts(null);
  shareSpaces(null);
  before?.pool.end();
  for (const end of before?.ends ?? []) end();
}

const said = new Set<string>();

/** Ends them because they cannot be had, or not be relied upon any more; each reason is said once. */
export function loseThreads(why: string): void {
  endThreads();
  if (!said.has(why)) console.warn(`gradlet: one thread computes, as ${why}`);
  said.add(why);
}

/** What starts a worker here, or why there can be none. */
function starter(): Start | string {
  if (typeof process === 'object' && typeof process.getBuiltinModule === 'function') return inNode;
  if (!('importScripts' in globalThis)) {
    return 'the main thread of a browser must not wait for others; call setThreads in a Worker';
  }
  if (!globalThis.crossOriginIsolated || typeof SharedArrayBuffer !== 'function') {
    return 'the page is not cross-origin isolated; serve it with the headers Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp';
  }
  return inBrowser;
}

const inNode: Start = (workerData, lost) => {
  const { Worker } = process.getBuiltinModule('node:worker_threads');
  const code = `${WORKER}\nstart(process.getBuiltinModule('node:worker_threads').workerData);`;
  // without the options of this process, which may load what it does not need
  const worker = new Worker(code, { eval: true, workerData, execArgv: [] });
  worker.unref();
  worker.on('error', (error) => lost(`a worker failed: ${error}`));
  worker.on('exit', () => lost('a worker has ended'));
  return () => void worker.terminate();
};

const inBrowser: Start = (given, lost) => {
  const code = `${WORKER}\nonmessage = ({ data }) => start(data);`;
  const url = URL.createObjectURL(new Blob([code], { type: 'text/javascript' }));
  const worker = new Worker(url);
  worker.onerror = ({ message }) => lost(`a worker failed: ${message ?? 'its script cannot be loaded'}`);
  worker.postMessage(given);
  return () => {
    worker.terminate();
    URL.revokeObjectURL(url);
  };
};
