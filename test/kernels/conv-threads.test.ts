import fc from 'fast-check';
import { randn, setKernels, setThreads, threads } from 'gradlet';
import { conv2d } from 'gradlet/nn';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Convolution, convolve, convolveBack, convolveWeight } from '../../src/kernels/conv.ts';
import { shareSpaces } from '../../src/kernels/planes.ts';
import { thePool } from '../../src/kernels/threads.ts';
import { workInThreads } from '../../src/kernels/wasm/conv-threads.ts';
import { noise } from './matrices.ts';

// it is WebAssembly that threads share
beforeAll(() => setKernels('wasm'));

afterEach(() => {
  setThreads(1);
  vi.restoreAllMocks();
});

const slide = fc
  .record({
    kernel: fc.integer({ min: 1, max: 4 }),
    stride: fc.integer({ min: 1, max: 3 }),
    dilation: fc.integer({ min: 1, max: 2 }),
    before: fc.integer({ min: 0, max: 2 }),
    count: fc.integer({ min: 1, max: 9 }),
    rest: fc.integer({ min: 0, max: 2 }),
  })
  .map(({ rest, ...s }) => ({
    ...s,
    size: Math.max(
      1,
      (s.count - 1) * s.stride + (s.kernel - 1) * s.dilation + 1 - s.before + (rest % s.stride),
    ),
  }));

const convolution: fc.Arbitrary<Convolution> = fc.record({
  batch: fc.integer({ min: 1, max: 19 }),
  groups: fc.integer({ min: 1, max: 3 }),
  inputs: fc.integer({ min: 1, max: 5 }),
  outputs: fc.integer({ min: 1, max: 9 }),
  rows: slide,
  cols: slide,
});

/** The result and both gradients, from the same numbers. */
function all(c: Convolution): Float32Array[] {
  const { batch, groups, inputs, outputs, rows, cols } = c;
  const x = noise(batch * groups * inputs * rows.size * cols.size, 1);
  const w = noise(groups * outputs * inputs * rows.kernel * cols.kernel, 2);
  const g = noise(batch * groups * outputs * rows.count * cols.count, 3);
  const [y, dx, dw] = [g, x, w].map(({ length }) => new Float32Array(length).fill(7)) as [
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  convolve(y, x, w, noise(groups * outputs, 4), c);
  convolveBack(dx, g, w, c);
  convolveWeight(dw, x, g, c);
  return [y, dx, dw];
}

const bits = (list: readonly Float32Array[]): Int32Array[] =>
  list.map((a) => new Int32Array(a.slice().buffer));

describe('convolutions in several threads', () => {
  it.each([2, 3])('are those of one, bit by bit: %i', (count) => {
    setThreads(count);
    const pool = thePool()!;
    const taken: number[] = [];
    fc.assert(
      fc.property(convolution, (c) => {
        shareSpaces(null);
        const one = all(c);
        shareSpaces((work) => workInThreads(pool, count, work) === true);
        const more = all(c);
        taken.push(pool.heap.mark);
        expect(bits(more)).toEqual(bits(one));
      }),
      { numRuns: 150 },
    );
    // all of it comes back but the module
    expect(taken.at(-1)).toBe(taken[0]);
    expect(threads()).toBe(count);
  });

  it('are done for all the world once they are large', () => {
    const [x, w] = [randn([8, 16, 20, 20]), randn([32, 16, 3, 3], { requiresGrad: true })];
    const run = (): unknown[] => {
      w.grad = null;
      const y = conv2d(x, w);
      y.sum().backward();
      return [y.toArray(), w.grad!.toArray()];
    };
    const one = run();
    setThreads(2);
    const posted = vi.spyOn(thePool()!, 'post');
    expect(run()).toEqual(one);
    expect(posted.mock.calls.length).toBeGreaterThan(2);
    posted.mockClear();
    conv2d(randn([1, 2, 5, 5]), randn([2, 2, 3, 3]));
    expect(posted).not.toHaveBeenCalled();
  });

  it('are computed in one thread when a worker is lost', () => {
    const [x, w] = [randn([8, 16, 20, 20]), randn([32, 16, 3, 3])];
    const one = conv2d(x, w).toArray();
    setThreads(2);
    const said = vi.spyOn(console, 'warn').mockReturnValue(undefined);
    vi.spyOn(thePool()!, 'finish').mockReturnValue(false);
    expect(conv2d(x, w).toArray()).toEqual(one);
    expect(threads()).toBe(1);
    expect(said).toHaveBeenCalledWith('gradlet: one thread computes, as a worker did not finish its part');
  });
});
