import ndarray from 'ndarray';
import { describe, expect, it } from 'vitest';
import { Generator, manualSeed } from '../../src/core/random.ts';
import {
  arange,
  bernoulli,
  contiguousData,
  eye,
  full,
  linspace,
  ones,
  onesLike,
  rand,
  randint,
  randn,
  randperm,
  type Tensor,
  tensor,
  zeros,
  zerosLike,
} from '../../src/tensor/index.ts';
import { expectClose } from '../support/close.ts';

const described = (t: Tensor): [unknown, readonly number[], string] => [t.toArray(), t.shape, t.dtype];
const float64 = { dtype: 'float64' } as const;

describe('tensor', () => {
  it('takes numbers and lists in lists', () => {
    expect(described(tensor(3.5))).toEqual([3.5, [], 'float32']);
    expect(described(tensor([1, 2]))).toEqual([[1, 2], [2], 'float32']);
    expect(described(tensor([[[1], [2]]]))).toEqual([[[[1], [2]]], [1, 2, 1], 'float32']);
    expect(described(tensor([]))).toEqual([[], [0], 'float32']);
    expect(described(tensor([[], []]))).toEqual([[[], []], [2, 0], 'float32']);
  });

  it('makes bools of bools, and numbers of bools among numbers', () => {
    expect(described(tensor(true))).toEqual([1, [], 'bool']);
    expect(described(tensor([[true], [false]]))).toEqual([[[1], [0]], [2, 1], 'bool']);
    expect(described(tensor([true, 2]))).toEqual([[1, 2], [2], 'float32']);
  });

  it.each([
    [new Float32Array([1.5, 2]), 'float32', [1.5, 2]],
    [new Float64Array([1.1, 2]), 'float64', [1.1, 2]],
    [new Int32Array([1, -2]), 'int32', [1, -2]],
    [new Int16Array([1, -2]), 'float32', [1, -2]],
    [new Uint32Array([1, 2]), 'float32', [1, 2]],
  ])('takes a typed array: %o', (data, dtype, values) => {
    expect(described(tensor(data))).toEqual([values, [2], dtype]);
  });

  it('copies what it is given', () => {
    const data = new Float32Array([1, 2]);
    const t = tensor(data);
    data[0] = 9;
    expect(t.toArray()).toEqual([1, 2]);
  });

  it('takes an npm ndarray of any strides', () => {
    const dense = ndarray(new Float64Array([1, 2, 3, 4, 5, 6]), [2, 3]);
    expect(described(tensor(dense))).toEqual([
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
      [2, 3],
      'float64',
    ]);
    const flipped = dense.transpose(1, 0).step(-2, 1);
    expect(tensor(flipped).toArray()).toEqual([
      [3, 6],
      [1, 4],
    ]);
    expect(tensor(dense.pick(1, null).lo(1)).toArray()).toEqual([5, 6]);
    expect(described(tensor(ndarray([1, 2], [2, 1])))).toEqual([[[1], [2]], [2, 1], 'float32']);
    expect(described(tensor(ndarray(new Int32Array([1, 2]))))).toEqual([[1, 2], [2], 'int32']);
    expect(described(tensor(ndarray(new Float64Array(0), [0, 3])))).toEqual([[], [0, 3], 'float64']);
  });

  it('takes a tensor, of any strides, and gives a leaf with storage of its own', () => {
    const x = tensor(
      [
        [1, 2],
        [3, 4],
      ],
      { requiresGrad: true },
    );
    const t = tensor(x.transpose());
    expect(described(t)).toEqual([
      [
        [1, 3],
        [2, 4],
      ],
      [2, 2],
      'float32',
    ]);
    expect([t.requiresGrad, t.isLeaf]).toEqual([false, true]);
    expect(tensor(x, { dtype: 'int32' }).dtype).toBe('int32');
  });

  it('converts to the dtype asked for', () => {
    const values = [1.9, -1.9, 0, Number.NaN, Infinity];
    expect(tensor(values, { dtype: 'int32' }).toArray()).toEqual([1, -1, 0, 0, 0]);
    expect(tensor(values, { dtype: 'bool' }).toArray()).toEqual([1, 1, 0, 1, 1]);
    expect(tensor([0.1], float64).toArray()).toEqual([0.1]);
    expect(tensor([0.1]).toArray()).toEqual([Math.fround(0.1)]);
    expect(tensor(new Float64Array([256, 0.5]), { dtype: 'bool' }).toArray()).toEqual([1, 1]);
  });

  it('can require a gradient', () => {
    expect(tensor([1], { requiresGrad: true }).requiresGrad).toBe(true);
    expect(tensor([1]).requiresGrad).toBe(false);
  });
});

