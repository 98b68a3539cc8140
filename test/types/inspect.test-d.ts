import {
  Adam,
  AdamW,
  DataLoader,
  type Descent,
  defineOptimizer,
  descend,
  lrFind,
  nn,
  type OptimizerEntry,
  optimizerNames,
  type RaceResult,
  race,
  raceTable,
  surfaces,
  type Tensor,
  TensorDataset,
  tensor,
} from 'gradlet';
import { describe, expectTypeOf, test } from 'vitest';

const data = new DataLoader(new TensorDataset(tensor([[1]]), tensor([[2]])));
const budget = { epochs: 1 };
const build = () => {
  const model = new nn.Linear(1, 1);
  return { model, loss: ([x, y]: [Tensor, Tensor]) => nn.mseLoss(model.forward(x), y) };
};

describe('entries', () => {
  const Mine = defineOptimizer({
    name: 'mine',
    paper: '',
    defaults: { lr: 0.1, pull: 2 },
    lines: { delta: ({ g }, { pull }) => g * pull },
  });

  test('are names, names with their own options, classes and factories', () => {
    race({
      build,
      data,
      budget,
      entries: [
        'sgd',
        ['adamw', { lr: 1e-3, beta2: 0.95, weightDecay: 0.1, clipNorm: 1 }],
        ['sgd', { lr: 0.1, momentum: 0.9, nesterov: true }],
        Adam,
        Mine,
        { name: 'pulling', create: (params) => new Mine(params, { lr: 1, pull: 3 }) },
      ],
    });
    const names = optimizerNames();
    race({ build, data, budget, entries: names });
    race({ build, data, budget, entries: names.map((name) => [name, { lr: 0.1, l1: 1 }] as const) });
    const entries: OptimizerEntry[] = ['adam', ['rmsprop', { centered: true }]];
    race({ build, data, budget, entries });
  });

  test('with a mistake do not compile', () => {
    // @ts-expect-error a misspelt name
    race({ build, data, budget, entries: ['sgdd'] });
    // @ts-expect-error a misspelt name with options
    race({ build, data, budget, entries: [['sgdd', { lr: 1 }]] });
    // @ts-expect-error a misspelt option
    race({ build, data, budget, entries: ['adam', ['sgd', { momentun: 0.9 }]] });
    // @ts-expect-error an option of another optimizer
    race({ build, data, budget, entries: [['sgd', { beta2: 0.9 }]] });
    // @ts-expect-error a learning rate is a number
    race({ build, data, budget, entries: [['adam', { lr: '0.1' }]] });
    // @ts-expect-error a single entry is no list
    race({ build, data, budget, entries: 'sgd' });
    // @ts-expect-error what is made must be able to step
    race({ build, data, budget, entries: [{ name: 'none', create: () => ({ zeroGrad() {} }) }] });
    // @ts-expect-error a factory has a name
    race({ build, data, budget, entries: [{ create: (params: Tensor[]) => new AdamW(params) }] });
    // @ts-expect-error a misspelt option
    descend(surfaces.ravine, ['adam', { bta1: 0.9 }]);
    // @ts-expect-error a misspelt name
    lrFind({ build, data, optimizer: 'adm' });
    const stepper = { zeroGrad() {}, step: (closure: () => Tensor) => closure() };
    race({ build, data, budget, entries: [{ name: 'mine', create: () => stepper }] });
    // @ts-expect-error lrFind sets the learning rate
    lrFind({ build, data, optimizer: { name: 'mine', create: () => stepper } });
    lrFind({ build, data, optimizer: { name: 'mine', create: () => ({ ...stepper, lr: 1 }) } });
  });
});

describe('race', () => {
  test('hands the batches of the data to the loss', () => {
    race({
      build: () => {
        const model = new nn.Linear(1, 1);
        return {
          model,
          loss: ([x, y]) => {
            expectTypeOf([x, y]).toEqualTypeOf<Tensor[]>();
            return nn.mseLoss(model.forward(x), y);
          },
        };
      },
      data,
      budget,
      entries: ['sgd'],
    });
    lrFind({
      optimizer: 'adam',
      data: [{ image: tensor([[1]]), label: 3 }],
      build: () => ({
        model: new nn.Linear(1, 1),
        loss: (batch) => {
          expectTypeOf(batch).toEqualTypeOf<{ image: Tensor; label: number }>();
          return batch.image.sum();
        },
      }),
    });
    // @ts-expect-error batches are pairs of tensors, not numbers
    race({ build, data: [1, 2], budget, entries: ['sgd'] });
    const model = new nn.Linear(1, 1);
    // @ts-expect-error a loss is a tensor
    race({ build: () => ({ model, loss: () => 1 }), data, budget, entries: ['sgd'] });
    // @ts-expect-error a model has parameters
    race({ build: () => ({ model: {}, loss: () => tensor(1) }), data, budget, entries: ['sgd'] });
    // @ts-expect-error a score is a number
    race({ build: () => ({ ...build(), score: () => 'good' }), data, budget, entries: ['sgd'] });
  });

  test('has one budget', () => {
    race({ build, data, entries: ['sgd'], budget: { steps: 1 } });
    race({ build, data, entries: ['sgd'], budget: { seconds: 0.5 }, every: 10 });
    // @ts-expect-error one of the two
    race({ build, data, entries: ['sgd'], budget: { epochs: 1, steps: 1 } });
    // @ts-expect-error misspelt
    race({ build, data, entries: ['sgd'], budget: { epoch: 1 } });
    // @ts-expect-error there is none
    race({ build, data, entries: ['sgd'] });
    // @ts-expect-error in words only 'epoch'
    race({ build, data, budget, entries: ['sgd'], every: 'step' });
  });

  test('gives results', () => {
    const running = race({ build, data, budget, entries: ['sgd'] });
    for (const result of running) {
      expectTypeOf(result).toEqualTypeOf<RaceResult>();
      expectTypeOf(result.diverged).toEqualTypeOf<Error | null>();
    }
    const last = running.next();
    if (last.done) expectTypeOf(last.value).toEqualTypeOf<RaceResult[]>();
    expectTypeOf(raceTable([...running])).toEqualTypeOf<string>();
  });
});

test('descend takes a surface or a function with a start', () => {
  expectTypeOf(descend(surfaces.cliff, 'sgd', { steps: 3 })).toEqualTypeOf<Descent>();
  descend({ f: (x, y) => x.mul(y), start: [1, 2] }, Adam);
  // @ts-expect-error a start is needed
  descend({ f: (x: Tensor) => x }, 'sgd');
  // @ts-expect-error there is no such surface
  surfaces.canyon;
  // @ts-expect-error misspelt
  descend(surfaces.cliff, 'sgd', { step: 3 });
  // @ts-expect-error a point has two coordinates
  descend(surfaces.cliff, 'sgd', { start: [1] });
});

test('lrFind may find nothing', () => {
  expectTypeOf(lrFind({ build, data, optimizer: Adam }).suggestion).toEqualTypeOf<number | null>();
});
