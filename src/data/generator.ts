import { show, ValueError } from '../core/errors.ts';
import { defaultGenerator, Generator } from '../core/random.ts';

/** Where the order of shuffled data comes from; with neither, from the generator behind {@link manualSeed}. */
export interface ShuffleSource {
  /** A whole number for a generator of its own: same seed, same order, whatever else draws random numbers. */
  readonly seed?: number | undefined;
  /** The generator to draw from, in place of a seed. */
  readonly generator?: Generator | undefined;
}

export function generatorFrom(where: string, { seed, generator }: ShuffleSource): Generator {
  if (seed === undefined) return generator ?? defaultGenerator;
  if (generator)
    throw new ValueError(where, 'seed and generator must not both be given', 'both', 'Leave one out.');
  if (!Number.isSafeInteger(seed)) throw new ValueError(where, 'seed must be a whole number', show(seed));
  return new Generator(seed);
}
