import { promote, type TypedArray } from '../core/dtype.ts';
import { ShapeError, show, ValueError } from '../core/errors.ts';
import type { Generator } from '../core/random.ts';
import { type Shape, sameShape, showShape, sizeOf } from '../core/shape.ts';
import { type Convolution, convolve, convolveBack, convolveWeight } from '../kernels/conv.ts';
import { contiguousData, type Derivative, record, type Tensor } from '../tensor/index.ts';
import { empty, expectTensor } from '../tensor/tensor.ts';
import { checkSize, readOptions } from './check.ts';
import { Module } from './module.ts';
import type { Parameter } from './parameter.ts';
import { startFrom } from './start.ts';
import { asImages, perAxis, type Sizes, slides, type Window } from './window.ts';

// Σ y · (w ∗ x) has three sides: the gradient of each is made from the other two, so derivatives of any order follow.

type Side = (a: Tensor, b: Tensor, c: Convolution) => Tensor;

/** A derivative that keeps one tensor, the second of a side or the first. */
const withSecond =
  (side: Side, b: Tensor, c: Convolution): Derivative =>
  (a) =>
    side(a, b, c);
const withFirst =
  (side: Side, a: Tensor, c: Convolution): Derivative =>
  (b) =>
    side(a, b, c);

/** A side as its kernel makes it from the data of the two others. */
function made(
  kernel: (out: TypedArray, a: TypedArray, b: TypedArray, c: Convolution) => void,
  shape: Shape,
  a: Tensor,
  b: Tensor,
  c: Convolution,
): Tensor {
  const t = empty(shape, promote(promote(a.dtype, b.dtype), 'float32'));
  kernel(t.storage, contiguousData(a), contiguousData(b), c);
  return t;
}

const ofBias: Derivative = (g) => g.sum([0, 2, 3]);

/** w ∗ x, each channel on top of its bias. */
export function sideY(x: Tensor, w: Tensor, c: Convolution, bias: Tensor | null = null): Tensor {
  const { batch, groups, outputs, rows, cols } = c;
  const start = bias && contiguousData(bias);
  const kernel: typeof convolveBack = (y, a, b) => convolve(y, a, b, start, c);
  const y = made(kernel, [batch, groups * outputs, rows.count, cols.count], x, w, c);
  const pairs: [Tensor, Derivative][] = [
    [x, withSecond(sideX, w, c)],
    [w, withFirst(sideW, x, c)],
  ];
  if (bias) pairs.push([bias, ofBias]);
  return record('conv', y, ...pairs);
}

function sideX(y: Tensor, w: Tensor, c: Convolution): Tensor {
  const { batch, groups, inputs, rows, cols } = c;
  const x = made(convolveBack, [batch, groups * inputs, rows.size, cols.size], y, w, c);
  return record('conv backward', x, [y, withSecond(sideY, w, c)], [w, withSecond(sideW, y, c)]);
}

function sideW(x: Tensor, y: Tensor, c: Convolution): Tensor {
  const { groups, inputs, outputs, rows, cols } = c;
  const w = made(convolveWeight, [groups * outputs, inputs, rows.kernel, cols.kernel], x, y, c);
  return record('conv backward', w, [x, withFirst(sideX, y, c)], [y, withFirst(sideY, x, c)]);
}

/** Options of {@link conv1d} and {@link conv2d}. */
export interface ConvOptions {
  /** How far the kernel moves from one output to the next. Default 1. */
  readonly stride?: Sizes;
  /**
   * How many zeros are put at both ends of each axis; `'valid'` is none, and `'same'` as many as keep the size, for which the
   * stride must be 1. Default 0.
   */
  readonly padding?: Sizes | 'same' | 'valid';
  /** How far the places that a kernel sees at a time lie apart. Default 1: they are neighbours. */
  readonly dilation?: Sizes;
  /** Into how many groups the channels are cut; the outputs of a group see its inputs alone. Default 1. */
  readonly groups?: number;
}

const defaults = { stride: 1, padding: 0, dilation: 1, groups: 1 } as const;

