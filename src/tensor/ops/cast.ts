import { checkDType, converted, type DType, isFloat } from '../../core/dtype.ts';
import { gathered } from '../../kernels/copy.ts';
import { identity, record } from '../graph.ts';
import { expectTensor, rowMajor, Tensor } from '../tensor.ts';

/**
 * The same numbers as another dtype: fractions are cut off for int32, and everything but 0 is true for bool.
 */
export function cast(x: Tensor, dtype: DType): Tensor {
  checkDType('cast', dtype);
  if (expectTensor('cast', x).dtype === dtype) return x;
  const y = new Tensor(converted(rowMajor(x), dtype), x.shape, dtype);
  return isFloat(dtype) ? record('cast', y, [x, identity]) : y;
}

/** A copy with storage of its own. Gradients flow through it. */
export function clone(x: Tensor): Tensor {
  return record('clone', new Tensor(gathered(expectTensor('clone', x), x.dtype), x.shape, x.dtype), [
    x,
    identity,
  ]);
}
