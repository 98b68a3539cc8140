import type { Tensor } from '../../tensor/index.ts';
import { readOptions, wholeFrom0, wholeFrom1 } from '../schedules/options.ts';
import { blend, type OptimizerLike, Wrapper } from './wrapper.ts';

/** Options of {@link swa}. */
export interface SwaOptions {
  /** How many steps, as the optimizer counts them, come before. A whole number ≥ 0. Default 0. */
  readonly start?: number;
  /** After every so many steps the parameters are taken up. A whole number ≥ 1. Default 1. */
  readonly every?: number;
}

class Swa<O extends OptimizerLike> extends Wrapper<O> {
  readonly #options: Required<SwaOptions>;

  constructor(inner: O, options: Required<SwaOptions>) {
    super('swa', inner, options);
    this.#options = options;
  }

  protected override stepped(): void {
    const { start, every } = this.#options;
    if (this.steps <= start || (this.steps - start) % every !== 0) return;
    for (const p of this.params) {
      const mean = this.kept.get(p);
      if (mean) blend(mean.value, p, 1 / ++mean.t);
      else this.keep(p, 1);
    }
  }

  override averages(): Map<Tensor, Tensor> {
    return this.copies();
  }
}

/**
 * Stochastic weight averaging: the plain mean of the parameters at many places that a large learning rate leads to. It lies
 * where the loss is flat, and often generalizes better than any of them.
 *
 * $$\bar\theta \leftarrow \bar\theta + \frac{\theta - \bar\theta}{n + 1} \qquad \text{after the steps } \mathrm{start} + \mathrm{every},\ \mathrm{start} + 2 \cdot \mathrm{every}, \dots$$
 *
 * n counts how many places the mean holds already. The recipe:
 *
 * 1. train as usual for `start` steps;
 * 2. go on with a learning rate that stays large, or with a cyclic one and `every` as long as a cycle, so that places are
 *    taken at its end;
 * 3. write the mean into the parameters: {@link Averaging.applyAverages};
 * 4. where the model has {@link nn.BatchNorm}, find statistics for it: {@link nn.updateBatchNorm}.
 *
 * @param optimizer - any optimizer, or another wrapper
 * @throws {@link ValueError} for what is no optimizer, and for an option that is unknown or out of its range
 * @paper Izmailov et al., Averaging weights leads to wider optima and better generalization, 2018, https://arxiv.org/abs/1803.05407
 * @differs It is PyTorch's `AveragedModel`, for parameters: buffers stay those of the model.
 * @example
 * ```ts
 * import { createOptimizer, manualSeed, nn, randn, schedules, swa } from 'gradlet';
 * manualSeed(1);
 * const [x, y] = [randn([32, 4]), randn([32, 1])];
 * const model = new nn.Sequential(new nn.Linear(4, 8), new nn.BatchNorm(8), new nn.ReLU(), new nn.Linear(8, 1));
 * const lr = schedules.sequential([schedules.cosineAnnealing(60), schedules.constant({ factor: 0.5, totalIters: 40 })], [60]);
 * const optimizer = swa(createOptimizer('sgd', model, { lr: 0.1, schedules: { lr } }), { start: 60 });
 * for (let step = 0; step < 100; step++) {
 *   optimizer.zeroGrad();
 *   nn.mseLoss(model.forward(x), y).backward();
 *   optimizer.step();
 * }
 * optimizer.applyAverages();
 * nn.updateBatchNorm(model, [x]);
 * nn.inEvalMode(model, () => nn.mseLoss(model.forward(x), y).item() < 0.7); // → true
 * ```
 */
export function swa<O extends OptimizerLike>(optimizer: O, options: SwaOptions = {}): Wrapper<O> {
  return new Swa(optimizer, readOptions('swa', options, { start: [wholeFrom0, 0], every: [wholeFrom1, 1] }));
}
