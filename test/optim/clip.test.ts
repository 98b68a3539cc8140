import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NonFiniteError, ValueError } from '../../src/core/errors.ts';
import { clipGradAdaptive, clipGradNorm, clipGradValue, SGD } from '../../src/optim/index.ts';
import { type Tensor, tensor } from '../../src/tensor/index.ts';
import { expectClose } from '../support/close.ts';

function withGrad(gradient: number[] | null): Tensor {
  const p = tensor(gradient?.map(() => 0) ?? [0], { dtype: 'float64', requiresGrad: true });
  p.grad = gradient && tensor(gradient, { dtype: 'float64' });
  return p;
}

const gradients = (params: Tensor[]): unknown[] => params.map((p) => p.grad?.toArray() ?? null);

describe('clipGradNorm', () => {
  it('scales all gradients by one factor and returns the norm before', () => {
    const params = [withGrad([3, 0]), withGrad(null), withGrad([0, 4])];
    expect(clipGradNorm(params, 1)).toBe(5);
    expect(gradients(params)).toEqual([[expect.closeTo(0.6, 6), 0], null, [0, expect.closeTo(0.8, 6)]]);
  });

  it('leaves gradients that are short enough as they are', () => {
    const p = withGrad([3, 4]);
    const before = p.grad;
    expect(clipGradNorm([p], 6)).toBe(5);
    expect(p.grad).toBe(before);
  });

  it.each([
    [1, 7],
    [2, 5],
    [3, (27 + 64) ** (1 / 3)],
    [Infinity, 4],
  ])('normType %d', (normType, norm) => {
    const p = withGrad([3, -4]);
    expect(clipGradNorm(p, norm / 2, { normType })).toBeCloseTo(norm, 12);
    expect(gradients([p])).toEqual([[expect.closeTo(1.5, 5), expect.closeTo(-2, 5)]]);
  });

  it('makes the norm at most max, keeps the direction, and does next to nothing the second time', () => {
    const finite = fc.double({ min: -1e6, max: 1e6, noNaN: true });
    const lists = fc.array(fc.array(finite, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(lists, fc.double({ min: 1e-3, max: 1e3, noNaN: true }), (rows, max) => {
        const params = rows.map(withGrad);
        const norm = clipGradNorm(params, max);
        const clipped = params.flatMap((p) => p.grad!.toArray() as number[]);
        expect(Math.hypot(...clipped)).toBeLessThanOrEqual(max * (1 + 1e-12));
        for (const [i, g] of rows.flat().entries())
          expect(clipped[i]! * norm).toBeCloseTo(g * Math.hypot(...clipped), 3);
        // PyTorch's 1e-6 beside the norm is all that is left to do
        clipGradNorm(params, max);
        const twice = params.flatMap((p) => p.grad!.toArray() as number[]);
        for (const [i, g] of clipped.entries()) expect(Math.abs(twice[i]! - g)).toBeLessThan(1.01e-6);
      }),
    );
  });

  it('never writes into a gradient: another tensor may share it', () => {
    const [a, b] = [withGrad([3, 4]), withGrad([0, 0])];
    const shared = a.grad!;
    b.grad = shared;
    clipGradNorm([a], 1);
    clipGradValue([a], 0.1);
    expect(shared.toArray()).toEqual([3, 4]);
    expect(b.grad).toBe(shared);
  });

  it('of no gradients at all is 0', () => {
    expect(clipGradNorm([], 1)).toBe(0);
    expect(clipGradNorm([withGrad(null)], 1)).toBe(0);
  });

  it('spreads a norm that is not finite, or throws', () => {
    const infinite = withGrad([Infinity, 1]);
    expect(clipGradNorm(infinite, 1)).toBe(Infinity);
    expect(gradients([infinite])).toEqual([[NaN, 0]]);
    const params = [withGrad([1, 2]), withGrad([NaN, 1, 1])];
    expect(() => clipGradNorm(params, 1, { errorIfNonfinite: true })).toThrow(NonFiniteError);
    expect(() => clipGradNorm(params, 1, { errorIfNonfinite: true })).toThrow(
      'clipGradNorm: the total norm of the gradients must be finite, got NaN, from a gradient of shape [3]. ' +
        'Lower the learning rate, or look for a division by 0.',
    );
    expect(gradients(params)[0]).toEqual([1, 2]);
  });

  it.each([
    [[[withGrad([1])], -1], 'clipGradNorm: max must be in [0, ∞], got -1.'],
    [[[withGrad([1])], NaN], 'clipGradNorm: max must be in [0, ∞], got NaN.'],
    [[[withGrad([1])], 1, { normType: 0 }], 'clipGradNorm: normType must be in (0, ∞], got 0.'],
    [[[3], 1], 'clipGradNorm: every parameter must be a tensor, got 3.'],
  ] as [Parameters<typeof clipGradNorm>, string][])('refuses what it cannot use (%#)', (args, message) => {
    expect(() => clipGradNorm(...args)).toThrow(new ValueError(...split(message)));
  });
});

/** The arguments that make an error with this message. */
function split(message: string): [string, string, string] {
  return /^(.*?): (.*), got (.*)\.$/.exec(message)!.slice(1) as [string, string, string];
}

describe('clipGradValue', () => {
  it('holds every element between −max and max, and returns the norm before', () => {
    const params = [withGrad([3, -0.5]), withGrad([-4])];
    expect(clipGradValue(params, 1)).toBeCloseTo(Math.sqrt(25.25), 12);
    expect(gradients(params)).toEqual([[1, -0.5], [-1]]);
    expect(() => clipGradValue(params, -2)).toThrow('clipGradValue: max must be in [0, ∞], got -2.');
  });
});

describe('clipNorm and clipValue of an optimizer', () => {
  it('clip over all groups, leave the norm in gradNorm, and the gradients alone', () => {
    const [a, b, frozen] = [withGrad([3]), withGrad([4]), withGrad([100])];
    frozen.requiresGrad = false;
    const optimizer = new SGD([{ params: [a] }, { params: [b, frozen] }], { lr: 1, clipNorm: 1 });
    expect(optimizer.gradNorm).toBe(null);
    optimizer.step();
    expect(optimizer.gradNorm).toBe(5);
    expect([a.item(), b.item()]).toEqual([expect.closeTo(-0.6, 6), expect.closeTo(-0.8, 6)]);
    expect(gradients([a, b])).toEqual([[3], [4]]);
  });

  it('clip by norm first and by value then', () => {
    const p = withGrad([30, 40]);
    new SGD([p], { lr: 1, clipNorm: 5, clipValue: 3.5 }).step();
    expect(p.toArray()).toEqual([expect.closeTo(-3, 5), -3.5]);
  });

  it('give what clipGradNorm before the step gives', () => {
    const [a, b] = [withGrad([3, -7]), withGrad([3, -7])];
    new SGD([a], { lr: 0.1, clipNorm: 2 }).step();
    clipGradNorm(b, 2);
    new SGD([b], { lr: 0.1 }).step();
    expect(a.toArray()).toEqual(b.toArray());
  });

  it('may be changed later, and only measure', () => {
    const p = withGrad([3, 4]);
    const optimizer = new SGD([p], { lr: 1, clipNorm: Infinity });
    optimizer.step();
    expect([optimizer.gradNorm, p.toArray()]).toEqual([5, [-3, -4]]);
    optimizer.clipNorm = null;
    optimizer.step();
    expect(optimizer.gradNorm).toBe(null);
    optimizer.clipValue = Number.NaN;
    expect(() => optimizer.step()).toThrow('sgd.step: clipValue must be in [0, ∞], got NaN.');
    expect(p.toArray()).toEqual([-6, -8]);
  });
});

describe('a largest norm of ∞', () => {
  it('only measures, also an infinite norm', () => {
    const p = tensor([1, 1], { requiresGrad: true });
    p.grad = tensor([Infinity, 2]);
    expect(clipGradNorm([p], Infinity)).toBe(Infinity);
    expect(p.grad.toArray()).toEqual([Infinity, 2]);
  });
});

describe('clipGradAdaptive', () => {
  const weight = (): Tensor => {
    const w = tensor(
      [
        [3, 4],
        [0, 0],
        [0.6, 0.8],
      ],
      { dtype: 'float64', requiresGrad: true },
    );
    w.grad = tensor(
      [
        [6, 8],
        [3, 4],
        [0.03, 0.04],
      ],
      { dtype: 'float64' },
    );
    return w;
  };

  it('scales the gradient of every row by the weights of that row', () => {
    const w = weight();
    expect(clipGradAdaptive(w, 0.1, { eps: 0.05 })).toBeCloseTo(Math.hypot(10, 5, 0.05), 12);
    expectClose(w.grad!, [
      [0.3, 0.4],
      [0.003, 0.004],
      [0.03, 0.04],
    ]);
  });

  it('takes a vector and a scalar as one unit, and axes behind the first of a larger tensor together', () => {
    const [bias, scalar] = [withGrad([3, 4]), tensor(2, { dtype: 'float64', requiresGrad: true })];
    scalar.grad = tensor(-1, { dtype: 'float64' });
    const cube = tensor([[[3], [4]]], { dtype: 'float64', requiresGrad: true });
    cube.grad = tensor([[[30], [40]]], { dtype: 'float64' });
    clipGradAdaptive([bias, scalar, cube], 0.01);
    expectClose(
      bias.grad!,
      [3, 4].map((x) => (x / 5) * 1e-5),
    );
    expectClose(scalar.grad!, -0.02);
    expectClose(cube.grad!, [[[0.03], [0.04]]]);
  });

  it('leaves what is small enough, and no gradient at all', () => {
    const w = weight();
    const before = w.grad;
    clipGradAdaptive([w, withGrad(null), tensor([], { requiresGrad: true })], 1e6);
    expect(w.grad).toBe(before);
    expect(() => clipGradAdaptive(w, -1)).toThrow('clipGradAdaptive: factor must be in [0, ∞), got -1.');
    expect(() => clipGradAdaptive(w, 1, { eps: NaN })).toThrow(
      'clipGradAdaptive: eps must be in [0, ∞), got NaN.',
    );
  });

  it('is what clipAdaptive of an optimizer does, before clipNorm', () => {
    const [a, b] = [weight(), weight()];
    const optimizer = new SGD([a], { lr: 1, clipAdaptive: { factor: 0.1, eps: 0.05 }, clipNorm: 0.2 });
    optimizer.step();
    clipGradAdaptive(b, 0.1, { eps: 0.05 });
    expect(clipGradNorm(b, 0.2)).toBe(optimizer.gradNorm);
    new SGD([b], { lr: 1 }).step();
    expectClose(a, b);
  });
});

describe('clipNorm with more to say', () => {
  const groups = () => {
    const params = [withGrad([3]), withGrad([4]), withGrad([0.5])];
    return { params, groups: [{ params: params.slice(0, 2) }, { params: params.slice(2) }] };
  };
  const lengths = (params: Tensor[]): unknown[] => params.map((p) => expect.closeTo(-p.item(), 5));

  it.each([
    ['all', [3, 4, 0.5].map((x) => x / Math.sqrt(25.25)), Math.sqrt(25.25)],
    ['group', [0.6, 0.8, 0.5], Math.sqrt(25.25)],
    ['parameter', [1, 1, 0.5], Math.sqrt(25.25)],
  ] as const)('measures per %s', (per, expected, norm) => {
    const { params, groups: given } = groups();
    const optimizer = new SGD(given, { lr: 1, clipNorm: { max: 1, per } });
    optimizer.step();
    expect([...expected]).toEqual(lengths(params));
    expect(optimizer.gradNorm).toBeCloseTo(norm, 4);
  });

  it.each([
    [1, 7.5],
    [3, (27 + 64 + 0.125) ** (1 / 3)],
    [Infinity, 4],
  ])('measures by the %d-norm', (normType, norm) => {
    const { params, groups: given } = groups();
    const optimizer = new SGD(given, { lr: 1, clipNorm: { max: norm / 2, normType } });
    optimizer.step();
    expect(optimizer.gradNorm).toBeCloseTo(norm, 12);
    expect([1.5, 2, 0.25]).toEqual(lengths(params));
  });

  it.each([
    [{ clipNorm: { max: -1 } }, 'sgd: clipNorm.max must be in [0, ∞], got -1.'],
    [{ clipNorm: { max: 1, normType: 0 } }, 'sgd: clipNorm.normType must be in (0, ∞], got 0.'],
    [
      { clipNorm: { max: 1, per: 'layer' } },
      'sgd: clipNorm.per must be one of "all", "group", "parameter", got "layer".',
    ],
    [
      { clipNorm: { maximum: 1 } },
      'sgd, clipNorm: every option must be known, got "maximum". Known: max, normType, per.',
    ],
    [{ clipAdaptive: -1 }, 'sgd: clipAdaptive must be in [0, ∞), got -1.'],
    [{ clipAdaptive: { factor: NaN } }, 'sgd: clipAdaptive.factor must be in [0, ∞), got NaN.'],
    [{ clipAdaptive: { factor: 1, eps: -1 } }, 'sgd: clipAdaptive.eps must be in [0, ∞), got -1.'],
    [
      { clipAdaptive: { ratio: 1 } },
      'sgd, clipAdaptive: every option must be known, got "ratio". Known: factor, eps.',
    ],
    [
      { nonFinite: 'ignore' },
      'sgd: nonFinite must be one of "propagate", "error", "skip", "zero", got "ignore".',
    ],
  ])('refuses %j', (options, message) => {
    expect(() => new SGD([withGrad([1])], options as object)).toThrow(message);
  });
});

describe('nonFinite', () => {
  const params = () => [withGrad([1, 2]), withGrad([3, NaN, -Infinity])] as const;
  const values = (list: readonly Tensor[]) => list.map((p) => p.toArray());

  it('propagates unless told otherwise', () => {
    const [a, b] = params();
    new SGD([a, b], { lr: 1 }).step();
    expect(values([a, b])).toEqual([
      [-1, -2],
      [-3, NaN, Infinity],
    ]);
  });

  it('error names the first number, and nothing is changed', () => {
    const [a, b] = params();
    const optimizer = new SGD(
      [
        ['a', a],
        ['layer.b', b],
      ],
      { lr: 1, nonFinite: 'error' },
    );
    expect(() => optimizer.step()).toThrow(
      new NonFiniteError(
        'sgd.step',
        'every gradient must be finite',
        'NaN in that of layer.b at [1], 2 of 3 in all',
        'Lower the learning rate, clip, or set nonFinite to "skip" or "zero".',
      ),
    );
    expect(values([a, b])).toEqual([
      [0, 0],
      [0, 0, 0],
    ]);
    expect(optimizer.stateDict().groups[0]!.params.map(({ t }) => t)).toEqual([0, 0]);
  });

  it('skip leaves the step out, and does not count it', async () => {
    const [a, b] = params();
    const optimizer = new SGD([a, b], { lr: 1, nonFinite: 'skip', clipNorm: 1, report: true });
    optimizer.step();
    await optimizer.stepAsync();
    expect(values([a, b])).toEqual([
      [0, 0],
      [0, 0, 0],
    ]);
    expect(optimizer.report).toMatchObject({ skipped: true, nonFinite: 2, clippedFraction: 0, scale: 1 });
    b.grad = tensor([0, 0, 4], { dtype: 'float64' });
    a.grad = tensor([0, 3], { dtype: 'float64' });
    optimizer.step();
    expect(optimizer.report).toMatchObject({ skipped: false, nonFinite: 0 });
    expect(optimizer.stateDict().groups[0]!.params.map(({ t }) => t)).toEqual([1, 1]);
  });

  it('zero counts those numbers as 0, and leaves the gradient alone', () => {
    const [a, b] = params();
    const optimizer = new SGD([a, b], { lr: 1, nonFinite: 'zero', clipNorm: Infinity });
    optimizer.step();
    expect(values([a, b])).toEqual([
      [-1, -2],
      [-3, 0, 0],
    ]);
    expect(optimizer.gradNorm).toBeCloseTo(Math.sqrt(14), 12);
    expect(b.grad!.toArray()).toEqual([3, NaN, -Infinity]);
  });
});

describe('the report of a step', () => {
  it('is null unless asked for', () => {
    const optimizer = new SGD([withGrad([1])]);
    optimizer.step();
    expect(optimizer.report).toBe(null);
  });

  it('says what clipping did', () => {
    const params = [
      ['a', withGrad([3, 0.1])],
      ['b', withGrad([4, 0])],
    ] as const;
    const optimizer = new SGD(params, { report: true });
    optimizer.step();
    const norm = Math.hypot(3, 0.1, 4);
    const plain = {
      norm: expect.closeTo(norm, 12),
      nonFinite: 0,
      skipped: false,
      worst: { name: 'b', norm: 4 },
    };
    expect(optimizer.report).toEqual({ ...plain, scale: 1, clippedFraction: 0 });
    optimizer.clipValue = 1;
    optimizer.step();
    expect(optimizer.report).toEqual({ ...plain, scale: 1, clippedFraction: 0.5 });
    optimizer.clipNorm = { max: 1, per: 'parameter' };
    optimizer.step();
    expect(optimizer.report).toMatchObject({ scale: expect.closeTo(0.25, 5), clippedFraction: 0.75 });
  });

  it('without gradients has nothing to name', () => {
    const optimizer = new SGD([withGrad(null)], { report: true });
    optimizer.step();
    expect(optimizer.report).toEqual({
      norm: 0,
      scale: 1,
      clippedFraction: 0,
      nonFinite: 0,
      skipped: false,
      worst: null,
    });
  });
});
