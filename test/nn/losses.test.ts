import { describe, expect, it } from 'vitest';
import { ShapeError, ValueError } from '../../src/core/errors.ts';
import * as nn from '../../src/nn/index.ts';
import {
  contiguousData,
  grad,
  oneHot,
  ones,
  randn,
  type Tensor,
  tensor,
  zeros,
} from '../../src/tensor/index.ts';
import { expectClose } from '../support/close.ts';
import type { LossModuleName, LossName } from './names.ts';

const logits = tensor([
  [2, 0, -1],
  [0, 1, 0.5],
]);

/** Input and target that fit each loss. */
const samples = {
  bceLoss: [tensor([0.2, 0.7]), tensor([0, 1])],
  bceWithLogitsLoss: [tensor([-1, 2]), tensor([0, 1])],
  crossEntropy: [logits, tensor([0, 2])],
  huberLoss: [tensor([1, 5]), tensor([0, 0])],
  klDivLoss: [logits.logSoftmax(), logits.softmax()],
  l1Loss: [tensor([1, 5]), tensor([0, 0])],
  mseLoss: [tensor([1, 5]), tensor([0, 0])],
  nllLoss: [logits.logSoftmax(), tensor([0, 2])],
  smoothL1Loss: [tensor([1, 5]), tensor([0, 0])],
} satisfies Record<LossName, [Tensor, Tensor]>;

const names = Object.keys(samples) as LossName[];
type AnyLoss = (input: Tensor, target: Tensor, options?: object) => Tensor;
const losses: Record<string, unknown> = { ...nn };
const lossOf = (name: LossName): AnyLoss => losses[name] as AnyLoss;

describe.each(names)('%s', (name) => {
  const loss = lossOf(name);
  const [input, target] = samples[name];

  it('reduces to the mean by default, and on request to the sum or not at all', () => {
    const each = Array.from(contiguousData(loss(input, target, { reduction: 'none' })));
    const total = each.reduce((a, b) => a + b, 0);
    expectClose(loss(input, target), total / each.length, { rtol: 1e-6 });
    expectClose(loss(input, target, { reduction: 'sum' }), total, { rtol: 1e-6 });
    expect(loss(input, target).shape).toEqual([]);
  });

  it('refuses an unknown reduction', () => {
    const known = name === 'klDivLoss' ? '"mean", "batchmean", "sum", "none"' : '"mean", "sum", "none"';
    expect(() => loss(input, target, { reduction: 'avg' })).toThrow(
      new ValueError(name, `reduction must be one of ${known}`, '"avg"'),
    );
  });

  it('refuses shapes that differ instead of broadcasting them, naming both', () => {
    expect(() => loss(zeros([4, 3]), zeros([3]))).toThrow(/\[4, 3\].* got \[3\]\./);
    expect(() => loss(zeros([4, 3]), zeros([4, 1]))).toThrow(ShapeError);
    expect(() => loss(zeros([4, 3]), zeros([]))).toThrow(ShapeError);
  });

  it('refuses an unknown option', () => {
    expect(() => loss(input, target, { reductions: 'sum' })).toThrow(
      `${name}: every option must be known, got "reductions". Did you mean "reduction"? Known: `,
    );
  });

  it('refuses what is no tensor', () => {
    expect(() => loss(3 as never, target)).toThrow(`${name}: the input must be a tensor, got 3`);
    expect(() => loss(input, [0, 1] as never)).toThrow(`${name}: the target must be a tensor, got [0, 1]`);
  });

  it('leaves the target alone', () => {
    const copy = target.toArray();
    loss(tensor(input, { requiresGrad: true }), target).backward();
    expect(target.toArray()).toEqual(copy);
  });
});

