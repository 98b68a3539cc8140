import { describe, expect, it } from 'vitest';
import { FUNCTIONS } from '../../../src/formula/functions.ts';
import { LANES } from '../../../src/kernels/wasm/math.ts';
import { BOUNDS, CHUNK, FUSED, inDoubles, loopOf, ulps, WAVES_END } from './support.ts';

const TWO = ['max', 'min', 'pow'];
const ONE = Object.keys(LANES).filter((name) => !TWO.includes(name));

const SPECIALS = [
  ...[0, -0, 1, -1, 0.5, -0.5, 1.5, -1.5, 2, -2, 2.5, -2.5, 3, -3, 100, -100, 1e10, -1e10],
  ...[Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  ...[2 ** -149, -(2 ** -149), 2 ** -126, -(2 ** -126), 3.4028234663852886e38, -3.4028234663852886e38],
  ...[0.49999997, -0.49999997, -0.50000006, 8388607.5, -8388607.5, 8388609, 16777215, -16777215, 16777216],
];

/** Where ways of computing part, and where results leave the range. */
const BRANCHES = [
  ...[0.25, 0.3, 1 / 3, Math.SQRT1_2 - 1, Math.SQRT2 - 1, 0.55, 0.875, 1, 4, Math.LN2 / 2, 1.5 * Math.LN2],
  ...[
    2 ** -25,
    2 ** -24,
    2 ** -12,
    9.01,
    10,
    16.6,
    20,
    87.33655,
    88.37626,
    88.72284,
    103.27893,
    103.97208,
    104,
  ],
  ...[Math.SQRT2 / 2, Math.SQRT2, 2, 2 ** -126, 2 ** -127, 2 ** 22, 2 ** 23, 2 ** 24, Math.E],
  ...Array.from({ length: 40 }, (_, k) => (k * Math.PI) / 4),
  ...Array.from({ length: 28 }, (_, k) => Math.round(2 ** k / Math.PI) * Math.PI),
];

/** Numbers of every sign and exponent, the specials, and what is next to the branches: always the same ones. */
const SAMPLE = (() => {
  const numbers = [...SPECIALS];
  const single = new Float32Array(1);
  const bits = new Uint32Array(single.buffer);
  const read = (n: number): void => {
    bits[0] = n;
    numbers.push(single[0]!);
  };
  for (const branch of BRANCHES) {
    for (const x of [branch, -branch]) {
      for (let k = -32; k <= 32; k++) {
        single[0] = x;
        read(bits[0]! + k);
      }
    }
  }
  let mixed = 1;
  for (let top = 0; top < 512; top++) {
    for (let k = 0; k < 400; k++) {
      mixed = Math.imul(mixed, 1664525) + 1013904223;
      read(((top << 23) | (mixed >>> 9)) >>> 0);
    }
  }
  while (numbers.length % 4) numbers.push(0);
  return Float32Array.from(numbers);
})();

/** Results for pairs of numbers. */
function results(name: string, fused: boolean, xs: Float32Array, ys: Float32Array = xs): Float32Array {
  const loop = loopOf(name, fused);
  const out = new Float32Array(xs.length);
  for (let start = 0; start < xs.length; start += CHUNK) {
    const some = xs.subarray(start, start + CHUNK);
    loop.x.set(some);
    loop.y.set(ys.subarray(start, start + CHUNK));
    out.set(loop.run(some.length)[0]!, start);
  }
  return out;
}

/** The places that are furthest off among those that are off by more than the bound. */
function wrong(name: string, got: Float32Array, xs: Float32Array, ys: Float32Array = xs): unknown[] {
  const exact = inDoubles(name);
  const found: { x: number; y: number; got: number; exact: number; error: number }[] = [];
  for (const [k, y] of got.entries()) {
    const value = exact(xs[k]!, ys[k]!);
    const error = ulps(y, value);
    if (error > BOUNDS[name]!) found.push({ x: xs[k]!, y: ys[k]!, got: y, exact: value, error });
  }
  return found.sort((a, b) => b.error - a.error).slice(0, 5);
}

const pairs = (all: readonly number[], list: readonly number[]): [Float32Array, Float32Array] => [
  Float32Array.from(all.flatMap((x) => list.map(() => x))),
  Float32Array.from(all.flatMap(() => list)),
];

describe.each(FUSED.map((fused) => ({ fused })))(
  'functions in single numbers, fused: $fused',
  ({ fused }) => {
    it('there is every function that a formula may call', () => {
      expect(Object.keys(LANES).sort()).toEqual(Object.keys(FUNCTIONS).sort());
      expect(Object.keys(BOUNDS).sort()).toEqual(Object.keys(FUNCTIONS).sort());
    });

    it.each(ONE)('%s is within its bound', (name) => {
      const xs = /sin|cos/.test(name)
        ? SAMPLE.filter((x) => !(Math.abs(x) > WAVES_END && Math.abs(x) < Number.POSITIVE_INFINITY))
        : SAMPLE;
      const whole = xs.slice(0, xs.length & ~3);
      expect(wrong(name, results(name, fused, whole), whole)).toEqual([]);
    });

    it.each(['sin', 'cos'])('%s of the largest numbers is a number from −1 to 1', (name) => {
      const xs = SAMPLE.filter((x) => Math.abs(x) > WAVES_END && Math.abs(x) < Number.POSITIVE_INFINITY);
      expect(
        Math.max(...results(name, fused, xs.slice(0, xs.length & ~3)).map(Math.abs)),
      ).toBeLessThanOrEqual(1);
    });

    it.each(TWO)('%s is within its bound for all pairs of special numbers', (name) => {
      const four = [...SPECIALS, ...SPECIALS.slice(0, (4 - (SPECIALS.length % 4)) % 4)];
      const [xs, ys] = pairs(four, four);
      expect(wrong(name, results(name, fused, xs, ys), xs, ys)).toEqual([]);
    });

    it('powers are within their bound, where they are numbers and where they leave the range', () => {
      const xs: number[] = [];
      const ys: number[] = [];
      for (const [k, base] of SAMPLE.entries()) {
        const room = 150 / Math.abs(Math.log2(Math.abs(base)) || 1e-6);
        const y = Math.sin(k) * room;
        xs.push(base);
        ys.push(k % 2 ? y : Math.round(y));
      }
      const [x, y] = [Float32Array.from(xs), Float32Array.from(ys)];
      expect(wrong('pow', results('pow', fused, x, y), x, y)).toEqual([]);
    });

    it.each(Object.keys(LANES))(
      '%s gives a number the same result in every lane and beside any other',
      (name) => {
        const xs = SAMPLE.slice(0, 4096);
        const ys = xs.map((_, k) => xs[(7 * k) % 4096]!);
        const order = xs.map((_, k) => (1237 * k + 5) % 4096);
        const moved = results(
          name,
          fused,
          order.map((k) => xs[k]!),
          order.map((k) => ys[k]!),
        );
        const straight = results(name, fused, xs, ys);
        expect(moved).toEqual(order.map((k) => straight[k]!));
      },
    );
  },
);

describe('errors in ulp', () => {
  it('are counted from the exact value, and to what cannot be mistaken', () => {
    expect(ulps(1, 1)).toBe(0);
    expect(ulps(1, 1 + 2 ** -24)).toBe(0);
    expect(ulps(1 + 2 ** -23, 1 - 2 ** -24)).toBe(3);
    expect(ulps(0, 2 ** -148)).toBe(2);
    expect(ulps(Number.POSITIVE_INFINITY, 3.4028234663852886e38)).toBe(1);
    for (const [got, exact] of [
      [0, -0],
      [-0, 0],
      [0, -1e-46],
      [Number.NaN, 1],
      [1, Number.NaN],
    ] as const) {
      expect(ulps(got, exact)).toBe(Number.POSITIVE_INFINITY);
    }
  });
});
