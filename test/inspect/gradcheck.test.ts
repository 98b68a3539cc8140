import { describe, expect, it } from 'vitest';
import { ValueError } from '../../src/core/errors.ts';
import { gradcheck, gradgradcheck } from '../../src/inspect/index.ts';
import { ones, record, type Tensor, tensor } from '../../src/tensor/index.ts';
import { expectError } from '../support/errors.ts';

const point = (data: Parameters<typeof tensor>[0]): Tensor =>
  tensor(data, { dtype: 'float64', requiresGrad: true });

/** x² with a derivative that is wrong where `wrong` says so. */
const square = (x: Tensor, factor: Tensor): Tensor =>
  record('square', x.detach().square(), [x, (g) => g.mul(x).mul(factor)]);

describe.each([
  ['gradcheck', gradcheck],
  ['gradgradcheck', gradgradcheck],
] as const)('%s', (name, check) => {
  it('agrees with right derivatives', () => {
    const x = point([
      [0.5, -1],
      [2, 3],
    ]);
    const y = point([1.5, 0.7]);
    const result = check((a, b) => a.mul(b).sin().div(b), [x, y]);
    expect(result.ok).toBe(true);
    expect(result.checked).toBe(6);
    expect(result.worst).not.toBeNull();
    const { input, index, analytic, numeric } = result.worst!;
    expect(String(result)).toBe(
      `${name}: all of 6 derivatives agree; the worst is input ${input} at [${index.join(', ')}]: ` +
        `backward says ${analytic}, the difference quotient ${numeric}`,
    );
    expect(Math.abs(analytic - numeric)).toBeLessThan(1e-7);
  });

  it('adds up several outputs, and passes other inputs through', () => {
    const x = point([0.5, -1]);
    const index = tensor([1, 1, 0], { dtype: 'int32' });
    const weights = tensor([1, 2, 3]);
    const result = check((a, i, w) => [a.gather(0, i!).mul(w!).square(), a.exp()], [x, index, weights]);
    expect(result.ok, String(result)).toBe(true);
    expect(result.checked).toBe(2);
  });

  it('takes an input that the outputs do not depend on', () => {
    const result = check((a) => a.square(), [point([1, 2]), point([3])]);
    expect([result.ok, result.checked]).toEqual([true, 3]);
  });

  it('has nothing to compare in empty tensors', () => {
    const result = check((a) => a.square(), [point([])]);
    expect([result.ok, result.checked, result.worst, String(result)]).toEqual([
      true,
      0,
      null,
      `${name}: nothing to compare`,
    ]);
  });

  it('leaves its inputs as they are', () => {
    const x = point([1, 2]);
    check((a) => a.square(), [x]);
    expect(x.toArray()).toEqual([1, 2]);
    expect(x.grad).toBeNull();
    expect(x.requiresGrad).toBe(true);
  });

  it('refuses float32 and inputs without a gradient', () => {
    expectError(
      () => check((a) => a.square(), [ones([2, 1], { requiresGrad: true })]),
      ValueError,
      `${name}: checked inputs must be float64: difference quotients in float32 have too few digits, got float32 ` +
        "of shape [2, 1]. Create them with { dtype: 'float64', requiresGrad: true }.",
    );
    expectError(
      () => check((a) => a.square(), [ones([2])]),
      ValueError,
      `${name}: at least one input must require a gradient, got none. Create it with { requiresGrad: true }.`,
    );
  });
});

describe('gradcheck', () => {
  it('names the worst element with both values', () => {
    const x = point([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    // 2 is right; [1, 1] is further off than [0, 2]
    const factor = tensor(
      [
        [2, 2, 2.1],
        [2, -2, 2],
      ],
      { dtype: 'float64' },
    );
    const result = gradcheck((a) => square(a, factor), [point([1]), x].slice(1));
    expect(result.ok).toBe(false);
    expect(result.worst).toMatchObject({ input: 0, index: [1, 1] });
    expect(result.worst!.analytic / result.worst!.numeric).toBeCloseTo(-1, 6);
    expect(String(result)).toMatch(
      /^gradcheck: not all of 6 derivatives agree; the worst is input 0 at \[1, 1\]: backward says -?[\d.]+, the difference quotient -?[\d.]+$/,
    );
  });

  it('notices a missing derivative', () => {
    const result = gradcheck((a) => a.detach().square(), [point([1, 2])]);
    expect(result.ok).toBe(false);
    expect(result.worst!.analytic).toBe(0);
  });

  it('notices NaN', () => {
    const result = gradcheck((a) => a.sqrt().sum(), [point([4, -1, 9])]);
    expect(result.ok).toBe(false);
    expect(result.worst!.index).toEqual([1]);
    expect(result.worst!.analytic).toBeNaN();
  });

  it('takes its tolerances and step', () => {
    const slightlyOff = (a: Tensor) => square(a, tensor(2.001, { dtype: 'float64' }));
    const x = [point([3])];
    expect(gradcheck(slightlyOff, x, { rtol: 1e-4 }).ok).toBe(false);
    expect(gradcheck(slightlyOff, x, { rtol: 1e-2 }).ok).toBe(true);
    expect(gradcheck(slightlyOff, x, { rtol: 0, atol: 1 }).ok).toBe(true);
    // |x| has a kink within the step
    expect(gradcheck((a) => a.abs(), [point([0.01])], { eps: 0.1 }).ok).toBe(false);
    expect(gradcheck((a) => a.abs(), [point([0.01])]).ok).toBe(true);
  });
});

describe('gradgradcheck', () => {
  it('notices a derivative that is right but cannot be differentiated', () => {
    const x = point([1, 2]);
    const flat = (a: Tensor) => record('square', a.detach().square(), [a, (g) => g.mul(a.detach().mul(2))]);
    expect(gradcheck(flat, [x]).ok).toBe(true);
    const result = gradgradcheck(flat, [x]);
    expect(result.ok).toBe(false);
    expect(result.worst!.analytic).toBe(0);
  });
});
