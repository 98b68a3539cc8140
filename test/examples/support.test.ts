import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { logAxis, runningMean, spread } from '../../examples/support/curves.ts';
import { colorOf, dashOf } from '../../examples/support/palette.ts';
import { duration, ProgressLine, percent, textTable } from '../../examples/support/progress.ts';

describe('labels at the ends of curves', () => {
  it('stay apart, in order and inside', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 300, noNaN: true }), { minLength: 1, maxLength: 20 }),
        (ends) => {
          const labels = spread(ends, 15, 0, 300);
          const order = ends.map((_, i) => i).sort((a, b) => ends[a]! - ends[b]! || a - b);
          for (let k = 1; k < order.length; k++) {
            expect(labels[order[k]!]! - labels[order[k - 1]!]!).toBeGreaterThanOrEqual(15 - 1e-6);
          }
          expect(Math.min(...labels)).toBeGreaterThanOrEqual(-1e-6);
          expect(Math.max(...labels)).toBeLessThanOrEqual(300 + 1e-6);
        },
      ),
    );
  });

  it('stay where they are when they do not touch', () => {
    expect(spread([100, 20, 200], 15, 0, 300)).toEqual([100, 20, 200]);
  });

  it('move closer where there is no room', () => {
    expect(spread([5, 5, 5], 15, 0, 10)).toEqual([0, 5, 10]);
  });
});

describe('curves', () => {
  it('are smoothed over the values so far', () => {
    expect(runningMean([4, 2, 0, 4], 2)).toEqual([4, 3, 1, 2]);
    expect(runningMean([4, 2], 1)).toEqual([4, 2]);
  });

  it('have logarithmic axes with readable ticks, whatever the values', () => {
    expect(logAxis([0.3, 0.012])).toMatchObject({ domain: [0.012, 0.3], ticks: [0.02, 0.05, 0.1, 0.2] });
    expect(logAxis([0, Number.NaN, Infinity])).toMatchObject({ domain: [1, 1], ticks: [1] });
    expect(logAxis([20, 30])).toMatchObject({ domain: [20, 30], ticks: [20] });
  });

  it('differ in colour or dash up to the 32nd', () => {
    expect(new Set(Array.from({ length: 32 }, (_, i) => colorOf(i) + dashOf(i))).size).toBe(32);
  });
});

describe('the progress line', () => {
  const written = (isTTY: boolean) => {
    const texts: string[] = [];
    return { isTTY, columns: 11, write: (text: string) => texts.push(text), texts };
  };

  it('is rewritten in place on a terminal, cut to its width', () => {
    const out = written(true);
    const line = new ProgressLine(out);
    line.update(() => 'a long line of progress');
    line.update(() => 'too soon');
    line.done('done');
    expect(out.texts).toEqual(['\r\x1b[2Ka long lin', '\r\x1b[2Kdone\n']);
  });

  it('leaves only lasting lines elsewhere', () => {
    const out = written(false);
    const line = new ProgressLine(out);
    line.update(() => 'progress');
    line.done('done');
    expect(out.texts).toEqual(['done\n']);
  });
});

describe('texts', () => {
  it('of durations and shares', () => {
    expect([0.04, 9.94, 9.96, 59.4, 59.6, 125].map(duration)).toEqual([
      '0.0 s',
      '9.9 s',
      '10 s',
      '59 s',
      '1 min 00 s',
      '2 min 05 s',
    ]);
    expect(percent(0.96667)).toBe('96.7 %');
  });

  it('of tables', () => {
    expect(textTable(['name', 'n'], [['a', '10']])).toBe('name    n\n─────────\na      10');
  });
});
