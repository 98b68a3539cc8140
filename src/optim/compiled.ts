import { show } from '../core/errors.ts';
import type { Uniforms } from '../formula/program.ts';
import type { Tensor } from '../tensor/index.ts';
import {
  checkValue,
  type Domain,
  domainOf,
  type HyperparameterRange,
  Hyperparameters,
  sharedDefaults,
} from './hyperparameters.ts';
import { LinePart } from './line-part.ts';
import type { AnyRule } from './rule.ts';
import type { SearchPart } from './search-part.ts';
import { sharedScalars } from './shared-lines.ts';
import type { TensorPart } from './tensor-part.ts';

/** What runs rules that are not made of lines. It is handed over, so that a program without such rules does not hold it. */
export interface Kinds {
  readonly tensors?: typeof TensorPart;
  readonly search?: typeof SearchPart;
}

/** A rule, checked, and ready to run. */
export class CompiledRule {
  readonly rule: AnyRule;
  /** Every option of a parameter group with its default. */
  readonly defaults: Uniforms;
  /** The ranges that were given, by option. */
  readonly ranges: Readonly<Record<string, HyperparameterRange | undefined>>;
  /** The allowed values of every option. */
  readonly domains: ReadonlyMap<string, Domain>;
  readonly lines: LinePart | null;
  readonly tensors: TensorPart | null;
  readonly search: SearchPart | null;

  constructor(rule: AnyRule, { tensors, search }: Kinds) {
    const where = `defineOptimizer(${show(rule.name)})`;
    this.rule = rule;
    this.defaults = { ...sharedDefaults, ...rule.defaults };
    this.ranges = {
      ...new Hyperparameters(),
      ...('search' in rule && search!.ranges),
      ...rule.ranges,
    };
    this.domains = new Map(
      Object.entries(this.defaults).map(([name, value]) => [name, domainOf(this.ranges[name], value)]),
    );
    this.check(where, this.defaults);
    const shared = Object.keys(sharedScalars(this.defaults));
    const lines = 'lines' in rule ? rule : 'update' in rule ? rule.otherwise : undefined;
    this.tensors = 'update' in rule ? new tensors!(where, rule, this.defaults) : null;
    this.search = 'search' in rule ? new search!(where, rule) : null;
    this.lines = lines ? new LinePart(where, lines, this.defaults, shared) : null;
  }

  /** What changes a parameter. */
  partOf(param: Tensor): LinePart | TensorPart | SearchPart {
    const { lines, tensors, search } = this;
    if (search) return search;
    if (!tensors) return lines!;
    return !lines || tensors.rule.takes?.(param) ? tensors : lines;
  }

  /** The options that must be the same in all groups. */
  get common(): string[] {
    const { search } = this;
    return search ? Object.keys(this.defaults).filter((name) => !search.perGroup.includes(name)) : [];
  }

  /** Throws unless every setting lies in its range. */
  check(where: string, settings: object): void {
    for (const [name, domain] of this.domains) checkValue(where, name, (settings as Uniforms)[name], domain);
  }
}
