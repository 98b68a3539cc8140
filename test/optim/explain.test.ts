import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DType } from '../../src/core/dtype.ts';
import { Adam, createOptimizer, defineOptimizer, type OptimizerName, SGD } from '../../src/optim/index.ts';
import { type Tensor, tensor } from '../../src/tensor/index.ts';
import { messageOf } from '../support/errors.ts';
import { cases, stepBy, title } from './cases.ts';

const numbers = (size: number) =>
  fc.array(fc.double({ min: -100, max: 100, noNaN: true }), { minLength: size, maxLength: size });
const course = fc.record({
  dtype: fc.constantFrom<DType>('float32', 'float64'),
  start: numbers(6),
  gradients: fc.array(numbers(6), { minLength: 1, maxLength: 4 }),
});

describe('the parts of a step add up to the change within 1e-12', () => {
  for (const { name, options } of cases) {
    it(title(name, options), () => {
      fc.assert(
        fc.property(course, ({ dtype, start, gradients }) => {
          const matrix = tensor(start, { dtype }).reshape([2, 3]);
          const p = tensor(matrix, { requiresGrad: true });
          const optimizer = createOptimizer(name, [p], { ...options, explain: true });
          let before = p.toArray() as number[][];
          for (const gradient of gradients) {
            before = p.toArray() as number[][];
            stepBy(optimizer, [p], [tensor(gradient, { dtype }).reshape([2, 3])]);
          }
          for (const [i, row] of (p.toArray() as number[][]).entries()) {
            for (const [j, after] of row.entries()) {
              const told = optimizer.explainStep(p, [i, j]);
              expect([told.before, told.after]).toEqual([before[i]![j], after]);
              expect(told.change).toBe(after - before[i]![j]!);
              const parts = Object.values(told.parts);
              const sum = parts.reduce((a, b) => a + b, 0);
              const largest = Math.max(1, ...parts.map(Math.abs));
              expect(Math.abs(sum - told.change)).toBeLessThanOrEqual(1e-12 * largest);
              // doubles are not rounded; a float32 has 24 bits, and is rounded by half of the last one
              const rounding = Math.abs(told.parts.rounding ?? 0);
              expect(rounding).toBeLessThanOrEqual(
                dtype === 'float64' ? 1e-12 * largest : 2 ** -24 * Math.abs(after) + 1e-30,
              );
            }
          }
        }),
        { numRuns: 8 },
      );
    });
  }
});

function explained(name: OptimizerName, options: object, gradients: number[], p0 = 2) {
  const p = tensor([p0], { dtype: 'float64', requiresGrad: true });
  const optimizer = createOptimizer(name, [['w', p]], { ...options, explain: true });
  for (const gradient of gradients) {
    p.grad = tensor([gradient], { dtype: 'float64' });
    optimizer.step();
  }
  const { parts } = optimizer.explainStep('w', [0]);
  return Object.fromEntries(Object.entries(parts).map(([part, x]) => [part, Number(x.toFixed(9))]));
}

