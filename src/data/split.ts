import { checkKeys, show, ValueError } from '../core/errors.ts';
import { type Dataset, Subset } from './dataset.ts';
import { generatorFrom, type ShuffleSource } from './generator.ts';

/**
 * Splits a dataset into parts that share no row, at random.
 *
 * Parts are fractions when they add up to 1, otherwise numbers of rows that add up to the dataset's length. Rows left over
 * by rounding fractions down go one each to the first parts.
 *
 * @param dataset - what to split
 * @param parts - fractions such as `[0.8, 0.2]`, or numbers of rows such as `[120, 30]`
 * @param options - where the order comes from
 * @returns one {@link Subset} per part
 * @throws {@link ValueError} when the parts add up to something else, or one is negative
 * @example
 * ```ts
 * import { arange, randomSplit, TensorDataset } from 'gradlet';
 * const [train, test] = randomSplit(new TensorDataset(arange(150)), [0.8, 0.2], { seed: 1 });
 * [train.length, test.length]; // → [120,30]
 * ```
 */
export function randomSplit<Batch, const Parts extends readonly number[]>(
  dataset: Dataset<Batch>,
  parts: Parts,
  options: ShuffleSource = {},
): { -readonly [K in keyof Parts]: Subset<Batch> } {
  checkKeys('randomSplit', options, ['seed', 'generator']);
  const lengths = lengthsOf(dataset.length, parts);
  const order = generatorFrom('randomSplit', options).permutation(dataset.length);
  let start = 0;
  const subsets = lengths.map((n) => {
    start += n;
    return new Subset(dataset, order.subarray(start - n, start));
  });
  return subsets as { -readonly [K in keyof Parts]: Subset<Batch> };
}

function lengthsOf(total: number, parts: readonly number[]): number[] {
  if (parts.some((part) => !(part >= 0))) {
    throw new ValueError('randomSplit', 'every part must be a number ≥ 0', show(parts));
  }
  const sum = parts.reduce((a, b) => a + b, 0);
  if (Math.abs(sum - 1) < 1e-9) {
    // 0.29 · 100 is 28.999999999999996 and means 29
    const lengths = parts.map((part) => Math.floor(part * total + 1e-9));
    const left = total - lengths.reduce((a, b) => a + b, 0);
    return lengths.map((n, i) => n + (i < left ? 1 : 0));
  }
  if (sum !== total || !parts.every(Number.isInteger)) {
    throw new ValueError(
      'randomSplit',
      `parts must be fractions that add up to 1, or numbers of rows that add up to ${total}`,
      `${show(parts)}, which add up to ${Number(sum.toPrecision(12))}`,
    );
  }
  return [...parts];
}
