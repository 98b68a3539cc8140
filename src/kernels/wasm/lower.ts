import { memo } from '../../core/memo.ts';
import { type Expr, isNumber } from '../../formula/expr.ts';
import { LANES } from './math.ts';
import type { Body } from './module.ts';
import { V128 } from './values.ts';

type Binary = (a: V128, b: V128) => V128;

const ARITHMETIC: Readonly<Record<string, Binary>> = {
  '+': (a, b) => a.add(b),
  '-': (a, b) => a.sub(b),
  '*': (a, b) => a.mul(b),
  '/': (a, b) => a.div(b),
};

const COMPARISONS: Readonly<Record<string, Binary>> = {
  '<': (a, b) => a.lt(b),
  '<=': (a, b) => a.le(b),
  '>': (a, b) => a.gt(b),
  '>=': (a, b) => a.ge(b),
  '===': (a, b) => a.eq(b),
  '!==': (a, b) => a.ne(b),
};

const find = <T>(table: Readonly<Record<string, T>>, op: string): T | undefined =>
  Object.hasOwn(table, op) ? table[op] : undefined;

/** Whether a value is a number or a truth value in JavaScript; `null` where that depends. */
function isTruth(e: Expr): boolean | null {
  if (e.op === '!' || find(COMPARISONS, e.op)) return true;
  if (e.op !== '?:' && e.op !== '&&' && e.op !== '||') return false;
  const [first, ...rest] = e.args.slice(-2).map(isTruth);
  return rest.every((kind) => kind === first) ? first! : null;
}

/** Whether the values of a tree are known to be other than in JavaScript. */
function differs(e: Expr): boolean {
  if (e.op === 'number') {
    // so large or so small that it is ∞ or 0 as a single number
    const single = Math.fround(e.value);
    return Number.isFinite(e.value) && (!Number.isFinite(single) || (single === 0 && e.value !== 0));
  }
  if (e.op === '===' || e.op === '!==') {
    // true === 1 is false, but here they are the same number
    const [a, b] = e.args.map(isTruth);
    return a === null || a !== b;
  }
  const known = [ARITHMETIC, COMPARISONS, LANES].some((table) => find<unknown>(table, e.op));
  return !known && !['name', 'neg', '!', '&&', '||', '?:', '**'].includes(e.op);
}

/** Whether 1/c is a single number, so that x / c = x · (1/c): a power of two, neither denormal nor its inverse. */
const hasInverse = (c: number): boolean =>
  Math.log2(Math.abs(c)) % 1 === 0 && Math.abs(Math.log2(Math.abs(c))) <= 126;

class Lowering {
  readonly #body: Body;
  readonly #nameOf: (name: string) => V128;
  readonly #uses = new Map<Expr, number>();
  readonly #values = new Map<Expr, V128>();
  readonly #masks = new Map<Expr, V128>();
  /** Whether all that was counted can be computed. */
  able = true;

  constructor(body: Body, nameOf: (name: string) => V128) {
    this.#body = body;
    this.#nameOf = nameOf;
  }

  count(e: Expr): void {
    const n = (this.#uses.get(e) ?? 0) + 1;
    this.#uses.set(e, n);
    if (n > 1) return;
    if (differs(e)) this.able = false;
    for (const a of e.args) this.count(a);
    // these read what decides them as a condition, and as a value
    if (e.op === '&&' || e.op === '||') this.count(e.args[0]!);
  }

  value(e: Expr): V128 {
    return memo(this.#values, e, () => this.#shared(e, this.#value(e)));
  }

  /** All bits set where a tree is true in JavaScript: 0 and NaN are not. */
  #mask(e: Expr): V128 {
    return memo(this.#masks, e, () => this.#shared(e, this.#condition(e)));
  }

  #shared(e: Expr, made: V128): V128 {
    return this.#uses.get(e)! > 1 && e.op !== 'number' ? this.#body.v128(made) : made;
  }

  #value(e: Expr): V128 {
    if (e.op === 'number') return V128.of(e.value);
    if (e.op === 'name') return this.#nameOf(e.name);
    const [a, b, c] = e.args as [Expr, Expr, Expr];
    if (e.op === 'neg') return this.value(a).neg();
    if (e.op === '?:') return this.#choice(this.#mask(a), b, c);
    if (e.op === '&&') return this.#choice(this.#mask(a), b, a);
    if (e.op === '||') return this.#choice(this.#mask(a), a, b);
    if (e.op === '!' || find(COMPARISONS, e.op)) return this.#mask(e).and(1);
    if (e.op === '**' || e.op === 'pow') return this.#power(a, b);
    if ((e.op === 'max' || e.op === 'min') && e.args.some((x) => x.op === 'number')) {
      return this.#clamp(e.op, a, b);
    }
    if (e.op === '/' && b.op === 'number' && hasInverse(b.value)) return this.value(a).mul(1 / b.value);
    const arithmetic = find(ARITHMETIC, e.op);
    if (arithmetic) return arithmetic(this.value(a), this.value(b));
    return LANES[e.op]!(this.#body, ...e.args.map((x) => this.value(x)));
  }

  #condition(e: Expr): V128 {
    const [a, b, c] = e.args as [Expr, Expr, Expr];
    const comparison = find(COMPARISONS, e.op);
    if (comparison) return comparison(this.value(a), this.value(b));
    if (e.op === '!') return this.#mask(a).not();
    if (e.op === '&&') return this.#mask(a).and(this.#mask(b));
    if (e.op === '||') return this.#mask(a).or(this.#mask(b));
    if (e.op === '?:') return this.#mask(b).where(this.#mask(a), this.#mask(c));
    return this.value(e).abs().gt(0);
  }

