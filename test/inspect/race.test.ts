import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NonFiniteError, ShapeError, ValueError } from '../../src/core/errors.ts';
import { DataLoader, TensorDataset } from '../../src/data/index.ts';
import {
  defaultGenerator,
  Generator,
  isGradEnabled,
  manualSeed,
  randn,
  type Tensor,
  tensor,
} from '../../src/index.ts';
import {
  type OptimizerEntry,
  type RaceOptions,
  type RaceResult,
  race,
  raceTable,
  type Stepper,
  standing,
  type Trainable,
} from '../../src/inspect/index.ts';
import * as nn from '../../src/nn/index.ts';
import { Adam, defineOptimizer, optimizerNames, SGD } from '../../src/optim/index.ts';
import { expectError, messageOf } from '../support/errors.ts';

type Batch = [Tensor, Tensor];

const x = randn([60, 3], { generator: new Generator(1) });
const rows = new TensorDataset(x, x.sum({ axis: 1, keepDims: true }).square());
/** Six batches of ten, in an order that the race's seed decides. */
const data = () => new DataLoader(rows, { batchSize: 10, shuffle: true });

/** A network with dropout, so that random numbers matter in every step. */
const build = (): Trainable<Batch> => {
  const model = new nn.Sequential(
    new nn.Linear(3, 8),
    new nn.Tanh(),
    new nn.Dropout(0.2),
    new nn.Linear(8, 1),
  );
  return { model, loss: ([x, y]) => nn.mseLoss(model.forward(x), y) };
};

const options = { build, entries: ['sgd', 'adam'], budget: { epochs: 2 } } satisfies Partial<
  RaceOptions<Batch>
>;
const run = (more: Partial<RaceOptions<Batch>> = {}): RaceResult[] => [
  ...race({ ...options, data: data(), ...more }),
];

/** What does not depend on the clock. */
const curve = (results: readonly RaceResult[], label: string) =>
  results
    .filter((result) => result.label === label)
    .map(({ step, epoch, loss, score }) => [step, epoch, loss, score]);

const exploding: OptimizerEntry = ['sgd', { lr: 1e6 }];

/** Takes `steps` steps of SGD and throws in the next one. */
const throwing = (steps: number, error: unknown = new Error('no more')): OptimizerEntry => ({
  name: 'throwing',
  create: (params) => {
    const sgd = new SGD(params);
    let left = steps;
    return {
      zeroGrad: () => sgd.zeroGrad(),
      step(closure) {
        if (left-- === 0) throw error;
        return sgd.step(closure);
      },
    };
  },
});

describe('all entries of a race', () => {
  const every: OptimizerEntry[] = [...optimizerNames()];
  const results = run({ entries: every, budget: { steps: 3 }, every: 1 });

  it('start from the same weights, on the same batch and with the same dropout: the first losses agree to the bit', () => {
    const first = results.filter(({ step }) => step === 1);
    expect(first.length).toBe(every.length);
    expect(new Set(first.map(({ loss }) => loss)).size).toBe(1);
    expect(new Set(results.filter(({ step }) => step === 3).map(({ loss }) => loss)).size).toBeGreaterThan(1);
  });

  it('see the same batches in the same order', () => {
    const seen: Tensor[][] = [];
    const watching = (): Trainable<Batch> => {
      const { model, loss } = build();
      const own: Tensor[] = [];
      seen.push(own);
      return {
        model,
        loss: (batch) => {
          own.push(batch[0]);
          return loss(batch);
        },
      };
    };
    run({ build: watching });
    expect(seen.map((own) => own.length)).toEqual([12, 12]);
    expect(seen[0]!.every((batch, i) => batch === seen[1]![i])).toBe(true);
    // shuffled anew in the second epoch
    expect(seen[0]![6]!.toArray()).not.toEqual(seen[0]![0]!.toArray());
  });

  it('have the curves that they have alone, bit for bit', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.constantFrom(...optimizerNames()), { minLength: 1, maxLength: 4 }),
        fc.integer(),
        fc.integer({ min: 1, max: 9 }),
        (entries, seed, steps) => {
          const settings = { seed, budget: { steps }, every: 2 };
          const together = run({ entries, ...settings });
          for (const entry of entries) {
            expect(curve(together, entry)).toEqual(curve(run({ entries: [entry], ...settings }), entry));
          }
        },
      ),
      { numRuns: 15 },
    );
  });

  it('have the curve of a loop written by hand', () => {
    manualSeed(5);
    const { model, loss } = build();
    const optimizer = new Adam([...model.parameters()]);
    const trained = defaultGenerator.state;
    manualSeed(~5);
    const batches = [...data()];
    defaultGenerator.state = trained;
    let total = 0;
    for (const batch of batches) {
      optimizer.zeroGrad();
      const value = loss(batch);
      value.backward();
      optimizer.step();
      total += value.item();
    }
    const [result] = run({ entries: ['adam'], seed: 5, budget: { epochs: 1 } });
    expect(result).toMatchObject({ step: 6, epoch: 1, loss: total / 6 });
  });

  it('depend on the seed, and on nothing else', () => {
    expect(curve(run(), 'adam')).toEqual(curve(run(), 'adam'));
    expect(curve(run({ seed: 1 }), 'adam')).not.toEqual(curve(run(), 'adam'));
  });

  it('leave the random numbers of the caller alone, whatever it draws in between', () => {
    manualSeed(3);
    const expected = [defaultGenerator.normal(), defaultGenerator.normal(), defaultGenerator.normal()];
    manualSeed(3);
    const drawn: number[] = [];
    const results: RaceResult[] = [];
    for (const result of race({ ...options, data: data(), budget: { epochs: 1 } })) {
      drawn.push(defaultGenerator.normal());
      results.push(result);
    }
    expect([...drawn, defaultGenerator.normal()]).toEqual(expected);
    expect(curve(results, 'adam')).toEqual(curve(run({ budget: { epochs: 1 } }), 'adam'));
  });
});

