import type { Tensor } from '../../tensor/index.ts';
import { domainOf } from '../hyperparameters.ts';
import { readOptions, wholeFrom1 } from '../schedules/options.ts';
import { blend, type OptimizerLike, Wrapper } from './wrapper.ts';

/** Options of {@link ema}. */
export interface EmaOptions {
  /** Weight of the past in the averages. In [0, 1]. Default 0.999. */
  readonly decay?: number;
  /** Whether it is less at the beginning. Default true. */
  readonly warmup?: boolean;
  /** After every so many steps the parameters are taken up. A whole number ≥ 1. Default 1. */
  readonly every?: number;
}

const weight = domainOf('[0, 1]', 0.999);
const flag = domainOf('false | true', true);

class Ema<O extends OptimizerLike> extends Wrapper<O> {
  readonly #options: Required<EmaOptions>;

  constructor(inner: O, options: Required<EmaOptions>) {
    super('ema', inner, options);
    this.#options = options;
  }

  protected override begin(): void {
    if (!this.#options.warmup) return;
    for (const p of this.params) if (!this.kept.has(p)) this.keep(p, 0);
  }

  protected override stepped(): void {
    const { decay, warmup, every } = this.#options;
    if (this.steps % every !== 0) return;
    for (const p of this.params) {
      const average = this.kept.get(p);
      if (!average) {
        this.keep(p, 1);
        continue;
      }
      const t = ++average.t;
      blend(average.value, p, 1 - (warmup ? Math.min(decay, (1 + t) / (10 + t)) : decay));
    }
  }

  override averages(): Map<Tensor, Tensor> {
    return this.copies();
  }
}

/**
 * Exponential moving average of the parameters, which swings less than they do. Training goes on as without it; evaluate
 * with {@link Averaging.withAverages}, and end with {@link Averaging.applyAverages}.
 *
 * $$\bar\theta_t = d_t \bar\theta_{t-1} + (1 - d_t) \theta_t, \qquad d_t = \min\left(\mathrm{decay}, \frac{1 + t}{10 + t}\right)$$
 *
 * $\bar\theta_0$ are the parameters before the first step, and t counts from 1 how often they were taken up, which is after
 * every step, or every `every`-th. An average reaches back over about 1/(1 − decay) of these. The warm-up lets it forget
 * the beginning faster: 2/11 of $\bar\theta_0$ are left after the first time. It is that of TensorFlow's
 * `ExponentialMovingAverage` with `num_updates` and of torch-ema. Without it $d_t$ is `decay`, and the first time the average
 * is a copy, so what was before does not count.
 *
 * The averages of a model with {@link nn.BatchNorm} need statistics of their own: {@link nn.updateBatchNorm}.
 *
 * @param optimizer - any optimizer, or another wrapper
 * @throws {@link ValueError} for what is no optimizer, and for an option that is unknown or out of its range
 * @paper Morales-Brotons, Vogels and Hendrikx, Exponential moving average of weights in deep learning: dynamics and benefits, 2024, https://arxiv.org/abs/2411.18704
 * @differs Without warm-up it is PyTorch's `AveragedModel` with `get_ema_avg_fn`.
 * @differs timm and diffusers offer a warm-up by powers of t.
 * @example
 * ```ts
 * import { createOptimizer, ema, tensor } from 'gradlet';
 * const w = tensor([4], { dtype: 'float64', requiresGrad: true });
 * const optimizer = ema(createOptimizer('sgd', [w], { lr: 1 }), { decay: 0.5, warmup: false });
 * for (let t = 0; t < 3; t++) {
 *   w.grad = tensor([1]);
 *   optimizer.step();
 * }
 * w.item(); // → 1
 * optimizer.withAverages(() => w.item()); // → 1.75
 * ```
 */
export function ema<O extends OptimizerLike>(optimizer: O, options: EmaOptions = {}): Wrapper<O> {
  return new Ema(
    optimizer,
    readOptions('ema', options, { decay: [weight, 0.999], warmup: [flag, true], every: [wholeFrom1, 1] }),
  );
}
