import { isFloat } from '../core/dtype.ts';
import { ShapeError, show, ValueError } from '../core/errors.ts';
import { showShape } from '../core/shape.ts';
import type { Slide } from '../kernels/conv.ts';
import { largest } from '../kernels/pool.ts';
import { concat, contiguousData, isGradEnabled, ones, record, type Tensor, tensor } from '../tensor/index.ts';
import { putAt } from '../tensor/take.ts';
import { empty } from '../tensor/tensor.ts';
import { type Defaults, readOptions } from './check.ts';
import { sideY } from './conv.ts';
import { type FunctionModule, moduleOf } from './derived.ts';
import { type Layer, Module } from './module.ts';
import { asImages, perAxis, type Sizes, slides, type Window } from './window.ts';

/** Options of {@link maxPool1d} and {@link maxPool2d}. */
export interface MaxPoolOptions {
  /** How far the window moves from one output to the next. Default: its size, so that windows lie side by side. */
  readonly stride?: Sizes;
  /** By how much windows may hang out at both ends of each axis, up to half their size. Default 0. */
  readonly padding?: Sizes;
  /** Whether a last window that hangs out counts, where it begins inside. Default false. */
  readonly ceilMode?: boolean;
}

/** Options of {@link avgPool1d} and {@link avgPool2d}. */
export interface AvgPoolOptions extends MaxPoolOptions {
  /** Whether places of the padding count as zeros in the mean. Default true. */
  readonly countIncludePad?: boolean;
}

const maxDefaults = { stride: undefined, padding: 0, ceilMode: false };
const avgDefaults = { ...maxDefaults, countIncludePad: true };

/** The options of a pool, checked. */
function readWindow(
  where: string,
  axes: number,
  size: Sizes,
  { stride, padding, ceilMode }: MaxPoolOptions,
): Window {
  const kernelSize = perAxis(where, 'kernelSize', size, axes, 1);
  const ends = perAxis(where, 'padding', padding ?? 0, axes, 0);
  const wide = ends.findIndex((n, a) => 2 * n > kernelSize[a]!);
  if (wide >= 0) {
    throw new ValueError(
      where,
      'padding must be at most half of kernelSize',
      `${ends[wide]} for ${kernelSize[wide]}`,
    );
  }
  return {
    kernelSize,
    stride: perAxis(where, 'stride', stride ?? kernelSize, axes, 1),
    dilation: kernelSize.map(() => 1),
    padding: ends.map((n) => [n, n]),
    ceilMode,
  };
}

function maxPool(where: string, axes: number, x: Tensor, size: Sizes, options: MaxPoolOptions = {}): Tensor {
  const { images, back } = asImages(where, x, axes);
  const window = readWindow(where, axes, size, readOptions(where, options, maxDefaults));
  const [rows, cols] = slides(where, images, window);
  const { shape, dtype } = images;
  const y = empty([shape[0]!, shape[1]!, rows.count, cols.count], dtype);
  const positions = images.requiresGrad && isGradEnabled() ? new Int32Array(y.size) : null;
  largest(y.storage, positions, contiguousData(images), shape[0]! * shape[1]!, rows, cols);
  return back(positions ? record('maxPool', y, [images, (g) => putAt(g, positions, shape)]) : y);
}

/** How many places each window along an axis sees: of the input, and of the padding where that counts. */
function seenBy({ size, kernel, stride, before, count }: Slide, withPadding: boolean): number[] {
  const ends = withPadding ? before : 0;
  return Array.from({ length: count }, (_, i) => {
    const first = i * stride - before;
    return Math.min(first + kernel, size + ends) - Math.max(first, -ends);
  });
}

function avgPool(where: string, axes: number, x: Tensor, size: Sizes, options: AvgPoolOptions = {}): Tensor {
  const { images, back } = asImages(where, x, axes);
  const { countIncludePad, ...rest } = readOptions(where, options, avgDefaults);
  const [rows, cols] = slides(where, images, readWindow(where, axes, size, rest));
  const [batch, channels, height, width] = images.shape as [number, number, number, number];
  // every channel alone, under a kernel of ones
  const c = { batch: batch * channels, groups: 1, inputs: 1, outputs: 1, rows, cols };
  const kernel = ones([1, 1, rows.kernel, cols.kernel], { dtype: isFloat(x.dtype) ? x.dtype : 'float32' });
  const sums = sideY(images.reshape([c.batch, 1, height, width]), kernel, c);
  const [high, wide] = [seenBy(rows, countIncludePad), seenBy(cols, countIncludePad)];
  const counts = tensor(high.map((n) => wide.map((m) => n * m)));
  return back(sums.div(counts.cast(sums.dtype)).reshape([batch, channels, rows.count, cols.count]));
}

