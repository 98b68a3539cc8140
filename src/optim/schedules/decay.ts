import { ValueError } from '../../core/errors.ts';
import { checkValue } from '../hyperparameters.ts';
import {
  checkMilestones,
  checkReturned,
  functionDomain,
  nonNegative,
  readOptions,
  wholeFrom1,
} from './options.ts';
import { mix, reached, type Schedule } from './schedule.ts';

/** Options of {@link constant}. */
export interface ConstantOptions {
  /** What the base is multiplied by at first, in [0, ∞). Default 1/3. */
  readonly factor?: number;
  /** For how many steps, a whole number ≥ 1. Default 5. */
  readonly totalIters?: number;
}

/**
 * A fixed share of the base for some steps, then all of it: PyTorch's `ConstantLR`.
 *
 * $$\eta_t = \begin{cases} \mathrm{factor} \cdot \mathrm{base} & t < \mathrm{totalIters} \\ \mathrm{base} & \text{after} \end{cases}$$
 *
 * @throws {@link ValueError} for an option that is unknown or out of its range
 * @example
 * ```ts
 * import { schedules } from 'gradlet';
 * schedules.preview(schedules.constant({ factor: 0.5, totalIters: 2 }), 4); // → [0.5,0.5,1,1]
 * ```
 */
export function constant(options: ConstantOptions = {}): Schedule {
  const { factor, totalIters } = readOptions('schedules.constant', options, {
    factor: [nonNegative, 1 / 3],
    totalIters: [wholeFrom1, 5],
  });
  return (t, base) => (t < totalIters ? base * factor : base);
}

/** Options of {@link linear}. */
export interface LinearOptions {
  /** What the base is multiplied by at step 0, in [0, ∞). Default 1/3. */
  readonly startFactor?: number;
  /** What it is multiplied by from step `totalIters` on, in [0, ∞). Default 1. */
  readonly endFactor?: number;
  /** How many steps lie between, a whole number ≥ 1. Default 5. */
  readonly totalIters?: number;
}

/**
 * In a straight line from one multiple of the base to another, and then stays: a warm-up, or a linear decay. PyTorch's
 * `LinearLR`, which refuses a `startFactor` of 0.
 *
 * $$\eta_t = \mathrm{base} \cdot \left(s + (e - s) \cdot \min\left(1, \frac{t}{\mathrm{totalIters}}\right)\right),
 *   \quad s = \mathrm{startFactor},\ e = \mathrm{endFactor}$$
 *
 * @throws {@link ValueError} for an option that is unknown or out of its range
 * @example
 * ```ts
 * import { schedules } from 'gradlet';
 * schedules.preview(schedules.linear({ startFactor: 0.2, totalIters: 4 }), 6); // → [0.2,0.4,0.6,0.8,1,1]
 * ```
 */
export function linear(options: LinearOptions = {}): Schedule {
  const { startFactor, endFactor, totalIters } = readOptions('schedules.linear', options, {
    startFactor: [nonNegative, 1 / 3],
    endFactor: [nonNegative, 1],
    totalIters: [wholeFrom1, 5],
  });
  return (t, base) => base * mix(startFactor, endFactor, Math.min(1, t / totalIters));
}

/** Options of {@link step} and {@link multiStep}. */
export interface StepDecayOptions {
  /** What the value is multiplied by each time, in [0, ∞). Default 0.1. */
  readonly gamma?: number;
}

/**
 * Multiplies by `gamma` every `stepSize` steps: PyTorch's `StepLR`.
 *
 * $$\eta_t = \mathrm{base} \cdot \gamma^{\lfloor t / \mathrm{stepSize} \rfloor}$$
 *
 * @param stepSize - a whole number ≥ 1
 * @throws {@link ValueError} for a `stepSize` or an option that is unknown or out of its range
 * @example
 * ```ts
 * import { schedules } from 'gradlet';
 * schedules.preview(schedules.step(2, { gamma: 0.5 }), 6); // → [1,1,0.5,0.5,0.25,0.25]
 * ```
 */
