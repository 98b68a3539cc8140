import { type Expr, namesIn, node, num, substitute, variable } from '../formula/expr.ts';
import { type Notation, print } from '../formula/notation.ts';
import { parseFormula, parseScalars, type Scalars, type Source } from '../formula/parse.ts';
import type { CompiledRule } from './compiled.ts';
import type { RuleLines } from './rule.ts';

/** One line of a printed rule. Names carry the time of their value, as `m@t-1`; those without are of this step. */
export interface Statement {
  readonly name: string;
  readonly value: Expr;
  /** Whether the value is kept from step to step. */
  readonly kept: boolean;
}

/** A printed statement: what has a value, how it comes by it, and the value. */
export type Equation = readonly [left: string, sign: '=' | '←', right: string];

/** Statements in a notation. What is kept gets its new value by an arrow, unless indices tell the new one from the old. */
export function equations(list: readonly Statement[], to: Notation): Equation[] {
  return list.map(({ name, value, kept }) => {
    const arrow = kept && (to.fraction === null || !name.includes('@'));
    return [print(variable(name), to), arrow ? '←' : '=', print(value, to)];
  });
}

/** What the lines of a rule are, however it was written. */
interface Course {
  readonly lines: readonly (readonly [name: string, value: Expr])[];
  /** The names of those that are kept. */
  readonly kept: ReadonlySet<string>;
  readonly norms?: Readonly<Record<string, string>>;
  readonly perStep?: RuleLines['perStep'];
  readonly initial?: RuleLines['initial'];
  readonly average?: Expr;
  /** Whether decay acts on the parameter by itself. */
  readonly decoupled: boolean;
}

/** A scalar of so few symbols stands where it is read, and has no line of its own. */
const FEW = 5;

const size = (e: Expr): number => e.args.reduce((sum, a) => sum + size(a), 1);
const at = (name: string, time: 't' | 't-1' | '0'): Expr => variable(`${name}@${time}`);
const zero = num(0);

function tryOr<T>(read: () => T, other: T): T {
  try {
    return read();
  } catch {
    return other;
  }
}

/**
 * What a rule computes, in order: for the parameters that it is for, and then for those that it leaves to other lines.
 *
 * It is said as in mathematics: scalars of the step by their formulas, norms by bars, the decay `pull` by its largest
 * part, `weightDecay · p`, and at the end what becomes of the parameter.
 */
export function statementsOf({ lines, tensors, search, defaults }: CompiledRule): (readonly Statement[])[] {
  const decoupled = defaults.decay === 'decoupled';
  const courses: Course[] = [];
  if (tensors) {
    const kept = new Set(Object.keys(tensors.rule.initial ?? {}));
    courses.push({ lines: tensors.formula, kept, perStep: tensors.rule.perStep, decoupled });
  }
  if (search) {
    courses.push({ lines: search.formula, kept: new Set(Object.keys(search.initial)), decoupled: false });
  }
  if (lines) courses.push({ ...courseOf(lines.rule), decoupled: decoupled && !lines.ownPull });
  return courses.map(statements);
}

function courseOf({ lines, average, ...rest }: RuleLines): Omit<Course, 'decoupled'> {
  const parsed = Object.entries(lines).map(([name, line]) => [name, parseFormula(name, line)] as const);
  const mean = average && tryOr(() => parseFormula('average', average), undefined);
  const place = new Map(parsed.map(([name], k) => [name, k]));
  const early = parsed.flatMap(([, value], k) => namesIn(value).filter((name) => place.get(name)! >= k));
  return { ...rest, lines: parsed, average: mean, kept: new Set([...early, ...(mean ? namesIn(mean) : [])]) };
}

