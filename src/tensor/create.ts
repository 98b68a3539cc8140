import type ndarray from 'ndarray';
import { checkDType, converted, type DType, dtypeOf, isFloat, type TypedArray } from '../core/dtype.ts';
import { checkKeys, ShapeError, show, ValueError } from '../core/errors.ts';
import { defaultGenerator, Generator } from '../core/random.ts';
import { checkShape, type Shape } from '../core/shape.ts';
import { gathered } from '../kernels/copy.ts';
import { expectTensor, type NestedArray, Tensor, tensorOf, zeroed } from './tensor.ts';

/** Options of every function that creates a tensor. */
export interface TensorOptions {
  /** The kind of number. Default float32, or the kind of the typed array given. */
  readonly dtype?: DType;
  /** Whether `backward` shall compute a gradient for it. Default false. */
  readonly requiresGrad?: boolean;
}

/** Options of every function that creates random numbers. */
export interface RandomOptions extends TensorOptions {
  /** Where the random numbers come from. Default: the generator that {@link manualSeed} sets. */
  readonly generator?: Generator;
}

/** What {@link tensor} makes a tensor of. */
export type TensorData = NestedArray | ArrayLike<number> | ndarray.NdArray<TypedArray | number[]> | Tensor;

function finish(t: Tensor, requiresGrad: boolean | undefined): Tensor {
  if (requiresGrad) t.requiresGrad = true;
  return t;
}

function filled(
  where: string,
  shape: Shape,
  options: TensorOptions,
  fill: (array: TypedArray) => void,
): Tensor {
  checkKeys(where, options, ['dtype', 'requiresGrad', 'generator']);
  const sizes = checkShape(where, shape);
  const dtype = checkDType(where, options.dtype ?? 'float32');
  const made = zeroed(sizes, dtype === 'bool' ? 'float64' : dtype);
  fill(made.storage);
  return finish(
    dtype === 'bool' ? tensorOf(converted(made.storage, dtype), sizes, dtype) : made,
    options.requiresGrad,
  );
}

/** The shape of lists in lists, checked against every list at `depth` as the numbers are written out. */
function flatten(
  data: NestedArray,
  out: (number | boolean)[],
  shape: number[],
  depth: number,
  path: string,
): void {
  if (!Array.isArray(data)) {
    if (depth !== shape.length) ragged(path, `a list of ${shape[depth]}`, show(data));
    if (typeof data !== 'number' && typeof data !== 'boolean') {
      throw new ValueError(
        'tensor',
        `every element must be a number or a boolean`,
        `${show(data)} at ${path || 'the top'}`,
      );
    }
    out.push(data);
    return;
  }
  if (depth >= shape.length) ragged(path, 'a number', `a list of ${data.length}`);
  if (data.length !== shape[depth]) ragged(path, `a list of ${shape[depth]}`, `a list of ${data.length}`);
  for (let i = 0; i < data.length; i++) flatten(data[i], out, shape, depth + 1, `${path}[${i}]`);
}

function ragged(path: string, wanted: string, got: string): never {
  throw new ShapeError(
    'tensor',
    'lists at the same depth must have the same length',
    `${got} at ${path || 'the top'} where ${wanted} belongs`,
  );
}

function isNdarray(data: object): data is ndarray.NdArray<TypedArray | number[]> {
  return 'shape' in data && 'stride' in data && 'offset' in data && 'data' in data;
}

/**
 * A tensor of the given numbers, copied.
 *
 * Whole numbers in an `Int32Array` become int32, a `Float64Array` float64, lists of booleans bool; the rest float32, bytes
 * too, unless `dtype` says otherwise.
 *
 * @param data - a number, lists in lists, a typed array (rank 1), an npm `ndarray` of any strides, or another tensor
 * @throws {@link ShapeError} for ragged lists, naming the place; {@link ValueError} for what is not a number
 * @example
 * ```ts
 * import { tensor } from 'gradlet';
 * tensor([[1, 2], [3, 4.5]]); // → tensor([[1.0, 2.0], [3.0, 4.5]])
 * tensor([true, false]).dtype; // → bool
 * ```
 */
