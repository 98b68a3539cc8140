import { describe, expect, it } from 'vitest';
import { Generator } from '../../src/core/random.ts';
import { gradcheck, gradgradcheck } from '../../src/inspect/index.ts';
import * as nn from '../../src/nn/index.ts';
import { rand, randn, type Tensor, tensor } from '../../src/tensor/index.ts';
import type { LayerName, LossName } from './names.ts';

const dtype = 'float64';
const generator = new Generator(3);
const normal = (...shape: number[]): Tensor => randn(shape, { dtype, generator, requiresGrad: true });
/** In [0.1, 0.9). */
const between = (...shape: number[]): Tensor =>
  tensor(rand(shape, { dtype, generator }).mul(0.8).add(0.1), { requiresGrad: true });

/** A layer and the shape of its input. */
interface LayerCase {
  readonly make: () => nn.Layer;
  readonly shape: readonly number[];
  readonly evaluate?: boolean;
  /** The input are whole numbers below this, which have no gradient. */
  readonly indices?: number;
}

const plain = (make: () => nn.Layer): LayerCase[] => [{ make, shape: [3, 4] }];

/** Random numbers in place of the ones and zeros with which some layers start. */
function shaken(layer: nn.Layer): nn.Layer {
  for (const t of [...layer.parameters(), ...layer.buffers()])
    nn.init.uniform(t, { low: 0.5, high: 1.5, generator });
  return layer;
}

const layers = {
  AdaptiveAvgPool2d: [{ make: () => new nn.AdaptiveAvgPool2d([2, 3]), shape: [2, 1, 5, 4] }],
  AvgPool1d: [{ make: () => new nn.AvgPool1d(3, { stride: 2, padding: 1 }), shape: [2, 2, 6] }],
  AvgPool2d: [
    { make: () => new nn.AvgPool2d(2), shape: [2, 2, 4, 5] },
    {
      make: () => new nn.AvgPool2d([2, 3], { ceilMode: true, countIncludePad: false, padding: 1 }),
      shape: [1, 4, 5],
    },
  ],
  BatchNorm: [
    { make: () => shaken(new nn.BatchNorm(2, { dtype })), shape: [4, 2] },
    { make: () => shaken(new nn.BatchNorm(2, { dtype })), shape: [2, 2, 2, 2] },
    { make: () => shaken(new nn.BatchNorm(2, { dtype })), shape: [4, 2], evaluate: true },
    { make: () => shaken(new nn.BatchNorm(2, { dtype })), shape: [1, 2, 1], evaluate: true },
    { make: () => new nn.BatchNorm(2, { dtype, affine: false, trackRunningStats: false }), shape: [4, 2] },
  ],
  BatchNorm1d: [
    { make: () => shaken(new nn.BatchNorm1d(2, { dtype })), shape: [4, 2] },
    { make: () => shaken(new nn.BatchNorm1d(2, { dtype })), shape: [2, 2, 3] },
  ],
  Conv1d: [
    { make: () => new nn.Conv1d(2, 3, 3, { dtype, generator }), shape: [2, 2, 6] },
    {
      make: () => new nn.Conv1d(2, 2, 2, { dtype, generator, groups: 2, stride: 2, dilation: 2, padding: 1 }),
      shape: [2, 7],
    },
    {
      make: () => new nn.Conv1d(1, 2, 4, { dtype, generator, padding: 'same', bias: false }),
      shape: [2, 1, 5],
    },
  ],
  Conv2d: [
    { make: () => new nn.Conv2d(2, 3, 3, { dtype, generator, padding: 1 }), shape: [2, 2, 3, 4] },
    {
      make: () =>
        new nn.Conv2d(4, 2, [2, 1], { dtype, generator, groups: 2, stride: [2, 3], padding: [1, 0] }),
      shape: [4, 4, 5],
    },
    { make: () => new nn.Conv2d(2, 3, 1, { dtype, generator, bias: false }), shape: [2, 2, 3, 2] },
    { make: () => new nn.Conv2d(1, 2, 2, { dtype, generator, dilation: [2, 1] }), shape: [2, 1, 4, 3] },
  ],
  Dropout: [
    { make: () => new nn.Dropout(0.4, { generator: new Generator(1) }), shape: [3, 4] },
    { make: () => new nn.Dropout(0.4, { generator: new Generator(1), scaleAt: 'eval' }), shape: [3, 4] },
    { make: () => new nn.Dropout(0.4, { scaleAt: 'eval' }), shape: [3, 4], evaluate: true },
    { make: () => new nn.Dropout(0.4), shape: [3, 4], evaluate: true },
  ],
  ELU: [...plain(() => new nn.ELU()), ...plain(() => new nn.ELU({ alpha: 0.3 }))],
  Embedding: [{ make: () => new nn.Embedding(4, 3, { dtype, generator }), shape: [2, 3], indices: 4 }],
  Flatten: [{ make: () => new nn.Flatten(), shape: [2, 2, 3] }],
  GELU: [...plain(() => new nn.GELU()), ...plain(() => new nn.GELU({ approximate: 'tanh' }))],
  Hardtanh: plain(() => new nn.Hardtanh({ min: -0.5, max: 1 })),
  Identity: plain(() => new nn.Identity()),
  Lambda: plain(() => new nn.Lambda((x) => x.sin())),
  LayerNorm: [
    { make: () => shaken(new nn.LayerNorm(4, { dtype })), shape: [3, 4] },
    { make: () => shaken(new nn.LayerNorm([2, 3], { dtype })), shape: [2, 2, 3] },
    { make: () => shaken(new nn.LayerNorm(4, { dtype, bias: false })), shape: [4] },
    { make: () => new nn.LayerNorm(4, { elementwiseAffine: false }), shape: [3, 4] },
  ],
  LeakyReLU: plain(() => new nn.LeakyReLU({ negativeSlope: 0.2 })),
  Linear: [
    { make: () => new nn.Linear(4, 3, { dtype, generator }), shape: [2, 4] },
    { make: () => new nn.Linear(4, 3, { dtype, generator, bias: false }), shape: [4] },
    { make: () => new nn.Linear(2, 3, { dtype, generator }), shape: [2, 2, 2] },
  ],
  LogSoftmax: [...plain(() => new nn.LogSoftmax()), ...plain(() => new nn.LogSoftmax({ axis: 0 }))],
  MaxPool1d: [{ make: () => new nn.MaxPool1d(3, { stride: 2, padding: 1 }), shape: [2, 2, 6] }],
  MaxPool2d: [
    { make: () => new nn.MaxPool2d(2), shape: [2, 2, 4, 5] },
    { make: () => new nn.MaxPool2d([3, 2], { stride: [2, 1], ceilMode: true }), shape: [2, 4, 4] },
  ],
  Mish: plain(() => new nn.Mish()),
  ReLU: plain(() => new nn.ReLU()),
  SELU: plain(() => new nn.SELU()),
  Sequential: [
    {
      make: () =>
        new nn.Sequential(
          new nn.Linear(3, 4, { dtype, generator }),
          shaken(new nn.BatchNorm(4, { dtype })),
          new nn.Tanh(),
          (x) => x.square(),
          new nn.Linear(4, 1, { dtype, generator }),
        ),
      shape: [3, 3],
    },
  ],
  SiLU: plain(() => new nn.SiLU()),
  Sigmoid: plain(() => new nn.Sigmoid()),
  Softmax: [...plain(() => new nn.Softmax()), ...plain(() => new nn.Softmax({ axis: 0 }))],
  Softplus: plain(() => new nn.Softplus({ beta: 1.5 })),
  Tanh: plain(() => new nn.Tanh()),
} satisfies Record<LayerName, LayerCase[]>;

