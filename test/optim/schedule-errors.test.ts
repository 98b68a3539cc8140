import { it } from 'vitest';
import { ValueError } from '../../src/core/errors.ts';
import { schedules } from '../../src/optim/index.ts';
import { expectError } from '../support/errors.ts';

// what no type lets through is refused, too: the arguments of a program in plain JavaScript
const given = <T>(value: unknown): T => value as T;
const one = schedules.constant();

const calls: Record<string, () => unknown> = {
  'schedules.constant: factor must be in [0, ∞), got -1.': () => schedules.constant({ factor: -1 }),
  'schedules.constant: totalIters must be a whole number ≥ 1, got 0.': () =>
    schedules.constant({ totalIters: 0 }),
  'schedules.constant: options must be an object, got 0.5. Known: factor, totalIters.': () =>
    schedules.constant(given(0.5)),
  'schedules.linear: totalIters must be a whole number ≥ 1, got 2.5.': () =>
    schedules.linear({ totalIters: 2.5 }),
  'schedules.linear: startFactor must be in [0, ∞), got NaN.': () =>
    schedules.linear({ startFactor: Number.NaN }),
  'schedules.linear: endFactor must be in [0, ∞), got Infinity.': () =>
    schedules.linear({ endFactor: Infinity }),
  'schedules.linear: every option must be known, got "startfactor". Did you mean "startFactor"? Known: startFactor, endFactor, totalIters.':
    () => schedules.linear(given({ startfactor: 1 })),
  'schedules.step: stepSize must be a whole number ≥ 1, got 0.': () => schedules.step(0),
  'schedules.step: gamma must be in [0, ∞), got -0.1.': () => schedules.step(3, { gamma: -0.1 }),
  'schedules.multiStep: there must be at least one milestone, got an empty list.': () =>
    schedules.multiStep([]),
  'schedules.multiStep: milestones must be a list of whole numbers ≥ 1 that ascend, got [3, 3].': () =>
    schedules.multiStep([3, 3]),
  'schedules.multiStep: milestones must be a list of whole numbers ≥ 1 that ascend, got [1, NaN].': () =>
    schedules.multiStep([1, Number.NaN]),
  'schedules.multiStep: milestones must be a list of whole numbers ≥ 1 that ascend, got 30.': () =>
    schedules.multiStep(given(30)),
  'schedules.multiStep: gamma must be in [0, ∞), got "1".': () =>
    schedules.multiStep([2], { gamma: given('1') }),
  'schedules.exponential: gamma must be in [0, ∞), got -1.': () => schedules.exponential(-1),
  'schedules.polynomial: totalIters must be a whole number ≥ 1, got -3.': () =>
    schedules.polynomial({ totalIters: -3 }),
  'schedules.polynomial: power must be in [0, ∞), got -1.': () => schedules.polynomial({ power: -1 }),
  'schedules.lambda: fn must be a function, got 0.5.': () => schedules.lambda(given(0.5)),
  'schedules.lambda: fn must return a number, got NaN at step 2.': () =>
    schedules.lambda((step) => Math.log(step - 3))(2, 1),
  'schedules.lambda: fn must return a number, got "1" at step 0.': () =>
    schedules.lambda(given(() => '1'))(0, 1),
  'schedules.cosineAnnealing: tMax must be a whole number ≥ 1, got 0.': () => schedules.cosineAnnealing(0),
  'schedules.cosineAnnealing: etaMin must be in [0, ∞), got -1.': () =>
    schedules.cosineAnnealing(9, { etaMin: -1 }),
  'schedules.cosineAnnealing: options must be an object, got 0.1. Known: etaMin.': () =>
    schedules.cosineAnnealing(9, given(0.1)),
  'schedules.cosineAnnealingWarmRestarts: t0 must be a whole number ≥ 1, got 1.5.': () =>
    schedules.cosineAnnealingWarmRestarts(1.5),
  'schedules.cosineAnnealingWarmRestarts: tMult must be a whole number ≥ 1, got 0.': () =>
    schedules.cosineAnnealingWarmRestarts(3, { tMult: 0 }),
  'schedules.warmupCosine: totalSteps must be a whole number ≥ 1, got NaN.': () =>
    schedules.warmupCosine(Number.NaN, { warmupSteps: 1 }),
  'schedules.warmupCosine: warmupSteps must be a whole number ≥ 0, got undefined.': () =>
    schedules.warmupCosine(10, given(undefined)),
  'schedules.warmupCosine: warmupSteps must be less than totalSteps, which counts them in, got 10 and 10.':
    () => schedules.warmupCosine(10, { warmupSteps: 10 }),
  'schedules.oneCycle: totalSteps must be a whole number ≥ 1, got -5.': () => schedules.oneCycle(-5),
  'schedules.oneCycle: divFactor must be in (0, ∞), got 0.': () => schedules.oneCycle(9, { divFactor: 0 }),
  'schedules.oneCycle: pctStart must be in [0, 1], got 30.': () => schedules.oneCycle(9, { pctStart: 30 }),
  'schedules.oneCycle: pctStart must be in [0, 0.5] for three phases, got 0.6.': () =>
    schedules.oneCycle(9, { pctStart: 0.6, threePhase: true }),
  'schedules.oneCycle: anneal must be one of "cosine", "linear", got "cos".': () =>
    schedules.oneCycle(9, { anneal: given('cos') }),
  'schedules.oneCycle: threePhase must be true or false, got 1.': () =>
    schedules.oneCycle(9, { threePhase: given(1) }),
  'schedules.cyclic: max must be in [0, ∞), got undefined.': () => schedules.cyclic(given({})),
  'schedules.cyclic: stepSizeDown must be a whole number ≥ 1, got 0.': () =>
    schedules.cyclic({ max: 1, stepSizeDown: 0 }),
  'schedules.cyclic: mode must be one of "triangular", "triangular2", "expRange", got "exp_range".': () =>
    schedules.cyclic({ max: 1, mode: given('exp_range') }),
  'schedules.cyclic: mode and scale must not both be given, got both. Leave one out.': () =>
    schedules.cyclic({ max: 1, mode: 'triangular', scale: () => 1 }),
  'schedules.cyclic: gamma must come with mode "expRange", got mode undefined.': () =>
    schedules.cyclic({ max: 1, gamma: 0.9 }),
  'schedules.cyclic: scaleMode must come with scale, got scaleMode alone.': () =>
    schedules.cyclic({ max: 1, scaleMode: 'cycle' }),
  'schedules.cyclic: scale must be a function, got "x".': () =>
    schedules.cyclic({ max: 1, scale: given('x') }),
  'schedules.cyclic: scale must return a number, got undefined at step 7.': () =>
    schedules.cyclic({ max: 1, scale: given(() => {}) })(7, 1),
  'schedules.sequential: there must be a list of at least one schedule, got [].': () =>
    schedules.sequential([], []),
  'schedules.sequential: there must be a list of at least one schedule, got a function.': () =>
    schedules.sequential(given(one), []),
  'schedules.sequential: every schedule must be a function, got 3.': () =>
    schedules.sequential([one, given(3)], [1]),
  'schedules.sequential: milestones must be a list of whole numbers ≥ 1 that ascend, got [5, 4].': () =>
    schedules.sequential([one, one, one], [5, 4]),
  'schedules.sequential: there must be one milestone fewer than schedules, got 2 milestones for 2 schedules.':
    () => schedules.sequential([one, one], [5, 6]),
  'schedules.chained: there must be a list of at least one schedule, got [].': () => schedules.chained(),
  'schedules.chained: every schedule must be a function, got { lr }.': () =>
    schedules.chained(given({ lr: 1 })),
  'schedules.perEpoch: schedule must be a function, got 0.1.': () => schedules.perEpoch(given(0.1), 3),
  'schedules.perEpoch: stepsPerEpoch must be a whole number ≥ 1, got 3.5.': () =>
    schedules.perEpoch(one, 3.5),
  'schedules.reduceOnPlateau: factor must be in [0, 1), got 1.': () =>
    schedules.reduceOnPlateau({ factor: 1 }),
  'schedules.reduceOnPlateau: patience must be a whole number ≥ 0, got -1.': () =>
    schedules.reduceOnPlateau({ patience: -1 }),
  'schedules.reduceOnPlateau: mode must be one of "min", "max", got "maximum".': () =>
    schedules.reduceOnPlateau({ mode: given('maximum') }),
  'schedules.reduceOnPlateau: thresholdMode must be one of "rel", "abs", got "relative".': () =>
    schedules.reduceOnPlateau({ thresholdMode: given('relative') }),
  'schedules.reduceOnPlateau: every option must be known, got "minLr". Did you mean "min"? Known: mode, factor, patience, threshold, thresholdMode, cooldown, min, eps.':
    () => schedules.reduceOnPlateau(given({ minLr: 0.1 })),
  'schedules.preview: schedule must be a function, got "cosine".': () =>
    schedules.preview(given('cosine'), 3),
  'schedules.preview: steps must be a whole number ≥ 0, got -1.': () => schedules.preview(one, -1),
  'schedules.preview: base must be in (-∞, ∞), got Infinity.': () =>
    schedules.preview(one, 3, { base: Infinity }),
  'schedules.preview: observations must be a list, got 0.5.': () =>
    schedules.preview(one, 3, { observations: given(0.5) }),
  'schedules.preview: observations[0].step must be a whole number ≥ 0, got undefined.': () =>
    schedules.preview(one, 3, { observations: given([0.5]) }),
  'schedules.preview: observations[1].step must be a whole number ≥ 3, got 2.': () =>
    schedules.preview(one, 3, { observations: [3, 2].map((step) => ({ step, value: 0 })) }),
  'schedules.preview: observations[0].value must be a number, got null.': () =>
    schedules.preview(one, 3, { observations: [{ step: 1, value: given(null) }] }),
  'schedules.preview: the schedule must return a number, got a function at step 0.': () =>
    schedules.preview(
      given(() => () => 1),
      3,
    ),
  'schedules.preview: the schedule must return a number, got NaN at step 2.': () =>
    schedules.preview((step, base) => base * Math.sqrt(1 - step), 3),
};
it.each(Object.entries(calls))('%s', (message, call) => expectError(call, ValueError, message));
