import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import {
  type Convolution,
  convolve,
  convolveBack,
  convolveWeight,
  type Slide,
} from '../../src/kernels/conv.ts';
import { setKernels } from '../../src/kernels/engine.ts';
import { largest } from '../../src/kernels/pool.ts';
import { inWasm } from '../../src/kernels/wasm/conv.ts';
import { theHeap } from '../../src/kernels/wasm/heap.ts';
import { noise } from './matrices.ts';

afterAll(() => setKernels('wasm'));

const engines = ['js', 'wasm'] as const;

/** A window that fits somewhere into the input and its padding. */
const slide: fc.Arbitrary<Slide> = fc
  .record({
    size: fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constantFrom(13, 16, 17, 31)),
    kernel: fc.integer({ min: 1, max: 5 }),
    stride: fc.integer({ min: 1, max: 4 }),
    dilation: fc.integer({ min: 1, max: 3 }),
    before: fc.integer({ min: 0, max: 4 }),
    after: fc.integer({ min: 0, max: 4 }),
  })
  .map(({ after, ...s }) => {
    const free = s.size + s.before + after - s.dilation * (s.kernel - 1) - 1;
    return { ...s, count: Math.floor(free / s.stride) + 1 };
  })
  .filter(({ count }) => count >= 1);

const convolution: fc.Arbitrary<Convolution> = fc.record({
  batch: fc.integer({ min: 0, max: 3 }),
  groups: fc.integer({ min: 1, max: 3 }),
  inputs: fc.integer({ min: 1, max: 5 }),
  outputs: fc.integer({ min: 1, max: 7 }),
  rows: slide,
  cols: slide,
});

/** The sizes of x, w and y. */
function sizesOf({ batch, groups, inputs, outputs, rows, cols }: Convolution) {
  return {
    x: batch * groups * inputs * rows.size * cols.size,
    w: groups * outputs * inputs * rows.kernel * cols.kernel,
    y: batch * groups * outputs * rows.count * cols.count,
  };
}

/** Every product of the sum Σ y · (w ∗ x), by the places of its factors; padding has no place. */
function eachTerm(c: Convolution, visit: (y: number, w: number, x: number) => void): void {
  const { batch, groups, inputs, outputs, rows, cols } = c;
  let y = 0;
  for (let n = 0; n < batch; n++) {
    for (let o = 0; o < groups * outputs; o++) {
      const group = Math.floor(o / outputs);
      for (let i = 0; i < rows.count; i++) {
        for (let j = 0; j < cols.count; j++, y++) {
          for (let input = 0; input < inputs; input++) {
            for (let k = 0; k < rows.kernel; k++) {
              for (let l = 0; l < cols.kernel; l++) {
                const a = i * rows.stride + k * rows.dilation - rows.before;
                const b = j * cols.stride + l * cols.dilation - cols.before;
                if (a < 0 || a >= rows.size || b < 0 || b >= cols.size) continue;
                const channel = (n * groups + group) * inputs + input;
                visit(
                  y,
                  ((o * inputs + input) * rows.kernel + k) * cols.kernel + l,
                  (channel * rows.size + a) * cols.size + b,
                );
              }
            }
          }
        }
      }
    }
  }
}

type Arrays = Record<'x' | 'w' | 'y', Float32Array | Float64Array>;

/** One of the three sides, term by term, and how many terms each of its numbers has at most. */
function naively(c: Convolution, given: Arrays, side: keyof Arrays): [values: Float64Array, terms: number] {
  const values = new Float64Array(given[side].length);
  const terms = new Float64Array(values.length);
  eachTerm(c, (y, w, x) => {
    const at = { y, w, x };
    const factors = (['x', 'w', 'y'] as const).filter((name) => name !== side);
    values[at[side]]! += factors.reduce((product, name) => product * given[name][at[name]]!, 1);
    terms[at[side]]!++;
  });
  return [values, Math.max(0, ...terms)];
}

const kernels = {
  y: (out: Float32Array | Float64Array, { x, w }: Arrays, c: Convolution) => convolve(out, x, w, null, c),
  x: (out: Float32Array | Float64Array, { y, w }: Arrays, c: Convolution) => convolveBack(out, y, w, c),
  w: (out: Float32Array | Float64Array, { x, y }: Arrays, c: Convolution) => convolveWeight(out, x, y, c),
};

const some = (n: number, seed: number, Kind: typeof Float32Array | typeof Float64Array) =>
  Kind.from(noise(n, seed));