describe('losses stay finite at ±1000', () => {
  const far = tensor([[1000, -1000, 0]], { requiresGrad: true });
  const cases: [string, () => Tensor, number][] = [
    ['mseLoss', () => nn.mseLoss(far, zeros([1, 3]), { reduction: 'sum' }), 2e6],
    ['l1Loss', () => nn.l1Loss(far, zeros([1, 3]), { reduction: 'sum' }), 2000],
    ['huberLoss', () => nn.huberLoss(far, zeros([1, 3]), { reduction: 'sum' }), 1999],
    ['smoothL1Loss', () => nn.smoothL1Loss(far, zeros([1, 3]), { reduction: 'sum' }), 1999],
    [
      'bceWithLogitsLoss',
      () => nn.bceWithLogitsLoss(far, tensor([[0, 1, 1]]), { reduction: 'sum' }),
      2000 + Math.LN2,
    ],
    ['crossEntropy, right', () => nn.crossEntropy(far, tensor([0])), 0],
    ['crossEntropy, wrong', () => nn.crossEntropy(far, tensor([1])), 2000],
    ['crossEntropy of probabilities', () => nn.crossEntropy(far, tensor([[0.5, 0.25, 0.25]])), 750],
    ['nllLoss', () => nn.nllLoss(far.logSoftmax(), tensor([2])), 1000],
    ['klDivLoss', () => nn.klDivLoss(far, tensor([[0, 1, 0]]), { reduction: 'sum' }), 1000],
    [
      'klDivLoss of logarithms',
      () => nn.klDivLoss(far, tensor([[-1000, 0, -1000]]), { reduction: 'sum', logTarget: true }),
      1000,
    ],
    ['bceLoss', () => nn.bceLoss(far.sigmoid(), tensor([[0, 1, 1]]), { reduction: 'sum' }), 200 + Math.LN2],
  ];

  it.each(cases)('%s', (_, compute, expected) => {
    const loss = compute();
    expectClose(loss, expected, { rtol: 1e-6 });
    far.grad = null;
    loss.backward();
    expect(contiguousData(far.grad!).every(Number.isFinite)).toBe(true);
  });
});

describe('bceLoss', () => {
  it('holds its logarithms above −100, and its gradient finite', () => {
    const x = tensor([0, 1, 1, 0], { dtype: 'float64', requiresGrad: true });
    const t = tensor([1, 0, 1, 0], { dtype: 'float64', requiresGrad: true });
    const loss = nn.bceLoss(x, t, { reduction: 'none' });
    expectClose(loss, [100, 100, 0, 0]);
    loss.sum().backward();
    expectClose(x.grad!, [-1e12, 1e12, 0, 0]);
    expectClose(t.grad!, [100, -100, -100, 100]);
  });

  it('refuses what is no probability', () => {
    expect(() => nn.bceLoss(tensor([0.5, 1.5]), tensor([0, 1]))).toThrow(
      new ValueError(
        'bceLoss',
        'the input must hold probabilities in [0, 1]',
        '1.5',
        'Put a sigmoid before it, or use bceWithLogitsLoss.',
      ),
    );
    expect(() => nn.bceLoss(tensor([Number.NaN]), tensor([0]))).toThrow('got NaN');
    expect(() => nn.bceLoss(tensor([0.5]), tensor([-1]))).toThrow(
      new ValueError('bceLoss', 'the target must hold probabilities in [0, 1]', '-1'),
    );
  });

  it('refuses a weight that makes the result larger', () => {
    for (const loss of [nn.bceLoss, nn.bceWithLogitsLoss]) {
      expect(() => loss(tensor([0.5, 0.5]), tensor([0, 1]), { weight: ones([3, 2]) })).toThrow(
        "every weight must broadcast to the input's shape [2], got a result of shape [3, 2]",
      );
    }
  });

  it('agrees with bceWithLogitsLoss', () => {
    const x = randn([20], { dtype: 'float64' });
    const t = tensor(x.gt(0.3), { dtype: 'float64' });
    expectClose(nn.bceLoss(x.sigmoid(), t), nn.bceWithLogitsLoss(x, t));
  });
});