/** The options of a convolution with a kernel of this size, checked. */
function readWindow(
  where: string,
  kernelSize: readonly number[],
  options: ConvOptions,
): Window & { groups: number } {
  const { stride, padding, dilation, groups } = readOptions(where, options, defaults);
  const axes = kernelSize.length;
  const apart = perAxis(where, 'dilation', dilation, axes, 1);
  const steps = perAxis(where, 'stride', stride, axes, 1);
  const same = padding === 'same';
  if (same && steps.some((n) => n > 1)) {
    const whatToDo = 'Give the padding in numbers.';
    throw new ValueError(where, "stride must be 1 for padding 'same'", show(stride), whatToDo);
  }
  const words = ", or 'same' or 'valid'";
  const ends = same || padding === 'valid' ? 0 : perAxis(where, 'padding', padding, axes, 0, words);
  return {
    kernelSize,
    stride: steps,
    dilation: apart,
    groups: checkSize(where, 'groups', groups),
    padding: kernelSize.map((kernel, a) => {
      const all = apart[a]! * (kernel - 1);
      if (same) return [all >> 1, all - (all >> 1)];
      return ends ? [ends[a]!, ends[a]!] : [0, 0];
    }),
  };
}

function conv(
  where: string,
  axes: number,
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null | undefined,
  options: ConvOptions = {},
): Tensor {
  const { images, back } = asImages(where, x, axes);
  const { shape } = expectTensor(where, weight, 'the weight');
  const [all, inputs, ...kernel] = shape as [number, number, ...number[]];
  if (shape.length !== axes + 2 || sizeOf(shape) === 0) {
    const mustHold = `the weight must be [out, in / groups, ${axes === 1 ? 'length' : 'height, width'}], none of them 0`;
    throw new ShapeError(where, mustHold, `shape ${showShape(shape)}`);
  }
  const { groups, ...window } = readWindow(where, kernel, options);
  if (all % groups !== 0) {
    throw new ValueError(where, `groups must divide the ${all} outputs`, show(groups));
  }
  if (images.shape[1] !== inputs * groups) {
    throw new ShapeError(
      where,
      `the input must have ${inputs * groups} channels for a weight of ${showShape(shape)} and groups = ${groups}`,
      `shape ${showShape(x.shape)}`,
    );
  }
  if (bias && !sameShape(expectTensor(where, bias, 'the bias').shape, [all])) {
    throw new ShapeError(where, `the bias must have shape [${all}]`, showShape(bias.shape));
  }
  const [rows, cols] = slides(where, images, window);
  const c = { batch: images.shape[0]!, groups, inputs, outputs: all / groups, rows, cols };
  const w = axes === 1 ? weight.unsqueeze(2) : weight;
  return back(sideY(images, w, c, bias ?? null));
}

/**
 * Convolution of lines, or rather cross-correlation: every output is a weighted sum of what the kernel sees of all channels.
 *
 * $$y_{n,o,i} = b_o + \sum_{c,k} w_{o,c,k} \; x_{n,\,c,\,i \cdot \text{stride} + k \cdot \text{dilation} - \text{padding}}$$
 *
 * The output is $\lfloor (L + 2 \, \text{padding} - \text{dilation} (K - 1) - 1) / \text{stride} \rfloor + 1$ long.
 *
 * @param weight - one kernel for each output
 * @param bias - one number for each output, or nothing
 * @shape x: [N, C, L] or [C, L]; weight: [O, C / groups, K]; bias: [O]; result: [N, O, …] or [O, …]
 * @throws {@link ShapeError} when the shapes do not fit; {@link ValueError} for an option out of range
 * @example
 * ```ts
 * import { nn, tensor } from 'gradlet';
 * const x = tensor([[[1, 2, 4, 7]]]);
 * const difference = tensor([[[-1, 1]]]);
 * nn.conv1d(x, difference); // → tensor([[[1., 2., 3.]]])
 * nn.conv1d(x, difference, tensor([10]), { stride: 2 }); // → tensor([[[11., 13.]]])
 * ```
 */