describe.each(engines)('convolution in %s', (engine) => {
  it.each(['y', 'x', 'w'] as const)('has the side %s of the sum over all terms', (side) => {
    setKernels(engine);
    fc.assert(
      fc.property(convolution, fc.constantFrom(Float32Array, Float64Array), (c, Kind) => {
        const { x, w, y } = sizesOf(c);
        const given: Arrays = { x: some(x, 1, Kind), w: some(w, 2, Kind), y: some(y, 3, Kind) };
        const room = new Kind(given[side].length + 16).fill(7);
        const out = room.subarray(8, -8);
        const before = theHeap()!.mark;
        kernels[side](out, given, c);
        expect(theHeap()!.mark).toBe(before);
        expect([...room.subarray(0, 8), ...room.subarray(-8)]).toEqual(new Array(16).fill(7));
        const [wanted, terms] = naively(c, given, side);
        const bound = (Kind === Float32Array ? 2 ** -24 : 2 ** -53) * (terms + 2) * Math.sqrt(terms + 1);
        let worst = 0;
        for (const [i, value] of wanted.entries()) worst = Math.max(worst, Math.abs(value - out[i]!));
        expect(worst).toBeLessThanOrEqual(bound);
      }),
      { numRuns: 250 },
    );
  });

  it('starts every channel from its bias', () => {
    setKernels(engine);
    fc.assert(
      fc.property(convolution, (c) => {
        const { x, w, y } = sizesOf(c);
        const [input, weight, bias] = [noise(x, 1), noise(w, 2), noise(c.groups * c.outputs, 3)];
        const [plain, biased] = [new Float32Array(y), new Float32Array(y)];
        convolve(plain, input, weight, null, c);
        convolve(biased, input, weight, bias, c);
        const area = c.rows.count * c.cols.count;
        for (const [i, value] of biased.entries()) {
          const start = bias[Math.floor(i / area) % bias.length]!;
          expect(Math.abs(value - plain[i]! - start)).toBeLessThan(1e-5);
        }
      }),
      { numRuns: 60 },
    );
  });

  it.each([Number.NaN, Infinity, -Infinity])('carries %s to what sees it, and to nothing else', (special) => {
    setKernels(engine);
    fc.assert(
      fc.property(convolution, fc.nat(), (c, seed) => {
        const { x, w, y } = sizesOf(c);
        for (const [from, side] of [
          ['x', 'y'],
          ['x', 'w'],
          ['y', 'x'],
          ['y', 'w'],
        ] as const) {
          const given: Arrays = { x: noise(x, 1), w: noise(w, 2), y: noise(y, 3) };
          const hit = given[from];
          if (hit.length > 0) hit[seed % hit.length] = special;
          const out = new Float32Array(given[side].length);
          kernels[side](out, given, c);
          const [wanted] = naively(c, given, side);
          // zeros of the padding count: their products with what is not finite are NaN, as in PyTorch
          const padded = [c.rows, c.cols].some(
            ({ before, count, stride, kernel, dilation, size }) =>
              before > 0 || (count - 1) * stride + (kernel - 1) * dilation >= size + before,
          );
          for (const [i, value] of wanted.entries()) {
            if (Number.isFinite(value) && !(padded && from === 'y'))
              expect(Number.isFinite(out[i]!)).toBe(true);
            if (!Number.isFinite(value) && !padded) expect(out[i]).toBe(value);
            if (!Number.isFinite(value)) expect(Number.isFinite(out[i]!)).toBe(false);
          }
        }
      }),
      { numRuns: 80 },
    );
  });
});

describe('convolution', () => {
  it('is left to JavaScript where it does not fit into the heap', () => {
    expect(inWasm(theHeap()!, 2 ** 28)).toBeNull();
  });
});

/** The largest that a window sees, and where, by the same rules as PyTorch. */
function largestNaively(x: Float32Array, planes: number, rows: Slide, cols: Slide) {
  const [values, places]: [number[], number[]] = [[], []];
  for (let plane = 0; plane < planes; plane++) {
    for (let i = 0; i < rows.count; i++) {
      for (let j = 0; j < cols.count; j++) {
        const seen: number[] = [];
        for (let k = 0; k < rows.kernel; k++) {
          for (let l = 0; l < cols.kernel; l++) {
            const [a, b] = [i * rows.stride + k - rows.before, j * cols.stride + l - cols.before];
            if (a >= 0 && a < rows.size && b >= 0 && b < cols.size)
              seen.push((plane * rows.size + a) * cols.size + b);
          }
        }
        const nan = seen.findLast((p) => Number.isNaN(x[p]!));
        const top = Math.max(...seen.map((p) => x[p]!));
        const at = nan ?? seen.find((p) => x[p] === top)!;
        values.push(x[at]!);
        places.push(at);
      }
    }
  }
  return { values, places };
}

describe.each(engines)('the largest of each window in %s', (engine) => {
  const pooled = slide.map((s): Slide => {
    const before = Math.min(s.before, s.kernel >> 1);
    const count = Math.floor((s.size + 2 * before - s.kernel) / s.stride) + 1;
    return { ...s, dilation: 1, before, count };
  });
  const values = fc.constantFrom(0, 1, 2, -1, Number.NaN, Infinity, -Infinity, -Infinity);

  it('is found with its place', () => {
    setKernels(engine);
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 5 }),
        pooled.filter(({ count }) => count >= 1),
        pooled.filter(({ count }) => count >= 1),
        fc.boolean(),
        fc.infiniteStream(values),
        (planes, rows, cols, special, stream) => {
          const size = planes * rows.size * cols.size;
          const x = special ? Float32Array.from([...stream.take(size)]) : noise(size, 1);
          const room = new Float32Array(planes * rows.count * cols.count + 16).fill(7);
          const out = room.subarray(8, -8);
          const positions = new Int32Array(out.length);
          const before = theHeap()!.mark;
          largest(out, positions, x, planes, rows, cols);
          expect(theHeap()!.mark).toBe(before);
          const wanted = largestNaively(x, planes, rows, cols);
          expect([...out]).toEqual(wanted.values);
          expect([...positions]).toEqual(wanted.places);
          largest(out, null, x, planes, rows, cols);
          expect([...out]).toEqual(wanted.values);
          expect([...room.subarray(0, 8), ...room.subarray(-8)]).toEqual(new Array(16).fill(7));
        },
      ),
      { numRuns: 300 },
    );
  });
});
