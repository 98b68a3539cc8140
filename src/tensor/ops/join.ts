import { promote } from '../../core/dtype.ts';
import { ShapeError, show, ValueError } from '../../core/errors.ts';
import { resolveAxis, sameShape, showShape } from '../../core/shape.ts';
import { copyInto } from '../../kernels/copy.ts';
import { type Derivative, recordAll } from '../graph.ts';
import { empty, expectTensor, type Tensor } from '../tensor.ts';
import { type SliceRange, slice, unsqueeze } from './shape.ts';

/**
 * Joins tensors along an axis they have; all other sizes are equal.
 *
 * @throws {@link ShapeError} when ranks or other sizes differ; {@link ValueError} for an empty list
 * @example
 * ```ts
 * import { concat, ones, zeros } from 'gradlet';
 * concat([zeros([1, 2]), ones([2, 2])]).shape; // → [3,2]
 * ```
 */
export function concat(tensors: readonly Tensor[], axis = 0): Tensor {
  const [first] = expectList('concat', tensors);
  if (!first) throw new ValueError('concat', 'there must be at least one tensor', 'an empty list');
  for (const t of tensors) expectTensor('concat', t, 'every entry');
  const at = resolveAxis('concat', axis, first.ndim);
  let total = 0;
  let dtype = first.dtype;
  for (const t of tensors) {
    if (t.ndim !== first.ndim || !sameShape(t.shape.with(at, 0), first.shape.with(at, 0))) {
      throw new ShapeError(
        'concat',
        `sizes must be equal except along axis ${at}`,
        `${showShape(first.shape)} and ${showShape(t.shape)}`,
      );
    }
    total += t.shape[at]!;
    dtype = promote(dtype, t.dtype);
  }
  const y = empty(first.shape.with(at, total), dtype);
  let start = 0;
  const pairs = tensors.map((t) => {
    const ranges = t.shape.map((n, a): SliceRange => (a === at ? [start, start + n] : null));
    start += t.shape[at]!;
    copyInto(slice(y, ...ranges), t);
    return [t, cutOut(ranges)] as const;
  });
  return recordAll('concat', y, pairs);
}

function expectList(where: string, tensors: readonly Tensor[]): readonly Tensor[] {
  if (Array.isArray(tensors)) return tensors;
  throw new ValueError(
    where,
    'the tensors must come in a list',
    show(tensors),
    `Write ${where}([a, b], axis).`,
  );
}

/** The derivative of concat by one of its inputs. */
function cutOut(ranges: readonly SliceRange[]): Derivative {
  return (g) => slice(g, ...ranges);
}

/**
 * Joins tensors of one shape along a new axis.
 * @throws {@link ShapeError} when shapes differ; {@link ValueError} for an empty list
 */
export function stack(tensors: readonly Tensor[], axis = 0): Tensor {
  const [first] = expectList('stack', tensors);
  if (!first) throw new ValueError('stack', 'there must be at least one tensor', 'an empty list');
  const other = tensors.find((t) => !sameShape(expectTensor('stack', t, 'every entry').shape, first.shape));
  if (other) {
    throw new ShapeError(
      'stack',
      'all shapes must be equal',
      `${showShape(first.shape)} and ${showShape(other.shape)}`,
    );
  }
  const at = resolveAxis('stack', axis, first.ndim + 1);
  return concat(
    tensors.map((t) => unsqueeze(t, at)),
    at,
  );
}
