import fc from 'fast-check';
import {
  arange,
  Generator,
  manualSeed,
  NonFiniteError,
  randn,
  randomSplit,
  ShapeError,
  Subset,
  standardize,
  TensorDataset,
  tensor,
  ValueError,
  zeros,
} from 'gradlet';
import { describe, expect, it } from 'vitest';

describe('TensorDataset', () => {
  it('gives rows of every tensor in the order asked for', () => {
    const data = new TensorDataset(arange(24).reshape([4, 3, 2]), tensor([1, 0, 1, 1], { dtype: 'bool' }));
    const [x, y] = data.get([3, 1, 1]);
    expect(x.toArray()).toEqual(arange(24).reshape([4, 3, 2]).indexSelect(0, [3, 1, 1]).toArray());
    expect([y.toArray(), y.dtype]).toEqual([[1, 0, 0], 'bool']);
    expect(data.length).toBe(4);
  });

  it('gives the same rows for narrow, wide and strided tensors', () => {
    for (const width of [1, 31, 32, 100]) {
      const x = randn([width, 5], { dtype: 'float64' }).transpose();
      const [rows] = new TensorDataset(x).get([4, 0]);
      expect(rows.toArray()).toEqual([x.slice(4).toArray(), x.slice(0).toArray()]);
    }
  });

  it('gives copies outside the graph', () => {
    const x = zeros([2, 2], { requiresGrad: true });
    const [rows] = new TensorDataset(x).get([0]);
    expect(rows.requiresGrad).toBe(false);
    rows.data.set(0, 0, 5);
    expect(x.toArray()).toEqual([
      [0, 0],
      [0, 0],
    ]);
  });

  it('gives no rows for none', () => {
    const [x] = new TensorDataset(zeros([2, 3])).get([]);
    expect(x.shape).toEqual([0, 3]);
  });

  it('says what does not fit', () => {
    expect(() => new TensorDataset()).toThrow('TensorDataset: at least one tensor must be given, got none.');
    expect(() => new TensorDataset(zeros([3, 1]), zeros([2]))).toThrow(
      'TensorDataset: all tensors must have the same number of rows (their first axis), got [3, 1] and [2].',
    );
    expect(() => new TensorDataset(zeros([3, 1]), zeros([2]))).toThrow(ShapeError);
    expect(() => new TensorDataset(zeros([3]), tensor(1))).toThrow(
      'TensorDataset: tensor 1 must have a first axis that counts its rows, got a scalar.',
    );
    expect(() => new TensorDataset([1, 2] as never)).toThrow(
      'TensorDataset: tensor 0 must be a tensor, got [1, 2]. Wrap numbers and arrays with tensor(…).',
    );
    for (const row of [3, -1, 0.5, Number.NaN]) {
      expect(() => new TensorDataset(zeros([3])).get([0, row])).toThrow(
        `TensorDataset.get: rows must be whole numbers in 0 … 2, got ${row}.`,
      );
    }
  });
});

describe('Subset and randomSplit', () => {
  const data = new TensorDataset(arange(10));

  it('reads the rows of another dataset in its own order', () => {
    const inner = new Subset(data, [9, 7, 5]);
    const [x] = new Subset(inner, [2, 0]).get([1, 0]);
    expect(x.toArray()).toEqual([9, 5]);
  });

  it('gives all rows as one batch', () => {
    const [x] = data.all();
    expect(x.toArray()).toEqual(arange(10).toArray());
    const [y] = new Subset(data, [9, 2]).all();
    expect(y.toArray()).toEqual([9, 2]);
  });

  it('says which row does not exist', () => {
    expect(() => new Subset(data, [10])).toThrow('Subset: rows must be whole numbers in 0 … 9, got 10.');
    expect(() => new Subset(data, [1]).get([1])).toThrow(
      'Subset.get: rows must be whole numbers in 0 … 0, got 1.',
    );
  });

  it('puts every row into exactly one part', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { minLength: 1 }), fc.integer(), (lengths, seed) => {
        const total = lengths.reduce((a, b) => a + b, 0);
        fc.pre(total > 1);
        const parts = randomSplit(new TensorDataset(arange(total)), lengths, { seed });
        expect(parts.map((part) => part.length)).toEqual(lengths);
        const rows = parts.flatMap((part) => [...part.rows]).sort((a, b) => a - b);
        expect(rows).toEqual(Array.from({ length: total }, (_, i) => i));
      }),
    );
  });

  it('rounds fractions down and gives the first parts what is left', () => {
    const lengths = (total: number, ...parts: number[]) =>
      randomSplit(new TensorDataset(zeros([total])), parts).map((part) => part.length);
    expect(lengths(1797, 0.8, 0.2)).toEqual([1438, 359]);
    expect(lengths(100, 0.29, 0.71)).toEqual([29, 71]);
    expect(lengths(10, 1 / 3, 1 / 3, 1 / 3)).toEqual([4, 3, 3]);
    expect(lengths(4, 1)).toEqual([4]);
  });

  it('depends on the seed alone, or on the generator', () => {
    const rows = (options: object) => [...randomSplit(data, [5, 5], options)[0].rows];
    expect(rows({ seed: 3 })).toEqual(rows({ seed: 3 }));
    expect(rows({ seed: 3 })).toEqual(rows({ generator: new Generator(3) }));
    expect(rows({ seed: 3 })).not.toEqual(rows({ seed: 4 }));
    manualSeed(5);
    const first = rows({});
    expect(rows({})).not.toEqual(first);
    manualSeed(5);
    expect(rows({})).toEqual(first);
  });

  it('says what parts do not add up', () => {
    const mustHold =
      'randomSplit: parts must be fractions that add up to 1, or numbers of rows that add up to 10';
    expect(() => randomSplit(data, [5, 4])).toThrow(`${mustHold}, got [5, 4], which add up to 9.`);
    expect(() => randomSplit(data, [0.8, 0.1])).toThrow(`${mustHold}, got [0.8, 0.1], which add up to 0.9.`);
    expect(() => randomSplit(data, [9.5, 0.5])).toThrow(mustHold);
    expect(() => randomSplit(data, [11, -1])).toThrow(
      'randomSplit: every part must be a number ≥ 0, got [11, -1].',
    );
    expect(() => randomSplit(data, [Number.NaN])).toThrow(
      'randomSplit: every part must be a number ≥ 0, got [NaN].',
    );
  });

  it('says what is wrong with its options', () => {
    expect(() => randomSplit(data, [1], { sead: 1 } as never)).toThrow('Did you mean "seed"?');
    expect(() => randomSplit(data, [1], { seed: 0.5 })).toThrow(
      'randomSplit: seed must be a whole number, got 0.5.',
    );
    expect(() => randomSplit(data, [1], { seed: 1, generator: new Generator(1) })).toThrow(
      'randomSplit: seed and generator must not both be given, got both. Leave one out.',
    );
  });
});

