import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Generator } from '../../src/core/random.ts';
import * as T from '../../src/tensor/index.ts';
import { type SliceRange, stack, type Tensor, tensor } from '../../src/tensor/index.ts';
import type * as ops from '../../src/tensor/ops/index.ts';
import type * as join from '../../src/tensor/ops/join.ts';

fc.configureGlobal({ seed: 20 });

const sizes = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 4 });
const runs = { numRuns: 200 };

/** 0, 1, 2, … in a shape, so that every element says where it came from. */
const counted = (shape: readonly number[]): Tensor =>
  T.arange(
    shape.reduce((a, b) => a * b, 1),
    { dtype: 'float64' },
  ).reshape(shape);

const same = (actual: Tensor, expected: Tensor): void => {
  expect(actual.shape).toEqual(expected.shape);
  expect(actual.dtype).toBe(expected.dtype);
  expect(actual.toArray()).toEqual(expected.toArray());
};

describe('broadcasting', () => {
  /** Every output element by itself, from the last axes of the inputs. */
  function naiveSub(a: Tensor, b: Tensor, shape: readonly number[]): number[] {
    const at = (x: Tensor, index: readonly number[]): number => {
      const own = index.slice(index.length - x.ndim);
      return x.slice(...own.map((i, axis) => (x.shape[axis] === 1 ? 0 : i))).item();
    };
    const walk = (index: number[]): number[] =>
      index.length === shape.length
        ? [at(a, index) - at(b, index)]
        : Array.from({ length: shape[index.length]! }, (_, i) => walk([...index, i])).flat();
    return walk([]);
  }

  it('agrees with a loop over the output, for any two shapes that fit', () => {
    const fitting = fc
      .tuple(sizes, fc.nat(4), fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }))
      .map(
        ([shape, dropped, flat]) =>
          [
            shape,
            shape.map((n, i) => (flat[i] ? 1 : n)),
            shape.map((n, i) => (flat[i + 4] && !flat[i] ? 1 : n)).slice(Math.min(dropped, shape.length)),
          ] as const,
      );
    fc.assert(
      fc.property(fitting, fc.boolean(), ([shape, left, right], swap) => {
        const [a, b] = swap ? [counted(right), counted(left)] : [counted(left), counted(right)];
        const y = a.sub(b);
        // the dropped leading axes of one side are there in the other
        expect(y.shape).toEqual(
          shape.map((n, i) => (left[i] === n || i < shape.length - right.length ? left[i] : n)),
        );
        expect(y.reshape([-1]).toArray()).toEqual(naiveSub(a, b, y.shape));
      }),
      runs,
    );
  });
});