/**
 * The largest number under each window that slides along lines; NaN wins. Where the largest comes several times, the first
 * has all of the gradient, as in PyTorch.
 *
 * The output is $\lfloor (L + 2 \, \text{padding} - \text{kernelSize}) / \text{stride} \rfloor + 1$ long, with
 * $\lceil \cdot \rceil$ for `ceilMode`. What is padded is never the largest.
 *
 * @param kernelSize - how many places a window sees
 * @shape [N, C, L] or [C, L] → [N, C, …] or [C, …]
 * @throws {@link ShapeError} when the window does not fit; {@link ValueError} for an option out of range
 * @example
 * ```ts
 * import { nn, tensor } from 'gradlet';
 * nn.maxPool1d(tensor([[1, 3, 2, 5, 4]]), 2); // → tensor([[3., 5.]])
 * nn.maxPool1d(tensor([[1, 3, 2, 5, 4]]), 2, { ceilMode: true }); // → tensor([[3., 5., 4.]])
 * ```
 */
export function maxPool1d(x: Tensor, kernelSize: Sizes, options?: MaxPoolOptions): Tensor {
  return maxPool('maxPool1d', 1, x, kernelSize, options);
}

/**
 * The largest number under each window that slides over images: {@link maxPool1d} along height and width.
 *
 * @param kernelSize - height and width of the window; one number for both
 * @shape [N, C, H, W] or [C, H, W] → [N, C, …, …] or [C, …, …]
 * @throws {@link ShapeError} when the window does not fit; {@link ValueError} for an option out of range
 * @example
 * ```ts
 * import { nn, tensor } from 'gradlet';
 * nn.maxPool2d(tensor([[[1, 2, 0, 1], [3, 4, 0, 9]]]), 2); // → tensor([[[4., 9.]]])
 * ```
 */
export function maxPool2d(x: Tensor, kernelSize: Sizes, options?: MaxPoolOptions): Tensor {
  return maxPool('maxPool2d', 2, x, kernelSize, options);
}

/**
 * The mean of what each window sees that slides along lines.
 *
 * The output is as long as that of {@link maxPool1d}. Padding counts as zeros, unless `countIncludePad` is false.
 *
 * @param kernelSize - how many places a window sees
 * @shape [N, C, L] or [C, L] → [N, C, …] or [C, …]
 * @throws {@link ShapeError} when the window does not fit; {@link ValueError} for an option out of range
 * @example
 * ```ts
 * import { nn, tensor } from 'gradlet';
 * nn.avgPool1d(tensor([[1, 3, 2, 4]]), 2); // → tensor([[2., 3.]])
 * ```
 */
export function avgPool1d(x: Tensor, kernelSize: Sizes, options?: AvgPoolOptions): Tensor {
  return avgPool('avgPool1d', 1, x, kernelSize, options);
}

/**
 * The mean of what each window sees that slides over images: {@link avgPool1d} along height and width.
 *
 * @param kernelSize - height and width of the window; one number for both
 * @shape [N, C, H, W] or [C, H, W] → [N, C, …, …] or [C, …, …]
 * @throws {@link ShapeError} when the window does not fit; {@link ValueError} for an option out of range
 * @example
 * ```ts
 * import { nn, tensor } from 'gradlet';
 * nn.avgPool2d(tensor([[[1, 2, 0, 1], [3, 4, 0, 9]]]), 2); // → tensor([[[2.5, 2.5]]])
 * ```
 */
export function avgPool2d(x: Tensor, kernelSize: Sizes, options?: AvgPoolOptions): Tensor {
  return avgPool('avgPool2d', 2, x, kernelSize, options);
}

function adaptive(where: string, x: Tensor, outputSize: Sizes): Tensor {
  asImages(where, x, 2);
  // part i of n reaches from ⌊i · size / n⌋ to ⌈(i + 1) · size / n⌉
  return perAxis(where, 'outputSize', outputSize, 2, 1).reduce((y, n, a) => {
    const axis = a - 2;
    const size = y.shape.at(axis)!;
    if (size === 0) throw new ShapeError(where, 'the input must not be empty', `shape ${showShape(x.shape)}`);
    const parts = Array.from({ length: n }, (_, i) => {
      const range = [Math.floor((i * size) / n), Math.ceil(((i + 1) * size) / n)] as const;
      const before = new Array<null>(y.ndim + axis).fill(null);
      return y.slice(...before, range).mean({ axis, keepDims: true });
    });
    return concat(parts, axis);
  }, x);
}

/**
 * The means of as many parts of each image as are wanted, whatever its size: parts overlap by a place where the sizes are not
 * divisible.
 *
 * @param outputSize - height and width of the result; one number for both
 * @shape [N, C, H, W] or [C, H, W] → [N, C, ...outputSize] or [C, ...outputSize]
 * @throws {@link ShapeError} for an input of another rank; {@link ValueError} for a size out of range
 * @example
 * ```ts
 * import { nn, tensor } from 'gradlet';
 * const x = tensor([[[1, 2, 0, 1], [3, 4, 0, 9]]]);
 * nn.adaptiveAvgPool2d(x, 1); // → tensor([[[2.5]]])
 * nn.adaptiveAvgPool2d(x, [1, 2]); // → tensor([[[2.5, 2.5]]])
 * ```
 */
