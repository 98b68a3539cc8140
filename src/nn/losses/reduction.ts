import type { Tensor } from '../../tensor/index.ts';
import { checkChoice } from '../check.ts';

/** How the losses of all elements become one: their mean, their sum, or not at all. */
export type Reduction = 'mean' | 'sum' | 'none';

/** Options of every loss. */
export interface LossOptions {
  /** How the losses of all elements become one number; `'none'` leaves them as they are. Default `'mean'`. */
  readonly reduction?: Reduction;
}

export function checkReduction(where: string, reduction: Reduction): void {
  checkChoice(where, 'reduction', reduction, ['mean', 'sum', 'none']);
}

/** The one number that the losses become; `count` is what the mean divides by. */
export function reduced(where: string, losses: Tensor, reduction: Reduction, count?: number): Tensor {
  checkReduction(where, reduction);
  if (reduction === 'none') return losses;
  if (reduction === 'sum') return losses.sum();
  if (count === undefined) return losses.mean();
  // the mean of nothing is NaN, but its gradient is 0, so that it spoils no parameters
  return count === 0 ? losses.sum().add(Number.NaN) : losses.sum().div(count);
}
