import { namesIn } from '../../formula/expr.ts';
import type { Pass } from '../../formula/program.ts';
import type { UpdateArrays } from '../update.ts';
import { compiled, type Heap } from './heap.ts';
import { lower } from './lower.ts';
import { type Type, WasmModule } from './module.ts';
import type { F32, I32, V128 } from './values.ts';

/** Numbers of each array that are in the heap at a time, so that all of them stay in the cache. */
const CHUNK = 2048;

/** A count, the addresses of the arrays, and the scalars that are read. */
type Kernel = (...parameters: number[]) => void;

/** A fused loop that changes arrays in place. */
export class WasmUpdate {
  readonly #heap: Heap;
  readonly #kernel: Kernel;
  readonly #arrays: readonly string[];
  readonly #outputs: ReadonlySet<string>;
  /** Which scalars are read. */
  readonly #scalars: readonly number[];

  private constructor(heap: Heap, kernel: Kernel, pass: Pass, scalars: readonly number[]) {
    this.#heap = heap;
    this.#kernel = kernel;
    this.#arrays = pass.arrays;
    this.#outputs = new Set(pass.outputs.keys());
    this.#scalars = scalars;
  }

  /** `null` where single numbers cannot express it. */
  static of(heap: Heap, pass: Pass): WasmUpdate | null {
    const expressions = [...pass.outputs.values()];
    const scalars = namesIn(...expressions).filter((name) => name.startsWith('#'));
    let able = true;
    const build = (): WasmModule => {
      const types: Record<string, Type> = { count: 'i32' };
      for (const name of pass.arrays) types[`a_${name}`] = 'i32';
      for (const name of scalars) types[name] = 'f32';
      return new WasmModule().add('run', types, (body, given) => {
        const address = new Map(pass.arrays.map((name) => [name, given[`a_${name}`] as I32]));
        const scalar = new Map<string, V128>();
        for (const name of scalars) scalar.set(name, body.v128((given[name] as F32).splat()));
        const left = given.count as I32;
        body.while(left, () => {
          const found = lower(
            body,
            expressions,
            (name) => scalar.get(name) ?? body.v128(address.get(name)!.v128()),
          );
          if (!found) able = false;
          for (const [k, name] of [...pass.outputs.keys()].entries()) {
            if (found) body.store(address.get(name)!, found[k]!);
          }
          for (const at of address.values()) body.inc(at, 16);
          body.inc(left, -4);
        });
        return undefined;
      });
    };
    const { run } = compiled<{ run: Kernel }>(heap, build);
    return able
      ? new WasmUpdate(
          heap,
          run,
          pass,
          scalars.map((name) => Number(name.slice(1))),
        )
      : null;
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
      args[0] = (wide + 3) & ~3;
      for (let k = 0; k < names.length; k++) {
        const array = arrays[names[k]!]!;
        if (stays[k]) args[k + 1]! += c > 0 ? 4 * width : 0;
        else numbers.set(wide === array.length ? array : array.subarray(c, c + wide), args[k + 1]! >> 2);
      }
      this.#kernel(...args);
      for (let k = 0; k < names.length; k++) {
        if (stays[k] || !this.#outputs.has(names[k]!)) continue;
        const at = args[k + 1]! >> 2;
        arrays[names[k]!]!.set(numbers.subarray(at, at + wide), c);
      }
    }
    heap.release(mark);
  }
}
