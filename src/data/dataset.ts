import { allocate, type TypedArray } from '../core/dtype.ts';
import { ShapeError, show, ValueError } from '../core/errors.ts';
import { showShape, sizeOf } from '../core/shape.ts';
import { contiguousData, Tensor } from '../tensor/index.ts';

/**
 * Rows that can be read by number: all that a {@link DataLoader} asks of its data.
 *
 * `Batch` is what several rows together look like, for example `[Tensor, Tensor]`. Write your own for data that is
 * computed, augmented or too large to hold at once.
 *
 * @example
 * ```ts
 * import { DataLoader, type Dataset, tensor, type Tensor } from 'gradlet';
 * // the squares of 0 … 9, computed when asked for
 * const squares: Dataset<[Tensor, Tensor]> = {
 *   length: 10,
 *   get: (rows) => [tensor([...rows]), tensor([...rows].map((i) => i * i))],
 * };
 * const loader = new DataLoader(squares, { batchSize: 3 });
 * [...loader].map(([x, y]) => y.sum().item()); // → [5,50,149,81]
 * ```
 */
export interface Dataset<Batch = readonly Tensor[]> {
  /** The number of rows. */
  readonly length: number;
  /** The rows of these numbers, in this order, as one batch. */
  get(rows: ArrayLike<number> & Iterable<number>): Batch;
}

/**
 * A dataset of tensors whose first axes count the same rows, such as features and labels.
 *
 * A batch holds copies of the rows, one tensor for each tensor given, outside the graph.
 *
 * @shape each tensor `[rows, …]` → each tensor of a batch `[batch, …]`
 * @throws {@link ShapeError} when the tensors differ in their number of rows
 * @throws {@link ValueError} for a row outside `0 … length − 1`
 * @example
 * ```ts
 * import { tensor, TensorDataset } from 'gradlet';
 * const data = new TensorDataset(tensor([[1, 2], [3, 4], [5, 6]]), tensor([0, 1, 0], { dtype: 'int32' }));
 * const [x, y] = data.get([2, 0]);
 * x; // → tensor([[5., 6.], [1., 2.]])
 * y; // → tensor([0, 0], dtype=int32)
 * ```
 */
export class TensorDataset<Tensors extends readonly Tensor[]>
  implements Dataset<{ -readonly [K in keyof Tensors]: Tensor }>
{
  /** The tensors the rows are taken from. */
  readonly tensors: Tensors;
  readonly length: number;

  /** @param tensors - at least one, all with as many rows as the first */
  constructor(...tensors: Tensors) {
    if (tensors.length === 0) {
      throw new ValueError('TensorDataset', 'at least one tensor must be given', 'none');
    }
    const rows = tensors.map((t, i) => rowsOf('TensorDataset', t, `tensor ${i}`));
    if (rows.some((n) => n !== rows[0])) {
      throw new ShapeError(
        'TensorDataset',
        'all tensors must have the same number of rows (their first axis)',
        tensors.map(({ shape }) => showShape(shape)).join(' and '),
      );
    }
    this.tensors = tensors;
    this.length = rows[0]!;
  }

  get(rows: ArrayLike<number>): { -readonly [K in keyof Tensors]: Tensor } {
    checkRows('TensorDataset.get', rows, this.length);
    return this.tensors.map((t) => takeRows(t, rows)) as { -readonly [K in keyof Tensors]: Tensor };
  }

  /** All rows as one batch. */
  all(): { -readonly [K in keyof Tensors]: Tensor } {
    return this.get(Array.from({ length: this.length }, (_, i) => i));
  }
}

/**
 * Some rows of another dataset, in an order of their own.
 *
 * @throws {@link ValueError} for a row that the dataset does not have
 * @example
 * ```ts
 * import { arange, Subset, TensorDataset } from 'gradlet';
 * const everySecond = new Subset(new TensorDataset(arange(6)), [0, 2, 4]);
 * const [x] = everySecond.get([1, 2]);
 * x; // → tensor([2., 4.])
 * ```
 */
export class Subset<Batch> implements Dataset<Batch> {
  /** Where the rows come from. */
  readonly dataset: Dataset<Batch>;
  /** The rows' numbers in that dataset. */
  readonly rows: Int32Array;

  /**
   * @param dataset - where the rows come from
   * @param rows - their numbers in that dataset
   */
  constructor(dataset: Dataset<Batch>, rows: ArrayLike<number>) {
    checkRows('Subset', rows, dataset.length);
    this.dataset = dataset;
    this.rows = Int32Array.from(rows);
  }

  get length(): number {
    return this.rows.length;
  }

  get(rows: ArrayLike<number>): Batch {
    checkRows('Subset.get', rows, this.length);
    return this.dataset.get(Int32Array.from(rows, (i) => this.rows[i]!));
  }

  /** All rows as one batch. */
  all(): Batch {
    return this.dataset.get(this.rows);
  }
}

/** The size of a tensor's first axis. */
export function rowsOf(where: string, x: unknown, name: string): number {
  if (!(x instanceof Tensor)) {
    throw new ValueError(
      where,
      `${name} must be a tensor`,
      show(x),
      'Wrap numbers and arrays with tensor(…).',
    );
  }
  if (x.ndim === 0)
    throw new ShapeError(where, `${name} must have a first axis that counts its rows`, 'a scalar');
  return x.shape[0]!;
}

function checkRows(where: string, rows: ArrayLike<number>, length: number): void {
  for (let k = 0; k < rows.length; k++) {
    const i = rows[k]!;
    if (!Number.isInteger(i) || i < 0 || i >= length) {
      throw new ValueError(where, `rows must be whole numbers in 0 … ${length - 1}`, show(i));
    }
  }
}

/** From this width on, one block copy per row is faster than a loop over its elements. */
const BLOCK = 32;

function takeRows(x: Tensor, rows: ArrayLike<number>): Tensor {
  const rowShape = x.shape.slice(1);
  const width = sizeOf(rowShape);
  const from: TypedArray = contiguousData(x);
  const to = allocate(x.dtype, rows.length * width);
  for (let k = 0; k < rows.length; k++) {
    const start = rows[k]! * width;
    if (width >= BLOCK) to.set(from.subarray(start, start + width), k * width);
    else for (let j = 0; j < width; j++) to[k * width + j] = from[start + j]!;
  }
  return new Tensor(to, [rows.length, ...rowShape], x.dtype);
}
