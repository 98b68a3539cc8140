import type { Generator } from '../core/random.ts';
import { linear, type Tensor } from '../tensor/index.ts';
import { checkFeatures, checkSize, readOptions } from './check.ts';
import { Module } from './module.ts';
import type { Parameter } from './parameter.ts';
import { startFrom } from './start.ts';

/** Options of {@link Linear}. */
export interface LinearOptions {
  /** Whether b is added. Default true. */
  readonly bias?: boolean;
  /** Default float32. */
  readonly dtype?: 'float32' | 'float64';
  /** Where the first weights come from. Default: the generator that {@link manualSeed} sets. */
  readonly generator?: Generator;
}

/**
 * A dense layer: every output is a weighted sum of all inputs.
 *
 * $$y = x W^\top + b$$
 *
 * The weights are `[outFeatures, inFeatures]`, as PyTorch's. Weights and bias start out from
 * $U(-1/\sqrt{\text{inFeatures}}, 1/\sqrt{\text{inFeatures}})$; for others see {@link init}.
 *
 * @shape […, inFeatures] → […, outFeatures]
 * @throws {@link ShapeError} when the last axis of the input is not `inFeatures` long
 * @example
 * ```ts
 * import { nn, ones } from 'gradlet';
 * const layer = new nn.Linear(4, 3);
 * layer.forward(ones([2, 4])).shape; // → [2,3]
 * layer.weight.shape; // → [3,4]
 * layer; // → Linear(inFeatures=4, outFeatures=3, bias=true)
 * ```
 */
export class Linear extends Module {
  /** The size of each input sample. */
  readonly inFeatures: number;
  /** The size of each output sample. */
  readonly outFeatures: number;
  /** W, of shape [outFeatures, inFeatures]. */
  weight: Parameter;
  /** b, of shape [outFeatures], or `null`. */
  bias: Parameter | null;

  /**
   * @param inFeatures - the size of each input sample
   * @param outFeatures - the size of each output sample
   */
  constructor(inFeatures: number, outFeatures: number, options: LinearOptions = {}) {
    super();
    const { bias, dtype, generator } = readOptions('Linear', options, {
      bias: true,
      dtype: undefined,
      generator: undefined,
    });
    this.inFeatures = checkSize('Linear', 'inFeatures', inFeatures);
    this.outFeatures = checkSize('Linear', 'outFeatures', outFeatures);
    const parameter = startFrom(inFeatures, dtype, generator);
    this.weight = parameter([outFeatures, inFeatures]);
    this.bias = bias ? parameter([outFeatures]) : null;
  }

  forward(x: Tensor): Tensor {
    checkFeatures('Linear', x, -1, this.inFeatures);
    return linear(x, this.weight, this.bias);
  }

  override extraRepr(): string {
    return `inFeatures=${this.inFeatures}, outFeatures=${this.outFeatures}, bias=${this.bias !== null}`;
  }
}
