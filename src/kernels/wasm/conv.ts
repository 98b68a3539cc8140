import { memo } from '../../core/memo.ts';
import type { Steps, Workshop } from '../planes.ts';
import { compiled, type Heap } from './heap.ts';
import { alongLine, lastLanes } from './lines.ts';
import { type Body, WasmModule } from './module.ts';
import type { F32, I32, V128 } from './values.ts';

/** In the order in which the module has them. */
export const NAMES = ['copy', 'mix', 'dots', 'top'] as const;

type Kernels = Readonly<Record<(typeof NAMES)[number], (...parameters: number[]) => void>>;

const kernels = new WeakMap<Heap, Kernels>();

/** Parameters that are whole numbers, by their names. */
const whole = <Name extends string>(...names: Name[]): Record<Name, 'i32'> =>
  Object.fromEntries(names.map((name) => [name, 'i32'])) as Record<Name, 'i32'>;

const list = <T>(n: number, make: (k: number) => T): T[] => Array.from({ length: n }, (_, k) => make(k));

/** Runs `tile(rows)` down a count of them: many at a time, and then one by one. */
function down(body: Body, count: I32, many: number, tile: (rows: number) => void): void {
  const left = body.i32(count);
  for (const rows of [many, 1]) {
    body.while(left.ge(rows), () => {
      tile(rows);
      body.inc(left, -rows);
    });
  }
}

/** Addresses in equal steps. */
function addresses(body: Body, n: number, first: I32, step: I32): I32[] {
  const found: I32[] = [];
  for (let r = 0; r < n; r++) found.push(body.i32(r ? found[r - 1]!.add(step) : first));
  return found;
}

function copying(module: WasmModule): void {
  const steps = whole('from', 'fromBlock', 'fromRow', 'fromCol', 'to', 'toBlock', 'toRow', 'toCol');
  module.add('copy', { ...steps, ...whole('blocks', 'rows', 'cols') }, (body, p) => {
    down(body, p.blocks, 1, () => {
      const [from, to] = [body.i32(p.from), body.i32(p.to)];
      down(body, p.rows, 1, () => {
        const [a, b, left] = [body.i32(from), body.i32(to), body.i32(p.cols)];
        const pass = (many: number, value: F32 | V128, fromStep: I32 | number, toStep: I32 | number): void =>
          body.while(left.ge(many), () => {
            body.store(b, value);
            body.inc(a, fromStep);
            body.inc(b, toStep);
            body.inc(left, -many);
          });
        body.if(p.toCol.eq(4), () => {
          body.if(p.fromCol.eq(4), () => pass(4, a.v128(), 16, 16));
          body.if(p.fromCol.eq(8), () => pass(4, a.v128().shuffle(a.v128(16), [0, 2, 4, 6]), 32, 16));
        });
        pass(1, a.f32(), p.fromCol, p.toCol);
        body.inc(from, p.fromRow);
        body.inc(to, p.toRow);
      });
      body.inc(p.from, p.fromBlock);
      body.inc(p.to, p.toBlock);
    });
    return undefined;
  });
}

/** Tiles of 2 × 16 or 4 × 4 sums stay in registers while the numbers that they are made of go by. */
function mixing(module: WasmModule): void {
  const params = whole('out', 'source', 'table', 'weights', 'start', 'm', 'n', 'k');
  module.add('mix', params, (body, p) => {
    const row = body.i32(p.k.shl(2));
    const outRow = body.i32(p.n.shl(2));
    const left = body.i32(p.n);
    for (const fours of [4, 1]) {
      body.while(left.ge(4 * fours), () => {
        const [out, weights, start] = [body.i32(p.out), body.i32(p.weights), body.i32(p.start)];
        down(body, p.m, fours === 4 ? 2 : 4, (rows) => {
          const a = addresses(body, rows, weights, row);
          const sums = a.map((_, r) => list(fours, () => body.v128(start.splat(4 * r))));
          const [at, q, b, one] = [body.i32(p.table), body.i32(p.k), body.i32(), body.v128()];
          const line = list(fours, () => body.v128());
          body.repeat(() => {
            body.set(b, p.source.add(at.i32()));
            for (const [v, four] of line.entries()) body.set(four, b.v128(16 * v));
            for (const [r, address] of a.entries()) {
              body.set(one, address.splat());
              for (const [v, sum] of sums[r]!.entries()) body.set(sum, line[v]!.madd(one, sum));
              body.inc(address, 4);
            }
            body.inc(at, 4);
            body.inc(q, -1);
            return q;
          });
          for (const [r, to] of addresses(body, rows, out, outRow).entries()) {
            for (const [v, sum] of sums[r]!.entries()) body.store(to, sum, 16 * v);
          }
          body.inc(weights, row.mul(rows));
          body.inc(out, outRow.mul(rows));
          body.inc(start, 4 * rows);
        });
        body.inc(p.source, 16 * fours);
        body.inc(p.out, 16 * fours);
        body.inc(left, -4 * fours);
      });
    }
    return undefined;
  });
}

