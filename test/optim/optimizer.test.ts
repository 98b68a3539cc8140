import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { ValueError } from '../../src/core/errors.ts';
import { Adam, AdamW, createOptimizer, Momentum, type OptimizerName, SGD } from '../../src/optim/index.ts';
import { mul, type Tensor, tensor } from '../../src/tensor/index.ts';
import { messageOf } from '../support/errors.ts';

function parameter(values: number[] | number[][], gradient?: number[] | number[][]): Tensor {
  const p = tensor(values, { dtype: 'float64', requiresGrad: true });
  if (gradient) p.grad = tensor(gradient, { dtype: 'float64' });
  return p;
}

describe('parameters', () => {
  it('come as any iterable, or in groups with options of their own', () => {
    const [a, b, c] = [parameter([1], [1]), parameter([1], [1]), parameter([1], [1])];
    new SGD(new Set([c]), { lr: 1 }).step();
    const groups = [{ params: [a], lr: 0.5 }, { params: new Set([b]) }];
    const optimizer = new SGD(groups, { lr: 0.25 });
    optimizer.step();
    expect([a, b, c].map((p) => p.item())).toEqual([0.5, 0.75, 0]);
    expect(optimizer.groups.map(({ params, lr }) => [params, lr])).toEqual([
      [[a], 0.5],
      [[b], 0.25],
    ]);
  });

  it('can be added later', () => {
    const [a, b] = [parameter([1], [1]), parameter([1], [1])];
    const optimizer = new SGD([a], { lr: 0.5 });
    optimizer.addGroup({ params: [b], weightDecay: 1 });
    optimizer.step();
    expect([a.item(), b.item()]).toEqual([0.5, 0]);
    expect(messageOf(() => optimizer.addGroup({ params: [a] }))).toMatch(
      'every parameter must be given once',
    );
  });

  it('without a gradient stay, also under weight decay, and so do frozen ones', () => {
    const [still, frozen] = [parameter([1]), parameter([1], [1])];
    frozen.requiresGrad = false;
    const optimizer = new AdamW([still, frozen], { lr: 0.1, weightDecay: 0.5 });
    optimizer.step();
    expect([still.item(), frozen.item()]).toEqual([1, 1]);
    expect([optimizer.engineOf(still), optimizer.engineOf(frozen)]).toEqual([null, null]);
    frozen.requiresGrad = true;
    optimizer.step();
    expect(frozen.item()).toBeCloseTo(1 - 0.05 - 0.1, 6);
  });

  it('that are views, transposed or with gaps, are changed where they stand', () => {
    const whole = tensor(
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
      { dtype: 'float64' },
    );
    const view = whole.transpose().slice([0, 3, 2]);
    view.requiresGrad = true;
    view
      .mul(tensor([[1], [10]], { dtype: 'float64' }))
      .sum()
      .backward();
    const optimizer = new SGD([view], { lr: 0.1, momentum: 0.9 });
    optimizer.step();
    optimizer.step();
    expect(whole.toArray()).toEqual([
      [expect.closeTo(1 - 0.29, 12), 2, expect.closeTo(3 - 2.9, 12)],
      [expect.closeTo(4 - 0.29, 12), 5, expect.closeTo(6 - 2.9, 12)],
    ]);
    expect(optimizer.stateDict().groups[0]!.params[0]!.state.m!.shape).toEqual([2, 2]);
  });

  it('keep their dtype, whatever that of the gradient', () => {
    const p = tensor([1], { requiresGrad: true });
    p.grad = tensor([0.1], { dtype: 'float64' });
    new SGD([p], { lr: 1 }).step();
    expect([p.dtype, p.item()]).toEqual(['float32', Math.fround(1 - 0.1)]);
  });

  it('of no elements, and scalars, are no exception', () => {
    const [none, scalar] = [tensor([], { requiresGrad: true }), tensor(2, { requiresGrad: true })];
    none.grad = tensor([]);
    scalar.square().backward();
    new Adam([none, scalar], { lr: 1 }).step();
    expect([none.size, scalar.item()]).toEqual([0, 1]);
  });

  it('cannot be changed behind the back of backward', () => {
    const p = parameter([3], [1]);
    const y = p.square();
    new SGD([p], { lr: 1 }).step();
    expect(() => y.backward()).toThrow(ValueError);
  });

  it.each([
    [
      [],
      'adam: there must be at least one parameter, got an empty list. Pass a model or model.parameters(); an iterator can be used only once.',
    ],
    [
      [{ params: [] }],
      'adam: there must be at least one parameter, got an empty list. Pass a model or model.parameters(); an iterator can be used only once.',
    ],
    [[3], 'adam: every parameter must be a tensor, got 3.'],
    [
      parameter([1]),
      'adam: parameters must be a model, a list of tensors, or of groups { params, … }, got a Tensor. Pass a model, model.parameters() or [w, b].',
    ],
    [
      null,
      'adam: parameters must be a model, a list of tensors, or of groups { params, … }, got null. Pass a model, model.parameters() or [w, b].',
    ],
    [
      [{ params: [parameter([1])] }, parameter([1])],
      'adam: parameters must be a model, a list of tensors, or of groups { params, … }, got some of both. Put every tensor into a group.',
    ],
    [
      [{ params: parameter([1]) }],
      "adam: a group's params must be a model or a list of tensors, got a Tensor. Pass a model, model.parameters() or [w, b].",
    ],
    [
      [mul(parameter([1]), 2)],
      'adam: every parameter must be a leaf, got the result of mul. Pass the tensor that it was computed from.',
    ],
    [[tensor([1], { dtype: 'int32' })], 'adam: every parameter must be float32 or float64, got int32.'],
  ])('must be tensors that can be trained (%#)', (params, expected) => {
    expect(messageOf(() => new Adam(params as Tensor[]))).toBe(expected);
  });

  it('must be given once', () => {
    const p = parameter([1, 2]);
    const expected =
      'sgd: every parameter must be given once, got the same tensor of shape [2] twice. It may belong to one group only.';
    expect(messageOf(() => new SGD([p, p]))).toBe(expected);
    expect(messageOf(() => new SGD([{ params: [p] }, { params: [p] }]))).toBe(expected);
  });
});