describe('results', () => {
  it('come once per entry and epoch', () => {
    expect(run().map(({ label, step, epoch }) => [label, step, epoch])).toEqual([
      ['sgd', 6, 1],
      ['adam', 6, 1],
      ['sgd', 12, 2],
      ['adam', 12, 2],
    ]);
  });

  it('come every so many steps, and at the end', () => {
    const steps = run({ entries: ['sgd'], every: 5 }).map(({ step, epoch }) => [step, epoch]);
    expect(steps).toEqual([
      [5, 1],
      [10, 2],
      [12, 2],
    ]);
  });

  it('come once where an epoch ends with them', () => {
    const steps = run({ entries: ['sgd'], every: 6 }).map(({ step, epoch }) => [step, epoch]);
    expect(steps).toEqual([
      [6, 1],
      [12, 2],
    ]);
  });

  it('hold the loss that led to a step, also of an optimizer that asks for more than one', () => {
    const twice: OptimizerEntry = {
      name: 'twice',
      create: (params) => {
        const sgd = new SGD(params, { lr: 0.1 });
        const step = (closure: () => Tensor) => {
          sgd.step(closure);
          closure();
        };
        return { zeroGrad: () => sgd.zeroGrad(), step };
      },
    };
    const plain = (): Trainable<Batch> => {
      const model = new nn.Linear(3, 1);
      return { model, loss: ([x, y]) => nn.mseLoss(model.forward(x), y) };
    };
    const entries: OptimizerEntry[] = [twice, ['sgd', { lr: 0.1 }]];
    const [once, same] = run({ build: plain, entries, budget: { steps: 5 } });
    expect(once!.loss).toBe(same!.loss);
  });

  it('hold the mean loss since the one before', () => {
    const each = run({ entries: ['sgd'], every: 1 }).map(({ loss }) => loss);
    const mean = (from: number, to: number) => each.slice(from, to).reduce((a, b) => a + b, 0) / (to - from);
    const some = run({ entries: ['sgd'], every: 5 }).map(({ loss }) => loss);
    expect(some).toEqual([mean(0, 5), mean(5, 10), mean(10, 12)]);
  });

  it('come while the race goes on, to a synchronous and to an asynchronous loop', async () => {
    let built = 0;
    const watching = () => {
      built++;
      return build();
    };
    const running = race({ ...options, build: watching, data: data() });
    expect(built).toBe(2);
    expect(running.next().value).toMatchObject({ label: 'sgd', step: 6 });
    const later: string[] = [];
    for await (const { label } of running) later.push(label);
    expect(later).toEqual(['adam', 'sgd', 'adam']);
  });

  it('count the time of the training only', () => {
    let clock = 0;
    const { now } = performance;
    performance.now = () => ++clock * 1000; // every look at the clock takes a second
    try {
      expect(run({ budget: { steps: 4 }, every: 2 }).map(({ seconds }) => seconds)).toEqual([2, 2, 4, 4]);
    } finally {
      performance.now = now;
    }
  });

  it('print in one line', () => {
    const [result] = run({ entries: ['adam'], budget: { steps: 1 } });
    expect(String(result)).toBe(
      `adam: step 1, epoch 1, loss ${Number(result!.loss.toPrecision(4))}, ${result!.seconds.toFixed(2)} s`,
    );
    const scored = run({
      build: () => ({ ...build(), score: () => 1 / 3 }),
      entries: ['adam'],
      budget: { steps: 1 },
    });
    expect(String(scored[0])).toContain(', score 0.3333, ');
    const out = run({ entries: [exploding, 'adam'] }).find(({ diverged }) => diverged)!;
    expect(String(out)).toBe(
      `sgd: step ${out.step}, epoch 1, out: race: the loss must be finite, got Infinity. Lower the learning rate, or clip ` +
        'the gradients with clipNorm.',
    );
  });
});

