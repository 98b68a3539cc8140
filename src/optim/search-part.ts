import { show, ValueError } from '../core/errors.ts';
import type { Shape } from '../core/shape.ts';
import type { Expr } from '../formula/expr.ts';
import { parseEquations } from '../formula/parse.ts';
import type { Uniforms } from '../formula/program.ts';
import type { Tensor } from '../tensor/index.ts';
import type { Snapshot } from './explain.ts';
import type { GroupList } from './group-list.ts';
import type { HyperparameterRange } from './hyperparameters.ts';
import type { AnySearchRule } from './rule.ts';
import { Searcher } from './searcher.ts';
import { linesOfGradient } from './seen.ts';

/** What a search keeps, whatever its names. */
export type Memory = Readonly<Record<string, number | readonly Float64Array[]>>;

/** The part of a rule that searches over all parameters together. */
export class SearchPart {
  /** What decay may be: a part of the loss, since the search must see it. */
  static readonly ranges: Readonly<Record<string, HyperparameterRange>> = {
    decay: 'coupled',
    proximal: 'false',
  };
  /** The options that groups may have of their own; the rest is the search's. */
  readonly perGroup: readonly string[] = ['weightDecay', 'l1', 'towardInit'];

  readonly ownPull = false;
  /** Why it runs on the host. */
  readonly hostOnly = 'the rule searches over all parameters together, on the host';
  /** Whether a parameter took part in the last step. */
  readonly perStepNames: readonly string[] = ['moves'];
  readonly stateNames: readonly string[] = ['p0'];
  readonly rule: AnySearchRule;
  /** What the rule does, to be printed. */
  readonly formula: readonly (readonly [name: string, value: Expr])[];

  constructor(where: string, rule: AnySearchRule) {
    this.rule = rule;
    this.formula = parseEquations(where, rule.formula);
    for (const [name, value] of Object.entries(rule.initial)) {
      if (typeof value === 'number' || (Array.isArray(value) && value.length === 0)) continue;
      throw new ValueError(
        where,
        `initial ${name} must be a number, or [] for a list of vectors`,
        show(value),
      );
    }
  }

  /** What takes its steps. */
  searcher(list: GroupList, snapshots: Map<Tensor, Snapshot>): Searcher {
    return new Searcher(this, list, snapshots);
  }

  scalarsAt(): Uniforms {
    return {};
  }

  /** With the lists of vectors, which have a piece for every parameter. */
  kept(uniforms: Uniforms): string[] {
    const lists = Object.keys(this.initial).filter((name) => typeof this.initial[name] !== 'number');
    return [...this.keptBeside(uniforms), ...lists];
  }

  /** What is kept of a parameter by itself. */
  keptBeside(uniforms: Uniforms): string[] {
    return linesOfGradient.specialize(uniforms).kept.filter((name) => this.stateNames.includes(name));
  }

  stateShape(name: string, param: Tensor, settings: Uniforms): Shape {
    if (name === 'p0') return param.shape;
    const vectors = this.rule.vectors?.(settings as never) as Readonly<Record<string, number>> | undefined;
    return [vectors?.[name] ?? 1, ...param.shape];
  }

  get initial(): Memory {
    return this.rule.initial as Memory;
  }
}
