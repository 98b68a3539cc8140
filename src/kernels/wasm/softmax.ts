import { compiled, type Heap } from './heap.ts';
import { alongLine, lastLanes, upper } from './lines.ts';
import { LANES } from './math.ts';
import { type Body, WasmModule } from './module.ts';
import { type I32, V128 } from './values.ts';

/** Numbers that are brought into the heap at a time, where lines are not longer: so that they stay in the cache. */
const CHUNK = 4096;

/** What a line becomes once its largest number `top` and the sum of e^(x − top) are known. */
export interface Ending {
  /** Whether there is a number for every x, or one for the line. */
  readonly each: boolean;
  /** Whether the rest of the sum, without the largest, becomes its logarithm first, ln(1 + rest). */
  readonly log: boolean;
  /** Whether an infinite top is not subtracted: ∞ − ∞ is NaN. */
  readonly finite: boolean;
  /** From x, or from e^(x − top) where there is no logarithm. */
  readonly value: (x: V128, top: V128, total: V128) => V128;
}

export const SOFTMAX: Ending = {
  each: true,
  log: false,
  finite: false,
  value: (e, _, total) => e.div(total),
};
export const LOG_SOFTMAX: Ending = {
  each: true,
  log: true,
  finite: false,
  value: (x, top, log) => x.sub(top).sub(log),
};
export const LOG_SUM_EXP: Ending = {
  each: false,
  log: true,
  finite: true,
  value: (_, top, log) => top.add(log),
};

type Kernel = (x: number, out: number, tops: number, totals: number, lines: number, count: number) => void;

/** Rows side by side: `tops` and `totals` have room for one number of each. */
const ROWS = { x: 'i32', out: 'i32', tops: 'i32', totals: 'i32', rows: 'i32', count: 'i32' } as const;
/** Columns of one block: `tops` have room for one number of each, `totals` for two. */
const COLUMNS = { x: 'i32', out: 'i32', tops: 'i32', totals: 'i32', cols: 'i32', rows: 'i32' } as const;

const splat = (x: V128): V128 => x.shuffle(x, [0, 0, 0, 0]);
const finite = (top: V128): V128 => top.and(top.abs().ne(Number.POSITIVE_INFINITY));

