import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NonFiniteError, ValueError } from '../../src/core/errors.ts';
import { clipGradNorm, clipGradValue, SGD } from '../../src/optim/index.ts';
import { type Tensor, tensor } from '../../src/tensor/index.ts';

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
