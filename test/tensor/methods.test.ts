import { describe, expect, it } from 'vitest';
import * as api from '../../src/tensor/index.ts';
import * as ops from '../../src/tensor/ops/index.ts';
import * as join from '../../src/tensor/ops/join.ts';

const { ones, Tensor, tensor } = api;

describe('every operation', () => {
  it.each(Object.keys({ ...ops, ...join }))('%s is a public function and a method', (name) => {
    expect(Object.keys(api)).toContain(name);
    expect(typeof (Tensor.prototype as unknown as Record<string, unknown>)[name]).toBe('function');
    expect(Object.keys(ones([1]))).not.toContain(name);
  });

  it('gives the same as a function and as a method', () => {
    const x = tensor([
      [1, 2],
      [3, 4],
    ]);
    const pairs = [
      [x.add(1), api.add(x, 1)],
      [x.matmul(x), api.matmul(x, x)],
      [x.slice(0, [1, 2]), api.slice(x, 0, [1, 2])],
      [x.concat([x, x], 1), api.concat([x, x, x], 1)],
      [x.stack([x]), api.stack([x, x])],
      [x.gt(2).where(x, 0), api.where(x.gt(2), x, 0)],
      [x.sum({ axis: 1, keepDims: true }), api.sum(x, { axis: 1, keepDims: true })],
    ];
    for (const [method, plain] of pairs) expect(String(method)).toBe(String(plain));
  });

  it('takes a number first where an element-wise operation does', () => {
    const x = tensor([1, 2, 4]);
    expect(api.sub(10, x).toArray()).toEqual([9, 8, 6]);
    expect(api.div(1, x).toArray()).toEqual([1, 0.5, 0.25]);
    expect(api.pow(2, x).toArray()).toEqual([2, 4, 16]);
    expect(api.lt(1.5, x).toArray()).toEqual([0, 1, 1]);
    expect(api.add(1, 2).toArray()).toBe(3);
  });

  it('leaves its inputs as they were', () => {
    const x = tensor([
      [3, 1],
      [2, 4],
    ]);
    const before = x.toString();
    for (const f of [api.neg, api.exp, api.sum, api.cumsum, api.softmax, api.prod, api.max] as ((
      x: unknown,
      axis?: number,
    ) => unknown)[]) {
      f(x, 0);
      expect(x.toString()).toBe(before);
    }
  });
});
