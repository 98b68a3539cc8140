import { show, ValueError } from '../core/errors.ts';
import { assign, noGrad, Tensor, tensor, zerosLike } from '../tensor/index.ts';
import { inMode } from './eval-mode.ts';
import { Module } from './module.ts';
import { BatchNorm } from './norm.ts';

/**
 * Finds the running statistics of every {@link BatchNorm} anew: plain averages over the given batches, with the parameters
 * as they are now. For parameters that were not trained but averaged, by {@link swa} or {@link ema}, whose layers have
 * statistics that belong to others.
 *
 * The model runs once over the batches, in training mode and without recording; {@link Dropout} drops, as in training.
 * Afterwards every module is in its own mode again. A layer that no batch reached, or that stays in evaluation mode, keeps
 * what it had, and so do all after a throw. Without any {@link BatchNorm} nothing happens.
 *
 * @param batches - inputs, or lists such as a {@link DataLoader} gives, of which the input is the first; or a function that
 * runs the model over everything, where it takes something else
 * @throws {@link ValueError} for anything else, and when no batch reaches a layer
 * @differs It is PyTorch's `update_bn`, which also resets layers that no batch reaches.
 * @example
 * ```ts
 * import { nn, tensor } from 'gradlet';
 * const model = new nn.Sequential(new nn.BatchNorm(1), new nn.ReLU());
 * const norm = model[0] as nn.BatchNorm;
 * nn.updateBatchNorm(model, [tensor([[1], [3]]), tensor([[5], [9]])]);
 * norm.runningMean; // → tensor([4.5])
 * norm.runningVar; // → tensor([5.])
 * nn.updateBatchNorm(model, () => model.forward(tensor([[0], [1]])));
 * norm.runningMean; // → tensor([0.5])
 * ```
 */
export function updateBatchNorm(
  model: Module,
  batches: Iterable<Tensor | readonly unknown[]> | (() => unknown),
): void {
  const where = 'updateBatchNorm';
  if (!(model instanceof Module)) throw new ValueError(where, 'the model must be a module', show(model));
  if (typeof batches !== 'function' && typeof batches?.[Symbol.iterator] !== 'function') {
    const advice = 'Pass a DataLoader or an array of batches.';
    throw new ValueError(where, 'batches must be a list or a function', show(batches), advice);
  }
  const run = typeof batches === 'function' ? batches : () => runOver(where, model, batches);
  inMode(model, true, () => {
    const norms = model.modules().filter(isAccumulating);
    if (norms.length === 0) return;
    const ends = norms.map(restart);
    let done = false;
    try {
      noGrad(run);
      done = true;
    } finally {
      const reached = ends.map((end) => end(done));
      done &&= reached.includes(true);
    }
    if (done) return;
    throw new ValueError(
      where,
      'at least one batch must reach a BatchNorm',
      'none',
      'What a generator function returns can be used only once: pass a DataLoader or an array of batches.',
    );
  });
}

const isAccumulating = (module: Module): module is BatchNorm =>
  module instanceof BatchNorm && module.training && module.runningMean !== null;

/** Lets a layer average from here on. What is returned ends that, keeps the result or not, and says if there was any. */
function restart(norm: BatchNorm): (keep: boolean) => boolean {
  const buffers = [norm.runningMean!, norm.runningVar!, norm.numBatchesTracked!];
  const before = buffers.map((buffer) => tensor(buffer));
  for (const buffer of buffers) assign(buffer, zerosLike(buffer));
  const settings: { momentum: number | null } = norm;
  const { momentum } = norm;
  settings.momentum = null;
  return (keep) => {
    settings.momentum = momentum;
    const reached = keep && norm.numBatchesTracked!.item() > 0;
    if (!reached) for (const [i, buffer] of buffers.entries()) assign(buffer, before[i]!);
    return reached;
  };
}

function runOver(where: string, model: Module, batches: Iterable<unknown>): void {
  for (const batch of batches) {
    const x: unknown = Array.isArray(batch) ? batch[0] : batch;
    if (!(x instanceof Tensor)) {
      const advice = 'For a model that takes something else pass a function that runs it.';
      throw new ValueError(
        where,
        'a batch must be a tensor or a list that begins with one',
        show(batch),
        advice,
      );
    }
    model.forward(x as never);
  }
}
