export * from './activation.ts';
export * from './container.ts';
export {
  Conv1d,
  Conv2d,
  type ConvLayerOptions,
  type ConvOptions,
  conv1d,
  conv2d,
} from './conv.ts';
export type { FunctionModule, FunctionModuleClass } from './derived.ts';
export * from './dropout.ts';
export * from './embedding.ts';
export { inEvalMode } from './eval-mode.ts';
/** Initialisers: they fill a tensor with numbers and return it. */
export * as init from './init.ts';
export * from './linear.ts';
export * from './losses/index.ts';
export * from './module.ts';
export * from './norm.ts';
export * from './parameter.ts';
export * from './pool.ts';
export * from './update-batch-norm.ts';
export type { Sizes } from './window.ts';