describe('round trips', () => {
  const shaped = sizes.map(counted);

  it('reshape', () => {
    fc.assert(
      fc.property(shaped, (x) => {
        same(x.reshape([x.size]).reshape(x.shape), x);
        same(x.flatten().reshape(x.shape), x);
        for (let axis = 0; axis <= x.ndim; axis++) same(x.unsqueeze(axis).squeeze(axis), x);
      }),
      runs,
    );
  });

  it('permute', () => {
    fc.assert(
      fc.property(shaped, fc.integer(), (x, seed) => {
        const order = [...new Generator(seed).permutation(x.ndim)];
        const back = order.map((_, axis) => order.indexOf(axis));
        const moved = x.permute(order);
        expect(moved.shape).toEqual(order.map((a) => x.shape[a]));
        same(moved.permute(back), x);
        same(moved.clone().permute(back), x);
      }),
      runs,
    );
  });

  it('split and concat, stack and slice, flip twice, pad and slice', () => {
    const along = shaped.filter((x) => x.ndim > 0).chain((x) => fc.tuple(fc.constant(x), fc.nat(x.ndim - 1)));
    fc.assert(
      fc.property(along, fc.integer({ min: 1, max: 3 }), ([x, axis], n) => {
        const [first, ...rest] = x.split(n, axis);
        same(first!.concat(rest, axis), x);
        const all: (number | null)[] = x.shape.map(() => null);
        same(stack([x, x.neg()], axis).slice(...all.toSpliced(axis, 0, 0)), x);
        same(x.flip(axis).flip(axis), x);
        const padded = x.pad(x.shape.map((_, i) => [i === axis ? n : 0, 1]));
        same(
          padded.slice(...x.shape.map((size, i): SliceRange => (i === axis ? [n, n + size] : [0, size]))),
          x,
        );
      }),
      runs,
    );
  });

  it('slice as Array.prototype.slice, and with steps as picking one by one', () => {
    const bound = fc.option(fc.integer({ min: -8, max: 8 }), { nil: null });
    const step = fc.integer({ min: -3, max: 3 }).filter((n) => n !== 0);
    fc.assert(
      fc.property(fc.nat(6), bound, bound, step, (n, start, stop, by) => {
        const list = Array.from({ length: n }, (_, i) => i);
        const x = counted([n]);
        expect(x.slice([start, stop]).toArray()).toEqual(list.slice(start ?? 0, stop ?? n));
        // Python: indices start, start + step, … while before stop
        const clip = (v: number | null, low: number, high: number, open: number) =>
          v === null ? open : Math.min(high, Math.max(low, v < 0 ? v + n : v));
        const [low, high] = by > 0 ? [0, n] : [-1, n - 1];
        const from = clip(start, low, high, by > 0 ? low : high);
        const to = clip(stop, low, high, by > 0 ? high : low);
        const picked: number[] = [];
        for (let i = from; by > 0 ? i < to : i > to; i += by) picked.push(i);
        expect(x.slice([start, stop, by]).toArray()).toEqual(picked);
      }),
      { numRuns: 500 },
    );
  });

  it('a tensor of its own array', () => {
    fc.assert(
      fc.property(
        shaped.filter((x) => x.size > 0),
        (x) => same(tensor(x.toArray(), { dtype: 'float64' }), x),
      ),
      runs,
    );
  });
});

/** Every operation on one tensor of any shape with at least one axis and no axis of size 0. */
const table = {
  abs: (t) => t.abs(),
  add: (t) => t.add(t.flip(0)),
  argmax: (t) => t.argmax(-1),
  argmin: (t) => t.argmin(),
  cast: (t) => t.cast('float32'),
  ceil: (t) => t.ceil(),
  clamp: (t) => t.clamp({ min: -1, max: 1 }),
  clone: (t) => t.clone(),
  concat: (t) => t.concat([t, t.flip(0)], -1),
  cos: (t) => t.cos(),
  cumsum: (t) => t.cumsum(0),
  div: (t) => t.div(t.flip(-1)),
  elu: (t) => t.elu(),
  eq: (t) => t.eq(t.flip(0)),
  erf: (t) => t.erf(),
  exp: (t) => t.exp(),
  expand: (t) => t.expand([2, ...t.shape]),
  expm1: (t) => t.expm1(),
  flatten: (t) => t.flatten(),
  flip: (t) => t.flip([0]),
  floor: (t) => t.floor(),
  gather: (t) => t.gather(0, T.zeros(t.shape, { dtype: 'int32' })),
  ge: (t) => t.ge(t.flip(0)),
  gelu: (t) => t.gelu(),
  gt: (t) => t.gt(0.5),
  hardtanh: (t) => t.hardtanh(),
  indexSelect: (t) => t.indexSelect(-1, [-1, 0, 0]),
  le: (t) => t.le(t.flip(0)),
  leakyRelu: (t) => t.leakyRelu(),
  log: (t) => t.abs().log(),
  log1p: (t) => t.abs().log1p(),
  logSoftmax: (t) => t.logSoftmax(0),
  logSumExp: (t) => t.logSumExp(-1),
  lt: (t) => t.lt(0.5),
  linear: (t) => t.linear(T.ones([2, t.shape.at(-1)!], { dtype: t.dtype })),
  matmul: (t) => t.matmul(t.ndim > 1 ? t.transpose() : t),
  max: (t) => t.max(0),
  maximum: (t) => t.maximum(t.flip(0)),
  mean: (t) => t.mean(-1),
  min: (t) => t.min(),
  minimum: (t) => t.minimum(t.flip(0)),
  mish: (t) => t.mish(),
  mul: (t) => t.mul(t.flip(0)),
  ne: (t) => t.ne(t.flip(0)),
  neg: (t) => t.neg(),
  norm: (t) => t.norm(0),
  oneHot: (t) => t.abs().cast('int32').oneHot(),
  pad: (t) => t.pad(t.shape.map(() => [1, 2])),
  permute: (t) => t.permute(t.shape.map((_, i) => t.ndim - 1 - i)),
  pow: (t) => t.abs().pow(t.flip(0)),
  prod: (t) => t.prod(0),
  reciprocal: (t) => t.reciprocal(),
  relu: (t) => t.relu(),
  reshape: (t) => t.reshape([t.size]),
  rsqrt: (t) => t.abs().rsqrt(),
  selu: (t) => t.selu(),
  sigmoid: (t) => t.sigmoid(),
  sign: (t) => t.sign(),
  silu: (t) => t.silu(),
  sin: (t) => t.sin(),
  slice: (t) => t.slice([null, null, -2]),
  softmax: (t) => t.softmax(),
  softplus: (t) => t.softplus(),
  split: (t) => t.split(2),
  sqrt: (t) => t.abs().sqrt(),
  square: (t) => t.square(),
  squeeze: (t) => t.squeeze(),
  stack: (t) => t.stack([t.flip(0)], -1),
  std: (t) => t.std(),
  sub: (t) => t.sub(t.flip(0)),
  sum: (t) => t.sum(t.ndim > 1 ? [0, -1] : 0),
  tanh: (t) => t.tanh(),
  transpose: (t) => t.transpose(0, -1),
  unsqueeze: (t) => t.unsqueeze(1),
  variance: (t) => t.variance(0),
  where: (t) => t.gt(0).where(t, t.flip(0)),
} satisfies Record<keyof typeof ops | keyof typeof join, (t: Tensor) => Tensor | Tensor[]>;

