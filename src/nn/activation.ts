import {
  elu,
  flatten,
  type GeluOptions,
  gelu,
  hardtanh,
  leakyRelu,
  logSoftmax,
  mish,
  relu,
  type SoftplusOptions,
  selu,
  sigmoid,
  silu,
  softmax,
  softplus,
  type Tensor,
  tanh,
} from '../tensor/index.ts';
import { type FunctionModuleClass, moduleOf } from './derived.ts';

/** A class of layers from an operation; its options, if any, are those of the operation. */
export type LayerClass<Options extends object = Record<never, never>> = FunctionModuleClass<
  [x: Tensor],
  Options
>;

function layer<Options extends object>(
  name: string,
  fn: (x: Tensor, options: Options) => Tensor,
  defaults = {} as Options,
): LayerClass<Options> {
  return moduleOf<[x: Tensor], Options>(name, fn, defaults);
}

/**
 * $\max(0, x)$: {@link relu} as a layer.
 *
 * @shape any → the same
 * @example
 * ```ts
 * import { nn, tensor } from 'gradlet';
 * new nn.ReLU().forward(tensor([-1, 2])); // → tensor([0., 2.])
 * ```
 */
export const ReLU: LayerClass = layer('ReLU', relu);

/** Options of {@link LeakyReLU}. */
export interface LeakyReLUOptions {
  /** The slope for x < 0. Default 0.01. */
  readonly negativeSlope: number;
}

/**
 * $x$ for x > 0, else $\text{negativeSlope} \cdot x$: {@link leakyRelu} as a layer.
 *
 * @shape any → the same
 * @example
 * ```ts
 * import { nn, tensor } from 'gradlet';
 * new nn.LeakyReLU({ negativeSlope: 0.1 }).forward(tensor([-1, 2])); // → tensor([-0.1, 2.0])
 * ```
 */
export const LeakyReLU: LayerClass<LeakyReLUOptions> = layer(
  'LeakyReLU',
  (x, { negativeSlope }) => leakyRelu(x, negativeSlope),
  { negativeSlope: 0.01 },
);

/** Options of {@link ELU}. */
export interface ELUOptions {
  /** The limit −α for x → −∞. Default 1. */
  readonly alpha: number;
}

/**
 * $x$ for x > 0, else $\alpha (e^x - 1)$: {@link elu} as a layer.
 *
 * @shape any → the same
 * @example
 * ```ts
 * import { nn, tensor } from 'gradlet';
 * new nn.ELU({ alpha: 2 }).forward(tensor([-100, 2])); // → tensor([-2., 2.])
 * ```
 */
export const ELU: LayerClass<ELUOptions> = layer('ELU', (x, { alpha }) => elu(x, alpha), { alpha: 1 });

/**
 * $\lambda x$ for x > 0, else $\lambda \alpha (e^x - 1)$: {@link selu} as a layer.
 *
 * @shape any → the same
 * @example
 * ```ts
 * import { nn, tensor } from 'gradlet';
 * new nn.SELU().forward(tensor([-1, 2])); // → tensor([-1.1113, 2.1014])
 * ```
 */
export const SELU: LayerClass = layer('SELU', selu);

/**
 * $x \, \Phi(x)$: {@link gelu} as a layer.
 *
 * @shape any → the same
 * @example
 * ```ts
 * import { nn, tensor } from 'gradlet';
 * new nn.GELU().forward(tensor([-1, 2])); // → tensor([-0.1587, 1.9545])
 * ```
 */
export const GELU: LayerClass<Required<GeluOptions>> = layer<Required<GeluOptions>>('GELU', gelu, {
  approximate: 'none',
});

/**
 * $x \, \sigma(x)$: {@link silu} as a layer.
 *
 * @shape any → the same
 * @example
 * ```ts
 * import { nn, tensor } from 'gradlet';
 * new nn.SiLU().forward(tensor([-1, 2])); // → tensor([-0.2689, 1.7616])
 * ```
 */
export const SiLU: LayerClass = layer('SiLU', silu);

/**
 * $x \tanh(\ln(1 + e^x))$: {@link mish} as a layer.
 *
 * @shape any → the same
 * @example
 * ```ts
 * import { nn, tensor } from 'gradlet';
 * new nn.Mish().forward(tensor([-1, 2])); // → tensor([-0.3034, 1.9440])
 * ```
 */
export const Mish: LayerClass = layer('Mish', mish);

