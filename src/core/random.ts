import { show, ValueError } from './errors.ts';

/** SplitMix32: spreads one 32-bit seed over the generator's state. */
function splitMix32(seed: number): () => number {
  let z = seed | 0;
  return () => {
    z = (z + 0x9e3779b9) | 0;
    let t = z ^ (z >>> 16);
    t = Math.imul(t, 0x21f0aaad);
    t ^= t >>> 15;
    t = Math.imul(t, 0x735a2d97);
    return t ^ (t >>> 15);
  };
}

/** The whole state of a {@link Generator}: four words, and the spare normal number if one waits. */
export interface GeneratorState {
  /** The four words of the generator. */
  readonly words: readonly [number, number, number, number];
  /** The second normal number of a pair, while it waits to be used. */
  readonly spare: number | null;
}

/**
 * A seeded source of random numbers: xoshiro128**, with its state filled from the seed by SplitMix32.
 *
 * The same seed gives the same numbers in Node and in the browser. It is no source of secrets.
 *
 * @paper Blackman and Vigna, Scrambled linear pseudorandom number generators, 2021, https://arxiv.org/abs/1805.01407
 * @example
 * ```ts
 * import { Generator } from 'gradlet';
 * const generator = new Generator(7);
 * const same = new Generator(7);
 * generator.uniform() === same.uniform(); // → true
 * ```
 */
export class Generator {
  #a = 0;
  #b = 0;
  #c = 0;
  #d = 0;
  #spare: number | null = null;

  /** @param seed - any whole number */
  constructor(seed: number) {
    this.seed(seed);
  }

  /** Starts over from a seed. */
  seed(seed: number): void {
    if (!Number.isSafeInteger(seed))
      throw new ValueError('manualSeed', 'a seed must be a whole number', show(seed));
    const high = Math.floor(seed / 2 ** 32);
    // the upper bits are scrambled, so that −1 and 2³² do not meet small seeds
    const next = splitMix32(seed ^ Math.imul(high ^ (high >>> 15), 0x85ebca6b));
    this.#a = next();
    this.#b = next();
    this.#c = next();
    this.#d = next();
    this.#spare = null;
  }

  /** The state, to save and to set back. */
  get state(): GeneratorState {
    return { words: [this.#a, this.#b, this.#c, this.#d], spare: this.#spare };
  }

  set state(state: GeneratorState) {
    [this.#a, this.#b, this.#c, this.#d] = state.words;
    this.#spare = state.spare;
  }

  #next(): number {
    const x = Math.imul(this.#b, 5);
    const result = Math.imul((x << 7) | (x >>> 25), 9) >>> 0;
    const t = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= t;
    this.#d = (this.#d << 11) | (this.#d >>> 21);
    return result;
  }

  /** A number in [0, 1) with 53 random bits. */
  uniform(): number {
    return ((this.#next() >>> 5) * 2 ** 26 + (this.#next() >>> 6)) / 2 ** 53;
  }

  /** 1 with probability `p`, to 2⁻³² exactly, else 0. */
  flip(p: number): number {
    // as a number: a branch would be mispredicted every other time
    return Number(this.#next() < p * 2 ** 32);
  }

  /**
   * A number from the standard normal distribution N(0, 1), by Marsaglia's polar method.
   *
   * @paper Marsaglia and Bray, A convenient method for generating normal variables, 1964
   */
  normal(): number {
    if (this.#spare !== null) {
      const spare = this.#spare;
      this.#spare = null;
      return spare;
    }
    for (;;) {
      const u = 2 * this.uniform() - 1;
      const v = 2 * this.uniform() - 1;
      const s = u * u + v * v;
      if (s === 0 || s >= 1) continue;
      const scale = Math.sqrt((-2 * Math.log(s)) / s);
      this.#spare = v * scale;
      return u * scale;
    }
  }

  /** A whole number in `0 … n − 1`, every one equally likely up to 2⁻²¹ for n < 2³². */
  integer(n: number): number {
    return Math.floor(this.uniform() * n);
  }

  /** The numbers `0 … n − 1` in random order (Fisher–Yates). */
  permutation(n: number): Int32Array {
    const order = Int32Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      const kept = order[i]!;
      order[i] = order[j]!;
      order[j] = kept;
    }
    return order;
  }
}

/**
 * The generator behind every random function that is not given one of its own; its first seed is different in every run.
 * Its `state` can be saved and set back, to go on with a training exactly.
 */
export const defaultGenerator: Generator = new Generator(Math.floor(Math.random() * 2 ** 32));

/**
 * Starts the generator behind every random thing over from `seed`: same seed, same bytes, in Node and in the browser.
 *
 * @example
 * ```ts
 * import { manualSeed, randn } from 'gradlet';
 * manualSeed(1);
 * const a = randn([3]).toString();
 * manualSeed(1);
 * randn([3]).toString() === a; // → true
 * ```
 */
export function manualSeed(seed: number): void {
  defaultGenerator.seed(seed);
}
