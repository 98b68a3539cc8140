import type { TypedArray } from '../core/dtype.ts';
import { memo } from '../core/memo.ts';
import { emit } from '../formula/emit.ts';
import type { LineList, Pass, Uniforms } from '../formula/program.ts';
import { heap } from './engine.ts';
import { WasmUpdate } from './wasm/update.ts';

/** The arrays of an update by name, all of one length. */
export type UpdateArrays = Readonly<Record<string, TypedArray>>;

/** Goes over the places `0 … count − 1`. */
type Loop = (count: number, arrays: UpdateArrays, scalars: readonly number[]) => unknown;

/** A loop and the kinds of arrays that it was compiled for, in the order of the pass. */
interface Compiled {
  readonly kinds: readonly unknown[];
  readonly loop: Loop;
}

const loops = new WeakMap<Pass, Compiled[]>();

/** The loop of a pass, compiled per kind of arrays, so that each stays fast whatever else runs. */
function loopOf(pass: Pass, arrays: UpdateArrays, compile: (pass: Pass) => Loop): Loop {
  const known = memo(loops, pass, () => []);
  for (const { kinds, loop } of known) if (fits(pass, arrays, kinds)) return loop;
  const loop = compile(pass);
  known.push({ kinds: pass.arrays.map((name) => arrays[name]!.constructor), loop });
  return loop;
}

function fits(pass: Pass, arrays: UpdateArrays, kinds: readonly unknown[]): boolean {
  for (let k = 0; k < kinds.length; k++) {
    if (arrays[pass.arrays[k]!]!.constructor !== kinds[k]) return false;
  }
  return true;
}

/** Numbers from which on WebAssembly is faster: `npm run bench -- --only adam`. */
const SHORTEST = 64;
const updates = new WeakMap<Pass, WasmUpdate | null>();

/** The loop in WebAssembly over float32; `null` for all else, and where it is left out. */
function inWasm(pass: Pass, arrays: UpdateArrays): WasmUpdate | null {
  const room = heap();
  if (!room) return null;
  for (let k = 0; k < pass.arrays.length; k++) {
    if (!(arrays[pass.arrays[k]!] instanceof Float32Array)) return null;
  }
  return memo(updates, pass, () => WasmUpdate.of(room, pass));
}

/** Runs a program in place, in one fused loop. */
export function runUpdate(
  program: Pass,
  count: number,
  arrays: UpdateArrays,
  scalars: readonly number[],
): void {
  const wasm = count < SHORTEST ? null : inWasm(program, arrays);
  if (wasm) wasm.run(count, arrays, scalars);
  else loopOf(program, arrays, compileUpdate)(count, arrays, scalars);
}

/** The sum of the squares of every output of a pass, by name; nothing is written. */
export function sumSquares(
  pass: Pass,
  count: number,
  arrays: UpdateArrays,
  scalars: readonly number[],
): Readonly<Record<string, number>> {
  return loopOf(pass, arrays, compileSums)(count, arrays, scalars) as Record<string, number>;
}

/** The text of a loop, with `each` run at every place on the results of the outputs, in order. */
function loopText({ arrays, outputs }: Pass, each: (results: readonly string[]) => string): string {
  const scalars = new Set<number>();
  const { statements, results } = emit([...outputs.values()], (name) => {
    if (!name.startsWith('#')) return `x_${name}`;
    scalars.add(Number(name.slice(1)));
    return `s${name.slice(1)}`;
  });
  return `
    ${arrays.map((name) => `const a_${name} = arrays["${name}"];`).join(' ')}
    ${[...scalars].map((k) => `const s${k} = scalars[${k}];`).join(' ')}
    for (let i = 0; i < count; i++) {
      ${arrays.map((name) => `const x_${name} = a_${name}[i];`).join(' ')}
      ${statements.join('\n      ')}
      ${each(results)}
    }`;
}

/**
 * ```js
 * const a_p = arrays["p"]; const s0 = scalars[0]; …
 * for (let i = 0; i < count; i++) { const x_p = a_p[i]; … const t0 = x_g * s1; … a_p[i] = x_p - s0 * t0; }
 * ```
 */
function compileUpdate(pass: Pass): Loop {
  const names = [...pass.outputs.keys()];
  const body = loopText(pass, (results) => names.map((name, k) => `a_${name}[i] = ${results[k]};`).join(' '));
  return new Function('count', 'arrays', 'scalars', body) as Loop;
}

/** `let n_p = 0; for (…) { const x_p = a_p[i]; n_p += x_p * x_p; } return { n_p };` */
function compileSums(pass: Pass): Loop {
  const names = [...pass.outputs.keys()];
  const add = (name: string, result: string): string =>
    `const y_${name} = ${result}; n_${name} += y_${name} * y_${name};`;
  const body = `
    ${names.map((name) => `let n_${name} = 0;`).join(' ')}
    ${loopText(pass, (results) => names.map((name, k) => add(name, results[k]!)).join(' '))}
    return { ${names.map((name) => `"${name}": n_${name}`).join(', ')} };`;
  return new Function('count', 'arrays', 'scalars', body) as Loop;
}

/** The numbers at one place, by name. */
export type Place = Record<string, number>;

type Literal = (element: Place, uniforms: Uniforms) => number;

/**
 * Calls the lines literally, in order, on the numbers at one place, which change.
 *
 * @param instead - numbers or lines that stand in for lines of the list
 */
export function interpretPlace(
  list: LineList,
  element: Place,
  uniforms: Uniforms,
  instead: Readonly<Record<string, number | Literal>> = {},
): void {
  for (const [name, line] of list.lines as unknown as ReadonlyMap<string, Literal>) {
    const used = instead[name] ?? line;
    element[name] = typeof used === 'number' ? used : used(element, uniforms);
  }
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
  const names = Object.keys(arrays);
  const kept = names.filter((name) => list.lines.has(name));
  const element: Place = {};
  const run = (i: number, all: Uniforms): void => {
    for (const name of names) element[name] = arrays[name]![i]!;
    interpretPlace(list, element, all);
  };
  const norms: Record<string, number> = {};
  for (const [norm, line] of Object.entries(list.norms)) {
    let squares = 0;
    for (let i = 0; i < count; i++) {
      run(i, uniforms);
      const x = line === 'p' ? arrays.p![i]! : element[line]!;
      squares += x * x;
    }
    norms[norm] = Math.sqrt(squares);
  }
  const all = { ...uniforms, ...norms };
  for (let i = 0; i < count; i++) {
    run(i, all);
    for (const name of kept) arrays[name]![i] = element[name]!;
  }
}
