import { describe, expect, it } from 'vitest';
import { concat, type Tensor, tensor, where, zeros } from '../../src/tensor/index.ts';

const int = tensor([3, -2, 0], { dtype: 'int32' });
const bool = tensor([true, false, true]);
const single = tensor([0.5, 1.5, 2.5]);
const double = tensor([0.5, 1.5, 2.5], { dtype: 'float64' });

const dtypes = (row: readonly Tensor[]): string => row.map((t) => t.dtype).join(' ');
const described = (t: Tensor): [unknown, string] => [t.toArray(), t.dtype];

describe('mixed dtypes', () => {
  it('give the wider one, and at least int32 in arithmetic', () => {
    const all = [bool, int, single, double];
    const sums = all.map((a) => dtypes(all.map((b) => a.add(b))));
    expect(sums).toEqual([
      'int32 int32 float32 float64',
      'int32 int32 float32 float64',
      'float32 float32 float32 float64',
      'float64 float64 float64 float64',
    ]);
  });

  it('go by dtype alone: a float64 scalar widens float32, unlike in PyTorch', () => {
    expect(single.add(tensor(1, { dtype: 'float64' })).dtype).toBe('float64');
  });

  it('leave the dtype alone for plain numbers, except that fractions need floats', () => {
    expect(dtypes([bool.add(1), int.add(2), single.add(0.1), double.add(0.1)])).toBe(
      'int32 int32 float32 float64',
    );
    expect(dtypes([bool.add(0.5), int.mul(0.5), int.add(Number.NaN), int.maximum(Infinity)])).toBe(
      'float32 float32 float32 float32',
    );
    expect(described(int.mul(0.5))).toEqual([[1.5, -1, 0], 'float32']);
  });

  it('join to the wider one', () => {
    expect(concat([bool, int]).dtype).toBe('int32');
    expect(concat([bool, bool]).dtype).toBe('bool');
    expect(int.stack([double]).dtype).toBe('float64');
  });
});

describe('bool and int32', () => {
  it('count bools as 0 and 1', () => {
    expect(described(bool.add(bool))).toEqual([[2, 0, 2], 'int32']);
    expect(described(bool.neg())).toEqual([[-1, 0, -1], 'int32']);
    expect(described(bool.mul(single))).toEqual([[0.5, 0, 2.5], 'float32']);
    expect(described(bool.sum())).toEqual([2, 'int32']);
    expect(described(bool.prod())).toEqual([0, 'int32']);
    expect(described(bool.cumsum(0))).toEqual([[1, 1, 2], 'int32']);
    expect(described(bool.max())).toEqual([1, 'bool']);
    expect(described(tensor([[true, true]]).matmul(tensor([true, true])))).toEqual([[2], 'int32']);
  });

  it('divide and average to float32', () => {
    expect(described(int.div(2))).toEqual([[1.5, -1, 0], 'float32']);
    expect(described(int.div(int.add(1)))).toEqual([[0.75, 2, 0], 'float32']);
    expect(described(int.div(0))).toEqual([[Infinity, -Infinity, Number.NaN], 'float32']);
    expect(described(tensor([1, 2], { dtype: 'int32' }).mean())).toEqual([1.5, 'float32']);
    expect(described(bool.mean())).toEqual([Math.fround(2 / 3), 'float32']);
    expect(
      dtypes([int.variance(), int.std(), int.norm(), int.logSumExp(), int.softmax(), int.exp(), int.elu()]),
    ).toBe(Array(7).fill('float32').join(' '));
  });

  it('stay whole where the operation does', () => {
    expect(described(int.abs())).toEqual([[3, 2, 0], 'int32']);
    expect(described(int.sign())).toEqual([[1, -1, 0], 'int32']);
    expect(described(int.square())).toEqual([[9, 4, 0], 'int32']);
    expect(described(int.relu())).toEqual([[3, 0, 0], 'int32']);
    expect(described(int.clamp({ min: -1, max: 1 }))).toEqual([[1, -1, 0], 'int32']);
    expect(described(int.pow(3))).toEqual([[27, -8, 0], 'int32']);
    expect(described(int.maximum(bool))).toEqual([[3, 0, 1], 'int32']);
    expect(described(int.sum())).toEqual([1, 'int32']);
    expect(described(int.argmin())).toEqual([1, 'int32']);
    expect(described(int.matmul(int))).toEqual([13, 'int32']);
  });

  it('wrap around beyond 32 bits, as typed arrays do', () => {
    const top = tensor([2 ** 31 - 1], { dtype: 'int32' });
    expect(top.add(1).item()).toBe(-(2 ** 31));
    expect(concat([top, top]).sum().item()).toBe(-2);
  });

  it('cut off fractions and lose NaN and infinities', () => {
    const odd = tensor([1.9, -1.9, Number.NaN, Infinity, -Infinity], { dtype: 'float64' });
    expect(odd.cast('int32').toArray()).toEqual([1, -1, 0, 0, 0]);
    expect(odd.cast('bool').toArray()).toEqual([1, 1, 1, 1, 1]);
    expect(int.pow(-1).toArray()).toEqual([0, 0, 0]);
  });
});

describe('comparisons', () => {
  it('give bools for every dtype', () => {
    for (const t of [bool, int, single, double]) {
      expect(dtypes([t.eq(1), t.ne(t), t.lt(0.5), t.le(int), t.gt(double), t.ge(bool)])).toBe(
        Array(6).fill('bool').join(' '),
      );
    }
  });

  it('are false with NaN, except for ne', () => {
    const nan = tensor([Number.NaN]);
    const results = [nan.eq(nan), nan.lt(1), nan.le(1), nan.gt(1), nan.ge(1), nan.ne(nan)];
    expect(results.map((t) => t.item())).toEqual([0, 0, 0, 0, 0, 1]);
  });

  it('choose in where', () => {
    expect(described(where(int.gt(0), single, 0))).toEqual([[0.5, 0, 0], 'float32']);
    expect(described(where(int.gt(0), 1, 2))).toEqual([[1, 2, 2], 'int32']);
    expect(described(where(int.gt(0), 1, 0.5))).toEqual([[1, 0.5, 0.5], 'float32']);
    expect(described(int.ge(0).where(int, -1))).toEqual([[3, -1, 0], 'int32']);
  });
});

describe('moving numbers', () => {
  it('keeps the dtype', () => {
    for (const dtype of ['bool', 'int32', 'float32', 'float64'] as const) {
      const t = zeros([2, 2], { dtype });
      const moved = [
        t.reshape([4]),
        t.transpose(),
        t.slice(0),
        t.flip(0),
        t.pad([
          [1, 0],
          [0, 0],
        ]),
        t.unsqueeze(0).expand([3, 2, 2]),
        t.indexSelect(0, [1]),
        t.gather(0, zeros([1, 2], { dtype: 'int32' })),
        t.clone(),
        t.detach(),
        t.max(0),
        ...t.split(1),
      ];
      expect(new Set(moved.map((m) => m.dtype))).toEqual(new Set([dtype]));
    }
  });

  it('cast to the same dtype is the tensor itself', () => {
    expect(single.cast('float32')).toBe(single);
  });
});
