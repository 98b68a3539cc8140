import { describe, expect, it } from 'vitest';
import { assign, concat, grad, ones, randint, tensor, zeros, zerosLike } from '../../src/tensor/index.ts';

const leaf = (values: number[] | number) => tensor(values, { dtype: 'float64', requiresGrad: true });

describe('gradients where a factor is infinite', () => {
  // values of PyTorch 2.13
  it.each([
    ['relu(x).sqrt() at −1', () => grad(leafAt(-1).relu().sqrt().sum(), last), 0],
    ['clamp(x).sqrt() below the bound', () => grad(leafAt(-1).clamp({ min: 0 }).sqrt().sum(), last), 0],
    ['maximum(x, 0).sqrt()', () => grad(leafAt(-1).maximum(0).sqrt().sum(), last), 0],
  ])('%s', (_name, gradient, expected) => {
    expect(gradient().toArray()).toEqual([expected]);
  });

  let last = leaf([0]);
  function leafAt(x: number) {
    last = leaf([x]);
    return last;
  }

  it('powers at 0, to the third order', () => {
    const orders = (exponent: number, order: number) => {
      const x = leaf(0);
      let y = x.pow(exponent);
      for (let k = 0; k < order; k++) y = grad(y, x, { createGraph: true });
      return y.item();
    };
    expect([orders(1, 1), orders(2, 2), orders(3, 3)]).toEqual([1, 2, 6]);
    const x = leaf(0);
    const first = grad(x.pow(1), x, { createGraph: true });
    expect(grad(first, x, { allowUnused: true })?.item() ?? 0).toBe(0);
  });
});

describe('numbers beside float32 tensors', () => {
  it('compare as float32, so that 0.1 is 0.1', () => {
    expect(tensor([0.1]).eq(0.1).toArray()).toEqual([1]);
    expect(tensor([0.1]).le(0.1).toArray()).toEqual([1]);
    expect(tensor([0.7]).ge(0.7).toArray()).toEqual([1]);
    expect(tensor([0.1], { dtype: 'float64' }).eq(0.1).toArray()).toEqual([1]);
  });

  it('make no fractions of whole numbers where a bound is left out', () => {
    expect(String(tensor([1, 5], { dtype: 'int32' }).clamp({ max: 3 }))).toBe('tensor([1, 3], dtype=int32)');
  });
});

describe('norm', () => {
  it.each([1e25, 1e-30])('of %s in float32 does not leave the range on the way', (x) => {
    expect(tensor([x]).norm().item() / x).toBeCloseTo(1, 6);
  });
});

describe('bool tensors hold 0 and 1 only', () => {
  it('when created and when overwritten', () => {
    const drawn = randint(0, 5, [50], { dtype: 'bool' }).toArray() as number[];
    expect(new Set(drawn)).toEqual(new Set([0, 1]));
    const mask = tensor([false, false, false]);
    assign(mask, tensor([2, 0.5, 0]));
    expect(mask.toArray()).toEqual([1, 1, 0]);
  });
});

describe('options left undefined', () => {
  it('are left out', () => {
    expect(zerosLike(tensor([1], { dtype: 'float64' }), { dtype: undefined } as object).dtype).toBe(
      'float64',
    );
    expect(randint(0, 2, [1], { dtype: undefined } as object).dtype).toBe('int32');
  });
});

describe('what belongs to the caller', () => {
  it('may change after slice without changing its gradient', () => {
    const x = leaf([1, 2, 3]);
    const range: [number, number] = [0, 2];
    const y = x.slice(range);
    range[0] = 1;
    y.sum().backward();
    expect(x.grad?.toArray()).toEqual([1, 1, 0]);
  });

  it('is read before it is written over by a view of itself', () => {
    const a = tensor([
      [1, 2],
      [3, 4],
    ]);
    assign(a.transpose(), a);
    expect(a.toArray()).toEqual([
      [1, 3],
      [2, 4],
    ]);
  });
});

describe('scalars and large lists', () => {
  it('scalars go through operations along an axis, as in PyTorch', () => {
    expect([tensor(3).softmax().item(), tensor(3).logSoftmax().item(), tensor(3).cumsum(0).item()]).toEqual([
      1, 0, 3,
    ]);
  });

  it('concat takes 200 000 tensors', () => {
    const one = ones([1], { requiresGrad: true });
    const y = concat(Array.from({ length: 200_000 }, () => one));
    y.sum().backward();
    expect(one.grad?.item()).toBe(200_000);
  });

  it('many small axes are printed', () => {
    expect(String(zeros([6, 6, 6, 6, 6, 6, 6])).startsWith('tensor([[[[[[[0., 0.')).toBe(true);
  });
});
