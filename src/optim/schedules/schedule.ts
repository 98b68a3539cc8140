/** What was reported to the optimizer while training, such as a validation loss. */
export interface Observation {
  /** How many steps were taken before it. */
  readonly step: number;
  /** What was reported. */
  readonly value: number;
}

/**
 * A plain function from the step (0 for the first) and the hyperparameter's own value to the value that this step uses.
 *
 * It must depend on nothing but its arguments. `observations` is what was reported before the step, oldest first; pass the
 * same growing list at every step, and what is new in it is all that is read.
 *
 * @example
 * ```ts
 * import { schedules } from 'gradlet';
 * const inverseTime: schedules.Schedule = (step, base) => base / (1 + step);
 * schedules.preview(inverseTime, 4, { base: 12 }); // → [12,6,4,3]
 * ```
 */
export type Schedule = (step: number, base: number, observations?: readonly Observation[]) => number;

/** From `from` at 0 to `to` at 1, exactly at both ends. */
export const mix = (from: number, to: number, share: number): number => from * (1 - share) + to * share;

/** From 1 at 0 along half a cosine down to 0 at 1. */
export const halfCosine = (x: number): number => (1 + Math.cos(Math.PI * x)) / 2;

/** How many of the ascending milestones are reached at step t. */
export function reached(milestones: readonly number[], t: number): number {
  let k = milestones.length;
  while (k > 0 && t < milestones[k - 1]!) k--;
  return k;
}
