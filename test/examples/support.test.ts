import { crc32, inflateSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { logAxis, runningMean, spread } from '../../examples/support/curves.ts';
import { colorOf, dashOf } from '../../examples/support/palette.ts';
import { indexedPng } from '../../examples/support/png.ts';
import { duration, ProgressLine, percent, textTable } from '../../examples/support/progress.ts';
import { compact } from '../../examples/support/svg.ts';

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
    expect(logAxis([0.5, 2000])).toMatchObject({ ticks: [1, 10, 100, 1000] });
  });

  it('differ in colour or dash up to the 32nd', () => {
    expect(new Set(Array.from({ length: 32 }, (_, i) => colorOf(i) + dashOf(i))).size).toBe(32);
  });
});

describe('paths', () => {
  const path = (points: readonly (readonly [number, number])[]) =>
    ` d="M${points.map((p) => p.join(',')).join('L')}"`;

  it('lose the points in which they do not bend', () => {
    expect(compact('<path d="M0,0L1.04,1L2,2.1L3,3ZM5,5" id="a.12345"/>')).toBe(
      '<path d="M0,0L3,3ZM5,5" id="a.12345"/>',
    );
    expect(
      compact(
        path([
          [0, 0],
          [5, 0],
          [2, 0],
          [9.123, 0],
        ]),
      ),
    ).toBe(
      path([
        [0, 0],
        [5, 0],
        [2, 0],
        [9.1, 0],
      ]),
    );
  });

  it('stay where they are, to a fraction of a pixel', () => {
    const coordinate = fc.double({ min: 0, max: 20, noNaN: true });
    fc.assert(
      fc.property(fc.array(fc.tuple(coordinate, coordinate), { minLength: 2, maxLength: 30 }), (points) => {
        const kept = compact(path(points))
          .slice(5, -1)
          .split('L')
          .map((point) => point.split(',').map(Number) as [number, number]);
        const distance = ([x, y]: readonly number[]) =>
          Math.min(
            ...kept.slice(1).map(([bx, by], i) => {
              const [ax, ay] = kept[i]!;
              const along =
                ((x! - ax) * (bx - ax) + (y! - ay) * (by - ay)) / ((bx - ax) ** 2 + (by - ay) ** 2);
              const t = Number.isNaN(along) ? 0 : Math.min(1, Math.max(0, along));
              return Math.hypot(x! - ax - t * (bx - ax), y! - ay - t * (by - ay));
            }),
          );
        expect(Math.max(...points.map(distance))).toBeLessThan(0.2 + 0.08);
      }),
    );
  });
});

describe('PNGs', () => {
  /** The chunks of a PNG by name. */
  const chunksOf = (png: Buffer) => {
    const chunks: Record<string, Buffer> = {};
    for (let at = 8; at < png.length; ) {
      const length = png.readUInt32BE(at);
      expect(png.readUInt32BE(at + 8 + length)).toBe(crc32(png.subarray(at + 4, at + 8 + length)));
      chunks[png.toString('latin1', at + 4, at + 8)] = png.subarray(at + 8, at + 8 + length);
      at += 12 + length;
    }
    return chunks;
  };

  const decode = (png: Buffer) => {
    const { IHDR, PLTE, tRNS, IDAT } = chunksOf(png);
    const [width, height] = [IHDR!.readUInt32BE(0), IHDR!.readUInt32BE(4)];
    const rows = inflateSync(IDAT!);
    return Array.from({ length: width * height }, (_, i) => {
      const index = rows[Math.floor(i / width) * (width + 1) + 1 + (i % width)]!;
      return [...PLTE!.subarray(3 * index, 3 * index + 3), tRNS![index]!];
    });
  };

  it('keep the colours of a picture that has few', () => {
    const byte = fc.integer({ min: 0, max: 255 });
    fc.assert(
      fc.property(fc.array(fc.tuple(byte, byte, byte, byte), { minLength: 6, maxLength: 6 }), (pixels) => {
        expect(decode(indexedPng(3, 2, new Uint8Array(pixels.flat())))).toEqual(pixels);
      }),
    );
  });

  it('come close to the colours of one that has many', () => {
    const pixels = Array.from({ length: 4096 }, (_, i) => [i % 64, Math.floor(i / 64), 128, 255]);
    const decoded = decode(indexedPng(64, 64, new Uint8Array(pixels.flat())));
    expect(new Set(decoded.map(String)).size).toBeLessThanOrEqual(96);
    const furthest = decoded.map((color, i) =>
      Math.max(...color.map((c, k) => Math.abs(c - pixels[i]![k]!))),
    );
    expect(Math.max(...furthest)).toBeLessThan(12);
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