describe('labels', () => {
  const labels = (...entries: OptimizerEntry[]) =>
    run({ entries, budget: { steps: 1 } }).map(({ label }) => label);
  const Mine = defineOptimizer({
    name: 'mine',
    paper: '',
    defaults: { lr: 0.1 },
    lines: { delta: ({ g }) => g },
  });

  it('are names, with the options in which namesakes differ', () => {
    expect(labels('sgd', ['adamw', { lr: 1e-3 }])).toEqual(['sgd', 'adamw']);
    expect(labels('sgd', ['sgd', { lr: 0.1, momentum: 0.9 }])).toEqual(['sgd', 'sgd (lr 0.1, momentum 0.9)']);
    expect(
      labels(['adam', { lr: 0.1, beta1: 0.5, decay: 'coupled' }], ['adam', { lr: 0.1, decay: 'decoupled' }]),
    ).toEqual(['adam (beta1 0.5, decay coupled)', 'adam (decay decoupled)']);
    expect(labels('sgd', ['sgd', { gpu: { mode: 'cpu' } }])[1]).toBe('sgd (gpu { mode })');
  });

  it('are of classes and factories, too', () => {
    const factory = { name: 'slow adam', create: (params: Tensor[]) => new Adam(params, { lr: 1e-5 }) };
    expect(labels(Mine, factory, Adam)).toEqual(['mine', 'slow adam', 'adam']);
  });

  it('never occur twice', () => {
    expect(labels('sgd', SGD, 'sgd')).toEqual(['sgd', 'sgd #2', 'sgd #3']);
    const named = (name: string) => ({ name, create: (params: Tensor[]) => new SGD(params) });
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('sgd' as const, Mine, named('sgd #2'), named('sgd'), named('mine')), {
          minLength: 1,
          maxLength: 8,
        }),
        (entries) => {
          expect(new Set(labels(...entries)).size).toBe(entries.length);
        },
      ),
      { numRuns: 20 },
    );
  });
});

describe('the budget', () => {
  it('is so many epochs', () => {
    expect(run({ budget: { epochs: 3 } }).at(-1)).toMatchObject({ step: 18, epoch: 3 });
  });

  it('is so many steps, also in the middle of an epoch or at its end', () => {
    const steps = (n: number) => run({ entries: ['sgd'], budget: { steps: n } }).map(({ step }) => step);
    expect([4, 6, 8].map(steps)).toEqual([[4], [6], [6, 8]]);
  });

  it('is so many seconds of each entry by itself', () => {
    const clock = { now: 0 };
    const { now } = performance;
    performance.now = () => clock.now;
    /** SGD whose steps take so many seconds. */
    const lasting = (seconds: number): OptimizerEntry => ({
      name: `${seconds} s`,
      create: (params) => {
        const sgd = new SGD(params);
        const step = (closure: () => Tensor) => {
          clock.now += 1000 * seconds;
          return sgd.step(closure);
        };
        return { zeroGrad: () => sgd.zeroGrad(), step };
      },
    });
    try {
      const results = run({ entries: [lasting(1), lasting(4)], budget: { seconds: 10 }, every: 100 });
      expect(results.map(({ label, step, epoch, seconds }) => [label, step, epoch, seconds])).toEqual([
        ['4 s', 3, 1, 12],
        ['1 s', 10, 2, 10],
      ]);
    } finally {
      performance.now = now;
    }
  });

  it('ends with the loop', () => {
    const closed: number[] = [];
    let reads = 0;
    const stream: Iterable<Batch> = {
      [Symbol.iterator]: () => {
        const epoch = reads++;
        const batches = data()[Symbol.iterator]();
        return {
          next: () => batches.next(),
          return: () => {
            closed.push(epoch);
            return { done: true, value: undefined };
          },
        };
      },
    };
    for (const { step } of race({ ...options, data: stream, every: 4, budget: { epochs: 9 } }))
      if (step === 8) break;
    expect([reads, closed]).toEqual([2, [1]]);
    run({ data: stream, budget: { epochs: 1 } });
    expect(closed).toEqual([1]);
    run({ data: stream, budget: { steps: 2 } }); // read no further than needed
    expect(closed).toEqual([1, 3]);
  });
});

