import type { TypedArray } from '../core/dtype.ts';
import { show, suggest, ValueError } from '../core/errors.ts';
import type { Shape } from '../core/shape.ts';
import { type Line, LineList, type Program, type Uniforms } from '../formula/program.ts';
import { lasting } from '../kernels/engine.ts';
import { runUpdate, sumSquares, type UpdateArrays } from '../kernels/update.ts';
import { Tensor } from '../tensor/index.ts';
import { type LineStep, partsOf, type RuleParts } from './explain.ts';
import type { ParamRecord } from './record.ts';
import type { RuleLines, StepScalars } from './rule.ts';
import { linesBefore, withSharedLines } from './shared-lines.ts';

/** What is about to be done to one parameter, all checked and nothing written. */
export interface Work {
  readonly program: Program;
  readonly count: number;
  readonly arrays: UpdateArrays;
  /** `null` while the norms are not measured that they come from. */
  scalars: readonly number[] | null;
  /** The norms that were measured. */
  norms?: Readonly<Record<string, number>>;
  /** What the scalars come from; filled anew for the next parameter, unless there are norms. */
  readonly uniforms: Uniforms;
  readonly lists: LineStep['lists'];
  /** What is to be kept afterwards, where it is not written in place. */
  readonly state?: Record<string, Tensor>;
  /** Steps as far as each part of the rule goes, where they do not follow from the lines. */
  readonly reached?: () => NonNullable<LineStep['reached']>;
}

/** The part of a rule that consists of lines: with the shared ones around them, checked, and ready to run. */
export class LinePart {
  readonly rule: RuleLines;
  readonly list: LineList;
  /** The names of the scalars that `perStep` returns. */
  readonly perStepNames: readonly string[];
  /** Whether the rule takes decoupled decay into its step by itself. */
  readonly ownPull: boolean;
  /** It may run on a device. */
  readonly hostOnly = null;
  /** What a step of it consists of. */
  readonly parts: RuleParts;
  readonly #lists: LineStep['lists'];

  /**
   * @param options - the options of a parameter group, with their defaults
   * @param shared - the names of the scalars that come from the optimizer
   */
  constructor(where: string, rule: RuleLines, options: Uniforms, shared: readonly string[]) {
    this.rule = rule;
    if (!('step' in rule.lines) && !('delta' in rule.lines)) {
      throw new ValueError(where, 'a rule must have a line "delta" or "step"', show(rule.lines));
    }
    for (const name of Object.keys(rule.lines).filter((name) => RESERVED.includes(name))) {
      throw new ValueError(where, 'a line must have a name of its own', `"${name}", which every rule has`);
    }
    const perStep = this.scalarsAt(1, options, {});
    this.perStepNames = Object.keys(perStep);
    checkNames(where, rule, perStep, [...Object.keys(options), ...shared]);
    const averaged = rule.average ? readsOf(rule.average).elements : [];
    this.list = new LineList(where, withSharedLines(rule.lines), {
      inputs: ['grad'],
      varying: this.perStepNames,
      roots: ['p', ...averaged.filter((name) => name in rule.lines)],
      norms: rule.norms ?? {},
    });
    this.#lists = { gradient: this.list, step: this.list };
    this.parts = partsOf(rule, this.perStepNames, Object.keys(options));
    checkParts(where, this.parts, [...this.list.lines.keys(), ...Object.keys({ ...options, ...perStep })]);
    this.ownPull = Object.values(rule.lines).some((line) => readsOf(line).elements.includes('pull'));
  }

  /** The scalars of step `t` of one parameter. */
  scalarsAt(t: number, settings: Uniforms, previous: StepScalars): StepScalars {
    return this.rule.perStep?.(t, settings as never, previous as Readonly<Record<string, number>>) ?? {};
  }

  /** The names of what is kept under these options and scalars. */
  kept(uniforms: Uniforms): string[] {
    return this.list.specialize(uniforms).kept.filter((name) => name !== 'p');
  }

  /** The names of what may be kept. */
  get stateNames(): string[] {
    return ['p0', ...Object.keys(this.rule.lines)];
  }

  /** The shape of what is kept under a name. */
  stateShape(_name: string, param: Tensor): Shape {
    return param.shape;
  }

  /** What is to be done; state that is wanted for the first time is added to the record. */
  prepare(
    param: Tensor,
    { state }: ParamRecord,
    values: TypedArray,
    grad: TypedArray,
    uniforms: Uniforms,
  ): Work {
    const program = this.list.specialize(uniforms);
    const count = values.length;
    const arrays: Record<string, TypedArray> = { p: values, grad };
    for (const name of program.kept) {
      if (name === 'p') continue;
      state[name] ??= this.#initial(name, param, values, uniforms);
      arrays[name] = state[name].storage;
    }
    const waits = program.norms !== null;
    return {
      program,
      count,
      arrays,
      scalars: waits ? null : program.scalars(uniforms),
      uniforms: waits ? { ...uniforms } : uniforms,
      lists: this.#lists,
    };
  }

