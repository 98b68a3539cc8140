import {
  Adam,
  accumulate,
  createOptimizer,
  DataLoader,
  ema,
  lookahead,
  lrFind,
  nn,
  type Optimizer,
  type OptimizerLike,
  type OptimizerName,
  type OptimizerState,
  race,
  type StepExplanation,
  sam,
  swa,
  type Tensor,
  TensorDataset,
  tensor,
  type Wrapper,
  type WrapperState,
} from 'gradlet';
import { describe, expectTypeOf, test } from 'vitest';

const w = tensor([1], { requiresGrad: true });
const adam = new Adam([w]);

describe('wrappers', () => {
  test('know what is inside', () => {
    const averaged = ema(lookahead(adam));
    expectTypeOf(averaged.inner.inner).toEqualTypeOf(adam);
    expectTypeOf(averaged.inner.inner.explainStep('0')).toEqualTypeOf<StepExplanation>();
    expectTypeOf(averaged.groups).toEqualTypeOf(adam.groups);
    averaged.groups[0]!.beta1 = 0.5;
    averaged.lr = 0.1;
    // @ts-expect-error adam has no rho
    averaged.groups[0]!.rho = 1;
    // @ts-expect-error what explains is inside
    averaged.explainStep('0');
    // @ts-expect-error the count is that of the optimizer
    averaged.steps = 1;
  });

  test('step as optimizers do', () => {
    const optimizer = sam(accumulate(swa(createOptimizer('sgd', [w])), 2));
    expectTypeOf(optimizer.step(() => 'loss')).toEqualTypeOf<string>();
    expectTypeOf(optimizer.step()).toEqualTypeOf<void>();
    expectTypeOf(optimizer.stepAsync(async () => 1)).toEqualTypeOf<Promise<number>>();
    expectTypeOf(optimizer.withAverages(() => 1)).toEqualTypeOf<number>();
    expectTypeOf(optimizer.averages()).toEqualTypeOf<Map<Tensor, Tensor>>();
    optimizer.flush();
  });

  test('save and load their own state', () => {
    const averaged = ema(adam);
    expectTypeOf(averaged.stateDict()).toEqualTypeOf<WrapperState>();
    averaged.loadStateDict(averaged.stateDict());
    averaged.loadStateDict(JSON.parse(JSON.stringify(averaged.stateDict())));
    // @ts-expect-error the state of an optimizer
    averaged.loadStateDict(adam.stateDict());
    // @ts-expect-error the state of a wrapper
    adam.loadStateDict(averaged.stateDict());
    expectTypeOf(averaged.stateDict().inner).toEqualTypeOf<OptimizerState | WrapperState>();
  });

  test('have options, and mistakes do not compile', () => {
    lookahead(adam, { k: 3, alpha: 0.8 });
    ema(adam, { decay: 0.9, warmup: false, every: 2 });
    swa(adam, { start: 10, every: 5 });
    accumulate(adam, 4, { mean: false });
    sam(adam, { rho: 0.1, adaptive: true, eps: 0 });
    // @ts-expect-error misspelt
    lookahead(adam, { alfa: 0.8 });
    // @ts-expect-error a switch
    ema(adam, { warmup: 100 });
    // @ts-expect-error how many micro-batches
    accumulate(adam);
    // @ts-expect-error a model is no optimizer
    swa(new nn.Linear(1, 1));
    // @ts-expect-error options, not a number
    sam(adam, 0.05);
  });
});

test('optimizers and wrappers are alike', () => {
  expectTypeOf(adam).toExtend<OptimizerLike>();
  expectTypeOf<Optimizer>().toExtend<OptimizerLike>();
  expectTypeOf<Wrapper>().toExtend<OptimizerLike>();
  const train = (optimizer: OptimizerLike): number => {
    optimizer.zeroGrad();
    optimizer.loadStateDict(optimizer.stateDict());
    optimizer.groups[0]!.weightDecay = 0;
    return optimizer.step(() => optimizer.lr);
  };
  const name = 'adam' as OptimizerName;
  for (const optimizer of [adam, ema(adam), swa(createOptimizer(name, [w]))]) train(optimizer);
});

test('race and lrFind take wrappers', () => {
  const data = new DataLoader(new TensorDataset(tensor([[1]]), tensor([[2]])));
  const build = () => {
    const model = new nn.Linear(1, 1);
    return { model, loss: ([x, y]: [Tensor, Tensor]) => nn.mseLoss(model.forward(x), y) };
  };
  const optimizer = { name: 'ahead', create: (params: Tensor[]) => lookahead(new Adam(params)) };
  race({ build, data, budget: { steps: 1 }, entries: [optimizer, 'adam'] });
  lrFind({ build, data, optimizer });
});

test('updateBatchNorm takes batches or a function', () => {
  const model = new nn.BatchNorm(1);
  const x = tensor([[1], [2]]);
  nn.updateBatchNorm(model, [x]);
  nn.updateBatchNorm(model, new DataLoader(new TensorDataset(x, x)));
  nn.updateBatchNorm(model, () => model.forward(x));
  // @ts-expect-error a single tensor is no list
  nn.updateBatchNorm(model, x);
  // @ts-expect-error batches are tensors or lists
  nn.updateBatchNorm(model, [1]);
});