/**
 * $\tanh x$: {@link tanh} as a layer.
 *
 * @shape any → the same
 * @example
 * ```ts
 * import { nn, tensor } from 'gradlet';
 * new nn.Tanh().forward(tensor([-1, 2])); // → tensor([-0.7616, 0.9640])
 * ```
 */
export const Tanh: LayerClass = layer('Tanh', tanh);

/**
 * $\sigma(x) = 1 / (1 + e^{-x})$: {@link sigmoid} as a layer.
 *
 * @shape any → the same
 * @example
 * ```ts
 * import { nn, tensor } from 'gradlet';
 * new nn.Sigmoid().forward(tensor([-1, 2])); // → tensor([0.2689, 0.8808])
 * ```
 */
export const Sigmoid: LayerClass = layer('Sigmoid', sigmoid);

/**
 * $\tfrac 1\beta \ln(1 + e^{\beta x})$: {@link softplus} as a layer.
 *
 * @shape any → the same
 * @example
 * ```ts
 * import { nn, tensor } from 'gradlet';
 * new nn.Softplus({ beta: 2 }).forward(tensor([-1, 2])); // → tensor([0.0635, 2.0091])
 * ```
 */
export const Softplus: LayerClass<Required<SoftplusOptions>> = layer('Softplus', softplus, {
  beta: 1,
  threshold: 20,
});

/** Options of {@link Hardtanh}. */
export interface HardtanhOptions {
  /** The smallest output. Default −1. */
  readonly min: number;
  /** The largest output. Default 1. */
  readonly max: number;
}

/**
 * $x$ held between min and max: {@link hardtanh} as a layer.
 *
 * @shape any → the same
 * @example
 * ```ts
 * import { nn, tensor } from 'gradlet';
 * new nn.Hardtanh({ min: 0, max: 6 }).forward(tensor([-1, 2, 7])); // → tensor([0., 2., 6.])
 * ```
 */
export const Hardtanh: LayerClass<HardtanhOptions> = layer(
  'Hardtanh',
  (x, { min, max }) => hardtanh(x, min, max),
  { min: -1, max: 1 },
);

/** Options of {@link Softmax} and {@link LogSoftmax}. */
export interface SoftmaxOptions {
  /** The axis along which the outputs add up to 1. Default −1, the last. */
  readonly axis: number;
}

/**
 * $e^x / \sum e^x$ along an axis: {@link softmax} as a layer.
 *
 * {@link crossEntropy} takes logits: do not put this layer before it.
 *
 * @shape any → the same
 * @example
 * ```ts
 * import { nn, tensor } from 'gradlet';
 * new nn.Softmax().forward(tensor([[0, 0], [1000, 0]])); // → tensor([[0.5, 0.5], [1.0, 0.0]])
 * ```
 */
export const Softmax: LayerClass<SoftmaxOptions> = layer('Softmax', (x, { axis }) => softmax(x, axis), {
  axis: -1,
});

/**
 * $x - \ln \sum e^x$ along an axis: {@link logSoftmax} as a layer, to be followed by {@link nllLoss}.
 *
 * @shape any → the same
 * @example
 * ```ts
 * import { nn, tensor } from 'gradlet';
 * new nn.LogSoftmax().forward(tensor([0, 0])); // → tensor([-0.6931, -0.6931])
 * ```
 */
export const LogSoftmax: LayerClass<SoftmaxOptions> = layer(
  'LogSoftmax',
  (x, { axis }) => logSoftmax(x, axis),
  { axis: -1 },
);

/** Options of {@link Flatten}. */
export interface FlattenOptions {
  /** The first axis that is joined. Default 1: the batch axis stays. */
  readonly startAxis: number;
  /** The last axis that is joined. Default −1. */
  readonly endAxis: number;
}

/**
 * Joins the axes of each sample into one: {@link flatten} as a layer.
 *
 * @shape [N, …] → [N, product of the others]
 * @example
 * ```ts
 * import { nn, zeros } from 'gradlet';
 * new nn.Flatten().forward(zeros([2, 3, 4])).shape; // → [2,12]
 * ```
 */
export const Flatten: LayerClass<FlattenOptions> = layer(
  'Flatten',
  (x, { startAxis, endAxis }) => flatten(x, startAxis, endAxis),
  { startAxis: 1, endAxis: -1 },
);

/**
 * Gives its input back.
 *
 * @shape any → the same
 * @example
 * ```ts
 * import { nn, tensor } from 'gradlet';
 * new nn.Identity().forward(tensor([-1, 2])); // → tensor([-1., 2.])
 * ```
 */
export const Identity: LayerClass = layer('Identity', (x) => x);