/** 2 × 4 vectors of sums at a time, along rows of both sides. */
function dotting(module: WasmModule): void {
  const params = whole('sums', 'g', 'source', 'table', 'm', 'k', 'rows', 'cols', 'wide');
  module.add('dots', params, (body, p) => {
    const plane = body.i32(p.rows.mul(p.cols).shl(2));
    const gap = body.i32(p.wide.sub(p.cols).shl(2));
    const line = body.i32(p.k.shl(4));
    const last = lastLanes(body, p.cols);
    down(body, p.m, 2, (many) => {
      const [sums, table] = [body.i32(p.sums), body.i32(p.table)];
      down(body, p.k, 4, (taps) => {
        const to = addresses(body, many, sums, line);
        const so = to.map((at) => list(taps, (k) => body.v128(at.v128(16 * k))));
        const g = addresses(body, many, p.g, plane);
        const x = list(taps, (k) => body.i32(p.source.add(table.i32(4 * k))));
        const [four, seen] = [body.v128(), list(taps, () => body.v128())];
        const add = (mask: V128 | null): void => {
          for (const [k, at] of x.entries()) body.set(seen[k]!, at.v128());
          for (const [i, at] of g.entries()) {
            body.set(four, at.v128());
            for (const [k, sum] of so[i]!.entries()) {
              body.set(sum, mask ? sum.add(four.mul(seen[k]!).and(mask)) : four.madd(seen[k]!, sum));
            }
          }
        };
        down(body, p.rows, 1, () => {
          alongLine(body, p.cols, [...g, ...x], last, add);
          for (const at of x) body.inc(at, gap);
        });
        for (const [i, at] of to.entries()) {
          for (const [k, sum] of so[i]!.entries()) body.store(at, sum, 16 * k);
        }
        body.inc(sums, 16 * taps);
        body.inc(table, 4 * taps);
      });
      body.inc(p.sums, line.mul(many));
      body.inc(p.g, plane.mul(many));
    });
    return undefined;
  });
}

function topping(module: WasmModule): void {
  const params = whole('out', 'which', 'source', 'table', 'names', 'blocks', 'step', 'n', 'k');
  module.add('top', params, (body, p) => {
    down(body, p.blocks, 1, () => {
      const [from, left] = [body.i32(p.source), body.i32(p.n)];
      for (const fours of [4, 1]) {
        body.while(left.ge(4 * fours), () => {
          const best = list(fours, () => body.v128(Number.NEGATIVE_INFINITY));
          const found = list(fours, () => body.v128(-1));
          const [table, names, at] = [body.i32(p.table), body.i32(p.names), body.i32()];
          const [name, value, better] = [body.v128(), body.v128(), body.v128()];
          down(body, p.k, 1, () => {
            body.set(at, from.add(table.i32()));
            body.set(name, names.splat());
            for (const [v, top] of best.entries()) {
              body.set(value, at.v128(16 * v));
              body.set(better, value.gt(top).or(value.ne(value)));
              body.set(top, value.where(better, top));
              body.set(found[v]!, name.where(better, found[v]!));
            }
            body.inc(table, 4);
            body.inc(names, 4);
          });
          for (const [v, top] of best.entries()) {
            body.store(p.out, top, 16 * v);
            body.store(p.which, found[v]!, 16 * v);
          }
          for (const pointer of [p.out, p.which, from]) body.inc(pointer, 16 * fours);
          body.inc(left, -4 * fours);
        });
      }
      body.inc(p.source, p.step);
    });
    return undefined;
  });
}

/** The kernels, in the order of {@link NAMES}. */
export function convModule(): WasmModule {
  const module = new WasmModule();
  copying(module);
  mixing(module);
  dotting(module);
  topping(module);
  return module;
}

const bytes = (steps: Steps): [number, number, number] => [4 * steps[0], 4 * steps[1], 4 * steps[2]];

/** What kernels do, in numbers instead of bytes. */
export const tools = ({ copy, mix, dots, top }: Kernels): Pick<Workshop, keyof Kernels> => ({
  copy(from, fromSteps, to, toSteps, blocks, rows, cols) {
    copy(4 * from, ...bytes(fromSteps), 4 * to, ...bytes(toSteps), blocks, rows, cols);
  },
  mix(out, source, table, weights, start, m, n, k) {
    mix(4 * out, 4 * source, 4 * table, 4 * weights, 4 * start, m, n, k);
  },
  dots(sums, g, source, table, m, k, rows, cols, wide) {
    dots(4 * sums, 4 * g, 4 * source, 4 * table, m, k, rows, cols, wide);
  },
  top(out, which, source, table, names, blocks, step, n, k) {
    top(4 * out, 4 * which, 4 * source, 4 * table, 4 * names, blocks, 4 * step, n, k);
  },
});

/** One sample after the other, at once. */
export const alone = { samples: 1, parts: 1, task: (): void => undefined, finish: (): boolean => true };

/** Scratch space in the heap for so many numbers; `null` where there is no room. */
export function inWasm(heap: Heap, size: number): Workshop | null {
  if (!heap.has(4 * size)) return null;
  const { mark, numbers, whole } = heap;
  const start = heap.scratch(4 * size) >> 2;
  const made = tools(memo(kernels, heap, () => compiled<Kernels>(heap, convModule)));
  return { numbers, whole, start, unit: 4, ...alone, free: () => heap.release(mark), ...made };
}
