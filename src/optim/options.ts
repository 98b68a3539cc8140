import type { ClippingOptions } from './clipping.ts';
import type { GpuOption } from './engine.ts';
import type { GroupOptions, MatchedGroupOptions } from './groups.ts';
import type { WithLr } from './hyperparameters.ts';

/** Options of an optimizer as a whole. */
export interface StepOptions extends Readonly<ClippingOptions> {
  /** Whether updates run on the GPU. Default `'auto'`. */
  readonly gpu?: GpuOption;
  /** Whether every step leaves a {@link StepReport} in `report`. Default false. */
  readonly report?: boolean;
  /** Whether every step remembers enough for {@link Optimizer.explainStep}. Default false. */
  readonly explain?: boolean;
}

/** All options of an optimizer. */
export type OptimizerOptions<H> = GroupOptions<H> &
  StepOptions & {
    /** Options of their own for some of the parameters, which are selected by name, class or otherwise. */
    readonly groups?: readonly MatchedGroupOptions<H>[];
  };

/** The names of all options but those of groups. */
export const STEP_OPTIONS: readonly (keyof OptimizerOptions<WithLr>)[] = [
  'clipNorm',
  'clipValue',
  'clipAdaptive',
  'nonFinite',
  'report',
  'explain',
  'gpu',
  'groups',
  'schedules',
];
