import { checkDType, converted, type DType, isFloat } from '../../core/dtype.ts';
import { identity, record } from '../graph.ts';
import { copied, expectTensor, rowMajor, type Tensor, tensorOf } from '../tensor.ts';

/**
 * The same numbers as another dtype: fractions are cut off for int32, and everything but 0 is true for bool.
 */
export function cast(x: Tensor, dtype: DType): Tensor {
  checkDType('cast', dtype);
  if (expectTensor('cast', x).dtype === dtype) return x;
  const y = tensorOf(converted(rowMajor(x), dtype), x.shape, dtype);
  return isFloat(dtype) ? record('cast', y, [x, identity]) : y;
}

/** A copy with storage of its own. Gradients flow through it. */
export function clone(x: Tensor): Tensor {
  return record('clone', copied(expectTensor('clone', x)), [x, identity]);
}