function statements({ lines, kept, norms = {}, decoupled, average, ...rest }: Course): Statement[] {
  const scalars = scalarsOf(rest.perStep);
  const place = new Map(lines.map(([name], k) => [name, k]));
  const own = (name: string): Expr => (kept.has(name) ? at(name, 't') : variable(name));

  /** What a name means in line k. */
  const meaning =
    (k: number) =>
    (name: string): Expr | undefined => {
      if (name === 'g') return at('g', 't');
      if (name === 'next') return variable('p');
      if (name === 'pull') return node('*', variable('weightDecay'), variable('p'));
      if (Object.hasOwn(norms, name)) return node('norm()', meaning(Infinity)(norms[name]!) ?? variable('p'));
      const there = place.get(name);
      if (there === undefined) return scalars.meaning(name);
      return there >= k && kept.has(name) ? at(name, 't-1') : own(name);
    };
  const said = (value: Expr, k: number): Expr => substitute(value, meaning(k));

  const way = place.has('step') ? 'step' : 'delta';
  const last = lines.findLastIndex(([name]) => name === 'delta' || name === 'step');
  const readers = [
    ...lines.flatMap(([, value]) => namesIn(value)),
    ...(average ? namesIn(average) : []),
    ...Object.values(norms),
  ];
  const inPlace = lines[last]?.[0] === way && !readers.includes(way);
  const move = (): Statement => {
    const [p, lr] = [variable('p'), variable('lr')];
    const direction = inPlace ? said(lines[last]![1], last) : own(way);
    const shrunk = node('*', node('-', num(1), node('*', lr, variable('weightDecay'))), p);
    const step = way === 'step' ? direction : node('*', lr, direction);
    return { name: 'p', value: node('-', decoupled ? shrunk : p, step), kept: true };
  };

  const all: Statement[] = [];
  for (const [k, [name, value]] of lines.entries()) {
    if (k !== last || !inPlace) {
      all.push({ name: namesIn(own(name))[0]!, value: said(value, k), kept: kept.has(name) || name === 'p' });
    }
    if (k === last) all.push(move());
  }
  if (average) all.push({ name: 'average', value: said(average, Infinity), kept: false });
  return [...initials(rest.initial), ...scalars.statements(all), ...all];
}

/** What lines start from that do not start from 0. */
function initials(initial: RuleLines['initial'] = {}): Statement[] {
  return Object.entries(initial).flatMap(([name, start]) => {
    const value = start && tryOr(() => parseFormula(name, start), undefined);
    if (!value || value === zero) return [];
    const said = substitute(value, (read) => (read === 'p' ? at('p', '0') : undefined));
    return [{ name: `${name}@0`, value: said, kept: false }];
  });
}

/** The scalars of the step: what each means in a line, and the lines that those have that are read. */
function scalarsOf(perStep: RuleLines['perStep']): {
  meaning(name: string): Expr | undefined;
  statements(readers: readonly Statement[]): Statement[];
} {
  const none: Scalars = { values: new Map(), first: new Map() };
  const { values, first } = perStep ? tryOr(() => parseScalars('perStep', perStep as Source), none) : none;
  const carried = new Set(
    [...values.keys()].filter((name) => namesIn(...values.values()).includes(`${name}@t-1`)),
  );
  const named = new Map<Expr, string>();
  for (const [name, value] of values) if (value.args.length > 0 && !named.has(value)) named.set(value, name);

  /** A value in which other scalars stand by their names. */
  const inNames = (value: Expr): Expr => {
    const go = (e: Expr): Expr => {
      const name = e === value ? undefined : named.get(e);
      if (name !== undefined) return meaning(name)!;
      return e.args.length > 0 ? node(e.op, ...e.args.map(go)) : e;
    };
    return go(value);
  };
  const meaning = (name: string): Expr | undefined => {
    const value = values.get(name);
    if (!value) return undefined;
    if (carried.has(name)) return at(name, 't');
    const said = inNames(value);
    return size(said) <= FEW ? said : variable(name);
  };

  return {
    meaning,
    statements(readers) {
      const read = new Set(namesIn(...readers.map(({ value }) => value)));
      const own = (name: string): string => (carried.has(name) ? `${name}@t` : name);
      const known = [...values].map(([name, value]) => ({ name, value: inNames(value) }));
      const wanted = (): typeof known =>
        known.filter(({ name }) => read.has(own(name)) || read.has(`${name}@t-1`));
      // those that are read may read others, above and below
      for (let before = -1; before !== read.size; ) {
        before = read.size;
        for (const name of namesIn(...wanted().map(({ value }) => value))) read.add(name);
      }
      return wanted().flatMap(({ name, value }) => {
        const line = { name: own(name), value, kept: carried.has(name) };
        const start = first.get(name) ?? zero;
        return start === zero ? [line] : [{ name: `${name}@0`, value: start, kept: false }, line];
      });
    },
  };
}
