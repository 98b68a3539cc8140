import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NonFiniteError, ValueError } from '../../src/core/errors.ts';
import { defaultGenerator, Generator } from '../../src/core/random.ts';
import { DataLoader, TensorDataset } from '../../src/data/index.ts';
import {
  type LrFindOptions,
  lrFind,
  type OptimizerEntry,
  race,
  type StepperWithLr,
  type Trainable,
} from '../../src/inspect/index.ts';
import * as nn from '../../src/nn/index.ts';
import { optimizerNames, SGD } from '../../src/optim/index.ts';
import { randn, type Tensor, tensor } from '../../src/tensor/index.ts';
import { expectClose } from '../support/close.ts';
import { expectError } from '../support/errors.ts';

/** ½ Σ cᵢ pᵢ² + batch, on which gradient descent converges for learning rates below 2 / max c, the fastest at 1 / c. */
const quadratic = (curvatures: readonly number[], scale = 1) => {
  return (): Trainable<number> => {
    const c = tensor([...curvatures], { dtype: 'float64' });
    const p = tensor(c.add(1), { requiresGrad: true });
    const loss = (batch: number) =>
      p
        .square()
        .mul(c)
        .sum()
        .mul(scale / 2)
        .add(batch);
    return { model: { parameters: () => [p] }, loss };
  };
};

const find = (curvatures: readonly number[], more: Partial<LrFindOptions<number>> = {}) =>
  lrFind({ build: quadratic(curvatures), data: [0], optimizer: 'sgd', ...more });

describe('on a quadratic, whose best learning rate is known', () => {
  it('lrFind suggests about a tenth of it, whatever the curvature', () => {
    for (const curvature of [0.5, 7, 90]) {
      const { suggestion } = find([curvature], { to: 100 });
      expect(suggestion! * curvature, `curvature ${curvature}`).toBeGreaterThan(0.07);
      expect(suggestion! * curvature, `curvature ${curvature}`).toBeLessThan(0.15);
    }
  });

  it('it stays where the steepest direction converges, and trains better than a tenth of it', () => {
    const curvatures = [1, 20];
    const { suggestion, exploded, lrs } = find(curvatures);
    expect(exploded).toBe(true);
    expect(lrs.at(-1)).toBeGreaterThan(2 / 20);
    expect(suggestion).toBeLessThan(2 / 20);
    const rates = [suggestion!, suggestion! / 10];
    const entries = rates.map((lr) => ['sgd', { lr }] as const);
    const results = [
      ...race({ build: quadratic(curvatures), data: [0], entries, budget: { steps: 200 }, every: 1 }),
    ];
    const [found, lower] = results.slice(-2);
    expect(found!.loss).toBeLessThan(lower!.loss / 2);
  });

  it('it scales as the gradients do, and an offset of the loss changes nothing', () => {
    const plain = find([1, 3]).suggestion!;
    fc.assert(
      fc.property(fc.integer({ min: -8, max: 8 }), fc.integer({ min: -50, max: 50 }), (power, offset) => {
        const scale = 2 ** power;
        const range = { from: 1e-7 / scale, to: 10 / scale };
        const scaled = find([], { build: quadratic([1, 3], scale), ...range }).suggestion!;
        expectClose(scaled * scale, plain, { rtol: 1e-9 });
        expect(find([1, 3], { data: [offset] }).suggestion).toBe(plain);
      }),
    );
  });

  it('it does not mind batches of which some are much harder than others', () => {
    const generator = new Generator(1);
    const hardness = Array.from({ length: 100 }, () => 100 * generator.normal());
    const plain = find([1, 3], { to: 0.1 });
    const { suggestion, losses, smoothed } = find([1, 3], { data: hardness, to: 0.1 });
    expect(suggestion).toBe(plain.suggestion);
    expect(Math.max(...losses) - Math.min(...losses)).toBeGreaterThan(400);
    const mean = hardness.reduce((a, b) => a + b) / 100;
    expectClose(
      smoothed,
      plain.smoothed.map((loss) => loss + mean),
      { rtol: 1e-9 },
    );
  });
});

