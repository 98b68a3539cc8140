import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { arange, ones, type Tensor, tensor, zeros } from '../../src/tensor/index.ts';

const lines = (...text: string[]): string => text.join('\n');

describe('toString', () => {
  it.each<[Tensor, string]>([
    [tensor([1, 2, 3]), 'tensor([1., 2., 3.])'],
    [
      tensor([
        [1, 2],
        [3, 4.5],
      ]),
      'tensor([[1.0, 2.0], [3.0, 4.5]])',
    ],
    [tensor([0.1, 0.25, 1 / 3]), 'tensor([0.1000, 0.2500, 0.3333])'],
    [tensor([0.1, 0.2, 0.3]), 'tensor([0.1, 0.2, 0.3])'],
    [tensor(3.5), 'tensor(3.5)'],
    [tensor(7), 'tensor(7.)'],
    [tensor([-0, 1]), 'tensor([-0., 1.])'],
    [tensor([1e-5, 1]), 'tensor([1.0000e-5, 1.0000e+0])'],
    [tensor([1e9, 1]), 'tensor([1.0000e+9, 1.0000e+0])'],
    [tensor([1e-8, 1e8]), 'tensor([1.0000e-8, 1.0000e+8])'],
    [tensor([Number.NaN, Infinity, -Infinity, 1]), 'tensor([nan, inf, -inf, 1.])'],
    [tensor([Number.NaN, Number.NaN]), 'tensor([nan, nan])'],
    [tensor([Infinity, 0.5]), 'tensor([inf, 0.5])'],
    [zeros([0]), 'tensor([])'],
    [zeros([0, 3]), 'tensor([], shape=[0, 3])'],
    [zeros([2, 0], { dtype: 'int32' }), 'tensor([], shape=[2, 0], dtype=int32)'],
    [tensor([true, false]), 'tensor([true, false], dtype=bool)'],
    [tensor([1, -20, 300], { dtype: 'int32' }), 'tensor([1, -20, 300], dtype=int32)'],
    [tensor([99999999], { dtype: 'float64' }), 'tensor([99999999.], dtype=float64)'],
    [tensor(1, { requiresGrad: true }), 'tensor(1., requiresGrad=true)'],
    [
      tensor([1, 2], { dtype: 'float64', requiresGrad: true }),
      'tensor([1., 2.], dtype=float64, requiresGrad=true)',
    ],
    [tensor([1, 2], { requiresGrad: true }).mul(2), 'tensor([2., 4.], requiresGrad=true)'],
    [zeros([2, 2, 2]), 'tensor([[[0., 0.], [0., 0.]], [[0., 0.], [0., 0.]]])'],
    [arange(6).reshape([2, 3]).transpose(), 'tensor([[0., 3.], [1., 4.], [2., 5.]])'],
  ])('%s', (t, text) => {
    expect(t.toString()).toBe(text);
    expect(`${t}`).toBe(text);
  });

  it('lines up the columns of what does not fit on one line', () => {
    expect(arange(12).reshape([3, 4]).mul(100.25).toString()).toBe(
      lines(
        'tensor([[   0.00,  100.25,  200.50,  300.75],',
        '        [ 401.00,  501.25,  601.50,  701.75],',
        '        [ 802.00,  902.25, 1002.50, 1102.75]])',
      ),
    );
  });

  it('breaks long rows, as PyTorch', () => {
    expect(arange(40).toString()).toBe(
      lines(
        'tensor([ 0.,  1.,  2.,  3.,  4.,  5.,  6.,  7.,  8.,  9., 10., 11., 12., 13.,',
        '        14., 15., 16., 17., 18., 19., 20., 21., 22., 23., 24., 25., 26., 27.,',
        '        28., 29., 30., 31., 32., 33., 34., 35., 36., 37., 38., 39.])',
      ),
    );
  });

  it('puts empty lines between matrices, as NumPy', () => {
    const text = ones([2, 3, 6], { dtype: 'float64' }).toString();
    expect(text).toBe(
      lines(
        'tensor([[[1., 1., 1., 1., 1., 1.],',
        '         [1., 1., 1., 1., 1., 1.],',
        '         [1., 1., 1., 1., 1., 1.]],',
        '',
        '        [[1., 1., 1., 1., 1., 1.],',
        '         [1., 1., 1., 1., 1., 1.],',
        '         [1., 1., 1., 1., 1., 1.]]], dtype=float64)',
      ),
    );
  });

  it('shows only the ends of axes of more than 1000 elements', () => {
    expect(arange(1000).toString()).toContain('500.');
    expect(arange(2000).toString()).toBe('tensor([0., 1., 2., ..., 1997., 1998., 1999.])');
    expect(arange(2000).reshape([2, 1000]).div(4).toString()).toBe(
      lines(
        'tensor([[  0.00,   0.25,   0.50, ..., 249.25, 249.50, 249.75],',
        '        [250.00, 250.25, 250.50, ..., 499.25, 499.50, 499.75]])',
      ),
    );
    expect(arange(2000).reshape([10, 10, 20]).toString().split('\n').length).toBe(6 * 7 + 5 + 1 + 1);
  });

  it('is what Node shows', () => {
    expect(inspect(tensor([1, 2]))).toBe('tensor([1., 2.])');
    expect(inspect({ loss: tensor(0.5) })).toBe('{ loss: tensor(0.5) }');
  });
});

