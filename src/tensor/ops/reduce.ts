import { type DType, isFloat } from '../../core/dtype.ts';
import { checkKeys, ShapeError, show, ValueError } from '../../core/errors.ts';
import { resolveAxes, resolveAxis, type Shape, showShape, sizeOf } from '../../core/shape.ts';
import * as kernels from '../../kernels/reduce.ts';
import { apply, elementwise, unary } from '../apply.ts';
import { record } from '../graph.ts';
import { empty, expectTensor, rowMajor, Tensor } from '../tensor.ts';
import { cast } from './cast.ts';
import { abs, div, eq, mul, ne, pow, sign, sqrt, square, sub, where } from './elementwise.ts';
import { expand, flip, pad, permute, reshape, slice } from './shape.ts';

/** One axis or several; negative ones count from the end. */
export type Axis = number | readonly number[];

/** Options of every reduction. */
export interface ReduceOptions {
  /** The axes to reduce; all of them when left out. */
  readonly axis?: Axis;
  /** Keeps reduced axes with size 1, so that the result broadcasts against the input. Default false. */
  readonly keepDims?: boolean;
}

/** How reductions are told their axes: `1`, `[0, 1]` or `{ axis: 1, keepDims: true }`. */
export type Reduce = Axis | ReduceOptions;

function readOptions<T extends ReduceOptions>(
  where: string,
  options: Axis | T | undefined,
  known: readonly string[] = [],
): T {
  if (options === undefined || typeof options === 'number' || Array.isArray(options))
    return { axis: options } as T;
  if (options === null || typeof options !== 'object') {
    throw new ValueError(
      where,
      'the axes must be a number, a list of numbers or { axis, keepDims }',
      show(options),
    );
  }
  checkKeys(where, options, ['axis', 'keepDims', ...known]);
  return options as T;
}

/** A reduction with its axes resolved: `x` seen as row-major [outer, count, inner], and the shapes of results. */
interface Plan {
  readonly x: Tensor;
  readonly axes: readonly number[];
  readonly outer: number;
  readonly count: number;
  readonly inner: number;
  /** Reduced axes have size 1. */
  readonly kept: Shape;
  /** What the caller gets: `kept`, or without the reduced axes. */
  readonly shape: Shape;
}

function plan(where: string, x: Tensor, { axis, keepDims = false }: ReduceOptions): Plan {
  const { shape } = expectTensor(where, x);
  if (axis === undefined) {
    const kept = shape.map(() => 1);
    const all = shape.map((_, a) => a);
    return { x, axes: all, outer: 1, count: sizeOf(shape), inner: 1, kept, shape: keepDims ? kept : [] };
  }
  const single = Array.isArray(axis) && axis.length === 1 ? (axis[0] as number) : axis;
  if (typeof single === 'number') {
    const a = resolveAxis(where, single, shape.length);
    let [outer, inner] = [1, 1];
    for (let i = 0; i < shape.length; i++) {
      if (i < a) outer *= shape[i]!;
      else if (i > a) inner *= shape[i]!;
    }
    const kept = shape.with(a, 1);
    return {
      x,
      axes: [a],
      outer,
      count: shape[a]!,
      inner,
      kept,
      shape: keepDims ? kept : shape.toSpliced(a, 1),
    };
  }
  const axes = resolveAxes(where, axis, shape.length);
  const kept = shape.map((n, a) => (axes.includes(a) ? 1 : n));
  const result = keepDims ? kept : shape.filter((_, a) => !axes.includes(a));
  const count = sizeOf(axes.map((a) => shape[a]!));
  const [first = 0] = axes;
  const neighbours = axes.every((a, i) => a === first + i);
  if (neighbours) {
    const outer = sizeOf(shape.slice(0, first));
    const inner = sizeOf(shape.slice(first + axes.length));
    return { x, axes, outer, count, inner, kept, shape: result };
  }
  const others = shape.map((_, a) => a).filter((a) => !axes.includes(a));
  const moved = permute(x, [...others, ...axes]);
  return { x: moved, axes, outer: sizeOf(result), count, inner: 1, kept, shape: result };
}

function run(kernel: kernels.Reduction, p: Plan, dtype: DType): Tensor {
  const y = empty(p.shape, dtype);
  if (y.size > 0) kernel(y.storage, rowMajor(p.x), p.outer, p.count, p.inner);
  return y;
}

