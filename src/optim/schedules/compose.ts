import { ValueError } from '../../core/errors.ts';
import { checkValue } from '../hyperparameters.ts';
import { recounted } from './observations.ts';
import { checkMilestones, checkSchedules, functionDomain, wholeFrom1 } from './options.ts';
import { reached, type Schedule } from './schedule.ts';

/**
 * One schedule after the other: PyTorch's `SequentialLR`.
 *
 * $$\eta_t = s_k(t - m_k, \mathrm{base}) \quad \text{for } m_k \le t < m_{k+1}$$
 *
 * From its milestone on each counts steps from 0 again and starts from the base again, whatever value the one before ended
 * with. It knows only of the observations since then.
 *
 * @param schedules - at least one
 * @param milestones - one fewer: the steps at which the second and further ones begin, ascending whole numbers ≥ 1
 * @throws {@link ValueError} when there are no schedules, or not as many milestones as they need, or these do not ascend
 * @example A warm-up before something else
 * ```ts
 * import { schedules } from 'gradlet';
 * const warmup = schedules.linear({ startFactor: 0.5, totalIters: 2 });
 * schedules.preview(schedules.sequential([warmup, schedules.exponential(0.5)], [2]), 6); // → [0.5,0.75,1,0.5,0.25,0.125]
 * ```
 */
export function sequential(schedules: readonly Schedule[], milestones: readonly number[]): Schedule {
  const where = 'schedules.sequential';
  const list = checkSchedules(where, schedules);
  const starts = checkMilestones(where, milestones);
  if (starts.length !== list.length - 1) {
    const got = `${starts.length} milestones for ${list.length} schedules`;
    throw new ValueError(where, 'there must be one milestone fewer than schedules', got);
  }
  const since = starts.map((start) => recounted((t) => t - start));
  return (t, base, observations) => {
    const k = reached(starts, t);
    if (k === 0) return list[0]!(t, base, observations);
    return list[k]!(t - starts[k - 1]!, base, observations && since[k - 1]!(observations));
  };
}

/**
 * Several schedules on top of each other: each takes the value of the one before for its base.
 *
 * $$\eta_t = s_n(t, \dots s_2(t, s_1(t, \mathrm{base})) \dots)$$
 *
 * PyTorch's `ChainedScheduler` gives the same as long as each of them multiplies: {@link constant}, {@link linear},
 * {@link step}, {@link multiStep}, {@link exponential}, {@link polynomial}, and {@link cosineAnnealing} with `etaMin` 0 up to
 * `tMax`. Its other schedulers start from the optimizer's own value and so forget those before. Its cosine with `etaMin` ≠ 0
 * goes on from what the others have made of the last step's value, and may fall below `etaMin`. Here the last one has the
 * last word: an `etaMin` in it is the lowest value, one further ahead is multiplied by what comes behind.
 *
 * @param schedules - at least one
 * @throws {@link ValueError} when there are none
 * @example A warm-up on top of a decay
 * ```ts
 * import { schedules } from 'gradlet';
 * const warmup = schedules.constant({ factor: 0.5, totalIters: 2 });
 * schedules.preview(schedules.chained(warmup, schedules.step(3, { gamma: 0.5 })), 5); // → [0.5,0.5,1,0.5,0.5]
 * ```
 */
export function chained(...schedules: readonly Schedule[]): Schedule {
  const list = checkSchedules('schedules.chained', schedules);
  return (t, base, observations) => list.reduce((value, schedule) => schedule(t, value, observations), base);
}

/**
 * A schedule that counts epochs: its value stays the same for all steps of an epoch.
 *
 * $$\eta_t = \mathrm{schedule}\left(\left\lfloor \frac{t}{\mathrm{stepsPerEpoch}} \right\rfloor, \mathrm{base}\right)$$
 *
 * Observations are handed on with the number of whole epochs before them in place of the steps.
 *
 * @param schedule - written in epochs
 * @param stepsPerEpoch - such as the `length` of a {@link DataLoader}, a whole number ≥ 1
 * @throws {@link ValueError} for a `schedule` that is no function, and `stepsPerEpoch` out of its range
 * @example
 * ```ts
 * import { arange, DataLoader, schedules, TensorDataset } from 'gradlet';
 * const loader = new DataLoader(new TensorDataset(arange(5)), { batchSize: 2 });
 * const halves = schedules.perEpoch(schedules.exponential(0.5), loader.length);
 * schedules.preview(halves, 7); // → [1,1,1,0.5,0.5,0.5,0.25]
 * ```
 */
export function perEpoch(schedule: Schedule, stepsPerEpoch: number): Schedule {
  const where = 'schedules.perEpoch';
  checkValue(where, 'schedule', schedule, functionDomain);
  checkValue(where, 'stepsPerEpoch', stepsPerEpoch, wholeFrom1);
  const epochOf = (t: number): number => Math.floor(t / stepsPerEpoch);
  const inEpochs = recounted(epochOf);
  return (t, base, observations) => schedule(epochOf(t), base, observations && inEpochs(observations));
}