/** A chain of views of random numbers: swapped axes, steps backwards and forwards, axes of stride 0. */
function randomView(seed: number): Tensor {
  const generator = new Generator(seed);
  const pick = (n: number) => generator.integer(n);
  let t = T.randn(
    Array.from({ length: 1 + pick(3) }, () => 1 + pick(5)),
    { dtype: 'float64', generator },
  );
  for (let steps = 1 + pick(4); steps > 0; steps--) {
    const axis = pick(t.ndim);
    const at = (range: SliceRange): SliceRange[] => t.shape.map((_, i) => (i === axis ? range : null));
    switch (pick(6)) {
      case 0:
        t = t.transpose(axis, pick(t.ndim));
        break;
      case 1:
        t = t.slice(...at([null, null, -1 - pick(2)]));
        break;
      case 2:
        t = t.slice(...at([pick(t.shape[axis]!), null, 1 + pick(2)]));
        break;
      case 3:
        t = t.ndim < 4 ? t.unsqueeze(axis).expand(t.shape.toSpliced(axis, 0, 2)) : t;
        break;
      case 4:
        t = t.ndim > 1 ? t.slice(...at(pick(t.shape[axis]!))) : t;
        break;
      default:
        t = t.permute([...generator.permutation(t.ndim)]);
    }
  }
  return t.detach();
}

describe('an operation on a view equals the one on its copy', () => {
  it.each(Object.entries<(t: Tensor) => Tensor | Tensor[]>(table))('%s', (_, op) => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const view = randomView(seed);
        const copy = view.clone();
        const [fromView, fromCopy] = [view, copy].map((x) => {
          x.requiresGrad = true;
          const made = op(x);
          const results = Array.isArray(made) ? made : [made];
          const parts = results.filter((y) => y.requiresGrad).map((y) => y.square().sum());
          if (parts.length) parts.reduce((a, b) => a.add(b)).backward();
          return [...results, x.grad ?? x.detach()].map((y) => [y.shape, y.dtype, y.toArray()]);
        });
        expect(fromView).toEqual(fromCopy);
        expect(view.toString()).toBe(copy.toString());
      }),
      { numRuns: 40 },
    );
  });
});
