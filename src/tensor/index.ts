import { backward } from './backward.ts';
import * as ops from './ops/index.ts';
import * as join from './ops/join.ts';
import { Tensor } from './tensor.ts';

type Operation = (first: unknown, ...rest: unknown[]) => unknown;

function attach(functions: object, first: (x: Tensor, rest: unknown[]) => unknown[]): void {
  for (const [name, f] of Object.entries(functions) as [string, Operation][]) {
    Object.defineProperty(Tensor.prototype, name, {
      configurable: true,
      writable: true,
      value(this: Tensor, ...rest: unknown[]): unknown {
        return f(...(first(this, rest) as [unknown]));
      },
    });
  }
}

// methods.ts says the same to the compiler
attach({ ...ops, backward }, (x, rest) => [x, ...rest]);
attach(join, (x, [others, ...rest]) => [[x].concat(others as Tensor[]), ...rest]);

export type { Binary, Operand, Unary } from './apply.ts';
export { assign } from './assign.ts';
export { type BackwardOptions, backward, type GradOptions, grad } from './backward.ts';
export * from './create.ts';
export { type Derivative, type GradientHook, isGradEnabled, noGrad, record } from './graph.ts';
export * from './ops/index.ts';
export * from './ops/join.ts';
export { scope } from './scope.ts';
export { type NestedArray, type NestedNumbers, rowMajor as contiguousData, Tensor } from './tensor.ts';
