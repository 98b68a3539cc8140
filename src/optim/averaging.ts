import { show, ValueError } from '../core/errors.ts';
import { thenRestore } from '../core/waiting.ts';
import { assign, type Tensor, tensor } from '../tensor/index.ts';

/** What optimizers have in common that keep averages of their parameters: evaluating a model with them. */
export abstract class Averaging {
  /** Whether averages stand in the place of the parameters at the moment. */
  #inPlace = false;

  /**
   * The average over the training so far of every parameter that one is kept of, in new tensors. Most optimizers keep
   * none; {@link ASGD} and {@link ScheduleFreeSGD} do.
   */
  abstract averages(): Map<Tensor, Tensor>;

  /**
   * Runs `fn` with the averages in the place of the parameters, and then puts the parameters back: also after a throw, and,
   * when `fn` is async, once its promise has settled. Without averages it just runs `fn`.
   *
   * @returns what `fn` returns
   * @throws {@link ValueError} inside another call that is still under way
   * @example
   * ```ts
   * import { createOptimizer, tensor } from 'gradlet';
   * const w = tensor([4], { requiresGrad: true });
   * const optimizer = createOptimizer('asgd', [w], { lr: 0.5, lambd: 0, lrPower: 0, t0: 0 });
   * for (let t = 0; t < 3; t++) {
   *   w.grad = tensor([2]);
   *   optimizer.step();
   * }
   * optimizer.withAverages(() => w.item()); // → 1.5
   * w.item(); // → 1
   * ```
   */
  withAverages<T>(fn: () => T): T {
    if (typeof fn !== 'function') {
      throw new ValueError('withAverages', 'what runs with the averages must be a function', show(fn));
    }
    this.checkInPlace('withAverages');
    const averages = this.averages();
    const own = [...averages.keys()].map((p) => [p, tensor(p)] as const);
    const restore = (): void => {
      this.#inPlace = false;
      for (const [p, before] of own) assign(p, before);
    };
    this.#inPlace = true;
    for (const [p, average] of averages) assign(p, average);
    return thenRestore(fn, restore);
  }

  /** Writes the averages into the parameters, at the end of a training; the parameters themselves are lost. */
  applyAverages(): void {
    this.checkInPlace('applyAverages');
    for (const [p, average] of this.averages()) assign(p, average);
  }

  /** Throws while averages stand in the place of the parameters. @internal */
  protected checkInPlace(where: string): void {
    if (!this.#inPlace) return;
    throw new ValueError(
      where,
      'withAverages must have ended',
      'a call inside',
      'Go on training once it has returned, or its promise has settled.',
    );
  }
}