type Fields = Record<string, unknown>;

/** The layer as a function of its input and its parameters; a fresh one for each call, so that nothing is remembered. */
function checkLayer(
  check: typeof gradcheck,
  { make, shape, evaluate = false, indices }: LayerCase,
): ReturnType<typeof gradcheck> {
  const state = make().stateDict();
  const parameters = make()
    .namedParameters()
    .map(([name]) => tensor(state[name]!, { requiresGrad: true }));
  const call = (x: Tensor, ...values: Tensor[]): Tensor => {
    const layer = make();
    layer.loadStateDict(state);
    const own = new Map(layer.parameters().map((p, i) => [p, values[i]!]));
    for (const module of layer.modules()) {
      for (const [field, t] of Object.entries(module)) {
        if (own.has(t)) (module as unknown as Fields)[field] = own.get(t);
      }
    }
    return layer.train(!evaluate).forward(x);
  };
  const input = indices ? rand(shape, { generator }).mul(indices).cast('int32') : normal(...shape);
  return check(call as (...inputs: Tensor[]) => Tensor, [input, ...parameters]);
}

const huge = (): Tensor =>
  tensor(
    [
      [1000, -1000, 0.5],
      [0.1, 0.2, 0.3],
    ],
    { dtype, requiresGrad: true },
  );
const classWeights = tensor([0.5, 2, 1], { dtype });
const soft = (): Tensor =>
  tensor(
    [
      [0.2, 0.3, 0.5],
      [0, 1, 0],
    ],
    { dtype, requiresGrad: true },
  );

interface LossCase {
  readonly fn: (input: Tensor, target: Tensor) => Tensor;
  readonly inputs: readonly [input: Tensor, target: Tensor];
}

