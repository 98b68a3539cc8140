export {
  type DescendOptions,
  type Descent,
  descend,
  type Surface,
  type SurfacePoint,
} from './descend.ts';
export type {
  NamedEntry,
  OptimizerEntry,
  OptimizerFactory,
  Stepper,
  StepperWithLr,
} from './entries.ts';
export {
  type GradcheckElement,
  type GradcheckOptions,
  type GradcheckResult,
  gradcheck,
  gradgradcheck,
} from './gradcheck.ts';
export { type LrFindOptions, type LrFindResult, lrFind } from './lr-find.ts';
export {
  type RaceBudget,
  type RaceOptions,
  type RaceResult,
  type RaceUnits,
  race,
  raceTable,
  standing,
} from './race.ts';
/**
 * Functions of two numbers, each with a difficulty of its own, to watch optimizers on with {@link descend}.
 *
 * @example
 * ```ts
 * import { surfaces } from 'gradlet';
 * surfaces.himmelblau.minima.length; // → 4
 * ```
 */
export * as surfaces from './surfaces.ts';
export type { Trainable } from './training.ts';
