import { ShapeError, show, ValueError } from './errors.ts';

/** The sizes along each axis; `[]` is a scalar. */
export type Shape = readonly number[];

/** How many elements a tensor of this shape holds: the product of its sizes, 1 for `[]`. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (let i = 0; i < shape.length; i++) size *= shape[i]!;
  return size;
}

/** Row-major strides, in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = stride;
    stride *= shape[i]!;
  }
  return strides;
}

/** One index per axis of the element at place `flat` in row-major order. */
export function indexOf(flat: number, shape: Shape): number[] {
  const index: number[] = [];
  let rest = flat;
  for (const n of [...shape].reverse()) {
    index.unshift(rest % n);
    rest = Math.floor(rest / n);
  }
  return index;
}

/** `[2, 3]` */
export function showShape(shape: Shape): string {
  return `[${shape.join(', ')}]`;
}

export function sameShape(a: Shape, b: Shape): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** A copy of `shape` after checking that it is a list of whole numbers ≥ 0. */
export function checkShape(where: string, shape: Shape): number[] {
  if (!Array.isArray(shape) || !shape.every((n) => Number.isInteger(n) && n >= 0)) {
    throw new ShapeError(where, 'a shape must be a list of whole numbers ≥ 0', show(shape));
  }
  if (sizeOf(shape) > 2 ** 31) {
    throw new ShapeError(where, 'a tensor holds at most 2³¹ elements', `shape ${showShape(shape)}`);
  }
  return [...shape];
}

/** NumPy broadcasting: aligned from the right, sizes must be equal or 1. */
export function broadcastShapes(where: string, a: Shape, b: Shape): Shape {
  if (sameShape(a, b)) return a;
  const rank = Math.max(a.length, b.length);
  const out = new Array<number>(rank);
  for (let i = 1; i <= rank; i++) {
    const m = a[a.length - i] ?? 1;
    const n = b[b.length - i] ?? 1;
    if (m !== n && m !== 1 && n !== 1) {
      throw new ShapeError(
        where,
        'shapes must broadcast (aligned from the right, sizes equal or 1)',
        `${showShape(a)} and ${showShape(b)}`,
        'Reshape, unsqueeze or transpose one of them.',
      );
    }
    out[rank - i] = m === 1 ? n : m;
  }
  return out;
}

/** `−3 … 2`: the places of an axis of this size, or a word that there are none. */
export function showPlaces(size: number): string {
  return size === 0 ? 'none, as the axis is empty' : `a whole number in −${size} … ${size - 1}`;
}

/** Turns an axis that may count from the end into one in `0 … rank − 1`. */
export function resolveAxis(where: string, axis: number, rank: number): number {
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank) {
    const range = rank === 0 ? 'a scalar has no axes' : `an axis must be ${showPlaces(rank)}`;
    throw new ShapeError(where, range, show(axis));
  }
  return axis < 0 ? axis + rank : axis;
}

/** Every axis when `axis` is absent; otherwise the given ones, resolved and without repeats. */
export function resolveAxes(
  where: string,
  axis: number | readonly number[] | undefined,
  rank: number,
): number[] {
  if (axis === undefined) return Array.from({ length: rank }, (_, i) => i);
  const axes = (Array.isArray(axis) ? axis : [axis]).map((a) => resolveAxis(where, a, rank));
  if (new Set(axes).size !== axes.length) {
    throw new ValueError(where, 'an axis must be named only once', show(axis));
  }
  return axes.sort((a, b) => a - b);
}
