export type { GpuMode } from '../kernels/gpu.ts';
export { type ClipGradNormOptions, clipGradNorm, clipGradValue } from './clip.ts';
export * from './define.ts';
export type { ForcedGpu, GpuOption, UpdateEngine } from './engine.ts';
export type { OptimizerParams, ParamGroup, ParamGroupOptions } from './groups.ts';
export {
  type HyperparameterRange,
  Hyperparameters,
  type HyperparameterValue,
  type NumberInterval,
  type OptimizerDefaults,
  type OptimizerSettings,
  type SharedHyperparameter,
  type WithLr,
} from './hyperparameters.ts';
export * from './optimizer.ts';
// with a star, so that `declare module 'gradlet' { interface OptimizerRules … }` finds its interface
export * from './registry.ts';
export type { AnyUpdateRule, StepScalars, UpdateLine, UpdateRule } from './rule.ts';
export * from './rules.ts';
/** Hyperparameters that change while training: each schedule is a plain function from the step to a value. */
export * as schedules from './schedules/index.ts';
export type { OptimizerState, SavedGroup, SavedParam } from './state.ts';
