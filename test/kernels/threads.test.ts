import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { setKernels, setThreads, threads } from 'gradlet';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { gemm as gemmOfAll } from '../../src/kernels/gemm.ts';
import { thePool } from '../../src/kernels/threads.ts';
import { gemm } from '../../src/kernels/wasm/gemm.ts';
import { gemmModule } from '../../src/kernels/wasm/gemm-kernels.ts';
import { gemmInThreads } from '../../src/kernels/wasm/gemm-threads.ts';
import { theHeap } from '../../src/kernels/wasm/heap.ts';
import { messageOf } from '../support/errors.ts';
import { type Layout, layouts, matrix, noise } from './matrices.ts';

// it is WebAssembly that threads share
beforeAll(() => setKernels('wasm'));

afterEach(() => {
  setThreads(1);
  vi.restoreAllMocks();
});

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const size = fc.oneof(fc.integer({ min: 1, max: 100 }), fc.constantFrom(255, 256, 257, 300));
const inner = fc.oneof(size, fc.constantFrom(511, 512, 513, 1030));
const layout = fc.constantFrom(...layouts);

/** How many numbers are not those of one thread, bit by bit, with what is beside the product. */
function wrong(
  [m, k, n]: readonly [number, number, number],
  [la, lb]: readonly [Layout, Layout],
  bias: Float32Array | null = null,
  offset = 4,
): number {
  const [a, b] = [matrix(la, m, k, 1), matrix(lb, k, n, 2)];
  const found = new Float32Array(m * n + offset + 5).fill(7);
  const wanted = found.slice();
  expect(gemmInThreads(thePool()!, threads(), found, offset, a, b, m, k, n, bias)).toBe(true);
  gemm(theHeap()!, wanted, offset, a, b, m, k, n, bias);
  const bits = new Int32Array(wanted.buffer);
  return new Int32Array(found.buffer).reduce((sum, x, i) => sum + (x === bits[i] ? 0 : 1), 0);
}

describe('matrix products in several threads', () => {
  it.each([2, 3])('are those of one, bit by bit: %i', async (count) => {
    setThreads(count);
    await pause(200);
    const taken = thePool()!.heap.mark;
    fc.assert(
      fc.property(
        fc.tuple(size, inner, size),
        fc.tuple(layout, layout),
        fc.boolean(),
        fc.integer({ min: 0, max: 3 }),
        (sizes, order, biased, offset) => {
          expect(wrong(sizes, order, biased ? noise(sizes[2], 3) : null, offset)).toBe(0);
        },
      ),
      { numRuns: 100 },
    );
    // what is taken is the module
    expect(thePool()!.heap.mark - taken).toBeLessThan(2 ** 14);
    expect(threads()).toBe(count);
  });

  it('are right while workers start, and as they end', () => {
    for (let i = 0; i < 20; i++) {
      setThreads(2 + (i % 3));
      expect(threads()).toBe(2 + (i % 3));
      expect(wrong([130, 70, 90], ['rows', 'columns'])).toBe(0);
      setThreads(1);
      expect(threads()).toBe(1);
      expect(thePool()).toBe(null);
    }
  });

  it('are right after the workers slept', async () => {
    setThreads(2);
    for (let i = 0; i < 5; i++) {
      await pause(60);
      expect(wrong([130, 520, 90], ['columns', 'rows'])).toBe(0);
    }
  });

  it('are done for all the world once they are large', async () => {
    const [m, k, n] = [160, 160, 160];
    const [a, b] = [matrix('rows', m, k, 1), matrix('rows', k, n, 2)];
    const [one, two] = [new Float32Array(m * n), new Float32Array(m * n)];
    gemmOfAll(one, 0, a, b, m, k, n);
    setThreads(2);
    const posted = vi.spyOn(thePool()!, 'post');
    gemmOfAll(two, 0, a, b, m, k, n);
    expect(posted).toHaveBeenCalled();
    expect(two).toEqual(one);
    posted.mockClear();
    gemmOfAll(two, 0, a, b, 16, 16, 16);
    expect(posted).not.toHaveBeenCalled();
  });

  it('are shared by the workers, not only handed out', async () => {
    setThreads(2);
    await pause(100);
    const pool = thePool()!;
    const first = pool.load(gemmModule);
    pool.task();
    // packs 16 × 16 numbers
    pool.call(first + 1, 2 ** 20, 64, 2 ** 21, 16, 16);
    pool.heap.numbers.set(noise(256, 1), 2 ** 18);
    pool.post();
    for (let i = 0; i < 200 && !pool.isDone(); i++) await pause(10);
    expect(pool.isDone()).toBe(true);
    expect(pool.heap.numbers.subarray(2 ** 19, 2 ** 19 + 256)).toEqual(noise(256, 1));
  });

  it('are done by one for a while after they were held up', () => {
    setThreads(2);
    const pool = thePool()!;
    for (const [work, ms, rests] of [
      [1e6, 0.3, false],
      [1e7, 3, false],
      [1e6, 1, false],
      [1e6, 9, true],
    ] as const) {
      pool.note(work, ms);
      expect(pool.rests).toBe(rests);
    }
  });

  it('that do not fit into the heap are left to one thread', () => {
    setThreads(2);
    const n = 2 ** 15;
    const still = { storage: Float32Array.of(1), offset: 0, rowStep: 0, colStep: 0 };
    expect(gemmInThreads(thePool()!, 2, new Float32Array(0), 0, still, still, n, n, n, null)).toBe(false);
  });
});

