import { show, ValueError } from '../core/errors.ts';
import type { Tensor } from '../tensor/index.ts';
import { type Layer, Module } from './module.ts';

/**
 * A function as a module, without parameters: what {@link Sequential} makes of functions.
 *
 * @example
 * ```ts
 * import { nn, relu, tensor } from 'gradlet';
 * new nn.Lambda(relu).forward(tensor([-1, 1])); // → tensor([0., 1.])
 * new nn.Lambda((x) => x.mul(2)); // → Lambda()
 * ```
 */
export class Lambda extends Module {
  /** The function that `forward` calls. */
  readonly fn: (x: Tensor) => Tensor;

  /** @param fn - from one tensor to one tensor */
  constructor(fn: (x: Tensor) => Tensor) {
    super();
    this.fn = fn;
  }

  forward(x: Tensor): Tensor {
    return this.fn(x);
  }

  override extraRepr(): string {
    return this.fn.name;
  }
}

/**
 * Layers one after the other: the output of each is the input of the next.
 *
 * Takes modules and plain functions (which become a {@link Lambda}). The layers are its fields `0`, `1`, …, so the names of
 * parameters are PyTorch's: `0.weight`. It can be walked with `for … of`.
 *
 * @throws {@link ValueError} when an entry is neither a module nor a function
 * @example
 * ```ts
 * import { nn, ones } from 'gradlet';
 * const model = new nn.Sequential(new nn.Linear(4, 3), (x) => x.softmax());
 * model.forward(ones([2, 4])).shape; // → [2,3]
 * model; // → Sequential(
 *        //   (0): Linear(inFeatures=4, outFeatures=3, bias=true)
 *        //   (1): Lambda()
 *        // )
 * ```
 */
export class Sequential extends Module {
  [place: number]: Layer;

  /** @param layers - modules and functions from one tensor to one tensor */
  constructor(...layers: readonly (Layer | ((x: Tensor) => Tensor))[]) {
    super();
    for (const [i, layer] of layers.entries()) {
      if (!(layer instanceof Module) && typeof layer !== 'function') {
        const whatToDo = Array.isArray(layer) ? 'Spread a list: new Sequential(...layers).' : undefined;
        throw new ValueError(
          'Sequential',
          'every layer must be a module or a function',
          `${show(layer)} at ${i}`,
          whatToDo,
        );
      }
      this[i] = layer instanceof Module ? layer : new Lambda(layer);
    }
  }

  forward(x: Tensor): Tensor {
    let y = x;
    for (const layer of this) y = layer.forward(y);
    return y;
  }

  /** How many layers there are. */
  get length(): number {
    let count = 0;
    while (count in this) count++;
    return count;
  }

  /** The layer at a place, counted from the end when negative; `undefined` beyond the ends. */
  at(place: number): Layer | undefined {
    return this[place < 0 ? this.length + place : place];
  }

  /** The layers in order. */
  *[Symbol.iterator](): Generator<Layer> {
    for (let i = 0; i in this; i++) yield this[i]!;
  }
}
