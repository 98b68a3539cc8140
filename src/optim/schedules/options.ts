import { checkKeys, show, ValueError } from '../../core/errors.ts';
import { checkValue, type Domain, domainOf } from '../hyperparameters.ts';
import type { Schedule } from './schedule.ts';

export const wholeFrom0 = domainOf('whole [0, ∞)', 0);
export const wholeFrom1 = domainOf('whole [1, ∞)', 1);
export const nonNegative = domainOf('[0, ∞)', 0);
export const functionDomain: Domain = { text: 'a function', accepts: (f) => typeof f === 'function' };

/** For every option its domain, and what it is where it is left out; one without a default must be given. */
type Table<Options> = {
  readonly [K in keyof Required<Options>]:
    | readonly [domain: Domain]
    | readonly [domain: Domain, defaultValue: Options[K] | undefined];
};

type Read<Options, T extends Table<Options>> = {
  readonly [K in keyof Required<Options>]:
    | Exclude<Options[K], undefined>
    | (T[K] extends readonly [Domain, infer D] ? D : never);
};

/** The options of a schedule, checked, with their defaults filled in. */
export function readOptions<Options extends object, const T extends Table<Options>>(
  where: string,
  options: Options,
  table: T,
): Read<Options, T> {
  const rows = Object.entries<readonly [domain: Domain, defaultValue?: unknown]>(table);
  checkKeys(where, options, Object.keys(table));
  const given = (options ?? {}) as Record<string, unknown>;
  const read = rows.map(([name, row]) => {
    const [domain, defaultValue] = row;
    const value = given[name];
    if (value === undefined && row.length === 2) return [name, defaultValue];
    checkValue(where, name, value, domain);
    return [name, value];
  });
  return Object.fromEntries(read) as Read<Options, T>;
}

/** A copy of the milestones, when each is a whole number ≥ 1 above the one before. */
export function checkMilestones(where: string, milestones: readonly number[]): readonly number[] {
  const good =
    Array.isArray(milestones) &&
    milestones.every((m, k) => wholeFrom1.accepts(m) && !(m <= milestones[k - 1]!));
  if (good) return [...milestones];
  throw new ValueError(where, 'milestones must be a list of whole numbers ≥ 1 that ascend', show(milestones));
}

/** A copy of the schedules, when there are any. */
export function checkSchedules(where: string, schedules: readonly Schedule[]): readonly Schedule[] {
  if (!Array.isArray(schedules) || schedules.length === 0)
    throw new ValueError(where, 'there must be a list of at least one schedule', show(schedules));
  for (const schedule of schedules) checkValue(where, 'every schedule', schedule, functionDomain);
  return [...schedules];
}

/** What a user's function returned at step t, when it is a number. */
export function checkReturned(where: string, name: string, value: unknown, t: number): number {
  if (typeof value === 'number' && !Number.isNaN(value)) return value;
  throw new ValueError(where, `${name} must return a number`, `${show(value)} at step ${t}`);
}
