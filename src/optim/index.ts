export type { GpuMode } from '../kernels/gpu-modes.ts';
export * from './averaging.ts';
export { calibrateGpu, type GpuCalibration, type GpuMeasurement, setGpuCalibration } from './calibrate.ts';
export {
  type ClipGradAdaptiveOptions,
  type ClipGradNormOptions,
  clipGradAdaptive,
  clipGradNorm,
  clipGradValue,
} from './clip.ts';
export type { ClipAdaptive, ClipNorm, ClippingOptions, GradientNorm, StepReport } from './clipping.ts';
export { elasticNet } from './decay.ts';
export {
  type AnyOptimizerClass,
  defineOptimizer,
  type NoScalars,
  type OptimizerClass,
} from './define.ts';
export {
  describeOptimizers,
  type OptimizerDescription,
  type OptimizerFormula,
  type OptimizerMemory,
} from './describe.ts';
export type { EngineReport, ForcedGpu, GpuOption, UpdateEngine } from './engine.ts';
export type { StepExplanation } from './explain.ts';
export type {
  GroupOptions,
  MatchedGroupOptions,
  OptimizerParams,
  ParamGroup,
  ParamGroupOptions,
  ParamSource,
} from './groups.ts';
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
export type { OptimizerOptions, StepOptions } from './options.ts';
// with a star, so that `declare module 'gradlet' { interface OptimizerRules … }` finds its interface
export * from './registry.ts';
export type {
  AnyRule,
  AnyRuleHead,
  AnySearchRule,
  AnyTensorRule,
  AnyUpdateRule,
  RuleHead,
  RuleLines,
  SearchEnd,
  SearchMemory,
  SearchPoint,
  SearchRule,
  SharedElement,
  StepScalars,
  TensorRule,
  TensorStep,
  UpdateLine,
  UpdateRule,
} from './rule.ts';
export * from './rules/index.ts';
export type { ScheduleOptions } from './scheduled.ts';
/** Hyperparameters that change while training: each schedule is a plain function from the step to a value. */
export * as schedules from './schedules/index.ts';
export type { HasNamedParameters, HasParameters, ModuleClass, Named, Selector } from './select.ts';
export type { OptimizerState, SavedGroup, SavedParam } from './state.ts';
export * from './wrappers/index.ts';
