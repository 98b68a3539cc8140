import type { TypedArray } from '../core/dtype.ts';
import { memo } from '../core/memo.ts';
import { emit } from '../formula/emit.ts';
import type { LineList, Program, Uniforms } from '../formula/program.ts';

/** The arrays of an update by name, all of one length. */
export type UpdateArrays = Readonly<Record<string, TypedArray>>;

/** Runs an update in place at the places `0 … count − 1`. */
type UpdateLoop = (count: number, arrays: UpdateArrays, scalars: readonly number[]) => void;

const loops = new WeakMap<Program, Map<string, UpdateLoop>>();

/**
 * Runs a program in place: one fused loop, compiled per program and per kind of arrays, so that each stays fast whatever
 * else runs.
 */
export function runUpdate(
  program: Program,
  count: number,
  arrays: UpdateArrays,
  scalars: readonly number[],
): void {
  let kinds = '';
  for (const name of program.arrays) kinds += arrays[name]!.constructor.name;
  let compiled = loops.get(program);
  if (!compiled) {
    compiled = new Map();
    loops.set(program, compiled);
  }
  memo(compiled, kinds, () => compile(program))(count, arrays, scalars);
}

/**
 * ```js
 * const a_p = arrays["p"]; const s0 = scalars[0]; …
 * for (let i = 0; i < count; i++) { const x_p = a_p[i]; … const t0 = x_g * s1; … a_p[i] = x_p - s0 * t0; }
 * ```
 */
function compile({ arrays, outputs }: Program): UpdateLoop {
  const scalars = new Set<number>();
  const { statements, results } = emit([...outputs.values()], (name) => {
    if (!name.startsWith('#')) return `x_${name}`;
    scalars.add(Number(name.slice(1)));
    return `s${name.slice(1)}`;
  });
  const body = `
    ${arrays.map((name) => `const a_${name} = arrays["${name}"];`).join(' ')}
    ${[...scalars].map((k) => `const s${k} = scalars[${k}];`).join(' ')}
    for (let i = 0; i < count; i++) {
      ${arrays.map((name) => `const x_${name} = a_${name}[i];`).join(' ')}
      ${statements.join('\n      ')}
      ${[...outputs.keys()].map((name, k) => `a_${name}[i] = ${results[k]};`).join(' ')}
    }`;
  return new Function('count', 'arrays', 'scalars', body) as UpdateLoop;
}

/**
 * Runs the lines literally, function by function: slow, and the definition of what every engine must compute.
 * State that is not among `arrays` is not kept.
 */
export function interpretUpdate(
  list: LineList,
  count: number,
  arrays: UpdateArrays,
  uniforms: Uniforms,
): void {
  const lines = [...list.lines] as unknown as [string, (element: object, uniforms: Uniforms) => number][];
  const written = lines.map(([name]) => name).filter((name) => name in arrays);
  for (let i = 0; i < count; i++) {
    const element: Record<string, number> = {};
    for (const name of Object.keys(arrays)) element[name] = arrays[name]![i]!;
    for (const [name, line] of lines) element[name] = line(element, uniforms);
    for (const name of written) arrays[name]![i] = element[name]!;
  }
}