describe('options', () => {
  const p = parameter([1], [1]);

  it.each([
    [{ lr: -1 }, 'adam: lr must be in [0, ∞), got -1.'],
    [{ lr: NaN }, 'adam: lr must be in [0, ∞), got NaN.'],
    [{ lr: Infinity }, 'adam: lr must be in [0, ∞), got Infinity.'],
    [{ lr: '0.1' }, 'adam: lr must be in [0, ∞), got "0.1".'],
    [{ beta1: 1 }, 'adam: beta1 must be in [0, 1), got 1.'],
    [{ beta2: 1 }, 'adam: beta2 must be in [0, 1), got 1.'],
    [{ eps: -1e-8 }, 'adam: eps must be in [0, ∞), got -1e-8.'],
    [{ amsgrad: 1 }, 'adam: amsgrad must be true or false, got 1.'],
    [{ decay: 'l2' }, 'adam: decay must be one of "coupled", "decoupled", got "l2".'],
    [{ weightDecay: -1 }, 'adam: weightDecay must be in [0, ∞), got -1.'],
    [{ l1: null }, 'adam: l1 must be in [0, ∞), got null.'],
    [{ maximize: null }, 'adam: maximize must be true or false, got null.'],
    [{ clipNorm: -1 }, 'adam: clipNorm must be in [0, ∞], got -1.'],
    [{ clipValue: NaN }, 'adam: clipValue must be in [0, ∞], got NaN.'],
    [{ gpu: 'on' }, 'adam: gpu must be "auto", "off" or { mode, threshold }, got "on".'],
    [
      { gpu: { mode: 'webgl3' } },
      'adam: gpu.mode must be a backend of gpu.js, got "webgl3". Did you mean "webgl2"? Known: webgl2, webgpu, webasm, cpu.',
    ],
    [
      { gpu: { mode: 'cpu', treshold: 1 } },
      'adam, gpu: every option must be known, got "treshold". Did you mean "threshold"? Known: mode, threshold.',
    ],
    [{ gpu: { mode: 'cpu', threshold: -1 } }, 'adam: gpu.threshold must be in [0, ∞], got -1.'],
  ])('%o is refused', (options, expected) => {
    expect(messageOf(() => new Adam([p], options as object))).toBe(expected);
  });

  it('that are unknown are refused, with a guess', () => {
    expect(messageOf(() => new Adam([p], { bета1: 0.9 } as object))).toMatch(
      /^adam: every option must be known, got "bета1". /,
    );
    expect(messageOf(() => new Adam([p], { learningRate: 1 } as object))).toMatch(
      'Known: weightDecay, l1, decay, proximal, towardInit, maximize, lr,',
    );
    expect(
      messageOf(() => new SGD([{ params: [p], momentun: 0.9 } as object as { params: Tensor[] }])),
    ).toMatch('sgd, a group: every option must be known, got "momentun". Did you mean "momentum"?');
    expect(
      messageOf(() => new SGD([{ params: [p], clipNorm: 1 } as object as { params: Tensor[] }])),
    ).toMatch('got "clipNorm"');
  });

  it('can be written at any time, and are checked before anything moves', () => {
    const [a, b] = [parameter([1], [1]), parameter([1], [1])];
    const optimizer = new Momentum([{ params: [a] }, { params: [b], lr: 0.5 }], { lr: 0.25 });
    expect(optimizer.lr).toBe(0.25);
    optimizer.groups[1]!.lr = -1;
    expect(messageOf(() => optimizer.step())).toBe('momentum.step: lr must be in [0, ∞), got -1.');
    expect([a.item(), b.item()]).toEqual([1, 1]);
    optimizer.lr = 0.125;
    optimizer.groups[0]!.momentum = 0;
    optimizer.step();
    expect([a.item(), b.item(), optimizer.groups.map((g) => g.lr)]).toEqual([0.875, 0.875, [0.125, 0.125]]);
    expect(() => {
      (optimizer.groups[0] as object as Record<string, number>).lrr = 1;
    }).toThrow(TypeError);
  });

  it('maximize climbs', () => {
    const up = parameter([1], [2]);
    new SGD([up], { lr: 0.5, maximize: true }).step();
    expect(up.item()).toBe(2);
  });

  it('that are undefined count as left out', () => {
    const optimizer = new Adam([{ params: [p], beta1: undefined }], {
      lr: undefined,
      beta1: 0.5,
      clipValue: undefined,
    });
    expect([optimizer.groups[0]!.lr, optimizer.groups[0]!.beta1, optimizer.clipValue]).toEqual([
      1e-3,
      0.5,
      Infinity,
    ]);
  });

  it('of a name that is unknown are not even looked at', () => {
    expect(messageOf(() => createOptimizer('adamm' as OptimizerName, [p]))).toMatch(
      /^createOptimizer: the optimizer must be known, got "adamm"\. Did you mean "adam"\? Known: .*sgd/,
    );
  });
});