describe('standardize', () => {
  it('brings columns to mean 0 and standard deviation 1', () => {
    const { values, mean, std } = standardize(randn([50, 3], { dtype: 'float64' }).mul(4).add(7));
    expect(mean.shape).toEqual([3]);
    for (let j = 0; j < 3; j++) {
      const column = values.slice(null, j);
      expect(Math.abs(column.mean().item())).toBeLessThan(1e-12);
      expect(Math.abs(column.square().mean().item() - 1)).toBeLessThan(1e-12);
    }
    expect(std.toArray()).not.toContain(1);
  });

  it('scales other data with the statistics of the first', () => {
    const train = standardize(
      tensor(
        [
          [0, 2],
          [4, 4],
        ],
        { dtype: 'int32' },
      ),
    );
    expect([train.mean.toArray(), train.std.toArray(), train.values.dtype]).toEqual([
      [2, 3],
      [2, 1],
      'float32',
    ]);
    expect(standardize(tensor([[6, 0]]), train).values.toArray()).toEqual([[2, -3]]);
    const { mean, std } = train;
    expect(standardize(tensor([[6, 0]], { dtype: 'float64' }), { mean, std }).values.dtype).toBe('float64');
  });

  it('shifts constant columns and no more', () => {
    for (const dtype of ['float32', 'float64'] as const) {
      const x = tensor(
        Array.from({ length: 7 }, (_, i) => [0.1, i]),
        { dtype },
      );
      const train = standardize(x);
      expect(train.std.slice(0).item()).toBe(0);
      expect(train.values.slice(null, 0).abs().max().item()).toBe(0);
      const shifted = standardize(x.add(1), train).values.slice(null, 0);
      expect(shifted.toArray()).toEqual(new Array(7).fill(expect.closeTo(1, 6)));
    }
  });

  it('takes a single column, and axes beyond the second', () => {
    expect(standardize(tensor([1, 3])).values.toArray()).toEqual([-1, 1]);
    expect(standardize(randn([4, 2, 3])).mean.shape).toEqual([2, 3]);
  });

  it('says what does not fit', () => {
    expect(() =>
      standardize(
        tensor([
          [1, 2],
          [3, Number.NaN],
        ]),
      ),
    ).toThrow('standardize: every value must be finite, got NaN in row 1, column 1.');
    expect(() => standardize(tensor([1, -Infinity]))).toThrow('got -Infinity in row 1.');
    expect(() => standardize(tensor([1, -Infinity]))).toThrow(NonFiniteError);
    expect(() => standardize(zeros([0, 2]))).toThrow('standardize: x must have rows, got shape [0, 2].');
    expect(() => standardize(zeros([3, 2]), standardize(zeros([2, 3])))).toThrow(
      'standardize: mean must have one value per column, shape [2], got shape [3].',
    );
    expect(() => standardize(zeros([3, 2]), { mean: zeros([2]), std: 1 } as never)).toThrow(
      'standardize: std must have one value per column, shape [2], got 1.',
    );
    expect(() => standardize(zeros([3, 2]), { sigma: 1 } as never)).toThrow(ValueError);
    expect(() => standardize(tensor(1))).toThrow(
      'standardize: x must have a first axis that counts its rows, got a scalar.',
    );
  });
});