/** The same of what may go along some axes after others, so that axes that are no neighbours need not be moved together. */
function runInTurn(where: string, kernel: kernels.Reduction, x: Tensor, p: Plan, dtype: DType): Tensor {
  const { axes, shape } = p;
  let first = axes.length - 1;
  while (first > 0 && axes[first - 1] === axes[first]! - 1) first--;
  if (first <= 0) return run(kernel, p, dtype);
  const some = run(kernel, plan(where, x, { axis: axes.slice(first) }), dtype);
  const rest = plan(where, some, { axis: axes.slice(0, first) });
  return reshape(runInTurn(where, kernel, some, rest, dtype), shape);
}

/** The wider dtype in which whole numbers are added up: int32. */
const counted = (dtype: DType): DType => (dtype === 'bool' ? 'int32' : dtype);
const floating = (x: Tensor): Tensor => (isFloat(x.dtype) ? x : cast(x, 'float32'));

/** A reduced tensor, seen in every place that it was made from. */
const spreadOut = (g: Tensor, kept: Shape, shape: Shape): Tensor =>
  expand(g.ndim === 0 ? g : reshape(g, kept), shape);

/** The sum, asked for by the public function `where`. */
function total(where: string, x: Tensor, options?: Reduce): Tensor {
  const p = plan(where, x, readOptions(where, options));
  const { shape } = x;
  const { kept } = p;
  return record('sum', runInTurn(where, kernels.sum, x, p, counted(x.dtype)), [
    x,
    (g) => spreadOut(g, kept, shape),
  ]);
}

/** The mean, asked for by the public function `where`. */
function average(where: string, x: Tensor, options?: Reduce): Tensor {
  const source = floating(expectTensor(where, x));
  const p = plan(where, source, readOptions(where, options));
  const { shape } = source;
  const { kept, count } = p;
  const y = runInTurn(where, kernels.sum, source, p, source.dtype);
  const { storage } = y;
  for (let i = 0; i < storage.length; i++) storage[i]! /= count;
  return record('mean', y, [source, (g) => spreadOut(div(g, count), kept, shape)]);
}

/** The variance, asked for by the public function `where`. */
function spread(where: string, x: Tensor, options?: Axis | VarianceOptions): Tensor {
  const { axis, keepDims, correction = 1 } = readOptions<VarianceOptions>(where, options, ['correction']);
  const source = floating(expectTensor(where, x));
  const center = average(where, source, { axis, keepDims: true });
  const added = total(where, square(sub(source, center)), { axis, keepDims });
  return div(added, Math.max(0, source.size / added.size - correction));
}

/**
 * `Σ x` over the given axes; bool and whole numbers add up as int32. The empty sum is 0.
 *
 * @example
 * ```ts
 * import { tensor } from 'gradlet';
 * const x = tensor([[1, 2], [3, 4]]);
 * x.sum().item(); // → 10
 * x.sum(0); // → tensor([4., 6.])
 * x.sum({ axis: 1, keepDims: true }); // → tensor([[3.], [7.]])
 * ```
 */
export function sum(x: Tensor, options?: Reduce): Tensor {
  return total('sum', x, options);
}

/** `1/n Σ x` over the given axes; bool and whole numbers give float32. The mean of nothing is NaN. */
export function mean(x: Tensor, options?: Reduce): Tensor {
  return average('mean', x, options);
}

/** Options of {@link variance} and {@link std}. */
export interface VarianceOptions extends ReduceOptions {
  /** What is taken off n in the divisor: 1 (Bessel's, the default) for a sample, 0 for a whole population. */
  readonly correction?: number;
}

/** `Σ (x − mean)² / (n − correction)` over the given axes. */
export function variance(x: Tensor, options?: Axis | VarianceOptions): Tensor {
  return spread('variance', x, options);
}

/** √v with derivative 0 at v = 0, so that constant data gives no NaN. */
const root = unary(
  'std',
  (v) => Math.sqrt(v),
  (_v, y) => (y === 0 ? 0 : 0.5 / y),
);

/** The square root of {@link variance}; where that is 0, so is the derivative. */
export function std(x: Tensor, options?: Axis | VarianceOptions): Tensor {
  return root(spread('std', x, options));
}

