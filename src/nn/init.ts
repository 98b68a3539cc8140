import { allocate } from '../core/dtype.ts';
import { ShapeError, show, ValueError } from '../core/errors.ts';
import { defaultGenerator, type Generator } from '../core/random.ts';
import { showShape } from '../core/shape.ts';
import { assign, type Tensor } from '../tensor/index.ts';
import { checkChoice, checkRange, readOptions } from './check.ts';

// Every initialiser overwrites the tensor it is given, without history, and returns it.

/** Options of every random initialiser. */
export interface InitOptions {
  /** Where the random numbers come from. Default: the generator that {@link manualSeed} sets. */
  readonly generator?: Generator;
}

function filled(t: Tensor, next: (position: number) => number): Tensor {
  const values = allocate(t.dtype, t.size);
  for (let i = 0; i < values.length; i++) values[i] = next(i);
  assign(t, values);
  return t;
}

/** The same number everywhere. */
export function constant(t: Tensor, value: number): Tensor {
  return filled(t, () => value);
}

/** Zeros. */
export function zeros(t: Tensor): Tensor {
  return constant(t, 0);
}

/** Ones. */
export function ones(t: Tensor): Tensor {
  return constant(t, 1);
}

/**
 * Ones on the diagonal of a matrix, zeros elsewhere: a linear layer passes on as many inputs as it can.
 * @throws {@link ShapeError} when the tensor has not exactly two axes
 */
export function eye(t: Tensor): Tensor {
  const [, cols] = t.shape;
  if (t.ndim !== 2)
    throw new ShapeError('init.eye', 'the tensor must have two axes', `shape ${showShape(t.shape)}`);
  return filled(t, (i) => Number(Math.floor(i / cols!) === i % cols!));
}

/** Options of {@link uniform}. */
export interface UniformOptions extends InitOptions {
  /** Where the interval begins. Default 0. */
  readonly low?: number;
  /** Where it ends. Default 1. */
  readonly high?: number;
}

/** Random numbers from the uniform distribution $U(\text{low}, \text{high})$. */
export function uniform(t: Tensor, options: UniformOptions = {}): Tensor {
  const { low, high, generator } = readOptions('init.uniform', options, {
    low: 0,
    high: 1,
    generator: defaultGenerator,
  });
  if (!(low <= high))
    throw new ValueError('init.uniform', 'low must not exceed high', `${show(low)} and ${show(high)}`);
  return filled(t, () => low + (high - low) * generator.uniform());
}

/** Options of {@link normal}. */
export interface NormalOptions extends InitOptions {
  /** Default 0. */
  readonly mean?: number;
  /** Standard deviation. Default 1. */
  readonly std?: number;
}

/** Random numbers from the normal distribution $N(\text{mean}, \text{std}^2)$. */
export function normal(t: Tensor, options: NormalOptions = {}): Tensor {
  const { mean, std, generator } = readOptions('init.normal', options, {
    mean: 0,
    std: 1,
    generator: defaultGenerator,
  });
  checkRange('init.normal', 'std', std, 0);
  return filled(t, () => mean + std * generator.normal());
}

/** Options of {@link truncNormal}. */
export interface TruncNormalOptions extends NormalOptions {
  /** The smallest value allowed, not counted in standard deviations. Default −2. */
  readonly low?: number;
  /** The largest value allowed. Default 2. */
  readonly high?: number;
}

/**
 * Random numbers from $N(\text{mean}, \text{std}^2)$, with those outside [low, high] drawn anew.
 * @throws {@link ValueError} when std is not positive, or low not below high
 */
export function truncNormal(t: Tensor, options: TruncNormalOptions = {}): Tensor {
  const { mean, std, low, high, generator } = readOptions('init.truncNormal', options, {
    mean: 0,
    std: 1,
    low: -2,
    high: 2,
    generator: defaultGenerator,
  });
  if (!(std > 0)) throw new ValueError('init.truncNormal', 'std must be > 0', show(std));
  if (!(low < high))
    throw new ValueError('init.truncNormal', 'low must be below high', `${show(low)} and ${show(high)}`);
  const from = (low - mean) / std;
  const to = (high - mean) / std;
  // the likeliest place, and how far from it the density is still above e⁻⁴⁰ of the peak: no double falls outside
  const peak = Math.min(Math.max(0, from), to);
  const reach = Math.sqrt(peak * peak + 80);
  const start = Math.max(from, -reach);
  const width = Math.min(to, reach) - start;
  const draw = (): number => {
    for (;;) {
      const z = start + width * generator.uniform();
      if (generator.uniform() < Math.exp((peak * peak - z * z) / 2)) return mean + std * z;
    }
  };
  return filled(t, () => Math.min(Math.max(draw(), low), high));
}

