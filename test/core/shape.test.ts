import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ShapeError, ValueError } from '../../src/core/errors.ts';
import {
  broadcastShapes,
  checkShape,
  resolveAxes,
  resolveAxis,
  sameShape,
  showShape,
  sizeOf,
  stridesOf,
} from '../../src/core/shape.ts';
import { expectError } from '../support/errors.ts';

/** NumPy's rule, word by word: pad with ones in front, then compare size by size. */
function naiveBroadcast(a: readonly number[], b: readonly number[]): number[] | null {
  const rank = Math.max(a.length, b.length);
  const left = [...Array(rank - a.length).fill(1), ...a];
  const right = [...Array(rank - b.length).fill(1), ...b];
  const out: number[] = [];
  for (let i = 0; i < rank; i++) {
    if (left[i] === right[i] || right[i] === 1) out.push(left[i]);
    else if (left[i] === 1) out.push(right[i]);
    else return null;
  }
  return out;
}

fc.configureGlobal({ seed: 20 });

const shapes = fc.array(fc.constantFrom(0, 1, 1, 2, 3), { maxLength: 4 });

describe('broadcastShapes', () => {
  it('agrees with the rule, and is symmetric', () => {
    fc.assert(
      fc.property(shapes, shapes, (a, b) => {
        const expected = naiveBroadcast(a, b);
        for (const [x, y] of [
          [a, b],
          [b, a],
        ] as const) {
          if (expected) expect(broadcastShapes('add', x, y)).toEqual(expected);
          else expect(() => broadcastShapes('add', x, y)).toThrow(ShapeError);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('names both shapes', () => {
    expectError(
      () => broadcastShapes('add', [2, 3], [2]),
      ShapeError,
      'add: shapes must broadcast (aligned from the right, sizes equal or 1), got [2, 3] and [2]. ' +
        'Reshape, unsqueeze or transpose one of them.',
    );
  });
});

describe('sizes and strides', () => {
  it('of usual, empty and scalar shapes', () => {
    expect([sizeOf([]), sizeOf([2, 3]), sizeOf([2, 0, 3])]).toEqual([1, 6, 0]);
    expect([stridesOf([]), stridesOf([5]), stridesOf([2, 3, 4])]).toEqual([[], [1], [12, 4, 1]]);
    expect(showShape([])).toBe('[]');
    expect(showShape([2, 3])).toBe('[2, 3]');
    expect([sameShape([2], [2]), sameShape([2], [2, 1]), sameShape([2], [3]), sameShape([], [])]).toEqual([
      true,
      false,
      false,
      true,
    ]);
  });
});

describe('checkShape', () => {
  it('copies a good shape', () => {
    const shape = [2, 0];
    expect(checkShape('zeros', shape)).toEqual(shape);
    expect(checkShape('zeros', shape)).not.toBe(shape);
  });

  it.each<[unknown, string]>([
    [[2, -1], '[2, -1]'],
    [[1.5], '[1.5]'],
    [[Number.NaN], '[NaN]'],
    [[Infinity], '[Infinity]'],
    [['2'], '["2"]'],
    [3, '3'],
    [undefined, 'undefined'],
  ])('refuses %o', (shape, got) => {
    expectError(
      () => checkShape('zeros', shape as number[]),
      ShapeError,
      `zeros: a shape must be a list of whole numbers ≥ 0, got ${got}.`,
    );
  });

  it('refuses what no typed array can hold', () => {
    expectError(
      () => checkShape('zeros', [2 ** 20, 2 ** 20]),
      ShapeError,
      'zeros: a tensor holds at most 2³¹ elements, got shape [1048576, 1048576].',
    );
  });
});

describe('axes', () => {
  it('count from both ends', () => {
    expect([0, 2, -1, -3].map((a) => resolveAxis('sum', a, 3))).toEqual([0, 2, 2, 0]);
    expect(resolveAxes('sum', undefined, 3)).toEqual([0, 1, 2]);
    expect(resolveAxes('sum', -1, 3)).toEqual([2]);
    expect(resolveAxes('sum', [-1, 0], 3)).toEqual([0, 2]);
    expect(resolveAxes('sum', [], 3)).toEqual([]);
    expect(resolveAxes('sum', undefined, 0)).toEqual([]);
  });

  it('are refused outside the rank, as fractions, and twice', () => {
    const outside = (got: string) => `sum: an axis must be a whole number in −2 … 1, got ${got}.`;
    expectError(() => resolveAxis('sum', 2, 2), ShapeError, outside('2'));
    expectError(() => resolveAxis('sum', -3, 2), ShapeError, outside('-3'));
    expectError(() => resolveAxis('sum', 0.5, 2), ShapeError, outside('0.5'));
    expectError(() => resolveAxis('sum', Number.NaN, 2), ShapeError, outside('NaN'));
    expectError(() => resolveAxis('sum', 0, 0), ShapeError, 'sum: a scalar has no axes, got 0.');
    expectError(
      () => resolveAxes('sum', [0, -2], 2),
      ValueError,
      'sum: an axis must be named only once, got [0, -2].',
    );
  });
});