describe('toArray, item and data', () => {
  it('give plain numbers in nested arrays', () => {
    expect(
      tensor([
        [1, 2],
        [3, 4],
      ])
        .transpose()
        .toArray(),
    ).toEqual([
      [1, 3],
      [2, 4],
    ]);
    expect(tensor(5).toArray()).toBe(5);
    expect(tensor([true, false]).toArray()).toEqual([1, 0]);
    expect(zeros([2, 0]).toArray()).toEqual([[], []]);
    expect(zeros([0, 2]).toArray()).toEqual([]);
  });

  it('give the one number of any shape', () => {
    expect([tensor(5).item(), tensor([[5]]).item(), tensor([1, 2, 3]).slice([1, 2]).item()]).toEqual([
      5, 5, 2,
    ]);
  });

  it('give an ndarray that walks the same storage', () => {
    const x = arange(6).reshape([2, 3]);
    const { data } = x.transpose().slice([null, null, -1]);
    expect([data.shape, data.stride, data.offset]).toEqual([[3, 2], [-1, 3], 2]);
    expect(data.get(0, 1)).toBe(5);
    expect(x.data.data).toBe(data.data);
    expect(tensor(5).data.get()).toBe(5);
  });

  it('know size and number of axes', () => {
    const shapes = [[], [3], [2, 0], [2, 3, 4]];
    expect(shapes.map((s) => zeros(s).size)).toEqual([1, 3, 0, 24]);
    expect(shapes.map((s) => zeros(s).ndim)).toEqual([0, 1, 2, 3]);
  });
});

describe('tensors among JavaScript values', () => {
  it('are numbers in comparisons and text in text', () => {
    const loss = tensor([3]) as unknown as number;
    expect([loss > 2, loss > 4, `${loss}`]).toEqual([true, false, 'tensor([3.])']);
    expect(() => (tensor([1, 2]) as unknown as number) > 2).toThrow(
      'item: the tensor must hold exactly one element, got shape [2]. Reduce it first, or use toArray().',
    );
  });

  it('are arrays in JSON', () => {
    expect(JSON.stringify({ w: tensor([[1, 2]]), b: tensor(0.5) })).toBe('{"w":[[1,2]],"b":0.5}');
  });

  it('show the sign of zero', () => {
    expect(String(tensor([-0, 0.5]))).toBe('tensor([-0.0, 0.5])');
  });
});