const gains = {
  linear: () => 1,
  sigmoid: () => 1,
  tanh: () => 5 / 3,
  relu: () => Math.SQRT2,
  leakyRelu: (negativeSlope = 0.01) => Math.sqrt(2 / (1 + negativeSlope ** 2)),
  selu: () => 3 / 4,
} satisfies Record<string, (param?: number) => number>;

/** The activations that {@link calculateGain} knows. */
export type Nonlinearity = keyof typeof gains;

/**
 * By how much weights must be scaled so that signals keep their size through the activation, as PyTorch recommends:
 * $1$ for linear and sigmoid, $5/3$ for tanh, $\sqrt 2$ for relu, $\sqrt{2 / (1 + a^2)}$ for leakyRelu with
 * slope a, $3/4$ for selu.
 *
 * @param param - the negative slope of leakyRelu; 0.01 by default
 * @throws {@link ValueError} for an unknown activation
 * @example
 * ```ts
 * import { nn } from 'gradlet';
 * nn.init.calculateGain('leakyRelu', 1); // → 1
 * ```
 */
export function calculateGain(nonlinearity: Nonlinearity, param?: number): number {
  checkChoice('init.calculateGain', 'nonlinearity', nonlinearity, Object.keys(gains) as Nonlinearity[]);
  return gains[nonlinearity](param);
}

/** Numbers that feed one output and numbers that one input feeds; axes beyond two are a receptive field. */
function fans(where: string, t: Tensor): { fanIn: number; fanOut: number } {
  const [outputs, inputs, ...field] = t.shape;
  if (outputs === undefined || inputs === undefined) {
    throw new ShapeError(
      where,
      'the tensor must have at least two axes',
      `shape ${showShape(t.shape)}`,
      'Use uniform or normal.',
    );
  }
  const receptive = field.reduce((a, b) => a * b, 1);
  return { fanIn: inputs * receptive, fanOut: outputs * receptive };
}

/** Options of {@link kaimingUniform} and {@link kaimingNormal}. */
export interface KaimingOptions extends InitOptions {
  /** The negative slope of the leakyRelu that follows; 0 means relu. Default 0. */
  readonly a?: number;
  /** Which signals keep their variance: those going forward (`'fanIn'`, the default) or the gradients going back. */
  readonly mode?: 'fanIn' | 'fanOut';
  /** The activation that follows. Default `'leakyRelu'`. */
  readonly nonlinearity?: Nonlinearity;
}

/** gain / √fan. */
function kaimingStd(where: string, t: Tensor, options: KaimingOptions): number {
  const { a, mode, nonlinearity } = readOptions(where, options, {
    a: 0,
    mode: 'fanIn',
    nonlinearity: 'leakyRelu',
    generator: undefined,
  });
  checkChoice(where, 'mode', mode, ['fanIn', 'fanOut']);
  return calculateGain(nonlinearity, a) / Math.sqrt(fans(where, t)[mode]);
}

/**
 * $U(-b, b)$ with $b = \text{gain} \cdot \sqrt{3 / \text{fan}}$: also called He initialisation.
 *
 * @paper He et al., Delving deep into rectifiers, 2015, https://arxiv.org/abs/1502.01852
 * @throws {@link ShapeError} when the tensor has fewer than two axes
 * @example
 * ```ts
 * import { nn, zeros } from 'gradlet';
 * const w = nn.init.kaimingUniform(zeros([64, 6]), { nonlinearity: 'relu' });
 * w.abs().max().item() <= 1; // → true
 * ```
 */
export function kaimingUniform(t: Tensor, options: KaimingOptions = {}): Tensor {
  const bound = Math.sqrt(3) * kaimingStd('init.kaimingUniform', t, options);
  return uniform(t, { low: -bound, high: bound, generator: options.generator });
}