/** Largest or smallest elements; those that tie share the gradient equally. */
function extreme(name: string, kernel: kernels.Reduction, x: Tensor, options?: Reduce): Tensor {
  const p = plan(name, x, readOptions(name, options));
  refuseEmpty(name, p);
  const y = runInTurn(name, kernel, x, p, x.dtype);
  return record(name, y, [
    x,
    (g) => {
      const ties = cast(eq(x, reshape(y.detach(), p.kept)), x.dtype);
      return mul(div(reshape(g, p.kept), sum(ties, { axis: p.axes, keepDims: true })), ties);
    },
  ]);
}

function refuseEmpty(where: string, p: Plan): void {
  if (p.count === 0) {
    throw new ShapeError(where, 'the reduced axes must not be empty', `shape ${showShape(p.x.shape)}`);
  }
}

/**
 * The largest element over the given axes; NaN wins. Elements that tie share the gradient equally, as `torch.amax`.
 * @throws {@link ShapeError} when there is nothing to choose from
 */
export function max(x: Tensor, options?: Reduce): Tensor {
  return extreme('max', kernels.max, x, options);
}

/**
 * The smallest element over the given axes; NaN wins. Elements that tie share the gradient equally, as `torch.amin`.
 * @throws {@link ShapeError} when there is nothing to choose from
 */
export function min(x: Tensor, options?: Reduce): Tensor {
  return extreme('min', kernels.min, x, options);
}

function position(name: string, kernel: kernels.Reduction, x: Tensor, options?: Reduce): Tensor {
  const p = plan(name, x, readOptions(name, options));
  refuseEmpty(name, p);
  return run(kernel, p, 'int32');
}

/**
 * The position of the largest element, as int32: along one axis, or among all elements in row-major order.
 * The first of equal ones; the first NaN wins.
 * @throws {@link ShapeError} when there is nothing to choose from
 */
export function argmax(x: Tensor, options?: Reduce): Tensor {
  return position('argmax', kernels.argmax, x, options);
}

/**
 * The position of the smallest element, as int32: along one axis, or among all elements in row-major order.
 * The first of equal ones; the first NaN wins.
 * @throws {@link ShapeError} when there is nothing to choose from
 */
export function argmin(x: Tensor, options?: Reduce): Tensor {
  return position('argmin', kernels.argmin, x, options);
}

/** `Π x` over the given axes; the empty product is 1. The gradient is right with zeros among the factors, too. */
export function prod(x: Tensor, options?: Reduce): Tensor {
  const p = plan('prod', x, readOptions('prod', options));
  // [outer, count, inner], folded in half again and again: no derivative divides by a factor
  let y = cast(reshape(p.x, [p.outer, p.count, p.inner]), counted(x.dtype));
  do {
    const half = Math.ceil(y.shape[1]! / 2) || 1;
    const even = pad(
      y,
      [
        [0, 0],
        [0, 2 * half - y.shape[1]!],
        [0, 0],
      ],
      { value: 1 },
    );
    y = mul(slice(even, null, [0, half]), slice(even, null, [half]));
  } while (y.shape[1]! > 1);
  return reshape(y, p.shape);
}

/** Options of {@link norm}. */
export interface NormOptions extends ReduceOptions {
  /** Which norm: 2 (Euclid, the default), 1, `Infinity`, 0 (how many are not zero) or any other power. */
  readonly p?: number;
}

/** `(Σ |x|ᵖ)^(1/p)` over the given axes; `max |x|` for p = ∞. Its gradient at zero is 0. */
export function norm(x: Tensor, options?: Axis | NormOptions): Tensor {
  const { p = 2, ...reduce } = readOptions<NormOptions>('norm', options, ['p']);
  const source = floating(expectTensor('norm', x));
  if (typeof p !== 'number' || Number.isNaN(p)) throw new ValueError('norm', 'p must be a number', show(p));
  if (p === Number.POSITIVE_INFINITY) return extreme('norm', kernels.max, abs(source), reduce);
  if (p === Number.NEGATIVE_INFINITY) return extreme('norm', kernels.min, abs(source), reduce);
  if (p === 0) return cast(total('norm', ne(source, 0), reduce), source.dtype);
  if (p === 1) return total('norm', abs(source), reduce);
  const { kept } = plan('norm', source, reduce);
  // squares of float32 numbers need more room than float32
  const plain = cast(source.detach(), 'float64');
  const wide = p === 2 ? sqrt(sum(square(plain), reduce)) : pow(sum(pow(abs(plain), p), reduce), 1 / p);
  const y = cast(wide, source.dtype);
  return record('norm', y, [
    source,
    (g) => {
      const length = reshape(y, kept);
      const safe = p > 0 ? where(eq(length, 0), 1, length) : length;
      const ratio = div(abs(source), safe);
      // for p < 1 zeros would give ∞, where the gradient is taken as 0
      const finite = p < 1 ? where(eq(source, 0), 1, ratio) : ratio;
      const direction = p === 2 ? div(source, safe) : mul(sign(source), pow(finite, p - 1));
      return mul(reshape(g, kept), direction);
    },
  ]);
}

