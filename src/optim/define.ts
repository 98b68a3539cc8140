import { CompiledRule, type Kinds } from './compiled.ts';
import type { OptimizerParams } from './groups.ts';
import type { OptimizerDefaults } from './hyperparameters.ts';
import { everyKind } from './kinds.ts';
import { Optimizer } from './optimizer.ts';
import type { OptimizerOptions } from './options.ts';
import type { AnyRule, SearchRule, StepScalars, TensorRule, UpdateRule } from './rule.ts';

/** The class that {@link defineOptimizer} makes of a rule. */
export interface OptimizerClass<H extends OptimizerDefaults, R> {
  // without a comment of its own, so that editors show the optimizer's on `new Adam(…)`
  new (params: OptimizerParams<H>, options?: OptimizerOptions<H>): Optimizer<H>;
  /** The rule as it was written, to look at or to build another one on. */
  readonly rule: R;
}

/** Any optimizer class, whatever its hyperparameters and lines. */
export interface AnyOptimizerClass {
  new (params: never, options?: never): Optimizer;
  /** The rule as it was written. */
  readonly rule: AnyRule;
}

/** The scalars of a rule without `perStep`. */
export type NoScalars = Readonly<Record<never, number>>;

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
  C extends StepScalars = NoScalars,
  M extends string = never,
>(rule: UpdateRule<N, H, C, L, M>): OptimizerClass<H, UpdateRule<N, H, C, L, M>>;
/**
 * Makes an optimizer from a function of whole tensors, for rules in which an element needs to know the others: a matrix
 * factorization, say. See {@link TensorRule}; everything but the GPU kernels follows as from lines.
 *
 * @example
 * Gradients of matrices without their row means, others as they are:
 * ```ts
 * import { defineOptimizer, tensor } from 'gradlet';
 * const Centralized = defineOptimizer({
 *   name: 'centralized',
 *   paper: 'https://arxiv.org/abs/2004.01461',
 *   defaults: { lr: 0.1, beta1: 0.9 },
 *   initial: { m: (p) => p.mul(0) },
 *   update: ({ g, m }, { beta1 }) => {
 *     const centred = g.ndim > 1 ? g.sub(g.mean({ axis: 1, keepDims: true })) : g;
 *     const next = m.mul(beta1).add(centred);
 *     return { m: next, delta: next };
 *   },
 *   formula: { m: 'beta1 * m + (g - mean(g))', delta: 'm' },
 * });
 * const w = tensor([[1, 2]], { requiresGrad: true });
 * w.grad = tensor([[1, 3]]);
 * new Centralized([w]).step();
 * w.toString(); // → tensor([[1.1, 1.9]], requiresGrad=true)
 * ```
 */
export function defineOptimizer<
  const N extends string,
  H extends OptimizerDefaults,
  S extends string = never,
  C extends StepScalars = NoScalars,
>(rule: TensorRule<N, H, C, S>): OptimizerClass<H, TensorRule<N, H, C, S>>;
/**
 * Makes an optimizer from a search over all parameters together, which may look at the loss as often as it likes: a line
 * search, say. `step` then needs a closure. See {@link SearchRule}; groups may differ in their decay only.
 *
 * @example
 * Steepest descent that halves its step until the loss falls:
 * ```ts
 * import { defineOptimizer, tensor } from 'gradlet';
 * const Backtracking = defineOptimizer({
 *   name: 'backtracking',
 *   paper: 'https://doi.org/10.2140/pjm.1966.16.1',
 *   defaults: { lr: 1 },
 *   initial: {},
 *   *search({ x, loss, g }, memory, { lr }) {
 *     const slope = g.reduce((sum, gi) => sum + gi * gi, 0);
 *     for (let t = lr; t > 1e-9; t /= 2) {
 *       const point = yield x.map((xi, i) => xi - t * g[i]!);
 *       if (point.loss <= loss - 1e-4 * t * slope) return { x: point.x, memory };
 *     }
 *     return { x, memory };
 *   },
 *   formula: { p: 'p - length * g' },
 * });
 * const w = tensor([4, -2], { requiresGrad: true });
 * const optimizer = new Backtracking([w], { lr: 4 });
 * optimizer.step(() => {
 *   optimizer.zeroGrad();
 *   const loss = w.square().sum();
 *   loss.backward();
 *   return loss;
 * });
 * w.toString(); // → tensor([0., 0.], requiresGrad=true)
 * ```
 */
export function defineOptimizer<
  const N extends string,
  H extends OptimizerDefaults,
  const M extends Readonly<Record<string, unknown>>,
>(rule: SearchRule<N, H, M>): OptimizerClass<H, SearchRule<N, H, M>>;
export function defineOptimizer<H extends OptimizerDefaults, R extends AnyRule>(
  rule: R,
): OptimizerClass<H, R> {
  const { Class, compiled } = classOf<H, R>(rule, everyKind);
  compiled();
  return Class;
}

/** As {@link defineOptimizer}, for rules of some kinds that are known to be right: they are read when they are first used. */
export const builtInOf =
  (kinds: Kinds): typeof defineOptimizer =>
  <H extends OptimizerDefaults, R extends AnyRule>(rule: R): OptimizerClass<H, R> =>
    classOf<H, R>(rule, kinds).Class;

/** The same for rules that are made of lines. */
export const builtIn: typeof defineOptimizer = /* @__PURE__ */ builtInOf({});

function classOf<H extends OptimizerDefaults, R extends AnyRule>(
  rule: R,
  kinds: Kinds,
): { Class: OptimizerClass<H, R>; compiled: () => CompiledRule } {
  let known: CompiledRule | null = null;
  const compiled = (): CompiledRule => {
    known ??= new CompiledRule(rule, kinds);
    return known;
  };
  const Class = class extends Optimizer<H> {
    static readonly rule = rule;

    constructor(params: OptimizerParams<H>, options: OptimizerOptions<H> = {} as OptimizerOptions<H>) {
      super(compiled(), params, options);
    }
  };
  Object.defineProperty(Class, 'name', { value: rule.name });
  return { Class, compiled };
}
