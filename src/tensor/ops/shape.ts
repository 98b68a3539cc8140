import { checkKeys, ShapeError, show, ValueError } from '../../core/errors.ts';
import {
  checkShape,
  resolveAxes,
  resolveAxis,
  type Shape,
  showPlaces,
  showShape,
  sizeOf,
} from '../../core/shape.ts';
import { copyInto } from '../../kernels/copy.ts';
import { identity, record } from '../graph.ts';
import { contiguous, empty, expectTensor, Tensor } from '../tensor.ts';

/** Another way of walking the same storage. */
function view(x: Tensor, shape: Shape, strides: readonly number[], offset = x.offset): Tensor {
  return new Tensor(x.block, shape, x.dtype, strides, offset);
}

/**
 * The same elements, in row-major order, in another shape. One size may be −1: it follows from the others.
 * Shares storage with `x` where `x` stands in row-major order, else copies.
 *
 * @throws {@link ShapeError} when the number of elements differs
 * @example
 * ```ts
 * import { arange } from 'gradlet';
 * arange(6).reshape([2, -1]); // → tensor([[0., 1., 2.], [3., 4., 5.]])
 * ```
 */
export function reshape(x: Tensor, shape: readonly number[]): Tensor {
  const source = expectTensor('reshape', x);
  const open = Array.isArray(shape) ? shape.indexOf(-1) : -1;
  const sizes = checkShape('reshape', open < 0 ? shape : shape.with(open, 1));
  if (open >= 0) sizes[open] = source.size / sizeOf(sizes) || 0;
  if (sizeOf(sizes) !== source.size || !sizes.every(Number.isInteger)) {
    throw new ShapeError(
      'reshape',
      `the shapes must hold equally many elements, ${source.size} here`,
      `${showShape(source.shape)} to ${showShape(shape)}`,
    );
  }
  const { shape: before } = source;
  const from = contiguous(source);
  const y = new Tensor(from.block, sizes, from.dtype, null, from.offset);
  return record('reshape', y, [source, (g) => reshape(g, before)]);
}

/** Joins the axes from `startAxis` to `endAxis`, both included, into one. */
export function flatten(x: Tensor, startAxis = 0, endAxis = -1): Tensor {
  const { shape } = expectTensor('flatten', x);
  if (shape.length === 0) return reshape(x, [1]);
  const from = resolveAxis('flatten', startAxis, shape.length);
  const to = resolveAxis('flatten', endAxis, shape.length);
  if (from > to)
    throw new ShapeError('flatten', 'startAxis must not come after endAxis', `${startAxis} and ${endAxis}`);
  return reshape(x, [...shape.slice(0, from), sizeOf(shape.slice(from, to + 1)), ...shape.slice(to + 1)]);
}

/**
 * Reorders the axes: axis i of the result is axis `axes[i]` of `x`. A view.
 *
 * @throws {@link ShapeError} when `axes` does not name every axis once
 */
export function permute(x: Tensor, axes: readonly number[]): Tensor {
  const { shape } = expectTensor('permute', x);
  const order = Array.isArray(axes) ? axes.map((a) => resolveAxis('permute', a, shape.length)) : null;
  if (order?.length !== shape.length || new Set(order).size !== order.length) {
    throw new ShapeError('permute', `axes must name each of the ${shape.length} axes once`, show(axes));
  }
  return permuted(x, order);
}

function permuted(x: Tensor, order: readonly number[]): Tensor {
  const { shape, strides } = x;
  const y = view(
    x,
    order.map((a) => shape[a]!),
    order.map((a) => strides[a]!),
  );
  return record('permute', y, [x, (g) => permuted(g, inverse(order))]);
}

function inverse(order: readonly number[]): number[] {
  const back = new Array<number>(order.length);
  order.forEach((a, i) => {
    back[a] = i;
  });
  return back;
}

/** Swaps two axes, by default the last two. A view. */
export function transpose(x: Tensor, axis0 = -2, axis1 = -1): Tensor {
  const { ndim } = expectTensor('transpose', x);
  const a = resolveAxis('transpose', axis0, ndim);
  const b = resolveAxis('transpose', axis1, ndim);
  const order: number[] = [];
  for (let i = 0; i < ndim; i++) order.push(i === a ? b : i === b ? a : i);
  return permuted(x, order);
}

/**
 * Drops axes of size 1: the given ones, or all of them.
 * @throws {@link ShapeError} when a named axis has another size
 */
