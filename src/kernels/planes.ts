import type { TypedArray } from '../core/dtype.ts';
import { heap } from './engine.ts';
import { alone, inWasm } from './wasm/conv.ts';

type Room = Float32Array | Float64Array;

/** Scratch space, and what can be done with the numbers in it; places are indices into it. */
export interface Workshop {
  readonly numbers: Room;
  /** The same space, for tables. */
  readonly whole: Int32Array | Float64Array;
  /** The first place that is free. */
  readonly start: number;
  /** What a place is multiplied by where it stands in a table. */
  readonly unit: number;
  /** How many samples there is room for at a time. */
  readonly samples: number;
  /** Into how many tasks one sum should be cut. */
  readonly parts: number;
  /** Begins a task: what follows, until the next, may be done beside other tasks. */
  task(): void;
  /** Ends all tasks; `false` where they cannot be ended, and the space cannot be used any more. */
  finish(): boolean;
  /** Gives the space back. */
  free(): void;
  /** Copies `blocks` matrices with any steps. */
  copy(
    from: number,
    fromSteps: Steps,
    to: number,
    toSteps: Steps,
    blocks: number,
    rows: number,
    cols: number,
  ): void;
  /** out[i, p] = start[i] + Σ weights[i, k] · source[table[k] + p]; n is a multiple of 4. */
  mix(
    out: number,
    source: number,
    table: number,
    weights: number,
    start: number,
    m: number,
    n: number,
    k: number,
  ): void;
  /** sums[i, k, 0 … 3] += in any shares Σ g[i, r, c] · source[table[k] + r·wide + c]. */
  dots(
    sums: number,
    g: number,
    source: number,
    table: number,
    m: number,
    k: number,
    rows: number,
    cols: number,
    wide: number,
  ): void;
  /**
   * In each of the blocks, out[p] is the largest source[table[k] + p] and which[p] its names[k]: the first of equal ones, and the
   * last NaN; −1 where all are −∞. Blocks of the source are `step` apart; n is a multiple of 4.
   */
  top(
    out: number,
    which: number,
    source: number,
    table: number,
    names: number,
    blocks: number,
    step: number,
    n: number,
    k: number,
  ): void;
}

/** How far apart blocks, rows and columns stand. */
export type Steps = readonly [block: number, row: number, col: number];

/** The reference: sums are kept in doubles. */
function inJs(size: number): Workshop {
  const numbers = new Float64Array(size);
  return {
    numbers,
    whole: numbers,
    start: 0,
    unit: 1,
    ...alone,
    free: () => undefined,
    copy(from, [fromBlock, fromRow, fromCol], to, [toBlock, toRow, toCol], blocks, rows, cols) {
      for (let b = 0; b < blocks; b++) {
        for (let r = 0; r < rows; r++) {
          let p = from + b * fromBlock + r * fromRow;
          let q = to + b * toBlock + r * toRow;
          for (let c = 0; c < cols; c++, p += fromCol, q += toCol) numbers[q] = numbers[p]!;
        }
      }
    },
    mix(out, source, table, weights, start, m, n, k) {
      for (let i = 0, w = weights, to = out; i < m; i++, to += n) {
        numbers.fill(numbers[start + i]!, to, to + n);
        for (let j = 0; j < k; j++, w++) {
          const factor = numbers[w]!;
          const from = source + numbers[table + j]!;
          for (let p = 0; p < n; p++) numbers[to + p]! += factor * numbers[from + p]!;
        }
      }
    },
    dots(sums, g, source, table, m, k, rows, cols, wide) {
      for (let i = 0, to = sums; i < m; i++) {
        for (let j = 0; j < k; j++, to += 4) {
          const from = source + numbers[table + j]!;
          let sum = 0;
          for (let r = 0, a = g + i * rows * cols; r < rows; r++) {
            for (let c = 0, b = from + r * wide; c < cols; c++) sum += numbers[a++]! * numbers[b++]!;
          }
          numbers[to]! += sum;
        }
      }
    },
    top(out, which, source, table, names, blocks, step, n, k) {
      for (let i = 0; i < blocks * n; i++) {
        let best = Number.NEGATIVE_INFINITY;
        let found = -1;
        const from = source + Math.floor(i / n) * step + (i % n);
        for (let j = 0; j < k; j++) {
          const value = numbers[from + numbers[table + j]!]!;
          if (!(value > best || Number.isNaN(value))) continue;
          best = value;
          found = numbers[names + j]!;
        }
        numbers[out + i] = best;
        numbers[which + i] = found;
      }
    },
  };
}

