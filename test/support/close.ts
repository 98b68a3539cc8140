import { Tensor } from '../../src/tensor/tensor.ts';

/** Anything that holds numbers in a shape. */
export type Numbers = number | boolean | Tensor | ArrayLike<number> | readonly Numbers[];

export interface Tolerance {
  /** Allowed error relative to the expected number, or to the largest one when `relativeTo` says so. Default 1e-12. */
  readonly rtol?: number;
  /** Allowed error on top, for numbers near zero. Default 1e-14. */
  readonly atol?: number;
  /** `'largest'` suits results in which large terms cancel. Default `'element'`. */
  readonly relativeTo?: 'element' | 'largest';
  /** Said first in the message of a failure. */
  readonly what?: string;
}

interface Flat {
  readonly shape: number[];
  readonly values: number[];
}

function flatten(x: unknown): Flat {
  if (x instanceof Tensor) return { shape: [...x.shape], values: flatten(x.toArray()).values };
  if (typeof x === 'number' || typeof x === 'boolean') return { shape: [], values: [Number(x)] };
  if (ArrayBuffer.isView(x)) return { shape: [(x as Float64Array).length], values: [...(x as Float64Array)] };
  if (!Array.isArray(x)) throw new TypeError(`expectClose cannot compare ${String(x)}`);
  const parts = x.map(flatten);
  const inner = parts[0]?.shape ?? [];
  for (const part of parts) {
    if (String(part.shape) !== String(inner)) {
      throw new TypeError(`expectClose was given a ragged array: [${inner}] beside [${part.shape}]`);
    }
  }
  return { shape: [x.length, ...inner], values: parts.flatMap((p) => p.values) };
}

/** How many times over the allowed error two numbers are apart: 0 for equal ones, Infinity for NaN beside a number. */
function excess(actual: number, expected: number, allowed: number): number {
  if (actual === expected || (Number.isNaN(actual) && Number.isNaN(expected))) return 0;
  if (!Number.isFinite(actual) || !Number.isFinite(expected)) return Number.POSITIVE_INFINITY;
  const error = Math.abs(actual - expected);
  return error <= allowed ? 0 : error / allowed;
}

function place(index: number, shape: readonly number[]): string {
  const at: number[] = [];
  for (let axis = shape.length - 1, rest = index; axis >= 0; axis--) {
    at.unshift(rest % shape[axis]!);
    rest = Math.floor(rest / shape[axis]!);
  }
  return `[${at.join(', ')}]`;
}

/**
 * Fails unless both have the same shape and every number is close to the expected one. NaN and ±Infinity must stand in
 * the same places; −0 equals 0. The message names the element that is furthest off.
 */
export function expectClose(actual: Numbers, expected: Numbers, options: Tolerance = {}): void {
  const { rtol = 1e-12, atol = 1e-14, relativeTo = 'element', what = 'expectClose' } = options;
  const fail = (message: string): never => {
    const error = new Error(`${what}: ${message}`);
    Error.captureStackTrace(error, expectClose);
    throw error;
  };
  const a = flatten(actual);
  const e = flatten(expected);
  // An array without elements cannot say which sizes it has beyond its own length.
  const vague = e.values.length === 0 && !(expected instanceof Tensor && actual instanceof Tensor);
  if (vague ? a.values.length !== 0 : String(a.shape) !== String(e.shape)) {
    fail(`shape [${a.shape.join(', ')}] is not the expected [${e.shape.join(', ')}]`);
  }
  const largest = e.values.reduce((most, x) => (Number.isFinite(x) ? Math.max(most, Math.abs(x)) : most), 0);
  let worst = 0;
  let at = -1;
  let count = 0;
  for (const [i, x] of e.values.entries()) {
    const scale = relativeTo === 'largest' ? largest : Math.abs(x);
    const over = excess(a.values[i]!, x, Math.max(rtol * scale, atol));
    if (over > 0) count++;
    if (over > worst) {
      worst = over;
      at = i;
    }
  }
  if (at < 0) return;
  const error = Math.abs(a.values[at]! - e.values[at]!);
  fail(
    `${count} of ${e.values.length} elements are off, the worst at ${place(at, e.shape)}: ${a.values[at]} instead of ` +
      `${e.values[at]}, error ${error.toExponential(2)} (rtol ${rtol}, atol ${atol}, relative to ${relativeTo})`,
  );
}