function build(ending: Ending): WasmModule {
  const { each, log, value } = ending;
  // NaN is no top, but makes the sum NaN, and with it the whole line
  /** What is subtracted, from the largest number. */
  const topOf = (body: Body, peak: V128): V128 => (ending.finite ? finite(body.v128(peak)) : peak);
  /** The logarithms of `n` sums, whose rests stand at an address. */
  const logarithms = (body: Body, at: I32, n: I32): void => {
    const to = body.i32(at);
    alongLine(body, n, [to], V128.bits(-1), () => body.store(to, LANES.log1p!(body, to.v128())));
  };
  return new WasmModule()
    .add('rows', ROWS, (body, { x, out, tops, totals, rows, count }) => {
      const last = lastLanes(body, count);
      const [from, to, top, total] = [body.i32(x), body.i32(out), body.i32(tops), body.i32(totals)];
      const left = body.i32(rows);
      const next = (): void => {
        body.inc(top, 4);
        body.inc(total, 4);
        body.inc(left, -1);
      };
      body.while(left, () => {
        const line = body.i32(from);
        const most = body.v128(V128.of(Number.NEGATIVE_INFINITY));
        alongLine(body, count, [line], last, (mask) => {
          const v = line.v128();
          body.set(most, most.pmax(mask ? v.where(mask, Number.NEGATIVE_INFINITY) : v));
        });
        const two = body.v128(most.pmax(most.shuffle(most, [2, 3, 0, 1])));
        const peak = body.v128(topOf(body, two.pmax(two.shuffle(two, [1, 0, 3, 2]))));
        const [low, high] = [body.v128(V128.doubles(0)), body.v128(V128.doubles(0))];
        const start = body.i32(to);
        alongLine(body, count, log ? [from] : [from, to], last, (mask) => {
          const e = body.v128(LANES.exp!(body, from.v128().sub(peak)));
          if (!log) body.store(to, e);
          const counted = mask ? body.v128(e.and(mask)) : e;
          body.set(low, low.addDoubles(counted.promote()));
          body.set(high, high.addDoubles(upper(counted).promote()));
        });
        const both = body.v128(low.addDoubles(high));
        const sum = both.addDoubles(upper(both));
        if (log) {
          body.storeLane(top, peak, 0);
          body.storeLane(total, sum.subDoubles(1).demote(), 0);
        } else {
          const whole = body.v128(splat(sum.demote()));
          // the last four may write over the next row, which comes after it
          alongLine(body, count, [start], last, () => body.store(start, value(start.v128(), peak, whole)));
        }
        next();
      });
      if (!log) return undefined;
      logarithms(body, totals, rows);
      for (const [pointer, start] of [
        [top, tops],
        [total, totals],
        [left, rows],
        [from, x],
      ] as const) {
        body.set(pointer, start);
      }
      if (each) {
        body.while(left, () => {
          const [peak, whole] = [body.v128(top.splat()), body.v128(total.splat())];
          alongLine(body, count, [from, to], last, () => body.store(to, value(from.v128(), peak, whole)));
          next();
        });
      } else {
        alongLine(body, rows, [to, top, total], last, () =>
          body.store(to, value(top.v128(), top.v128(), total.v128())),
        );
      }
      return undefined;
    })
    .add('columns', COLUMNS, (body, { x, out, tops, totals, cols, rows }) => {
      const last = lastLanes(body, cols);
      const [top, total] = [body.i32(), body.i32()];
      const [from, to] = [body.i32(), body.i32()];
      /** Down all rows, at each of them along the columns. */
      const down = (pointers: readonly I32[], each: (mask: V128 | null) => void): void => {
        body.set(from, x);
        body.set(to, out);
        const left = body.i32(rows);
        body.while(left, () => {
          body.set(top, tops);
          body.set(total, totals);
          alongLine(body, cols, [...pointers, top], last, (mask) => {
            each(mask);
            body.inc(total, 32);
          });
          body.inc(left, -1);
        });
      };
      /** Along the columns once. */
      const across = (pointers: readonly I32[], each: () => void): void => {
        body.set(top, tops);
        body.set(total, totals);
        alongLine(body, cols, [...pointers, top], last, () => {
          each();
          body.inc(total, 32);
        });
      };
      across([], () => {
        body.store(top, V128.of(Number.NEGATIVE_INFINITY));
        body.store(total, V128.doubles(0));
        body.store(total, V128.doubles(0), 16);
      });
      down([from], () => body.store(top, top.v128().pmax(from.v128())));
      if (ending.finite) across([], () => body.store(top, topOf(body, top.v128())));
      down([from, to], () => {
        const e = body.v128(LANES.exp!(body, from.v128().sub(top.v128())));
        if (!log) body.store(to, e);
        body.store(total, total.v128().addDoubles(e.promote()));
        body.store(total, total.v128(16).addDoubles(upper(e).promote()), 16);
      });
      // in single numbers, in the place of the first two doubles
      across([], () => {
        const single = (double: V128): V128 => (log ? double.subDoubles(1) : double).demote();
        const four = body.v128(single(total.v128()).shuffle(single(total.v128(16)), [0, 1, 4, 5]));
        body.store(total, log ? LANES.log1p!(body, four) : four);
      });
      if (each) {
        down([from, to], (mask) => {
          const source = body.v128((log ? from : to).v128());
          const made = value(source, top.v128(), total.v128());
          // beside the last ones is the next row, which is still to be read where the source is in its place
          body.store(to, mask && !log ? made.where(mask, source) : made);
        });
      } else {
        body.set(to, out);
        across([to], () => body.store(to, value(top.v128(), top.v128(), total.v128())));
      }
      return undefined;
    });
}

/** A softmax, or one of its kin, of [outer, count, inner] in the heap, block by block. */
export class WasmSoftmax {
  readonly #heap: Heap;
  readonly #each: boolean;
  readonly #kernels: { readonly rows: Kernel; readonly columns: Kernel };

  constructor(heap: Heap, ending: Ending) {
    this.#heap = heap;
    this.#each = ending.each;
    this.#kernels = compiled(heap, () => build(ending));
  }

  /** @returns whether there was room */
  run(out: Float32Array, x: Float32Array, outer: number, count: number, inner: number): boolean {
    const heap = this.#heap;
    const { mark, numbers } = heap;
    const block = count * inner;
    const made = this.#each ? block : inner;
    const many = Math.min(outer, Math.max(1, Math.floor(CHUNK / block)));
    const lines = inner === 1 ? many : inner;
    if (!heap.has(8 * many * block + 48 * lines + 256)) return false;
    const place = heap.scratch(4 * many * block);
    const there = heap.addressOf(out);
    const result = there || heap.scratch(4 * many * block);
    const tops = heap.scratch(4 * lines);
    const totals = heap.scratch(8 * lines + 32);
    for (let o = 0; o < outer; o += many) {
      const blocks = Math.min(many, outer - o);
      const size = blocks * block;
      const from = heap.bring(x, o * block, size, place);
      const to = there ? there + 4 * o * made : result;
      if (inner === 1) this.#kernels.rows(from, to, tops, totals, blocks, count);
      else {
        for (let b = 0; b < blocks; b++) {
          this.#kernels.columns(from + 4 * b * block, to + 4 * b * made, tops, totals, inner, count);
        }
      }
      if (there) continue;
      const at = result >> 2;
      out.set(numbers.subarray(at, at + blocks * made), o * made);
    }
    heap.release(mark);
    return true;
  }
}
