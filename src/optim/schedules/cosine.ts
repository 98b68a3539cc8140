import { ValueError } from '../../core/errors.ts';
import { checkValue } from '../hyperparameters.ts';
import { nonNegative, readOptions, wholeFrom0, wholeFrom1 } from './options.ts';
import { halfCosine, mix, type Schedule } from './schedule.ts';

/** Options of {@link cosineAnnealing}. */
export interface CosineAnnealingOptions {
  /** The lowest value, in [0, ∞). Default 0. */
  readonly etaMin?: number;
}

/**
 * Falls along half a cosine from the base to `etaMin`: PyTorch's `CosineAnnealingLR`.
 *
 * $$\eta_t = \eta_{\min} + \frac{1}{2} (\mathrm{base} - \eta_{\min}) \left(1 + \cos \frac{\pi t}{\mathrm{tMax}}\right)$$
 *
 * After step `tMax` it rises again, as PyTorch's does, is back at the base at `2 · tMax`, and so on. To stay down, use
 * {@link warmupCosine}, which needs no warm-up.
 *
 * @param tMax - the step at which it is lowest, a whole number ≥ 1
 * @throws {@link ValueError} for a `tMax` or an option that is unknown or out of its range
 * @paper Loshchilov and Hutter, SGDR: Stochastic gradient descent with warm restarts, 2017, https://arxiv.org/abs/1608.03983
 * @example
 * ```ts
 * import { schedules } from 'gradlet';
 * schedules.preview(schedules.cosineAnnealing(2, { etaMin: 0.5 }), 6); // → [1,0.75,0.5,0.75,1,0.75]
 * ```
 */
export function cosineAnnealing(tMax: number, options: CosineAnnealingOptions = {}): Schedule {
  const where = 'schedules.cosineAnnealing';
  checkValue(where, 'tMax', tMax, wholeFrom1);
  const { etaMin } = readOptions(where, options, { etaMin: [nonNegative, 0] });
  return (t, base) => mix(etaMin, base, halfCosine(t / tMax));
}

/** Options of {@link cosineAnnealingWarmRestarts}. */
export interface WarmRestartsOptions extends CosineAnnealingOptions {
  /** How many times as long as the last each fall is, a whole number ≥ 1. Default 1. */
  readonly tMult?: number;
}

/**
 * Falls along half a cosine, jumps back to the base and falls again, more slowly each time when `tMult` is 2 or more:
 * PyTorch's `CosineAnnealingWarmRestarts`.
 *
 * $$\eta_t = \eta_{\min} + \frac{1}{2} (\mathrm{base} - \eta_{\min}) \left(1 + \cos \frac{\pi T_{\mathrm{cur}}}{T_i}\right)$$
 *
 * $T_{\mathrm{cur}}$ counts the steps since the last restart, and the fall after the i-th restart takes
 * $T_i = \mathrm{t0} \cdot \mathrm{tMult}^i$ steps.
 *
 * @param t0 - how many steps the first fall takes, a whole number ≥ 1
 * @throws {@link ValueError} for a `t0` or an option that is unknown or out of its range
 * @paper Loshchilov and Hutter, SGDR: Stochastic gradient descent with warm restarts, 2017, https://arxiv.org/abs/1608.03983
 * @example
 * ```ts
 * import { schedules } from 'gradlet';
 * const restarts = schedules.cosineAnnealingWarmRestarts(2, { tMult: 2 });
 * schedules.preview(restarts, 8).map((x) => Number(x.toFixed(2))); // → [1,0.5,1,0.85,0.5,0.15,1,0.96]
 * ```
 */
export function cosineAnnealingWarmRestarts(t0: number, options: WarmRestartsOptions = {}): Schedule {
  const where = 'schedules.cosineAnnealingWarmRestarts';
  checkValue(where, 't0', t0, wholeFrom1);
  const { tMult, etaMin } = readOptions(where, options, {
    tMult: [wholeFrom1, 1],
    etaMin: [nonNegative, 0],
  });
  return (t, base) => {
    let current = tMult === 1 ? t % t0 : t;
    let length = t0;
    for (; current >= length; length *= tMult) current -= length;
    return mix(etaMin, base, halfCosine(current / length));
  };
}

/** Options of {@link warmupCosine}. */
export interface WarmupCosineOptions extends CosineAnnealingOptions {
  /** How many steps lead up to the base, a whole number ≥ 0 and below `totalSteps`. */
  readonly warmupSteps: number;
  /** What the base is multiplied by at step 0, in [0, ∞). Default 0: the first step changes nothing. */
  readonly startFactor?: number;
}

/**
 * A straight line up to the base, then half a cosine down to `etaMin`, where it stays: what transformers are trained with,
 * and optax's `warmup_cosine_decay_schedule` with the base as its peak.
 *
 * $$\eta_t = \begin{cases}
 *   \mathrm{base} \cdot \left(s + (1 - s) \frac{t}{w}\right) & t < w \\
 *   \eta_{\min} + \frac{1}{2} (\mathrm{base} - \eta_{\min}) \left(1 + \cos \left(\pi \min\left(1, \frac{t - w}{T - w}\right)\right)\right) & \text{after}
 * \end{cases}$$
 *
 * for $s$ = `startFactor`, $w$ = `warmupSteps` and $T$ = `totalSteps`, which counts the warm-up in.
 *
 * @param totalSteps - the step from which the value is `etaMin`, a whole number ≥ 1
 * @throws {@link ValueError} for `warmupSteps` that leave no step to fall, and what is unknown or out of its range
 * @example
 * ```ts
 * import { schedules } from 'gradlet';
 * schedules.preview(schedules.warmupCosine(6, { warmupSteps: 4 }), 8); // → [0,0.25,0.5,0.75,1,0.5,0,0]
 * ```
 */
export function warmupCosine(totalSteps: number, options: WarmupCosineOptions): Schedule {
  const where = 'schedules.warmupCosine';
  checkValue(where, 'totalSteps', totalSteps, wholeFrom1);
  const { warmupSteps, startFactor, etaMin } = readOptions(where, options, {
    warmupSteps: [wholeFrom0],
    startFactor: [nonNegative, 0],
    etaMin: [nonNegative, 0],
  });
  if (warmupSteps >= totalSteps) {
    const got = `${warmupSteps} and ${totalSteps}`;
    throw new ValueError(where, 'warmupSteps must be less than totalSteps, which counts them in', got);
  }
  return (t, base) =>
    t < warmupSteps
      ? base * mix(startFactor, 1, t / warmupSteps)
      : mix(etaMin, base, halfCosine(Math.min(1, (t - warmupSteps) / (totalSteps - warmupSteps))));
}