/**
 * $N(0, \text{gain}^2 / \text{fan})$: also called He initialisation.
 *
 * @paper He et al., Delving deep into rectifiers, 2015, https://arxiv.org/abs/1502.01852
 * @throws {@link ShapeError} when the tensor has fewer than two axes
 */
export function kaimingNormal(t: Tensor, options: KaimingOptions = {}): Tensor {
  return normal(t, { std: kaimingStd('init.kaimingNormal', t, options), generator: options.generator });
}

/** Options of {@link xavierUniform} and {@link xavierNormal}. */
export interface XavierOptions extends InitOptions {
  /** A factor, see {@link calculateGain}. Default 1. */
  readonly gain?: number;
}

/** gain · √(2 / (fanIn + fanOut)). */
function xavierStd(where: string, t: Tensor, options: XavierOptions): number {
  const { gain } = readOptions(where, options, { gain: 1, generator: undefined });
  const { fanIn, fanOut } = fans(where, t);
  return gain * Math.sqrt(2 / (fanIn + fanOut));
}

/**
 * $U(-b, b)$ with $b = \text{gain} \cdot \sqrt{6 / (\text{fan}_\text{in} + \text{fan}_\text{out})}$: also called
 * Glorot initialisation.
 *
 * @paper Glorot and Bengio, Understanding the difficulty of training deep feedforward neural networks, 2010,
 * https://proceedings.mlr.press/v9/glorot10a.html
 * @throws {@link ShapeError} when the tensor has fewer than two axes
 */
export function xavierUniform(t: Tensor, options: XavierOptions = {}): Tensor {
  const bound = Math.sqrt(3) * xavierStd('init.xavierUniform', t, options);
  return uniform(t, { low: -bound, high: bound, generator: options.generator });
}

/**
 * $N(0, 2 \, \text{gain}^2 / (\text{fan}_\text{in} + \text{fan}_\text{out}))$: also called Glorot initialisation.
 *
 * @paper Glorot and Bengio, Understanding the difficulty of training deep feedforward neural networks, 2010,
 * https://proceedings.mlr.press/v9/glorot10a.html
 * @throws {@link ShapeError} when the tensor has fewer than two axes
 */
export function xavierNormal(t: Tensor, options: XavierOptions = {}): Tensor {
  return normal(t, { std: xavierStd('init.xavierNormal', t, options), generator: options.generator });
}

/**
 * A random matrix with orthonormal rows or columns, whichever are fewer, times `gain`; axes after the first count as
 * columns.
 *
 * @paper Saxe et al., Exact solutions to the nonlinear dynamics of learning in deep linear neural networks, 2013,
 * https://arxiv.org/abs/1312.6120
 * @throws {@link ShapeError} when the tensor has fewer than two axes
 * @example
 * ```ts
 * import { nn, zeros } from 'gradlet';
 * const w = nn.init.orthogonal(zeros([2, 5]));
 * w.matmul(w.transpose()).sub(nn.init.eye(zeros([2, 2]))).abs().max().item() < 1e-6; // → true
 * ```
 */
export function orthogonal(t: Tensor, options: XavierOptions = {}): Tensor {
  const { gain, generator } = readOptions('init.orthogonal', options, {
    gain: 1,
    generator: defaultGenerator,
  });
  fans('init.orthogonal', t);
  const rows = t.shape[0]!;
  const cols = t.size / rows || 0;
  const long = Math.max(rows, cols);
  const basis: Float64Array[] = [];
  while (basis.length < Math.min(rows, cols)) {
    const v = Float64Array.from({ length: long }, () => generator.normal());
    // Gram–Schmidt; twice is enough to be orthogonal to the last digit
    for (let pass = 0; pass < 2; pass++) {
      for (const b of basis) subtract(v, dot(v, b), b);
      const length = Math.sqrt(dot(v, v));
      for (let i = 0; i < long; i++) v[i]! /= length;
    }
    basis.push(v);
  }
  return filled(t, (i) => {
    const row = Math.floor(i / cols);
    const col = i % cols;
    return gain * (rows <= cols ? basis[row]![col]! : basis[col]![row]!);
  });
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** v ← v − s·b */
function subtract(v: Float64Array, s: number, b: Float64Array): void {
  for (let i = 0; i < v.length; i++) v[i]! -= s * b[i]!;
}
