import { type Awaitable, type Waiting, wait } from '../../core/waiting.ts';
import { noGrad, tensor } from '../../tensor/index.ts';
import { checkValue, domainOf } from '../hyperparameters.ts';
import { readOptions, wholeFrom1 } from '../schedules/options.ts';
import { checkSteps, type OptimizerLike, type Pace, Wrapper } from './wrapper.ts';

/** Options of {@link accumulate}. */
export interface AccumulateOptions {
  /** Whether a step goes by the mean of the gradients, as for losses that are means; else by their sum. Default true. */
  readonly mean?: boolean;
}

const flag = domainOf('false | true', true);

class Accumulate<O extends OptimizerLike> extends Wrapper<O> {
  readonly #n: number;
  readonly #mean: boolean;

  constructor(inner: O, n: number, { mean }: Required<AccumulateOptions>) {
    super('accumulate', inner, { n, mean });
    this.#n = n;
    this.#mean = mean;
    const advice = 'Put sam around it, sam(accumulate(optimizer, n)); a search needs all data at once.';
    checkSteps('accumulate', inner, advice);
  }

  protected override *run<T>(pace: Pace, closure: (() => Awaitable<T>) | undefined): Waiting<T | undefined> {
    const result = closure && (yield* wait(pace.call(closure)));
    for (const p of this.params) {
      if (!p.grad || !p.requiresGrad) continue;
      const sum = this.kept.get(p);
      const grad = tensor(p.grad);
      this.kept.set(p, { t: (sum?.t ?? 0) + 1, value: sum ? noGrad(() => sum.value.add(grad)) : grad });
      p.grad = null;
    }
    if (++this.count >= this.#n) yield* this.#pass(pace);
    return result;
  }

  protected override *rest(pace: Pace): Waiting<void> {
    if (this.count > 0) yield* this.#pass(pace);
    yield* wait(pace.flush());
  }

  *#pass(pace: Pace): Waiting<void> {
    const { kept, count } = this;
    this.kept = new Map();
    this.count = 0;
    for (const [p, { value }] of kept) p.grad = this.#mean ? noGrad(() => value.div(count)) : value;
    yield* wait(pace.step());
    for (const p of kept.keys()) p.grad = null;
  }
}

/**
 * Gradient accumulation: n micro-batches make one step, as if they were one batch that need not fit into memory.
 *
 * $$g = \frac{1}{n} \sum_{i=1}^{n} g_i$$
 *
 * Every call of `step` takes the gradients away, so it makes no difference whether and how gradients are cleared; every n-th
 * call steps the optimizer, by their mean. That is the gradient of one batch when the loss is a mean over it and all
 * micro-batches are of one size. Where a parameter has no gradient it counts as 0, and if it has none n times, as none. A
 * closure runs at every call. `steps` counts the steps of the optimizer, and clipping there clips the mean.
 *
 * {@link Wrapper.flush} takes the step of a round that is not full: by the mean of what there is. When the optimizer throws,
 * the gradients of the round stay in `grad`, and a new one begins.
 *
 * @param optimizer - any optimizer, or another wrapper, but neither {@link LBFGS} nor {@link sam}, which belongs outside
 * @param n - how many micro-batches make a step, a whole number ≥ 1
 * @throws {@link ValueError} for what is no optimizer or needs a closure, and for an option that is unknown or out of its range
 * @example
 * ```ts
 * import { accumulate, createOptimizer, tensor } from 'gradlet';
 * const w = tensor([1], { requiresGrad: true });
 * const optimizer = accumulate(createOptimizer('sgd', [w], { lr: 1 }), 2);
 * const way: number[] = [];
 * for (const x of [3, 1, 5]) {
 *   w.mul(x).sum().backward();
 *   optimizer.step();
 *   way.push(w.item());
 * }
 * way; // → [1,-1,-1]
 * optimizer.flush();
 * w.item(); // → -6
 * optimizer.steps; // → 2
 * ```
 */
export function accumulate<O extends OptimizerLike>(
  optimizer: O,
  n: number,
  options: AccumulateOptions = {},
): Wrapper<O> {
  checkValue('accumulate', 'n', n, wholeFrom1);
  return new Accumulate(optimizer, n, readOptions('accumulate', options, { mean: [flag, true] }));
}
