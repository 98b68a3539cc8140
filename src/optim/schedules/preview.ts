import { checkValue, type Domain, domainOf } from '../hyperparameters.ts';
import { checkReturned, functionDomain, readOptions, wholeFrom0 } from './options.ts';
import type { Observation, Schedule } from './schedule.ts';

/** Options of {@link preview}. */
export interface PreviewOptions {
  /** The hyperparameter's own value. Default 1. */
  readonly base?: number;
  /** What will have been reported, in the order of its steps; each step knows those up to it. Default none. */
  readonly observations?: readonly Observation[];
}

const listDomain: Domain = { text: 'a list', accepts: Array.isArray };
const valueDomain: Domain = { text: 'a number', accepts: (value) => typeof value === 'number' };

/**
 * The values of the first steps, to look at a schedule before training with it.
 *
 * @param schedule - what to evaluate
 * @param steps - how many, a whole number ≥ 0
 * @returns the values of steps `0 … steps − 1`
 * @throws {@link ValueError} for an argument or option that is unknown or out of its range, and for a schedule that returns
 * no number
 * @example
 * ```ts
 * import { schedules } from 'gradlet';
 * schedules.preview(schedules.linear({ startFactor: 0.25, totalIters: 3 }), 5, { base: 4 }); // → [1,2,3,4,4]
 * ```
 */
export function preview(schedule: Schedule, steps: number, options: PreviewOptions = {}): number[] {
  const where = 'schedules.preview';
  checkValue(where, 'schedule', schedule, functionDomain);
  checkValue(where, 'steps', steps, wholeFrom0);
  const { base, observations } = readOptions(where, options, {
    base: [domainOf('(-∞, ∞)', 1), 1],
    observations: [listDomain, []],
  });
  for (const [k, o] of observations.entries()) {
    checkValue(
      where,
      `observations[${k}].step`,
      o?.step,
      domainOf(`whole [${observations[k - 1]?.step ?? 0}, ∞)`, 0),
    );
    checkValue(where, `observations[${k}].value`, o?.value, valueDomain);
  }
  const seen: Observation[] = [];
  return Array.from({ length: steps }, (_, t) => {
    while (seen.length < observations.length && observations[seen.length]!.step <= t)
      seen.push(observations[seen.length]!);
    return checkReturned(where, 'the schedule', schedule(t, base, seen), t);
  });
}
