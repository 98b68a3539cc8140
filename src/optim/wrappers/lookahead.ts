import { assign, type Tensor, tensor } from '../../tensor/index.ts';
import { domainOf } from '../hyperparameters.ts';
import { readOptions, wholeFrom1 } from '../schedules/options.ts';
import { blend, type OptimizerLike, Wrapper } from './wrapper.ts';

/** Options of {@link lookahead}. */
export interface LookaheadOptions {
  /** How many steps the fast weights run ahead. A whole number ≥ 1. Default 5. */
  readonly k?: number;
  /** How far the slow weights follow, as a share of the way. In (0, 1]. Default 0.5. */
  readonly alpha?: number;
}

const share = domainOf('(0, 1]', 0.5);

class Lookahead<O extends OptimizerLike> extends Wrapper<O> {
  readonly #k: number;
  readonly #alpha: number;

  constructor(inner: O, options: Required<LookaheadOptions>) {
    super('lookahead', inner, options);
    this.#k = options.k;
    this.#alpha = options.alpha;
  }

  protected override begin(): void {
    for (const p of this.params) if (!this.kept.has(p)) this.keep(p, 0);
  }

  protected override stepped(): void {
    if (this.steps % this.#k !== 0) return;
    for (const p of this.params.filter(({ requiresGrad }) => requiresGrad)) {
      const slow = this.kept.get(p)!;
      blend(slow.value, p, this.#alpha);
      slow.t++;
      assign(p, slow.value);
    }
  }

  override averages(): Map<Tensor, Tensor> {
    return new Map(this.params.map((p) => [p, tensor(this.kept.get(p)?.value ?? p)]));
  }
}

/**
 * Lookahead: the optimizer runs k steps ahead, and then its parameters, the *fast* weights, are set back to *slow* weights
 * that follow part of the way.
 *
 * $$\phi \leftarrow \phi + \alpha (\theta - \phi), \qquad \theta \leftarrow \phi \qquad \text{after every } k\text{-th step}$$
 *
 * The slow weights $\phi$ are the parameters as they are before the first step, and then the ones to evaluate: they are the
 * {@link Averaging.averages}. Parameters that are frozen at a k-th step stay, and so do their slow weights. What the optimizer
 * itself remembers, its momenta, is kept.
 *
 * Not for optimizers that count on finding the parameters where they left them: {@link ScheduleFreeSGD} and its kin, and
 * {@link LBFGS}.
 *
 * @param optimizer - any optimizer, or another wrapper
 * @throws {@link ValueError} for what is no optimizer, and for an option that is unknown or out of its range
 * @paper Zhang et al., Lookahead optimizer: k steps forward, 1 step back, 2019, https://arxiv.org/abs/1907.08610
 * @differs optax.lookahead has the same numbers, and no defaults.
 * @differs timm makes the slow weights at the first k-th step, so that the k steps before it all count.
 * @example
 * ```ts
 * import { createOptimizer, lookahead, tensor } from 'gradlet';
 * const w = tensor([4], { requiresGrad: true });
 * const optimizer = lookahead(createOptimizer('sgd', [w], { lr: 1 }), { k: 2 });
 * const way: number[] = [];
 * for (let t = 0; t < 4; t++) {
 *   w.grad = tensor([1]);
 *   optimizer.step();
 *   way.push(w.item());
 * }
 * way; // → [3,3,2,2]
 * ```
 */
export function lookahead<O extends OptimizerLike>(optimizer: O, options: LookaheadOptions = {}): Wrapper<O> {
  return new Lookahead(
    optimizer,
    readOptions('lookahead', options, { k: [wholeFrom1, 5], alpha: [share, 0.5] }),
  );
}
