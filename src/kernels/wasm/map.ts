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
    const moves = this.#moves;
    const { mark, numbers } = heap;
    const width = Math.min(cols, CHUNK);
    const height = Math.min(rows, Math.max(1, Math.floor(CHUNK / width)));
    // the last four of a piece reach into the next row, which must still be to come
    const there = cols === width || rows === 1 || cols % 4 === 0 ? heap.addressOf(out) : 0;
    const result = there || heap.scratch(4 * width * height);
    const stays = moves.map((move, k) => (move ? heap.addressOf(inputs[k] as TypedArray) : 0));
    const places = moves.map((move, k) => (move && !stays[k] ? heap.scratch(4 * width * height) : 0));
    const pitches = places.slice();
    for (let c = 0; c < cols; c += width) {
      const wide = Math.min(width, cols - c);
      for (let r = 0; r < rows; r += height) {
        const high = Math.min(height, rows - r);
        for (let k = 0; k < places.length; k++) {
          const step = rowSteps[k]!;
          const from = offsets[k]! + c + r * step;
          if (stays[k]) {
            places[k] = stays[k]! + 4 * from;
            pitches[k] = 4 * step;
          } else if (moves[k]) {
            // a row for all is brought once
            if (step !== 0 || r === 0)
              this.#bring(inputs[k] as TypedArray, from, places[k]!, high, wide, step);
            pitches[k] = step === 0 ? 0 : 4 * wide;
          }
        }
        const to = o + r * cols + c;
        if (there) {
          this.#compute(r, high, wide, there + 4 * to, 4 * cols, places, pitches, inputs, offsets, rowSteps);
          continue;
        }
        this.#compute(r, high, wide, result, 4 * wide, places, pitches, inputs, offsets, rowSteps);
        const at = result >> 2;
        const count = wide * high;
        // without a view, which takes as long as many numbers
        if (count < VIEW) for (let i = 0; i < count; i++) out[to + i] = numbers[at + i]!;
        else out.set(numbers.subarray(at, at + count), to);
      }
    }
    heap.release(mark);
  }

  /** Rows side by side in the heap; one for all where they do not move. */
  #bring(input: TypedArray, from: number, place: number, high: number, wide: number, step: number): void {
    const { numbers } = this.#heap;
    const at = place >> 2;
    const rows = step === 0 ? 1 : high;
    if (rows > 1 && step !== wide) {
      for (let i = 0; i < rows; i++) {
        const start = from + i * step;
        numbers.set(input.subarray(start, start + wide), at + i * wide);
      }
      return;
    }
    const count = rows * wide;
    numbers.set(count === input.length ? input : input.subarray(from, from + count), at);
  }

  /**
   * Row by row, each so many bytes after the one before it; one may write over the beginning of the next, which comes
   * after it.
   */
  #compute(
    r: number,
    high: number,
    wide: number,
    result: number,
    pitch: number,
    places: readonly number[],
    pitches: readonly number[],
    inputs: readonly (TypedArray | number)[],
    offsets: readonly number[],
    rowSteps: readonly number[],
  ): void {
    const moves = this.#moves;
    const slots = this.#slots;
    const none = undefined;
    // as a literal: `fill` takes as long as a short row
    const args: (number | undefined)[] = [fours(wide), 0, none, none, none, none, none, none];
    for (let i = 0; i < high; i++) {
      for (let k = 0; k < places.length; k++) {
        const input = inputs[k]!;
        if (moves[k]) args[slots[k]!] = places[k]! + i * pitches[k]!;
        else
          args[slots[k]!] = typeof input === 'number' ? input : input[offsets[k]! + (r + i) * rowSteps[k]!]!;
      }
      args[1] = result + i * pitch;
      this.#loop(args[0], args[1], args[2], args[3], args[4], args[5], args[6], args[7]);
    }
  }
}
