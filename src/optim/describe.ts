import { mathBlock, mathml } from '../formula/mathml.ts';
import type { Notation } from '../formula/notation.ts';
import type { Uniforms } from '../formula/program.ts';
import { text } from '../formula/text.ts';
import { type Tensor, zeros } from '../tensor/index.ts';
import { CompiledRule } from './compiled.ts';
import type { AnyOptimizerClass } from './define.ts';
import type { OptimizerDefaults, OptimizerSettings, WithLr } from './hyperparameters.ts';
import { everyKind } from './kinds.ts';
import {
  type ClassOf,
  type DefaultsOf,
  type OptimizerName,
  optimizerClass,
  optimizerNames,
} from './registry.ts';
import { sharedScalars } from './shared-lines.ts';
import { type Equation, equations, statementsOf } from './statements.ts';

/** What an optimizer remembers, besides the parameters. */
export interface OptimizerMemory {
  /** The names of what it keeps of a parameter under its defaults. */
  readonly kept: readonly string[];
  /** How many numbers that are for each number of a parameter. */
  readonly numbersPerNumber: number;
  /** The same with every option on: all switches, and everything that is 0 by default. */
  readonly most: number;
  /** What was counted on: a rule over whole tensors may keep more or less of another shape. */
  readonly countedOn: 'every parameter' | 'a [64, 32] matrix';
}

/** An optimizer's rule, printed. */
export interface OptimizerFormula {
  /** Line by line; `←` is for what is kept from step to step, and a name to the right of it means the old value. */
  readonly text: readonly string[];
  /** The same as one `<math>` element, which browsers show without a library; there times are indices, as in papers. */
  readonly mathml: string;
}

/** What there is to know of an optimizer, all of it derived from its rule. */
export interface OptimizerDescription<H extends OptimizerDefaults = WithLr> {
  /** What {@link createOptimizer} calls it. */
  readonly name: string;
  /** Where the rule was published, a URL. */
  readonly paper: string;
  /** The default of every option of a parameter group. */
  readonly defaults: Readonly<OptimizerSettings<H>>;
  /** The values that each of them may have, such as `'[0, 1)'` or `'coupled | decoupled'`. */
  readonly ranges: { readonly [K in keyof OptimizerSettings<H>]: string };
  /** What it remembers. */
  readonly memory: OptimizerMemory;
  /** What it does with a gradient `g`; clipping and coupled decay come before, and are common to all. */
  readonly formula: OptimizerFormula;
  /** Whether its updates can run on a GPU. */
  readonly onGpu: boolean;
  /** All of it in words. */
  toString(): string;
}

/**
 * Describes every registered optimizer: formulas, options, memory. A plug-in needs nothing for it but its rule.
 *
 * @example
 * ```ts
 * import { describeOptimizers } from 'gradlet';
 * const frugal = describeOptimizers().filter(({ memory }) => memory.numbersPerNumber < 1);
 * frugal.map(({ name }) => name); // → ["adafactor","sgd"]
 * ```
 */
export function describeOptimizers(): OptimizerDescription[];
/**
 * Describes one optimizer.
 *
 * @param optimizer - its name, or the class that {@link defineOptimizer} made
 * @throws {@link ValueError} for an unknown name
 * @example
 * ```ts
 * import { describeOptimizers } from 'gradlet';
 * const lion = describeOptimizers('lion');
 * lion.formula.text.join('\n');
 * // → c = β₁ m + (1 − β₁) g
 * //   p ← (1 − lr λ) p − lr sign(c)
 * //   m ← β₂ m + (1 − β₂) g
 * lion.memory.kept; // → ["m"]
 * lion.ranges.beta1; // → [0, 1)
 * ```
 */
export function describeOptimizers<K extends OptimizerName | AnyOptimizerClass>(
  optimizer: K,
): OptimizerDescription<DefaultsOf<ClassOf<K>>>;
export function describeOptimizers(
  optimizer?: OptimizerName | AnyOptimizerClass,
): OptimizerDescription | OptimizerDescription[] {
  const one = (which: OptimizerName | AnyOptimizerClass): OptimizerDescription =>
    describe(optimizerClass('describeOptimizers', which));
  return optimizer === undefined ? optimizerNames().map(one) : one(optimizer);
}

