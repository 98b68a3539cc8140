import { describe, expect, it } from 'vitest';
import { Generator } from '../../src/core/random.ts';
import { gradcheck, gradgradcheck } from '../../src/inspect/index.ts';
import { concat, stack, type Tensor, tensor } from '../../src/tensor/index.ts';
import type * as ops from '../../src/tensor/ops/index.ts';
import type * as join from '../../src/tensor/ops/join.ts';

/** A function of the operation, and the point at which it is checked. */
type Check = readonly [(...inputs: Tensor[]) => Tensor | Tensor[], ...Tensor[]];

const generator = new Generator(3);

function leaf(t: Tensor): Tensor {
  const made = t.detach();
  made.requiresGrad = true;
  return made;
}

/** Different numbers in 0.2 … 1.8 in random order, away from 0 and ±1, where functions may have kinks. */
function positive(...shape: number[]): Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  const values = Array.from(generator.permutation(size), (k) => 0.2 + (1.6 * (k + 0.5)) / size);
  const apart = values.map((v) => (Math.abs(v - 1) < 0.03 ? v + 0.05 : v));
  return leaf(tensor(apart, { dtype: 'float64' }).reshape(shape));
}

/** The same with random signs. */
function x(...shape: number[]): Tensor {
  const t = positive(...shape);
  const signs = Array.from({ length: t.size }, () => (generator.uniform() < 0.5 ? -1 : 1));
  return leaf(t.mul(tensor(signs, { dtype: 'float64' }).reshape(shape)));
}

/** A leaf that walks its storage backwards, in steps of two and column by column. */
const strided = (rows: number, columns: number, make = x): Tensor =>
  leaf(
    make(2 * columns, rows)
      .slice([null, null, -2])
      .transpose(),
  );

const int = (values: readonly unknown[]): Tensor => tensor(values as number[], { dtype: 'int32' });
const mask = tensor([
  [true, false, true],
  [false, false, true],
]);

const unary = (fn: (t: Tensor) => Tensor, make = x): Check[] => [
  [fn, make(2, 3)],
  [fn, make()],
  [fn, strided(2, 3, make)],
  [fn, make(0, 2)],
];

const binary = (fn: (a: Tensor, b: Tensor) => Tensor, make = x): Check[] => [
  [fn, make(2, 3), make(2, 3)],
  [fn, make(2, 1, 3), make(2, 1)],
  [fn, strided(2, 3, make), make()],
  [(a) => fn(a, tensor([0.3, 0.6, 1.3], { dtype: 'float64' })), make(2, 3)],
  [(a) => fn(tensor([[0.3], [0.6]], { dtype: 'float64' }), a), make(2)],
];

const reduction = (
  fn: (t: Tensor, options?: { axis?: number | number[]; keepDims?: boolean }) => Tensor,
  make = x,
): Check[] => [
  [(t) => fn(t), make(2, 3)],
  [(t) => fn(t, { axis: 0 }), make(3, 2)],
  [(t) => fn(t, { axis: [0, -1], keepDims: true }), make(2, 3, 2)],
  [(t) => fn(t, { axis: 1 }), strided(2, 3, make)],
  [(t) => fn(t), make()],
];

const alongAxis = (fn: (t: Tensor, axis: number) => Tensor): Check[] => [
  [(t) => fn(t, -1), x(2, 3)],
  [(t) => fn(t, 0), strided(3, 2)],
  [(t) => fn(t, 1), x(2, 3, 2)],
];

/** An operation whose result is no floating tensor, so that nothing can be differentiated. */
type Constant = (t: Tensor) => Tensor;

