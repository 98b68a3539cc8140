import type * as nn from '../../src/nn/index.ts';
import type { Tensor } from '../../src/tensor/index.ts';

type Nn = typeof nn;

/** Every class of modules that can be constructed. */
export type ModuleName = {
  [K in keyof Nn]: Nn[K] extends new (...args: never[]) => nn.Module ? K : never;
}[keyof Nn];

/** Every loss function: one of an input and a target that can be told how to reduce. */
export type LossName = {
  [K in keyof Nn]: Nn[K] extends (input: Tensor, target: Tensor, options?: infer Options) => Tensor
    ? 'reduction' extends keyof Options
      ? K
      : never
    : never;
}[keyof Nn];

/** Every class of loss modules. */
export type LossModuleName = Extract<ModuleName, `${string}Loss`>;

/** Every class of layers. */
export type LayerName = Exclude<ModuleName, LossModuleName>;