export function tensor(data: TensorData, options: TensorOptions = {}): Tensor {
  checkKeys('tensor', options, ['dtype', 'requiresGrad']);
  const { requiresGrad } = options;
  const dtype = options.dtype === undefined ? undefined : checkDType('tensor', options.dtype);
  if (data instanceof Tensor) {
    const to = dtype ?? data.dtype;
    return finish(tensorOf(converted(gathered(data, data.dtype), to), data.shape, to), requiresGrad);
  }
  if (ArrayBuffer.isView(data)) {
    const values = data as unknown as ArrayLike<number>;
    const to = dtype ?? dtypeOf(data) ?? 'float32';
    return finish(tensorOf(converted(values, to), [values.length], to), requiresGrad);
  }
  if (data !== null && typeof data === 'object' && !Array.isArray(data)) {
    if (!isNdarray(data)) {
      throw new ValueError(
        'tensor',
        'data must be a number, lists, a typed array, an ndarray or a tensor',
        show(data),
      );
    }
    const kind = ArrayBuffer.isView(data.data) ? (dtypeOf(data.data) ?? 'float64') : 'float64';
    const values = gathered(
      { storage: data.data as TypedArray, shape: data.shape, strides: data.stride, offset: data.offset },
      kind,
    );
    const to = dtype ?? (ArrayBuffer.isView(data.data) && dtypeOf(data.data) ? kind : 'float32');
    return finish(tensorOf(converted(values, to), [...data.shape], to), requiresGrad);
  }
  const shape: number[] = [];
  for (let at: unknown = data; Array.isArray(at); at = at[0]) shape.push(at.length);
  const flat: (number | boolean)[] = [];
  flatten(data as NestedArray, flat, shape, 0, '');
  const to = dtype ?? (flat.length > 0 && flat.every((v) => typeof v === 'boolean') ? 'bool' : 'float32');
  return finish(tensorOf(converted(flat, to), shape, to), requiresGrad);
}

/**
 * A copy, of the given dtype, of a saved tensor or of the arrays that `JSON.stringify` wrote of it; `null` for anything else.
 * @internal
 */
export function fromSaved(value: unknown, dtype: DType | undefined): Tensor | null {
  if (!(value instanceof Tensor) && typeof value !== 'number' && !Array.isArray(value)) return null;
  try {
    return tensor(value as TensorData, { dtype });
  } catch {
    return null; // ragged, or with a null where NaN was
  }
}

/** Zeros. */
export function zeros(shape: Shape, options: TensorOptions = {}): Tensor {
  return filled('zeros', shape, options, () => undefined);
}

/** Ones. */
export function ones(shape: Shape, options: TensorOptions = {}): Tensor {
  return filled('ones', shape, options, (a) => a.fill(1));
}

/** The same number everywhere. */
export function full(shape: Shape, value: number, options: TensorOptions = {}): Tensor {
  return filled('full', shape, options, (a) => a.fill(value));
}

/** Zeros in the shape of `x`, and its dtype unless another is given. */
export function zerosLike(x: Tensor, options: TensorOptions = {}): Tensor {
  return zeros(expectTensor('zerosLike', x).shape, { ...options, dtype: options.dtype ?? x.dtype });
}

/** Ones in the shape of `x`, and its dtype unless another is given. */
export function onesLike(x: Tensor, options: TensorOptions = {}): Tensor {
  return ones(expectTensor('onesLike', x).shape, { ...options, dtype: options.dtype ?? x.dtype });
}

/** The unit matrix of n rows and columns. */
export function eye(n: number, options: TensorOptions = {}): Tensor {
  return filled('eye', [n, n], options, (a) => {
    for (let i = 0; i < n; i++) a[i * (n + 1)] = 1;
  });
}

/**
 * The numbers `start, start + step, …` below `stop` (above it for a negative step).
 *
 * Called with one number it counts from 0 to below it.
 * @throws {@link ValueError} for a step of 0 or bounds that are not finite
 * @example
 * ```ts
 * import { arange } from 'gradlet';
 * arange(3); // → tensor([0., 1., 2.])
 * arange(5, 0, -2); // → tensor([5., 3., 1.])
 * ```
 */
