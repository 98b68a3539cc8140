import type { TypedArray } from '../core/dtype.ts';
import { heap } from './engine.ts';
import { type Fold, MAX, MIN, SUM, WasmFold } from './wasm/fold.ts';
import type { Heap } from './wasm/heap.ts';
import { type Ending, LOG_SOFTMAX, LOG_SUM_EXP, SOFTMAX, WasmSoftmax } from './wasm/softmax.ts';

/**
 * Reductions see their input as row-major [outer, count, inner] and shrink the middle axis:
 * out[o, i] is made from x[o, 0 … count − 1, i]. Sums are kept in doubles.
 */
export type Reduction = (out: TypedArray, x: TypedArray, outer: number, count: number, inner: number) => void;

/** A reduction in WebAssembly, of float32. */
interface InWasm {
  /** @returns whether there was room for it */
  run(out: Float32Array, x: Float32Array, outer: number, count: number, inner: number): boolean;
}

/** From what on WebAssembly is faster: `npm run bench -- --only map`. */
interface Pays {
  readonly numbers: number;
  /** Numbers in a block of lines. */
  readonly block: number;
  /** Columns, where the lines are no rows. */
  readonly columns: number;
}

const SUMMED: Pays = { numbers: 100, block: 4, columns: 2 };
/** A comparison waits long for the one before it, so that two columns are slower. */
const COMPARED: Pays = { numbers: 100, block: 4, columns: 3 };
const RAISED: Pays = { numbers: 16, block: 1, columns: 2 };

/** A reduction that takes WebAssembly where it pays, and where there is room. */
function either(inJs: Reduction, pays: Pays, make: (heap: Heap) => InWasm): Reduction {
  let made: InWasm | null = null;
  return (out, x, outer, count, inner) => {
    const wide = inner === 1 || inner >= pays.columns;
    const large = wide && x.length >= pays.numbers && count * inner >= pays.block;
    const room = large && out instanceof Float32Array && x instanceof Float32Array ? heap() : null;
    if (room) {
      made ??= make(room);
      if (made.run(out as Float32Array, x as Float32Array, outer, count, inner)) return;
    }
    inJs(out, x, outer, count, inner);
  };
}

const folded = (inJs: Reduction, pays: Pays, fold: Fold): Reduction =>
  either(inJs, pays, (heap) => new WasmFold(heap, fold));

const ended = (inJs: Reduction, ending: Ending): Reduction =>
  either(inJs, RAISED, (heap) => new WasmSoftmax(heap, ending));

const sumInJs: Reduction = (out, x, outer, count, inner) => {
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

/** Σ x. */
export const sum: Reduction = folded(sumInJs, SUMMED, SUM);

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
  (choose: (a: number, b: number) => number): Reduction =>
  (out, x, outer, count, inner) =>
    lines(outer, count, inner, (first, place) => {
      let best = x[first]!;
      for (let r = 1, p = first + inner; r < count; r++, p += inner) best = choose(best, x[p]!);
      out[place] = best;
    });

export const argmax: Reduction = position(1);
export const argmin: Reduction = position(-1);
/** The largest; NaN where one is, and 0 above −0. */
export const max: Reduction = folded(value(Math.max), COMPARED, MAX);
/** The smallest; NaN where one is, and −0 below 0. */
export const min: Reduction = folded(value(Math.min), COMPARED, MIN);

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

const logSumExpInJs: Reduction = (out, x, outer, count, inner) =>
  lines(outer, count, inner, (first, place) => {
    const peak = largest(x, first, count, inner);
    const top = Number.isFinite(peak) ? peak : 0;
    out[place] = top + Math.log(sumExp(x, first, count, inner, top));
  });

const softmaxInJs: Reduction = (out, x, outer, count, inner) =>
  lines(outer, count, inner, (first) => {
    const top = largest(x, first, count, inner);
    const total = sumExp(x, first, count, inner, top);
    for (let r = 0, p = first; r < count; r++, p += inner) out[p] = Math.exp(x[p]! - top) / total;
  });

const logSoftmaxInJs: Reduction = (out, x, outer, count, inner) =>
  lines(outer, count, inner, (first) => {
    const top = largest(x, first, count, inner);
    const logTotal = Math.log(sumExp(x, first, count, inner, top));
    for (let r = 0, p = first; r < count; r++, p += inner) out[p] = x[p]! - top - logTotal;
  });

/** ln Σ eˣ = top + ln Σ e^(x − top); an infinite top is not subtracted: ∞ − ∞ is NaN. */
export const logSumExp: Reduction = ended(logSumExpInJs, LOG_SUM_EXP);

/** e^(x − top) / Σ e^(x − top). */
export const softmax: Reduction = ended(softmaxInJs, SOFTMAX);

/** (x − top) − ln Σ e^(x − top). */
export const logSoftmax: Reduction = ended(logSoftmaxInJs, LOG_SOFTMAX);
