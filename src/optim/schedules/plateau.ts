import { domainOf } from '../hyperparameters.ts';
import { folding } from './observations.ts';
import { nonNegative, readOptions, wholeFrom0 } from './options.ts';
import type { Schedule } from './schedule.ts';

/** Options of {@link reduceOnPlateau}. */
export interface ReduceOnPlateauOptions {
  /** Whether lower observations are better, as of a loss, or higher ones, as of an accuracy. Default `'min'`. */
  readonly mode?: 'min' | 'max';
  /** What the value is multiplied by each time, in [0, 1). Default 0.1. */
  readonly factor?: number;
  /** How many observations in a row may be no better; one more reduces. A whole number ≥ 0. Default 10. */
  readonly patience?: number;
  /** By how much an observation must beat the best one to be better, in [0, ∞). Default 1e-4. */
  readonly threshold?: number;
  /**
   * Whether `threshold` is a share of the best one or an amount. A share suits positive observations only: below 0 it
   * points the wrong way, as in PyTorch. Default `'rel'`.
   */
  readonly thresholdMode?: 'rel' | 'abs';
  /** How many observations after a reduction never count as bad, a whole number ≥ 0. Default 0. */
  readonly cooldown?: number;
  /** The lowest value to reduce to, in [0, ∞). Default 0. PyTorch's `min_lr`. */
  readonly min?: number;
  /** Reductions by no more than this are left out, in [0, ∞). Default 1e-8. */
  readonly eps?: number;
}

/**
 * Multiplies by `factor` whenever the observations have stopped getting better: PyTorch's `ReduceLROnPlateau`.
 *
 * $$\eta = \mathrm{base} \cdot \mathrm{factor}^n$$
 *
 * after $n$ reductions, but not below `min`. In mode `'min'` an observation is better than the best so far, $b$, when it is
 * below $b \cdot (1 - \mathrm{threshold})$, or below $b - \mathrm{threshold}$ with `thresholdMode: 'abs'`; in mode `'max'`,
 * above the same with +. NaN never is. The step does not matter; without observations the value is the base.
 *
 * @throws {@link ValueError} for an option that is unknown or out of its range
 * @example
 * ```ts
 * import { schedules } from 'gradlet';
 * const losses = [3, 2, 2.5, 2.2, 1.9, 2];
 * const observations = losses.map((value, step) => ({ step: step + 1, value }));
 * const schedule = schedules.reduceOnPlateau({ factor: 0.5, patience: 1 });
 * schedules.preview(schedule, 7, { observations }); // → [1,1,1,1,0.5,0.5,0.5]
 * ```
 */
export function reduceOnPlateau(options: ReduceOnPlateauOptions = {}): Schedule {
  const o = readOptions('schedules.reduceOnPlateau', options, {
    mode: [domainOf('min | max', ''), 'min'],
    factor: [domainOf('[0, 1)', 0), 0.1],
    patience: [wholeFrom0, 10],
    threshold: [nonNegative, 1e-4],
    thresholdMode: [domainOf('rel | abs', ''), 'rel'],
    cooldown: [wholeFrom0, 0],
    min: [nonNegative, 0],
    eps: [nonNegative, 1e-8],
  });
  const minimize = o.mode === 'min';
  const margin = minimize ? -o.threshold : o.threshold;
  const isBetter = (value: number, best: number): boolean => {
    const bar = o.thresholdMode === 'rel' ? best * (1 + margin) : best + margin;
    return minimize ? value < bar : value > bar;
  };
  const read = folding(
    () => ({ best: minimize ? Infinity : -Infinity, bad: 0, cooldown: 0, reductions: 0 }),
    (state, { value }) => {
      const better = isBetter(value, state.best);
      if (better) state.best = value;
      state.bad = better || state.cooldown > 0 ? 0 : state.bad + 1;
      if (state.cooldown > 0) state.cooldown--;
      if (state.bad > o.patience) {
        state.reductions++;
        state.cooldown = o.cooldown;
        state.bad = 0;
      }
    },
  );
  return (_, base, observations = []) => {
    let value = base;
    for (let { reductions } = read(observations); reductions > 0; reductions--) {
      const reduced = Math.max(value * o.factor, o.min);
      if (!(value - reduced > o.eps)) break; // nor will any further one
      value = reduced;
    }
    return value;
  };
}
