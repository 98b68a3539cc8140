import { describe, it } from 'vitest';
import { ShapeError, ValueError } from '../../src/core/errors.ts';
import * as T from '../../src/tensor/index.ts';
import { expectError } from '../support/errors.ts';

const { concat, ones, oneHot, stack, tensor, where, zeros } = T;

type Row = readonly [() => unknown, typeof ShapeError | typeof ValueError, string];

const x = ones([2, 3]);
const scalar = ones([]);
const int = (...values: number[]) => tensor(values, { dtype: 'int32' });
const loss = () => tensor(1, { requiresGrad: true }).square();
/** Something that the compiler would refuse. */
const wrong = (value: unknown) => value as never;
const notTensor = 'Wrap numbers and arrays with tensor(…).';

const table: Readonly<Record<string, readonly Row[]>> = {
  tensor: [
    [
      () => tensor([[1, 2], [3]]),
      ShapeError,
      'tensor: lists at the same depth must have the same length, got a list of 1 at [1] where a list of 2 belongs.',
    ],
    [
      () =>
        tensor([
          [[1], [2]],
          [[3], 4],
        ]),
      ShapeError,
      'tensor: lists at the same depth must have the same length, got 4 at [1][1] where a list of 1 belongs.',
    ],
    [
      () => tensor([1, [2]]),
      ShapeError,
      'tensor: lists at the same depth must have the same length, got a list of 1 at [1] where a number belongs.',
    ],
    [
      () => tensor([[1], null] as never),
      ShapeError,
      'tensor: lists at the same depth must have the same length, got null at [1] where a list of 1 belongs.',
    ],
    [
      () => tensor([1, 'two'] as never),
      ValueError,
      'tensor: every element must be a number or a boolean, got "two" at [1].',
    ],
    [
      () => tensor(wrong(undefined)),
      ValueError,
      'tensor: every element must be a number or a boolean, got undefined at the top.',
    ],
    [
      () => tensor(wrong({ values: [1] })),
      ValueError,
      'tensor: data must be a number, lists, a typed array, an ndarray or a tensor, got { values }.',
    ],
    [
      () => tensor([1], wrong({ requireGrad: true })),
      ValueError,
      'tensor: every option must be known, got "requireGrad". Did you mean "requiresGrad"? Known: dtype, requiresGrad.',
    ],
    [
      () => tensor([1], wrong('float64')),
      ValueError,
      'tensor: options must be an object, got "float64". Known: dtype, requiresGrad.',
    ],
    [
      () => tensor([1], { dtype: wrong('float16') }),
      ValueError,
      'tensor: dtype must be one of bool, int32, float32, float64, got "float16".',
    ],
  ],
  creation: [
    [() => zeros([-1]), ShapeError, 'zeros: a shape must be a list of whole numbers ≥ 0, got [-1].'],
    [() => ones(wrong(3)), ShapeError, 'ones: a shape must be a list of whole numbers ≥ 0, got 3.'],
    [() => T.full([1.5], 1), ShapeError, 'full: a shape must be a list of whole numbers ≥ 0, got [1.5].'],
    [() => T.eye(-2), ShapeError, 'eye: a shape must be a list of whole numbers ≥ 0, got [-2, -2].'],
    [
      () => zeros([2 ** 16, 2 ** 16]),
      ShapeError,
      'zeros: a tensor holds at most 2³¹ elements, got shape [65536, 65536].',
    ],
    [
      () => zeros([1], wrong({ type: 'int32' })),
      ValueError,
      'zeros: every option must be known, got "type". Did you mean "dtype"? Known: dtype, requiresGrad, generator.',
    ],
    [
      () => T.zerosLike(wrong([1])),
      ValueError,
      `zerosLike: the input must be a tensor, got [1]. ${notTensor}`,
    ],
    [() => T.onesLike(wrong(1)), ValueError, `onesLike: the input must be a tensor, got 1. ${notTensor}`],
    [
      () => T.arange(0, 5, 0),
      ValueError,
      'arange: start, stop and step must be finite, and step not 0, got 0, 5 and 0.',
    ],
    [
      () => T.arange(Infinity),
      ValueError,
      'arange: start, stop and step must be finite, and step not 0, got 0, Infinity and 1.',
    ],
    [
      () => T.arange(1e10),
      ShapeError,
      'arange: a tensor holds at most 2³¹ elements, got shape [10000000000].',
    ],
    [
      () => T.linspace(0, 1, 2.5),
      ShapeError,
      'linspace: a shape must be a list of whole numbers ≥ 0, got [2.5].',
    ],
    [
      () => T.rand([2], { dtype: 'int32' }),
      ValueError,
      'rand: dtype must be float32 or float64, got "int32". For whole numbers use randint.',
    ],
    [
      () => T.randn([2], { dtype: 'bool' }),
      ValueError,
      'randn: dtype must be float32 or float64, got "bool". For whole numbers use randint.',
    ],
    [
      () => T.randint(3, 3, [1]),
      ValueError,
      'randint: low and high must be whole numbers with low < high, got 3 and 3.',
    ],
    [
      () => T.randint(0, 1.5, [1]),
      ValueError,
      'randint: low and high must be whole numbers with low < high, got 0 and 1.5.',
    ],
    [() => T.bernoulli(1.5, [1]), ValueError, 'bernoulli: p must be a probability in [0, 1], got 1.5.'],
    [
      () => T.bernoulli(Number.NaN, [1]),
      ValueError,
      'bernoulli: p must be a probability in [0, 1], got NaN.',
    ],
    [() => T.randperm(-1), ShapeError, 'randperm: a shape must be a list of whole numbers ≥ 0, got [-1].'],
  ],
  conversion: [
    [
      () => x.item(),
      ShapeError,
      'item: the tensor must hold exactly one element, got shape [2, 3]. Reduce it first, or use toArray().',
    ],
    [
      () => zeros([0]).item(),
      ShapeError,
      'item: the tensor must hold exactly one element, got shape [0]. Reduce it first, or use toArray().',
    ],
    [
      () => x.cast(wrong('double')),
      ValueError,
      'cast: dtype must be one of bool, int32, float32, float64, got "double".',
    ],
    [() => T.clone(wrong(1)), ValueError, `clone: the input must be a tensor, got 1. ${notTensor}`],
  ],
  'element by element': [
    [
      () => x.add(ones([2])),
      ShapeError,
      'add: shapes must broadcast (aligned from the right, sizes equal or 1), got [2, 3] and [2]. ' +
        'Reshape, unsqueeze or transpose one of them.',
    ],
    [
      () => x.mul(wrong([1, 2, 3])),
      ValueError,
      `mul: every input must be a tensor, got [1, 2, 3]. ${notTensor}`,
    ],
    [() => T.exp(wrong('1')), ValueError, `exp: every input must be a tensor, got "1". ${notTensor}`],
    [() => x.clamp(wrong(0)), ValueError, 'clamp: options must be an object, got 0. Known: min, max.'],
    [() => x.clamp({}), ValueError, 'clamp: min or max must be given, got {  }. As in x.clamp({ min: 0 }).'],
    [
      () => x.clamp(wrong({ low: 0 })),
      ValueError,
      'clamp: every option must be known, got "low". Known: min, max.',
    ],
    [
      () => x.gelu({ approximate: wrong('tan') }),
      ValueError,
      "gelu: approximate must be 'none' or 'tanh', got \"tan\".",
    ],
    [
      () => x.gelu(wrong('tanh')),
      ValueError,
      'gelu: options must be an object, got "tanh". Known: approximate.',
    ],
    [
      () => x.softplus(wrong({ bet: 1 })),
      ValueError,
      'softplus: every option must be known, got "bet". Did you mean "beta"? Known: beta, threshold.',
    ],
    [
      () => where(x, 1, 2),
      ValueError,
      "where: the condition must be a bool tensor, got float32. Compare first, as in x.gt(0), or use cast('bool').",
    ],
    [
      () => where(wrong(true), 1, 2),
      ValueError,
      `where: the condition must be a tensor, got true. ${notTensor}`,
    ],
  ],
  shapes: [
    [
      () => x.reshape([4, 2]),
      ShapeError,
      'reshape: the shapes must hold equally many elements, 6 here, got [2, 3] to [4, 2].',
    ],
    [
      () => x.reshape([4, -1]),
      ShapeError,
      'reshape: the shapes must hold equally many elements, 6 here, got [2, 3] to [4, -1].',
    ],
    [
      () => x.reshape([0, -1]),
      ShapeError,
      'reshape: the shapes must hold equally many elements, 6 here, got [2, 3] to [0, -1].',
    ],
    [
      () => x.reshape([-1, -1]),
      ShapeError,
      'reshape: a shape must be a list of whole numbers ≥ 0, got [1, -1].',
    ],
    [() => x.reshape(wrong(6)), ShapeError, 'reshape: a shape must be a list of whole numbers ≥ 0, got 6.'],
    [() => x.flatten(1, 0), ShapeError, 'flatten: startAxis must not come after endAxis, got 1 and 0.'],
    [() => x.permute([0]), ShapeError, 'permute: axes must name each of the 2 axes once, got [0].'],
    [() => x.permute([0, -2]), ShapeError, 'permute: axes must name each of the 2 axes once, got [0, -2].'],
    [() => x.permute(wrong(1)), ShapeError, 'permute: axes must name each of the 2 axes once, got 1.'],
    [() => x.transpose(0, 2), ShapeError, 'transpose: an axis must be a whole number in −2 … 1, got 2.'],
    [() => ones([3]).transpose(), ShapeError, 'transpose: an axis must be a whole number in −1 … 0, got -2.'],
    [() => scalar.transpose(), ShapeError, 'transpose: a scalar has no axes, got -2.'],
    [() => x.squeeze(0), ShapeError, 'squeeze: a squeezed axis must have size 1, got axis 0 of [2, 3].'],
    [() => x.unsqueeze(3), ShapeError, 'unsqueeze: an axis must be a whole number in −3 … 2, got 3.'],
    [
      () => x.expand([4, 3]),
      ShapeError,
      'expand: only axes of size 1, and new ones in front, can grow, got [2, 3] to [4, 3].',
    ],
    [
      () => x.expand([3]),
      ShapeError,
      'expand: only axes of size 1, and new ones in front, can grow, got [2, 3] to [3].',
    ],
    [
      () => x.expand([-1, 2, 3]),
      ShapeError,
      'expand: a shape must be a list of whole numbers ≥ 0, got [-1, 2, 3].',
    ],
    [() => x.expand(wrong(2)), ShapeError, 'expand: a shape must be a list of whole numbers ≥ 0, got 2.'],
    [
      () => ones([1, 1]).expand([2 ** 16, 2 ** 16]),
      ShapeError,
      'expand: a tensor holds at most 2³¹ elements, got shape [65536, 65536].',
    ],
    [
      () => x.slice(2),
      ShapeError,
      'slice: an index into axis 0 of size 2 must be a whole number in −2 … 1, got 2.',
    ],
    [
      () => x.slice(null, -4),
      ShapeError,
      'slice: an index into axis 1 of size 3 must be a whole number in −3 … 2, got -4.',
    ],
    [
      () => x.slice(0.5),
      ShapeError,
      'slice: an index into axis 0 of size 2 must be a whole number in −2 … 1, got 0.5.',
    ],
    [
      () => zeros([0]).slice(0),
      ShapeError,
      'slice: an index into axis 0 of size 0 must be none, as the axis is empty, got 0.',
    ],
    [
      () => x.sum(wrong({ axis: null })),
      ShapeError,
      'sum: an axis must be a whole number in −2 … 1, got null.',
    ],
    [
      () => T.rand([1], wrong({ generator: 1 })),
      ValueError,
      'rand: generator must be a Generator, got 1. Make one with new Generator(seed).',
    ],
    [
      () => T.noGrad(wrong(1)),
      ValueError,
      'noGrad: what runs without recording must be a function, got 1. Write noGrad(() => …).',
    ],
    [() => x.registerHook(wrong(1)), ValueError, 'registerHook: a hook must be a function, got 1.'],
    [() => x.slice(0, 0, 0), ShapeError, 'slice: at most one range per axis, 2 here, got 3 ranges.'],
    ...[[0, 1, 0], [0.5], [0, 1, 1, 1], 'all', {}].map(
      (range, i): Row => [
        () => x.slice(wrong(range)),
        ValueError,
        'slice: a range must be a whole number, null or [start, stop, step] with a step other than 0, got ' +
          `${['[0, 1, 0]', '[0.5]', '[0, 1, 1, 1]', '"all"', '{  }'][i]}.`,
      ],
    ),
    [() => x.flip(2), ShapeError, 'flip: an axis must be a whole number in −2 … 1, got 2.'],
    [() => x.flip([0, 0]), ValueError, 'flip: an axis must be named only once, got [0, 0].'],
    ...[
      [[1, 1]],
      [
        [-1, 0],
        [0, 0],
      ],
      [[1], [1]],
      [1, 1],
      1,
    ].map(
      (widths, i): Row => [
        () => x.pad(wrong(widths)),
        ShapeError,
        'pad: widths must be one [before, after] of whole numbers ≥ 0 for each of 2 axes, got ' +
          `${['[[1, 1]]', '[[-1, 0], [0, 0]]', '[[1], [1]]', '[1, 1]', '1'][i]}.`,
      ],
    ),
    [
      () =>
        x.pad(
          [
            [0, 0],
            [0, 0],
          ],
          wrong(1),
        ),
      ValueError,
      'pad: options must be an object, got 1. Known: value.',
    ],
    [() => x.split(0), ValueError, 'split: a piece must have a whole number > 0 of places, got 0.'],
    [() => x.split([1, 2]), ShapeError, 'split: the sizes must add up to 2, the size of axis 0, got [1, 2].'],
    [() => x.split([3, -1]), ShapeError, 'split: a shape must be a list of whole numbers ≥ 0, got [3, -1].'],
    [() => concat([]), ValueError, 'concat: there must be at least one tensor, got an empty list.'],
    [
      () => concat(wrong(x)),
      ValueError,
      'concat: the tensors must come in a list, got a Tensor. Write concat([a, b], axis).',
    ],
    [() => concat([x, wrong(1)]), ValueError, `concat: every entry must be a tensor, got 1. ${notTensor}`],
    [() => concat([scalar]), ShapeError, 'concat: a scalar has no axes, got 0.'],
    [
      () => x.concat([ones([2, 2])]),
      ShapeError,
      'concat: sizes must be equal except along axis 0, got [2, 3] and [2, 2].',
    ],
    [
      () => concat([x, ones([2])], 1),
      ShapeError,
      'concat: sizes must be equal except along axis 1, got [2, 3] and [2].',
    ],
    [() => stack([]), ValueError, 'stack: there must be at least one tensor, got an empty list.'],
    [
      () => stack(wrong(3)),
      ValueError,
      'stack: the tensors must come in a list, got 3. Write stack([a, b], axis).',
    ],
    [() => stack([wrong(1)]), ValueError, `stack: every entry must be a tensor, got 1. ${notTensor}`],
    [() => x.stack([ones([2])]), ShapeError, 'stack: all shapes must be equal, got [2, 3] and [2].'],
    [() => stack([x], 3), ShapeError, 'stack: an axis must be a whole number in −3 … 2, got 3.'],
  ],
  picking: [
    [() => x.gather(0, wrong([0])), ValueError, `gather: index must be a tensor, got [0]. ${notTensor}`],
    [() => x.gather(0, x), ValueError, "gather: index must be int32, got float32. Use cast('int32')."],
    [
      () => x.gather(0, int(0)),
      ShapeError,
      'gather: index must have the rank of the input and, except along the axis, no larger sizes, got [1] for [2, 3].',
    ],
    [
      () => x.gather(0, zeros([1, 4], { dtype: 'int32' })),
      ShapeError,
      'gather: index must have the rank of the input and, except along the axis, no larger sizes, got [1, 4] for [2, 3].',
    ],
    [
      () => x.gather(1, int(3).unsqueeze(0)),
      ValueError,
      'gather: an index must be a whole number in −3 … 2, got 3.',
    ],
    [
      () => x.indexSelect(0, [2]),
      ValueError,
      'indexSelect: an index must be a whole number in −2 … 1, got 2.',
    ],
    [
      () => x.indexSelect(0, [0.5]),
      ValueError,
      'indexSelect: an index must be a whole number in −2 … 1, got 0.5.',
    ],
    [
      () => x.indexSelect(0, wrong(1)),
      ValueError,
      `indexSelect: index must be a tensor, got 1. ${notTensor}`,
    ],
    [
      () => x.indexSelect(0, zeros([1, 1], { dtype: 'int32' })),
      ShapeError,
      'indexSelect: index must have one axis, got [1, 1].',
    ],
    [() => oneHot(int(2), 2), ValueError, 'oneHot: a class index must be a whole number in 0 … 1, got 2.'],
    [
      () => oneHot(tensor([0.5]), 2),
      ValueError,
      'oneHot: a class index must be a whole number in 0 … 1, got 0.5.',
    ],
    [() => oneHot(int(-1)), ValueError, 'oneHot: a class index must be a whole number in 0 … -1, got -1.'],
    [() => oneHot(int(0), -1), ValueError, 'oneHot: numClasses must be a whole number ≥ 0, got -1.'],
    [
      () => oneHot(int(0), 1, { dtype: wrong('uint8') }),
      ValueError,
      'oneHot: dtype must be one of bool, int32, float32, float64, got "uint8".',
    ],
    [
      () => oneHot(int(0), 1e12),
      ShapeError,
      'oneHot: a tensor holds at most 2³¹ elements, got shape [1, 1000000000000].',
    ],
  ],
  reductions: [
    ...[null, '0', true].map(
      (options, i): Row => [
        () => x.sum(wrong(options)),
        ValueError,
        `sum: the axes must be a number, a list of numbers or { axis, keepDims }, got ${['null', '"0"', 'true'][i]}.`,
      ],
    ),
    [() => x.sum(2), ShapeError, 'sum: an axis must be a whole number in −2 … 1, got 2.'],
    [() => scalar.sum(0), ShapeError, 'sum: a scalar has no axes, got 0.'],
    [() => x.mean([0, -2]), ValueError, 'mean: an axis must be named only once, got [0, -2].'],
    [() => x.std(2), ShapeError, 'std: an axis must be a whole number in −2 … 1, got 2.'],
    [() => x.variance({ axis: 2 }), ShapeError, 'variance: an axis must be a whole number in −2 … 1, got 2.'],
    ...[Infinity, -Infinity].map(
      (p): Row => [
        () => zeros([0]).norm({ p }),
        ShapeError,
        'norm: the reduced axes must not be empty, got shape [0].',
      ],
    ),
    ...[0, 1, 2, 3, Infinity].map(
      (p): Row => [
        () => x.norm({ axis: 2, p }),
        ShapeError,
        'norm: an axis must be a whole number in −2 … 1, got 2.',
      ],
    ),
    [
      () => x.sum(wrong({ axes: 0 })),
      ValueError,
      'sum: every option must be known, got "axes". Did you mean "axis"? Known: axis, keepDims.',
    ],
    [
      () => x.variance(wrong({ ddof: 1 })),
      ValueError,
      'variance: every option must be known, got "ddof". Known: axis, keepDims, correction.',
    ],
    ...(['max', 'min', 'argmax', 'argmin'] as const).map(
      (op): Row => [
        () => zeros([2, 0])[op](1),
        ShapeError,
        `${op}: the reduced axes must not be empty, got shape [2, 0].`,
      ],
    ),
    [() => x.norm({ p: wrong('fro') }), ValueError, 'norm: p must be a number, got "fro".'],
    [() => x.norm({ p: Number.NaN }), ValueError, 'norm: p must be a number, got NaN.'],
    [() => x.cumsum(2), ShapeError, 'cumsum: an axis must be a whole number in −2 … 1, got 2.'],
    [() => x.softmax(2), ShapeError, 'softmax: an axis must be a whole number in −2 … 1, got 2.'],
    [() => x.logSoftmax(2), ShapeError, 'logSoftmax: an axis must be a whole number in −2 … 1, got 2.'],
    [() => x.logSumExp(2), ShapeError, 'logSumExp: an axis must be a whole number in −2 … 1, got 2.'],
    ...[T.sum, T.mean, T.std, T.variance, T.prod, T.max, T.norm, T.argmin, T.logSumExp].map(
      (op): Row => [
        () => op(wrong([1])),
        ValueError,
        `${op.name}: the input must be a tensor, got [1]. ${notTensor}`,
      ],
    ),
  ],
  matmul: [
    [
      () => x.matmul(x),
      ShapeError,
      'matmul: the last size of the first input must equal the second-last (or only) size of the other, got [2, 3] ' +
        'and [2, 3]. Transpose or reshape one of them.',
    ],
    [
      () => x.matmul(scalar),
      ShapeError,
      'matmul: the last size of the first input must equal the second-last (or only) size of the other, got [2, 3] ' +
        'and []. Transpose or reshape one of them.',
    ],
    [
      () => ones([2, 2, 3]).matmul(ones([3, 3, 2])),
      ShapeError,
      'matmul: shapes must broadcast (aligned from the right, sizes equal or 1), got [2] and [3]. ' +
        'Reshape, unsqueeze or transpose one of them.',
    ],
    [() => x.matmul(wrong(3)), ValueError, `matmul: the other input must be a tensor, got 3. ${notTensor}`],
  ],
  options: [
    [
      () => loss().backward(undefined, wrong({ retain: true })),
      ValueError,
      'backward: every option must be known, got "retain". Known: retainGraph, createGraph.',
    ],
    [
      () => T.grad(loss(), [], wrong({ create: true })),
      ValueError,
      'grad: every option must be known, got "create". Known: gradOutputs, allowUnused, retainGraph, createGraph.',
    ],
    [
      () => oneHot(int(0), 1, wrong('int32')),
      ValueError,
      'oneHot: options must be an object, got "int32". Known: dtype.',
    ],
  ],
};

describe.each(Object.entries(table))('%s', (_, rows) => {
  it.each(rows.map((row) => [row[2], row] as const))('%s', (_, [fn, kind, message]) =>
    expectError(fn, kind, message),
  );
});
