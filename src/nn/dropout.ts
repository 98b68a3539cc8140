import type { Generator } from '../core/random.ts';
import { apply, elementwise } from '../tensor/apply.ts';
import { bernoulli, type Tensor } from '../tensor/index.ts';
import { expectTensor } from '../tensor/tensor.ts';
import { checkChoice, checkRange, readOptions } from './check.ts';
import { Module } from './module.ts';

const kept = elementwise(
  'dropout',
  ['x', 'mask', 'keep'],
  (x: number, mask: number, keep: number) => x * (mask / keep),
);

/** Options of {@link Dropout}. */
export interface DropoutOptions {
  /** When the scale is evened out: see {@link Dropout}. Default `'train'`. */
  readonly scaleAt?: 'train' | 'eval';
  /** Where the random numbers come from. Default: the generator that {@link manualSeed} sets. */
  readonly generator?: Generator;
}

/**
 * While training, zeroes each element with probability `p`, anew for every call; in evaluation, uses all neurons.
 *
 * $$y_i = \begin{cases} 0 & \text{with probability } p \\ x_i / (1 - p) & \text{otherwise} \end{cases}$$
 *
 * `p` is the probability of *zeroing* an element, not of keeping it. So that the next layer meets signals of the same
 * size in both modes, what is kept is divided by 1 − p while training (`scaleAt: 'train'`, the default, also called
 * inverted dropout), and evaluation is the identity. `scaleAt: 'eval'` is the original form of the paper: what is kept
 * stays as it is, and in evaluation everything is multiplied by 1 − p. With p = 1 all elements are zeroed.
 *
 * @shape any → the same
 * @paper Srivastava et al., Dropout: a simple way to prevent neural networks from overfitting, 2014,
 * https://jmlr.org/papers/v15/srivastava14a.html
 * @throws {@link ValueError} when p is outside [0, 1]
 * @example
 * ```ts
 * import { nn, ones } from 'gradlet';
 * const dropout = new nn.Dropout(0.2);
 * const kept = dropout.forward(ones([1000])).gt(0).sum().item();
 * kept > 700 && kept < 900; // → true
 * dropout.eval();
 * dropout.forward(ones([3])); // → tensor([1., 1., 1.])
 * ```
 */
export class Dropout extends Module {
  /** The probability of zeroing an element. */
  readonly p: number;
  /** When the scale is evened out. */
  readonly scaleAt: 'train' | 'eval';
  readonly #generator: Generator | undefined;

  /** @param p - the probability of zeroing an element, in [0, 1]; 0.5 by default */
  constructor(p = 0.5, options: DropoutOptions = {}) {
    super();
    const { scaleAt, generator } = readOptions('Dropout', options, {
      scaleAt: 'train',
      generator: undefined,
    });
    this.p = checkRange('Dropout', 'p', p, 0, 1);
    this.scaleAt = checkChoice('Dropout', 'scaleAt', scaleAt, ['train', 'eval']);
    this.#generator = generator;
  }

  forward(x: Tensor): Tensor {
    expectTensor('Dropout', x);
    const keep = 1 - this.p;
    if (this.p === 0) return x;
    if (!this.training) return this.scaleAt === 'eval' ? x.mul(keep) : x;
    const mask = bernoulli(keep, x.shape, { dtype: x.dtype, generator: this.#generator });
    return this.scaleAt === 'train' && keep > 0 ? apply(kept, x, mask, keep) : x.mul(mask);
  }

  override extraRepr(): string {
    return `p=${this.p}${this.scaleAt === 'eval' ? ", scaleAt='eval'" : ''}`;
  }
}
