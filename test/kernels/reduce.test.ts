import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { setKernels } from '../../src/kernels/engine.ts';
import { logSoftmax, logSumExp, max, min, softmax, sum } from '../../src/kernels/reduce.ts';
import { MAX, MIN, SUM, WasmFold } from '../../src/kernels/wasm/fold.ts';
import { Heap, theHeap } from '../../src/kernels/wasm/heap.ts';
import { LOG_SOFTMAX, LOG_SUM_EXP, SOFTMAX, WasmSoftmax } from '../../src/kernels/wasm/softmax.ts';

afterAll(() => setKernels('wasm'));

const heap = theHeap()!;
/** Half a unit in the last place of 1. */
const ULP = 2 ** -24;

/** Each kernel alone, as part of its reduction; and whether it has a result for each number, or one for a line. */
const inWasm = {
  sum: { kernel: new WasmFold(heap, SUM), whole: sum, each: false },
  max: { kernel: new WasmFold(heap, MAX), whole: max, each: false },
  min: { kernel: new WasmFold(heap, MIN), whole: min, each: false },
  softmax: { kernel: new WasmSoftmax(heap, SOFTMAX), whole: softmax, each: true },
  logSoftmax: { kernel: new WasmSoftmax(heap, LOG_SOFTMAX), whole: logSoftmax, each: true },
  logSumExp: { kernel: new WasmSoftmax(heap, LOG_SUM_EXP), whole: logSumExp, each: false },
};
type Name = keyof typeof inWasm;

/** The results, in a room whose walls are looked at: nothing is written into them, nor into the input. */
function results(name: Name, x: Float32Array, [outer, count, inner]: Sizes): Float32Array {
  const { kernel, each } = inWasm[name];
  const size = each ? x.length : outer * inner;
  const room = new Float32Array(size + 16).fill(7);
  const before = x.slice();
  const mark = heap.mark;
  expect(kernel.run(room.subarray(8, -8), x, outer, count, inner)).toBe(true);
  expect(heap.mark).toBe(mark);
  expect(x).toEqual(before);
  expect([...room.subarray(0, 8), ...room.subarray(-8)]).toEqual(new Array(16).fill(7));
  return room.slice(8, -8);
}

/** The same from JavaScript, in doubles that are not rounded. */
function wanted(name: Name, x: Float32Array, [outer, count, inner]: Sizes): Float64Array {
  const out = new Float64Array(inWasm[name].each ? x.length : outer * inner);
  inWasm[name].whole(out, x, outer, count, inner);
  return out;
}

type Sizes = readonly [outer: number, count: number, inner: number];

const size = fc.oneof(
  fc.integer({ min: 1, max: 9 }),
  fc.constantFrom(13, 16, 17, 31, 64, 67, 127),
  fc.constantFrom(4095, 4096, 4097, 8191),
);
const sizes: fc.Arbitrary<Sizes> = fc.tuple(size, size, size).filter(([o, c, i]) => o * c * i <= 12_000);
const rows: fc.Arbitrary<Sizes> = fc
  .tuple(size, size)
  .map(([outer, count]) => [outer, count, 1] as const)
  .filter(([o, c]) => o * c <= 12_000);
const anySizes = fc.oneof(sizes, rows);

/** Numbers that look random, of a size, with special ones among them here and there. */
function numbers(
  [outer, count, inner]: Sizes,
  scale: number,
  specials: readonly number[],
  seed: number,
): Float32Array {
  return Float32Array.from({ length: outer * count * inner }, (_, i) => {
    const noise = Math.sin(12.9898 * (i + 1) + 78.233 * seed);
    const k = Math.floor(Math.abs(noise) * 1e6) % 40;
    return k < specials.length ? specials[k]! : noise * scale;
  });
}

const scale = fc.constantFrom(1e-30, 0.01, 1, 10, 100, 1e30);
const special = fc.subarray([Number.NaN, Infinity, -Infinity, -0, 0, 3e38, -3e38, 1e-45]);
const seed = fc.integer({ min: 0, max: 1000 });
const input = fc
  .tuple(anySizes, scale, fc.oneof(fc.constant([]), special), seed)
  .map(([sizes, scale, specials, seed]) => ({ sizes, x: numbers(sizes, scale, specials, seed) }));

/** What bounds of errors are made of: how many numbers a line has, the largest of them, how far apart they are, and Σ |x|. */
interface Line {
  readonly count: number;
  readonly top: number;
  readonly depth: number;
  readonly size: number;
}

/** The lines, in the order of what is made of them. */
function linesOf(x: Float32Array, [outer, count, inner]: Sizes): Line[] {
  return Array.from({ length: outer * inner }, (_, k) => {
    const first = Math.floor(k / inner) * count * inner + (k % inner);
    const line = Array.from({ length: count }, (_, r) => x[first + r * inner]!);
    const top = Math.max(...line);
    // powers of e are 0 farther down
    const depth = Math.min(110, top - Math.min(...line));
    return { count, top: Math.abs(top), depth, size: line.reduce((sum, v) => sum + Math.abs(v), 0) };
  });
}

const TINY = 2 ** -149;

