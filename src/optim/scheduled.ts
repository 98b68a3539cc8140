import { show, suggest, ValueError } from '../core/errors.ts';
import { checkValue, type Domain, type OptimizerSettings } from './hyperparameters.ts';
import type { Observation, Schedule } from './schedules/index.ts';

type NumberKeys<T> = { [K in keyof T]: T[K] extends number ? K : never }[keyof T];

/** Schedules of a group's options, by the name of the option; each starts from the value that the option is given. */
export type ScheduleOptions<H> = {
  readonly [K in NumberKeys<OptimizerSettings<H>>]?: Schedule;
};

type Numbers = Record<string, number>;

/** The options of one group that follow schedules. */
export class Scheduled {
  readonly #schedules: readonly (readonly [name: string, schedule: Schedule])[];
  readonly #group: Numbers;
  /** What the schedules start from: the values that were given, or written since. */
  readonly #bases: Numbers = {};
  readonly #written: Numbers = {};

  constructor(where: string, group: object, schedules: object) {
    this.#group = group as Numbers;
    this.#schedules = Object.entries(schedules).filter(([, schedule]) => schedule !== undefined);
    const numbers = Object.entries(group).flatMap(([name, value]) =>
      typeof value === 'number' ? [name] : [],
    );
    for (const [name, schedule] of this.#schedules) {
      if (!numbers.includes(name)) {
        throw new ValueError(where, 'a schedule must be of a number', show(name), suggest(name, numbers));
      }
      if (typeof schedule !== 'function') {
        throw new ValueError(where, `the schedule of ${name} must be a function`, show(schedule));
      }
      this.#bases[name] = this.#group[name]!;
    }
  }

  get names(): readonly string[] {
    return this.#schedules.map(([name]) => name);
  }

  /** What every schedule starts from. */
  get bases(): Readonly<Record<string, number>> {
    this.#notice();
    return { ...this.#bases };
  }

  /** Starts from other values, where they are given. */
  rebase(bases: Readonly<Record<string, number>>): void {
    for (const name of this.names) this.#bases[name] = bases[name] ?? this.#group[name]!;
    Object.assign(this.#written, this.#group);
  }

  /** An option that was written since is what its schedule starts from now. */
  #notice(): void {
    for (const name of this.names) {
      const value = this.#group[name]!;
      if (name in this.#written && !Object.is(value, this.#written[name])) this.#bases[name] = value;
    }
  }

  /** Writes what the options are at a step. */
  apply(step: number, observations: readonly Observation[]): void {
    this.#notice();
    for (const [name, schedule] of this.#schedules) {
      this.#group[name] = this.#written[name] = schedule(step, this.#bases[name]!, observations);
    }
  }

  /** Throws for a value outside its range that came from a schedule. */
  check(where: string, domains: ReadonlyMap<string, Domain>): void {
    for (const name of this.names) {
      checkValue(`${where}, the schedule of ${name}`, name, this.#group[name], domains.get(name)!);
    }
  }
}
