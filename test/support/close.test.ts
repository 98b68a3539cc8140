import { describe, expect, it } from 'vitest';
import { expectClose } from './close.ts';

describe('expectClose', () => {
  it('accepts what is equal, also NaN, infinities and −0', () => {
    expectClose(
      [
        [1, Number.NaN],
        [Infinity, -0],
      ],
      [
        [1, Number.NaN],
        [Infinity, 0],
      ],
    );
    expectClose(new Float32Array([1, 2]), [1, 2]);
    expectClose([], []);
    expectClose(3, 3);
  });

  it('accepts what is within the tolerance', () => {
    expectClose([1, 1000], [1 + 1e-13, 1000 + 1e-10]);
    expectClose([1 + 1e-10, 1000], [1, 1000], { relativeTo: 'largest' });
    expectClose([1.05], [1], { rtol: 0, atol: 0.1 });
  });

  it('names the worst element', () => {
    expect(() =>
      expectClose(
        [
          [1, 2.5],
          [3, 4],
        ],
        [
          [1, 2],
          [3.25, 4],
        ],
        { rtol: 1e-3, what: 'sum' },
      ),
    ).toThrow(
      'sum: 2 of 4 elements are off, the worst at [0, 1]: 2.5 instead of 2, error 5.00e-1 ' +
        '(rtol 0.001, atol 1e-14, relative to element)',
    );
  });

  it('refuses NaN or an infinity beside a number, and infinities of the other sign', () => {
    expect(() => expectClose([Number.NaN], [1], { rtol: 1e9 })).toThrow('NaN instead of 1');
    expect(() => expectClose([1], [Number.NaN], { rtol: 1e9 })).toThrow('1 instead of NaN');
    expect(() => expectClose([1e308], [Infinity], { rtol: 1e9 })).toThrow('1e+308 instead of Infinity');
    expect(() => expectClose([-Infinity], [Infinity], { rtol: 1e9 })).toThrow(
      '-Infinity instead of Infinity',
    );
  });

  it('refuses other shapes', () => {
    expect(() => expectClose([1, 2], [[1, 2]])).toThrow('shape [2] is not the expected [1, 2]');
    expect(() => expectClose([1], [])).toThrow('shape [1] is not the expected [0]');
    expect(() => expectClose(1, [1])).toThrow('shape [] is not the expected [1]');
  });

  it('refuses ragged arrays and things that hold no numbers', () => {
    expect(() => expectClose([[1], [2, 3]], [1])).toThrow('ragged array: [1] beside [2]');
    expect(() => expectClose('1' as unknown as number, 1)).toThrow('cannot compare 1');
  });
});
