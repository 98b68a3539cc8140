import { show, ValueError } from '../core/errors.ts';
import type { Shape } from '../core/shape.ts';
import type { Tensor } from '../tensor/index.ts';
import type { HyperparameterRange } from './hyperparameters.ts';
import type { AnySearchRule } from './rule.ts';

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
  static readonly perGroup: readonly string[] = ['weightDecay', 'l1', 'towardInit'];

  /** Why it runs on the host. */
  readonly hostOnly = 'the rule searches over all parameters together, on the host';
  /** Whether a parameter took part in the last step. */
  readonly perStepNames: readonly string[] = ['moves'];
  readonly stateNames: readonly string[] = ['p0'];
  readonly rule: AnySearchRule;

  constructor(where: string, rule: AnySearchRule) {
    this.rule = rule;
    for (const [name, value] of Object.entries(rule.initial)) {
      if (typeof value === 'number' || (Array.isArray(value) && value.length === 0)) continue;
      throw new ValueError(
        where,
        `initial ${name} must be a number, or [] for a list of vectors`,
        show(value),
      );
    }
  }

  stateShape(_name: string, param: Tensor): Shape {
    return param.shape;
  }

  get initial(): Memory {
    return this.rule.initial as Memory;
  }
}
