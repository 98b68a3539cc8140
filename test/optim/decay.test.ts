import { describe, expect, it } from 'vitest';
import { AdamW, elasticNet, Momentum, SGD } from '../../src/optim/index.ts';
import { type Tensor, tensor } from '../../src/tensor/index.ts';
import { messageOf } from '../support/errors.ts';

const at = (...values: number[]): Tensor => {
  const p = tensor(values, { dtype: 'float64', requiresGrad: true });
  p.grad = tensor(
    values.map(() => 0),
    { dtype: 'float64' },
  );
  return p;
};

describe('l1', () => {
  it('by its slope wavers around 0; by its threshold it comes to 0 and stays', () => {
    const [slope, threshold] = [at(0.25, -0.25), at(0.25, -0.25)];
    const optimizers = [
      new SGD([slope], { lr: 1, l1: 0.2 }),
      new SGD([threshold], { lr: 1, l1: 0.2, proximal: true }),
    ];
    for (let t = 0; t < 3; t++) for (const optimizer of optimizers) optimizer.step();
    expect(slope.toArray()).toEqual([expect.closeTo(0.05, 12), expect.closeTo(-0.05, 12)]);
    expect(threshold.toArray()).toEqual([0, 0]);
  });

  it('as a threshold moves what is far by lr · l1, after the step, whatever decay says', () => {
    for (const decay of ['coupled', 'decoupled'] as const) {
      const p = at(2, -2, 0.1);
      p.grad = tensor([1, 1, 0], { dtype: 'float64' });
      new SGD([p], { lr: 0.5, l1: 0.25, proximal: true, decay }).step();
      expect(p.toArray()).toEqual([1.375, -2.375, 0]);
    }
  });

  it('as a threshold does not enter the moments', () => {
    const p = at(1);
    const optimizer = new Momentum([p], { lr: 0.5, l1: 0.5, proximal: true });
    optimizer.step();
    expect(optimizer.stateDict().groups[0]!.params[0]!.state.m!.item()).toBe(0);
    expect(p.item()).toBe(0.75);
  });

  it('lets NaN through', () => {
    const p = at(1);
    p.grad = tensor([NaN], { dtype: 'float64' });
    new SGD([p], { l1: 1, proximal: true }).step();
    expect(p.item()).toBe(NaN);
  });
});

describe('towardInit', () => {
  it.each(['coupled', 'decoupled'] as const)('pulls to the first value instead of 0 (%s)', (decay) => {
    const p = at(3);
    const optimizer = new SGD([p], { lr: 0.5, weightDecay: 0.5, towardInit: true, decay });
    p.grad = tensor([4], { dtype: 'float64' });
    optimizer.step();
    expect(p.item()).toBe(1);
    p.grad = tensor([0], { dtype: 'float64' });
    optimizer.step();
    expect(p.item()).toBe(1.5);
  });

  it('goes with both kinds of l1: a weight that the data do not move is exactly what it was', () => {
    const [slope, threshold] = [at(3), at(3)];
    const options = { lr: 1, l1: 0.25, towardInit: true };
    const optimizers = [new SGD([slope], options), new SGD([threshold], { ...options, proximal: true })];
    for (const p of [slope, threshold]) p.grad = tensor([1], { dtype: 'float64' });
    for (const optimizer of optimizers) optimizer.step();
    expect([slope.item(), threshold.item()]).toEqual([2, 2.25]);
    for (const p of [slope, threshold]) p.grad = tensor([0], { dtype: 'float64' });
    for (const optimizer of optimizers) for (let t = 0; t < 3; t++) optimizer.step();
    expect([slope.item(), threshold.item()]).toEqual([2.75, 3]);
  });

  it('keeps the first value only where something pulls, and saves it', () => {
    const p = at(3);
    const optimizer = new AdamW([p], { weightDecay: 0, towardInit: true });
    optimizer.step();
    const names = () => Object.keys(optimizer.stateDict().groups[0]!.params[0]!.state).sort();
    expect(names()).toEqual(['m', 'v']);
    optimizer.groups[0]!.weightDecay = 0.1;
    optimizer.step();
    expect(names()).toEqual(['m', 'p0', 'v']);
  });
});

describe('elasticNet', () => {
  it('checks its numbers', () => {
    expect(messageOf(() => elasticNet(-1, 0))).toBe('elasticNet: strength must be in [0, ∞), got -1.');
    expect(messageOf(() => elasticNet(1, 1.5))).toBe('elasticNet: l1Ratio must be in [0, 1], got 1.5.');
  });
});
