import { describe, expect, it } from 'vitest';
import { ShapeError, ValueError } from '../../src/core/errors.ts';
import { Generator, manualSeed } from '../../src/core/random.ts';
import * as nn from '../../src/nn/index.ts';
import * as ops from '../../src/tensor/index.ts';
import { contiguousData, ones, type Tensor, tensor, zeros } from '../../src/tensor/index.ts';
import { expectClose } from '../support/close.ts';

const sum = (values: ArrayLike<number>): number => Array.from(values).reduce((a, b) => a + b, 0);
const meanOf = (values: ArrayLike<number>): number => sum(values) / values.length;
const varianceOf = (values: ArrayLike<number>, correction = 0): number => {
  const mean = meanOf(values);
  return sum(Array.from(values, (x) => (x - mean) ** 2)) / (values.length - correction);
};

describe('Linear', () => {
  it('starts from U(−1/√inFeatures, 1/√inFeatures), weights and bias alike', () => {
    const { weight, bias } = new nn.Linear(100, 400, { generator: new Generator(1) });
    for (const values of [contiguousData(weight), contiguousData(bias!)]) {
      expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(Math.fround(0.1));
      expect(Math.max(...values.map(Math.abs))).toBeGreaterThan(0.098);
      expect(Math.abs(meanOf(values))).toBeLessThan(0.01);
      expect(Math.abs(varianceOf(values) / (0.01 / 3) - 1)).toBeLessThan(0.1);
    }
  });

  it('is the same for the same seed', () => {
    const state = (): string => {
      manualSeed(5);
      return String(new nn.Linear(3, 2).weight);
    };
    expect(state()).toBe(state());
    const own = (): string => String(new nn.Linear(3, 2, { generator: new Generator(7) }).weight);
    expect(own()).toBe(own());
    expect(own()).not.toBe(state());
  });

  it('says what is wrong', () => {
    expect(() => new nn.Linear(0, 3)).toThrow(
      new ValueError('Linear', 'inFeatures must be a whole number ≥ 1', '0'),
    );
    expect(() => new nn.Linear(4, 2.5)).toThrow(
      new ValueError('Linear', 'outFeatures must be a whole number ≥ 1', '2.5'),
    );
    expect(() => new nn.Linear(4, 3).forward(ones([2, 3]))).toThrow(
      new ShapeError('Linear', 'the input must have 4 features along axis -1', 'shape [2, 3]'),
    );
    expect(() => new nn.Linear(4, 3).forward(ones([]))).toThrow(ShapeError);
    expect(() => new nn.Linear(1, 1).forward(1 as never)).toThrow(
      'Linear: the input must be a tensor, got 1',
    );
  });
});

describe('Sequential', () => {
  it('chains modules and functions', () => {
    const model = new nn.Sequential((x) => x.add(1), new nn.ReLU(), ops.square);
    expect(model.forward(tensor([-3, 2])).toArray()).toEqual([0, 9]);
    expect(new nn.Sequential().forward(tensor([1])).toArray()).toEqual([1]);
  });

  it('counts, reaches and walks its layers', () => {
    const layers = [new nn.Linear(2, 2), new nn.ReLU(), new nn.Dropout()];
    const model = new nn.Sequential(...layers);
    expect(model.length).toBe(3);
    expect([...model]).toEqual(layers);
    expect(model[0]).toBe(layers[0]);
    expect(model.at(0)).toBe(layers[0]);
    expect(model.at(-1)).toBe(layers[2]);
    expect([model.at(3), model.at(-4)]).toEqual([undefined, undefined]);
  });

  it('runs a layer as often as it comes, and trains it once', () => {
    const double = new nn.Lambda((x) => x.mul(2));
    expect(new nn.Sequential(double, double).forward(tensor([3])).toArray()).toEqual([12]);
    const shared = new nn.Linear(2, 2);
    expect(new nn.Sequential(shared, shared).parameters()).toHaveLength(2);
  });

  it('sees a layer that is replaced or added', () => {
    const model = new nn.Sequential(new nn.Linear(2, 2));
    model[0] = new nn.Linear(2, 1);
    model[1] = new nn.Tanh();
    expect(model.forward(ones([1, 2])).shape).toEqual([1, 1]);
    expect([model.length, model.parameters()[0]!.shape]).toEqual([2, [1, 2]]);
  });

  it('shows functions by their name', () => {
    const twice = (x: Tensor): Tensor => x.mul(2);
    expect(String(new nn.Sequential(twice, (x) => x))).toBe(
      'Sequential(\n  (0): Lambda(twice)\n  (1): Lambda()\n)',
    );
  });

  it('says what is wrong', () => {
    expect(() => new nn.Sequential(new nn.ReLU(), 3 as never)).toThrow(
      new ValueError('Sequential', 'every layer must be a module or a function', '3 at 1'),
    );
    expect(() => new nn.Sequential([new nn.ReLU()] as never)).toThrow(
      new ValueError(
        'Sequential',
        'every layer must be a module or a function',
        '[a ReLU] at 0',
        'Spread a list: new Sequential(...layers).',
      ),
    );
  });
});

