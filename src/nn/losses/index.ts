export * from './classes.ts';
export * from './elementwise.ts';
export * from './modules.ts';
export type { LossOptions, Reduction } from './reduction.ts';