describe('explainStep', () => {
  it('of plain gradient descent has nothing but the gradient', () => {
    expect(explained('sgd', { lr: 0.1 }, [3])).toEqual({ gradient: -0.3 });
  });

  it('tells momentum from gradient', () => {
    expect(explained('sgd', { lr: 0.1, momentum: 0.5 }, [4, 1])).toEqual({ gradient: -0.1, momentum: -0.2 });
    expect(explained('momentum', { lr: 0.1, momentum: 0.5 }, [4, 1])).toEqual({
      gradient: -0.1,
      momentum: -0.2,
    });
    expect(explained('sgdm', { lr: 0.1, beta1: 0.5 }, [4, 1])).toEqual({ gradient: -0.1, momentum: -0.05 });
  });

  it('tells clipping and both kinds of decay', () => {
    const clipped = { lr: 0.1, clipNorm: { max: 1, normType: 1 }, clipValue: 0.5, maximize: true };
    expect(explained('sgd', clipped, [4])).toEqual({ gradient: 0.4, clipping: -0.35 });
    expect(explained('sgd', { lr: 0.1, weightDecay: 0.5 }, [4])).toEqual({ gradient: -0.4, decay: -0.1 });
    const both = { lr: 0.1, weightDecay: 0.5, decay: 'decoupled', l1: 1, proximal: true };
    expect(explained('sgd', both, [4])).toEqual({ gradient: -0.4, decay: -0.2 });
    expect(explained('adamw', { lr: 0.1, weightDecay: 0.5, decay: 'coupled' }, [4])).toMatchObject({
      decay: -0.1,
    });
    expect(explained('adamw', { lr: 0.1, weightDecay: 0.5, clipAdaptive: 0.5 }, [4])).toMatchObject({
      gradient: -0.4,
      clipping: 0.3,
      decay: -0.1,
    });
  });

  it('tells what Adam does to a first gradient', () => {
    // m = 0.4, √v = 4 · √0.001, corrected to a step of 0.1
    const scaled = 0.1 * 0.4 * (1 - 1 / (4 * Math.sqrt(0.001)));
    expect(explained('adam', { lr: 0.1, eps: 0 }, [4])).toEqual({
      gradient: -0.4,
      momentum: 0.36,
      secondMoment: Number(scaled.toFixed(9)),
      biasCorrection: Number((-0.1 + 0.04 - scaled).toFixed(9)),
    });
  });

  it.each<[OptimizerName, object, string[]]>([
    ['adagrad', { lrDecay: 0.5 }, ['gradient', 'secondMoment', 'lrDecay']],
    ['adadelta', {}, ['gradient', 'secondMoment']],
    ['rmsprop', { centered: true }, ['gradient', 'secondMoment']],
    ['nadam', {}, ['gradient', 'momentum', 'secondMoment', 'biasCorrection']],
    ['radam', { beta2: 0.8 }, ['gradient', 'momentum', 'biasCorrection']],
    ['radam', { beta2: 0.99 }, ['gradient', 'momentum', 'biasCorrection']],
    ['lion', {}, ['gradient', 'momentum', 'sign']],
    ['rprop', {}, ['gradient', 'sign']],
    ['asgd', {}, ['gradient', 'lrDecay', 'decay']],
    ['lars', {}, ['gradient', 'momentum', 'trustRatio']],
    [
      'lamb',
      { weightDecay: 0.1 },
      ['gradient', 'momentum', 'secondMoment', 'biasCorrection', 'trustRatio', 'decay'],
    ],
    ['scheduleFreeSgd', { lr: 0.5, warmupSteps: 4 }, ['gradient', 'warmup', 'averaging']],
  ])('%s %j has parts of its own', (name, options, parts) => {
    expect(Object.keys(explained(name, options, [4, 3]))).toEqual(expect.arrayContaining(parts));
  });

  it('tells the parts of rules over whole tensors', () => {
    const p = tensor(
      [
        [1, 2],
        [3, 4],
      ],
      { dtype: 'float64', requiresGrad: true },
    );
    for (const [name, expected] of [
      ['muon', ['gradient', 'decay', 'momentum', 'orthogonalization']],
      ['adafactor', ['gradient', 'secondMoment', 'parameterScaling']],
    ] as const) {
      const optimizer = createOptimizer(name, [p], { explain: true });
      p.grad = tensor(
        [
          [1, 0],
          [2, 1],
        ],
        { dtype: 'float64' },
      );
      optimizer.step();
      expect(Object.keys(optimizer.explainStep(p, [1, 0]).parts)).toEqual(expected);
    }
  });

  it('calls all beyond the gradient momentum where a plug-in says nothing, and takes what it says', () => {
    const base = { name: 'mine', paper: '', defaults: { lr: 1 }, perStep: () => ({ gain: 3 }) };
    const run = (Kind: new (params: Tensor[], options: object) => InstanceType<typeof SGD>): object => {
      const p = tensor([0], { dtype: 'float64', requiresGrad: true });
      p.grad = tensor([1], { dtype: 'float64' });
      const optimizer = new Kind([p], { explain: true });
      optimizer.step();
      return optimizer.explainStep('0', [0]).parts;
    };
    const lines = { delta: ({ g }: { g: number }, { gain }: { gain: number }) => g * gain };
    expect(run(defineOptimizer({ ...base, lines }) as never)).toEqual({ gradient: -1, momentum: -2 });
    expect(run(defineOptimizer({ ...base, lines, parts: { gain: { gain: 1 } } }) as never)).toEqual({
      gradient: -1,
      gain: -2,
    });
    expect(messageOf(() => defineOptimizer({ ...base, lines, parts: { gain: { gian: 1 } } }))).toMatch(
      'defineOptimizer("mine"): part gain may replace lines and scalars only, got "gian". Did you mean "gain"?',
    );
  });

  it('may be switched on later, counts indices from the end, and prints a table', () => {
    const p = tensor([[1, 2, 3]], { dtype: 'float64', requiresGrad: true });
    const optimizer = new Adam([['fc1.weight', p]], { lr: 0.5 });
    p.grad = tensor([[1, 2, -4]], { dtype: 'float64' });
    optimizer.step();
    optimizer.explain = true;
    optimizer.step();
    const told = optimizer.explainStep('fc1.weight', [-1, -1]);
    expect([told.t, told.index]).toEqual([2, [0, 2]]);
    expect(String(told)).toBe(`fc1.weight[0, 2], step 2: 3.50000 → 4.00000
  gradient         2.00000
  momentum        -1.62000
  secondMoment     1.74480
  biasCorrection  -1.62480
  change           0.500000`);
  });

  it.each<[unknown, unknown, string]>([
    [
      'w',
      [0],
      'adam.explainStep: there must be one parameter of that name, got "w". Known: fc1.weight, fc1.bias.',
    ],
    [
      'fc1.weigt',
      [0],
      'adam.explainStep: there must be one parameter of that name, got "fc1.weigt". Did you mean "fc1.weight"? Known: fc1.weight, fc1.bias.',
    ],
    [3, [0], 'adam.explainStep: there must be one parameter of that name, got 3. Pass the parameter itself.'],
    ['fc1.weight', [0, 0, 0], 'adam.explainStep: there must be one index per axis of [1, 2], got [0, 0, 0].'],
    ['fc1.weight', 0, 'adam.explainStep: there must be one index per axis of [1, 2], got 0.'],
    ['fc1.weight', [0, 2], 'adam.explainStep: index 1 must be a whole number in −2 … 1, got 2.'],
    ['fc1.weight', [0.5, 0], 'adam.explainStep: index 0 must be a whole number in −1 … 0, got 0.5.'],
    [
      'fc1.bias',
      [0],
      'adam.explainStep: a step must have been remembered, got none of fc1.bias. Set the option explain to true, and take a step in which it has a gradient.',
    ],
  ])('refuses what is not there (%#)', (param, index, message) => {
    const [weight, bias] = [tensor([[1, 2]], { requiresGrad: true }), tensor([1], { requiresGrad: true })];
    weight.grad = tensor([[1, 1]]);
    const optimizer = new Adam(
      [
        ['fc1.weight', weight],
        ['fc1.bias', bias],
      ],
      { explain: true },
    );
    optimizer.step();
    expect(messageOf(() => optimizer.explainStep(param as string, index as number[]))).toBe(message);
  });

  it('wants the parameter itself where two have one name', () => {
    const [a, b] = [tensor([1], { requiresGrad: true }), tensor([2], { requiresGrad: true })];
    b.grad = tensor([1]);
    const optimizer = new SGD(
      [
        ['w', a],
        ['w', b],
      ],
      { lr: 1, explain: true },
    );
    optimizer.step();
    expect(messageOf(() => optimizer.explainStep('w', [0]))).toBe(
      'sgd.explainStep: there must be one parameter of that name, got "w", which 2 have. Pass the parameter itself.',
    );
    expect(optimizer.explainStep(b, [0]).change).toBe(-1);
  });

  it('of a scalar needs no index', () => {
    const p = tensor(1, { dtype: 'float64', requiresGrad: true });
    p.grad = tensor(0.5, { dtype: 'float64' });
    const optimizer = new SGD([p], { lr: 1, explain: true });
    optimizer.step();
    expect(String(optimizer.explainStep('0'))).toMatch(/^0, step 1: /);
  });
});
