import { checkKeys, show, ValueError } from '../../core/errors.ts';
import {
  apply,
  type Binary,
  binary,
  comparison,
  elementwise,
  type Operand,
  type Unary,
  unary,
} from '../apply.ts';
import { expectTensor, Tensor } from '../tensor.ts';

// Arithmetic

/** `x + other`, broadcast. */
export const add: Binary = binary(
  'add',
  (a, b) => a + b,
  () => 1,
  () => 1,
);

/** `x − other`, broadcast. */
export const sub: Binary = binary(
  'sub',
  (a, b) => a - b,
  () => 1,
  () => -1,
);

/** `x · other` element by element, broadcast. For the matrix product see {@link matmul}. */
export const mul: Binary = binary(
  'mul',
  (a, b) => a * b,
  (_a, b) => b,
  (a) => a,
);

/** `x / other`, broadcast; whole numbers give float32. */
export const div: Binary = binary(
  'div',
  (a, b) => a / b,
  (_a, b) => 1 / b,
  (_a, b, y) => -y / b,
  'float',
);

/**
 * `xᵒᵗʰᵉʳ`, broadcast. At x = 0 the derivative by the exponent is 0 for exponents ≥ 0, as in PyTorch.
 */
export const pow: Binary = binary(
  'pow',
  // C's pow: 1 to any power is 1, even NaN, and (−1)^±∞ is 1
  (a, b) => (a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : a ** b),
  (a, b) => (b === 0 ? 0 : b * a ** (b - 1)),
  (a, b, y) => (a === 0 && b >= 0 ? 0 : y * Math.log(a)),
);

/** The larger of `x` and `other`, broadcast; NaN wins. Where they are equal, each gets half of the gradient. */
export const maximum: Binary = binary(
  'maximum',
  (a, b) => Math.max(a, b),
  (a, b) => (a < b ? 0 : a === b ? 0.5 : 1),
  (a, b) => (b < a ? 0 : a === b ? 0.5 : 1),
);

/** The smaller of `x` and `other`, broadcast; NaN wins. Where they are equal, each gets half of the gradient. */
export const minimum: Binary = binary(
  'minimum',
  (a, b) => Math.min(a, b),
  (a, b) => (a > b ? 0 : a === b ? 0.5 : 1),
  (a, b) => (b > a ? 0 : a === b ? 0.5 : 1),
);

/** `−x`. */
export const neg: Unary = unary(
  'neg',
  (x) => -x,
  () => -1,
  'same',
);

/** `|x|`, with derivative 0 at 0. */
export const abs: Unary = unary(
  'abs',
  (x) => Math.abs(x),
  (x) => Math.sign(x),
  'same',
);

/** −1, 0 or 1; its derivative is 0. */
export const sign: Unary = unary(
  'sign',
  (x) => Math.sign(x),
  () => 0,
  'same',
);

/** `x²`. */
export const square: Unary = unary(
  'square',
  (x) => x * x,
  (x) => 2 * x,
  'same',
);

/** `1 / x`. */
export const reciprocal: Unary = unary(
  'reciprocal',
  (x) => 1 / x,
  (_x, y) => -y * y,
);

// Exponentials, logarithms, roots, angles

/** `eˣ`. */
export const exp: Unary = unary(
  'exp',
  (x) => Math.exp(x),
  (_x, y) => y,
);

/** `eˣ − 1`, exact for small x. */
export const expm1: Unary = unary(
  'expm1',
  (x) => Math.expm1(x),
  (_x, y) => y + 1,
);

/** `ln x`. */
export const log: Unary = unary(
  'log',
  (x) => Math.log(x),
  (x) => 1 / x,
);

/** `ln(1 + x)`, exact for small x. */
export const log1p: Unary = unary(
  'log1p',
  (x) => Math.log1p(x),
  (x) => 1 / (1 + x),
);

/** `√x`. */
export const sqrt: Unary = unary(
  'sqrt',
  (x) => Math.sqrt(x),
  (_x, y) => 0.5 / y,
);

/** `1 / √x`. */
export const rsqrt: Unary = unary(
  'rsqrt',
  (x) => 1 / Math.sqrt(x),
  (_x, y) => -0.5 * y * y * y,
);

/** The largest whole number ≤ x; its derivative is 0. */
export const floor: Unary = unary(
  'floor',
  (x) => Math.floor(x),
  () => 0,
  'same',
);

/** The smallest whole number ≥ x; its derivative is 0. */
export const ceil: Unary = unary(
  'ceil',
  (x) => Math.ceil(x),
  () => 0,
  'same',
);

/** Sine of x in radians. */
export const sin: Unary = unary(
  'sin',
  (x) => Math.sin(x),
  (x) => Math.cos(x),
);

/** Cosine of x in radians. */
export const cos: Unary = unary(
  'cos',
  (x) => Math.cos(x),
  (x) => -Math.sin(x),
);

/** The error function `2/√π ∫₀ˣ e^(−t²) dt`. */
export const erf: Unary = unary(
  'erf',
  (x, { erf }) => erf(x),
  (x) => (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x),
);

// Bounds, choices, comparisons

const clampOp = elementwise(
  'clamp',
  ['x', 'low', 'high'],
  (x: number, low: number, high: number) => Math.min(Math.max(x, low), high),
  [(x: number, low: number, high: number) => (x >= low && x <= high ? 1 : 0)],
);

/** The bounds of {@link clamp}; one may be left out. */
export interface ClampOptions {
  /** The lower bound. Default −∞. */
  readonly min?: number;
  /** The upper bound. Default ∞. */
  readonly max?: number;
}

/** `x` held between `min` and `max`, both included in the range with derivative 1; NaN stays NaN. */
export function clamp(x: Operand, options: ClampOptions): Tensor {
  checkKeys('clamp', options, ['min', 'max']);
  const { min, max } = options ?? {};
  if (min === undefined && max === undefined) {
    throw new ValueError('clamp', 'min or max must be given', show(options), 'As in x.clamp({ min: 0 }).');
  }
  // a bound that is left out is beyond every number of the dtype
  const far = x instanceof Tensor && x.dtype === 'int32' ? 2 ** 31 : Number.POSITIVE_INFINITY;
  return apply(clampOp, x, min ?? -far, max ?? far);
}

const whereOp = elementwise('where', ['c', 'a', 'b'], (c: number, a: number, b: number) => (c ? a : b), [
  () => 0,
  (c: number) => (c ? 1 : 0),
  (c: number) => (c ? 0 : 1),
]);

/** `a` where the bool tensor `condition` is true, else `b`, all broadcast. */
export function where(condition: Tensor, a: Operand, b: Operand): Tensor {
  if (expectTensor('where', condition, 'the condition').dtype !== 'bool') {
    throw new ValueError(
      'where',
      'the condition must be a bool tensor',
      condition.dtype,
      "Compare first, as in x.gt(0), or use cast('bool').",
    );
  }
  return apply(whereOp, condition, a, b);
}

/** Whether `x = other`, as bool. */
export const eq: Binary = comparison('eq', (a, b) => a === b);

/** Whether `x ≠ other`, as bool. */
export const ne: Binary = comparison('ne', (a, b) => a !== b);

/** Whether `x < other`, as bool. */
export const lt: Binary = comparison('lt', (a, b) => a < b);

/** Whether `x ≤ other`, as bool. */
export const le: Binary = comparison('le', (a, b) => a <= b);

/** Whether `x > other`, as bool. */
export const gt: Binary = comparison('gt', (a, b) => a > b);

/** Whether `x ≥ other`, as bool. */
export const ge: Binary = comparison('ge', (a, b) => a >= b);
