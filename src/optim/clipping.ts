import type { TypedArray } from '../core/dtype.ts';
import { checkKeys, NonFiniteError } from '../core/errors.ts';
import { indexOf, type Shape } from '../core/shape.ts';
import {
  clippedByUnit,
  clipScale,
  factorDomain,
  maxDomain,
  normOfSums,
  normTypeDomain,
  powerSum,
} from './clip.ts';
import { checkValue, domainOf } from './hyperparameters.ts';

/** Clipping by norm, when a number does not say enough. */
export interface ClipNorm {
  /** The largest norm allowed, in [0, ∞]; `Infinity` only measures. */
  readonly max: number;
  /** p of the p-norm, in (0, ∞]. Default 2. */
  readonly normType?: number;
  /** What is measured and scaled together: all gradients, those of each group, or each on its own. Default `'all'`. */
  readonly per?: 'all' | 'group' | 'parameter';
}

/** Adaptive clipping, when a number does not say enough. */
export interface ClipAdaptive {
  /** The largest ratio of a unit's gradient to its weights, in [0, ∞). */
  readonly factor: number;
  /** What the norm of a unit's weights counts at least. In [0, ∞). Default 1e-3. */
  readonly eps?: number;
}

/** What optimizers do to gradients before they use them; the gradients themselves stay. */
export interface ClippingOptions {
  /**
   * Scales gradients to at most this norm before every step, as {@link clipGradNorm} does, and leaves the norm in
   * `gradNorm`. In [0, ∞], or {@link ClipNorm}. Default `null`: off.
   */
  clipNorm?: number | ClipNorm | null;
  /** Holds every element of a gradient between `−clipValue` and `clipValue`, after all other clipping. In [0, ∞]. Default `Infinity`. */
  clipValue?: number;
  /** Scales the gradient of every unit in proportion to its weights, before `clipNorm`; see {@link clipGradAdaptive}. Default `null`: off. */
  clipAdaptive?: number | ClipAdaptive | null;
  /**
   * What becomes of a gradient with NaN or infinities in it:
   *
   * - `'propagate'`: it is used, and spreads over the parameters, as in PyTorch;
   * - `'error'`: the step throws a {@link NonFiniteError} and changes nothing;
   * - `'skip'`: the step changes nothing and does not count;
   * - `'zero'`: those numbers count as 0.
   *
   * Default `'propagate'`, which costs nothing; the others look through all gradients before every step.
   */
  nonFinite?: 'propagate' | 'error' | 'skip' | 'zero';
}

/** What a step did to the gradients, where the option `report` asks for it. */
export interface StepReport {
  /** The norm of all gradients together before any clipping; the 2-norm unless `clipNorm` has another `normType`. */
  readonly norm: number;
  /** The smallest factor that `clipNorm` multiplied a gradient by; 1 where it left all. */
  readonly scale: number;
  /** The share of all numbers in gradients that clipping changed, in [0, 1]. */
  readonly clippedFraction: number;
  /** How many numbers in gradients were NaN or infinite. */
  readonly nonFinite: number;
  /** Whether the step was skipped because of them. */
  readonly skipped: boolean;
  /** The parameter whose gradient has the largest norm; `null` where there is no gradient. */
  readonly worst: GradientNorm | null;
}

/** The norm of one parameter's gradient. */
export interface GradientNorm {
  /** The parameter's name. */
  readonly name: string;
  /** The norm. */
  readonly norm: number;
}

/** One gradient on its way into a step. */
export interface Gradient {
  readonly name: string;
  readonly shape: Shape;
  /** The numbers of the parameter, row-major. */
  readonly values: TypedArray;
  /** The gradient, row-major; another array once it was changed. */
  grad: TypedArray;
  /** What to multiply it by. */
  clipScale: number;
}

const NON_FINITE = domainOf('propagate | error | skip | zero', '');
const PER = domainOf('all | group | parameter', '');

type Clipping = Required<ClippingOptions>;

const normIn = ({ clipNorm }: Clipping): Required<ClipNorm> | null =>
  clipNorm === null
    ? null
    : { normType: 2, per: 'all', ...(typeof clipNorm === 'number' ? { max: clipNorm } : clipNorm) };

const adaptiveIn = ({ clipAdaptive }: Clipping): Required<ClipAdaptive> | null =>
  clipAdaptive === null
    ? null
    : { eps: 1e-3, ...(typeof clipAdaptive === 'number' ? { factor: clipAdaptive } : clipAdaptive) };

/** Throws unless every option lies in its range. */
export function checkClipping(where: string, options: Clipping): void {
  const { clipNorm, clipAdaptive, clipValue, nonFinite } = options;
  if (typeof clipNorm === 'object' && clipNorm) {
    checkKeys(`${where}, clipNorm`, clipNorm, ['max', 'normType', 'per']);
    const { max, normType, per } = normIn(options)!;
    checkValue(where, 'clipNorm.max', max, maxDomain);
    checkValue(where, 'clipNorm.normType', normType, normTypeDomain);
    checkValue(where, 'clipNorm.per', per, PER);
  } else if (clipNorm !== null) checkValue(where, 'clipNorm', clipNorm, maxDomain);
  if (typeof clipAdaptive === 'object' && clipAdaptive) {
    checkKeys(`${where}, clipAdaptive`, clipAdaptive, ['factor', 'eps']);
    const { factor, eps } = adaptiveIn(options)!;
    checkValue(where, 'clipAdaptive.factor', factor, factorDomain);
    checkValue(where, 'clipAdaptive.eps', eps, factorDomain);
  } else if (clipAdaptive !== null) checkValue(where, 'clipAdaptive', clipAdaptive, factorDomain);
  checkValue(where, 'clipValue', clipValue, maxDomain);
  checkValue(where, 'nonFinite', nonFinite, NON_FINITE);
}