/** A loss with each of its reductions. */
function cases<Options extends object>(
  fn: (input: Tensor, target: Tensor, options: Options & nn.LossOptions) => Tensor,
  inputs: readonly [Tensor, Tensor],
  options = {} as Options,
): LossCase[] {
  return (['mean', 'sum', 'none'] as const).map((reduction) => ({
    fn: (input: Tensor, target: Tensor) => fn(input, target, { ...options, reduction }),
    inputs,
  }));
}

const losses = {
  bceLoss: [
    ...cases(nn.bceLoss, [between(2, 3), between(2, 3)]),
    ...cases(nn.bceLoss, [between(2, 3), between(2, 3)], { weight: classWeights }),
  ],
  bceWithLogitsLoss: [
    ...cases(nn.bceWithLogitsLoss, [normal(2, 3), between(2, 3)]),
    ...cases(nn.bceWithLogitsLoss, [normal(2, 3), between(2, 3)], { weight: 2, posWeight: classWeights }),
    ...cases(nn.bceWithLogitsLoss, [
      tensor([0, 0], { dtype, requiresGrad: true }),
      tensor([0, 1], { dtype }),
    ]),
  ],
  crossEntropy: [
    ...cases(nn.crossEntropy, [normal(3, 4), tensor([3, 0, 1])]),
    ...cases(nn.crossEntropy, [normal(3, 3), tensor([2, -100, 1])], {
      weight: classWeights,
      labelSmoothing: 0.2,
    }),
    ...cases(
      nn.crossEntropy,
      [
        normal(2, 3, 2),
        tensor([
          [0, 1],
          [2, 2],
        ]),
      ],
      { weight: classWeights },
    ),
    ...cases(nn.crossEntropy, [normal(2, 3), soft()], { weight: classWeights, labelSmoothing: 0.2 }),
    ...cases(nn.crossEntropy, [normal(4), tensor(2)]),
    ...cases(nn.crossEntropy, [huge(), tensor([0, 1])]),
  ],
  huberLoss: [
    ...cases(nn.huberLoss, [normal(3, 4), normal(3, 4)]),
    ...cases(nn.huberLoss, [normal(3, 4), normal(3, 4)], { delta: 0.4 }),
    ...cases(nn.huberLoss, [tensor([1], { dtype, requiresGrad: true }), tensor([1], { dtype })]),
  ],
  klDivLoss: [
    ...cases(nn.klDivLoss, [normal(2, 3), between(2, 3)]),
    ...cases(nn.klDivLoss, [normal(2, 3), normal(2, 3)], { logTarget: true }),
    { fn: (x, t) => nn.klDivLoss(x, t, { reduction: 'batchmean' }), inputs: [normal(2, 3), between(2, 3)] },
  ],
  l1Loss: cases(nn.l1Loss, [normal(3, 4), normal(3, 4)]),
  mseLoss: cases(nn.mseLoss, [normal(3, 4), normal(3, 4)]),
  nllLoss: [
    ...cases(nn.nllLoss, [normal(3, 3), tensor([2, 0, 1])]),
    ...cases(
      nn.nllLoss,
      [
        normal(3, 3, 2),
        tensor([
          [2, 0],
          [1, 1],
          [-100, 2],
        ]),
      ],
      { weight: classWeights },
    ),
  ],
  smoothL1Loss: [
    ...cases(nn.smoothL1Loss, [normal(3, 4), normal(3, 4)]),
    ...cases(nn.smoothL1Loss, [normal(3, 4), normal(3, 4)], { beta: 0.4 }),
    ...cases(nn.smoothL1Loss, [normal(3, 4), normal(3, 4)], { beta: 0 }),
  ],
} satisfies Record<LossName, LossCase[]>;

describe.each([
  ['gradcheck', gradcheck],
  ['gradgradcheck', gradgradcheck],
])('%s of layers', (_, check) => {
  const rows = Object.entries<LayerCase[]>(layers).flatMap(([name, all]) =>
    all.map((row) => [`${name} of [${row.shape}]${row.evaluate ? ' in evaluation' : ''}`, row] as const),
  );
  it.each(rows)('%s', (_name, row) => {
    const result = checkLayer(check, row);
    expect(result.ok, String(result)).toBe(true);
  });
});

describe.each([
  ['gradcheck', gradcheck],
  ['gradgradcheck', gradgradcheck],
])('%s of losses', (_, check) => {
  const rows = Object.entries<LossCase[]>(losses).flatMap(([name, all]) =>
    all.map((row, i) => [`${name} ${i} of [${row.inputs[0].shape}]`, row] as const),
  );
  it.each(rows)('%s', (_name, { fn, inputs }) => {
    const result = check(fn as (...inputs: Tensor[]) => Tensor, inputs);
    expect(result.ok, String(result)).toBe(true);
  });
});
