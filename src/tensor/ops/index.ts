export * from './activation.ts';
export * from './cast.ts';
export * from './elementwise.ts';
export * from './matmul.ts';
export * from './reduce.ts';
export * from './select.ts';
export * from './shape.ts';
