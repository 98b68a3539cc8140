import { checkKeys, ShapeError, show, ValueError } from '../core/errors.ts';
import { showShape } from '../core/shape.ts';
import type { Tensor } from '../tensor/index.ts';
import { expectTensor } from '../tensor/tensor.ts';

/** A default for every option; `undefined` where there is none. */
export type Defaults<Options> = { readonly [K in keyof Required<Options>]: Options[K] | undefined };

/** The options with their defaults filled in. */
type Filled<Options, D extends Defaults<Options>> = {
  readonly [K in keyof Required<Options>]: Exclude<Options[K], undefined> | D[K];
};

/**
 * The options of a public function, each with its default where it is left out.
 * @param defaults - one for every option there is: any other is refused
 */
export function readOptions<Options extends object, const D extends Defaults<Options>>(
  where: string,
  options: Options,
  defaults: D,
): Filled<Options, D> {
  const known = Object.keys(defaults);
  checkKeys(where, options, known);
  const given = options as Record<string, unknown>;
  const filled: Record<string, unknown> = { ...defaults };
  for (const key of known) if (given[key] !== undefined) filled[key] = given[key];
  return filled as Filled<Options, D>;
}

/** `n` when it is a whole number ≥ 1. */
export function checkSize(where: string, name: string, n: number): number {
  if (!(Number.isInteger(n) && n >= 1)) {
    throw new ValueError(where, `${name} must be a whole number ≥ 1`, show(n));
  }
  return n;
}

/** `x` when it is a number in [low, high]. */
export function checkRange(
  where: string,
  name: string,
  x: number,
  low: number,
  high = Number.MAX_VALUE,
): number {
  if (typeof x !== 'number' || !(x >= low && x <= high)) {
    const range = high === Number.MAX_VALUE ? `a number ≥ ${low}` : `a number in [${low}, ${high}]`;
    throw new ValueError(where, `${name} must be ${range}`, show(x));
  }
  return x;
}

/** `x` when it is one of `choices`. */
export function checkChoice<T extends string>(where: string, name: string, x: T, choices: readonly T[]): T {
  if (!choices.includes(x)) {
    throw new ValueError(where, `${name} must be one of ${choices.map(show).join(', ')}`, show(x));
  }
  return x;
}

/** `x` when it is a tensor of size `features` along `axis`. */
export function checkFeatures(where: string, x: Tensor, axis: number, features: number): Tensor {
  if (expectTensor(where, x).shape.at(axis) !== features) {
    const got = `shape ${showShape(x.shape)}`;
    throw new ShapeError(where, `the input must have ${features} features along axis ${axis}`, got);
  }
  return x;
}
