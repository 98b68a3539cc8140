import type { OptimizerParams } from './groups.ts';
import type { OptimizerDefaults } from './hyperparameters.ts';
import { Optimizer, type OptimizerOptions } from './optimizer.ts';
import { type AnyUpdateRule, CompiledRule, type StepScalars, type UpdateRule } from './rule.ts';

/** The class that {@link defineOptimizer} makes of a rule. */
export interface OptimizerClass<
  N extends string,
  H extends OptimizerDefaults,
  C extends StepScalars,
  L extends string,
> {
  // without a comment of its own, so that editors show the optimizer's on `new Adam(…)`
  new (params: OptimizerParams<H>, options?: OptimizerOptions<H>): Optimizer<H>;
  /** The rule as it was written, to look at or to build another one on. */
  readonly rule: UpdateRule<N, H, C, L>;
}

/** Any optimizer class, whatever its hyperparameters and lines. */
export interface AnyOptimizerClass {
  new (params: never, options?: never): Optimizer;
  /** The rule as it was written. */
  readonly rule: AnyUpdateRule;
}

/**
 * Makes an optimizer from its update rule, written once as scalar functions in plain TypeScript. Parameter groups, weight
 * decay, clipping, saved state, range checks, the compiled loop and the GPU kernels follow from it.
 *
 * A line may use the names it takes from its two parameters, locals, numbers, arithmetic, comparisons, `?:` and `Math.*`.
 * A condition on hyperparameters only, such as `nesterov ? … : …`, costs nothing: it is decided before the loop, and
 * state that only the other branch reads is never allocated.
 *
 * @throws {@link ValueError} when a line uses anything else, or a name that does not exist
 * @example
 * Momentum that forgets faster where gradients change sign:
 * ```ts
 * import { defineOptimizer, tensor } from 'gradlet';
 * const Wary = defineOptimizer({
 *   name: 'wary',
 *   paper: 'https://example.org/wary',
 *   defaults: { lr: 0.1, beta1: 0.9, caution: 0.5 },
 *   ranges: { caution: '[0, 1]' },
 *   lines: {
 *     m: ({ g, m }, { beta1, caution }) => (g * m < 0 ? caution : 1) * beta1 * m + (1 - beta1) * g,
 *     delta: ({ m }) => m,
 *   },
 * });
 * const w = tensor([1, -2], { requiresGrad: true });
 * const optimizer = new Wary([w], { caution: 0.2 });
 * w.square().sum().backward();
 * optimizer.step();
 * w.toString(); // → tensor([0.98, -1.96], requiresGrad=true)
 * ```
 */
export function defineOptimizer<
  const N extends string,
  H extends OptimizerDefaults,
  L extends string,
  C extends StepScalars = Readonly<Record<never, number>>,
>(rule: UpdateRule<N, H, C, L>): OptimizerClass<N, H, C, L> {
  const compiled = new CompiledRule(rule as object as AnyUpdateRule);
  const Class = class extends Optimizer<H> {
    static readonly rule = rule;

    constructor(params: OptimizerParams<H>, options: OptimizerOptions<H> = {} as OptimizerOptions<H>) {
      super(compiled, params, options);
    }
  };
  Object.defineProperty(Class, 'name', { value: rule.name });
  return Class;
}