describe('layers made of operations', () => {
  const x = tensor([-2, -0.5, 0, 0.5, 2]);
  const pairs: [nn.Layer, Tensor][] = [
    [new nn.ReLU(), ops.relu(x)],
    [new nn.LeakyReLU(), ops.leakyRelu(x)],
    [new nn.ELU(), ops.elu(x)],
    [new nn.SELU(), ops.selu(x)],
    [new nn.GELU(), ops.gelu(x)],
    [new nn.SiLU(), ops.silu(x)],
    [new nn.Mish(), ops.mish(x)],
    [new nn.Tanh(), ops.tanh(x)],
    [new nn.Sigmoid(), ops.sigmoid(x)],
    [new nn.Softplus(), ops.softplus(x)],
    [new nn.Hardtanh(), ops.hardtanh(x)],
    [new nn.Softmax(), ops.softmax(x)],
    [new nn.LogSoftmax(), ops.logSoftmax(x)],
    [new nn.Identity(), x],
  ];

  it.each(pairs.map(([layer, y]) => [String(layer), layer, y] as const))(
    '%s has the defaults of its operation',
    (_, layer, y) => {
      expect(layer.forward(x).toArray()).toEqual(y.toArray());
      expect(layer.constructor.name).toBe(String(layer).split('(')[0]);
    },
  );

  it('have their options as fields, and print them', () => {
    const layer = new nn.Softplus({ beta: 2 });
    expect([layer.beta, layer.threshold]).toEqual([2, 20]);
    expect(String(layer)).toBe('Softplus(beta=2, threshold=20)');
    expect(String(new nn.GELU({ approximate: 'tanh' }))).toBe("GELU(approximate='tanh')");
    expect(String(new nn.Flatten())).toBe('Flatten(startAxis=1, endAxis=-1)');
    expect(new nn.ReLU()).toBeInstanceOf(nn.ReLU);
    expect(new nn.ReLU()).toBeInstanceOf(nn.Module);
  });

  it('refuse a misspelt option, and do not compile with it', () => {
    // @ts-expect-error misspelt
    expect(() => new nn.LeakyReLU({ slope: 0.1 })).toThrow(
      new ValueError('LeakyReLU', 'every option must be known', '"slope"', 'Known: negativeSlope.'),
    );
    // @ts-expect-error relu has no options
    expect(() => new nn.ReLU({ inplace: true })).toThrow('every option must be known, got "inplace"');
    // @ts-expect-error misspelt
    expect(() => new nn.Linear(1, 1, { biass: false })).toThrow(
      new ValueError(
        'Linear',
        'every option must be known',
        '"biass"',
        'Did you mean "bias"? Known: bias, dtype, generator.',
      ),
    );
    // @ts-expect-error misspelt
    expect(() => new nn.Dropout(0.5, { scale: 'eval' })).toThrow('got "scale"');
    // @ts-expect-error misspelt
    expect(() => new nn.BatchNorm(1, { track_running_stats: false })).toThrow(
      'Did you mean "trackRunningStats"?',
    );
    // @ts-expect-error misspelt
    expect(() => new nn.LayerNorm(1, { epsilon: 1 })).toThrow('got "epsilon"');
    // @ts-expect-error misspelt
    expect(() => new nn.Parameter([1], { requireGrad: false })).toThrow('Did you mean "requiresGrad"?');
    // @ts-expect-error misspelt
    expect(() => new nn.Buffer([1], { name: 'x' })).toThrow('Buffer: every option must be known');
    // @ts-expect-error misspelt
    expect(() => new nn.Linear(1, 1).loadStateDict({}, { Strict: false })).toThrow('Did you mean "strict"?');
    // @ts-expect-error no number
    expect(() => new nn.BatchNorm(1, { momentum: '0.1' })).toThrow(
      'momentum must be a number in [0, 1], got "0.1"',
    );
  });

  it('are smooth at 0 and flat at ±1000 where their formulas are, also in their second derivatives', () => {
    const x = tensor([0, 1000, -1000], { dtype: 'float64', requiresGrad: true });
    const second = (layer: nn.Layer): Tensor =>
      ops.grad(ops.grad(layer.forward(x).sum(), x, { createGraph: true }).sum(), x);
    expectClose(second(new nn.SiLU()), [0.5, 0, 0]);
    expectClose(second(new nn.GELU()), [Math.sqrt(2 / Math.PI), 0, 0]);
    expectClose(second(new nn.Mish()), [0.64, 0, 0]);
    expectClose(second(new nn.Softplus()), [0.25, 0, 0]);
    expectClose(second(new nn.Sigmoid()), [0, 0, 0]);
    expectClose(second(new nn.Tanh()), [0, 0, 0]);
  });

  it('Flatten keeps the batch axis', () => {
    expect(new nn.Flatten().forward(zeros([2, 3, 4])).shape).toEqual([2, 12]);
    expect(new nn.Flatten({ startAxis: 0 }).forward(zeros([2, 3, 4])).shape).toEqual([24]);
  });

  it('ReLU(−1000) is 0', () => {
    expect(new nn.ReLU().forward(tensor([-1000, -0.1, 1000])).toArray()).toEqual([0, 0, 1000]);
  });
});
