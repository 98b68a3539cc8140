import { type Body, WasmModule } from './module.ts';
import type { I32, V128 } from './values.ts';

/** Columns of a packed panel of B. */
export const WIDTH = 16;
/** Tiles of C that are kept in registers: rows, and columns in fours. Wide strips of columns first. */
const TILES = [
  [2, WIDTH / 4],
  [4, 2],
  [4, 1],
] as const;
/** How much of the inner size, and how many rows, are done at a time, so that panels stay in the cache. */
export const INNER = 512;
export const ROWS = 256;

type Kernel = (...parameters: number[]) => void;

export interface GemmKernels {
  /** C = D + A · B for a block; see {@link block}. */
  readonly gemm: Kernel;
  /** From row-major [k, n] to panels of {@link WIDTH} columns. */
  readonly pack: Kernel;
  /** The same from the transpose. */
  readonly packTransposed: Kernel;
}

/** One tile: its rows in registers, while A's columns and B's rows go by. */
function tile(
  body: Body,
  at: {
    readonly a: I32;
    readonly b: I32;
    readonly c: I32;
    readonly d: I32;
    readonly p: Readonly<Record<'rowA' | 'colA' | 'rowB' | 'rowC' | 'rowD' | 'k', I32>>;
  },
  rows: number,
  fours: number,
  width: I32 | null,
): void {
  const { p } = at;
  const list = (n: number): number[] => Array.from({ length: n }, (_, k) => k);
  const from = (start: I32, step: I32): I32[] => {
    const addresses: I32[] = [];
    for (let r = 0; r < rows; r++) addresses.push(body.i32(r ? addresses[r - 1]!.add(step) : start));
    return addresses;
  };
  const sums = list(rows).map(() => list(fours).map(() => body.v128()));
  const each = (visit: (sum: V128, r: number, v: number) => void): void => {
    for (const [r, row] of sums.entries()) for (const [v, sum] of row.entries()) visit(sum, r, v);
  };
  const a = from(at.a, p.rowA);
  const c = from(at.c, p.rowC);
  body.if(
    at.d,
    () => {
      const d = from(at.d, p.rowD);
      each((sum, r, v) => body.set(sum, d[r]!.v128(16 * v)));
    },
    () => each((sum) => body.set(sum, sum.xor(sum))),
  );
  const b = body.i32(at.b);
  const q = body.i32(p.k);
  const line = list(fours).map(() => body.v128());
  const one = body.v128();
  body.repeat(() => {
    for (const [v, four] of line.entries()) body.set(four, b.v128(16 * v));
    for (const [r, row] of sums.entries()) {
      body.set(one, a[r]!.splat());
      for (const [v, sum] of row.entries()) body.set(sum, line[v]!.madd(one, sum));
    }
    for (const address of a) body.inc(address, p.colA);
    body.inc(b, p.rowB);
    body.inc(q, -1);
    return q;
  });
  each((sum, r, v) => {
    if (!width) body.store(c[r]!, sum, 16 * v);
    else for (let k = 0; k < 3; k++) body.if(width.gt(k), () => body.storeLane(c[r]!, sum, k, 4 * k));
  });
}

/**
 * C = D + A · B for a block that fits the cache, all steps in bytes. A has any steps; B has rows `rowB` apart, in panels
 * that are `panel` apart; D is what sums start from, nothing where its address is 0.
 */