const isScalar = (x: unknown): boolean => x instanceof Tensor && x.ndim === 0;

/** A scalar as a line of one element, as PyTorch takes it where an axis is asked for. */
function asLine(x: Tensor, f: (line: Tensor) => Tensor): Tensor {
  return reshape(f(reshape(x, [1])), []);
}

/** Running sums along one axis: `y[i] = Σ x[0 … i]`. */
export function cumsum(x: Tensor, axis: number): Tensor {
  if (isScalar(x)) return asLine(x, (line) => cumsum(line, axis));
  const p = plan('cumsum', x, { axis, keepDims: true });
  const y = empty(x.shape, counted(x.dtype));
  kernels.cumsum(y.storage, rowMajor(x), p.outer, p.count, p.inner);
  return record('cumsum', y, [x, (g) => flip(cumsum(flip(g, axis), axis), axis)]);
}

const logSumExpBackward = elementwise(
  'logSumExp backward',
  ['dy', 'x', 'logSum'],
  (dy: number, x: number, logSum: number) => dy * Math.exp(x - logSum),
);
const softmaxBackward = elementwise(
  'softmax backward',
  ['dy', 'p', 'sum'],
  (dy: number, p: number, sum: number) => p * (dy - sum),
);
const logSoftmaxBackward = elementwise(
  'logSoftmax backward',
  ['dy', 'logP', 'sum'],
  (dy: number, logP: number, sum: number) => dy - Math.exp(logP) * sum,
);

/** `ln Σ eˣ` over the given axes, without overflow. */
export function logSumExp(x: Tensor, options?: Reduce): Tensor {
  const source = floating(expectTensor('logSumExp', x));
  const p = plan('logSumExp', source, readOptions('logSumExp', options));
  const y = runInTurn('logSumExp', kernels.logSumExp, source, p, source.dtype);
  return record('logSumExp', y, [
    source,
    (g) => apply(logSumExpBackward, reshape(g, p.kept), source, reshape(y, p.kept)),
  ]);
}

/** One row-major line kernel along one axis, into a tensor of the same shape. */
function alongAxis(
  where: string,
  kernel: kernels.Reduction,
  x: Tensor,
  axis: number,
): { source: Tensor; y: Tensor } {
  const source = floating(expectTensor(where, x));
  const p = plan(where, source, { axis, keepDims: true });
  const y = empty(source.shape, source.dtype);
  if (y.size > 0) kernel(y.storage, rowMajor(source), p.outer, p.count, p.inner);
  return { source, y };
}

/**
 * `eˣ / Σ eˣ` along an axis: positive numbers that add up to 1, without overflow.
 *
 * @example
 * ```ts
 * import { tensor } from 'gradlet';
 * tensor([1000, 1000]).softmax(); // → tensor([0.5, 0.5])
 * ```
 */
export function softmax(x: Tensor, axis = -1): Tensor {
  if (isScalar(x)) return asLine(x, (line) => softmax(line, axis));
  const { source, y } = alongAxis('softmax', kernels.softmax, x, axis);
  return record('softmax', y, [
    source,
    (g) => apply(softmaxBackward, g, y, sum(mul(g, y), { axis, keepDims: true })),
  ]);
}

/** `x − ln Σ eˣ` along an axis: the logarithm of {@link softmax}, without overflow. */
export function logSoftmax(x: Tensor, axis = -1): Tensor {
  if (isScalar(x)) return asLine(x, (line) => logSoftmax(line, axis));
  const { source, y } = alongAxis('logSoftmax', kernels.logSoftmax, x, axis);
  return record('logSoftmax', y, [
    source,
    (g) => apply(logSoftmaxBackward, g, y, sum(g, { axis, keepDims: true })),
  ]);
}
