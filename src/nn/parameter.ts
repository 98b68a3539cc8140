import { Tensor, type TensorData, tensor } from '../tensor/index.ts';
import { readOptions } from './check.ts';

/** Options of {@link Parameter}. */
export interface ParameterOptions {
  /** The kind of number. Default: that of the data, float32 for lists. */
  readonly dtype?: 'float32' | 'float64';
  /** Whether it is trained. Default true; see also {@link Module.requiresGrad}. */
  readonly requiresGrad?: boolean;
  /** Its name in the state dict, where that shall differ from the field's. */
  readonly key?: string;
}

/**
 * A tensor that a {@link Module} trains: assigned to a field (or put into an array or map there), it is among
 * `parameters()` and in the `stateDict()`.
 *
 * It holds a copy of the data, in storage of its own. A plain tensor with `requiresGrad` does the same service.
 *
 * @throws {@link ValueError} when the data are whole numbers, which have no gradient
 * @example
 * ```ts
 * import { nn, type Tensor } from 'gradlet';
 * class Scale extends nn.Module {
 *   factor = new nn.Parameter([2]);
 *   forward(x: Tensor) {
 *     return x.mul(this.factor);
 *   }
 * }
 * new Scale().parameters().length; // → 1
 * ```
 */
export class Parameter extends Tensor {
  /** Its name in the state dict, where that differs from the field's. */
  readonly key: string | undefined;

  /** @param data - a tensor, lists in lists, a typed array or an `ndarray`; it is copied */
  constructor(data: TensorData, options: ParameterOptions = {}) {
    const { dtype, requiresGrad, key } = readOptions('Parameter', options, {
      dtype: undefined,
      requiresGrad: true,
      key: undefined,
    });
    const { storage, shape, dtype: kind } = tensor(data, { dtype });
    super(storage, shape, kind);
    this.requiresGrad = requiresGrad;
    this.key = key;
  }
}

/** Options of {@link Buffer}. */
export interface BufferOptions {
  /** The kind of number. Default: that of the data, float32 for lists. */
  readonly dtype?: Tensor['dtype'];
  /** Its name in the state dict, where that shall differ from the field's. */
  readonly key?: string;
}

/**
 * A tensor that belongs to the state of a {@link Module} and is saved with it, but not trained: running statistics, say.
 *
 * It holds a copy of the data, in storage of its own. It has nothing to do with Node's `Buffer`.
 *
 * @example
 * ```ts
 * import { nn, type Tensor } from 'gradlet';
 * class Center extends nn.Module {
 *   offset = new nn.Buffer([1, 2]);
 *   forward(x: Tensor) {
 *     return x.sub(this.offset);
 *   }
 * }
 * Object.keys(new Center().stateDict()); // → ["offset"]
 * ```
 */
export class Buffer extends Tensor {
  /** Its name in the state dict, where that differs from the field's. */
  readonly key: string | undefined;

  /** @param data - a tensor, lists in lists, a typed array or an `ndarray`; it is copied */
  constructor(data: TensorData, options: BufferOptions = {}) {
    const { dtype, key } = readOptions('Buffer', options, { dtype: undefined, key: undefined });
    const { storage, shape, dtype: kind } = tensor(data, { dtype });
    super(storage, shape, kind);
    this.key = key;
  }
}
