import { describe, expect, it } from 'vitest';
import { allocate, checkDType, type DType, dtypeOf, isFloat, promote } from '../../src/core/dtype.ts';
import { ValueError } from '../../src/core/errors.ts';
import { expectError } from '../support/errors.ts';

const ORDER: DType[] = ['bool', 'int32', 'float32', 'float64'];

describe('dtypes', () => {
  it('promote to the wider one', () => {
    for (const [i, a] of ORDER.entries()) {
      for (const [j, b] of ORDER.entries()) expect(promote(a, b)).toBe(ORDER[Math.max(i, j)]);
    }
  });

  it('have arrays of their kind', () => {
    const arrays = [Uint8Array, Int32Array, Float32Array, Float64Array];
    for (const [i, dtype] of ORDER.entries()) {
      expect(allocate(dtype, 3)).toEqual(new arrays[i]!(3));
      // bytes may be pixels
      expect(dtypeOf(allocate(dtype, 0))).toBe(dtype === 'bool' ? undefined : dtype);
    }
    expect(dtypeOf(new Int16Array(1))).toBeUndefined();
    expect(ORDER.filter(isFloat)).toEqual(['float32', 'float64']);
  });

  it('are refused when unknown', () => {
    expect(checkDType('zeros', 'int32')).toBe('int32');
    const message = (got: string) => `zeros: dtype must be one of bool, int32, float32, float64, got ${got}.`;
    expectError(() => checkDType('zeros', 'float16' as DType), ValueError, message('"float16"'));
    expectError(() => checkDType('zeros', 'toString' as DType), ValueError, message('"toString"'));
    expectError(() => checkDType('zeros', 3 as never), ValueError, message('3'));
  });
});