const table = {
  abs: unary((t) => t.abs()),
  add: binary((a, b) => a.add(b)),
  argmax: (t) => t.argmax(),
  argmin: (t) => t.argmin(),
  cast: [[(t) => t.cast('float64').square(), x(2, 3)]],
  ceil: unary((t) => t.ceil()),
  clamp: [
    ...unary((t) => t.clamp({ min: -1, max: 1 })),
    ...unary((t) => t.clamp({ min: 0 })),
    ...unary((t) => t.clamp({ max: 0 })),
  ],
  clone: unary((t) => t.clone().square()),
  concat: [
    [(a, b, c) => concat([a!, b!, c!], 1).square(), x(2, 1), strided(2, 3), x(2, 0)],
    [(a) => concat([a!, a!]).square(), x(2)],
  ],
  cos: unary((t) => t.cos()),
  cumsum: alongAxis((t, axis) => t.cumsum(axis).square()),
  div: binary((a, b) => a.div(b)),
  elu: [...unary((t) => t.elu()), ...unary((t) => t.elu(0.3))],
  eq: (t) => t.eq(0.5),
  erf: unary((t) => t.erf()),
  exp: unary((t) => t.exp()),
  expand: [
    [(t) => t.expand([2, 4, 3]).square(), x(4, 1)],
    [(t) => t.expand([2, -1]).square(), strided(1, 3)],
    [(t) => t.expand([3]).square(), x()],
  ],
  expm1: unary((t) => t.expm1()),
  flatten: [[(t) => t.flatten(1).square(), x(2, 3, 2)]],
  flip: [[(t) => t.flip([0, 1]).square(), strided(2, 3)]],
  floor: unary((t) => t.floor()),
  gather: [
    [
      (t) =>
        t
          .gather(
            1,
            int([
              [0, 2, 2],
              [1, 1, 1],
            ]),
          )
          .square(),
      x(2, 3),
    ],
    [(t) => t.gather(0, int([[1], [1], [0]])).square(), strided(2, 3)],
  ],
  ge: (t) => t.ge(0.5),
  gelu: [...unary((t) => t.gelu()), ...unary((t) => t.gelu({ approximate: 'tanh' }))],
  gt: (t) => t.gt(0.5),
  hardtanh: [...unary((t) => t.hardtanh()), ...unary((t) => t.hardtanh(-0.1, 0.1))],
  indexSelect: [
    [(t) => t.indexSelect(1, [2, 0, 2]).square(), x(2, 3)],
    [(t) => t.indexSelect(0, int([1, 1])).square(), strided(2, 3)],
  ],
  le: (t) => t.le(0.5),
  leakyRelu: [...unary((t) => t.leakyRelu()), ...unary((t) => t.leakyRelu(0.3))],
  log: unary((t) => t.log(), positive),
  log1p: unary((t) => t.log1p(), positive),
  logSoftmax: alongAxis((t, axis) => t.logSoftmax(axis)),
  logSumExp: reduction((t, o) => t.logSumExp(o)),
  lt: (t) => t.lt(0.5),
  linear: [
    [(a, w, b) => a.linear(w!, b), x(2, 3), x(4, 3), x(4)],
    [(a, w) => a.linear(w!), strided(2, 3), strided(2, 3)],
    [(a, w, b) => a.linear(w!, b), x(3), x(2, 3), x(2)],
    [(a, w, b) => a.linear(w!, b), x(2, 2, 3), x(2, 3), x(2)],
    [(a, w) => a.linear(w!, w!.sum(1)), x(2, 3), x(2, 3)],
  ],
  matmul: [
    [(a, b) => a.matmul(b!), x(2, 3), x(3, 4)],
    [(a, b) => a.matmul(b!), strided(2, 3), strided(3, 2)],
    [(a, b) => a.matmul(b!), x(3), x(3)],
    [(a, b) => a.matmul(b!), x(2, 3), x(3)],
    [(a, b) => a.matmul(b!), x(3), x(2, 3, 2)],
    [(a, b) => a.matmul(b!), x(2, 1, 2, 3), x(2, 3, 1)],
    [(a, b) => a.matmul(b!), x(2, 2, 3), x(3, 2)],
    [(a) => a.matmul(a), x(2, 2)],
  ],
  max: reduction((t, o) => t.max(o)),
  maximum: binary((a, b) => a.maximum(b.add(0.0137))),
  mean: reduction((t, o) => t.mean(o).square()),
  min: reduction((t, o) => t.min(o)),
  minimum: binary((a, b) => a.minimum(b.add(0.0137))),
  mish: unary((t) => t.mish()),
  mul: [...binary((a, b) => a.mul(b)), [(a) => a.mul(a), x(3)]],
  ne: (t) => t.ne(0.5),
  neg: unary((t) => t.neg().square()),
  norm: [
    ...reduction((t, o) => t.norm(o)),
    ...reduction((t, o) => t.norm({ ...o, p: 1 })),
    ...reduction((t, o) => t.norm({ ...o, p: 3 })),
    ...reduction((t, o) => t.norm({ ...o, p: 0.5 })),
    ...reduction((t, o) => t.norm({ ...o, p: -1 })),
    ...reduction((t, o) => t.norm({ ...o, p: Infinity })),
    ...reduction((t, o) => t.norm({ ...o, p: -Infinity })),
  ],
  oneHot: (t) => t.gt(0).cast('int32').oneHot(2),
  pad: [
    [
      (t) =>
        t
          .pad([
            [1, 0],
            [0, 2],
          ])
          .square(),
      x(2, 3),
    ],
    [
      (t) =>
        t
          .pad(
            [
              [1, 1],
              [0, 0],
            ],
            { value: 3 },
          )
          .square(),
      strided(2, 3),
    ],
  ],
  permute: [[(t) => t.permute([2, 0, 1]).square(), x(2, 3, 1)]],
  pow: [
    ...binary((a, b) => a.pow(b), positive),
    [(t) => t.pow(3), x(2, 3)],
    [(t) => t.pow(2), x(3)],
    [(t) => t.pow(-2), x(3)],
    [(t) => t.pow(0.5), positive(3)],
  ],
  prod: reduction((t, o) => t.prod(o)),
  reciprocal: unary((t) => t.reciprocal()),
  relu: unary((t) => t.relu()),
  reshape: [[(t) => t.reshape([3, -1]).square(), strided(2, 3)]],
  rsqrt: unary((t) => t.rsqrt(), positive),
  selu: unary((t) => t.selu()),
  sigmoid: unary((t) => t.sigmoid()),
  sign: unary((t) => t.sign()),
  silu: unary((t) => t.silu()),
  sin: unary((t) => t.sin()),
  slice: [
    [(t) => t.slice(1, [null, null, -2]).square(), x(2, 3)],
    [(t) => t.slice([0, 1]).square(), strided(2, 3)],
    [(t) => t.slice([1, 1]).square(), x(2, 3)],
  ],
  softmax: alongAxis((t, axis) => t.softmax(axis)),
  // it jumps a little at the threshold, x = 1/3
  softplus: [
    ...unary((t) => t.softplus()),
    ...unary((t) => t.div(20).softplus({ beta: 3, threshold: 1 })),
    ...unary((t) => t.square().add(0.5).softplus({ beta: 3, threshold: 1 })),
  ],
  split: [
    [(t) => t.split(2, 1).map((part) => part.square()), strided(2, 3)],
    [(t) => t.split([1, 2])[1]!.square(), x(3, 2)],
  ],
  sqrt: unary((t) => t.sqrt(), positive),
  square: unary((t) => t.square()),
  squeeze: [[(t) => t.squeeze().square(), x(1, 3, 1)]],
  stack: [[(a, b) => stack([a!, b!], -1).square(), x(2, 2), strided(2, 2)]],
  std: [
    [(t) => t.std(), x(2, 3)],
    [(t) => t.std({ axis: 0, correction: 0 }), strided(3, 2)],
    [(t) => t.std({ axis: [0, -1], keepDims: true }), x(2, 2, 2)],
  ],
  sub: binary((a, b) => a.sub(b).square()),
  sum: reduction((t, o) => t.sum(o).square()),
  tanh: unary((t) => t.tanh()),
  transpose: [[(t) => t.transpose(0, 2).square(), x(2, 3, 1)]],
  unsqueeze: [[(t) => t.unsqueeze(1).square(), strided(2, 3)]],
  variance: [
    [(t) => t.variance(), x(2, 3)],
    [(t) => t.variance({ axis: 0, correction: 0 }), strided(3, 2)],
    [(t) => t.variance({ axis: [0, -1], keepDims: true }), x(2, 2, 2)],
  ],
  where: [
    [(a, b) => mask.where(a, b!).square(), x(2, 3), x(2, 1)],
    [(a) => mask.where(a, 0).square(), strided(2, 3)],
  ],
} satisfies Record<keyof typeof ops | keyof typeof join, readonly Check[] | Constant>;

/** Constant almost everywhere: nothing depends on their input, so there is no first gradient to differentiate. */
const FLAT = ['ceil', 'floor', 'sign'];

// Far below the public defaults: central differences of 1e-6 are good to about 1e-9 here.
const strict = { atol: 2e-8, rtol: 2e-7 };

describe.each(Object.entries(table as Record<string, readonly Check[] | Constant>))('%s', (op, checks) => {
  if (typeof checks === 'function') {
    it('gives no gradient', () => expect(checks(x(3)).requiresGrad).toBe(false));
    return;
  }
  it.each(checks.map((check, i) => [i, check] as const))('first derivative %i', (_, [fn, ...inputs]) => {
    const result = gradcheck(fn, inputs, strict);
    expect(result.ok, String(result)).toBe(true);
  });

  if (FLAT.includes(op)) return;
  it.each(checks.map((check, i) => [i, check] as const))('second derivative %i', (_, [fn, ...inputs]) => {
    const result = gradgradcheck(fn, inputs, strict);
    expect(result.ok, String(result)).toBe(true);
  });
});
