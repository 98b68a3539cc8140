import { describe, expect, it } from 'vitest';
import {
  checkKeys,
  GradletError,
  InternalError,
  NonFiniteError,
  ShapeError,
  show,
  suggest,
  ValueError,
} from '../../src/core/errors.ts';
import { expectError } from '../support/errors.ts';

describe('GradletError', () => {
  it.each([ShapeError, ValueError, NonFiniteError, InternalError])(
    '%o says where, what, and what to do',
    (Kind) => {
      const error = new Kind('add', 'shapes must broadcast', '[2] and [3]', 'Reshape one.');
      expect(error.message).toBe('add: shapes must broadcast, got [2] and [3]. Reshape one.');
      expect(error.name).toBe(Kind.name);
      expect(error.where).toBe('add');
      expect(error).toBeInstanceOf(GradletError);
      expect(error).toBeInstanceOf(Error);
      expect(error.stack).toContain('errors.test.ts');
    },
  );

  it('leaves out what to do where there is nothing to say', () => {
    expect(new ValueError('item', 'x must be y', 'z').message).toBe('item: x must be y, got z.');
  });
});

describe('show', () => {
  it.each<[unknown, string]>([
    [1.5, '1.5'],
    [-0, '-0'],
    [Number.NaN, 'NaN'],
    ['a "b"', '"a \\"b\\""'],
    [undefined, 'undefined'],
    [null, 'null'],
    [true, 'true'],
    [10n, '10'],
    [[1, [2, 'x']], '[1, [2, "x"]]'],
    [Array.from({ length: 10 }, (_, i) => i), '[0, 1, 2, 3, 4, 5, 6, 7, … 10 in all]'],
    [new Float32Array(3), 'a Float32Array'],
    [new Map(), 'a Map'],
    [{ lr: 1, beta: 2 }, '{ lr, beta }'],
    [Object.create(null), '{  }'],
    [Math.max, 'function max'],
    [
      (
        () => () =>
          1
      )(),
      'a function',
    ],
    [Symbol('s'), 'Symbol(s)'],
  ])('%o → %s', (value, text) => {
    expect(show(value)).toBe(text);
  });
});

describe('suggest', () => {
  it('guesses a name that is near, whatever its case', () => {
    expect(suggest('leraningRate', ['learningRate', 'beta1'])).toBe(
      'Did you mean "learningRate"? Known: learningRate, beta1.',
    );
    expect(suggest('ADAM', ['sgd', 'adam'])).toBe('Did you mean "adam"? Known: sgd, adam.');
    expect(suggest('requireGrad', new Set(['dtype', 'requiresGrad']))).toBe(
      'Did you mean "requiresGrad"? Known: dtype, requiresGrad.',
    );
  });

  it('does not guess wildly', () => {
    expect(suggest('xyzzy', ['learningRate', 'beta1'])).toBe('Known: learningRate, beta1.');
    expect(suggest('x', [])).toBe('Known: (none).');
  });
});

describe('checkKeys', () => {
  it('passes known options and none', () => {
    checkKeys('zeros', { dtype: 'float32' }, ['dtype', 'requiresGrad']);
    checkKeys('zeros', undefined, []);
  });

  it('refuses others', () => {
    expectError(
      () => checkKeys('zeros', { dtype: 'float32', requireGrad: true }, ['dtype', 'requiresGrad']),
      ValueError,
      'zeros: every option must be known, got "requireGrad". Did you mean "requiresGrad"? Known: dtype, requiresGrad.',
    );
  });
});
