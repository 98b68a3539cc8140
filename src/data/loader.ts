import { checkKeys, show, ValueError } from '../core/errors.ts';
import type { Generator } from '../core/random.ts';
import type { Dataset } from './dataset.ts';
import { generatorFrom, type ShuffleSource } from './generator.ts';

/** What {@link DataLoader} takes besides the data. */
export interface DataLoaderOptions extends ShuffleSource {
  /** Rows per batch, or `'all'` for the whole dataset in one. Default 1. */
  readonly batchSize?: number | 'all' | undefined;
  /** Whether each epoch has a new random order. Default false: the order of the dataset. */
  readonly shuffle?: boolean | undefined;
  /** Whether to leave out a last batch with fewer rows. Default false. */
  readonly dropLast?: boolean | undefined;
}

/**
 * Gives a dataset in batches; each `for … of` over it is one epoch.
 *
 * `batchSize` decides which gradient descent it is, for N rows and their losses ℓᵢ:
 *
 * - `'all'`: *batch* gradient descent, one step per epoch along ∇ (1/N) Σᵢ ℓᵢ;
 * - `1`: *stochastic* gradient descent, N steps per epoch along the gradient ∇ ℓᵢ of one row;
 * - `n`: *mini-batch* gradient descent, ⌈N / n⌉ steps per epoch along the mean gradient of n rows.
 *
 * With `shuffle` every epoch has another order. A loader with a `seed` draws from a generator of its own: two loaders with
 * the same seed give the same batches, epoch after epoch. Without one the order comes from the generator behind
 * {@link manualSeed}. The last batch may have fewer rows than the others; `dropLast` leaves it out, which spares
 * {@link nn.BatchNorm} a batch of a single row.
 *
 * @throws {@link ValueError} when `batchSize` is neither `'all'` nor a whole number ≥ 1, or the dataset is empty
 * @example All three, on five rows
 * ```ts
 * import { arange, DataLoader, TensorDataset } from 'gradlet';
 * const data = new TensorDataset(arange(5), arange(5).square());
 * const sizes = (batchSize: number | 'all') => [...new DataLoader(data, { batchSize })].map(([x]) => x.size);
 * sizes('all'); // → [5]
 * sizes(1); // → [1,1,1,1,1]
 * sizes(2); // → [2,2,1]
 * ```
 * @example Two epochs
 * ```ts
 * import { arange, DataLoader, TensorDataset } from 'gradlet';
 * const data = new TensorDataset(arange(150), arange(150).square());
 * const loader = new DataLoader(data, { batchSize: 32, shuffle: true, seed: 0 });
 * let seen = 0;
 * for (let epoch = 0; epoch < 2; epoch++) {
 *   for (const [x, y] of loader) seen += y.sub(x.square()).eq(0).sum().item();
 * }
 * seen; // → 300
 * loader.length; // → 5
 * ```
 */
export class DataLoader<Batch> implements Iterable<Batch> {
  /** Where the rows come from. */
  readonly dataset: Dataset<Batch>;
  /** Rows per batch. */
  readonly batchSize: number;
  /** Whether each epoch has a new random order. */
  readonly shuffle: boolean;
  /** Whether a last batch with fewer rows is left out. */
  readonly dropLast: boolean;
  readonly #generator: Generator;

  /**
   * @param dataset - where the rows come from
   * @param options - batch size, order and seed
   */
  constructor(dataset: Dataset<Batch>, options: DataLoaderOptions = {}) {
    checkKeys('DataLoader', options, ['batchSize', 'shuffle', 'dropLast', 'seed', 'generator']);
    const { batchSize = 1, shuffle = false, dropLast = false } = options;
    if (typeof dataset?.get !== 'function' || typeof dataset.length !== 'number') {
      throw new ValueError(
        'DataLoader',
        'the dataset must have length and get(indices)',
        show(dataset),
        'Wrap tensors: new TensorDataset(x, y).',
      );
    }
    if (dataset.length === 0) throw new ValueError('DataLoader', 'the dataset must have rows', 'none');
    if (batchSize !== 'all' && !(Number.isInteger(batchSize) && batchSize >= 1)) {
      throw new ValueError('DataLoader', "batchSize must be a whole number ≥ 1, or 'all'", show(batchSize));
    }
    this.dataset = dataset;
    this.batchSize = batchSize === 'all' ? dataset.length : batchSize;
    this.shuffle = shuffle;
    this.dropLast = dropLast;
    this.#generator = generatorFrom('DataLoader', options);
  }

  /** The number of batches in an epoch. */
  get length(): number {
    const batches = this.dataset.length / this.batchSize;
    return this.dropLast ? Math.floor(batches) : Math.ceil(batches);
  }

  /** One epoch. */
  *[Symbol.iterator](): IterableIterator<Batch, undefined> {
    const total = this.dataset.length;
    const order = this.shuffle
      ? this.#generator.permutation(total)
      : Int32Array.from({ length: total }, (_, i) => i);
    for (let batch = 0; batch < this.length; batch++) {
      yield this.dataset.get(order.subarray(batch * this.batchSize, (batch + 1) * this.batchSize));
    }
  }
}
