import type { TypedArray } from '../core/dtype.ts';
import { memo } from '../core/memo.ts';
import { type Shape, sameShape, sizeOf } from '../core/shape.ts';
import { emit } from '../formula/emit.ts';
import type { Expr } from '../formula/expr.ts';
import { FUNCTIONS, SPECIAL, special } from '../formula/functions.ts';
import { heap } from './engine.ts';
import { WasmMap } from './wasm/map.ts';

/** Numbers laid out by strides: element (i, j, …) stands at `offset + i·strides[0] + j·strides[1] + …`. */
export interface Strided {
  readonly storage: TypedArray;
  readonly shape: Shape;
  readonly strides: readonly number[];
  readonly offset: number;
  /** Whether the elements stand in row-major order without gaps. */
  readonly isContiguous: boolean;
}

type Input = TypedArray | number;

/**
 * Two nested loops: `out[o + r·cols + c] = f(…)`. Input k is read at `offsets[k] + r·rowSteps[k] + c·colSteps[k]`.
 */
type MapLoop = (
  rows: number,
  cols: number,
  out: TypedArray,
  o: number,
  inputs: readonly Input[],
  offsets: readonly number[],
  rowSteps: readonly number[],
  colSteps: readonly number[],
) => void;

/** How an input moves along a row: a plain number, standing still, one by one, or by a step. */
const NUMBER = 0;
const STILL = 1;
const NEXT = 2;
const STEP = 3;

function compile(expr: Expr, params: readonly string[], motions: readonly number[]): MapLoop {
  const each = (line: (k: number, motion: number) => string): string =>
    params.map((_, k) => line(k, motions[k]!)).join(' ');
  const read = (k: number, motion: number): string => {
    if (motion === NEXT) return `const x${k} = a${k}[p${k} + c];`;
    return motion === STEP ? `const x${k} = a${k}[p${k} + c * s${k}];` : '';
  };
  const { statements, results } = emit([expr], (name) => `x${params.indexOf(name)}`);
  const body = `
    ${each((k, motion) => (motion === NUMBER ? `const x${k} = A[${k}];` : `const a${k} = A[${k}];`))}
    ${each((k, motion) => (motion === STEP ? `const s${k} = S[${k}];` : ''))}
    for (let r = 0; r < rows; r++, o += cols) {
      ${each((k, motion) => (motion === NUMBER ? '' : `const p${k} = O[${k}] + r * R[${k}];`))}
      ${each((k, motion) => (motion === STILL ? `const x${k} = a${k}[p${k}];` : ''))}
      for (let c = 0; c < cols; c++) {
        ${each(read)}
        ${statements.join(' ')}
        out[o + c] = ${results[0]};
      }
    }`;
  const names = Object.keys(SPECIAL) as (keyof typeof special)[];
  const make = new Function(...names, `return (rows, cols, out, o, A, O, R, S) => {${body}\n};`);
  return make(...names.map((name) => special[name])) as MapLoop;
}

/** A digit for each kind of array, so that every loop sees one kind only and stays fast. */
function kindOf(array: TypedArray): number {
  if (array instanceof Float32Array) return 0;
  if (array instanceof Float64Array) return 1;
  return array instanceof Int32Array ? 2 : 3;
}

/** Rows from which on WebAssembly is faster: with functions, which are slow in JavaScript, and without. */
const SHORTEST = { withCalls: 64, without: 256 } as const;

const hasCalls = (e: Expr): boolean => Object.hasOwn(FUNCTIONS, e.op) || e.args.some(hasCalls);

/** Steps of inputs that are walked straight through; derivatives of high order have many inputs. */
const none: number[] = [];

/** An element-wise formula with its compiled loops: one for each way of walking the inputs and each kind of numbers. */
export class MapKernel {
  readonly expr: Expr;
  readonly params: readonly string[];
  readonly #shortest: number;
  readonly #loops = new Map<number | string, MapLoop>();
  /** In WebAssembly, by which inputs move; `null` where it cannot be. */
  readonly #wasm = new Map<number, WasmMap | null>();

  constructor(expr: Expr, params: readonly string[]) {
    this.expr = expr;
    this.params = params;
    this.#shortest = hasCalls(expr) ? SHORTEST.withCalls : SHORTEST.without;
  }

