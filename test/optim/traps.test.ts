// Mistakes that other libraries shipped, each with a test that it would have failed.
import { describe, expect, it } from 'vitest';
import { Adadelta, Adam, NAdam, RMSprop, SGD } from '../../src/optim/index.ts';
import { contiguousData, type Tensor, tensor } from '../../src/tensor/index.ts';

const parameter = (values: number[]): Tensor => tensor(values, { dtype: 'float64', requiresGrad: true });

function walk(p: Tensor, optimizer: { step(): void }, gradients: readonly number[]): number[] {
  return gradients.map((g) => {
    p.grad = tensor([g], { dtype: 'float64' });
    optimizer.step();
    return contiguousData(p)[0]!;
  });
}

describe('traps', () => {
  it('Adam corrects both moments for their start at 0: the first step is lr, whatever the gradient', () => {
    for (const g of [1e-3, 1, 1e3]) {
      const p = parameter([0]);
      expect(walk(p, new Adam([p], { lr: 0.1, eps: 0 }), [g])).toEqual([expect.closeTo(-0.1, 14)]);
    }
  });

  it('Adam corrects in doubles, so a float32 parameter stays right at large t', () => {
    const p = tensor([0], { requiresGrad: true });
    const optimizer = new Adam([p], { lr: 1, eps: 0, beta2: 0.9999999 });
    const state = optimizer.stateDict();
    const t = 2_000_000;
    const zero = tensor([0]);
    const saved = { t, perStep: { bias1: 1, bias2: 1 }, state: { m: zero, v: zero } };
    optimizer.loadStateDict({ ...state, groups: [{ ...state.groups[0]!, params: [saved] }] });
    p.grad = tensor([1]);
    optimizer.step();
    const bias2 = 1 - 0.9999999 ** (t + 1);
    // computed by pow in float32, β₂ would be 1 − 1.2e-7 and the step 8 % off
    expect(p.item()).toBeCloseTo(-0.1 / Math.sqrt(1e-7 / bias2), 3);
    expect(Math.fround(0.9999999)).not.toBeCloseTo(0.9999999, 8);
  });

  it('Adadelta divides by the mean square that includes the present gradient', () => {
    const p = parameter([0]);
    const [rho, eps] = [0.9, 1e-6];
    const optimizer = new Adadelta([p], { rho, epsRoot: eps });
    const first = (-Math.sqrt(eps) / Math.sqrt((1 - rho) * 100 ** 2 + eps)) * 100;
    // with the previous one it would be 0, and the step 100 instead of 0.003
    expect(walk(p, optimizer, [100])).toEqual([expect.closeTo(first, 14)]);
    expect(Math.abs(first)).toBeLessThan(0.01);
  });

  it('NAdam looks ahead with the mean of gradients, not with the gradient', () => {
    const p = parameter([0]);
    const [lr, beta1, beta2, psi] = [0.1, 0.9, 0.999, 4e-3];
    const gradients = [1, -2, 0.5];
    let [m, v, product, expected] = [0, 0, 1, 0];
    const course = gradients.map((g, k) => {
      const mu = beta1 * (1 - 0.5 * 0.96 ** ((k + 1) * psi));
      const next = beta1 * (1 - 0.5 * 0.96 ** ((k + 2) * psi));
      product *= mu;
      m = beta1 * m + (1 - beta1) * g;
      v = beta2 * v + (1 - beta2) * g * g;
      const root = Math.sqrt(v / (1 - beta2 ** (k + 1)));
      expected -= (lr * ((next * m) / (1 - product * next) + ((1 - mu) * g) / (1 - product))) / root;
      return expect.closeTo(expected, 12);
    });
    expect(walk(p, new NAdam([p], { lr, eps: 0 }), gradients)).toEqual(course);
  });

  it('a parameter without a gradient keeps its state and its count, and its neighbours keep theirs', () => {
    const [a, b] = [parameter([1]), parameter([2])];
    const both = new Adam([a, b], { lr: 0.1 });
    const alone = parameter([2]);
    const other = new Adam([alone], { lr: 0.1 });
    for (let k = 0; k < 6; k++) {
      a.grad = k % 3 === 0 ? tensor([5], { dtype: 'float64' }) : null;
      b.grad = tensor([k - 2], { dtype: 'float64' });
      alone.grad = b.grad;
      both.step();
      other.step();
    }
    expect(b.item()).toBe(alone.item());
    expect(both.stateDict().groups[0]!.params.map(({ t }) => t)).toEqual([2, 6]);
  });

  it('SGD keeps the first gradient in its velocity', () => {
    const p = parameter([0]);
    const optimizer = new SGD([p], { lr: 1, momentum: 0.5, dampening: 0.5 });
    // m: 4, 0.5 · 4 + 0.5 · 0 = 2, 1
    expect(walk(p, optimizer, [4, 0, 0])).toEqual([-4, -6, -7]);
  });

  it('centered RMSprop stays finite where rounding makes the variance negative', () => {
    const p = tensor([0], { requiresGrad: true });
    const optimizer = new RMSprop([p], { centered: true, rho: 0.5, lr: 1e-3, eps: 1e-3 });
    for (let k = 0; k < 200; k++) {
      p.grad = tensor([0.1 + 1e-7]);
      optimizer.step();
      expect(Number.isFinite(p.item())).toBe(true);
    }
  });
});
