import type { TypedArray } from '../core/dtype.ts';
import { show, ValueError } from '../core/errors.ts';
import { type Shape, showPlaces, showShape, stridesOf } from '../core/shape.ts';
import type { Line, LineList, Uniforms } from '../formula/program.ts';
import { interpretPlace, type Place } from '../kernels/update.ts';
import type { RuleLines } from './rule.ts';

/** Where the last change of one number came from. */
export interface StepExplanation {
  /** The name of the parameter. */
  readonly name: string;
  /** Which of its numbers: one index per axis. */
  readonly index: readonly number[];
  /** Which step of this parameter it was, from 1. */
  readonly t: number;
  /** The number before the step. */
  readonly before: number;
  /** The number after it. */
  readonly after: number;
  /** `after − before`. */
  readonly change: number;
  /**
   * What the change consists of, in order; the parts add up to it. `gradient` is the step of plain gradient descent,
   * `−lr · g`; each other part is what it took to get from there on: `clipping`, `decay`, `momentum`, `secondMoment`,
   * `biasCorrection` and others of the rule's own, and `rounding` to the parameter's dtype. Parts that are 0 are left out.
   */
  readonly parts: Readonly<Record<string, number>>;
  /** A small table. */
  toString(): string;
}

/** What stands in for lines and scalars: numbers, or lines over the same elements and scalars. */
export type Instead = Readonly<Record<string, number | Line | undefined>>;

/** The parts of a rule's step beyond gradient and momentum, in order. */
export type RuleParts = Readonly<Record<string, Instead>>;

/** The change of one number as far as a part and all those before it go. */
export type Stage = readonly [part: string, change: number];

/** What a step did to a parameter, to be explained afterwards. */
export interface Snapshot {
  readonly t: number;
  /** The parameter before the step. */
  readonly before: TypedArray;
  /** The parameter after it. */
  readonly after: TypedArray;
  /** How far the parts go at one place, in order; the rest is rounding. */
  readonly stages: (place: number) => Iterable<Stage>;
}

/** What a step by lines read, and the lines. */
export interface LineStep {
  /** The gradient as `backward` left it. */
  readonly grad: TypedArray;
  /** Everything that the step read, before it. */
  readonly arrays: Readonly<Record<string, TypedArray>>;
  /** Every option and scalar that it read. */
  readonly uniforms: Uniforms;
  /** The lines that led to `g`, and those that led to `next`. */
  readonly lists: { readonly gradient: LineList; readonly step: LineList };
  readonly parts: RuleParts;
  /** Of a rule over whole tensors: its steps without decay, as far as each part but the last goes. */
  readonly reached: Readonly<Record<string, TypedArray>> | null;
}

/** What plain gradient descent would change of a number. */
export function along(p: number, lr: number, g: number): number {
  // as the step itself does it, so that rounding makes no part of its own
  return p - lr * g - p;
}

/** The stages of a step by lines. */
export function* stagesOf(step: LineStep, place: number): Generator<Stage> {
  const { grad, arrays, uniforms, lists } = step;
  const element: Place = {};
  for (const name of Object.keys(arrays)) element[name] = arrays[name]![place]!;
  const descent = (g: number): number => along(element.p!, uniforms.lr as number, g);
  yield ['gradient', descent(uniforms.maximize ? -grad[place]! : grad[place]!)];
  yield ['clipping', descent(run(lists.gradient, element, { ...uniforms, coupled: false }).g!)];
  yield ['decay', descent(run(lists.gradient, element, uniforms).g!)];
  yield* ruleStages(step, element, place);
}

/** The parts that follow from the names of lines and scalars, where a rule does not say. */
export function partsOf(
  rule: RuleLines,
  perStepNames: readonly string[],
  options: readonly string[],
): RuleParts {
  if (rule.parts) return rule.parts as RuleParts;
  const all = (names: readonly string[], pattern: RegExp, value: number): Instead =>
    Object.fromEntries(names.filter((name) => pattern.test(name)).map((name) => [name, value]));
  return {
    secondMoment: { ...all(Object.keys(rule.lines), /^v([A-Z]|$)/, 1), ...all(options, /^eps(Root)?$/, 0) },
    biasCorrection: all(perStepNames, /^bias/, 1),
  };
}

