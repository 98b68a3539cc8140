import { describe, expect, it } from 'vitest';
import { ValueError } from '../../src/core/errors.ts';
import { defaultGenerator, Generator, manualSeed } from '../../src/core/random.ts';
import { expectClose } from '../support/close.ts';
import { expectError } from '../support/errors.ts';

const times = <T>(n: number, draw: () => T): T[] => Array.from({ length: n }, draw);

describe('Generator', () => {
  it('is xoshiro128**', () => {
    // The first outputs of the authors' C code from the state 1, 2, 3, 4, two to a uniform number.
    const words = [11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849];
    const generator = new Generator(0);
    generator.state = { words: [1, 2, 3, 4], spare: null };
    for (let i = 0; i < words.length; i += 2) {
      expect(generator.uniform()).toBe(
        (Math.floor(words[i]! / 32) * 2 ** 26 + Math.floor(words[i + 1]! / 64)) / 2 ** 53,
      );
    }
  });

  // From a separate implementation in Python.
  it.each([
    [0, [0.41675133265905573, 0.5870561741002205, 0.2650367332581032, 0.44226437408135244]],
    [1, [0.09156953175513294, 0.8881928137485323, 0.43427017709149285, 0.746779782068075]],
    [42, [0.15377165265745885, 0.018084542542176507, 0.5348906284683476, 0.7272476959257951]],
    [-1, [0.9895366109693492, 0.4384550845895039, 0.7600182118703691, 0.8927567077889935]],
    [2 ** 32 + 5, [0.06435268297849561, 0.9785322803425335, 0.09118491877012347, 0.42857927747337066]],
    [2 ** 52 + 1, [0.706697473059993, 0.08659483440404103, 0.3585583084202353, 0.4211578364578167]],
  ])('gives the pinned numbers for seed %i', (seed, expected) => {
    const generator = new Generator(seed);
    expect(times(4, () => generator.uniform())).toEqual(expected);
  });

  it('gives the pinned normal numbers, whole numbers and permutations', () => {
    const normal = new Generator(42);
    expectClose(
      times(6, () => normal.normal()),
      [
        0.26752683279886763, 1.7424408507579792, 0.5813902645846303, -1.6928022796929545, 0.8153199153614247,
        -0.4575232453291946,
      ],
      { rtol: 1e-15 },
    );
    const whole = new Generator(42);
    expect(times(12, () => whole.integer(10))).toEqual([1, 0, 5, 7, 5, 2, 8, 3, 4, 6, 8, 4]);
    expect([...new Generator(42).permutation(8)]).toEqual([4, 7, 6, 2, 5, 3, 0, 1]);
  });

  it('starts over from a seed, also in the middle of a pair of normal numbers', () => {
    const generator = new Generator(7);
    const first = times(5, () => generator.normal());
    generator.seed(7);
    expect(times(5, () => generator.normal())).toEqual(first);
  });

  it('goes on from a saved state, with the spare normal number', () => {
    const generator = new Generator(7);
    generator.normal();
    const saved = structuredClone(generator.state);
    expect(saved.spare).not.toBeNull();
    const next = times(5, () => generator.normal());
    const other = new Generator(0);
    other.state = saved;
    expect(times(5, () => other.normal())).toEqual(next);
    expect(generator.state).toEqual(other.state);
  });

  it('has the moments of the uniform and the normal distribution', () => {
    const n = 200_000;
    const generator = new Generator(123);
    const moments = (xs: number[]) => [1, 2, 3, 4].map((k) => xs.reduce((sum, x) => sum + x ** k, 0) / n);
    const uniform = times(n, () => generator.uniform());
    expectClose(moments(uniform), [1 / 2, 1 / 3, 1 / 4, 1 / 5], { rtol: 0, atol: 0.003 });
    expect(Math.min(...uniform.slice(0, 1e5))).toBeGreaterThanOrEqual(0);
    expect(Math.max(...uniform.slice(0, 1e5))).toBeLessThan(1);
    const normal = times(n, () => generator.normal());
    // standard errors: 1/√n, √2/√n, √15/√n, √96/√n
    expectClose(moments(normal), [0, 1, 0, 3], { rtol: 0, atol: 0.08 });
    expectClose(moments(normal).slice(0, 2), [0, 1], { rtol: 0, atol: 0.012 });
    const beyond2 = normal.filter((x) => Math.abs(x) > 2).length / n;
    expectClose(beyond2, 0.0455, { rtol: 0, atol: 0.002 });
    const neighbours = normal.slice(1).reduce((sum, x, i) => sum + x * normal[i]!, 0) / n;
    expectClose(neighbours, 0, { atol: 0.01 });
  });

  it('gives whole numbers evenly, 0 included, n left out', () => {
    const generator = new Generator(5);
    const counts = new Array<number>(7).fill(0);
    for (let i = 0; i < 70_000; i++) counts[generator.integer(7)]!++;
    // χ² with 6 degrees of freedom stays below 22.5 in 999 of 1000 cases
    expect(counts.reduce((chi, c) => chi + (c - 10_000) ** 2 / 10_000, 0)).toBeLessThan(22.5);
    expect(times(20, () => generator.integer(1))).toEqual(Array(20).fill(0));
  });

  it('gives every permutation, all equally often', () => {
    const generator = new Generator(5);
    const counts = new Map<string, number>();
    for (let i = 0; i < 24_000; i++) {
      const order = generator.permutation(4).join('');
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    // χ² with 23 degrees of freedom stays below 49.7 in 999 of 1000 cases
    expect([...counts.values()].reduce((chi, c) => chi + (c - 1000) ** 2 / 1000, 0)).toBeLessThan(49.7);
    expect([...generator.permutation(1000)].sort((a, b) => a - b)).toEqual(
      times(1000, () => 0).map((_, i) => i),
    );
    expect([...generator.permutation(0)]).toEqual([]);
    expect([...generator.permutation(1)]).toEqual([0]);
  });

  it('refuses seeds that are not whole numbers', () => {
    const message = (got: string) => `manualSeed: a seed must be a whole number, got ${got}.`;
    expectError(() => new Generator(1.5), ValueError, message('1.5'));
    expectError(() => manualSeed(Number.NaN), ValueError, message('NaN'));
    expectError(() => manualSeed(2 ** 53), ValueError, message('9007199254740992'));
    expectError(() => manualSeed('1' as never), ValueError, message('"1"'));
  });
});

describe('manualSeed', () => {
  it('seeds the default generator', () => {
    manualSeed(42);
    const drawn = times(3, () => defaultGenerator.uniform());
    const generator = new Generator(42);
    expect(drawn).toEqual(times(3, () => generator.uniform()));
  });

  it('gives different numbers for different seeds, also negative ones', () => {
    const first = (seed: number) => new Generator(seed).uniform();
    const seeds = [0, 1, 2, 3, -1, -2, -3, 2 ** 31, 2 ** 32, 2 ** 33, -(2 ** 40)];
    expect(new Set(seeds.map(first)).size).toBe(seeds.length);
  });
});
