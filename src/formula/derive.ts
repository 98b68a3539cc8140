import { InternalError } from '../core/errors.ts';
import { memo } from '../core/memo.ts';
import { type Expr, isNumber, node, num, rewrite } from './expr.ts';
import { FUNCTIONS, power } from './functions.ts';

const zero = num(0);
const one = num(1);

const plus = (a: Expr, b: Expr): Expr => (a === zero ? b : b === zero ? a : node('+', a, b));
const minus = (a: Expr, b: Expr): Expr => (b === zero ? a : a === zero ? negate(b) : node('-', a, b));
const negate = (a: Expr): Expr => (a === zero ? zero : a.op === 'neg' ? a.args[0]! : node('neg', a));
const times = (a: Expr, b: Expr): Expr => {
  if (a === zero || b === zero) return zero;
  if (a === one) return b;
  if (b === one) return a;
  return node('*', a, b);
};
/** g · e, inside the branches of a choice: an infinite g does not make a NaN where the derivative is 0. */
export const scaled = (g: Expr, e: Expr): Expr => {
  const [test, then, otherwise] = e.args as [Expr, Expr, Expr];
  return e.op === '?:' ? node('?:', test, scaled(g, then), scaled(g, otherwise)) : times(g, e);
};
const over = (a: Expr, b: Expr): Expr => (a === zero ? zero : b === one ? a : node('/', a, b));

/** xʸ⁻¹ and friends: tidies what a rule wrote. A factor 0 is structural and makes the product 0. */
function tidy(e: Expr): Expr {
  return rewrite(e, (old, args) => {
    const [a, b] = args;
    if (old.op === '-' && isNumber(a!) && isNumber(b!)) return num(a!.value - b!.value);
    if (old.op === '**' && isNumber(b!, 1)) return a!;
    if (old.op === '**' && isNumber(b!, 2)) return node('*', a!, a!);
    if (old.op === '*') return times(a!, b!);
    return args.length ? node(old.op, ...args) : old;
  });
}

/**
 * ∂e/∂x as an expression tree, by the rules of differentiation.
 *
 * `?:` differentiates branch by branch, so the branch that is not taken cannot spoil the result with a NaN.
 */
export function derive(e: Expr, x: string): Expr {
  const done = new Map<Expr, Expr>();
  const go = (f: Expr): Expr => memo(done, f, () => rule(f));
  const rule = (f: Expr): Expr => {
    const [a, b, c] = f.args as [Expr, Expr, Expr];
    switch (f.op) {
      case 'number':
        return zero;
      case 'name':
        return f.name === x ? one : zero;
      case '+':
        return plus(go(a), go(b));
      case '-':
        return minus(go(a), go(b));
      case 'neg':
        return negate(go(a));
      case '*':
        return plus(times(go(a), b), times(a, go(b)));
      case '/':
        return over(minus(go(a), times(f, go(b))), b);
      case '?:': {
        const [then, otherwise] = [go(b), go(c)];
        return then === otherwise ? then : node('?:', a, then, otherwise);
      }
      case '**':
        return chain(f, power.partials(f.args, f));
      default: {
        const known = FUNCTIONS[f.op];
        if (known) return chain(f, known.partials(f.args, f));
        // comparisons and logic are constant almost everywhere
        if (['<', '<=', '>', '>=', '===', '!==', '&&', '||', '!'].includes(f.op)) return zero;
        throw new InternalError('derive', 'every operator must have a derivative', f.op);
      }
    }
  };
  const chain = (f: Expr, partials: readonly (Expr | null)[]): Expr => {
    let sum = zero;
    for (const [i, partial] of partials.entries()) {
      const inner = go(f.args[i]!);
      if (partial && inner !== zero) sum = plus(sum, times(tidy(partial), inner));
    }
    return sum;
  };
  return go(e);
}
