import type * as wrappers from '../../../src/optim/wrappers/index.ts';
import {
  accumulate,
  ema,
  lookahead,
  type OptimizerLike,
  sam,
  swa,
  type Wrapper,
} from '../../../src/optim/wrappers/index.ts';
import { type Tensor, tensor } from '../../../src/tensor/index.ts';

/** One way to wrap an optimizer, with options under which something happens within a few steps. */
type Wrap = (optimizer: OptimizerLike) => Wrapper;

/** A wrapper left out does not compile. */
export const wraps = {
  accumulate: (optimizer) => accumulate(optimizer, 3),
  ema: (optimizer) => ema(optimizer, { decay: 0.5, every: 2 }),
  lookahead: (optimizer) => lookahead(optimizer, { k: 3 }),
  sam: (optimizer) => sam(optimizer, { rho: 0.5 }),
  swa: (optimizer) => swa(optimizer, { start: 1, every: 2 }),
} satisfies Record<Exclude<keyof typeof wrappers, 'Wrapper'>, Wrap>;

/** Those, and some inside others. */
export const nested: Readonly<Record<string, Wrap>> = {
  ...wraps,
  'ema of lookahead': (optimizer) => wraps.ema(wraps.lookahead(optimizer)),
  'accumulate of swa': (optimizer) => wraps.accumulate(wraps.swa(optimizer)),
  'lookahead of accumulate': (optimizer) => wraps.lookahead(wraps.accumulate(optimizer)),
  'sam of accumulate of ema': (optimizer) => wraps.sam(wraps.accumulate(wraps.ema(optimizer))),
};

/** A vector and a matrix that is a view with gaps of something larger. */
export function parameters(dtype: 'float32' | 'float64' = 'float64'): Tensor[] {
  const a = tensor([1, -2, 0.5], { dtype, requiresGrad: true });
  const whole = tensor([0.25, 9, -1.5, 9, 0.75, 9, 2, 9], { dtype }).reshape([2, 2, 2]);
  const b = whole.slice(null, null, 0).transpose();
  b.requiresGrad = true;
  return [a, b];
}

/** Everything in one list. */
export const numbers = (tensors: Iterable<Tensor>): number[] =>
  [...tensors].flatMap((t) => t.reshape([t.size]).toArray() as number[]);

/** Gradients of the sum of p⁴ / 4 + sin(3 i + t²) · p. */
export function gradients(params: readonly Tensor[], t: number): void {
  for (const p of params) {
    const slopes = Array.from({ length: p.size }, (_, i) => Math.sin(3 * i + t * t));
    const slope = tensor(slopes, { dtype: p.dtype }).reshape(p.shape);
    p.grad = p.detach().pow(3).add(slope);
  }
}

/** The steps `from … to − 1`, and what parameters and averages are after each. */
export function train(
  optimizer: OptimizerLike,
  params: readonly Tensor[],
  from: number,
  to: number,
): number[][] {
  const course: number[][] = [];
  for (let t = from; t < to; t++) {
    optimizer.step(() => gradients(params, t));
    course.push([...numbers(params), ...numbers(optimizer.averages().values())]);
  }
  return course;
}
