import { describe, expect, it } from 'vitest';
import { erf } from '../../src/core/special.ts';
import { contiguousData, tensor } from '../../src/tensor/index.ts';
import { expectClose } from '../support/close.ts';
import { build, reference } from '../tensor/reference-cases.ts';

describe('erf', () => {
  it('agrees with PyTorch to 1e-14', () => {
    let compared = 0;
    for (const { inputs, output } of reference.cases.erf!) {
      const [x] = inputs;
      if (typeof x !== 'object' || x.dtype !== 'float64' || Array.isArray(output)) continue;
      const values = [...contiguousData(build(x))];
      expectClose(values.map(erf), [...contiguousData(build(output))], { rtol: 1e-14, atol: 0 });
      compared += values.length;
    }
    expect(compared).toBeGreaterThan(150);
  });

  it('is odd, and ±1 at infinity', () => {
    for (const x of [0, 1e-300, 0.3, 2.4999, 2.5, 4, 5.9999, 6, 1e300, Infinity])
      expect(erf(-x)).toBe(-erf(x));
    expect([erf(Infinity), erf(6), erf(Number.NaN)]).toEqual([1, 1, Number.NaN]);
    expect(Object.is(erf(-0), -0)).toBe(true);
  });

  it('has no jump where its two formulas meet', () => {
    expectClose(erf(2.5 - 1e-13), erf(2.5), { rtol: 1e-14 });
    expectClose(erf(6 - 1e-13), erf(6), { rtol: 1e-14 });
  });

  it('is the op too', () => {
    expectClose(tensor([-1, 0, 2], { dtype: 'float64' }).erf(), [erf(-1), 0, erf(2)], { rtol: 0 });
  });
});
