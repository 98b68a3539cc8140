import { show, suggest, ValueError } from '../core/errors.ts';
import type { AnyOptimizerClass } from './define.ts';
import type { OptimizerParams } from './groups.ts';
import type { OptimizerOptions } from './options.ts';
import * as builtIns from './rules/index.ts';

type NameOf<K> = K extends { readonly rule: { readonly name: infer N extends string } } ? N : never;

type BuiltIns = {
  [K in keyof typeof builtIns as NameOf<(typeof builtIns)[K]>]: (typeof builtIns)[K];
};

/**
 * The optimizers that {@link createOptimizer} knows, by name. A plug-in adds its own in two lines:
 *
 * ```ts no-run
 * import { defineOptimizer, registerOptimizer } from 'gradlet';
 * export const Mine = defineOptimizer({
 *   name: 'mine',
 *   paper: 'https://example.org/mine',
 *   defaults: { lr: 0.1 },
 *   lines: { delta: ({ g }) => Math.sign(g) },
 * });
 * declare module 'gradlet' {
 *   interface OptimizerRules {
 *     mine: typeof Mine;
 *   }
 * }
 * registerOptimizer(Mine);
 * ```
 */
export interface OptimizerRules extends BuiltIns {}

/** The name of an optimizer. */
export type OptimizerName = keyof OptimizerRules;

/** The hyperparameters of an optimizer class with their defaults. */
export type DefaultsOf<K> = K extends Pick<AnyOptimizerClass, 'rule'> ? K['rule']['defaults'] : never;

const classes = new Map<string, AnyOptimizerClass>(
  Object.values<AnyOptimizerClass>(builtIns)
    .map((known) => [known.rule.name, known] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1)),
);

/** The names that {@link createOptimizer} knows now: the built-in ones by the alphabet, then plug-ins. */
export function optimizerNames(): OptimizerName[] {
  return [...classes.keys()] as OptimizerName[];
}

/**
 * Makes an optimizer known to {@link createOptimizer} and others under its name. For the name to be completed and its
 * options checked by TypeScript, also add it to {@link OptimizerRules}; without, the class itself can be given instead.
 *
 * @returns the optimizer, so that it can be defined, registered and exported at once
 * @throws {@link ValueError} when another optimizer has that name
 * @example
 * ```ts
 * import { createOptimizer, defineOptimizer, registerOptimizer, tensor } from 'gradlet';
 * const Steady = registerOptimizer(
 *   defineOptimizer({
 *     name: 'steady',
 *     paper: 'https://example.org/steady',
 *     defaults: { lr: 0.1, stride: 2 },
 *     ranges: { stride: '(0, ∞)' },
 *     lines: { delta: ({ g }, { stride }) => stride * Math.sign(g) },
 *   }),
 * );
 * const w = tensor([1], { requiresGrad: true });
 * createOptimizer(Steady, [w], { stride: 3, weightDecay: 0.1 }).groups[0]!.stride; // → 3
 * ```
 */
export function registerOptimizer<K extends AnyOptimizerClass>(optimizer: K): K {
  const { name } = optimizer.rule;
  if (classes.has(name) && classes.get(name) !== optimizer) {
    throw new ValueError(
      'registerOptimizer',
      'a name must be new',
      show(name),
      `Taken: ${optimizerNames().join(', ')}.`,
    );
  }
  classes.set(name, optimizer);
  return optimizer;
}

/** The class of a name, or the class that was given. @internal */
export function optimizerClass(where: string, optimizer: unknown): AnyOptimizerClass {
  const found = typeof optimizer === 'string' ? classes.get(optimizer) : optimizer;
  if (typeof found === 'function' && (found as unknown as AnyOptimizerClass).rule) {
    return found as unknown as AnyOptimizerClass;
  }
  const advice = suggest(typeof optimizer === 'string' ? optimizer : '', classes.keys());
  throw new ValueError(where, 'the optimizer must be known', show(optimizer), advice);
}

/** The class that a name stands for; a class stands for itself. */
export type ClassOf<K> = K extends OptimizerName ? OptimizerRules[K] : K;

/**
 * Makes an optimizer.
 *
 * @param optimizer - its name, see {@link OptimizerRules}, or its class
 * @param params - a model, `model.parameters()`, any list of tensors, or a list of groups `{ params, …options }`
 * @param options - the optimizer's hyperparameters, and what all optimizers share
 * @throws {@link ValueError} for an unknown name or option, a value out of its range, no parameters, or one given twice
 * @example
 * ```ts
 * import { createOptimizer, nn } from 'gradlet';
 * const model = new nn.Sequential(new nn.Linear(4, 8), new nn.ReLU(), new nn.Linear(8, 2));
 * const optimizer = createOptimizer('adamw', model, {
 *   lr: 3e-4,
 *   weightDecay: 0.05,
 *   clipNorm: 1,
 *   groups: [{ match: '**.bias', weightDecay: 0 }],
 * });
 * optimizer.groups.map((group) => group.weightDecay); // → [0,0.05]
 * ```
 */
export function createOptimizer<K extends OptimizerName | AnyOptimizerClass>(
  optimizer: K,
  params: OptimizerParams<DefaultsOf<ClassOf<K>>>,
  options?: OptimizerOptions<DefaultsOf<ClassOf<K>>>,
): ClassOf<K> extends AnyOptimizerClass ? InstanceType<ClassOf<K>> : never {
  const Class = optimizerClass('createOptimizer', optimizer);
  return new Class(params as never, options as never) as never;
}