export function squeeze(x: Tensor, axis?: number | readonly number[]): Tensor {
  const { shape, strides } = expectTensor('squeeze', x);
  const axes = resolveAxes('squeeze', axis, shape.length);
  const wrong = axis === undefined ? undefined : axes.find((a) => shape[a] !== 1);
  if (wrong !== undefined) {
    throw new ShapeError(
      'squeeze',
      'a squeezed axis must have size 1',
      `axis ${wrong} of ${showShape(shape)}`,
    );
  }
  const kept = shape.map((_, a) => a).filter((a) => shape[a] !== 1 || !axes.includes(a));
  const y = view(
    x,
    kept.map((a) => shape[a]!),
    kept.map((a) => strides[a]!),
  );
  return record('squeeze', y, [x, (g) => reshape(g, shape)]);
}

/** Puts in an axis of size 1, so that it is axis `axis` of the result. */
export function unsqueeze(x: Tensor, axis: number): Tensor {
  const { shape, strides } = expectTensor('unsqueeze', x);
  const at = resolveAxis('unsqueeze', axis, shape.length + 1);
  const y = view(x, shape.toSpliced(at, 0, 1), strides.toSpliced(at, 0, 0));
  return record('unsqueeze', y, [x, (g) => reshape(g, shape)]);
}

/**
 * Repeats axes of size 1, and new ones in front, up to `shape`, without copying; −1 keeps a size.
 * @throws {@link ShapeError} when an axis of another size would change
 */
export function expand(x: Tensor, shape: readonly number[]): Tensor {
  const source = expectTensor('expand', x);
  if (!Array.isArray(shape)) checkShape('expand', shape);
  const added = shape.length - source.ndim;
  const sizes = shape.map((n, i) => (n === -1 && i >= added ? source.shape[i - added]! : n));
  const fits =
    added >= 0 &&
    sizes.every((n, i) => i < added || source.shape[i - added] === n || source.shape[i - added] === 1);
  if (!fits) {
    throw new ShapeError(
      'expand',
      'only axes of size 1, and new ones in front, can grow',
      `${showShape(source.shape)} to ${showShape(shape)}`,
    );
  }
  checkShape('expand', sizes);
  const strides = sizes.map((n, i) =>
    i < added || source.shape[i - added] !== n ? 0 : source.strides[i - added]!,
  );
  return record('expand', view(source, sizes, strides), [source, identity]);
}

/**
 * One axis of a {@link slice}: a whole number picks one place and drops the axis, `null` keeps all of it, and
 * `[start, stop, step]` is Python's `start:stop:step`, with negative numbers counting from the end.
 */
export type SliceRange =
  | number
  | null
  | readonly [start?: number | null, stop?: number | null, step?: number];

interface Cut {
  readonly start: number;
  readonly count: number;
  readonly step: number;
  readonly dropped: boolean;
}

function cut(range: SliceRange, size: number, axis: number): Cut {
  if (range === null) return { start: 0, count: size, step: 1, dropped: false };
  if (typeof range === 'number') {
    if (!Number.isInteger(range) || range < -size || range >= size) {
      throw new ShapeError(
        'slice',
        `an index into axis ${axis} of size ${size} must be ${showPlaces(size)}`,
        show(range),
      );
    }
    return { start: range < 0 ? range + size : range, count: 1, step: 1, dropped: true };
  }
  if (
    !Array.isArray(range) ||
    range.length > 3 ||
    range.some((n) => n != null && !Number.isInteger(n)) ||
    range[2] === 0
  ) {
    throw new ValueError(
      'slice',
      'a range must be a whole number, null or [start, stop, step] with a step other than 0',
      show(range),
    );
  }
  const step = range[2] ?? 1;
  // Python's rule: clip to [0, size] going up and to [−1, size − 1] going down
  const [low, high] = step > 0 ? [0, size] : [-1, size - 1];
  const clip = (n: number) => Math.min(high, Math.max(low, n < 0 ? n + size : n));
  const start = range[0] == null ? (step > 0 ? low : high) : clip(range[0]);
  const stop = range[1] == null ? (step > 0 ? high : low) : clip(range[1]);
  return { start, count: Math.max(0, Math.ceil((stop - start) / step)), step, dropped: false };
}

function cutsOf(shape: Shape, ranges: readonly SliceRange[]): Cut[] {
  if (ranges.length > shape.length) {
    throw new ShapeError(
      'slice',
      `at most one range per axis, ${shape.length} here`,
      `${ranges.length} ranges`,
    );
  }
  return shape.map((size, axis) => cut(ranges[axis] ?? null, size, axis));
}

