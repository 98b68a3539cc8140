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
    const args = [0];
    const stays: boolean[] = [];
    for (let k = 0; k < names.length; k++) {
      const address = heap.addressOf(arrays[names[k]!]!);
      stays.push(address > 0);
      args.push(address || heap.scratch(4 * width));
    }
    for (const k of this.#scalars) args.push(scalars[k]!);
    for (let c = 0; c < count; c += width) {
      const wide = Math.min(width, count - c);
      // whole fours; what is beside the last numbers is scratch space, or nobody's
      args[0] = fours(wide);
      for (let k = 0; k < names.length; k++) {
        const array = arrays[names[k]!]!;
        if (stays[k]) args[k + 1]! += c > 0 ? 4 * width : 0;
        else numbers.set(wide === array.length ? array : array.subarray(c, c + wide), args[k + 1]! >> 2);
      }
      this.#loop(...args);
      for (let k = 0; k < names.length; k++) {
        if (stays[k] || !this.#outputs.has(names[k]!)) continue;
        const at = args[k + 1]! >> 2;
        arrays[names[k]!]!.set(numbers.subarray(at, at + wide), c);
      }
    }
    heap.release(mark);
  }
}