describe('the number of threads', () => {
  it.each([0, -1, 1.5, NaN, 257, '2' as unknown as number])('is not %s', (n) => {
    const shown = typeof n === 'string' ? `"${n}"` : n;
    expect(messageOf(() => setThreads(n))).toBe(
      `setThreads: n must be a whole number from 1 to 256, got ${shown}.`,
    );
    expect(threads()).toBe(1);
  });

  it('is 1 where workers cannot be started, which is said once', () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    vi.spyOn(process, 'getBuiltinModule').mockImplementation(() => {
      throw new Error('no threads');
    });
    setThreads(2);
    setThreads(2);
    expect(threads()).toBe(1);
    expect(warn.mock.calls).toEqual([
      ['gradlet: one thread computes, as a worker cannot be started: Error: no threads'],
    ]);
  });
});

describe('a worker that is lost', () => {
  /** The workers that are started from now on. */
  function workers(): Worker[] {
    const started: Worker[] = [];
    class Known extends Worker {
      constructor(...given: ConstructorParameters<typeof Worker>) {
        super(...given);
        started.push(this);
      }
    }
    vi.spyOn(process, 'getBuiltinModule').mockImplementation((() => ({ Worker: Known })) as never);
    return started;
  }

  it('while it has nothing to do is missed, and products go on', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    const started = workers();
    setThreads(2);
    await pause(100);
    expect(wrong([130, 70, 90], ['rows', 'columns'])).toBe(0);
    const ended = started[0]!.terminate();
    expect(wrong([130, 70, 90], ['rows', 'columns'])).toBe(0);
    await ended;
    await pause(20);
    expect(threads()).toBe(1);
    expect(warn.mock.calls).toEqual([['gradlet: one thread computes, as a worker has ended']]);
    setThreads(2);
    expect(threads()).toBe(2);
  });

  it('with its task leaves the product to one thread', () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    const [m, k, n] = [160, 160, 160];
    const [a, b] = [matrix('rows', m, k, 1), matrix('rows', k, n, 2)];
    const [one, two] = [new Float32Array(m * n), new Float32Array(m * n)];
    gemmOfAll(one, 0, a, b, m, k, n);
    setThreads(2);
    // as if a worker had taken a task, and died
    const pool = thePool()!;
    const post = pool.post.bind(pool);
    vi.spyOn(pool, 'post').mockImplementationOnce(() => {
      post();
      Atomics.sub(pool.control, 2, 1);
    });
    const start = performance.now();
    gemmOfAll(two, 0, a, b, m, k, n);
    expect(performance.now() - start).toBeLessThan(10_000);
    expect(two).toEqual(one);
    expect(threads()).toBe(1);
    expect(warn.mock.calls).toEqual([['gradlet: one thread computes, as a worker did not finish its part']]);
  });

  it('because a call fails leaves the product to one thread at once', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => {});
    setThreads(2);
    await pause(200);
    const pool = thePool()!;
    // a function that there is none of: only the worker takes it, while this thread does nothing
    pool.task();
    pool.call(1000);
    pool.post();
    await pause(100);
    const start = performance.now();
    expect(pool.finish()).toBe(false);
    expect(performance.now() - start).toBeLessThan(1000);
  });
});

describe('a process with several threads', () => {
  const root = join(import.meta.dirname, '../..');
  function run(end: string, wait = 200) {
    const script = `
      import { setThreads, threads, zeros } from './src/index.ts';
      setThreads(2);
      const a = zeros([300, 300]).add(1);
      const multiply = () => {
        for (let i = 0; i < 20; i++) a.matmul(a);
        console.log(threads(), a.matmul(a).max().item());
        ${end}
      };
      if (${wait}) setTimeout(multiply, ${wait});
      else multiply();`;
    const start = performance.now();
    const args = ['--import', 'tsx', '--input-type=module', '--eval', script];
    const done = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8', timeout: 30_000 });
    return { ...done, seconds: (performance.now() - start) / 1000 };
  }

  it.each([
    ['when it has nothing more to do', '', 0],
    ['when it throws', 'throw new Error("as told");', 1],
    ['when it is told', 'process.exit(3);', 3],
    ['after one thread is wanted again', 'setThreads(1);', 0],
    ['before its workers have started', '', 0, 0],
    ['when it throws before that', 'throw new Error("as told");', 1, 0],
  ] as [string, string, number, number?][])(
    'ends %s',
    (_, end, status, wait) => {
      const found = run(end, wait);
      expect(found).toMatchObject({ status, stdout: '2 300\n' });
      expect(found.stderr.includes('as told')).toBe(status === 1);
      expect(found.seconds).toBeLessThan(20);
    },
    40_000,
  );

  it('does nothing while it waits', () => {
    const found = run(`
      setTimeout(() => {
        const before = process.cpuUsage();
        setTimeout(() => {
          const { user, system } = process.cpuUsage(before);
          process.exitCode = user + system < 100_000 ? 0 : 4;
        }, 500);
      }, 50);`);
    expect(found).toMatchObject({ status: 0, stdout: '2 300\n' });
  }, 40_000);
});
