import { show, ValueError } from '../core/errors.ts';
import type { AnyOptimizerClass } from './define.ts';
import type { OptimizerParams } from './groups.ts';
import { classes, knownClass } from './known.ts';
import type { OptimizerOptions } from './options.ts';
import type * as builtIns from './rules/index.ts';

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

/** The names that {@link createOptimizer} knows now: the built-in ones by the alphabet, then plug-ins. */
export function optimizerNames(): OptimizerName[] {
  return [...classes.keys()] as OptimizerName[];
}

/**
 * Makes an optimizer known to {@link createOptimizer} under its name. For the name and its options to be completed and
 * checked by TypeScript, also add it to {@link OptimizerRules}.
 *
 * @throws {@link ValueError} when another optimizer has that name
 */
export function registerOptimizer(optimizer: AnyOptimizerClass): void {
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
}

/**
 * Makes an optimizer by its name.
 *
 * @param name - see {@link OptimizerRules}
 * @param params - `model.parameters()`, any list of tensors, or a list of groups `{ params, …options }`
 * @param options - the optimizer's hyperparameters, and what all optimizers share
 * @throws {@link ValueError} for an unknown name or option, a value out of its range, no parameters, or one given twice
 * @example
 * ```ts
 * import { createOptimizer, tensor } from 'gradlet';
 * const weight = tensor([[1, 2]], { requiresGrad: true });
 * const bias = tensor([0], { requiresGrad: true });
 * const optimizer = createOptimizer('adamw', [{ params: [weight], weightDecay: 0.05 }, { params: [bias] }], {
 *   lr: 3e-4,
 *   weightDecay: 0,
 *   clipNorm: 1,
 * });
 * optimizer.groups.map((group) => group.weightDecay); // → [0.05,0]
 * ```
 */
export function createOptimizer<N extends OptimizerName>(
  name: N,
  params: OptimizerParams<DefaultsOf<OptimizerRules[N]>>,
  options?: OptimizerOptions<DefaultsOf<OptimizerRules[N]>>,
): InstanceType<OptimizerRules[N]> {
  const optimizer = knownClass('createOptimizer', name);
  return new optimizer(params as never, options as never) as never;
}