describe('constants', () => {
  it('zeros, ones, full and eye', () => {
    expect(described(zeros([2, 1]))).toEqual([[[0], [0]], [2, 1], 'float32']);
    expect(described(ones([], { dtype: 'bool' }))).toEqual([1, [], 'bool']);
    expect(described(full([2], 2.5, float64))).toEqual([[2.5, 2.5], [2], 'float64']);
    expect(described(full([2], 2, { dtype: 'bool' }))).toEqual([[1, 1], [2], 'bool']);
    expect(described(eye(2, { dtype: 'int32' }))).toEqual([
      [
        [1, 0],
        [0, 1],
      ],
      [2, 2],
      'int32',
    ]);
    expect(described(eye(0))).toEqual([[], [0, 0], 'float32']);
    expect(zeros([0, 3]).shape).toEqual([0, 3]);
    expect(zeros([2], { requiresGrad: true }).requiresGrad).toBe(true);
  });

  it('zerosLike and onesLike take shape and dtype, but not the gradient', () => {
    const x = tensor([[1], [2]], { dtype: 'float64', requiresGrad: true });
    expect(described(zerosLike(x))).toEqual([[[0], [0]], [2, 1], 'float64']);
    expect(described(onesLike(x, { dtype: 'int32' }))).toEqual([[[1], [1]], [2, 1], 'int32']);
    expect(onesLike(x).requiresGrad).toBe(false);
  });

  it('do not keep hold of the shape they were given', () => {
    const shape = [2, 3];
    const t = zeros(shape);
    shape[0] = 7;
    expect(t.shape).toEqual([2, 3]);
  });
});

describe('arange, as numpy.arange', () => {
  it.each<[number[], number[]]>([
    [[3], [0, 1, 2]],
    [[0], []],
    [[-2], []],
    [[2.5], [0, 1, 2]],
    [
      [1, 4],
      [1, 2, 3],
    ],
    [
      [0, 1, 0.1],
      [0, 0.1, 0.2, 0.30000000000000004, 0.4, 0.5, 0.6000000000000001, 0.7000000000000001, 0.8, 0.9],
    ],
    [
      [0, 1, 0.3],
      [0, 0.3, 0.6, 0.8999999999999999],
    ],
    [
      [1, 0, -0.25],
      [1, 0.75, 0.5, 0.25],
    ],
    [[5, 1, 1], []],
    [[0, -3, 1], []],
    [
      [0.5, 3.6, 1],
      [0.5, 1.5, 2.5, 3.5],
    ],
    [
      [0, 0.3, 0.1],
      [0, 0.1, 0.2],
    ],
    // (1.3 − 1) / 0.1 is a little above 3
    [
      [1, 1.3, 0.1],
      [1, 1.1, 1.2, 1.3],
    ],
  ])('arange(%o)', ([first, second, step], expected) => {
    const t = second === undefined ? arange(first!, float64) : arange(first!, second, step, float64);
    expect(t.shape).toEqual([expected.length]);
    expectClose(t, expected, { rtol: 1e-15 });
  });

  it('has a dtype', () => {
    expect(arange(3, { dtype: 'int32' }).dtype).toBe('int32');
    expect(arange(0, 3, 1, { dtype: 'int32' }).toString()).toBe('tensor([0, 1, 2], dtype=int32)');
    expect(arange(3).dtype).toBe('float32');
  });
});