  #initial(name: string, param: Tensor, values: TypedArray, settings: Uniforms): Tensor {
    if (name === 'p0') return new Tensor(values.slice(), param.shape, param.dtype);
    const array = lasting(param.dtype, values.length);
    const initial = this.rule.initial?.[name] as Literal | undefined;
    if (initial) for (let i = 0; i < array.length; i++) array[i] = initial({ p: values[i]! }, settings);
    return new Tensor(array, param.shape, param.dtype);
  }

  /** The average that the rule keeps of a parameter, from its numbers and what is kept; `null` before there is one. */
  averageOf(values: TypedArray, { state }: ParamRecord, settings: Uniforms): TypedArray | null {
    const { average } = this.rule;
    if (!average) return null;
    const kept = readsOf(average).elements.filter((name) => name !== 'p');
    if (kept.some((name) => !state[name])) return null;
    return values.map((p, i) => {
      const element = Object.fromEntries(kept.map((name) => [name, state[name]!.storage[i]!]));
      return (average as unknown as Literal)({ ...element, p }, settings);
    });
  }
}

type Literal = (element: { p: number }, settings: Uniforms) => number;

const RESERVED = ['grad', 'p', 'next', ...Object.keys(linesBefore)];

/** Norms from sums of squares, by name. */
export function rootsOf(squares: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(squares).map(([name, square]) => [name, Math.sqrt(square)]));
}

/** Runs on the host, in one fused loop; what else there is to know for it is measured first. */
export function runWork(work: Work): void {
  const { program, count, arrays, uniforms } = work;
  if (!work.scalars) {
    const norms = program.norms!;
    work.norms = rootsOf(sumSquares(norms, count, arrays, norms.scalars(uniforms)));
    work.scalars = program.scalars({ ...uniforms, ...work.norms });
  }
  runUpdate(program, count, arrays, work.scalars);
}

/** Every name has one meaning, and a line reads only names that exist: what TypeScript checks, for JavaScript too. */
function checkNames(where: string, rule: RuleLines, perStep: StepScalars, options: readonly string[]): void {
  const names = Object.keys(rule.lines);
  const scalars = new Set(options);
  for (const [name, value] of Object.entries(perStep)) {
    if (Number.isNaN(Number(value))) {
      throw new ValueError(where, `perStep must return numbers or booleans, also for ${name}`, show(value));
    }
    if (scalars.has(name)) throw new ValueError(where, 'perStep cannot replace an option', `"${name}"`);
    scalars.add(name);
  }
  for (const [name, line] of Object.entries(rule.norms ?? {})) {
    if (scalars.has(name))
      throw new ValueError(where, 'a norm cannot have the name of an option or scalar', `"${name}"`);
    scalars.add(name);
    const known = ['p', 'g', ...names];
    if (!known.includes(line)) {
      throw new ValueError(
        where,
        `norm ${name} must be that of p, g or a line`,
        show(line),
        suggest(line, known),
      );
    }
  }
  for (const name of [...names, ...RESERVED]) {
    if (scalars.has(name)) {
      throw new ValueError(where, 'a line cannot have the name of an option or scalar', `"${name}"`);
    }
  }
  for (const name of Object.keys(rule.initial ?? {})) {
    if (names.includes(name)) continue;
    throw new ValueError(where, 'initial must name a line', `"${name}"`, suggest(name, names));
  }
  const steps = names.findLastIndex((name) => name === 'delta' || name === 'step');
  const elements = ['p', 'g', 'pull', ...names];
  for (const [k, [name, line]] of Object.entries(rule.lines).entries()) {
    checkReads(where, `line ${name}`, line, k > steps ? [...elements, 'next'] : elements, scalars);
  }
  if (rule.average) checkReads(where, 'average', rule.average, ['p', ...names], options);
}

/** What stands in for something must stand in for a line, an option or a scalar. */
function checkParts(where: string, parts: RuleParts, known: readonly string[]): void {
  for (const [part, instead] of Object.entries(parts)) {
    const wrong = Object.keys(instead).find((name) => !known.includes(name));
    if (wrong === undefined) continue;
    throw new ValueError(
      where,
      `part ${part} may replace lines and scalars only`,
      show(wrong),
      suggest(wrong, known),
    );
  }
}

function checkReads(
  where: string,
  name: string,
  line: Line,
  elements: Iterable<string>,
  scalars: Iterable<string>,
): void {
  const reads = readsOf(line);
  const check = (read: readonly string[], known: ReadonlySet<string>, which: string): void => {
    const wrong = read.find((one) => !known.has(one));
    if (wrong === undefined) return;
    throw new ValueError(where, `${name} may take ${which} only`, show(wrong), suggest(wrong, known));
  };
  check(reads.elements, new Set(elements), 'elements from its first parameter');
  check(reads.scalars, new Set(scalars), 'scalars from its second parameter');
}

/** What a line takes from its parameters. */
function readsOf(line: Line): { elements: readonly string[]; scalars: readonly string[] } {
  const elements: string[] = [];
  const scalars: string[] = [];
  line(noting(elements), noting(scalars));
  return { elements, scalars };
}

/** An object with every property, each 1, that notes which ones are read. */
function noting(reads: string[]): never {
  const get = (_: object, name: string | symbol): number => {
    reads.push(String(name));
    return 1;
  };
  return new Proxy({}, { get }) as never;
}
