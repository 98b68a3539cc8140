import { show, ValueError } from '../core/errors.ts';
import {
  type AnyOptimizerClass,
  createOptimizer,
  type DefaultsOf,
  type OptimizerName,
  type OptimizerOptions,
  type OptimizerRules,
  type WithLr,
} from '../optim/index.ts';
import type { Tensor } from '../tensor/index.ts';

/** What {@link race} and {@link descend} ask of an optimizer; every {@link Optimizer} can do it. */
export interface Stepper {
  /** Forgets all gradients. */
  zeroGrad(): void;
  /**
   * Changes every parameter by its gradient.
   *
   * @param closure - clears the gradients, computes the loss and calls `backward`; to be called at least once
   */
  step(closure: () => Tensor): unknown;
}

/** What {@link lrFind} asks of an optimizer. */
export interface StepperWithLr extends Stepper {
  /** The learning rate of the next step. */
  lr: number;
}

/** An optimizer that is none of the registered ones, or that needs more than options. */
export interface OptimizerFactory<S extends Stepper = Stepper> {
  /** What results call it. */
  readonly name: string;
  /** Makes it for the parameters of a model. */
  readonly create: (params: Tensor[]) => S;
}

/** A registered optimizer: its name, alone or with options. */
export type NamedEntry =
  // a name that is known only when the program runs; first, so that mistakes are reported against the optimizer named
  | readonly [name: OptimizerName, options: OptimizerOptions<WithLr>]
  | {
      [N in OptimizerName]: N | readonly [name: N, options: OptimizerOptions<DefaultsOf<OptimizerRules[N]>>];
    }[OptimizerName];

/**
 * An optimizer to try out: `'adam'`, `['adam', { lr: 0.01 }]`, a class such as {@link defineOptimizer} returns, or
 * `{ name, create }`.
 *
 * @example
 * ```ts
 * import { Adam, descend, type OptimizerEntry, surfaces } from 'gradlet';
 * const entries: OptimizerEntry[] = [
 *   'sgd',
 *   ['sgd', { lr: 0.1, momentum: 0.9 }],
 *   Adam,
 *   { name: 'quick adam', create: (params) => new Adam(params, { lr: 1 }) },
 * ];
 * entries.map((entry) => descend(surfaces.ravine, entry).label); // → ["sgd","sgd","adam","quick adam"]
 * ```
 */
export type OptimizerEntry<S extends Stepper = Stepper> =
  | NamedEntry
  | AnyOptimizerClass
  | OptimizerFactory<S>;

/** An entry with its parts under names. */
interface Parts<S extends Stepper> {
  readonly name: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly create: (params: Tensor[]) => S;
}

function partsOf<S extends Stepper>(where: string, entry: OptimizerEntry<S>): Parts<S> {
  if (typeof entry === 'string' || Array.isArray(entry)) {
    const [name, options] = [entry].flat() as [OptimizerName, object?];
    const create = (params: Tensor[]) => createOptimizer(name, params, options) as object as S;
    return { name, options: { ...options }, create };
  }
  if (typeof entry === 'function' && entry.rule) {
    const create = (params: Tensor[]) => new entry(params as never) as object as S;
    return { name: entry.rule.name, options: {}, create };
  }
  const { name, create } = (entry ?? {}) as Partial<OptimizerFactory<S>>;
  if (typeof name !== 'string' || typeof create !== 'function') {
    throw new ValueError(
      where,
      'an optimizer must be a name, [name, options], a class or { name, create }',
      show(entry),
    );
  }
  return { name, options: {}, create };
}

/** Makes the optimizer of an entry. */
export function createFrom<S extends Stepper>(where: string, entry: OptimizerEntry<S>, params: Tensor[]): S {
  const { name, create } = partsOf(where, entry);
  const made = create(params);
  if (typeof made?.step !== 'function' || typeof made.zeroGrad !== 'function') {
    throw new ValueError(where, `${show(name)} must have zeroGrad() and step(closure)`, show(made));
  }
  return made;
}

/** What to call each entry: its name, with the options in which it differs from others of that name. */
export function labelsOf(where: string, entries: readonly OptimizerEntry[]): string[] {
  const all = entries.map((entry) => partsOf(where, entry));
  const taken = new Set<string>();
  return all.map(({ name, options }) => {
    const namesakes = all.filter((other) => other.name === name);
    const telling = Object.entries(options).filter(([key, value]) =>
      namesakes.some((other) => other.options[key] !== value),
    );
    const words = telling.map(([key, value]) => `${key} ${typeof value === 'object' ? show(value) : value}`);
    const label = words.length > 0 ? `${name} (${words.join(', ')})` : name;
    let unique = label;
    for (let n = 2; taken.has(unique); n++) unique = `${label} #${n}`;
    taken.add(unique);
    return unique;
  });
}