export function arange(stop: number, options?: TensorOptions): Tensor;
export function arange(start: number, stop: number, step?: number, options?: TensorOptions): Tensor;
export function arange(
  first: number,
  second?: number | TensorOptions,
  step = 1,
  options: TensorOptions = {},
): Tensor {
  if (typeof second !== 'number') return arange(0, first, 1, second);
  if (![first, second, step].every(Number.isFinite) || step === 0) {
    throw new ValueError(
      'arange',
      'start, stop and step must be finite, and step not 0',
      `${first}, ${second} and ${step}`,
    );
  }
  const count = Math.max(0, Math.ceil((second - first) / step));
  return filled('arange', [count], options, (a) => {
    for (let i = 0; i < count; i++) a[i] = first + i * step;
  });
}

/** `steps` numbers at equal distances from `start` to `stop`, both included. */
export function linspace(start: number, stop: number, steps: number, options: TensorOptions = {}): Tensor {
  return filled('linspace', [steps], options, (a) => {
    const last = steps - 1;
    for (let i = 0; i < steps; i++)
      a[i] = i === last && i > 0 ? stop : start + (i * (stop - start)) / Math.max(1, last);
  });
}

function drawn(
  where: string,
  shape: Shape,
  options: RandomOptions,
  draw: (from: Generator) => number,
): Tensor {
  const from = options.generator ?? defaultGenerator;
  if (!(from instanceof Generator)) {
    throw new ValueError(
      where,
      'generator must be a Generator',
      show(from),
      'Make one with new Generator(seed).',
    );
  }
  return filled(where, shape, options, (a) => {
    for (let i = 0; i < a.length; i++) a[i] = draw(from);
  });
}

/** Random numbers from the uniform distribution on [0, 1). */
export function rand(shape: Shape, options: RandomOptions = {}): Tensor {
  // 24 bits are what float32 holds exactly: rounding 53 could give 1
  const draw = (from: Generator) =>
    options.dtype === 'float64' ? from.uniform() : Math.floor(from.uniform() * 2 ** 24) / 2 ** 24;
  return drawn('rand', shape, needsFloat('rand', options), draw);
}

/** Random numbers from the standard normal distribution N(0, 1). */
export function randn(shape: Shape, options: RandomOptions = {}): Tensor {
  return drawn('randn', shape, needsFloat('randn', options), (from) => from.normal());
}

function needsFloat(where: string, options: RandomOptions): RandomOptions {
  if (options.dtype !== undefined && !isFloat(options.dtype)) {
    throw new ValueError(
      where,
      'dtype must be float32 or float64',
      show(options.dtype),
      'For whole numbers use randint.',
    );
  }
  return options;
}

/** Random whole numbers in `low … high − 1`, as int32 unless another dtype is given. */
export function randint(low: number, high: number, shape: Shape, options: RandomOptions = {}): Tensor {
  if (!Number.isInteger(low) || !Number.isInteger(high) || low >= high) {
    throw new ValueError(
      'randint',
      'low and high must be whole numbers with low < high',
      `${show(low)} and ${show(high)}`,
    );
  }
  return drawn(
    'randint',
    shape,
    { ...options, dtype: options.dtype ?? 'int32' },
    (from) => low + from.integer(high - low),
  );
}

/** 1 with probability `p`, else 0; as float32 unless another dtype is given. */
export function bernoulli(p: number, shape: Shape, options: RandomOptions = {}): Tensor {
  if (!(p >= 0 && p <= 1)) throw new ValueError('bernoulli', 'p must be a probability in [0, 1]', show(p));
  return drawn('bernoulli', shape, options, (from) => from.flip(p));
}

/** The numbers `0 … n − 1` in random order, as int32 unless another dtype is given. */
export function randperm(
  n: number,
  { generator = defaultGenerator, ...options }: RandomOptions = {},
): Tensor {
  return filled('randperm', [n], { ...options, dtype: options.dtype ?? 'int32' }, (a) =>
    a.set(generator.permutation(n)),
  );
}
