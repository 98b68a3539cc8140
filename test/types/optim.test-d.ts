import {
  Adam,
  AdamW,
  clipGradNorm,
  createOptimizer,
  defineOptimizer,
  NAdam,
  type Optimizer,
  type OptimizerName,
  registerOptimizer,
  SGD,
  type Tensor,
  tensor,
} from 'gradlet';
import { describe, expectTypeOf, test } from 'vitest';

const w = tensor([1], { requiresGrad: true });
const base = { paper: '', defaults: { lr: 0.1, beta1: 0.9, strict: false } };

describe('defineOptimizer', () => {
  test('a line sees p, g, every line, every hyperparameter and what perStep returns', () => {
    defineOptimizer({
      ...base,
      name: 'mine',
      perStep: (t, { beta1 }, { seen = 0 }) => ({ bias1: 1 - beta1 ** t, seen: seen + 1, first: t === 1 }),
      initial: { m: ({ p }, { lr }) => p * lr },
      lines: {
        m: ({ p, g, m, delta }, { beta1, bias1, first, strict, weightDecay, maximize }) => {
          expectTypeOf([p, g, m, delta, beta1, bias1, weightDecay]).toEqualTypeOf<number[]>();
          expectTypeOf([first, strict, maximize]).toEqualTypeOf<boolean[]>();
          return m;
        },
        delta: ({ m }) => m,
      },
    });
  });

  test('misspelt names do not compile', () => {
    // @ts-expect-error a line that there is not
    defineOptimizer({ ...base, name: 'a', lines: { m: ({ g }) => g, delta: ({ n }) => n } });
    // @ts-expect-error a hyperparameter that there is not
    defineOptimizer({ ...base, name: 'a', lines: { delta: ({ g }, { beta }) => beta * g } });
    defineOptimizer({
      ...base,
      name: 'a',
      // @ts-expect-error a hyperparameter that there is not
      perStep: (t, { beta }) => ({ b: beta ** t }),
      lines: { delta: () => 1 },
    });
    // @ts-expect-error a scalar that perStep does not return
    defineOptimizer({ ...base, name: 'a', perStep: () => ({ b: 1 }), lines: { delta: (_, { c }) => c } });
    // @ts-expect-error an initial value of no line
    defineOptimizer({ ...base, name: 'a', initial: { n: () => 1 }, lines: { delta: () => 1 } });
    // @ts-expect-error the range of no hyperparameter
    defineOptimizer({ ...base, name: 'a', ranges: { beta: '[0, 1)' }, lines: { delta: () => 1 } });
    // @ts-expect-error no interval
    defineOptimizer({ ...base, name: 'a', ranges: { beta1: '0 to 1' }, lines: { delta: () => 1 } });
    // @ts-expect-error a switch is no number
    defineOptimizer({ ...base, name: 'a', lines: { delta: ({ g }, { strict }) => g * strict } });
    // @ts-expect-error every optimizer has a learning rate
    defineOptimizer({ name: 'a', paper: '', defaults: { beta1: 0.9 }, lines: { delta: () => 1 } });
    // @ts-expect-error no such way of decaying
    defineOptimizer({ ...base, name: 'a', defaults: { lr: 1, decay: 'l2' }, lines: { delta: () => 1 } });
  });
});

describe('classes', () => {
  test('have the options of their rule and those that all share', () => {
    new Adam([w], {
      lr: 1,
      beta1: 0.5,
      amsgrad: true,
      weightDecay: 1,
      decay: 'coupled',
      l1: 1,
      maximize: true,
      clipNorm: 1,
    });
    new AdamW([{ params: [w], lr: 1, decay: 'decoupled' }], { gpu: { mode: 'webasm', threshold: 5 } });
    // @ts-expect-error misspelt
    new Adam([w], { bta1: 0.5 });
    // @ts-expect-error a switch
    new Adam([w], { amsgrad: 1 });
    // @ts-expect-error no such way of decaying
    new Adam([w], { decay: 'l2' });
    // @ts-expect-error clipping is of the whole optimizer, not of a group
    new Adam([{ params: [w], clipNorm: 1 }]);
    // @ts-expect-error misspelt in a group
    new SGD([{ params: [w], momentun: 0.9 }]);
    // @ts-expect-error a single tensor is no list
    new SGD(w);
    // @ts-expect-error no such backend
    new SGD([w], { gpu: { mode: 'cuda' } });
  });

  test('groups have the options of the rule, to read and to write', () => {
    const optimizer = new NAdam([w]);
    const group = optimizer.groups[0]!;
    group.momentumDecay = group.lr * 2;
    expectTypeOf(group.params).toEqualTypeOf<readonly Tensor[]>();
    expectTypeOf(group.decay).toEqualTypeOf<'coupled' | 'decoupled'>();
    // @ts-expect-error nadam has no rho
    group.rho = 1;
    // @ts-expect-error the parameters stay
    group.params = [];
    expectTypeOf(optimizer).toExtend<Optimizer>();
    expectTypeOf(optimizer.step(() => 'loss')).toEqualTypeOf<string>();
    expectTypeOf(optimizer.stepAsync(async () => 1)).toEqualTypeOf<Promise<number>>();
  });
});

describe('the registry', () => {
  test('knows names and the options behind them', () => {
    expectTypeOf(createOptimizer('nadam', [w])).toEqualTypeOf<InstanceType<typeof NAdam>>();
    createOptimizer('rmsprop', [w], { centered: true, rho: 0.9 });
    // @ts-expect-error unknown
    createOptimizer('rmsProp', [w]);
    // @ts-expect-error an option of another optimizer
    createOptimizer('rmsprop', [w], { beta1: 0.9 });
    registerOptimizer(defineOptimizer({ ...base, name: 'mine', lines: { delta: ({ g }) => g } }));
    const anyName: OptimizerName = 'sgd';
    createOptimizer(anyName, [w], { lr: 1 });
  });

  test('takes classes, with the options of each', () => {
    const Mine = registerOptimizer(
      defineOptimizer({ ...base, name: 'mine', lines: { delta: ({ g }) => g } }),
    );
    const optimizer = createOptimizer(Mine, [w], { beta1: 0.5, strict: true, weightDecay: 0.1 });
    expectTypeOf(optimizer.groups[0]!.strict).toEqualTypeOf<boolean>();
    expectTypeOf(createOptimizer(Adam, [w])).toEqualTypeOf<InstanceType<typeof Adam>>();
    // @ts-expect-error misspelt
    createOptimizer(Mine, [w], { beta: 0.5 });
    // @ts-expect-error no optimizer
    createOptimizer(Map, [w]);
  });

  test('a name known only when the program runs can be used with what all share', () => {
    const name = 'adam' as OptimizerName;
    expectTypeOf(createOptimizer(name, [w], { lr: 1, weightDecay: 1 })).toExtend<Optimizer>();
  });
});

test('clipGradNorm takes a list or a tensor', () => {
  expectTypeOf(clipGradNorm([w], 1, { normType: Infinity })).toEqualTypeOf<number>();
  clipGradNorm(new Set([w]), 1);
  // @ts-expect-error misspelt
  clipGradNorm(w, 1, { normtype: 2 });
});
