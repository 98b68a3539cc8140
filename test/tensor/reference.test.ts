import { describe, expect, it } from 'vitest';
import { contiguousData, grad, sum, Tensor } from '../../src/tensor/index.ts';
import * as activation from '../../src/tensor/ops/activation.ts';
import * as elementwise from '../../src/tensor/ops/elementwise.ts';
import * as ops from '../../src/tensor/ops/index.ts';
import * as join from '../../src/tensor/ops/join.ts';
import { expectClose, type Tolerance } from '../support/close.ts';
import { type Deviation, deviations } from './deviations.ts';
import { build, buildInputs, decode, type ReferenceCase, reference, title } from './reference-cases.ts';

type Call = (inputs: (Tensor | number)[], args: unknown[]) => Tensor | Tensor[];

/** f(input, other input, …, argument, …) */
const plain =
  (f: (...args: never[]) => Tensor | Tensor[]): Call =>
  (inputs, args) =>
    f(...([...inputs, ...args] as never[]));

/** f([input, …], argument, …) */
const listed =
  (f: (...args: never[]) => Tensor): Call =>
  (inputs, args) =>
    f(...([inputs, ...args] as never[]));

/** How every operation is called with the inputs and arguments of a case: an operation left out does not compile. */
const calls = {
  abs: plain(ops.abs),
  add: plain(ops.add),
  argmax: plain(ops.argmax),
  argmin: plain(ops.argmin),
  cast: plain(ops.cast),
  ceil: plain(ops.ceil),
  clamp: plain(ops.clamp),
  clone: plain(ops.clone),
  concat: listed(join.concat),
  cos: plain(ops.cos),
  cumsum: plain(ops.cumsum),
  div: plain(ops.div),
  elu: plain(ops.elu),
  eq: plain(ops.eq),
  erf: plain(ops.erf),
  exp: plain(ops.exp),
  expand: plain(ops.expand),
  expm1: plain(ops.expm1),
  flatten: plain(ops.flatten),
  flip: plain(ops.flip),
  floor: plain(ops.floor),
  gather: ([x, index], [axis]) => ops.gather(x as Tensor, axis as number, index as Tensor),
  ge: plain(ops.ge),
  gelu: plain(ops.gelu),
  gt: plain(ops.gt),
  hardtanh: plain(ops.hardtanh),
  indexSelect: plain(ops.indexSelect),
  le: plain(ops.le),
  leakyRelu: plain(ops.leakyRelu),
  log: plain(ops.log),
  log1p: plain(ops.log1p),
  logSoftmax: plain(ops.logSoftmax),
  logSumExp: plain(ops.logSumExp),
  lt: plain(ops.lt),
  linear: plain(ops.linear),
  matmul: plain(ops.matmul),
  max: plain(ops.max),
  maximum: plain(ops.maximum),
  mean: plain(ops.mean),
  min: plain(ops.min),
  minimum: plain(ops.minimum),
  mish: plain(ops.mish),
  mul: plain(ops.mul),
  ne: plain(ops.ne),
  neg: plain(ops.neg),
  norm: plain(ops.norm),
  oneHot: plain(ops.oneHot),
  pad: plain(ops.pad),
  permute: plain(ops.permute),
  pow: plain(ops.pow),
  prod: plain(ops.prod),
  reciprocal: plain(ops.reciprocal),
  relu: plain(ops.relu),
  reshape: plain(ops.reshape),
  rsqrt: plain(ops.rsqrt),
  selu: plain(ops.selu),
  sigmoid: plain(ops.sigmoid),
  sign: plain(ops.sign),
  silu: plain(ops.silu),
  sin: plain(ops.sin),
  slice: plain(ops.slice),
  softmax: plain(ops.softmax),
  softplus: plain(ops.softplus),
  split: plain(ops.split),
  sqrt: plain(ops.sqrt),
  square: plain(ops.square),
  squeeze: plain(ops.squeeze),
  stack: listed(join.stack),
  std: plain(ops.std),
  sub: plain(ops.sub),
  sum: plain(ops.sum),
  tanh: plain(ops.tanh),
  transpose: plain(ops.transpose),
  unsqueeze: plain(ops.unsqueeze),
  variance: plain(ops.variance),
  where: plain(ops.where),
} satisfies Record<keyof typeof ops | keyof typeof join, Call>;

