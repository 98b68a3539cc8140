import {
  type Adam,
  createOptimizer,
  defineOptimizer,
  nn,
  type OptimizerName,
  type Tensor,
  tensor,
} from 'gradlet';
import { describe, expectTypeOf, test } from 'vitest';

const x = tensor([1, 2], { requiresGrad: true });

describe('modules', () => {
  test('forward has the types of the module', () => {
    expectTypeOf(new nn.Linear(2, 3).forward(x)).toEqualTypeOf<Tensor>();
    // @ts-expect-error the output size is missing
    new nn.Linear(2);
    // @ts-expect-error a misspelt option
    new nn.Linear(2, 3, { biases: false });
  });
});

describe('optimizers', () => {
  test('names are completed and checked', () => {
    expectTypeOf<'sgd' | 'adam' | 'adamw' | 'nadam'>().toExtend<OptimizerName>();
    expectTypeOf(createOptimizer('adam', [x])).toExtend<InstanceType<typeof Adam>>();
    // @ts-expect-error a misspelt name
    createOptimizer('adamm', [x]);
  });

  test('each has options of its own', () => {
    createOptimizer('adamw', [x], { lr: 3e-4, beta2: 0.95, weightDecay: 0.05 });
    createOptimizer('sgd', [{ params: [x], lr: 0.1 }], { momentum: 0.9, nesterov: true });
    // @ts-expect-error sgd has no beta2
    createOptimizer('sgd', [x], { beta2: 0.9 });
    // @ts-expect-error a learning rate is a number
    createOptimizer('adam', [x], { lr: '0.1' });
    // @ts-expect-error a group has the optimizer's options
    createOptimizer('sgd', [{ params: [x], beta2: 0.9 }]);
  });

  test('a rule sees its own names only', () => {
    const rule = { name: 'mine', paper: '', defaults: { lr: 0.1, pull: 2 } } as const;
    const Mine = defineOptimizer({ ...rule, lines: { delta: ({ g }, { pull }) => g * pull } });
    new Mine([x], { pull: 3 });
    // @ts-expect-error misspelt
    new Mine([x], { pul: 3 });
    // @ts-expect-error there is no push
    defineOptimizer({ ...rule, lines: { delta: ({ g }, { push }) => g * push } });
  });
});
