import { describe, expect, it } from 'vitest';
import { createOptimizer, type OptimizerName } from '../../src/optim/index.ts';
import { type Tensor, tensor } from '../../src/tensor/index.ts';

const start = (): Tensor => tensor(0, { dtype: 'float64', requiresGrad: true });

/** The course of θ from 0 on f(θ) = θ² − 2θ + 1, whose gradient is 2θ − 2 and whose minimum is at 1. */
function course(name: OptimizerName, options: object, steps: number): number[] {
  const theta = start();
  const optimizer = createOptimizer(name, [theta], options);
  return Array.from({ length: steps }, () => {
    optimizer.zeroGrad();
    theta.square().sub(theta.mul(2)).add(1).backward();
    optimizer.step();
    return theta.item();
  });
}

describe('f(θ) = θ² − 2θ + 1 from θ = 0, as the textbook works it out', () => {
  it('gradient descent, lr 0.1: 0.2, 0.36, 0.488', () => {
    expect(course('sgd', { lr: 0.1 }, 3)).toEqual([0.2, 0.36, 0.488].map((x) => expect.closeTo(x, 14)));
  });

  it.each(['momentum', 'sgd'] as const)('momentum 0.9, lr 0.1, by %s: 0.2, 0.54', (name) => {
    // v₁ = −0.2; v₂ = 0.9 · (−0.2) + 0.1 · (2 · 0.2 − 2) = −0.34
    expect(course(name, { lr: 0.1, momentum: 0.9 }, 2)).toEqual(
      [0.2, 0.54].map((x) => expect.closeTo(x, 14)),
    );
  });

  it('RMSprop, ρ 0.9, lr 0.01, ε inside the root: 0.0316, 0.0542', () => {
    const [first, second] = course('rmsprop', { lr: 0.01, rho: 0.9, eps: 0, epsRoot: 1e-8 }, 2) as [
      number,
      number,
    ];
    expect(first).toBeCloseTo(0.01 / Math.sqrt(0.1), 9);
    // v₂ = 0.9 · 0.4 + 0.1 · 1.93675²; the textbook goes on with rounded numbers and prints 0.0545
    const v = 0.36 + 0.1 * (2 - 2 * first) ** 2;
    expect(second).toBeCloseTo(first + (0.01 * (2 - 2 * first)) / Math.sqrt(v), 9);
    expect(second).toBeCloseTo(0.0542, 4);
  });

  it('Adam, lr 0.01: 0.01, 0.0200', () => {
    // m₂ = 0.9 · (−0.2) + 0.1 · (−1.98) = −0.378, so m̂₂ = −0.378 / (1 − 0.9²) = −1.9895 and v̂₂ = 0.0079164 / (1 − 0.999²):
    // a step of 0.01 · 0.99973. The textbook divides wrongly on the way and prints 0.0205.
    const [first, second] = course('adam', { lr: 0.01 }, 2) as [number, number];
    expect(first).toBeCloseTo(0.01, 9);
    expect(-0.378 / (1 - 0.81)).toBeCloseTo(-1.9895, 4);
    expect(second).toBeCloseTo(0.0199973, 7);
  });
});

describe('Nesterov', () => {
  it('is the literal look-ahead iteration, seen from the look-ahead point', () => {
    const [gamma, lr] = [0.9, 0.05];
    let theta = 0;
    let v = 0;
    const literal = Array.from({ length: 20 }, () => {
      v = gamma * v + lr * (2 * (theta - gamma * v) - 2);
      theta -= v;
      return theta - gamma * v;
    });
    expect(course('nag', { lr, momentum: gamma }, 20)).toEqual(literal.map((x) => expect.closeTo(x, 12)));
  });

  it('is SGD with nesterov while the learning rate stays', () => {
    const options = { lr: 0.05, momentum: 0.9 };
    const expected = course('sgd', { ...options, nesterov: true }, 20);
    expect(course('nag', options, 20)).toEqual(expected.map((x) => expect.closeTo(x, 12)));
  });
});
