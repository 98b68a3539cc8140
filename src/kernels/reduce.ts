import type { TypedArray } from '../core/dtype.ts';

/**
 * Reductions see their input as row-major [outer, count, inner] and shrink the middle axis:
 * out[o, i] is made from x[o, 0 … count − 1, i]. Sums are kept in doubles.
 */
export type Reduction = (out: TypedArray, x: TypedArray, outer: number, count: number, inner: number) => void;

/** Σ x. */
export const sum: Reduction = (out, x, outer, count, inner) => {
  if (inner === 1) {
    for (let o = 0, p = 0; o < outer; o++) {
      let total = 0;
      for (const end = p + count; p < end; p++) total += x[p]!;
      out[o] = total;
    }
    return;
  }
  const totals = new Float64Array(inner);
  for (let o = 0, p = 0; o < outer; o++) {
    totals.fill(0);
    for (let r = 0; r < count; r++) for (let i = 0; i < inner; i++, p++) totals[i]! += x[p]!;
    out.set(totals, o * inner);
  }
};

/** Calls `line(first, place)` for every line along the middle axis: `first` is its first element, `place` its output. */
function lines(
  outer: number,
  count: number,
  inner: number,
  line: (first: number, place: number) => void,
): void {
  for (let o = 0, place = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++, place++) line(o * count * inner + i, place);
  }
}

/** The position along the axis of the largest (`sign` 1) or smallest (−1) element; the first NaN beats all. */
function extreme(x: TypedArray, first: number, count: number, inner: number, sign: number): number {
  let best = sign * x[first]!;
  let at = 0;
  for (let r = 0, p = first; r < count; r++, p += inner) {
    const value = sign * x[p]!;
    if (Number.isNaN(value)) return r;
    if (value > best) {
      best = value;
      at = r;
    }
  }
  return at;
}

const position =
  (sign: number): Reduction =>
  (out, x, outer, count, inner) =>
    lines(outer, count, inner, (first, place) => {
      out[place] = extreme(x, first, count, inner, sign);
    });

const value =
  (sign: number): Reduction =>
  (out, x, outer, count, inner) =>
    lines(outer, count, inner, (first, place) => {
      out[place] = x[first + inner * extreme(x, first, count, inner, sign)]!;
    });

export const argmax: Reduction = position(1);
export const argmin: Reduction = position(-1);
export const max: Reduction = value(1);
export const min: Reduction = value(-1);

/** out[o, r, i] = Σ x[o, 0 … r, i]. */
export const cumsum: Reduction = (out, x, outer, count, inner) =>
  lines(outer, count, inner, (first) => {
    let total = 0;
    for (let r = 0, p = first; r < count; r++, p += inner) out[p] = total += x[p]!;
  });

/** Σ e^(x − top) of one line; `top` is its largest element, so nothing overflows. */
function sumExp(x: TypedArray, first: number, count: number, inner: number, top: number): number {
  let total = 0;
  for (let r = 0, p = first; r < count; r++, p += inner) total += Math.exp(x[p]! - top);
  return total;
}

const largest = (x: TypedArray, first: number, count: number, inner: number): number =>
  count === 0 ? Number.NEGATIVE_INFINITY : x[first + inner * extreme(x, first, count, inner, 1)]!;

/** ln Σ eˣ = top + ln Σ e^(x − top); an infinite top is not subtracted: ∞ − ∞ is NaN. */
export const logSumExp: Reduction = (out, x, outer, count, inner) =>
  lines(outer, count, inner, (first, place) => {
    const peak = largest(x, first, count, inner);
    const top = Number.isFinite(peak) ? peak : 0;
    out[place] = top + Math.log(sumExp(x, first, count, inner, top));
  });

/** e^(x − top) / Σ e^(x − top). */
export const softmax: Reduction = (out, x, outer, count, inner) =>
  lines(outer, count, inner, (first) => {
    const top = largest(x, first, count, inner);
    const total = sumExp(x, first, count, inner, top);
    for (let r = 0, p = first; r < count; r++, p += inner) out[p] = Math.exp(x[p]! - top) / total;
  });

/** (x − top) − ln Σ e^(x − top). */
export const logSoftmax: Reduction = (out, x, outer, count, inner) =>
  lines(outer, count, inner, (first) => {
    const top = largest(x, first, count, inner);
    const logTotal = Math.log(sumExp(x, first, count, inner, top));
    for (let r = 0, p = first; r < count; r++, p += inner) out[p] = x[p]! - top - logTotal;
  });