export function adaptiveAvgPool2d(x: Tensor, outputSize: Sizes): Tensor {
  return adaptive('adaptiveAvgPool2d', x, outputSize);
}

/** What every pool has beside its options. */
export interface WindowSize {
  /** How many places a window sees along each axis. */
  readonly kernelSize: Sizes;
}

/** A class of layers from a pool: the size of its window, and the options of the function. */
export type PoolClass<Options extends object> = new (
  kernelSize: Sizes,
  options?: Options,
) => FunctionModule<[x: Tensor], Options & WindowSize>;

function layer<Options extends MaxPoolOptions>(
  name: string,
  axes: number,
  fn: (where: string, axes: number, x: Tensor, size: Sizes, options: Options) => Tensor,
  defaults: Defaults<Options>,
): PoolClass<Options> {
  type Fields = Options & WindowSize;
  const Base = moduleOf<[x: Tensor], Fields>(name, (x, { kernelSize, ...options }) =>
    fn(name, axes, x, kernelSize, options as unknown as Options),
  ) as unknown as new (
    fields: object,
  ) => Layer;
  const Pool = class extends Base {
    constructor(kernelSize: Sizes, options = {} as Options) {
      const filled = readOptions(name, options, defaults);
      readWindow(name, axes, kernelSize, options);
      super({ kernelSize, ...filled, stride: options.stride ?? kernelSize });
    }
  };
  Object.defineProperty(Pool, 'name', { value: name });
  return Pool as unknown as PoolClass<Options>;
}

/**
 * {@link maxPool1d} as a layer.
 *
 * @shape [N, C, L] or [C, L] → [N, C, …] or [C, …]
 * @example
 * ```ts
 * import { nn, tensor } from 'gradlet';
 * new nn.MaxPool1d(2).forward(tensor([[1, 3, 2, 5]])); // → tensor([[3., 5.]])
 * ```
 */
export const MaxPool1d: PoolClass<MaxPoolOptions> = layer('MaxPool1d', 1, maxPool, maxDefaults);

/**
 * {@link maxPool2d} as a layer.
 *
 * @shape [N, C, H, W] or [C, H, W] → [N, C, …, …] or [C, …, …]
 * @example
 * ```ts
 * import { nn, zeros } from 'gradlet';
 * const pool = new nn.MaxPool2d(2);
 * pool.forward(zeros([32, 8, 28, 28])).shape; // → [32,8,14,14]
 * pool; // → MaxPool2d(kernelSize=2, stride=2, padding=0, ceilMode=false)
 * ```
 */
export const MaxPool2d: PoolClass<MaxPoolOptions> = layer('MaxPool2d', 2, maxPool, maxDefaults);

/**
 * {@link avgPool1d} as a layer.
 *
 * @shape [N, C, L] or [C, L] → [N, C, …] or [C, …]
 * @example
 * ```ts
 * import { nn, tensor } from 'gradlet';
 * new nn.AvgPool1d(2).forward(tensor([[1, 3, 2, 4]])); // → tensor([[2., 3.]])
 * ```
 */
export const AvgPool1d: PoolClass<AvgPoolOptions> = layer('AvgPool1d', 1, avgPool, avgDefaults);

/**
 * {@link avgPool2d} as a layer.
 *
 * @shape [N, C, H, W] or [C, H, W] → [N, C, …, …] or [C, …, …]
 * @example
 * ```ts
 * import { nn, zeros } from 'gradlet';
 * new nn.AvgPool2d([1, 2]).forward(zeros([32, 8, 7, 6])).shape; // → [32,8,7,3]
 * ```
 */
export const AvgPool2d: PoolClass<AvgPoolOptions> = layer('AvgPool2d', 2, avgPool, avgDefaults);

/**
 * {@link adaptiveAvgPool2d} as a layer: images of any size become images of one.
 *
 * @shape [N, C, H, W] or [C, H, W] → [N, C, ...outputSize] or [C, ...outputSize]
 * @throws {@link ValueError} for a size out of range
 * @example
 * ```ts
 * import { nn, zeros } from 'gradlet';
 * new nn.AdaptiveAvgPool2d(1).forward(zeros([32, 8, 7, 6])).shape; // → [32,8,1,1]
 * ```
 */
export class AdaptiveAvgPool2d extends Module {
  /** Height and width of the output; one number for both. */
  readonly outputSize: Sizes;

  /** @param outputSize - height and width of the output; one number for both */
  constructor(outputSize: Sizes) {
    super();
    perAxis('AdaptiveAvgPool2d', 'outputSize', outputSize, 2, 1);
    this.outputSize = outputSize;
  }

  forward(x: Tensor): Tensor {
    return adaptive('AdaptiveAvgPool2d', x, this.outputSize);
  }

  override extraRepr(): string {
    return `outputSize=${show(this.outputSize)}`;
  }
}
