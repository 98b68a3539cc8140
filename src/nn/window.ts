import { ShapeError, show, ValueError } from '../core/errors.ts';
import { sameShape, showShape } from '../core/shape.ts';
import type { Slide } from '../kernels/conv.ts';
import type { Tensor } from '../tensor/index.ts';
import { expectTensor } from '../tensor/tensor.ts';

/** One number for all axes along which a window slides, or one for each: `[height, width]`, or `[length]`. */
export type Sizes = number | readonly number[];

/** A whole number ≥ `least` for each axis; `others` names what else there may be. */
export function perAxis(
  where: string,
  name: string,
  value: Sizes,
  axes: number,
  least: number,
  others = '',
): number[] {
  const all = typeof value === 'number' ? new Array<number>(axes).fill(value) : value;
  if (!Array.isArray(all) || all.length !== axes || !all.every((n) => Number.isInteger(n) && n >= least)) {
    throw new ValueError(
      where,
      `${name} must be a whole number ≥ ${least}, or a list of ${axes}, one for each axis${others}`,
      show(value),
    );
  }
  return [...all];
}

/** Images to be walked by windows, [N, C, H, W], and the way back for a result; a line has a height of 1. */
interface Images {
  readonly images: Tensor;
  readonly back: (y: Tensor) => Tensor;
}

export function asImages(where: string, x: Tensor, axes: number): Images {
  const { shape, ndim } = expectTensor(where, x);
  const sample = `channels, ${axes === 1 ? 'length' : 'height, width'}]`;
  if (ndim !== axes + 1 && ndim !== axes + 2) {
    throw new ShapeError(
      where,
      `the input must be [batch, ${sample} or [${sample}`,
      `shape ${showShape(shape)}`,
      'Add or drop axes with reshape.',
    );
  }
  const batch = shape.slice(0, -axes - 1);
  const as = (t: Tensor, sizes: readonly number[]): Tensor =>
    sameShape(t.shape, sizes) ? t : t.reshape(sizes);
  return {
    images: as(x, [batch[0] ?? 1, shape.at(-axes - 1)!, ...(axes === 1 ? [1] : []), ...shape.slice(-axes)]),
    back: (y) => as(y, [...batch, y.shape[1]!, ...y.shape.slice(-axes)]),
  };
}

/** A kernel and how it slides, with a number for each axis. */
export interface Window {
  readonly kernelSize: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  /** In front and behind. */
  readonly padding: readonly (readonly [before: number, after: number])[];
  /** Whether a last window may hang out, if it begins inside. */
  readonly ceilMode?: boolean;
}

/** How the window slides over the rows and columns of images. */
export function slides(where: string, { shape }: Tensor, window: Window): [rows: Slide, cols: Slide] {
  const { kernelSize, stride, dilation, padding, ceilMode } = window;
  const axes = kernelSize.length;
  const all = kernelSize.map((kernel, a): Slide => {
    const size = shape.at(a - axes)!;
    const [before, after] = padding[a]!;
    const free = size + before + after - dilation[a]! * (kernel - 1) - 1 + (ceilMode ? stride[a]! - 1 : 0);
    let count = Math.floor(free / stride[a]!) + 1;
    if (ceilMode && (count - 1) * stride[a]! >= size + before) count--;
    if (count < 1 || size === 0) {
      throw new ShapeError(
        where,
        'the kernel must fit into the input and its padding',
        `a kernel of ${showShape(kernelSize)} for an input of ${showShape(shape.slice(-axes))}`,
        'Use a smaller kernel, less dilation or more padding.',
      );
    }
    return { size, kernel, stride: stride[a]!, dilation: dilation[a]!, before, count };
  });
  return [all.at(-2) ?? { size: 1, kernel: 1, stride: 1, dilation: 1, before: 0, count: 1 }, all.at(-1)!];
}