describe('an entry that diverges', () => {
  it('is out with the reason, and the others go on as if it had not been there', () => {
    const results = run({ entries: [exploding, 'adam'], every: 1 });
    const out = results.filter(({ label }) => label === 'sgd');
    expect(out.at(-1)!.diverged).toBeInstanceOf(NonFiniteError);
    expect(out.at(-1)!.loss).toBe(Number.POSITIVE_INFINITY);
    expect(out.filter(({ diverged }) => diverged)).toHaveLength(1);
    expect(out.length).toBeLessThan(12);
    expect(curve(results, 'adam')).toEqual(curve(run({ entries: ['adam'], every: 1 }), 'adam'));
  });

  it('keeps the parameters that gave the loss which is not finite', () => {
    const weight = tensor([2], { requiresGrad: true });
    const huge = () => ({ model: { parameters: () => [weight] }, loss: () => weight.mul(Infinity).sum() });
    const [result] = race({ build: huge, data: [0], entries: ['sgd'], budget: { steps: 5 } });
    expect(result).toMatchObject({ step: 1, loss: Infinity, score: null });
    expect(weight.item()).toBe(2);
  });

  it('is one whose step throws, too', () => {
    const error = new Error('no more');
    const results = run({ entries: ['sgd', throwing(8, error)] });
    expect(results.map(({ label, step, diverged }) => [label, step, diverged])).toEqual([
      ['sgd', 6, null],
      ['throwing', 6, null],
      ['throwing', 9, error],
      ['sgd', 12, null],
    ]);
    expect(results[2]!.loss).toBeNaN();
    const [, odd] = run({ entries: ['sgd', throwing(0, 'in words')], budget: { steps: 1 } });
    expect(odd!.diverged!.message).toBe('in words');
  });

  it('ends the race when it was the last one', () => {
    const results = run({ entries: [exploding, throwing(2)] });
    expect(results.every(({ diverged }) => diverged)).toBe(true);
    const later = run({ entries: [throwing(2), throwing(2)] });
    expect(later.map(({ label, step, diverged }) => [label, step, diverged?.message])).toEqual([
      ['throwing', 3, 'no more'],
      ['throwing #2', 3, 'no more'],
    ]);
  });

  it('is no excuse for a mistake in the loss, which is thrown', () => {
    const wrong = (): Trainable<Batch> => ({ ...build(), loss: ([x, y]) => x.matmul(y).sum() });
    expect(messageOf(() => run({ build: wrong }), ShapeError)).toMatch(/^matmul: /);
  });
});

describe('score', () => {
  const scored = (score: (model: nn.Module) => number) => () => {
    const { model, loss } = build();
    return { model, loss, score: () => score(model as nn.Module) };
  };

  it('is asked at every result, in evaluation mode and without recording', () => {
    const seen: unknown[] = [];
    const ask = (model: nn.Module) => {
      seen.push([model.training, isGradEnabled()]);
      return seen.length;
    };
    expect(run({ build: scored(ask) }).map(({ score }) => score)).toEqual([1, 2, 3, 4]);
    expect(seen).toEqual(Array(4).fill([false, false]));
    expect(run().map(({ score }) => score)).toEqual(Array(4).fill(null));
  });

  it('is not asked of an entry that is out', () => {
    const results = run({ build: scored(() => 1), entries: [exploding, 'adam'] });
    expect(results.map(({ diverged, score }) => [diverged !== null, score])).toContainEqual([true, null]);
    expect(results.every(({ diverged, score }) => score === (diverged ? null : 1))).toBe(true);
  });

  it('changes nothing in the training, whatever it draws and however often it is asked', () => {
    const ask = (model: nn.Module) => {
      model.train();
      return (model.forward as (x: Tensor) => Tensor)(x).sum().item() + defaultGenerator.uniform();
    };
    const losses = (results: RaceResult[]) =>
      results.filter(({ step }) => step === 12).map(({ loss }) => loss);
    expect(losses(run({ build: scored(ask), every: 1 }))).toEqual(losses(run({ every: 1 })));
  });

  it('may belong to a model that is no module', () => {
    const weight = () => tensor([2], { requiresGrad: true });
    const plain = () => {
      const w = weight();
      return { model: { parameters: () => [w] }, loss: () => w.square().sum(), score: () => w.item() };
    };
    const [result] = race({
      build: plain,
      data: [0],
      entries: [['sgd', { lr: 0.25 }]],
      budget: { steps: 1 },
    });
    expect(result!.score).toBe(1);
  });
});