/** How far a result may be from the exact one. */
const bounds: Readonly<Record<Name, (exact: number, line: Line) => number>> = {
  // rounded once; n sums in doubles
  sum: (exact, { count, size }) => ULP * exact + TINY + count * 2 ** -52 * size,
  max: () => 0,
  min: () => 0,
  // x − top is rounded, and off by half an ulp of the depth; so is the logarithm of its power, here and in the sum; then
  // twice 1.04 ulp for the power, and half an ulp each for the sum and the quotient
  softmax: (exact, { depth }) => ULP * (2 * depth + 7) * exact + 3 * TINY,
  // two differences of numbers of one sign are rounded; 0.83 ulp for the logarithm, of a sum with errors as above, which
  // in doubles is off beside 1, here and in JavaScript
  logSoftmax: (exact, { count, depth }) =>
    ULP * (4 * exact + Math.min(1, exact) * (depth + 4)) + count * 2 ** -52 + TINY,
  // the logarithm, and its sum with the top, are rounded
  logSumExp: (exact, { count, top, depth }) =>
    ULP * (exact + 2 * Math.log(count) + Math.min(1, exact + top) * (depth + 4)) + count * 2 ** -52 + TINY,
};

describe('reductions in WebAssembly', () => {
  for (const name of Object.keys(inWasm) as Name[]) {
    it(`${name} is that of JavaScript, whatever the sizes and numbers, and writes nothing beside its place`, () => {
      fc.assert(
        fc.property(input, ({ sizes, x }) => {
          const found = results(name, x, sizes);
          const exact = wanted(name, x, sizes);
          const { each } = inWasm[name];
          const lines = linesOf(x, sizes);
          const [, count, inner] = sizes;
          const wrong: unknown[] = [];
          for (let i = 0; i < exact.length; i++) {
            const [a, b] = [found[i]!, Math.fround(exact[i]!)];
            if (Object.is(a, b)) continue;
            const line = each ? Math.floor(i / (count * inner)) * inner + (i % inner) : i;
            const bound = bounds[name](Math.abs(exact[i]!), lines[line]!);
            if (!(Math.abs(a - exact[i]!) <= bound)) wrong.push([i, a, b, bound]);
          }
          expect(wrong.slice(0, 3)).toEqual([]);
        }),
        { numRuns: 60 },
      );
    });

    it(`${name} of a line does not depend on the lines beside it, nor on its place among them`, () => {
      fc.assert(
        fc.property(
          fc.integer({ min: 1, max: 12 }),
          size.filter((n) => n <= 4097),
          fc.boolean(),
          seed,
          (lines, count, down, seed) => {
            const many = numbers([lines, count, 1], 3, [], seed);
            const sizes: Sizes = down ? [1, count, lines] : [lines, count, 1];
            const at = (k: number, r: number): number => (down ? r * lines + k : k * count + r);
            const laid = new Float32Array(many.length);
            for (let k = 0; k < lines; k++)
              for (let r = 0; r < count; r++) laid[at(k, r)] = many[k * count + r]!;
            const all = results(name, laid, sizes);
            for (const k of new Set([0, lines >> 1, lines - 1])) {
              // a line alone is a row; of columns, the first of two
              const alone = many.slice(k * count, (k + 1) * count);
              const padded = down
                ? Float32Array.from({ length: 2 * count }, (_, i) => (i % 2 ? 0.5 : alone[i >> 1]!))
                : alone;
              const own = results(name, padded, [1, count, down ? 2 : 1]);
              const places = inWasm[name].each
                ? Array.from({ length: count }, (_, r) => [at(k, r), down ? 2 * r : r])
                : [[k, 0]];
              expect(places.map(([p]) => all[p!])).toEqual(places.map(([, q]) => own[q!]));
            }
          },
        ),
        { numRuns: 30 },
      );
    });
  }

  it('gives column sums with the same bytes as JavaScript', () => {
    fc.assert(
      fc.property(
        sizes.filter(([, , inner]) => inner > 1),
        seed,
        (sizes, seed) => {
          const x = numbers(sizes, 1, [], seed);
          expect(results('sum', x, sizes)).toEqual(Float32Array.from(wanted('sum', x, sizes)));
        },
      ),
      { numRuns: 60 },
    );
  });

  it('keeps what a sure class loses: ln(1 + rest) is not lost beside 1', () => {
    const x = Float32Array.of(20, 0, 0, 0);
    const out = results('logSoftmax', x, [1, 4, 1]);
    expect(Math.abs(out[0]! / -Math.log1p(3 * Math.exp(-20)) - 1)).toBeLessThan(4 * ULP * 2);
  });

  it('is left to JavaScript where the heap has no room', () => {
    const small = new WasmSoftmax(new Heap(1), SOFTMAX);
    expect(small.run(new Float32Array(20_000), new Float32Array(20_000), 1, 20_000, 1)).toBe(false);
  });
});

describe('the choice of kernels for reductions', () => {
  it('gives the same within rounding for few numbers, many, none, and lines of nothing', () => {
    for (const name of Object.keys(inWasm) as Name[]) {
      for (const sizes of [
        [0, 3, 1],
        [5, 0, 1],
        [3, 0, 2],
        [1, 1, 1],
        [2, 3, 1],
        [40, 10, 1],
        [3, 7, 11],
        [7, 1, 1],
      ] as Sizes[]) {
        const [outer, count, inner] = sizes;
        if (count === 0 && (name === 'max' || name === 'min')) continue;
        const x = numbers(sizes, 3, [], 2);
        const [js, wasm] = (['js', 'wasm'] as const).map((kernels) => {
          setKernels(kernels);
          const out = new Float32Array(inWasm[name].each ? x.length : outer * inner).fill(9);
          inWasm[name].whole(out, x, outer, count, inner);
          return [...out];
        });
        for (const [k, value] of js!.entries()) {
          if (!Object.is(value, wasm![k]))
            expect(Math.abs(value - wasm![k]!)).toBeLessThan(64 * ULP * Math.max(1, Math.abs(value)));
        }
      }
    }
  });
});
