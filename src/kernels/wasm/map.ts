import type { TypedArray } from '../../core/dtype.ts';
import type { Expr } from '../../formula/expr.ts';
import type { Heap } from './heap.ts';
import { fours, type Loop, loopOver } from './loop.ts';

/** Numbers that are brought into the heap at a time, so that they stay in the cache. */
const CHUNK = 4096;
/** Numbers from which on a view of them is worth its making. */
const VIEW = 48;
/** Inputs that a kernel is called with at most. */
const MOST = 6;

/** The name of the result, which no parameter has. */
const OUT = ' ';

/** A formula over inputs that stand still along a row or move one by one. */
export class WasmMap {
  readonly #heap: Heap;
  readonly #loop: Loop;
  /** Whether each input moves. */
  readonly #moves: readonly boolean[];
  /** Where each input stands among the parameters of the loop: behind the count and the result those that move, then the others. */
  readonly #slots: readonly number[];

  private constructor(heap: Heap, loop: Loop, moves: readonly boolean[]) {
    this.#heap = heap;
    this.#loop = loop;
    this.#moves = moves;
    const places = moves.map((_, k) => k);
    const order = [...places.filter((k) => moves[k]), ...places.filter((k) => !moves[k])];
    this.#slots = places.map((k) => 2 + order.indexOf(k));
  }

  /** `null` where single numbers cannot express the formula. */
  static of(heap: Heap, expr: Expr, params: readonly string[], moves: readonly boolean[]): WasmMap | null {
    if (params.length > MOST) return null;
    const moving = params.filter((_, k) => moves[k]);
    const still = params.filter((_, k) => !moves[k]);
    const loop = loopOver(heap, [OUT, ...moving], still, new Map([[OUT, expr]]));
    return loop && new WasmMap(heap, loop, moves);
  }

  /** As a loop in JavaScript, for inputs that stand still or move one by one along a row. */
  run(
    rows: number,
    cols: number,
    out: TypedArray,
    o: number,
    inputs: readonly (TypedArray | number)[],
    offsets: readonly number[],
    rowSteps: readonly number[],
  ): void {
    const heap = this.#heap;
    const { mark } = heap;
    const width = Math.min(cols, CHUNK);
    const height = Math.min(rows, Math.max(1, Math.floor(CHUNK / width)));
    // the last four of a piece reach into the next row, which must still be to come
    const there = cols === width || rows === 1 || cols % 4 === 0 ? heap.addressOf(out) : 0;
    for (let c = 0; c < cols; c += width) {
      const wide = Math.min(width, cols - c);
      for (let r = 0; r < rows; r += height) {
        const high = Math.min(height, rows - r);
        const to = o + r * cols + c;
        if (there) this.#compute(r, c, high, wide, there + 4 * to, 4 * cols, inputs, offsets, rowSteps);
        else {
          const place = heap.scratch(4 * high * wide);
          this.#compute(r, c, high, wide, place, 4 * wide, inputs, offsets, rowSteps);
          this.#take(place, high * wide, out, to);
        }
        heap.release(mark);
      }
    }
  }

  #take(place: number, count: number, out: TypedArray, to: number): void {
    const { numbers } = this.#heap;
    const at = place >> 2;
    // without a view, which takes as long as many numbers
    if (count < VIEW) for (let i = 0; i < count; i++) out[to + i] = numbers[at + i]!;
    else out.set(numbers.subarray(at, at + count), to);
  }

  /** Rows of an input side by side in the heap; one for all where they do not move. */
  #bring(input: TypedArray, from: number, high: number, wide: number, step: number): number {
    const { numbers } = this.#heap;
    const rows = step === 0 ? 1 : high;
    const place = this.#heap.scratch(4 * rows * wide);
    if (rows === 1 || step === wide) return this.#heap.bring(input, from, rows * wide, place);
    for (let i = 0; i < rows; i++) {
      const start = from + i * step;
      numbers.set(input.subarray(start, start + wide), (place >> 2) + i * wide);
    }
    return place;
  }

  /**
   * Rows from `r` on, of columns from `c` on, to `place`, each so many bytes after the one before it; one may write over
   * the beginning of the next, which comes after it.
   */
  #compute(
    r: number,
    c: number,
    high: number,
    wide: number,
    place: number,
    pitch: number,
    inputs: readonly (TypedArray | number)[],
    offsets: readonly number[],
    rowSteps: readonly number[],
  ): void {
    const moves = this.#moves;
    const slots = this.#slots;
    const none = undefined;
    // as literals: `fill` takes as long as a short row
    const args: (number | undefined)[] = [fours(wide), none, none, none, none, none, none, none];
    const pitches = [0, 0, 0, 0, 0, 0, 0, 0];
    for (let k = 0; k < moves.length; k++) {
      if (!moves[k]) continue;
      const input = inputs[k] as TypedArray;
      const step = rowSteps[k]!;
      const from = offsets[k]! + c + r * step;
      const at = this.#heap.addressOf(input);
      args[slots[k]!] = at ? at + 4 * from : this.#bring(input, from, high, wide, step);
      pitches[slots[k]!] = step && 4 * (at ? step : wide);
    }
    for (let i = 0; i < high; i++) {
      for (let k = 0; k < moves.length; k++) {
        const input = inputs[k]!;
        if (moves[k]) args[slots[k]!]! += i && pitches[slots[k]!]!;
        else
          args[slots[k]!] = typeof input === 'number' ? input : input[offsets[k]! + (r + i) * rowSteps[k]!]!;
      }
      this.#loop(args[0], place + i * pitch, args[2], args[3], args[4], args[5], args[6], args[7]);
    }
  }
}