describe('the standing', () => {
  const result = (
    label: string,
    step: number,
    loss: number,
    more: Partial<Omit<RaceResult, 'toString'>> = {},
  ): RaceResult => {
    return { label, step, epoch: 1, loss, score: null, seconds: 1.234, diverged: null, ...more };
  };
  const out = new Error('out');
  const results = [
    result('a', 1, 0.1),
    result('b', 1, 0.2),
    result('c', 1, Number.NaN, { diverged: out }),
    result('a', 2, 0.31415926),
    result('b', 2, 0.02),
    result('d', 2, Infinity, { diverged: out }),
  ];

  it('has the last result of each, from the lowest loss up, and those that are out at the end', () => {
    expect(standing(results).map(({ label, step }) => [label, step])).toEqual([
      ['b', 2],
      ['a', 2],
      ['d', 2],
      ['c', 1],
    ]);
    expect(standing([])).toEqual([]);
  });

  it('is what the iterator returns', () => {
    const running = race({ ...options, data: data() });
    const results: RaceResult[] = [];
    let next = running.next();
    for (; !next.done; next = running.next()) results.push(next.value);
    expect(next.value).toEqual(standing(results));
  });

  it('prints as a table', () => {
    expect(raceTable(results)).toBe(
      [
        'optimizer     loss   steps   seconds',
        '────────────────────────────────────',
        'b             0.02       2      1.23',
        'a           0.3142       2      1.23',
        'd              out       2      1.23',
        'c              out       1      1.23',
      ].join('\n'),
    );
    expect(raceTable([result('a', 1, 1, { score: 0.5 }), result('b', 1, 2)]).split('\n')).toEqual([
      'optimizer   loss   score   steps   seconds',
      '──────────────────────────────────────────',
      'a              1     0.5       1      1.23',
      'b              2               1      1.23',
    ]);
  });
});