/** Work in scratch space: in several places, each with room for so many numbers, which may be read or written a little beyond. */
export interface SpaceWork {
  /** Products to be added up. */
  readonly products: number;
  /** Numbers that are read and written. */
  readonly numbers: number;
  readonly batch: number;
  /** The room that is wanted for so many samples at a time. */
  sizes(samples: number): readonly number[];
  /** @returns whether it could be done */
  run(shop: Workshop, ...places: number[]): boolean;
}

const gaps = (sizes: readonly number[]): number[] => sizes.map((n) => (n + 23) & ~3);

/** All the room that is wanted. */
export const sizeOfSpace = ({ sizes }: SpaceWork, samples: number): number =>
  gaps(sizes(samples)).reduce((a, b) => a + b, 0);

/** Does the work in a space that is large enough for it. */
export function workIn(shop: Workshop, { sizes, run }: SpaceWork): boolean {
  let next = shop.start;
  const places = gaps(sizes(shop.samples)).map((gap) => {
    next += gap;
    return next - gap;
  });
  const done = run(shop, ...places);
  if (done) shop.free();
  return done;
}

let inThreads: ((work: SpaceWork) => boolean) | null = null;

/** Lets several threads do the work, or none; handed over, so that a program without threads does not hold them. */
export function shareSpaces(by: ((work: SpaceWork) => boolean) | null): void {
  inThreads = by;
}

/** Does the work where it is done fastest; the arrays are those that it reads and writes. */
export function work(arrays: readonly TypedArray[], what: SpaceWork): void {
  const room = arrays.every((array) => array instanceof Float32Array) ? heap() : null;
  if (room && inThreads?.(what)) return;
  const size = sizeOfSpace(what, 1);
  workIn((room && inWasm(room, size)) ?? inJs(size), what);
}

/** Where along an axis the numbers of each plane come from: place i of plane k is place `first[k] + i·step`. */
export interface Grid {
  readonly size: number;
  readonly first: readonly number[];
  readonly step: number;
  readonly count: number;
}

/**
 * An image cut into planes with padding, so that what a window sees at one of its places is, for all windows, one stretch
 * of memory: with a stride of 2, odd and even places lie in planes of their own.
 */
export interface Planes {
  readonly rows: Grid;
  readonly cols: Grid;
  /** From one plane to the next. */
  readonly step: number;
  /** Planes of a channel. */
  readonly many: number;
  /** The image is its one plane. */
  readonly whole: boolean;
}

export function planesOf(rows: Grid, cols: Grid): Planes {
  const whole = [rows, cols].every(
    ({ size, first, step, count }) => step === 1 && first.length === 1 && first[0] === 0 && count === size,
  );
  // 16 beyond: planes 2ᵏ apart would crowd in a few lines of the cache
  const step = rows.count * cols.count + (whole ? 0 : 16);
  return { rows, cols, step, many: rows.first.length * cols.first.length, whole };
}

/** How many numbers there are in the planes of so many channels, beside the images themselves. */
export const sizeOfPlanes = ({ whole, many, step }: Planes, channels: number): number =>
  whole ? 0 : channels * many * step;

/** Writes down where the numbers lie that belong together, for {@link Workshop.mix} and its like. */
export function setTable({ whole, unit }: Workshop, at: number, table: readonly number[]): void {
  for (const [k, place] of table.entries()) whole[at + k] = place * unit;
}

/** The stretch of a grid's plane that lies in the image: from here to there. */
export function inside({ size, step, count }: Grid, first: number): [from: number, to: number] {
  return [Math.max(0, Math.ceil(-first / step)), Math.min(count, Math.ceil((size - first) / step))];
}

/** Lays out the channels that stand at `image`; says where. */
export function layOut(shop: Workshop, image: number, at: number, channels: number, planes: Planes): number {
  const { rows, cols, step, many, whole } = planes;
  if (whole) return image;
  let plane = at;
  for (const top of rows.first) {
    for (const left of cols.first) {
      const [r, down] = inside(rows, top);
      const [c, right] = inside(cols, left);
      shop.copy(
        image + (top + r * rows.step) * cols.size + left + c * cols.step,
        [rows.size * cols.size, rows.step * cols.size, cols.step],
        plane + r * cols.count + c,
        [many * step, cols.count, 1],
        channels,
        Math.max(0, down - r),
        Math.max(0, right - c),
      );
      plane += step;
    }
  }
  return at;
}