  /** One of two values; one of them is often 0, whose bits are 0. */
  #choice(mask: V128, then: Expr, otherwise: Expr): V128 {
    const isZero = (e: Expr): boolean => e.op === 'number' && Object.is(e.value, 0);
    if (isZero(otherwise)) return this.value(then).and(mask);
    if (isZero(then)) return this.value(otherwise).andNot(mask);
    return this.value(then).where(mask, this.value(otherwise));
  }

  /** The larger, or smaller, of a value and a constant: one instruction where neither NaN nor the sign of 0 forbids. */
  #clamp(op: 'max' | 'min', a: Expr, b: Expr): V128 {
    const [x, limit] = b.op === 'number' ? [a, b.value] : [b, a.value];
    const value = this.value(x);
    if (Number.isNaN(limit) || (op === 'min' && Object.is(limit, -0))) return value[op](limit);
    if (op === 'min') return value.pmin(limit);
    // −0 is left alone, and −0 + 0 = 0
    return Object.is(limit, 0) ? value.pmax(0).add(0) : value.pmax(limit);
  }

  /** xʸ; by products, quotients and roots where y is one of a few constants. */
  #power(base: Expr, exponent: Expr): V128 {
    const body = this.#body;
    const y = exponent.value;
    const easy = [-2, -1, -0.5, 0, 0.5, 1, 2, 3, 4];
    if (exponent.op !== 'number' || !easy.includes(y)) {
      return LANES.pow!(body, this.value(base), this.value(exponent));
    }
    if (isNumber(exponent, 0)) return V128.of(1);
    const x = body.v128(this.value(base));
    if (y % 1 !== 0) {
      // √−0 is −0, and √−∞ is NaN, where powers are 0 and ∞
      const infinite = x.eq(Number.NEGATIVE_INFINITY);
      const root = V128.of(Number.POSITIVE_INFINITY).where(infinite, x.add(0).sqrt());
      return y > 0 ? root : V128.of(1).div(root);
    }
    const first = y < 0 ? body.v128(V128.of(1).div(x)) : x;
    if (Math.abs(y) === 1) return first;
    const square = first.mul(first);
    if (y === 3) return square.mul(x);
    if (y !== 4) return square;
    const twice = body.v128(square);
    return twice.mul(twice);
  }
}

/**
 * Values that compute `roots` in single numbers, four places at a time; what they share is computed once. They mean what
 * the text of `emit` means in JavaScript, with every operation rounded to a single number: NaN, ±∞ and −0 too, and
 * numbers for truth values. Products and sums are not fused, so that operators give the same numbers on every machine.
 *
 * @param nameOf - the value that stands for a name, which is asked for once
 * @returns a local for each root: to store one does not change another; `null` where there is something in the trees that
 *   single numbers cannot express
 */
export function lower(body: Body, roots: readonly Expr[], nameOf: (name: string) => V128): V128[] | null {
  const lowering = new Lowering(body, nameOf);
  for (const root of roots) lowering.count(root);
  if (!lowering.able) return null;
  const values = roots.map((root) => lowering.value(root));
  return values.map((value) => body.v128(value));
}