type Literal = (element: Place, uniforms: Uniforms) => number;

/** The place of an index in row-major order. */
function placeOf(where: string, index: readonly number[], shape: Shape): number {
  if (!Array.isArray(index) || index.length !== shape.length) {
    throw new ValueError(where, `there must be one index per axis of ${showShape(shape)}`, show(index));
  }
  const strides = stridesOf(shape);
  return index.reduce((place, i, axis) => {
    const size = shape[axis]!;
    if (Number.isInteger(i) && i >= -size && i < size) return place + (i < 0 ? i + size : i) * strides[axis]!;
    throw new ValueError(where, `index ${axis} must be ${showPlaces(size)}`, show(i));
  }, 0);
}

/** Splits the change of one number into its parts. */
export function explain(
  where: string,
  name: string,
  shape: Shape,
  index: readonly number[],
  snapshot: Snapshot | undefined,
): StepExplanation {
  if (!snapshot) {
    throw new ValueError(
      where,
      'a step must have been remembered',
      `none of ${name}`,
      'Set the option explain to true, and take a step in which it has a gradient.',
    );
  }
  const i = placeOf(where, index, shape);
  const { t } = snapshot;
  const before = snapshot.before[i]!;
  const after = snapshot.after[i]!;
  // each stage is the change with everything up to a part; the part is what it adds to the stage before
  const stages: Stage[] = [...snapshot.stages(i), ['rounding', after - before]];

  const parts: Record<string, number> = {};
  let reached = 0;
  for (const [part, change] of stages) {
    parts[part] = (parts[part] ?? 0) + (change - reached);
    reached = change;
  }
  for (const part of Object.keys(parts)) if (parts[part] === 0 && part !== 'gradient') delete parts[part];
  const place = index.map((k, axis) => (k < 0 ? k + shape[axis]! : k));
  const told = { name, index: place, t, before, after, change: after - before, parts };
  return { ...told, toString: () => print(told) };
}

/** The change as far as each part of the rule goes, and then with all decay. */
function* ruleStages(
  { lists, parts, reached, uniforms }: LineStep,
  element: Place,
  i: number,
): Generator<Stage> {
  const change = (scalars: Uniforms, instead?: Instead): number =>
    run(lists.step, element, scalars, instead).next! - element.p!;
  const alone = { ...uniforms, decoupled: false, threshold: 0 };
  if (reached) {
    const names = Object.keys(reached);
    for (const [k, part] of names.entries()) {
      yield [part, k < names.length - 1 ? element.p! - reached[part]![i]! - element.p! : change(alone)];
    }
  } else {
    const names = ['momentum', ...Object.keys(parts)];
    for (const [k, part] of names.entries()) {
      yield [part, change(alone, Object.assign({}, ...names.slice(k + 1).map((later) => parts[later])))];
    }
  }
  yield ['decay', change(uniforms)];
}

/** The numbers after the lines, with some lines and scalars replaced. */
function run(list: LineList, before: Place, uniforms: Uniforms, instead: Instead = {}): Place {
  const element = { ...before };
  const scalars: Record<string, number | boolean | string> = { ...uniforms };
  const lines: Record<string, number | Literal> = {};
  for (const [name, other] of Object.entries(instead)) {
    if (other === undefined) continue;
    const literal = other as number | Literal;
    if (list.lines.has(name)) {
      lines[name] = literal;
      if (typeof literal === 'number') element[name] = literal;
    } else scalars[name] = typeof literal === 'number' ? literal : literal(element, uniforms);
  }
  interpretPlace(list, element, scalars, lines);
  return element;
}

function print({ name, index, t, before, after, change, parts }: StepExplanation): string {
  const number = (x: number): string => `${x < 0 ? '' : ' '}${x.toPrecision(6)}`;
  const at = index.length > 0 ? `[${index.join(', ')}]` : '';
  const width = Math.max('change'.length, ...Object.keys(parts).map((part) => part.length));
  const rows = Object.entries({ ...parts, change }).map(
    ([part, x]) => `  ${part.padEnd(width)}  ${number(x)}`,
  );
  return [`${name}${at}, step ${t}: ${before.toPrecision(6)} → ${after.toPrecision(6)}`, ...rows].join('\n');
}
