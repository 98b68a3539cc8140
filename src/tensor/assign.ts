import { converted, type TypedArray } from '../core/dtype.ts';
import { ShapeError, ValueError } from '../core/errors.ts';
import { sameShape, showShape } from '../core/shape.ts';
import { copyInto } from '../kernels/copy.ts';
import { rowMajor, Tensor } from './tensor.ts';

/**
 * Overwrites the numbers of a leaf: the one way to write into a tensor, for optimizers, running statistics,
 * initialisers and loaded state. A `backward` through what was computed from it before refuses, where it required a
 * gradient.
 *
 * @param values - a tensor of the same shape, or as many numbers in row-major order
 * @throws {@link ValueError} for a computed tensor; {@link ShapeError} when the sizes differ
 */
export function assign(to: Tensor, values: Tensor | TypedArray): void {
  if (!to.isLeaf) {
    throw new ValueError(
      'assign',
      'only a leaf tensor can be overwritten',
      `the result of ${to.node!.name}`,
      'Use detach() first.',
    );
  }
  const fits = values instanceof Tensor ? sameShape(values.shape, to.shape) : values.length === to.size;
  if (!fits) {
    const got = values instanceof Tensor ? showShape(values.shape) : `${values.length} numbers`;
    throw new ShapeError('assign', `the values must fill the shape ${showShape(to.shape)}`, got);
  }
  to.version++;
  // a parameter that a step has changed in place
  if (values === to.storage && to.isContiguous) return;
  let numbers = values instanceof Tensor ? rowMajor(values) : values;
  if (to.dtype === 'bool') numbers = converted(numbers, 'bool');
  // a view of the same numbers in another order must be read before it is written over
  else if (values instanceof Tensor && values.storage === to.storage) numbers = numbers.slice();
  if (to.isContiguous) to.storage.set(numbers, to.offset);
  else copyInto(to, new Tensor(numbers, to.shape, to.dtype));
}