describe('huberLoss and smoothL1Loss', () => {
  it('differ by the factor δ = β', () => {
    const [x, t] = [randn([20], { dtype: 'float64' }).mul(3), randn([20], { dtype: 'float64' })];
    for (const d of [0.5, 2]) {
      expectClose(nn.huberLoss(x, t, { delta: d }), nn.smoothL1Loss(x, t, { beta: d }).mul(d));
    }
    expectClose(nn.smoothL1Loss(x, t, { beta: 0 }), nn.l1Loss(x, t));
  });

  it('refuse a delta that is not positive, and a negative beta', () => {
    for (const delta of [0, -1, Number.NaN]) {
      expect(() => nn.huberLoss(tensor([1]), tensor([1]), { delta })).toThrow(
        new ValueError('huberLoss', 'delta must be > 0', String(delta)),
      );
    }
    expect(() => nn.smoothL1Loss(tensor([1]), tensor([1]), { beta: -1 })).toThrow(
      new ValueError('smoothL1Loss', 'beta must be a number ≥ 0', '-1'),
    );
  });
});

describe('klDivLoss', () => {
  it('is 0 between equal distributions, and counts zeros as nothing', () => {
    const p = tensor([[0.5, 0.5, 0]]);
    const logP = tensor([[Math.log(0.5), Math.log(0.5), -50]]);
    expectClose(nn.klDivLoss(logP, p, { reduction: 'sum' }), 0, { atol: 1e-7 });
  });

  it('batchmean divides by the batch, mean by all elements', () => {
    const [input, target] = samples.klDivLoss;
    const q = tensor([
      [0.5, 0.25, 0.25],
      [0.1, 0.1, 0.8],
    ]);
    const total = nn.klDivLoss(input, q, { reduction: 'sum' }).item();
    expectClose(nn.klDivLoss(input, q, { reduction: 'batchmean' }), total / 2, { rtol: 1e-6 });
    expectClose(nn.klDivLoss(input, q), total / 6, { rtol: 1e-6 });
    expectClose(nn.klDivLoss(input, target.log(), { logTarget: true }), nn.klDivLoss(input, target).item(), {
      atol: 1e-6,
    });
  });
});

