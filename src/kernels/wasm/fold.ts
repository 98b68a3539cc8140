import { compiled, type Heap } from './heap.ts';
import { lastLanes, upper } from './lines.ts';
import { type Body, WasmModule } from './module.ts';
import { type I32, V128 } from './values.ts';

/** Numbers that are brought into the heap at a time, so that they stay in the cache. */
const CHUNK = 4096;
/** Vectors of columns that go down side by side, so that one need not wait for the sum of the other. */
const SIDE = 4;

/** What has been made so far of the numbers in each of four lanes. */
type Lanes = readonly V128[];

/** How numbers become one, in any order. */
export interface Fold {
  /** The result of nothing. */
  readonly start: number;
  lanes(): Lanes;
  /** One more number in every lane. */
  add(so: Lanes, x: V128): Lanes;
  merge(a: Lanes, b: Lanes): Lanes;
  /** All lanes in one, as a double in lane 0. */
  whole(body: Body, so: Lanes): V128;
  toDoubles(so: Lanes): readonly [V128, V128];
  fromDoubles(low: V128, high: V128): Lanes;
  combine(a: number, b: number): number;
}

/** Sums in doubles: as exact as in JavaScript, and column by column the same. */
export const SUM: Fold = {
  start: 0,
  lanes: () => [V128.doubles(0), V128.doubles(0)],
  add: ([low, high], x) => [low!.addDoubles(x.promote()), high!.addDoubles(upper(x).promote())],
  merge: ([a, b], [c, d]) => [a!.addDoubles(c!), b!.addDoubles(d!)],
  whole: (body, [low, high]) => {
    const both = body.v128(low!.addDoubles(high!));
    return both.addDoubles(upper(both));
  },
  toDoubles: ([low, high]) => [low!, high!],
  fromDoubles: (low, high) => [low, high],
  combine: (a, b) => a + b,
};

const extreme = (
  start: number,
  choose: (a: V128, b: V128) => V128,
  combine: (a: number, b: number) => number,
): Fold => ({
  start,
  lanes: () => [V128.of(start)],
  add: ([so], x) => [choose(so!, x)],
  merge: ([a], [b]) => [choose(a!, b!)],
  whole: (body, [so]) => {
    const two = body.v128(choose(so!, upper(so!)));
    return choose(two, two.shuffle(two, [1, 0, 3, 2])).promote();
  },
  toDoubles: ([so]) => [so!.promote(), upper(so!).promote()],
  fromDoubles: (low, high) => [low.demote().shuffle(high.demote(), [0, 1, 4, 5])],
  combine,
});

/** NaN where one is, and 0 above −0. */
export const MAX = extreme(Number.NEGATIVE_INFINITY, (a, b) => a.max(b), Math.max);
export const MIN = extreme(Number.POSITIVE_INFINITY, (a, b) => a.min(b), Math.min);

interface Kernels {
  /** Folds rows side by side, each into a double. */
  rows(x: number, out: number, rows: number, count: number): void;
  /** Folds the columns of several blocks, each into a double; it goes on from what is there where `on` is not 0. */
  columns(x: number, out: number, blocks: number, rows: number, cols: number, on: number): void;
}

const locals = (body: Body, lanes: Lanes): Lanes => lanes.map((x) => body.v128(x));

function update(body: Body, so: Lanes, next: Lanes): void {
  for (const [k, x] of so.entries()) body.set(x, next[k]!);
}