describe('step and zeroGrad', () => {
  it('step calls the closure once and returns what it returns', () => {
    const p = parameter([3]);
    const optimizer = new SGD([p], { lr: 0.25 });
    const loss = optimizer.step(() => {
      optimizer.zeroGrad();
      const y = p.square().sum();
      y.backward();
      return y.item();
    });
    expect([loss, p.item()]).toEqual([9, 1.5]);
    expect(optimizer.step()).toBe(undefined);
  });

  it('step refuses a closure that returns a promise; stepAsync waits for it', async () => {
    const p = parameter([3], [1]);
    const optimizer = new SGD([p], { lr: 1 });
    expect(messageOf(() => optimizer.step(async () => 1))).toBe(
      'sgd.step: the closure must be synchronous, got one that returns a promise. Use `await optimizer.stepAsync(closure)`.',
    );
    expect(p.item()).toBe(3);
    expect(await optimizer.stepAsync(async () => 7)).toBe(7);
    expect(p.item()).toBe(2);
  });

  it('zeroGrad forgets all gradients', () => {
    const p = parameter([1], [1]);
    const optimizer = new SGD([p]);
    optimizer.zeroGrad();
    expect(p.grad).toBe(null);
  });

  it('prints as its name and its groups', () => {
    const optimizer = new SGD([parameter([1, 2]), parameter([3])], { lr: 0.5 });
    expect(String(optimizer)).toBe(
      'sgd {\n  2 parameters, 3 numbers: weightDecay 0, l1 0, decay coupled, proximal false, towardInit false, maximize false, lr 0.5, momentum 0, dampening 0, nesterov false\n}',
    );
  });
});

describe('printing', () => {
  it('shows the name and what every group has', () => {
    const optimizer = new SGD([parameter([1, 2]), parameter([3])], { lr: 0.5 });
    const text =
      'sgd {\n  2 parameters, 3 numbers: weightDecay 0, l1 0, decay coupled, proximal false, towardInit false, maximize false, ' +
      'lr 0.5, momentum 0, dampening 0, nesterov false\n}';
    expect([String(optimizer), inspect(optimizer)]).toEqual([text, text]);
  });
});
