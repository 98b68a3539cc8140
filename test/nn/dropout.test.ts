import { describe, expect, it } from 'vitest';
import { ValueError } from '../../src/core/errors.ts';
import { Generator, manualSeed } from '../../src/core/random.ts';
import * as nn from '../../src/nn/index.ts';
import { contiguousData, ones, tensor } from '../../src/tensor/index.ts';

const meanOf = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((a, b) => a + b, 0) / values.length;

describe('Dropout', () => {
  const n = 20_000;
  const valuesOf = (dropout: nn.Dropout, x = ones([n])): Set<number> =>
    new Set(contiguousData(dropout.forward(x)));

  it('zeroes with probability p while training', () => {
    for (const p of [0.1, 0.5, 0.9]) {
      const y = contiguousData(new nn.Dropout(p, { generator: new Generator(2) }).forward(ones([n])));
      const zeroed = y.filter((v) => v === 0).length / n;
      // five standard deviations
      expect(Math.abs(zeroed - p)).toBeLessThan(5 * Math.sqrt((p * (1 - p)) / n));
    }
  });

  it('scales during training by default, and is the identity in evaluation', () => {
    const dropout = new nn.Dropout(0.2);
    expect(valuesOf(dropout)).toEqual(new Set([0, 1.25]));
    const x = ones([3]);
    expect(dropout.eval().forward(x)).toBe(x);
  });

  it('with scaleAt "eval" leaves training unscaled and multiplies by 1 − p in evaluation', () => {
    const dropout = new nn.Dropout(0.25, { scaleAt: 'eval' });
    expect(valuesOf(dropout)).toEqual(new Set([0, 1]));
    expect(
      dropout
        .eval()
        .forward(tensor([4, 8]))
        .toArray(),
    ).toEqual([3, 6]);
  });

  it('keeps the expected size of signals equal in both modes', () => {
    for (const scaleAt of ['train', 'eval'] as const) {
      const dropout = new nn.Dropout(0.3, { scaleAt, generator: new Generator(4) });
      const training = meanOf(contiguousData(dropout.forward(ones([n]))));
      const evaluation = meanOf(contiguousData(dropout.eval().forward(ones([n]))));
      expect(Math.abs(training - evaluation)).toBeLessThan(0.03);
    }
  });

  it('draws anew for every call, and lets gradients through where it did not zero', () => {
    const dropout = new nn.Dropout(0.5, { generator: new Generator(1) });
    const x = tensor(ones([50]), { requiresGrad: true });
    const y = dropout.forward(x);
    expect(String(dropout.forward(x))).not.toBe(String(y));
    y.sum().backward();
    expect(x.grad!.toArray()).toEqual(y.toArray());
  });

  it('with p = 0 zeroes nothing and with p = 1 everything, in both forms', () => {
    for (const scaleAt of ['train', 'eval'] as const) {
      const none = new nn.Dropout(0, { scaleAt });
      const all = new nn.Dropout(1, { scaleAt });
      expect(valuesOf(none)).toEqual(new Set([1]));
      expect(valuesOf(all)).toEqual(new Set([0]));
      expect(valuesOf(none.eval())).toEqual(new Set([1]));
      expect(valuesOf(all.eval())).toEqual(new Set([scaleAt === 'eval' ? 0 : 1]));
    }
  });

  it('follows manualSeed, and keeps the dtype', () => {
    const draw = (): string => {
      manualSeed(11);
      return String(new nn.Dropout().forward(ones([40], { dtype: 'float64' })));
    };
    expect(draw()).toBe(draw());
    expect(draw()).toContain('dtype=float64');
  });

  it('prints p, and the form when it is not the usual one', () => {
    expect(String(new nn.Dropout(0.1))).toBe('Dropout(p=0.1)');
    expect(String(new nn.Dropout(0.1, { scaleAt: 'eval' }))).toBe("Dropout(p=0.1, scaleAt='eval')");
  });

  it('says what is wrong', () => {
    for (const p of [-0.1, 1.5, Number.NaN]) {
      expect(() => new nn.Dropout(p)).toThrow(
        new ValueError('Dropout', 'p must be a number in [0, 1]', String(p)),
      );
    }
    expect(() => new nn.Dropout(0.5, { scaleAt: 'test' as never })).toThrow(
      new ValueError('Dropout', 'scaleAt must be one of "train", "eval"', '"test"'),
    );
    expect(() => new nn.Dropout().forward(null as never)).toThrow(
      'Dropout: the input must be a tensor, got null',
    );
  });
});
