import { describe, expect, it } from 'vitest';
import { ShapeError, ValueError } from '../../src/core/errors.ts';
import * as nn from '../../src/nn/index.ts';
import { contiguousData, noGrad, ones, randn, tensor } from '../../src/tensor/index.ts';
import { expectClose } from '../support/close.ts';

const sum = (values: ArrayLike<number>): number => Array.from(values).reduce((a, b) => a + b, 0);
const meanOf = (values: ArrayLike<number>): number => sum(values) / values.length;
const varianceOf = (values: ArrayLike<number>, correction = 0): number => {
  const mean = meanOf(values);
  return sum(Array.from(values, (x) => (x - mean) ** 2)) / (values.length - correction);
};

describe('BatchNorm', () => {
  const batches = [
    [[1], [2], [6]],
    [[-1], [0], [4]],
    [[10], [20], [60]],
  ];
  const columns = batches.map((batch) => batch.map(([x]) => x!));

  it('normalizes with the biased variance of the batch while training', () => {
    const norm = new nn.BatchNorm(1, { dtype: 'float64' });
    const [first] = columns;
    const y = norm.forward(tensor(batches[0]!, { dtype: 'float64' }));
    const wanted = first!.map((x) => [(x - meanOf(first!)) / Math.sqrt(varianceOf(first!) + 1e-5)]);
    expectClose(y, wanted);
  });

  it('accumulates the unbiased variance; momentum weighs the new batch', () => {
    const norm = new nn.BatchNorm(1, { dtype: 'float64', momentum: 0.2 });
    let mean = 0;
    let variance = 1;
    for (const [i, batch] of batches.entries()) {
      norm.forward(tensor(batch, { dtype: 'float64' }));
      mean = 0.8 * mean + 0.2 * meanOf(columns[i]!);
      variance = 0.8 * variance + 0.2 * varianceOf(columns[i]!, 1);
    }
    expectClose(norm.runningMean!, [mean]);
    expectClose(norm.runningVar!, [variance]);
    expect(norm.numBatchesTracked!.item()).toBe(3);
  });

  it('with momentum null accumulates the plain average, (1/T) Σ', () => {
    const norm = new nn.BatchNorm(1, { dtype: 'float64', momentum: null });
    for (const batch of batches) norm.forward(tensor(batch, { dtype: 'float64' }));
    expectClose(norm.runningMean!, [meanOf(columns.map(meanOf))]);
    expectClose(norm.runningVar!, [meanOf(columns.map((c) => varianceOf(c, 1)))]);
  });

  it('uses the accumulated statistics in evaluation, and leaves them alone', () => {
    const norm = new nn.BatchNorm(1);
    norm.forward(tensor(batches[0]!));
    norm.eval();
    const before = String(Object.values(norm.stateDict()));
    const alone = norm.forward(tensor([[3]])).item();
    const together = norm.forward(tensor([[3], [100], [-5]])).toArray() as number[][];
    expect(together[0]![0]).toBe(alone);
    expect(String(Object.values(norm.stateDict()))).toBe(before);
  });

  it('gives other results for other batches when eval() is forgotten', () => {
    const norm = new nn.BatchNorm(1);
    const [a, b] = [
      [[3], [100]],
      [[3], [4]],
    ].map((batch) => (norm.forward(tensor(batch)).toArray() as number[][])[0]);
    expect(a).not.toEqual(b);
  });

  it('keeps no history in its statistics, inside noGrad or outside', () => {
    const norm = new nn.BatchNorm(2);
    const x = randn([4, 2], { requiresGrad: true });
    const y = norm.forward(x);
    expect([norm.runningMean!.requiresGrad, norm.runningMean!.isLeaf]).toEqual([false, true]);
    // the statistics have moved on before backward, which does not need them
    norm.forward(x);
    y.square().sum().backward();
    expect(x.grad).not.toBeNull();
    noGrad(() => norm.forward(x));
    expect(norm.numBatchesTracked!.item()).toBe(3);
  });

  it('without trackRunningStats uses the batch in both modes, and has no state', () => {
    const norm = new nn.BatchNorm(1, { trackRunningStats: false, affine: false });
    expect(Object.keys(norm.stateDict())).toEqual([]);
    const x = tensor(batches[0]!);
    expect(norm.forward(x).toArray()).toEqual(norm.eval().forward(x).toArray());
  });

  it('turns a channel without spread into zeros', () => {
    const y = new nn.BatchNorm(1).forward(tensor([[5], [5], [5]]));
    expectClose(y, [[0], [0], [0]]);
  });

  it('survives large numbers', () => {
    const y = new nn.BatchNorm(1).forward(tensor([[1e15], [-1e15]]));
    expectClose(y, [[1], [-1]], { rtol: 1e-5 });
  });

  it('says what is wrong', () => {
    expect(() => new nn.BatchNorm(3).forward(ones([3]))).toThrow(
      new ShapeError('BatchNorm', 'the input must have a batch axis and a channel axis', 'shape [3]'),
    );
    expect(() => new nn.BatchNorm(3).forward(ones([2, 4, 3]))).toThrow(
      new ShapeError('BatchNorm', 'the input must have 3 features along axis 1', 'shape [2, 4, 3]'),
    );
    const single = new ValueError(
      'BatchNorm',
      'statistics of a batch need more than one value per channel',
      'shape [1, 3]',
      'Call eval() first, or use larger batches: DataLoader can drop a last one that is too small.',
    );
    const norm = new nn.BatchNorm(3);
    expect(() => norm.forward(ones([1, 3]))).toThrow(single);
    expect(norm.numBatchesTracked!.item()).toBe(0);
    expect(norm.eval().forward(ones([1, 3])).shape).toEqual([1, 3]);
    expect(() => new nn.BatchNorm(3, { trackRunningStats: false }).eval().forward(ones([1, 3]))).toThrow(
      single,
    );
    expect(new nn.BatchNorm(3).forward(ones([1, 3, 2])).shape).toEqual([1, 3, 2]);
    expect(() => new nn.BatchNorm(-1)).toThrow(
      new ValueError('BatchNorm', 'numFeatures must be a whole number ≥ 1', '-1'),
    );
    expect(() => new nn.BatchNorm(1, { momentum: 2 })).toThrow(
      new ValueError('BatchNorm', 'momentum must be a number in [0, 1]', '2'),
    );
    expect(() => new nn.BatchNorm(1, { eps: Number.NaN })).toThrow(
      new ValueError('BatchNorm', 'eps must be a number ≥ 0', 'NaN'),
    );
  });

  it('as BatchNorm1d checks the rank', () => {
    const error = (shape: string): ShapeError =>
      new ShapeError(
        'BatchNorm1d',
        'the input must have 2 or 3 axes',
        `shape ${shape}`,
        'BatchNorm takes any.',
      );
    expect(() => new nn.BatchNorm1d(2).forward(ones([2]))).toThrow(error('[2]'));
    expect(() => new nn.BatchNorm1d(2).forward(ones([2, 2, 2, 2]))).toThrow(error('[2, 2, 2, 2]'));
    expect(new nn.BatchNorm(2).forward(ones([2, 2, 2, 2])).shape).toEqual([2, 2, 2, 2]);
  });
});