describe('a race that cannot be run says why', () => {
  const refuse = (more: object, message: string) =>
    expectError(() => race({ ...options, data: data(), ...more } as RaceOptions<Batch>), ValueError, message);

  it('options', () => {
    refuse(
      { budgett: 1 },
      'race: every option must be known, got "budgett". Did you mean "budget"? Known: build, data, entries, budget, every, seed.',
    );
    refuse({ build: {} }, 'race: build must be a function, got {  }.');
    refuse(
      { data: 5 },
      'race: data must be a list of batches, got 5. Pass a DataLoader or an array of batches.',
    );
    refuse({ entries: [] }, 'race: entries must be a list of optimizers, got [].');
    refuse({ entries: 'sgd' }, 'race: entries must be a list of optimizers, got "sgd".');
    refuse({ every: 0 }, "race: every must be 'epoch' or a whole number ≥ 1, got 0.");
    refuse({ every: 'step' }, `race: every must be 'epoch' or a whole number ≥ 1, got "step".`);
    refuse({ seed: 0.5 }, 'race: seed must be a whole number, got 0.5.');
  });

  it('budgets', () => {
    refuse({ budget: {} }, 'race: budget must be one of { epochs }, { steps } and { seconds }, got {  }.');
    refuse(
      { budget: undefined },
      'race: budget must be one of { epochs }, { steps } and { seconds }, got undefined.',
    );
    refuse(
      { budget: { epochs: 1, steps: 1 } },
      'race: budget must be one of { epochs }, { steps } and { seconds }, got { epochs, steps }.',
    );
    refuse(
      { budget: { epoch: 1 } },
      'race, budget: every option must be known, got "epoch". Did you mean "epochs"? Known: epochs, steps, seconds.',
    );
    refuse({ budget: { epochs: 1.5 } }, 'race: budget epochs must be a whole number ≥ 1, got 1.5.');
    refuse({ budget: { steps: 0 } }, 'race: budget steps must be a whole number ≥ 1, got 0.');
    refuse({ budget: { seconds: 0 } }, 'race: budget seconds must be a number > 0, got 0.');
    refuse({ budget: { seconds: '1 s' } }, 'race: budget seconds must be a number > 0, got "1 s".');
  });

  it('optimizers', () => {
    const none = 'race: an optimizer must be a name, [name, options], a class or { name, create }, got';
    refuse({ entries: [null] }, `${none} null.`);
    refuse({ entries: [{ create: () => 1 }] }, `${none} { create }.`);
    refuse({ entries: [() => 1] }, `${none} a function.`);
    refuse(
      { entries: ['adma'] },
      `createOptimizer: the optimizer must be known, got "adma". Did you mean "adam"? Known: ${optimizerNames().join(', ')}.`,
    );
    refuse(
      { entries: [['sgd', { beta1: 1 }]] },
      messageOf(() => new SGD([tensor([1])], { beta1: 1 } as object)),
    );
    refuse(
      { entries: [{ name: 'own', create: () => ({ step: () => 1 }) }] },
      'race: "own" must have zeroGrad() and step(closure), got { step }.',
    );
  });

  it('models', () => {
    const wrong = (got: string) =>
      `race: build must return { model, loss }, got ${got}. model needs parameters(), and loss is a function of a batch.`;
    refuse({ build: () => undefined }, wrong('undefined'));
    refuse({ build: () => ({ model: {}, loss: () => 1 }) }, wrong('{ model, loss }'));
    refuse({ build: () => ({ model: new nn.Linear(1, 1) }) }, wrong('{ model }'));
    refuse(
      { build: () => ({ ...build(), scor: () => 1 }) },
      'race, build: every option must be known, got "scor". Did you mean "score"? Known: model, loss, score.',
    );
    const shared = build();
    refuse(
      { build: () => shared },
      'race: build must make a new model every time, got the same parameters twice. Create the model inside build.',
    );
    const generator = new Generator(1);
    const others =
      'race: build must give the same weights every time, got others. Draw them from the generator behind manualSeed, or from a new Generator(seed) inside build.';
    refuse({ build: () => ({ ...build(), model: new nn.Linear(3, 1, { generator }) }) }, others);
    let bias = false;
    const sometimes = () => {
      bias = !bias;
      return { ...build(), model: new nn.Linear(3, 1, { bias }) };
    };
    refuse({ build: sometimes }, others);
    let outputs = 1;
    refuse({ build: () => ({ ...build(), model: new nn.Linear(3, outputs++) }) }, others);
  });

  const throws = (more: object, message: string) =>
    expectError(
      () => [...race({ ...options, data: data(), ...more } as RaceOptions<Batch>)],
      ValueError,
      message,
    );

  it('losses and scores', () => {
    const mustBe = 'race: the loss must be a tensor with one element, got';
    throws({ build: () => ({ ...build(), loss: () => 1 }) }, `${mustBe} 1.`);
    throws(
      { build: () => ({ ...build(), loss: ([x]: Batch) => x }) },
      `${mustBe} a tensor of shape [10, 3].`,
    );
    throws({ build: () => ({ ...build(), loss: async () => 1 }) }, `${mustBe} a Promise.`);
    throws(
      { build: () => ({ ...build(), score: () => '99 %' }) },
      'race: score must return a number, got "99 %".',
    );
    const lazy: Stepper = { zeroGrad: () => undefined, step: () => undefined };
    throws(
      { entries: [{ name: 'lazy', create: () => lazy }] },
      'race: step(closure) must call its closure, got a step without.',
    );
  });

  it('data that is used up', () => {
    const advice =
      'What a generator function returns can be used only once: pass a DataLoader or an array of batches.';
    function* once() {
      yield* data();
    }
    throws({ data: once() }, `race: data must give batches in every epoch, got none in epoch 2. ${advice}`);
    throws({ data: [] }, `race: data must give batches in every epoch, got none in epoch 1. ${advice}`);
    expect(run({ data: once(), budget: { epochs: 1 } })).toHaveLength(2);
  });
});