describe('on noisy mini-batches', () => {
  const generator = new Generator(3);
  const x = randn([256, 5], { generator });
  const noise = randn([256, 1], { generator });
  const y = x.square().sum({ axis: 1, keepDims: true }).add(noise);
  const data = new DataLoader(new TensorDataset(x, y), { batchSize: 16, shuffle: true });
  const build = (): Trainable<[Tensor, Tensor]> => {
    const model = new nn.Sequential(new nn.Linear(5, 16), new nn.Tanh(), new nn.Linear(16, 1));
    return { model, loss: ([input, target]) => nn.mseLoss(model.forward(input), target) };
  };
  const entryOf = {
    sgd: (lr: number) => ['sgd', { lr }],
    momentum: (lr: number) => ['sgd', { lr, momentum: 0.9 }],
    rmsprop: (lr: number) => ['rmsprop', { lr }],
    adam: (lr: number) => ['adam', { lr }],
  } satisfies Record<string, (lr: number) => OptimizerEntry<StepperWithLr>>;

  it.each(Object.entries(entryOf))('what it suggests for %s trains better than a tenth of it', (_, entry) => {
    for (const seed of [1, 2, 3]) {
      const { suggestion } = lrFind({ build, data, optimizer: entry(1), seed });
      const entries = [entry(suggestion!), entry(suggestion! / 10)];
      const results = [...race({ build, data, entries, seed, budget: { epochs: 8 } })];
      const [found, lower] = results.slice(-2);
      expect([found!.diverged, found!.epoch]).toEqual([null, 8]);
      expect(found!.loss, `seed ${seed}, learning rate ${suggestion}`).toBeLessThan(lower!.loss);
      expect(found!.loss).toBeLessThan(results[0]!.loss);
    }
  });

  it('runs with every optimizer', () => {
    for (const optimizer of optimizerNames()) {
      const { lrs, losses, smoothed } = lrFind({ build, data, optimizer });
      expect([losses.length, smoothed.length], optimizer).toEqual([lrs.length, lrs.length]);
      expect([...losses, ...smoothed].every(Number.isFinite), optimizer).toBe(true);
    }
  });

  it('depends on the seed only, and leaves the random numbers of the caller alone', () => {
    const once = () => lrFind({ build, data, optimizer: 'adam', seed: 4 });
    const before = defaultGenerator.state;
    const { toString: _, ...first } = once();
    defaultGenerator.uniform();
    const { toString: __, ...second } = once();
    expect(second).toEqual(first);
    defaultGenerator.state = before;
    once();
    expect(defaultGenerator.state).toEqual(before);
  });

  it('gives null where there is nothing to gain', () => {
    // the weights are right already, and noise is all that is left
    const truth = tensor([[1], [2], [3], [4], [5]]);
    const solved = (): Trainable<[Tensor, Tensor]> => {
      const weight = tensor(truth, { requiresGrad: true });
      const loss = ([input, error]: [Tensor, Tensor]) =>
        nn.mseLoss(input.matmul(weight), input.matmul(truth).add(error));
      return { model: { parameters: () => [weight] }, loss };
    };
    const errors = new DataLoader(new TensorDataset(x, noise), { batchSize: 16, shuffle: true });
    const found = lrFind({ build: solved, data: errors, optimizer: 'sgd' });
    expect(found.suggestion).toBeNull();
    expect(found.exploded).toBe(true);
    expect(String(found)).toMatch(
      /^lrFind: no suggestion, since the loss does not fall between 1e-7 and [\d.]+$/,
    );
  });
});

