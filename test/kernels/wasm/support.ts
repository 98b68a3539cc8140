import { special } from '../../../src/formula/functions.ts';
import { canFuse, Heap } from '../../../src/kernels/wasm/heap.ts';
import { LANES } from '../../../src/kernels/wasm/math.ts';
import { type Body, WasmModule } from '../../../src/kernels/wasm/module.ts';
import { type V128, withFusing } from '../../../src/kernels/wasm/values.ts';

type Run = (out: number, x: number, y: number, z: number, count: number) => void;
/** Computes results of three names at a place. */
export type Build = (body: Body, x: V128, y: V128, z: V128) => readonly V128[];

/** Numbers in an array of the heap. */
export const CHUNK = 1 << 14;
const BYTES = 4 * CHUNK;
/** Arrays of results that there is room for. */
export const OUTPUTS = 61;
const heap = new Heap(((3 + OUTPUTS) * BYTES) >> 16);

/** A loop over x, y and z, with and without fused products. */
export class Loop {
  readonly #run: Run;
  readonly #outputs: number;
  readonly x = heap.numbers.subarray(0, CHUNK);
  readonly y = heap.numbers.subarray(CHUNK, 2 * CHUNK);
  readonly z = heap.numbers.subarray(2 * CHUNK, 3 * CHUNK);

  constructor(build: Build, fused = false) {
    let outputs = 0;
    const bytes = withFusing(fused, () =>
      new WasmModule()
        .add('run', { out: 'i32', x: 'i32', y: 'i32', z: 'i32', count: 'i32' }, (body, p) => {
          body.repeat(() => {
            const results = build(body, body.v128(p.x.v128()), body.v128(p.y.v128()), body.v128(p.z.v128()));
            outputs = results.length;
            for (const [k, result] of results.entries()) body.store(p.out, result, k * BYTES);
            for (const at of [p.out, p.x, p.y, p.z]) body.inc(at, 16);
            body.inc(p.count, -4);
            return p.count;
          });
          return undefined;
        })
        .bytes(),
    );
    const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), { e: { m: heap.memory } });
    this.#run = instance.exports.run as Run;
    this.#outputs = outputs;
  }

  /** Results for the numbers in x, y and z; `count` is a multiple of 4. They are good until the next run. */
  run(count = CHUNK): Float32Array[] {
    this.#run(3 * BYTES, 0, BYTES, 2 * BYTES, count);
    return Array.from({ length: this.#outputs }, (_, k) =>
      heap.numbers.subarray((3 + k) * CHUNK, (3 + k) * CHUNK + count),
    );
  }
}

/** Ways of computing that this machine knows: with fused products and without. */
export const FUSED = canFuse() ? [false, true] : [false];

/** A function that formulas may call, as a loop. */
export const loopOf = (name: string, fused = false): Loop =>
  new Loop((body, x, y) => [LANES[name]!(body, x, y)], fused);

/** The same function in doubles. */
export const inDoubles = (name: string): ((x: number, y: number) => number) =>
  ((special as Readonly<Record<string, unknown>>)[name] ?? Math[name as 'pow']) as typeof Math.pow;

const float = new Float32Array(1);
const bits = new Int32Array(float.buffer);

/** Places of single numbers in their order, with one for both zeros. */
const place = (x: number): number => {
  float[0] = x;
  return bits[0]! < 0 ? -(bits[0]! & 0x7fffffff) : bits[0]!;
};

/**
 * How far a single number is from the double that it stands for, in units in the last place of that; ∞ is what comes
 * after the largest number. 0 where the nearest single number was found, and ∞ where one is NaN and the other is not or
 * where signs differ.
 */
export function ulps(got: number, exact: number): number {
  const nearest = Math.fround(exact);
  if (Object.is(got, nearest)) return 0;
  if (Number.isNaN(got) || Number.isNaN(exact)) return Number.POSITIVE_INFINITY;
  if (got === 0 && Object.is(got, -0) !== (exact < 0 || Object.is(exact, -0)))
    return Number.POSITIVE_INFINITY;
  if (!Number.isFinite(got) || !Number.isFinite(nearest)) return Math.abs(place(got) - place(nearest));
  const exponent = Math.max(Math.floor(Math.log2(Math.abs(nearest) || 1e-300)), -126);
  return Math.abs(got - exact) / 2 ** (exponent - 23);
}

/** The most that functions may be off, in ulp. */
export const BOUNDS: Readonly<Record<string, number>> = {
  abs: 0,
  ceil: 0,
  cos: 1.6,
  erf: 1.2,
  exp: 1.1,
  expm1: 1.8,
  floor: 0,
  log: 0.8,
  log1p: 0.85,
  max: 0,
  min: 0,
  pow: 1.1,
  round: 0,
  sigmoid: 1.8,
  sign: 0,
  sin: 1.6,
  softplus: 1.7,
  sqrt: 0,
  tanh: 1.55,
};

/** From where on sin and cos are not held to their bounds. */
export const WAVES_END = 2 ** 28;
