import { allocate, isFloat } from '../core/dtype.ts';
import { checkKeys, NonFiniteError, ShapeError } from '../core/errors.ts';
import { sameShape, showShape, sizeOf } from '../core/shape.ts';
import { contiguousData, Tensor } from '../tensor/index.ts';
import { rowsOf } from './dataset.ts';

/** Mean and standard deviation of each column. */
export interface ColumnStatistics {
  /** μ of each column. */
  readonly mean: Tensor;
  /** σ of each column, the square root of the mean squared distance from μ; 0 for a constant column. */
  readonly std: Tensor;
}

/** What {@link standardize} gives: the standardized values, and the statistics it used. */
export interface Standardized extends ColumnStatistics {
  /** (x − μ) / σ. */
  readonly values: Tensor;
}

/**
 * Brings every column to mean 0 and standard deviation 1: x̂ = (x − μ) / σ, with μ and σ over the rows.
 *
 * Test data must be scaled with the statistics of the *training* data: give what the first call returned as `statistics`.
 * Otherwise the two are on different scales, and knowledge of the test set leaks into the model. A constant column has σ = 0
 * and is only shifted, so it becomes 0 rather than NaN. Like scikit-learn's `StandardScaler`, σ divides by N, not N − 1.
 *
 * @shape x `[rows, …]`, mean and std `[…]`, values `[rows, …]`
 * @param x - whole numbers become float32
 * @param statistics - those of the training data, when `x` is other data
 * @throws {@link NonFiniteError} for a NaN or an infinity in `x`
 * @throws {@link ShapeError} for an `x` without rows, and for statistics of other columns
 * @example
 * ```ts
 * import { standardize, tensor } from 'gradlet';
 * const train = standardize(tensor([[1, 10], [3, 10]]));
 * train.values; // → tensor([[-1., 0.], [1., 0.]])
 * const test = standardize(tensor([[5, 12]]), train);
 * test.values; // → tensor([[3., 2.]])
 * ```
 */
export function standardize(x: Tensor, statistics?: ColumnStatistics): Standardized {
  rowsOf('standardize', x, 'x');
  const from = finiteValues(x);
  checkKeys('standardize', statistics, ['mean', 'std', 'values']);
  const { mean, std } = statistics ? checked(x, statistics) : columnStatistics(x, from);
  const means = contiguousData(mean);
  const stds = contiguousData(std);
  const dtype = isFloat(x.dtype) ? x.dtype : mean.dtype;
  const values = new Tensor(allocate(dtype, x.size), x.shape, dtype);
  for (let i = 0, j = 0; i < from.length; i++) {
    values.storage[i] = (from[i]! - means[j]!) / (stds[j] || 1);
    if (++j === means.length) j = 0;
  }
  return { values, mean, std };
}

function finiteValues(x: Tensor): ArrayLike<number> {
  const values = contiguousData(x);
  const width = sizeOf(x.shape.slice(1));
  for (let i = 0; i < values.length; i++) {
    if (Number.isFinite(values[i])) continue;
    const place = `row ${Math.floor(i / width)}${width > 1 ? `, column ${i % width}` : ''}`;
    throw new NonFiniteError('standardize', 'every value must be finite', `${values[i]} in ${place}`);
  }
  return values;
}

function checked(x: Tensor, { mean, std }: ColumnStatistics): ColumnStatistics {
  const columns = x.shape.slice(1);
  for (const [name, value] of Object.entries({ mean, std })) {
    if (value instanceof Tensor && sameShape(value.shape, columns)) continue;
    throw new ShapeError(
      'standardize',
      `${name} must have one value per column, shape ${showShape(columns)}`,
      value instanceof Tensor ? `shape ${showShape(value.shape)}` : String(value),
    );
  }
  return { mean, std };
}

/** Two passes in double precision. */
function columnStatistics(x: Tensor, values: ArrayLike<number>): ColumnStatistics {
  const [rows, ...columns] = x.shape as [number, ...number[]];
  if (rows === 0) throw new ShapeError('standardize', 'x must have rows', `shape ${showShape(x.shape)}`);
  const dtype = isFloat(x.dtype) ? x.dtype : 'float32';
  const width = sizeOf(columns);
  const mean = new Tensor(allocate(dtype, width), columns, dtype);
  const std = new Tensor(allocate(dtype, width), columns, dtype);
  for (let j = 0; j < width; j++) {
    let sum = 0;
    let constant = true;
    for (let i = j; i < values.length; i += width) {
      sum += values[i]!;
      constant &&= values[i] === values[j];
    }
    const center = constant ? values[j]! : sum / rows;
    let squares = 0;
    for (let i = j; i < values.length; i += width) squares += (values[i]! - center) ** 2;
    mean.storage[j] = center;
    std.storage[j] = Math.sqrt(squares / rows);
  }
  return { mean, std };
}
