export * from './activation.ts';
export * from './container.ts';
export type { FunctionModule, FunctionModuleClass } from './derived.ts';
export * from './dropout.ts';
export { inEvalMode } from './eval-mode.ts';
/** Initialisers: they fill a tensor with numbers and return it. */
export * as init from './init.ts';
export * from './linear.ts';
export * from './losses/index.ts';
export * from './module.ts';
export * from './norm.ts';
export * from './parameter.ts';
export * from './update-batch-norm.ts';