describe('linspace, as numpy.linspace', () => {
  it.each<[[number, number, number], number[]]>([
    [
      [0, 1, 5],
      [0, 0.25, 0.5, 0.75, 1],
    ],
    [[0, 1, 1], [0]],
    [[0, 1, 0], []],
    [
      [5, 1, 4],
      [5, 3.666666666666667, 2.3333333333333335, 1],
    ],
    [
      [2, 2, 3],
      [2, 2, 2],
    ],
    [
      [-1, 1, 2],
      [-1, 1],
    ],
    [
      [0, 0.3, 4],
      [0, 0.1, 0.2, 0.3],
    ],
  ])('linspace(...%o)', (args, expected) => {
    const t = linspace(...args, float64);
    expect(t.shape).toEqual([expected.length]);
    expectClose(t, expected, { rtol: 1e-15 });
  });

  it('ends exactly at stop', () => {
    for (let n = 2; n < 100; n++) expect(linspace(0.1, 0.7, n, float64).slice(-1).item()).toBe(0.7);
  });
});

describe('random tensors', () => {
  it('are the same for the same seed', () => {
    const draw = () => {
      manualSeed(42);
      return [rand([2]), randn([3]), randint(0, 10, [4]), bernoulli(0.5, [8]), randperm(5)].map(String);
    };
    const first = draw();
    expect(draw()).toEqual(first);
    manualSeed(43);
    expect(rand([2]).toString()).not.toBe(first[0]);
  });

  it('have the pinned values', () => {
    const fresh = () => new Generator(42);
    expectClose(
      rand([3], { ...float64, generator: fresh() }),
      [0.15377165265745885, 0.018084542542176507, 0.5348906284683476],
      {
        rtol: 0,
      },
    );
    // 24 bits, cut off
    expect(
      rand([2], { generator: fresh() })
        .mul(2 ** 24)
        .toArray(),
    ).toEqual([2579860, 303408]);
    expectClose(randn([2], { ...float64, generator: fresh() }), [0.26752683279886763, 1.7424408507579792], {
      rtol: 1e-15,
    });
    expect(described(randint(0, 10, [2, 3], { generator: fresh() }))).toEqual([
      [
        [1, 0, 5],
        [7, 5, 2],
      ],
      [2, 3],
      'int32',
    ]);
    expect(described(randint(-5, 5, [3], { generator: fresh(), dtype: 'float32' }))).toEqual([
      [-4, -5, 0],
      [3],
      'float32',
    ]);
    expect(described(bernoulli(0.5, [6], { generator: fresh() }))).toEqual([
      [1, 0, 1, 1, 0, 0],
      [6],
      'float32',
    ]);
    expect(described(randperm(8, { generator: fresh() }))).toEqual([[4, 7, 6, 2, 5, 3, 0, 1], [8], 'int32']);
  });

  it('draw from their own generator without touching the default one', () => {
    manualSeed(1);
    const expected = rand([2]).toString();
    manualSeed(1);
    randn([10], { generator: new Generator(9) });
    randperm(10, { generator: new Generator(9) });
    expect(rand([2]).toString()).toBe(expected);
  });

  it('stay in their ranges', () => {
    const generator = new Generator(6);
    const uniform = contiguousData(rand([100_000], { generator }));
    expect(uniform.every((x) => x >= 0 && x < 1)).toBe(true);
    const whole = new Set(contiguousData(randint(-2, 3, [1000], { generator })));
    expect([...whole].sort((a, b) => a - b)).toEqual([-2, -1, 0, 1, 2]);
    expect(bernoulli(0, [50], { generator }).sum().item()).toBe(0);
    expect(bernoulli(1, [50], { generator }).sum().item()).toBe(50);
    expectClose(bernoulli(0.3, [100_000], { generator }).mean().item(), 0.3, { atol: 0.005 });
    expectClose(randn([100_000], { generator }).std().item(), 1, { atol: 0.01 });
  });

  it('take shape, dtype and requiresGrad', () => {
    expect(described(bernoulli(1, [2], { dtype: 'bool' }))).toEqual([[1, 1], [2], 'bool']);
    expect(rand([0, 2]).shape).toEqual([0, 2]);
    expect(randn([], { requiresGrad: true }).requiresGrad).toBe(true);
    expect(randperm(0).shape).toEqual([0]);
  });
});

describe('bytes', () => {
  it('are numbers, not truth values, unless asked for', () => {
    const bytes = Uint8Array.of(0, 128, 255);
    expect(tensor(bytes).toArray()).toEqual([0, 128, 255]);
    expect(tensor(bytes).dtype).toBe('float32');
    expect(tensor(bytes, { dtype: 'bool' }).toArray()).toEqual([0, 1, 1]);
  });
});