export function conv1d(x: Tensor, weight: Tensor, bias?: Tensor | null, options?: ConvOptions): Tensor {
  return conv('conv1d', 1, x, weight, bias, options);
}

/**
 * Convolution of images, or rather cross-correlation: every output is a weighted sum of what the kernel sees of all channels.
 *
 * $$y_{n,o,i,j} = b_o + \sum_{c,k,l} w_{o,c,k,l} \; x_{n,\,c,\,i s + k d - p,\,j s + l d - p}$$
 *
 * with stride s, dilation d and padding p, each of which may differ between height and width. The output is
 * $\lfloor (H + 2 p - d (K - 1) - 1) / s \rfloor + 1$ high, and as wide likewise.
 *
 * @param weight - one kernel for each output
 * @param bias - one number for each output, or nothing
 * @shape x: [N, C, H, W] or [C, H, W]; weight: [O, C / groups, K, L]; bias: [O]; result: [N, O, …, …] or [O, …, …]
 * @throws {@link ShapeError} when the shapes do not fit; {@link ValueError} for an option out of range
 * @example
 * ```ts
 * import { nn, ones, tensor } from 'gradlet';
 * const x = tensor([[[1, 2, 3], [4, 5, 6], [7, 8, 9]]]);
 * const sum = ones([1, 1, 2, 2]);
 * nn.conv2d(x, sum); // → tensor([[[12., 16.], [24., 28.]]])
 * nn.conv2d(x, sum, null, { padding: 'same' }).shape; // → [1,3,3]
 * ```
 */
export function conv2d(x: Tensor, weight: Tensor, bias?: Tensor | null, options?: ConvOptions): Tensor {
  return conv('conv2d', 2, x, weight, bias, options);
}

/** Options of {@link Conv1d} and {@link Conv2d}. */
export interface ConvLayerOptions extends ConvOptions {
  /** Whether b is added. Default true. */
  readonly bias?: boolean;
  /** Default float32. */
  readonly dtype?: 'float32' | 'float64';
  /** Where the first weights come from. Default: the generator that {@link manualSeed} sets. */
  readonly generator?: Generator;
}

/** What {@link Conv1d} and {@link Conv2d} have in common. */
export abstract class Conv extends Module {
  /** Channels of the input. */
  readonly inChannels: number;
  /** Channels of the output. */
  readonly outChannels: number;
  /** The sizes of the kernel, one for each axis. */
  readonly kernelSize: readonly number[];
  /** How far the kernel moves from one output to the next. */
  readonly stride: Sizes;
  /** How many zeros are put at both ends of each axis. */
  readonly padding: Sizes | 'same' | 'valid';
  /** How far the places that a kernel sees at a time lie apart. */
  readonly dilation: Sizes;
  /** Into how many groups the channels are cut. */
  readonly groups: number;
  /** w, of shape [outChannels, inChannels / groups, ...kernelSize]. */
  weight: Parameter;
  /** b, of shape [outChannels], or `null`. */
  bias: Parameter | null;

  /** @internal */
  constructor(
    where: string,
    axes: number,
    inChannels: number,
    outChannels: number,
    kernelSize: Sizes,
    options: ConvLayerOptions,
  ) {
    super();
    const { bias, dtype, generator, ...rest } = readOptions(where, options, {
      ...defaults,
      bias: true,
      dtype: undefined,
      generator: undefined,
    });
    this.inChannels = checkSize(where, 'inChannels', inChannels);
    this.outChannels = checkSize(where, 'outChannels', outChannels);
    this.kernelSize = perAxis(where, 'kernelSize', kernelSize, axes, 1);
    const { groups } = readWindow(where, this.kernelSize, rest);
    this.stride = rest.stride;
    this.padding = rest.padding;
    this.dilation = rest.dilation;
    this.groups = groups;
    if (inChannels % groups !== 0 || outChannels % groups !== 0) {
      const got = `${groups} for ${inChannels} and ${outChannels}`;
      throw new ValueError(where, 'groups must divide inChannels and outChannels', got);
    }
    const shape = [outChannels, inChannels / groups, ...this.kernelSize];
    const parameter = startFrom(sizeOf(shape) / outChannels, dtype, generator);
    this.weight = parameter(shape);
    this.bias = bias ? parameter([outChannels]) : null;
  }

