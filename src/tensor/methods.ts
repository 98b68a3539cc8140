import type * as walk from './backward.ts';
import type * as ops from './ops/index.ts';
import type * as join from './ops/join.ts';
import type { Tensor } from './tensor.ts';

/** The functions of a module whose first parameter is a tensor, as methods: `f(x, …rest)` is `x.f(…rest)`. */
type Fluent<Ops> = {
  [K in keyof Ops]: Ops[K] extends (x: Tensor, ...rest: infer R) => infer Y ? (...rest: R) => Y : never;
};

/** The functions of a module that take a list of tensors, as methods: `f([x, y], …rest)` is `x.f([y], …rest)`. */
type FluentList<Ops> = {
  [K in keyof Ops]: Ops[K] extends (tensors: readonly Tensor[], ...rest: infer R) => infer Y
    ? (others: readonly Tensor[], ...rest: R) => Y
    : never;
};

/** Every operation as a method of {@link Tensor}. */
export interface TensorMethods
  extends Fluent<typeof ops>,
    FluentList<typeof join>,
    Fluent<Pick<typeof walk, 'backward'>> {}
