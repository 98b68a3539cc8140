import fc from 'fast-check';
import {
  arange,
  DataLoader,
  type Dataset,
  Generator,
  manualSeed,
  type Tensor,
  TensorDataset,
  zeros,
} from 'gradlet';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { ones } from '../../src/tensor/index.ts';

const epoch = (loader: DataLoader<[Tensor]>): number[][] => [...loader].map(([x]) => x.toArray() as number[]);
const range = (n: number) => Array.from({ length: n }, (_, i) => i);
const rowsUpTo = (n: number) => new TensorDataset(arange(n));

describe('DataLoader', () => {
  it('gives every row exactly once per epoch', () => {
    const batchSizes = fc.oneof(fc.integer({ min: 1, max: 70 }), fc.constant('all' as const));
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        batchSizes,
        fc.boolean(),
        fc.integer(),
        (rows, batchSize, shuffle, seed) => {
          const loader = new DataLoader(rowsUpTo(rows), { batchSize, shuffle, seed });
          for (let i = 0; i < 3; i++) {
            const batches = epoch(loader);
            expect(batches.length).toBe(loader.length);
            expect(batches.slice(0, -1).every((b) => b.length === loader.batchSize)).toBe(true);
            expect(batches.flat().sort((a, b) => a - b)).toEqual(range(rows));
          }
        },
      ),
    );
  });

  it('leaves out a short last batch when told so', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 70 }), (rows, batchSize) => {
        const batches = epoch(new DataLoader(rowsUpTo(rows), { batchSize, dropLast: true, shuffle: true }));
        expect(batches.map((b) => b.length)).toEqual(new Array(Math.floor(rows / batchSize)).fill(batchSize));
        expect(new Set(batches.flat()).size).toBe(batches.flat().length);
      }),
    );
  });

  it('keeps the order of the dataset without shuffle', () => {
    expect(epoch(new DataLoader(rowsUpTo(5), { batchSize: 2 }))).toEqual([[0, 1], [2, 3], [4]]);
    expect(epoch(new DataLoader(rowsUpTo(3)))).toEqual([[0], [1], [2]]);
    expect(epoch(new DataLoader(rowsUpTo(3), { batchSize: 'all' }))).toEqual([[0, 1, 2]]);
  });

  it('keeps rows of all tensors together', () => {
    const data = new TensorDataset(arange(20).reshape([10, 2]), arange(10));
    for (const [x, y] of new DataLoader(data, { batchSize: 3, shuffle: true })) {
      expectTypeOf(x).toEqualTypeOf<Tensor>();
      expectTypeOf(y).toEqualTypeOf<Tensor>();
      expect(x.slice(null, 0).toArray()).toEqual(y.mul(2).toArray());
    }
  });

  it('has the same epochs for the same seed, each in another order', () => {
    const make = () => new DataLoader(rowsUpTo(30), { batchSize: 7, shuffle: true, seed: 11 });
    const a = make();
    const b = make();
    manualSeed(1);
    const first = epoch(a);
    const second = epoch(a);
    manualSeed(2);
    expect([epoch(b), epoch(b)]).toEqual([first, second]);
    expect(second).not.toEqual(first);
    expect(epoch(new DataLoader(rowsUpTo(30), { batchSize: 7, shuffle: true, seed: 12 }))).not.toEqual(first);
  });

  it('draws a new epoch after one that was broken off', () => {
    const make = () => new DataLoader(rowsUpTo(30), { shuffle: true, seed: 3 });
    const whole = make();
    epoch(whole);
    const broken = make();
    for (const _ of broken) break;
    expect(epoch(broken)).toEqual(epoch(whole));
  });

  it('draws from the generator behind manualSeed without a seed', () => {
    const loader = new DataLoader(rowsUpTo(30), { shuffle: true });
    manualSeed(4);
    const first = epoch(loader);
    expect(epoch(loader)).not.toEqual(first);
    manualSeed(4);
    expect(epoch(loader)).toEqual(first);
    expect(epoch(new DataLoader(rowsUpTo(30), { shuffle: true, generator: new Generator(4) }))).toEqual(
      first,
    );
  });

  it('takes any dataset', () => {
    const texts: Dataset<string> = { length: 3, get: (rows) => Array.from(rows, (i) => 'abc'[i]).join('') };
    expect([...new DataLoader(texts, { batchSize: 2 })]).toEqual(['ab', 'c']);
  });

  it('says what is wrong with its options', () => {
    const data = rowsUpTo(3);
    for (const batchSize of [0, -1, 1.5, Number.NaN, 'full' as never]) {
      expect(() => new DataLoader(data, { batchSize })).toThrow(
        /^DataLoader: batchSize must be a whole number ≥ 1, or 'all', got /,
      );
    }
    expect(() => new DataLoader(new TensorDataset(zeros([0, 2])))).toThrow(
      'DataLoader: the dataset must have rows, got none.',
    );
    expect(() => new DataLoader(data, { batchsize: 2 } as never)).toThrow('Did you mean "batchSize"?');
    expect(() => new DataLoader(data, { seed: 1.5 })).toThrow(
      'DataLoader: seed must be a whole number, got 1.5.',
    );
  });
});

describe('what is no dataset', () => {
  it.each([ones([3]), [1, 2, 3], undefined])('%s is refused with the way out', (dataset) => {
    expect(() => new DataLoader(dataset as never)).toThrow(
      /^DataLoader: the dataset must have length and get\(indices\), got .*\. Wrap tensors: new TensorDataset\(x, y\)\.$/,
    );
  });
});