  abstract override forward(x: Tensor): Tensor;

  /** The options of the function that this is a layer of. */
  protected get options(): Required<ConvOptions> {
    const { stride, padding, dilation, groups } = this;
    return { stride, padding, dilation, groups };
  }

  override extraRepr(): string {
    const { inChannels, outChannels, kernelSize, options, bias } = this;
    const shown = Object.entries({ kernelSize, ...options, bias: bias !== null });
    return [inChannels, outChannels, ...shown.map(([key, value]) => `${key}=${show(value)}`)].join(', ');
  }
}

/**
 * A layer of {@link conv1d} with kernels of its own.
 *
 * The weights are `[outChannels, inChannels / groups, length]`, as PyTorch's. Weights and bias start out from
 * $U(-1/\sqrt{n}, 1/\sqrt{n})$ with $n = \text{inChannels} / \text{groups} \cdot \text{kernelSize}$; for others see {@link init}.
 *
 * @shape [N, inChannels, L] or [inChannels, L] → [N, outChannels, …] or [outChannels, …]
 * @throws {@link ShapeError} when the input does not fit; {@link ValueError} for a size or option out of range
 * @example
 * ```ts
 * import { nn, zeros } from 'gradlet';
 * const layer = new nn.Conv1d(3, 8, 5, { padding: 2 });
 * layer.forward(zeros([4, 3, 100])).shape; // → [4,8,100]
 * ```
 */
export class Conv1d extends Conv {
  /**
   * @param inChannels - channels of the input
   * @param outChannels - channels of the output
   * @param kernelSize - how many places the kernel sees at a time
   */
  constructor(inChannels: number, outChannels: number, kernelSize: Sizes, options: ConvLayerOptions = {}) {
    super('Conv1d', 1, inChannels, outChannels, kernelSize, options);
  }

  /** Computes the output from the input. */
  forward(x: Tensor): Tensor {
    return conv('Conv1d', 1, x, this.weight, this.bias, this.options);
  }
}

/**
 * A layer of {@link conv2d} with kernels of its own.
 *
 * The weights are `[outChannels, inChannels / groups, height, width]`, as PyTorch's. Weights and bias start out from
 * $U(-1/\sqrt{n}, 1/\sqrt{n})$ with $n = \text{inChannels} / \text{groups} \cdot \text{height} \cdot \text{width}$; for others
 * see {@link init}.
 *
 * @shape [N, inChannels, H, W] or [inChannels, H, W] → [N, outChannels, …, …] or [outChannels, …, …]
 * @paper LeCun et al., Gradient-based learning applied to document recognition, 1998,
 * http://yann.lecun.com/exdb/publis/pdf/lecun-98.pdf
 * @throws {@link ShapeError} when the input does not fit; {@link ValueError} for a size or option out of range
 * @example
 * ```ts
 * import { nn, zeros } from 'gradlet';
 * const layer = new nn.Conv2d(1, 8, 3, { padding: 1 });
 * layer.forward(zeros([32, 1, 28, 28])).shape; // → [32,8,28,28]
 * layer.weight.shape; // → [8,1,3,3]
 * layer; // → Conv2d(1, 8, kernelSize=[3, 3], stride=1, padding=1, dilation=1, groups=1, bias=true)
 * ```
 */
export class Conv2d extends Conv {
  /**
   * @param inChannels - channels of the input
   * @param outChannels - channels of the output
   * @param kernelSize - height and width of the kernel; one number for both
   */
  constructor(inChannels: number, outChannels: number, kernelSize: Sizes, options: ConvLayerOptions = {}) {
    super('Conv2d', 2, inChannels, outChannels, kernelSize, options);
  }

  /** Computes the output from the input. */
  forward(x: Tensor): Tensor {
    return conv('Conv2d', 2, x, this.weight, this.bias, this.options);
  }
}