const list = <T>(x: T | readonly T[]): readonly T[] => (Array.isArray(x) ? x : [x as T]);

const used = new Set<Deviation>();

/** Puts what gradlet gives on purpose in the place of what PyTorch gives. */
function deviate(to: Deviation, inputs: (Tensor | number)[], weights: Tensor | null, wanted: Tensor): void {
  if (inputs.some((x) => x instanceof Tensor && String(x.shape) !== String(wanted.shape))) return;
  const values = contiguousData(wanted);
  const columns = inputs.map((x) => (x instanceof Tensor ? contiguousData(x) : x));
  for (let i = 0; i < values.length; i++) {
    if (!to.when(...columns.map((x) => (typeof x === 'number' ? x : x[i]!)))) continue;
    const ours = to.ours * (weights ? contiguousData(weights)[i]! : 1);
    if (!Object.is(values[i], ours)) used.add(to);
    values[i] = ours;
  }
}

function replay(op: string, row: ReferenceCase): void {
  const call = (calls as Record<string, Call>)[op]!;
  const inputs = buildInputs(row);
  // Element by element nothing cancels, so every number must be right by itself, however small.
  const relativeTo = op in elementwise || op in activation ? 'element' : 'largest';
  const tolerance = (dtype: string, what: string): Tolerance =>
    dtype === 'float32' ? { rtol: 1e-5, atol: 1e-6, relativeTo, what } : { rtol: 1e-12, relativeTo, what };
  const compare = (what: string, actual: Tensor | null, expected: ReferenceCase['output'] & object): void => {
    if (Array.isArray(expected)) throw new TypeError('one at a time');
    const wanted = build(expected);
    const found = actual ?? wanted.mul(0);
    expect(`${what} ${found.shape} ${found.dtype}`).toBe(`${what} ${wanted.shape} ${wanted.dtype}`);
    const weights = what === 'gradient 0' && row.weights ? build(row.weights[0]!) : null;
    for (const deviation of deviations) {
      if (deviation.op === op && deviation.part === what) deviate(deviation, inputs, weights, wanted);
    }
    expectClose(found, wanted, tolerance(wanted.dtype, what));
  };

  const outputs = list(call(inputs, decode(row.args) as unknown[]));
  const expected = list(row.output);
  expect(outputs.length).toBe(expected.length);
  for (const [i, y] of outputs.entries()) compare(`output ${i}`, y, expected[i]!);
  if (!row.grads) {
    return;
  }

  const weighted = outputs.map((y, i) => sum(row.weights ? y.mul(build(row.weights[i]!)) : y));
  const total = weighted.reduce((a, b) => a.add(b));
  const leaves = inputs.filter((x): x is Tensor => x instanceof Tensor && x.requiresGrad);
  const rows = <T>(written: readonly (T | null)[]): T[] => written.filter((x) => x !== null);
  const grads = total.requiresGrad
    ? grad(total, leaves, { allowUnused: true, createGraph: row.grads2 !== undefined })
    : leaves.map(() => null);
  for (const [i, wanted] of rows(row.grads).entries()) compare(`gradient ${i}`, grads[i]!, wanted);
  if (!row.grads2) return;

  const along = rows(row.directions!).map((d, i) => grads[i]?.mul(build(d)).sum());
  const bent = along.filter((d): d is Tensor => d?.requiresGrad === true);
  const second = bent.length ? grad(bent, leaves, { allowUnused: true }) : leaves.map(() => null);
  for (const [i, wanted] of rows(row.grads2).entries()) compare(`second gradient ${i}`, second[i]!, wanted);
}

describe(`PyTorch ${reference.torch}`, () => {
  it('has rows for every operation, and for nothing else', () => {
    expect(Object.keys(reference.cases).sort()).toEqual(Object.keys(calls).sort());
    for (const rows of Object.values(reference.cases)) expect(rows.length).toBeGreaterThan(0);
  });

  describe.each(Object.entries(reference.cases))('%s', (op, rows) => {
    it.each(rows.map((row, i) => [`${i}: ${title(row)}`, row] as const))('%s', (_, row) => replay(op, row));
  });

  it('differs on purpose only where it still differs', () => {
    expect(deviations.filter((d) => !used.has(d))).toEqual([]);
  });
});
