import { namesIn } from '../../formula/expr.ts';
import type { Pass } from '../../formula/program.ts';
import type { UpdateArrays } from '../update.ts';
import type { Heap } from './heap.ts';
import { fours, type Loop, loopOver } from './loop.ts';

/** Numbers of each array that are in the heap at a time, so that all of them stay in the cache. */
const CHUNK = 2048;

/** A fused loop that changes arrays in place. */
export class WasmUpdate {
  readonly #heap: Heap;
  readonly #loop: Loop;
  readonly #arrays: readonly string[];
  readonly #outputs: ReadonlySet<string>;
  /** Which scalars are read. */
  readonly #scalars: readonly number[];

  private constructor(heap: Heap, loop: Loop, pass: Pass, scalars: readonly number[]) {
    this.#heap = heap;
    this.#loop = loop;
    this.#arrays = pass.arrays;
    this.#outputs = new Set(pass.outputs.keys());
    this.#scalars = scalars;
  }

  /** `null` where single numbers cannot express it. */
  static of(heap: Heap, pass: Pass): WasmUpdate | null {
    const scalars = namesIn(...pass.outputs.values()).filter((name) => name.startsWith('#'));
    const loop = loopOver(heap, pass.arrays, scalars, pass.outputs);
    const read = scalars.map((name) => Number(name.slice(1)));
    return loop && new WasmUpdate(heap, loop, pass, read);
  }

  run(count: number, arrays: UpdateArrays, scalars: readonly number[]): void {
    const heap = this.#heap;
    const { mark, numbers } = heap;
    const names = this.#arrays;
    const width = Math.min(count, CHUNK);
    const places: number[] = [];
    for (let k = 0; k < names.length; k++) places.push(heap.scratch(4 * width));
    const args = [0, ...places];
    for (const k of this.#scalars) args.push(scalars[k]!);
    for (let c = 0; c < count; c += width) {
      const wide = Math.min(width, count - c);
      // whole fours; what is beside the last numbers is scratch space, or nobody's
      args[0] = fours(wide);
      for (let k = 0; k < names.length; k++)
        args[k + 1] = heap.bring(arrays[names[k]!]!, c, wide, places[k]!);
      this.#loop(...args);
      for (let k = 0; k < names.length; k++) {
        // in the heap it was changed where it is
        if (args[k + 1] !== places[k] || !this.#outputs.has(names[k]!)) continue;
        const at = places[k]! >> 2;
        arrays[names[k]!]!.set(numbers.subarray(at, at + wide), c);
      }
    }
    heap.release(mark);
  }
}