  #loop(out: TypedArray, inputs: readonly Input[], motions: readonly number[]): MapLoop {
    let key: number | string = kindOf(out);
    for (let k = 0; k < inputs.length; k++) {
      const input = inputs[k]!;
      const digit = motions[k]! * 4 + (typeof input === 'number' ? 0 : kindOf(input));
      // a number holds 13 hexadecimal digits exactly; only derivatives of very high order have more inputs
      key = inputs.length > 12 ? `${key} ${digit}` : (key as number) * 16 + digit;
    }
    // looked up first, so that no closure is made where the loop is there
    return this.#loops.get(key) ?? memo(this.#loops, key, () => compile(this.expr, this.params, motions));
  }

  /** The loop in WebAssembly over long rows of float32; `null` for all else, and where it is left out. */
  #inWasm(
    out: TypedArray,
    cols: number,
    inputs: readonly Input[],
    motions: readonly number[],
  ): WasmMap | null {
    if (cols < this.#shortest || !(out instanceof Float32Array)) return null;
    let key = 1;
    for (let k = 0; k < inputs.length; k++) {
      const moves = motions[k]! >= NEXT;
      if (motions[k] === STEP || (moves && !(inputs[k] instanceof Float32Array))) return null;
      key = 2 * key + (moves ? 1 : 0);
    }
    const room = heap();
    if (!room) return null;
    let found = this.#wasm.get(key);
    if (found === undefined) {
      found = WasmMap.of(
        room,
        this.expr,
        this.params,
        motions.map((motion) => motion === NEXT),
      );
      this.#wasm.set(key, found);
    }
    return found;
  }

  /** Fills the row-major `out` of the given shape; every input has that shape or broadcasts to it. */
  run(out: TypedArray, shape: Shape, inputs: readonly (Strided | number)[]): void {
    if (out.length === 0) return;
    const count = inputs.length;
    const arrays = new Array<Input>(count);
    const offsets = new Array<number>(count);
    const motions = new Array<number>(count);
    while (none.length < count) none.push(0);
    let straight = true;
    for (let k = 0; k < count; k++) {
      const x = inputs[k]!;
      if (typeof x === 'number') {
        arrays[k] = x;
        offsets[k] = 0;
        motions[k] = NUMBER;
      } else {
        arrays[k] = x.storage;
        offsets[k] = x.offset;
        const still = isStill(x);
        motions[k] = still ? STILL : NEXT;
        straight &&= still || (x.isContiguous && sameShape(x.shape, shape));
      }
    }
    if (straight) {
      const loop = this.#inWasm(out, out.length, arrays, motions);
      if (loop) loop.run(1, out.length, out, 0, arrays, offsets, none);
      else this.#loop(out, arrays, motions)(1, out.length, out, 0, arrays, offsets, none, none);
    } else this.#walk(out, shape, inputs, arrays, offsets, motions);
  }

  /** Inputs that broadcast or stand in another order: axes are joined where possible, the rest counted like an odometer. */
  #walk(
    out: TypedArray,
    shape: Shape,
    inputs: readonly (Strided | number)[],
    arrays: readonly Input[],
    offsets: number[],
    motions: number[],
  ): void {
    const { sizes, steps } = collapse(shape, inputs);
    const rank = sizes.length;
    const cols = sizes[rank - 1] ?? 1;
    const rows = sizes[rank - 2] ?? 1;
    const colSteps = steps.map((s) => s[rank - 1] ?? 0);
    const rowSteps = steps.map((s) => s[rank - 2] ?? 0);
    for (const [k, step] of colSteps.entries()) {
      if (motions[k] !== NUMBER) motions[k] = step === 0 ? STILL : step === 1 ? NEXT : STEP;
    }
    const wasm = this.#inWasm(out, cols, arrays, motions);
    const loop: MapLoop = wasm ? wasm.run.bind(wasm) : this.#loop(out, arrays, motions);
    const at = new Array<number>(Math.max(0, rank - 2)).fill(0);
    for (let o = 0; o < out.length; o += rows * cols) {
      loop(rows, cols, out, o, arrays, offsets, rowSteps, colSteps);
      advance(at, sizes, steps, offsets);
    }
  }
}

/** Goes on to the next place along the axes of `at`, as an odometer does; `offsets` follow it. */
export function advance(
  at: number[],
  sizes: readonly number[],
  steps: readonly (readonly number[])[],
  offsets: number[],
): void {
  for (let d = at.length - 1; d >= 0; d--) {
    const wraps = ++at[d]! === sizes[d]!;
    if (wraps) at[d] = 0;
    for (let k = 0; k < offsets.length; k++) offsets[k]! += (wraps ? 1 - sizes[d]! : 1) * steps[k]![d]!;
    if (!wraps) break;
  }
}

/** Whether all elements are one number in one place: a scalar, or one that was spread out. */
function isStill(x: Strided): boolean {
  const { shape } = x;
  if (shape.length === 0) return true;
  if (x.isContiguous) return sizeOf(shape) === 1;
  const { strides } = x;
  for (let axis = 0; axis < shape.length; axis++) if (shape[axis] !== 1 && strides[axis] !== 0) return false;
  return true;
}

/** Drops axes of size 1 and joins neighbours that every input walks as one, so that loops are long and few. */
export function collapse(
  shape: Shape,
  inputs: readonly (Pick<Strided, 'shape' | 'strides'> | number)[],
): { sizes: number[]; steps: number[][] } {
  const sizes: number[] = [];
  const steps: number[][] = inputs.map(() => []);
  const stepOf = (x: (typeof inputs)[number], axis: number): number => {
    if (typeof x === 'number') return 0;
    const own = axis - (shape.length - x.shape.length);
    return own < 0 || x.shape[own] === 1 ? 0 : x.strides[own]!;
  };
  for (let axis = 0; axis < shape.length; axis++) {
    const size = shape[axis]!;
    if (size === 1) continue;
    const last = sizes.length - 1;
    const joins = last >= 0 && inputs.every((x, k) => steps[k]![last] === stepOf(x, axis) * size);
    if (joins) sizes[last]! *= size;
    else sizes.push(size);
    inputs.forEach((x, k) => {
      steps[k]![joins ? last : sizes.length - 1] = stepOf(x, axis);
    });
  }
  return { sizes, steps };
}
