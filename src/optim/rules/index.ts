// Every built-in optimizer, from simple to complex. To add one, add a constant to its family.

export * from './adam.ts';
export * from './adam-kin.ts';
export * from './adaptive.ts';
export * from './layer-wise.ts';
export * from './matrix.ts';
export * from './schedule-free.ts';
export * from './search.ts';
export * from './sgd.ts';
export * from './sign.ts';
