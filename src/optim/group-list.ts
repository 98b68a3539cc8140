import { show, suggest, ValueError } from '../core/errors.ts';
import { showShape } from '../core/shape.ts';
import type { Uniforms } from '../formula/program.ts';
import type { Tensor } from '../tensor/index.ts';
import type { CompiledRule } from './compiled.ts';
import { type GivenGroup, type GroupOptions, makeGroup, type ParamGroup } from './groups.ts';
import type { WithLr } from './hyperparameters.ts';
import type { ParamRecord } from './record.ts';
import { Scheduled } from './scheduled.ts';
import type { Observation } from './schedules/index.ts';

/** A group with what its user does not see of it. */
interface Entry {
  readonly group: ParamGroup;
  readonly scheduled: Scheduled;
  /** What brought the parameters into it. */
  readonly why: string;
}

/** The groups of an optimizer: their parameters and records, their options and what changes those. */
export class GroupList {
  readonly groups: ParamGroup[] = [];
  readonly records = new Map<Tensor, ParamRecord>();
  /** Steps taken, and what was reported, to which schedules go. */
  steps = 0;
  observations: Observation[] = [];
  readonly #rule: CompiledRule;
  readonly #options: Uniforms;
  readonly #schedules: object;
  readonly #entries: Entry[] = [];

  /**
   * @param options - what groups leave out
   * @param schedules - of all groups that have none of their own
   */
  constructor(rule: CompiledRule, options: Uniforms, schedules: object) {
    this.#rule = rule;
    this.#options = options;
    this.#schedules = schedules;
  }

  add(given: GivenGroup): void {
    const group = makeGroup(this.#rule, this.#options, this.records, given);
    const { schedules } = given.options as GroupOptions<WithLr>;
    const scheduled = new Scheduled(this.#rule.rule.name, group, { ...this.#schedules, ...schedules });
    scheduled.apply(this.steps, this.observations);
    this.#checkCommon(this.#rule.rule.name, [...this.groups, group]);
    this.groups.push(group);
    this.#entries.push({ group, scheduled, why: given.why });
    for (const [name, p] of given.params) {
      this.records.set(p, { name, t: 0, perStep: {}, state: {}, engine: null });
    }
  }

  /** What schedules start from, group by group. */
  get bases(): Readonly<Record<string, number>>[] {
    return this.#entries.map(({ scheduled }) => scheduled.bases);
  }

  /** Sets options, and what schedules start from, group by group. */
  reset(settings: readonly Uniforms[], bases: readonly Readonly<Record<string, number>>[]): void {
    for (const [k, { group, scheduled }] of this.#entries.entries()) {
      Object.assign(group, settings[k]);
      scheduled.rebase(bases[k]!);
    }
    this.follow();
  }

  /** Sets the options that follow a schedule to what they are at the next step. */
  follow(): void {
    for (const { scheduled } of this.#entries) scheduled.apply(this.steps, this.observations);
  }

  /** Counts a step. */
  advance(): void {
    this.steps++;
    this.follow();
  }

  /** Throws unless every option lies in its range. */
  check(where: string): void {
    for (const { group, scheduled } of this.#entries) {
      scheduled.check(where, this.#rule.domains);
      this.#rule.check(where, group);
    }
    this.#checkCommon(where, this.groups);
  }

  /** Throws unless all groups agree in what must be common to them. */
  #checkCommon(where: string, groups: readonly object[]): void {
    const [first, ...others] = groups as readonly Uniforms[];
    for (const [k, other] of others.entries()) {
      const name = this.#rule.common.find((name) => other[name] !== first![name]);
      if (name === undefined) continue;
      throw new ValueError(
        where,
        `${name} must be the same in all groups`,
        `${show(first![name])} in group 0 and ${show(other[name])} in group ${k + 1}`,
        'The search goes over all parameters together.',
      );
    }
  }

  describe(): string {
    return this.#entries
      .flatMap(({ group, scheduled, why }, k) => {
        const { params, ...settings } = group;
        const options = Object.entries(settings).flatMap(([name, value]) => {
          if (scheduled.names.includes(name)) return [`${name} ${value} (by a schedule)`];
          return value === this.#options[name] ? [] : [`${name} ${value}`];
        });
        const head = `group ${k}, ${why}${options.length > 0 ? `: ${options.join(', ')}` : ''}`;
        return [head, ...params.map((p) => `  ${this.records.get(p)!.name} ${showShape(p.shape)}`)];
      })
      .join('\n');
  }

  toString(): string {
    const lines = this.groups.map(({ params, ...settings }) => {
      const options = Object.entries(settings).map(([name, value]) => `${name} ${value}`);
      const numbers = params.reduce((sum, p) => sum + p.size, 0);
      return `  ${count(params.length, 'parameter')}, ${count(numbers, 'number')}: ${options.join(', ')}`;
    });
    return lines.join('\n');
  }
}

/** The one parameter of a name, or the parameter itself, with its record. */
export function findNamed(
  where: string,
  records: ReadonlyMap<Tensor, ParamRecord>,
  param: string | Tensor,
): readonly [Tensor, ParamRecord] {
  const known = [...records].filter(([p, { name }]) => p === param || name === param);
  if (known.length === 1) return known[0]!;
  const names = [...records.values()].map(({ name }) => name);
  throw new ValueError(
    where,
    'there must be one parameter of that name',
    known.length > 1 ? `${show(param)}, which ${known.length} have` : show(param),
    known.length > 1 || typeof param !== 'string' ? 'Pass the parameter itself.' : suggest(param, names),
  );
}

const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;
