import { checkKeys, show, ValueError } from '../../core/errors.ts';
import type { SpecialFunctions } from '../../formula/functions.ts';
import { apply, elementwise, type Operand, type Unary, unary } from '../apply.ts';
import type { Tensor } from '../tensor.ts';

/** Hyperbolic tangent. */
export const tanh: Unary = unary(
  'tanh',
  (x) => Math.tanh(x),
  (_x, y) => 1 - y * y,
);

/** `1 / (1 + e⁻ˣ)`, computed so that nothing overflows. */
export const sigmoid: Unary = unary(
  'sigmoid',
  (x, { sigmoid }) => sigmoid(x),
  (_x, y) => y * (1 - y),
);

/** `max(0, x)`; NaN stays NaN, and the derivative at 0 is 0. */
export const relu: Unary = unary(
  'relu',
  (x) => (x < 0 ? 0 : x),
  (_x, y) => (y <= 0 ? 0 : 1),
  'same',
);

/** `x · sigmoid(x)`, also called swish. */
export const silu: Unary = unary(
  'silu',
  (x, { sigmoid }) => x * sigmoid(x),
  (x, _y, { sigmoid }) => sigmoid(x) * (1 + x * (1 - sigmoid(x))),
);

/**
 * `x · tanh(ln(1 + eˣ))`.
 * @paper Misra, Mish: A self regularized non-monotonic activation function, 2019, https://arxiv.org/abs/1908.08681
 */
export const mish: Unary = unary(
  'mish',
  (x, { softplus }) => x * Math.tanh(softplus(x)),
  (x, _y, { softplus, sigmoid }) => {
    const t = Math.tanh(softplus(x));
    return t + x * sigmoid(x) * (1 - t * t);
  },
);

/**
 * `λx` for x > 0, else `λα(eˣ − 1)`, with λ ≈ 1.0507 and α ≈ 1.6733: layers of it keep mean 0 and variance 1.
 * @paper Klambauer et al., Self-normalizing neural networks, 2017, https://arxiv.org/abs/1706.02515
 */
export const selu: Unary = unary(
  'selu',
  (x) => 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * Math.expm1(x)),
  (x) => 1.0507009873554805 * (x > 0 ? 1 : 1.6732632423543772 * Math.exp(x)),
);

const leakyReluOp = elementwise(
  'leakyRelu',
  ['x', 'slope'],
  (x: number, slope: number) => (x > 0 ? x : slope * x),
  [(x: number, slope: number) => (x > 0 ? 1 : slope)],
);

/** `x` for x > 0, else `negativeSlope · x`. */
export function leakyRelu(x: Operand, negativeSlope = 0.01): Tensor {
  return apply(leakyReluOp, x, negativeSlope);
}

const eluOp = elementwise(
  'elu',
  ['x', 'alpha'],
  (x: number, alpha: number) => (x > 0 ? x : alpha * Math.expm1(x)),
  [(x: number, alpha: number) => (x > 0 ? 1 : alpha * Math.exp(x))],
  'float',
);

/**
 * `x` for x > 0, else `alpha · (eˣ − 1)`.
 * @paper Clevert et al., Fast and accurate deep network learning by exponential linear units, 2016, https://arxiv.org/abs/1511.07289
 */
export function elu(x: Operand, alpha = 1): Tensor {
  return apply(eluOp, x, alpha);
}

const geluExact = unary(
  'gelu',
  (x, { erf }) => 0.5 * x * (1 + erf(x * Math.SQRT1_2)),
  (x, _y, { erf }) =>
    0.5 * (1 + erf(x * Math.SQRT1_2)) + (x * Math.exp(-0.5 * x * x)) / Math.sqrt(2 * Math.PI),
);

const geluTanh = unary(
  'gelu',
  (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x))),
  (x) => {
    const t = Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x));
    return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * Math.sqrt(2 / Math.PI) * (1 + 0.134145 * x * x);
  },
);

/** Options of {@link gelu}. */
export interface GeluOptions {
  /** `'none'` is exact; `'tanh'` is the faster approximation of the paper. Default `'none'`. */
  readonly approximate?: 'none' | 'tanh';
}

/**
 * `x · Φ(x)`, with Φ the distribution function of the standard normal.
 * @paper Hendrycks and Gimpel, Gaussian error linear units, 2016, https://arxiv.org/abs/1606.08415
 */
export function gelu(x: Operand, options: GeluOptions = {}): Tensor {
  checkKeys('gelu', options, ['approximate']);
  const { approximate = 'none' } = options;
  if (approximate !== 'none' && approximate !== 'tanh') {
    throw new ValueError('gelu', "approximate must be 'none' or 'tanh'", show(approximate));
  }
  return approximate === 'tanh' ? geluTanh(x) : geluExact(x);
}

const softplusOp = elementwise(
  'softplus',
  ['x', 'beta', 'threshold'],
  (x: number, beta: number, threshold: number, { softplus }: SpecialFunctions) =>
    x * beta > threshold ? x : softplus(x * beta) / beta,
  [
    (x: number, beta: number, threshold: number, _y: number, { sigmoid }: SpecialFunctions) =>
      x * beta > threshold ? 1 : sigmoid(x * beta),
  ],
  'float',
);

/** Options of {@link softplus}. */
export interface SoftplusOptions {
  /** How sharply it bends. Default 1. */
  readonly beta?: number;
  /** Beyond `beta · x` = threshold it is the identity. Default 20. */
  readonly threshold?: number;
}

/** `ln(1 + e^(beta·x)) / beta`, a smooth relu. */
export function softplus(x: Operand, options: SoftplusOptions = {}): Tensor {
  checkKeys('softplus', options, ['beta', 'threshold']);
  const { beta = 1, threshold = 20 } = options;
  return apply(softplusOp, x, beta, threshold);
}

const hardtanhOp = elementwise(
  'hardtanh',
  ['x', 'low', 'high'],
  (x: number, low: number, high: number) => Math.min(Math.max(x, low), high),
  [(x: number, low: number, high: number) => (x > low && x < high ? 1 : 0)],
);

/** `x` held between `min` and `max`; the derivative at both ends is 0. */
export function hardtanh(x: Operand, min = -1, max = 1): Tensor {
  return apply(hardtanhOp, x, min, max);
}
