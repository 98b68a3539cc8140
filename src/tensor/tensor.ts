import type ndarray from 'ndarray';
import { type DType, isFloat, type TypedArray } from '../core/dtype.ts';
import { ShapeError, show, ValueError } from '../core/errors.ts';
import { type Shape, sameShape, showShape, sizeOf, stridesOf } from '../core/shape.ts';
import { asNdarray, copyInto, gathered } from '../kernels/copy.ts';
import type { Strided } from '../kernels/map.ts';
import { Block, bringOut, cleared, made, unset } from './block.ts';
import { type GradientHook, Node } from './graph.ts';
import type { TensorMethods } from './methods.ts';
import { print } from './print.ts';

/** Numbers and booleans in lists in lists, as deep as the tensor has axes. */
export type NestedArray = number | boolean | readonly NestedArray[];

/** What {@link Tensor.toArray} gives: numbers in arrays in arrays, as deep as the tensor has axes. */
export type NestedNumbers = number | NestedNumbers[];

export interface Tensor extends TensorMethods {}

/**
 * An n-dimensional array of numbers that remembers how it was computed, so that `backward()` can find gradients.
 *
 * Make one with {@link tensor}, {@link zeros}, {@link randn} and their kin, never with `new`. Every operation is a function
 * and a method: `add(x, y)` is `x.add(y)`. Tensors are never changed by an operation and are garbage-collected: there is
 * nothing to dispose of.
 *
 * @example
 * ```ts
 * import { tensor } from 'gradlet';
 * const x = tensor([[1, 2], [3, 4]], { requiresGrad: true });
 * x.square().sum().backward();
 * x.grad; // → tensor([[2., 4.], [6., 8.]])
 * ```
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: index.ts attaches the methods from the same lists of functions.
export class Tensor implements Strided {
  /** The numbers, maybe shared with other views of them. @internal */
  readonly block: Block;
  /** The sizes along each axis; `[]` for a scalar. */
  readonly shape: Shape;
  /** The kind of number held. */
  readonly dtype: DType;
  /** Where the first element stands in the storage. @internal */
  readonly offset: number;
  /** This tensor's place in the graph; `null` when no gradient is wanted. @internal */
  node: Node | null = null;
  /** Grows with every {@link assign}. @internal */
  version = 0;
  #strides: readonly number[] | null;
  #grad: Tensor | null = null;

  /** @internal */
  constructor(
    numbers: TypedArray | Block,
    shape: Shape,
    dtype: DType,
    strides: readonly number[] | null = null,
    offset = 0,
  ) {
    this.block = numbers instanceof Block ? numbers : new Block(numbers);
    this.shape = shape;
    this.dtype = dtype;
    this.offset = offset;
    this.#strides = strides;
  }

  /** The numbers, where they are at the moment. @internal */
  get storage(): TypedArray {
    return this.block.array;
  }

  /** How far apart neighbours along each axis stand in the storage. @internal */
  get strides(): readonly number[] {
    return this.#strides ?? stridesOf(this.shape);
  }

  /** Whether the elements stand in row-major order without gaps. @internal */
  get isContiguous(): boolean {
    if (this.#strides === null) return true;
    let stride = 1;
    for (let i = this.shape.length - 1; i >= 0; i--) {
      if (this.shape[i] !== 1 && this.#strides[i] !== stride) return false;
      stride *= this.shape[i]!;
    }
    return true;
  }

  /** The number of elements. */
  get size(): number {
    return sizeOf(this.shape);
  }

  /** The number of axes. */
  get ndim(): number {
    return this.shape.length;
  }

  /** The numbers as an npm `ndarray`: a view, so writing into it changes this tensor unseen by `backward`. */
  get data(): ndarray.NdArray<TypedArray> {
    bringOut(this.block);
    // whoever holds them may do so for ever
    this.block.stays = true;
    return asNdarray(this);
  }

  /** The numbers as arrays in arrays; a plain number for a scalar. */
  toArray(): NestedNumbers {
    const flat = rowMajor(this);
    let at = 0;
    const build = (axis: number): NestedNumbers => {
      if (axis === this.shape.length) return flat[at++]!;
      return Array.from({ length: this.shape[axis]! }, () => build(axis + 1));
    };
    return build(0);
  }

  /** The one number of a tensor with a single element. @throws {@link ShapeError} when there are more, or none */
  item(): number {
    if (this.size !== 1) {
      throw new ShapeError(
        'item',
        'the tensor must hold exactly one element',
        `shape ${showShape(this.shape)}`,
        'Reduce it first, or use toArray().',
      );
    }
    return this.storage[this.offset]!;
  }

  /** The numbers as NumPy prints them, with dtype and `requiresGrad` where they differ from the usual. */
  toString(): string {
    return print(this, rowMajor(this));
  }

  /** What `JSON.stringify` writes: {@link toArray}. NaN and infinities become `null` there, as everywhere in JSON. */
  toJSON(): NestedNumbers {
    return this.toArray();
  }

  /** @internal */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }

  /** `loss > 2` compares the one number of a tensor, as {@link item} gives it; in text a tensor is printed. @internal */
  [Symbol.toPrimitive](hint: string): string | number {
    return hint === 'number' ? this.item() : this.toString();
  }

  /** Whether the tensor was given rather than computed: only leaves collect gradients on their own. */
  get isLeaf(): boolean {
    return this.node === null || this.node.leaf !== null;
  }

  /**
   * Whether `backward` computes a gradient for this tensor. Results of operations inherit it; it can be set on leaves only.
   *
   * @throws {@link ValueError} when set on a computed tensor, or switched on for whole numbers
   */
  get requiresGrad(): boolean {
    return this.node !== null;
  }

  set requiresGrad(wanted: boolean) {
    if (wanted === this.requiresGrad) return;
    if (!this.isLeaf) {
      throw new ValueError(
        'requiresGrad',
        'only a leaf tensor can stop requiring a gradient',
        `the result of ${this.node!.name}`,
        'Use detach() for a copy outside the graph.',
      );
    }
    if (wanted && !isFloat(this.dtype)) {
      throw new ValueError(
        'requiresGrad',
        'a gradient needs float32 or float64',
        this.dtype,
        "Use cast('float32') first.",
      );
    }
    this.node = wanted ? new Node('leaf', this, this, [], []) : null;
  }

  /**
   * The gradient that `backward` calls have added up, or `null` before the first. It may be set; set it to `null` to start over.
   *
   * @throws {@link ShapeError} when set to a tensor of another shape
   */
  get grad(): Tensor | null {
    return this.#grad;
  }

  set grad(gradient: Tensor | null) {
    if (gradient !== null && !(gradient instanceof Tensor)) {
      throw new ValueError('grad', 'a gradient must be a tensor or null', show(gradient));
    }
    if (gradient && !sameShape(gradient.shape, this.shape)) {
      throw new ShapeError(
        'grad',
        `a gradient must have its tensor's shape ${showShape(this.shape)}`,
        showShape(gradient.shape),
      );
    }
    this.#grad = gradient;
  }

  /** A view of the same numbers outside the graph: no gradient flows through it. */
  detach(): Tensor {
    return new Tensor(this.block, this.shape, this.dtype, this.#strides, this.offset);
  }

  /** Makes `backward` keep the gradient of this computed tensor in `grad`, as it does for leaves. */
  retainGrad(): void {
    if (!this.node) {
      throw new ValueError('retainGrad', 'the tensor must require a gradient', 'one that does not');
    }
    this.node.retained = this;
  }

  /**
   * Calls `hook` with this tensor's gradient whenever `backward` has it complete; a tensor it returns takes the gradient's place.
   *
   * @returns a function that removes the hook
   */
  registerHook(hook: GradientHook): () => void {
    if (typeof hook !== 'function')
      throw new ValueError('registerHook', 'a hook must be a function', show(hook));
    const node = this.node;
    if (!node)
      throw new ValueError('registerHook', 'the tensor must require a gradient', 'one that does not');
    node.hooks = [...(node.hooks ?? []), hook];
    return () => {
      node.hooks = node.hooks?.filter((h) => h !== hook) ?? null;
    };
  }
}

/**
 * The elements in row-major order; shared with the tensor where they already stand so. Not to be written into.
 * @internal
 */
export function rowMajor(x: Tensor): TypedArray {
  if (!x.isContiguous) return gathered(x, x.dtype);
  const size = x.size;
  const { storage } = x;
  return storage.length === size ? storage : storage.subarray(x.offset, x.offset + size);
}

/** A tensor of the same numbers that stands in row-major order: itself where it already does. */
export function contiguous(x: Tensor): Tensor {
  return x.isContiguous ? x : copied(x);
}

/** A tensor of the same numbers in an array of their own, in row-major order. */
export function copied(x: Tensor): Tensor {
  const y = empty(x.shape, x.dtype);
  copyInto(y, x);
  return y;
}

/** A new tensor that a kernel must write all of: what is in it may be anything. */
export function empty(shape: Shape, dtype: DType): Tensor {
  return new Tensor(unset(dtype, sizeOf(shape)), shape, dtype);
}

/** A new tensor of zeros. */
export function zeroed(shape: Shape, dtype: DType): Tensor {
  return new Tensor(cleared(dtype, sizeOf(shape)), shape, dtype);
}

/** A new tensor of these numbers, in row-major order. */
export function tensorOf(numbers: TypedArray, shape: Shape, dtype: DType): Tensor {
  return new Tensor(made(numbers), shape, dtype);
}

/** `x` when it is a tensor; otherwise the one clear error of a public function. */
export function expectTensor(where: string, x: unknown, name = 'the input'): Tensor {
  if (x instanceof Tensor) return x;
  throw new ValueError(where, `${name} must be a tensor`, show(x), 'Wrap numbers and arrays with tensor(…).');
}