describe('class losses', () => {
  const weight = tensor([1, 2, 5]);

  it('take class indices of any dtype', () => {
    const wanted = nn.crossEntropy(logits, tensor([0, 2], { dtype: 'int32' })).item();
    expect(nn.crossEntropy(logits, tensor([0, 2])).item()).toBe(wanted);
    expect(nn.crossEntropy(logits, tensor([0, 2], { dtype: 'float64' })).item()).toBe(wanted);
    expect(nn.crossEntropy(logits, tensor([false, true])).item()).toBe(
      nn.crossEntropy(logits, tensor([0, 1])).item(),
    );
  });

  it('agree on class indices and the probabilities that say the same, of any dtype', () => {
    const labels = tensor([0, 2], { dtype: 'int32' });
    for (const dtype of ['float32', 'int32', 'bool'] as const) {
      for (const labelSmoothing of [0, 0.1]) {
        const byIndex = nn.crossEntropy(logits, labels, { labelSmoothing });
        expectClose(nn.crossEntropy(logits, oneHot(labels, 3, { dtype }), { labelSmoothing }), byIndex, {
          rtol: 1e-6,
        });
      }
    }
  });

  it.each([
    [[32, 10], [32]],
    [
      [4, 5, 6],
      [4, 6],
    ],
  ])('crossEntropy of shape %j is the same where every class weighs 1, with derivatives', (shape, flat) => {
    const x = randn(shape);
    const classes = shape[1]!;
    const target = tensor(Int32Array.from({ length: x.size / classes }, (_, i) => (i * 7) % classes));
    const direction = randn(shape);
    for (const reduction of ['mean', 'sum', 'none'] as const) {
      const [own, weighted] = [undefined, ones([classes])].map((weight) => {
        const leaf = tensor(x.toArray(), { requiresGrad: true });
        const options = weight ? { reduction, weight } : { reduction };
        const loss = nn.crossEntropy(leaf, target.reshape(flat), options);
        const scalar = loss.mul(loss).sum();
        const first = grad(scalar, leaf, { retainGraph: true });
        const recorded = grad(scalar, leaf, { createGraph: true });
        return [loss, first, recorded, grad(recorded.mul(direction).sum(), leaf)];
      });
      for (const [k, found] of own!.entries()) expectClose(found, weighted![k]!, { rtol: 1e-5, atol: 1e-5 });
      expectClose(own![1]!, own![2]!, { rtol: 1e-5, atol: 1e-6 });
    }
  });

  it('crossEntropy is nllLoss of logSoftmax', () => {
    const labels = tensor([2, 1]);
    expect(nn.crossEntropy(logits, labels, { weight }).item()).toBe(
      nn.nllLoss(logits.logSoftmax(), labels, { weight }).item(),
    );
  });

  it('weigh the mean by the classes of the targets', () => {
    const each = contiguousData(nn.nllLoss(logits, tensor([0, 2]), { reduction: 'none' }));
    expectClose(nn.nllLoss(logits, tensor([0, 2]), { weight }), (each[0]! + 5 * each[1]!) / 6, {
      rtol: 1e-6,
    });
  });

  it('leave out elements with ignoreIndex: no loss, no weight, no gradient', () => {
    const x = tensor(logits, { requiresGrad: true });
    const loss = nn.crossEntropy(x, tensor([-100, 1]), { weight, labelSmoothing: 0.1 });
    expectClose(loss, nn.crossEntropy(logits.slice([1, 2]), tensor([1]), { weight, labelSmoothing: 0.1 }), {
      rtol: 1e-6,
    });
    loss.backward();
    expect((x.grad!.toArray() as number[][])[0]).toEqual([0, 0, 0]);
    expect(nn.crossEntropy(x, tensor([2, 1]), { ignoreIndex: 2, reduction: 'none' }).toArray()).toEqual([
      0,
      nn.crossEntropy(logits.slice(1), tensor(1)).item(),
    ]);
  });

  it('are NaN when every element is left out, and spoil no parameters', () => {
    const x = tensor(logits, { requiresGrad: true });
    const loss = nn.crossEntropy(x, tensor([-100, -100]), { labelSmoothing: 0.1, weight });
    expect(loss.item()).toBeNaN();
    loss.backward();
    expectClose(x.grad!, zeros([2, 3]));
  });

  it('keep an impossible class out of the others’ loss', () => {
    const x = tensor([[0, 1, Number.NEGATIVE_INFINITY]], { requiresGrad: true });
    nn.crossEntropy(x, tensor([0])).backward();
    const p = 1 / (1 + Math.E);
    expectClose(x.grad!, [[p - 1, 1 - p, 0]], { rtol: 1e-6 });
  });

  it.each([
    ['nllLoss', nn.nllLoss],
    ['crossEntropy', nn.crossEntropy],
  ])('%s names an index that is no class', (name, loss) => {
    const error = (got: string): ValueError =>
      new ValueError(
        name,
        'a class index must be a whole number in 0 … 2',
        got,
        'Elements with ignoreIndex as their target are left out.',
      );
    expect(() => loss(logits, tensor([0, 3]))).toThrow(error('3 at place 1 of the target'));
    expect(() => loss(logits, tensor([-1, 0]))).toThrow(error('-1 at place 0 of the target'));
    expect(() => loss(logits, tensor([0, 1.5]))).toThrow(error('1.5 at place 1 of the target'));
    expect(() => loss(logits, tensor([0, Number.NaN]))).toThrow(error('NaN at place 1 of the target'));
  });

  it('say which shapes fit', () => {
    expect(() => nn.crossEntropy(zeros([4, 3]), zeros([4, 1]))).toThrow(
      new ShapeError(
        'crossEntropy',
        'the target of an input of shape [4, 3] must be class indices of shape [4] or probabilities of shape [4, 3]',
        '[4, 1]',
      ),
    );
    expect(() => nn.nllLoss(zeros([4, 3, 2]), zeros([4, 3, 2]))).toThrow(
      new ShapeError(
        'nllLoss',
        'the target of an input of shape [4, 3, 2] must have shape [4, 2]',
        '[4, 3, 2]',
      ),
    );
    expect(() => nn.crossEntropy(zeros([]), zeros([]))).toThrow(
      new ShapeError('crossEntropy', 'the input must have an axis of classes', 'shape []'),
    );
    expect(() => nn.crossEntropy(logits, tensor([0, 1]), { weight: ones([2]) })).toThrow(
      new ShapeError('crossEntropy', 'weight must have one number for each of 3 classes', 'shape [2]'),
    );
  });

  it('refuse label smoothing outside [0, 1]', () => {
    expect(() => nn.crossEntropy(logits, tensor([0, 1]), { labelSmoothing: 1.1 })).toThrow(
      new ValueError('crossEntropy', 'labelSmoothing must be a number in [0, 1]', '1.1'),
    );
  });
});

