export type { DType, TypedArray } from './core/dtype.ts';
export { GradletError, InternalError, NonFiniteError, ShapeError, ValueError } from './core/errors.ts';
export { defaultGenerator, Generator, type GeneratorState, manualSeed } from './core/random.ts';
export type { Shape } from './core/shape.ts';
export * from './data/index.ts';
export * from './inspect/index.ts';
export { type Kernels, kernels, setKernels } from './kernels/engine.ts';
export { setThreads, threads } from './kernels/threads.ts';
/** Modules, layers, initialisers and losses: what networks are made of. */
export * as nn from './nn/index.ts';
export * from './optim/index.ts';
/** The optimizers under one name, as in `optim.AdamW`; each is exported on its own, too. */
export * as optim from './optim/index.ts';
export * from './tensor/index.ts';
