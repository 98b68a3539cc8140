import type { Expr } from '../../formula/expr.ts';
import { compiled, type Heap } from './heap.ts';
import { lower } from './lower.ts';
import { type Type, WasmModule } from './module.ts';
import type { F32, I32, V128 } from './values.ts';

/** Parameters: how many numbers, in whole fours; the addresses of the arrays, in order; the scalars, in order. */
export type Loop = (...parameters: (number | undefined)[]) => void;

/**
 * A loop over arrays side by side in the heap: at every four places it computes the outputs from the other names, and stores
 * them in the arrays of their names. `null` where single numbers cannot express one.
 */
export function loopOver(
  heap: Heap,
  arrays: readonly string[],
  scalars: readonly string[],
  outputs: ReadonlyMap<string, Expr>,
): Loop | null {
  let able = true;
  const build = (): WasmModule => {
    // by their places, since a formula may use any name
    const types: Record<string, Type> = { count: 'i32' };
    for (const k of arrays.keys()) types[`a${k}`] = 'i32';
    for (const k of scalars.keys()) types[`s${k}`] = 'f32';
    return new WasmModule().add('run', types, (body, given) => {
      const address = new Map(arrays.map((name, k) => [name, given[`a${k}`] as I32]));
      const scalar = new Map<string, V128>();
      for (const [k, name] of scalars.entries()) scalar.set(name, body.v128((given[`s${k}`] as F32).splat()));
      const left = given.count as I32;
      body.while(left, () => {
        const found = lower(
          body,
          [...outputs.values()],
          (name) => scalar.get(name) ?? body.v128(address.get(name)!.v128()),
        );
        able = found !== null;
        for (const [k, name] of [...outputs.keys()].entries()) {
          if (found) body.store(address.get(name)!, found[k]!);
        }
        for (const at of address.values()) body.inc(at, 16);
        body.inc(left, -4);
      });
      return undefined;
    });
  };
  const { run } = compiled<{ run: Loop }>(heap, build);
  return able ? run : null;
}

/** So many numbers in whole fours. */
export const fours = (count: number): number => (count + 3) & ~3;