function describe({ rule }: AnyOptimizerClass): OptimizerDescription {
  const compiled = new CompiledRule(rule, everyKind);
  // its own options first
  const defaults = { ...rule.defaults, ...compiled.defaults };
  const ranges = Object.entries(defaults).map(([name, value]) => {
    const any = typeof value === 'number' ? '[-∞, ∞]' : 'false | true';
    return [name, compiled.ranges[name] ?? any];
  });
  const matrix = zeros([64, 32]);
  const onGpu = compiled.partOf(matrix).hostOnly === null;
  const { kept, numbers } = keptOf(compiled, matrix, defaults);
  const description = {
    name: rule.name,
    paper: rule.paper,
    defaults: defaults as OptimizerSettings<WithLr>,
    ranges: Object.fromEntries(ranges) as OptimizerDescription['ranges'],
    memory: {
      kept,
      numbersPerNumber: numbers,
      most: keptOf(compiled, matrix, allOn(compiled)).numbers,
      countedOn: compiled.tensors ? 'a [64, 32] matrix' : 'every parameter',
    } as const,
    formula: {
      text: formulaRows(compiled, text).map((row) => (typeof row === 'string' ? row : row.join(' '))),
      mathml: mathBlock(formulaRows(compiled, mathml)),
    },
    onGpu,
  };
  return { ...description, toString: () => inWords(description) };
}

/** The formula of a rule: that for the parameters it is for, and behind a word of its own that for others. */
export function formulaRows(compiled: CompiledRule, to: Notation): (Equation | string)[] {
  return statementsOf(compiled).flatMap((list, k) => [
    ...(k === 0 ? [] : ['for other parameters:']),
    ...equations(list, to),
  ]);
}

/** A value as people write it: 1e-6, not 0.000001. */
export function written(value: unknown): string {
  const size = Math.abs(Number(value));
  return (size > 0 && size < 1e-3) || (size >= 1e5 && size < Infinity)
    ? Number(value).toExponential()
    : String(value);
}

/** The defaults with all switches on, and a number instead of every 0. */
function allOn({ defaults, domains }: CompiledRule): Uniforms {
  const settings = Object.entries(defaults).map(([name, value]) => {
    const choices = value === false ? [true] : value === 0 ? [0.5, 1] : [];
    return [name, choices.find(domains.get(name)!.accepts) ?? value];
  });
  return Object.fromEntries(settings);
}

/** What is kept of a parameter under these settings, and how many numbers for each of its own. */
function keptOf(
  compiled: CompiledRule,
  param: Tensor,
  settings: Uniforms,
): { kept: string[]; numbers: number } {
  const part = compiled.partOf(param);
  const { ownPull } = part;
  const shared = sharedScalars(settings, { ownPull });
  const kept = part.kept({ ...settings, ...part.scalarsAt(1, settings, {}), ...shared });
  const sizes = kept.map((name) => part.stateShape(name, param, settings).reduce((n, size) => n * size, 1));
  return { kept, numbers: sizes.reduce((sum, n) => sum + n, 0) / param.size };
}

function inWords({ name, paper, defaults, ranges, memory, formula, onGpu }: OptimizerDescription): string {
  const { kept, numbersPerNumber, most, countedOn } = memory;
  const rows = Object.entries(defaults).map(([option, value]) => [
    option,
    written(value),
    (ranges as Readonly<Record<string, string>>)[option]!,
  ]);
  const width = (column: number): number => Math.max(...rows.map((row) => row[column]!.length));
  const [first, second] = [width(0), width(1)];
  const rounded = (n: number): number => Number(n.toPrecision(3));
  return [
    `${name}, ${paper}`,
    ...formula.text.map((line) => `  ${line}`),
    'options, with defaults and ranges:',
    ...rows.map(([option, value, range]) => `  ${option!.padEnd(first)}  ${value!.padEnd(second)}  ${range}`),
    `numbers kept for each number of ${countedOn}: ${rounded(numbersPerNumber)} (${kept.join(', ') || 'nothing'}), ` +
      `${rounded(most)} with every option on`,
    `runs on a GPU: ${onGpu ? 'yes' : 'no'}`,
  ].join('\n');
}
