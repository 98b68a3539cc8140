import type { TypedArray } from '../../core/dtype.ts';
import { ValueError } from '../../core/errors.ts';
import { type Awaitable, type Waiting, wait } from '../../core/waiting.ts';
import { assign, contiguousData, type Tensor } from '../../tensor/index.ts';
import { normOfSums, powerSum } from '../clip.ts';
import { domainOf } from '../hyperparameters.ts';
import { nonNegative, readOptions } from '../schedules/options.ts';
import { checkSteps, type OptimizerLike, type Pace, Wrapper } from './wrapper.ts';

/** Options of {@link sam}. */
export interface SamOptions {
  /** How far away the gradient is taken. In [0, ∞). Default 0.05. */
  readonly rho?: number;
  /** Whether each number goes as far as its own size allows. Default false. */
  readonly adaptive?: boolean;
  /** Added to the norm. In [0, ∞). Default 1e-12. */
  readonly eps?: number;
}

const flag = domainOf('false | true', false);

class Sam<O extends OptimizerLike> extends Wrapper<O> {
  readonly #options: Required<SamOptions>;

  constructor(inner: O, options: Required<SamOptions>) {
    super('sam', inner, options);
    this.#options = options;
    checkSteps('sam', inner);
  }

  override get needsClosure(): string {
    return 'sam';
  }

  protected override *run<T>(pace: Pace, closure: (() => Awaitable<T>) | undefined): Waiting<T | undefined> {
    if (!closure) {
      throw new ValueError(
        'sam.step',
        'a closure must be given',
        'none',
        'A step takes gradients twice: step(() => { optimizer.zeroGrad(); …; loss.backward(); return loss; }).',
      );
    }
    const first = yield* wait(pace.call(closure));
    const before = this.#climb();
    try {
      this.inner.zeroGrad();
      yield* wait(pace.call(closure));
    } finally {
      for (const [p, values] of before) assign(p, values);
    }
    yield* wait(pace.step());
    return first;
  }

  /** Moves the parameters along their gradients, and returns what they were. */
  #climb(): (readonly [Tensor, TypedArray])[] {
    const { rho, adaptive, eps } = this.#options;
    const moves = this.groups.flatMap(({ params, maximize }) =>
      params
        .filter((p) => p.grad && p.requiresGrad)
        .map((p) => {
          const [values, grad] = [contiguousData(p).slice(), contiguousData(p.grad!)];
          // |p| · g, from which p² · g / |p|
          const scaled = adaptive ? Float64Array.from(grad, (g, i) => Math.abs(values[i]!) * g) : grad;
          return { p, values, scaled, sign: maximize ? -1 : 1 };
        }),
    );
    const norm = normOfSums(
      moves.map(({ scaled }) => powerSum(scaled, 2)),
      2,
    );
    if (!(norm > 0 && norm < Infinity)) return [];
    const scale = rho / (norm + eps);
    return moves.map(({ p, values, scaled, sign }) => {
      const there = values.map((x, i) => x + sign * scale * scaled[i]! * (adaptive ? Math.abs(x) : 1));
      assign(p, there);
      return [p, values];
    });
  }
}

/**
 * Sharpness-aware minimization: steps by the gradient at the worst place nearby, so that it looks for minima around which
 * the loss is low as well.
 *
 * $$e = \rho \frac{g(\theta)}{\lVert g(\theta) \rVert + \mathrm{eps}}, \qquad \theta \leftarrow \text{a step of the optimizer at } \theta \text{ by } g(\theta + e)$$
 *
 * A step needs a closure, which it calls twice: a step costs two, and returns what the first call returns. In between the
 * parameters are at $\theta + e$; then they are put back exactly, also when the closure throws. The norm is that of all
 * gradients together. Where it is 0, or not finite, nothing moves. Groups with `maximize` move the other way.
 *
 * `adaptive` is ASAM: $e = \rho\, \theta^2 g / (\lVert\, |\theta|\, g \rVert + \mathrm{eps})$ does not change when a layer is scaled
 * up and the next one down, and needs a larger `rho`.
 *
 * Running statistics of {@link nn.BatchNorm} take up both calls, and {@link nn.Dropout} draws anew for the second.
 *
 * @param optimizer - any optimizer but {@link LBFGS}, or another wrapper
 * @throws {@link ValueError} for what is no optimizer or needs a closure itself, and for an option that is unknown or out of its range
 * @paper Foret et al., Sharpness-aware minimization for efficiently improving generalization, 2021, https://arxiv.org/abs/2010.01412
 * @paper Kwon et al., ASAM: adaptive sharpness-aware minimization for scale-invariant learning of deep neural networks, 2021, https://arxiv.org/abs/2102.11600
 * @differs optax.contrib.sam has no eps, and gives NaN when all gradients are 0.
 * @differs The authors of ASAM take $|\theta| + 0.01$ for weights, and 1 for biases, in the place of $|\theta|$.
 * @example
 * ```ts
 * import { createOptimizer, sam, tensor } from 'gradlet';
 * const w = tensor([3, 4], { requiresGrad: true });
 * const optimizer = sam(createOptimizer('sgd', [w], { lr: 0.125 }), { rho: 5 });
 * const loss = optimizer.step(() => {
 *   optimizer.zeroGrad();
 *   const y = w.square().sum();
 *   y.backward();
 *   return y.item();
 * });
 * loss; // → 25
 * w.toString(); // → tensor([1.5, 2.0], requiresGrad=true)
 * ```
 */
export function sam<O extends OptimizerLike>(optimizer: O, options: SamOptions = {}): Wrapper<O> {
  return new Sam(
    optimizer,
    readOptions('sam', options, {
      rho: [nonNegative, 0.05],
      adaptive: [flag, false],
      eps: [nonNegative, 1e-12],
    }),
  );
}
