import { erf, sigmoid, softplus } from '../core/special.ts';
import { type Expr, isNumber, node, num } from './expr.ts';

/** A function that formulas may call. */
interface FormulaFunction {
  readonly arity: number;
  /** ∂f/∂xᵢ for each argument, given the arguments and f's own value; `null` where f is constant almost everywhere. */
  readonly partials: (x: readonly Expr[], y: Expr) => readonly (Expr | null)[];
}

const one = num(1);
const two = num(2);
const half = num(0.5);
const flat: FormulaFunction = { arity: 1, partials: () => [null] };
const smooth = (partial: (x: Expr, y: Expr) => Expr): FormulaFunction => ({
  arity: 1,
  partials: ([x], y) => [partial(x!, y)],
});
/** 1 for the argument that wins, ½ each when they tie. */
const pick = (wins: '<' | '>'): FormulaFunction => {
  const share = (a: Expr, b: Expr) =>
    node('?:', node(wins, a, b), one, node('?:', node('===', a, b), half, num(0)));
  return { arity: 2, partials: ([a, b]) => [share(a!, b!), share(b!, a!)] };
};

/** xʸ by its two derivatives: y·xʸ⁻¹ and xʸ·ln x. */
export const power: FormulaFunction = {
  arity: 2,
  partials: ([x, y], p) => {
    const slope = node('*', y!, node('**', x!, node('-', y!, one)));
    // x⁰ has the derivative 0 at x = 0, too, where 0 · 0⁻¹ is NaN
    const byBase = isNumber(y!) ? slope : node('?:', node('===', y!, num(0)), num(0), slope);
    return [byBase, node('*', p, node('log', x!))];
  },
};

/** The functions a formula may call as `Math.*`. */
export const MATH: Readonly<Record<string, FormulaFunction>> = {
  abs: smooth((x) => node('sign', x)),
  ceil: flat,
  cos: smooth((x) => node('neg', node('sin', x))),
  exp: smooth((_x, y) => y),
  expm1: smooth((x) => node('exp', x)),
  floor: flat,
  log: smooth((x) => node('/', one, x)),
  log1p: smooth((x) => node('/', one, node('+', one, x))),
  max: pick('>'),
  min: pick('<'),
  pow: power,
  round: flat,
  sign: flat,
  sin: smooth((x) => node('cos', x)),
  sqrt: smooth((_x, y) => node('/', half, y)),
  tanh: smooth((_x, y) => node('-', one, node('*', y, y))),
};

/** The functions beyond `Math` that a formula takes from its last parameter, as in `(x, { erf }) => …`. */
export const SPECIAL = {
  erf: smooth((x) => node('*', num(2 / Math.sqrt(Math.PI)), node('exp', node('neg', node('**', x, two))))),
  sigmoid: smooth((_x, y) => node('*', y, node('-', one, y))),
  softplus: smooth((x) => node('sigmoid', x)),
} as const satisfies Record<string, FormulaFunction>;

/** The functions beyond `Math`, to be called by formulas. */
export type SpecialFunctions = { readonly [K in keyof typeof SPECIAL]: (x: number) => number };

/** {@link SpecialFunctions} as plain functions, for calling a formula literally. */
export const special: SpecialFunctions = { erf, sigmoid, softplus };

export const FUNCTIONS: Readonly<Record<string, FormulaFunction>> = { ...MATH, ...SPECIAL };

/** The constants a formula may use as `Math.*`. */
export const CONSTANTS: Readonly<Record<string, number>> = {
  E: Math.E,
  LN10: Math.LN10,
  LN2: Math.LN2,
  LOG10E: Math.LOG10E,
  LOG2E: Math.LOG2E,
  PI: Math.PI,
  SQRT1_2: Math.SQRT1_2,
  SQRT2: Math.SQRT2,
};
