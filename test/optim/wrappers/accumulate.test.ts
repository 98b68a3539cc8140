import { describe, expect, it } from 'vitest';
import { NonFiniteError } from '../../../src/core/errors.ts';
import * as nn from '../../../src/nn/index.ts';
import { Adam, SGD } from '../../../src/optim/index.ts';
import { accumulate, ema, lookahead, type OptimizerLike, sam } from '../../../src/optim/wrappers/index.ts';
import { type Tensor, tensor } from '../../../src/tensor/index.ts';

const scalar = (value: number): Tensor => tensor([value], { dtype: 'float64', requiresGrad: true });
const gradient = (value: number): Tensor => tensor([value], { dtype: 'float64' });

describe('accumulate', () => {
  it.each<[string, (model: nn.Module, optimizer: OptimizerLike) => void]>([
    ['of the model', (model) => model.zeroGrad()],
    ['of the optimizer', (_, optimizer) => optimizer.zeroGrad()],
    ['nowhere', () => undefined],
  ])('does not mind where gradients are cleared: %s', (_, clear) => {
    const model = new nn.Linear(1, 1, { bias: false });
    nn.init.ones(model.weight);
    const optimizer = accumulate(new SGD(model.parameters(), { lr: 1 }), 2);
    const way = [1, 2, 3, 5].map((x) => {
      clear(model, optimizer);
      model
        .forward(tensor([[x]]))
        .sum()
        .backward();
      optimizer.step();
      expect(model.weight.grad).toBe(null);
      return model.weight.item();
    });
    expect(way).toEqual([1, -0.5, -0.5, -4.5]);
  });

  it('adds up instead with mean: false', () => {
    const p = scalar(0);
    const optimizer = accumulate(new SGD([p], { lr: 1 }), 3, { mean: false });
    for (const g of [1, 2, 3]) {
      p.grad = gradient(g);
      optimizer.step();
    }
    expect(p.item()).toBe(-6);
  });

  it('takes a gradient that is missing for 0, and for none where it is always missing', () => {
    const [p, q] = [scalar(1), scalar(1)];
    const adam = new Adam([p, q], { lr: 0.5, weightDecay: 1, decay: 'decoupled' });
    const optimizer = accumulate(adam, 2);
    p.grad = gradient(4);
    optimizer.step();
    optimizer.step();
    expect(adam.stateDict().groups[0]!.params.map(({ t }) => t)).toEqual([1, 0]);
    expect(adam.stateDict().groups[0]!.params[0]!.state.m!.item()).toBeCloseTo(0.2, 12);
    expect(q.item()).toBe(1);
  });

  it('does not take gradients of what is frozen', () => {
    const p = scalar(1);
    const optimizer = accumulate(new SGD([p], { lr: 1 }), 2);
    p.grad = gradient(100);
    p.requiresGrad = false;
    optimizer.step();
    p.requiresGrad = true;
    p.grad = gradient(4);
    optimizer.step();
    expect(p.item()).toBe(-1);
  });

  it('keeps gradients apart from the tensors that were given, and shared ones from each other', () => {
    const [p, q] = [scalar(0), scalar(0)];
    const shared = gradient(2);
    const optimizer = accumulate(new SGD([p, q], { lr: 1 }), 2);
    for (let t = 0; t < 2; t++) {
      p.grad = q.grad = shared;
      optimizer.step();
    }
    expect([p.item(), q.item(), shared.item()]).toEqual([-2, -2, 2]);
  });

  it('runs a closure at every call', () => {
    const p = scalar(1);
    const optimizer = accumulate(new SGD([p], { lr: 1 }), 2);
    const losses = [1, 2, 3, 4].map((x) =>
      optimizer.step(() => {
        optimizer.zeroGrad();
        const loss = p.mul(x).sum();
        loss.backward();
        return loss.item();
      }),
    );
    expect(losses).toEqual([1, 2, -1.5, -2]);
    expect([p.item(), optimizer.steps]).toEqual([-4, 2]);
  });

  it('clips the mean', () => {
    const p = scalar(0);
    const sgd = new SGD([p], { lr: 1, clipValue: 1 });
    const optimizer = accumulate(sgd, 2);
    for (const g of [100, -101]) {
      p.grad = gradient(g);
      optimizer.step();
    }
    expect(p.item()).toBe(0.5);
  });

  it('flush steps by the mean of what there is, and not without anything', async () => {
    const p = scalar(0);
    const optimizer = accumulate(new SGD([p], { lr: 1 }), 4);
    optimizer.flush();
    await optimizer.flushAsync();
    expect(optimizer.steps).toBe(0);
    for (const g of [1, 2, 6]) {
      p.grad = gradient(g);
      optimizer.step();
    }
    optimizer.flush();
    expect([p.item(), optimizer.steps]).toEqual([-3, 1]);
    p.grad = gradient(1);
    optimizer.step();
    await optimizer.flushAsync();
    expect([p.item(), optimizer.steps]).toEqual([-4, 2]);
    optimizer.flush();
    expect(optimizer.steps).toBe(2);
  });

  it('flush reaches it from outside, and what is around counts the step', async () => {
    const p = scalar(4);
    const optimizer = sam(lookahead(ema(accumulate(accumulate(new SGD([p], { lr: 1 }), 2), 2)), { k: 1 }), {
      rho: 0,
    });
    const step = (): void =>
      optimizer.step(() => {
        p.grad = gradient(2);
      });
    for (let t = 0; t < 3; t++) step();
    expect([p.item(), optimizer.steps]).toEqual([4, 0]);
    optimizer.flush();
    expect([p.item(), optimizer.steps]).toEqual([3, 1]);
    step();
    await optimizer.flushAsync();
    expect([p.item(), optimizer.steps]).toEqual([2, 2]);
    expect(optimizer.inner.inner.stateDict().params[0]!.t).toBe(2);
  });

  it('begins a new round when the optimizer throws, and leaves it the gradients', () => {
    const p = scalar(0);
    const optimizer = accumulate(new SGD([p], { lr: 1, nonFinite: 'error' }), 2);
    p.grad = gradient(Number.NaN);
    optimizer.step();
    p.grad = gradient(1);
    expect(() => optimizer.step()).toThrow(NonFiniteError);
    expect([p.item(), p.grad.item(), optimizer.stateDict().count]).toEqual([0, Number.NaN, 0]);
    for (const g of [1, 3]) {
      p.grad = gradient(g);
      optimizer.step();
    }
    expect(p.item()).toBe(-2);
  });

  it('goes on from a half-gathered round with another n', () => {
    const p = scalar(0);
    const first = accumulate(new SGD([p], { lr: 1 }), 4);
    for (const g of [1, 2, 3]) {
      p.grad = gradient(g);
      first.step();
    }
    const second = accumulate(new SGD([p], { lr: 1 }), 2);
    second.loadStateDict(first.stateDict());
    p.grad = gradient(6);
    second.step();
    expect(p.item()).toBe(-3);
  });
});