describe('lrFind', () => {
  it('raises the learning rate by the same factor from batch to batch', () => {
    const { lrs, losses } = find([1e-3], { from: 1e-4, to: 1, steps: 41 });
    expect(lrs).toHaveLength(41);
    expectClose([lrs[0]!, lrs[10]!, lrs[40]!], [1e-4, 1e-3, 1]);
    // p ← p − lr c p
    let p = 1.001;
    expectClose(
      losses,
      lrs.map((lr) => {
        const loss = 0.5e-3 * p * p;
        p -= lr * 1e-3 * p;
        return loss;
      }),
    );
  });

  it('smooths by a running mean that is corrected for its start', () => {
    const { losses, smoothed } = find([1], { smoothing: 0.7, to: 0.1 });
    let mean = 0;
    expectClose(
      smoothed,
      losses.map((loss, i) => {
        mean = 0.7 * mean + 0.3 * loss;
        return mean / (1 - 0.7 ** (i + 1));
      }),
    );
    expectClose(find([1], { smoothing: 0, to: 0.1 }).smoothed, find([1], { to: 0.1 }).losses);
  });

  it('ends when the smoothed loss is four times its lowest', () => {
    const { lrs, smoothed, exploded } = find([1, 20]);
    expect(exploded).toBe(true);
    expect(lrs.length).toBeLessThan(100);
    const lowest = Math.min(...smoothed);
    expect(smoothed.at(-1)).toBeGreaterThan(4 * lowest);
    expect(Math.max(...smoothed.slice(smoothed.indexOf(lowest), -1))).toBeLessThanOrEqual(4 * lowest);
    expect(find([1, 20], { to: 0.05 }).exploded).toBe(false);
  });

  it('ends when the loss is not finite, with finite numbers only', () => {
    const steep = () => {
      const p = tensor([1], { requiresGrad: true });
      return { model: { parameters: () => [p] }, loss: () => p.mul(30).exp().sum() };
    };
    const { exploded, losses, smoothed } = lrFind({
      build: steep,
      data: [0],
      optimizer: ['sgd', { maximize: true }],
    });
    expect(exploded).toBe(true);
    expect([...losses, ...smoothed].every(Number.isFinite)).toBe(true);
    const root = () => {
      const p = tensor([1], { requiresGrad: true });
      return { model: { parameters: () => [p] }, loss: () => p.log().sum() };
    };
    expect(lrFind({ build: root, data: [0], optimizer: 'sgd' })).toMatchObject({ exploded: true });
  });

  it('gives null where the loss is constant, or falls by less than 1 %', () => {
    expect(find([0]).suggestion).toBeNull();
    expect(find([1, 3], { data: [1e3] }).suggestion).not.toBeNull();
    expect(find([1, 3], { data: [1e4] }).suggestion).toBeNull();
    expect(String(find([0]))).toBe('lrFind: no suggestion, since the loss does not fall between 1e-7 and 10');
  });

  it('says what it found', () => {
    expect(String(find([7]))).toBe('lrFind: a learning rate of 0.012 is good to begin with');
  });

  it('goes through the data as often as needed', () => {
    let epochs = 0;
    const data: Iterable<number> = {
      *[Symbol.iterator]() {
        epochs++;
        yield* [0, 0, 0];
      },
    };
    find([1], { data, to: 0.1, steps: 10 });
    expect(epochs).toBe(4);
  });

  it('compares with the untrained model under the same dropout masks', () => {
    const x = randn([32, 8], { generator: new Generator(1) });
    const build = (): Trainable<Tensor> => {
      const model = new nn.Sequential(new nn.Linear(8, 8), new nn.Dropout(0.5), new nn.Linear(8, 1));
      return { model, loss: (input) => model.forward(input).square().mean() };
    };
    const before = defaultGenerator.state;
    const { losses, smoothed } = lrFind({ build, data: [x], optimizer: 'sgd', from: 1e-9, to: 1e-7 });
    expect(Math.max(...losses) / Math.min(...losses)).toBeGreaterThan(1.5);
    expect(Math.max(...smoothed) / Math.min(...smoothed)).toBeLessThan(1 + 1e-5);
    expect(defaultGenerator.state).toEqual(before);
  });

  it('hands on what else is thrown, at any time', () => {
    let left = 5;
    const build = () => {
      const { model, loss } = quadratic([1])();
      const failing = (batch: number) => {
        if (left-- === 0) throw new TypeError('no more');
        return loss(batch);
      };
      return { model, loss: failing };
    };
    expect(() => lrFind({ build, data: [0], optimizer: 'sgd' })).toThrow(new TypeError('no more'));
    const error = new NonFiniteError('mine', 'x must be finite', 'NaN');
    const create = (params: Tensor[]) => ({
      lr: 1,
      zeroGrad: () => new SGD(params).zeroGrad(),
      step: () => {
        throw error;
      },
    });
    expect(() => find([1], { optimizer: { name: 'mine', create } })).toThrow(error);
  });

  it('takes no notice of the learning rate that an entry has', () => {
    expect(find([1], { optimizer: ['sgd', { lr: 5 }] }).losses).toEqual(find([1]).losses);
    const factory = { name: 'mine', create: (params: Tensor[]) => new SGD(params, { lr: 7 }) };
    expect(find([1], { optimizer: factory }).losses).toEqual(find([1]).losses);
  });

  it('refuses what makes no sense', () => {
    const refuse = (more: object, message: string) =>
      expectError(() => find([1], more as Partial<LrFindOptions<number>>), ValueError, message);
    refuse(
      { lr: 1 },
      'lrFind: every option must be known, got "lr". Did you mean "to"? Known: build, data, optimizer, from, to, steps, smoothing, seed.',
    );
    refuse({ build: 1 }, 'lrFind: build must be a function, got 1.');
    refuse(
      { data: null },
      'lrFind: data must be a list of batches, got null. Pass a DataLoader or an array of batches.',
    );
    refuse({ seed: 'x' }, 'lrFind: seed must be a whole number, got "x".');
    for (const [from, to] of [
      [0, 1],
      [1, 1],
      [1, Infinity],
    ]) {
      refuse({ from, to }, `lrFind: from and to must be 0 < from < to < ∞, got ${from} and ${to}.`);
    }
    refuse({ steps: 9 }, 'lrFind: steps must be a whole number ≥ 10, got 9.');
    refuse({ smoothing: 1 }, 'lrFind: smoothing must be in [0, 1), got 1.');
    refuse(
      { optimizer: undefined },
      'lrFind: an optimizer must be a name, [name, options], a class or { name, create }, got undefined.',
    );
    const rateless = {
      name: 'rateless',
      create: () => ({ zeroGrad: () => undefined, step: () => undefined }),
    };
    refuse({ optimizer: rateless }, 'lrFind: the optimizer must have a learning rate lr, got undefined.');
    refuse(
      { data: [] },
      'lrFind: data must give batches in every epoch, got none in epoch 1. What a generator function returns can be used ' +
        'only once: pass a DataLoader or an array of batches.',
    );
    const model = quadratic([1])();
    refuse(
      { build: () => model },
      'lrFind: build must make a new model every time, got the same parameters twice. Create the model inside build.',
    );
    refuse(
      { build: () => quadratic([defaultGenerator.uniform(), Math.random()])() },
      'lrFind: build must give the same weights every time, got others. Draw them from the generator behind manualSeed, ' +
        'or from a new Generator(seed) inside build.',
    );
    expectError(
      () => find([1], { data: [Number.NaN] }),
      NonFiniteError,
      'lrFind: the loss must be finite, got NaN. Lower the learning rate, or clip the gradients with clipNorm.',
    );
  });
});