describe('loss modules', () => {
  const weight = tensor([1, 2, 5]);
  const cases = {
    BCELoss: [new nn.BCELoss({ reduction: 'sum' }), 'bceLoss', { reduction: 'sum' }],
    BCEWithLogitsLoss: [new nn.BCEWithLogitsLoss({ posWeight: 2 }), 'bceWithLogitsLoss', { posWeight: 2 }],
    CrossEntropyLoss: [
      new nn.CrossEntropyLoss({ weight, labelSmoothing: 0.1 }),
      'crossEntropy',
      { weight, labelSmoothing: 0.1 },
    ],
    HuberLoss: [new nn.HuberLoss({ delta: 2 }), 'huberLoss', { delta: 2 }],
    KLDivLoss: [new nn.KLDivLoss({ reduction: 'batchmean' }), 'klDivLoss', { reduction: 'batchmean' }],
    L1Loss: [new nn.L1Loss(), 'l1Loss', {}],
    MSELoss: [new nn.MSELoss({ reduction: 'sum' }), 'mseLoss', { reduction: 'sum' }],
    NLLLoss: [new nn.NLLLoss({ ignoreIndex: 2 }), 'nllLoss', { ignoreIndex: 2 }],
    SmoothL1Loss: [new nn.SmoothL1Loss({ beta: 2 }), 'smoothL1Loss', { beta: 2 }],
  } satisfies Record<LossModuleName, [nn.Module, LossName, object]>;

  it.each(Object.entries(cases))('%s is its function', (name, [module, fn, options]) => {
    const [input, target] = samples[fn as LossName];
    const loss = module as unknown as { forward: AnyLoss };
    expect(loss.forward(input, target).toArray()).toEqual(
      lossOf(fn as LossName)(input, target, options).toArray(),
    );
    expect(module.constructor.name).toBe(name);
    expect(module.parameters()).toEqual([]);
  });

  it('print the options they were given', () => {
    expect(String(new nn.MSELoss())).toBe('MSELoss()');
    expect(String(cases.HuberLoss[0])).toBe('HuberLoss(delta=2)');
    expect(String(cases.KLDivLoss[0])).toBe("KLDivLoss(reduction='batchmean')");
  });

  it('save the weights of classes, as PyTorch does', () => {
    expect(Object.keys(cases.CrossEntropyLoss[0].stateDict())).toEqual(['weight']);
    expect(Object.keys(new nn.BCEWithLogitsLoss({ posWeight: weight }).stateDict())).toEqual(['pos_weight']);
  });

  it('do not compile with a misspelt option', () => {
    // @ts-expect-error misspelt
    const loss = new nn.CrossEntropyLoss({ ignore_index: 0 });
    expect(() => loss.forward(logits, tensor([0, 1]))).toThrow('Did you mean "ignoreIndex"?');
    // @ts-expect-error no such reduction
    expect(() => nn.mseLoss(logits, logits, { reduction: 'batchmean' })).toThrow('reduction must be one of');
  });
});

describe('loss modules', () => {
  it.each([
    ['sum', '"sum"'],
    [null, 'null'],
  ])('refuse %s in the place of their options', (options, shown) => {
    expect(() => new nn.MSELoss(options as never)).toThrow(
      `MSELoss: options must be an object, got ${shown}.`,
    );
  });
});