/** The first option that may change a gradient; `null` where none does. */
export function clippingBy(options: Clipping): 'clipNorm' | 'clipAdaptive' | 'clipValue' | null {
  if ((normIn(options)?.max ?? Infinity) < Infinity) return 'clipNorm';
  if (options.clipAdaptive !== null) return 'clipAdaptive';
  return options.clipValue < Infinity ? 'clipValue' : null;
}

/** What became of the gradients of a step. */
export interface Clipped {
  /** The norm that `clipNorm` measured; `null` without it. */
  readonly norm: number | null;
  /** Whether the step is to be left out. */
  readonly skip: boolean;
  readonly report: StepReport | null;
}

const UNTOUCHED: Clipped = { norm: null, skip: false, report: null };

/** Prepares the gradients of a step, group by group; no array that was given is written into. */
export function clip(
  where: string,
  options: Clipping,
  groups: readonly (readonly Gradient[])[],
  wantsReport: boolean,
): Clipped {
  const idle = options.clipNorm === null && options.clipAdaptive === null;
  if (idle && options.nonFinite === 'propagate' && !wantsReport) return UNTOUCHED;
  const all = groups.flat();
  const p = normIn(options)?.normType ?? 2;
  const sums = wantsReport ? all.map(({ grad }) => powerSum(grad, p)) : [];
  const given = all.map(({ grad }) => grad);
  const nonFinite = wantsReport || options.nonFinite !== 'propagate' ? sift(where, options, all) : 0;
  const skip = nonFinite > 0 && options.nonFinite === 'skip';
  const norm = skip ? null : scale(options, groups);
  if (!wantsReport) return { norm, skip, report: null };
  const norms = sums.map((sum) => normOfSums([sum], p));
  const worst = norms.reduce((at, x, k) => (at < 0 || x > norms[at]! || Number.isNaN(x) ? k : at), -1);
  const report: StepReport = {
    norm: normOfSums(sums, p),
    scale: Math.min(1, ...all.map(({ clipScale }) => clipScale)),
    clippedFraction: skip ? 0 : changed(options, all, given),
    nonFinite,
    skipped: skip,
    worst: worst < 0 ? null : { name: all[worst]!.name, norm: norms[worst]! },
  };
  return { norm, skip, report };
}

/** Deals with numbers that are not finite, and counts them. */
function sift(where: string, { nonFinite }: Clipping, gradients: readonly Gradient[]): number {
  let total = 0;
  for (const gradient of gradients) {
    const { name, grad, shape } = gradient;
    const places: number[] = [];
    for (let i = 0; i < grad.length; i++) if (!Number.isFinite(grad[i]!)) places.push(i);
    const [first] = places;
    if (first === undefined) continue;
    total += places.length;
    if (nonFinite === 'error') {
      throw new NonFiniteError(
        where,
        'every gradient must be finite',
        `${grad[first]} in that of ${name} at [${indexOf(first, shape).join(', ')}], ${places.length} of ${grad.length} in all`,
        'Lower the learning rate, clip, or set nonFinite to "skip" or "zero".',
      );
    }
    if (nonFinite !== 'zero') continue;
    gradient.grad = grad.slice();
    for (const i of places) gradient.grad[i] = 0;
  }
  return total;
}

/** Scales what is too long, and returns the norm of all where there is one to hold to. */
function scale(options: Clipping, groups: readonly (readonly Gradient[])[]): number | null {
  const [adaptive, norm] = [adaptiveIn(options), normIn(options)];
  const all = groups.flat();
  if (adaptive) {
    for (const one of all) one.grad = clippedByUnit(one.grad, one.values, one.shape, adaptive) ?? one.grad;
  }
  if (!norm) return null;
  const { max, normType, per } = norm;
  const sums = new Map(all.map((one) => [one, powerSum(one.grad, normType)]));
  const normOf = (some: readonly Gradient[]): number =>
    normOfSums(
      some.map((one) => sums.get(one)!),
      normType,
    );
  for (const together of per === 'all' ? [all] : per === 'group' ? groups : all.map((one) => [one])) {
    const factor = clipScale(normOf(together), max);
    for (const one of together) one.clipScale = factor;
  }
  return normOf(all);
}

/** The share of numbers that are used otherwise than they were given. */
function changed({ clipValue }: Clipping, all: readonly Gradient[], given: readonly TypedArray[]): number {
  let [count, total] = [0, 0];
  for (const [k, { grad, clipScale }] of all.entries()) {
    total += grad.length;
    for (let i = 0; i < grad.length; i++) {
      const used = clipScale * grad[i]!;
      if (used !== given[k]![i]! || Math.abs(used) > clipValue) count++;
    }
  }
  return total === 0 ? 0 : count / total;
}