export function step(stepSize: number, options: StepDecayOptions = {}): Schedule {
  const where = 'schedules.step';
  checkValue(where, 'stepSize', stepSize, wholeFrom1);
  const { gamma } = readOptions(where, options, { gamma: [nonNegative, 0.1] });
  return (t, base) => base * gamma ** Math.floor(t / stepSize);
}

/**
 * Multiplies by `gamma` at every milestone: PyTorch's `MultiStepLR`.
 *
 * $$\eta_t = \mathrm{base} \cdot \gamma^{n}, \quad n = \lvert \{ m \in \mathrm{milestones} : m \le t \} \rvert$$
 *
 * @param milestones - steps, whole numbers ≥ 1, each above the one before
 * @throws {@link ValueError} for milestones that do not ascend, and an option that is unknown or out of its range
 * @example
 * ```ts
 * import { schedules } from 'gradlet';
 * schedules.preview(schedules.multiStep([1, 4], { gamma: 0.5 }), 6); // → [1,0.5,0.5,0.5,0.25,0.25]
 * ```
 */
export function multiStep(milestones: readonly number[], options: StepDecayOptions = {}): Schedule {
  const where = 'schedules.multiStep';
  const at = checkMilestones(where, milestones);
  if (at.length === 0) throw new ValueError(where, 'there must be at least one milestone', 'an empty list');
  const { gamma } = readOptions(where, options, { gamma: [nonNegative, 0.1] });
  return (t, base) => base * gamma ** reached(at, t);
}

/**
 * Multiplies by `gamma` at every step: PyTorch's `ExponentialLR`.
 *
 * $$\eta_t = \mathrm{base} \cdot \gamma^t$$
 *
 * @param gamma - in [0, ∞)
 * @throws {@link ValueError} for a `gamma` out of its range
 * @example
 * ```ts
 * import { schedules } from 'gradlet';
 * schedules.preview(schedules.exponential(0.5), 4, { base: 8 }); // → [8,4,2,1]
 * ```
 */
export function exponential(gamma: number): Schedule {
  checkValue('schedules.exponential', 'gamma', gamma, nonNegative);
  return (t, base) => base * gamma ** t;
}

/** Options of {@link polynomial}. */
export interface PolynomialOptions {
  /** The step from which the value is 0, a whole number ≥ 1. Default 5. */
  readonly totalIters?: number;
  /** In [0, ∞): 1 is a straight line, more falls faster at first. Default 1. */
  readonly power?: number;
}

/**
 * Falls to 0 along a polynomial, and stays there: PyTorch's `PolynomialLR`.
 *
 * $$\eta_t = \mathrm{base} \cdot \left(1 - \min\left(1, \frac{t}{\mathrm{totalIters}}\right)\right)^{\mathrm{power}}$$
 *
 * @throws {@link ValueError} for an option that is unknown or out of its range
 * @example
 * ```ts
 * import { schedules } from 'gradlet';
 * schedules.preview(schedules.polynomial({ totalIters: 4, power: 2 }), 6); // → [1,0.5625,0.25,0.0625,0,0]
 * ```
 */
export function polynomial(options: PolynomialOptions = {}): Schedule {
  const { totalIters, power } = readOptions('schedules.polynomial', options, {
    totalIters: [wholeFrom1, 5],
    power: [nonNegative, 1],
  });
  return (t, base) => base * (1 - Math.min(1, t / totalIters)) ** power;
}

/**
 * The base times a function of the step: PyTorch's `LambdaLR`. A function of the step *and* the base is a schedule as it is.
 *
 * $$\eta_t = \mathrm{base} \cdot \mathrm{fn}(t)$$
 *
 * @throws {@link ValueError} for something that is no function, and at the step where the function returns no number
 * @example
 * ```ts
 * import { schedules } from 'gradlet';
 * const inverseRoot = schedules.lambda((step) => 1 / Math.sqrt(step + 1));
 * inverseRoot(3, 0.1); // → 0.05
 * ```
 */
export function lambda(fn: (step: number) => number): Schedule {
  checkValue('schedules.lambda', 'fn', fn, functionDomain);
  return (t, base) => base * checkReturned('schedules.lambda', 'fn', fn(t), t);
}