function build(fold: Fold): WasmModule {
  return new WasmModule()
    .add('rows', { x: 'i32', out: 'i32', rows: 'i32', count: 'i32' }, (body, { x, out, rows, count }) => {
      const last = lastLanes(body, count);
      const take = (so: Lanes, offset: number): void =>
        update(body, so, fold.add(so, body.v128(x.v128(offset))));
      body.while(rows, () => {
        const [even, odd] = [locals(body, fold.lanes()), locals(body, fold.lanes())];
        const left = body.i32(count);
        body.while(left.ge(8), () => {
          take(even, 0);
          take(odd, 16);
          body.inc(x, 32);
          body.inc(left, -8);
        });
        body.if(left.ge(4), () => {
          take(even, 0);
          body.inc(x, 16);
          body.inc(left, -4);
        });
        body.if(left, () => {
          update(body, odd, fold.add(odd, body.v128(x.v128().where(last, fold.start))));
          body.inc(x, left.shl(2));
        });
        body.store(out, fold.whole(body, locals(body, fold.merge(even, odd))));
        body.inc(out, 8);
        body.inc(rows, -1);
      });
      return undefined;
    })
    .add(
      'columns',
      { x: 'i32', out: 'i32', blocks: 'i32', rows: 'i32', cols: 'i32', on: 'i32' },
      (body, { x, out, blocks, rows, cols, on }) => {
        const wide = body.i32(cols.shl(2));
        /** Columns side by side, down all rows; the last may read and write beyond, where the next block comes. */
        const down = (from: I32, to: I32, vectors: number): void => {
          const sides = Array.from({ length: vectors }, (_, k) => {
            const so = locals(body, fold.lanes());
            body.if(on, () => update(body, so, fold.fromDoubles(to.v128(32 * k), to.v128(32 * k + 16))));
            return so;
          });
          const at = body.i32(from);
          const left = body.i32(rows);
          body.while(left, () => {
            for (const [k, so] of sides.entries()) {
              update(body, so, fold.add(so, body.v128(at.v128(16 * k))));
            }
            body.inc(at, wide);
            body.inc(left, -1);
          });
          for (const [k, so] of sides.entries()) {
            for (const [half, value] of fold.toDoubles(so).entries()) {
              body.store(to, value, 32 * k + 16 * half);
            }
          }
        };
        body.while(blocks, () => {
          const from = body.i32(x);
          const to = body.i32(out);
          const end = body.i32(x.add(wide));
          for (const vectors of [SIDE, 1]) {
            // the very last vector may lie there only in part
            const needed = vectors === 1 ? 4 : 16 * vectors;
            body.while(from.add(needed - 1).lt(end), () => {
              down(from, to, vectors);
              body.inc(from, 16 * vectors);
              body.inc(to, 32 * vectors);
            });
          }
          body.inc(x, wide.mul(rows));
          body.inc(out, cols.shl(3));
          body.inc(blocks, -1);
        });
        return undefined;
      },
    );
}

/** A reduction of [outer, count, inner] in the heap, piece by piece. */
export class WasmFold {
  readonly #heap: Heap;
  readonly #fold: Fold;
  readonly #kernels: Kernels;

  constructor(heap: Heap, fold: Fold) {
    this.#heap = heap;
    this.#fold = fold;
    this.#kernels = compiled<Kernels>(heap, () => build(fold));
  }

  run(out: Float32Array, x: Float32Array, outer: number, count: number, inner: number): true {
    const heap = this.#heap;
    const { mark } = heap;
    if (inner === 1) this.#rows(out, x, outer, count);
    else this.#columns(out, x, outer, count, inner);
    heap.release(mark);
    return true;
  }

  #rows(out: Float32Array, x: Float32Array, outer: number, count: number): void {
    const { doubles } = this.#heap;
    const wide = Math.min(count, CHUNK);
    const high = Math.min(outer, Math.floor(CHUNK / wide));
    const place = this.#heap.scratch(4 * wide * high);
    const result = this.#heap.scratch(8 * high);
    const at = result >> 3;
    for (let o = 0; o < outer; o += high) {
      const rows = Math.min(high, outer - o);
      if (count === wide) {
        const from = this.#heap.bring(x, o * count, rows * count, place);
        this.#kernels.rows(from, result, rows, count);
        for (let i = 0; i < rows; i++) out[o + i] = doubles[at + i]!;
        continue;
      }
      let so = this.#fold.start;
      for (let c = 0; c < count; c += wide) {
        const piece = Math.min(wide, count - c);
        const from = this.#heap.bring(x, o * count + c, piece, place);
        this.#kernels.rows(from, result, 1, piece);
        so = this.#fold.combine(so, doubles[at]!);
      }
      out[o] = so;
    }
  }

  #columns(out: Float32Array, x: Float32Array, outer: number, count: number, inner: number): void {
    const { doubles } = this.#heap;
    const wide = Math.min(inner, CHUNK);
    const high = Math.min(count, Math.floor(CHUNK / wide));
    const whole = high === count && wide === inner;
    const blocks = whole ? Math.min(outer, Math.floor(CHUNK / (high * wide))) : 1;
    const place = this.#heap.scratch(4 * wide * high * blocks);
    const result = this.#heap.scratch(8 * wide * blocks + 32);
    const at = result >> 3;
    for (let o = 0; o < outer; o += blocks) {
      for (let c = 0; c < inner; c += wide) {
        const cols = Math.min(wide, inner - c);
        let many = 1;
        for (let r = 0; r < count; r += high) {
          const rows = Math.min(high, count - r);
          many = whole ? Math.min(blocks, outer - o) : 1;
          const from = this.#heap.bring(x, (o * count + r) * inner + c, many * rows * cols, place);
          this.#kernels.columns(from, result, many, rows, cols, r);
        }
        for (let i = 0, to = o * inner + c; i < many * cols; i++) out[to + i] = doubles[at + i]!;
      }
    }
  }
}