function cutView(x: Tensor, cuts: readonly Cut[]): Tensor {
  const kept = cuts.map((_, axis) => axis).filter((axis) => !cuts[axis]!.dropped);
  const empties = cuts.some((c) => c.count === 0);
  return view(
    x,
    kept.map((axis) => cuts[axis]!.count),
    kept.map((axis) => x.strides[axis]! * cuts[axis]!.step),
    empties ? x.offset : cuts.reduce((at, c, axis) => at + c.start * x.strides[axis]!, x.offset),
  );
}

/**
 * A part of `x`: one range per axis, missing ones keep all. A view, as NumPy's basic indexing.
 *
 * @throws {@link ShapeError} for an index outside its axis or too many ranges
 * @example
 * ```ts
 * import { arange } from 'gradlet';
 * const x = arange(12).reshape([3, 4]);
 * x.slice(1); // → tensor([4., 5., 6., 7.])
 * x.slice([0, 2], [null, null, -1]); // → tensor([[3., 2., 1., 0.], [7., 6., 5., 4.]])
 * ```
 */
export function slice(x: Tensor, ...ranges: SliceRange[]): Tensor {
  return cutOut(x, cutsOf(expectTensor('slice', x).shape, ranges));
}

function cutOut(x: Tensor, cuts: readonly Cut[]): Tensor {
  const { shape } = x;
  return record('slice', cutView(x, cuts), [x, (g) => place(g, shape, cuts)]);
}

/** Zeros of `shape` with `x` written where the cuts are: the derivative of {@link cutOut}, and the other way round. */
function place(x: Tensor, shape: Shape, cuts: readonly Cut[], fill = 0): Tensor {
  const y = empty(shape, x.dtype);
  y.storage.fill(fill);
  copyInto(cutView(y, cuts), x);
  return record('place', y, [x, (g) => cutOut(g, cuts)]);
}

/** The elements in reverse order along the given axes. A view. */
export function flip(x: Tensor, axis: number | readonly number[]): Tensor {
  const axes = resolveAxes('flip', axis, expectTensor('flip', x).ndim);
  return slice(x, ...x.shape.map((_, a): SliceRange => (axes.includes(a) ? [null, null, -1] : null)));
}

/** Options of {@link pad}. */
export interface PadOptions {
  /** What the new places hold. Default 0. */
  readonly value?: number;
}

/**
 * Adds `before` and `after` places at both ends of each axis.
 * @param widths - one `[before, after]` per axis
 */
export function pad(
  x: Tensor,
  widths: readonly (readonly [number, number])[],
  options: PadOptions = {},
): Tensor {
  const { shape } = expectTensor('pad', x);
  checkKeys('pad', options, ['value']);
  const { value = 0 } = options;
  const isWidth = (w: unknown) =>
    Array.isArray(w) && w.length === 2 && w.every((n) => Number.isInteger(n) && n >= 0);
  if (!Array.isArray(widths) || widths.length !== shape.length || !widths.every(isWidth)) {
    throw new ShapeError(
      'pad',
      `widths must be one [before, after] of whole numbers ≥ 0 for each of ${shape.length} axes`,
      show(widths),
    );
  }
  const sizes = shape.map((n, i) => n + widths[i]![0] + widths[i]![1]);
  const cuts = shape.map((count, i): Cut => ({ start: widths[i]![0], count, step: 1, dropped: false }));
  return place(x, sizes, cuts, value);
}

/**
 * Cuts along an axis into pieces of the given size (the last may be smaller) or sizes. Views.
 * @throws {@link ShapeError} when the sizes do not add up
 */
export function split(x: Tensor, size: number | readonly number[], axis = 0): Tensor[] {
  const at = resolveAxis('split', axis, expectTensor('split', x).ndim);
  const total = x.shape[at]!;
  if (typeof size === 'number' && !(Number.isInteger(size) && size > 0)) {
    throw new ValueError('split', 'a piece must have a whole number > 0 of places', show(size));
  }
  const sizes =
    typeof size === 'number'
      ? Array.from({ length: Math.max(1, Math.ceil(total / size)) }, (_, i) =>
          Math.min(size, total - i * size),
        )
      : checkShape('split', size);
  if (sizes.reduce((a, b) => a + b, 0) !== total) {
    throw new ShapeError('split', `the sizes must add up to ${total}, the size of axis ${at}`, show(sizes));
  }
  let start = 0;
  return sizes.map((n) => {
    const ranges = x.shape.map((_, a): SliceRange => (a === at ? [start, start + n] : null));
    start += n;
    return slice(x, ...ranges);
  });
}