function block(module: WasmModule): void {
  const params = {
    a: 'i32',
    rowA: 'i32',
    colA: 'i32',
    b: 'i32',
    rowB: 'i32',
    panel: 'i32',
    c: 'i32',
    rowC: 'i32',
    d: 'i32',
    rowD: 'i32',
    m: 'i32',
    n: 'i32',
    k: 'i32',
  } as const;
  module.add('gemm', params, (body, p) => {
    const strip = (rows: number, fours: number, width: I32 | null): void => {
      const at = { a: body.i32(p.a), b: p.b, c: body.i32(p.c), d: body.i32(p.d), p };
      const left = body.i32(p.m);
      const down = (many: number): void => {
        tile(body, at, many, fours, width);
        body.inc(at.a, p.rowA.mul(many));
        body.inc(at.c, p.rowC.mul(many));
        body.if(at.d, () => body.inc(at.d, p.rowD.mul(many)));
        body.inc(left, -many);
      };
      body.while(left.ge(rows), () => down(rows));
      body.while(left, () => down(1));
    };
    for (const [rows, fours] of TILES) {
      const columns = 4 * fours;
      body.while(p.n.ge(columns), () => {
        strip(rows, fours, null);
        body.inc(p.b, columns === WIDTH ? p.panel : 4 * columns);
        body.inc(p.c, 4 * columns);
        body.if(p.d, () => body.inc(p.d, 4 * columns));
        body.inc(p.n, -columns);
      });
    }
    body.if(p.n, () => strip(4, 1, p.n));
    return undefined;
  });
}

/** Panels of {@link WIDTH} columns, one after the other, each row by row; the last may be narrower, with anything beside it. */
function packing(module: WasmModule): void {
  const params = { from: 'i32', row: 'i32', to: 'i32', k: 'i32', n: 'i32' } as const;
  module.add('pack', params, (body, p) => {
    const at = body.i32();
    const q = body.i32();
    const left = body.i32(p.n.add(WIDTH - 1).shr(Math.log2(WIDTH)));
    body.while(left, () => {
      body.set(at, p.from);
      body.set(q, p.k);
      body.repeat(() => {
        for (let v = 0; v < WIDTH / 4; v++) body.store(p.to, at.v128(16 * v), 16 * v);
        body.inc(at, p.row);
        body.inc(p.to, 4 * WIDTH);
        body.inc(q, -1);
        return q;
      });
      body.inc(p.from, 4 * WIDTH);
      body.inc(left, -1);
    });
    return undefined;
  });
  module.add('packTransposed', params, (body, p) => {
    const column = body.i32(0);
    const four = [0, 1, 2, 3];
    const from = four.map(() => body.i32());
    const lines = four.map(() => body.v128());
    const pairs = four.map(() => body.v128());
    const to = body.i32();
    const q = body.i32();
    body.while(column.lt(p.n), () => {
      const panel = column
        .shr(Math.log2(WIDTH))
        .mul(p.k)
        .mul(4 * WIDTH);
      body.set(to, p.to.add(panel).add(column.and(WIDTH - 1).shl(2)));
      for (const c of four) body.set(from[c]!, c ? from[c - 1]!.add(p.row) : p.from.add(column.mul(p.row)));
      body.set(q, p.k);
      body.while(q.ge(4), () => {
        for (const c of four) body.set(lines[c]!, from[c]!.v128());
        for (const [k, order] of [
          [0, 4, 1, 5],
          [2, 6, 3, 7],
        ].entries()) {
          body.set(pairs[2 * k]!, lines[0]!.shuffle(lines[1]!, order));
          body.set(pairs[2 * k + 1]!, lines[2]!.shuffle(lines[3]!, order));
        }
        for (const r of four) {
          const k = r & 2;
          const order = r & 1 ? [2, 3, 6, 7] : [0, 1, 4, 5];
          body.store(to, pairs[k]!.shuffle(pairs[k + 1]!, order), 4 * WIDTH * r);
        }
        for (const address of from) body.inc(address, 16);
        body.inc(to, 16 * WIDTH);
        body.inc(q, -4);
      });
      body.while(q, () => {
        for (const c of four) {
          body.store(to, from[c]!.f32(), 4 * c);
          body.inc(from[c]!, 4);
        }
        body.inc(to, 4 * WIDTH);
        body.inc(q, -1);
      });
      body.inc(column, 4);
    });
    return undefined;
  });
}

/** The kernels, in the order of {@link GemmKernels}. */
export function gemmModule(): WasmModule {
  const module = new WasmModule();
  block(module);
  packing(module);
  return module;
}