describe('LayerNorm', () => {
  it('treats each sample by itself, the same in both modes', () => {
    const norm = new nn.LayerNorm(3);
    const rows = [
      [1, 2, 4],
      [-3, 0, 9],
    ];
    const together = norm.forward(tensor(rows)).toArray() as number[][];
    expect(rows.map((row) => norm.forward(tensor(row)).toArray())).toEqual(together);
    expect(norm.eval().forward(tensor(rows)).toArray()).toEqual(together);
    expect(norm.buffers()).toEqual([]);
  });

  it('has its ε: features without spread become zeros, not NaN', () => {
    const x = tensor(
      [
        [7, 7, 7],
        [0, 0, 0],
      ],
      { requiresGrad: true },
    );
    const y = new nn.LayerNorm(3).forward(x);
    expectClose(y, [
      [0, 0, 0],
      [0, 0, 0],
    ]);
    y.square().sum().backward();
    expect(contiguousData(x.grad!).every(Number.isFinite)).toBe(true);
  });

  it('does not overflow', () => {
    const y = new nn.LayerNorm(2).forward(
      tensor([
        [1000, -1000],
        [1e15, -1e15],
      ]),
    );
    expectClose(
      y,
      [
        [1, -1],
        [1, -1],
      ],
      { rtol: 1e-5 },
    );
  });

  it('keeps small differences of large numbers', () => {
    const norm = new nn.LayerNorm(3, { dtype: 'float64', eps: 0 });
    expectClose(norm.forward(tensor([1e6 - 1, 1e6, 1e6 + 1], { dtype: 'float64' })), [
      -Math.sqrt(1.5),
      0,
      Math.sqrt(1.5),
    ]);
  });

  it('says what is wrong', () => {
    expect(() => new nn.LayerNorm([2, 3]).forward(ones([3, 2]))).toThrow(
      new ShapeError('LayerNorm', 'the last axes of the input must be [2, 3]', 'shape [3, 2]'),
    );
    expect(() => new nn.LayerNorm([2, 3]).forward(ones([3]))).toThrow(ShapeError);
    expect(() => new nn.LayerNorm([])).toThrow(
      new ValueError('LayerNorm', 'normalizedShape must name at least one size', '[]'),
    );
    expect(() => new nn.LayerNorm([2, 0])).toThrow(
      new ValueError('LayerNorm', 'every size in normalizedShape must be a whole number ≥ 1', '0'),
    );
    expect(() => new nn.LayerNorm(2, { eps: -1 })).toThrow(
      new ValueError('LayerNorm', 'eps must be a number ≥ 0', '-1'),
    );
  });
});
