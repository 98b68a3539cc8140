import { decided, type Expr, isNumber, node, num, variable } from './expr.ts';

/** How the parts of a formula are put down; each function gets parts that are put down already. */
export interface Notation {
  readonly number: (digits: string) => string;
  /** A name, upright unless it is a single letter. */
  readonly name: (base: string, subscripts: readonly string[]) => string;
  readonly infix: (left: string, sign: string, right: string) => string;
  readonly prefix: (sign: string, x: string) => string;
  /** A product, with a dot where both would run together without. */
  readonly times: (left: string, dot: boolean, right: string) => string;
  /** `null` where all stands in one line; then there are no indices of time either. */
  readonly fraction: ((numerator: string, denominator: string) => string) | null;
  readonly root: (x: string) => string;
  /** `atomic` tells whether the exponent needs no brackets in a line. */
  readonly power: (base: string, exponent: string, atomic: boolean) => string;
  readonly fence: (open: string, x: string, close: string) => string;
  readonly call: (name: string, args: readonly string[]) => string;
  /** Values with their conditions, and what holds otherwise. */
  readonly choice: (rows: readonly (readonly [value: string, test: string])[], otherwise: string) => string;
}

const GREEK: Readonly<Record<string, string>> = {
  alpha: 'α',
  beta: 'β',
  gamma: 'γ',
  delta: 'δ',
  eps: 'ε',
  eta: 'η',
  kappa: 'κ',
  lambda: 'λ',
  mu: 'μ',
  nu: 'ν',
  omega: 'ω',
  phi: 'φ',
  psi: 'ψ',
  rho: 'ρ',
  sigma: 'σ',
  tau: 'τ',
  theta: 'θ',
  xi: 'ξ',
  zeta: 'ζ',
};

/** Hyperparameters that have a letter of their own. */
const LETTERS: Readonly<Record<string, string>> = { momentum: 'μ', dampening: 'τ', weightDecay: 'λ' };

/** How tightly an expression holds together; what is looser than its place gets brackets. */
const LEVELS: Readonly<Record<string, number>> = {
  '?:': 0,
  '||': 1,
  '&&': 2,
  '!': 3,
  '===': 4,
  '!==': 4,
  '<': 5,
  '<=': 5,
  '>': 5,
  '>=': 5,
  '+': 6,
  '-': 6,
  neg: 6,
  '*': 7,
  '/': 7,
};
const FACTOR = 8;
const POWER = 9;
const ATOM = 10;

const SIGNS: Readonly<Record<string, string>> = {
  '||': 'or',
  '&&': 'and',
  '===': '=',
  '!==': '≠',
  '<=': '≤',
  '>=': '≥',
  '-': '−',
};
/** Comparisons seen from the other side. */
const TURNED: Readonly<Record<string, string>> = {
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
  '===': '===',
  '!==': '!==',
};
const FENCES: Readonly<Record<string, string>> = { abs: '||', floor: '⌊⌋', ceil: '⌈⌉', 'norm()': '‖‖' };

const or = <T>(table: Readonly<Record<string, T>>, key: string, other: T): T =>
  Object.hasOwn(table, key) ? table[key]! : other;

/** `0.001`, `1e-8`: digits, and the power of ten they are multiplied by. */
function digitsOf(x: number): [digits: string, power: number] {
  if (!Number.isFinite(x)) return [Number.isNaN(x) ? 'NaN' : '∞', 0];
  if (x === 0 || (x >= 1e-3 && x < 1e6)) return [String(x), 0];
  const [digits, power] = x.toExponential().split('e') as [string, string];
  return [digits, Number(power)];
}

const some = (e: Expr, test: (e: Expr) => boolean): boolean => test(e) || e.args.some((a) => some(a, test));

const choiceIn = (e: Expr): Expr | undefined => {
  if (e.op === '?:') return e;
  for (const a of e.args) {
    const found = choiceIn(a);
    if (found) return found;
  }
  return undefined;
};

/** The same with its choices outside, or at the end of a sum or a product, where they can stand in rows. */
export function lifted(e: Expr): Expr {
  const [a, b] = e.args;
  const choice = choiceIn(e);
  if (!choice) return e;
  if (['+', '-', '*'].includes(e.op) && !choiceIn(a!)) return node(e.op, a!, lifted(b!));
  const test = choice.args[0]!;
  const when = (holds: boolean): Expr => lifted(decided(e, new Map([[test, holds]])));
  return node('?:', test, when(true), when(false));
}

/** The factors of a product, each with how often it stands there in a row. */
function factorsOf(e: Expr): [factor: Expr, times: number][] {
  const all: [Expr, number][] = [];
  const note = (f: Expr): void => {
    const last = all.at(-1);
    if (f.op === '*') for (const a of f.args) note(a);
    else if (last?.[0] === f && f.op !== 'number') last[1]++;
    else if (!isNumber(f, 1)) all.push([f, 1]);
  };
  note(e);
  return all.length > 0 ? all : [[num(1), 1]];
}

const startsWithNumber = (e: Expr): boolean =>
  e.op === 'number' || (['**', 'pow', '/', '*'].includes(e.op) && startsWithNumber(e.args[0]!));

/**
 * A formula in a notation. A name may end in `@` and its time: `m@t-1` is the m of the step before.
 */
export function print(root: Expr, to: Notation): string {
  const flat = to.fraction === null;

  /** `level` is what the place asks for; fractions inside of others are not stacked. */
  const go = (e: Expr, level = 0, small = flat): string => {
    const [text, own] = compose(e, small);
    return own < level ? to.fence('(', text, ')') : text;
  };

  const compose = (e: Expr, small: boolean): [text: string, level: number] => {
    const { op, args } = e;
    const [a, b] = args as [Expr, Expr];
    if (op === 'number') return number(e.value);
    if (op === 'name') return [name(e.name), ATOM];
    if (op === '?:') {
      const level = flat ? 1 : 0;
      const rows: [string, string][] = [];
      let rest = e;
      for (; rest.op === '?:'; rest = rest.args[2]!)
        rows.push([go(rest.args[1]!, level), go(rest.args[0]!, level)]);
      return [to.choice(rows, go(rest)), flat ? 0 : ATOM];
    }
    if (op === 'neg') return [to.prefix('−', go(a, 7, small)), LEVELS.neg!];
    if (op === '!') return [to.prefix('not', go(a, 4, small)), LEVELS['!']!];
    if (op === '+' || op === '-') return sum(op, a, b, small);
    if (op === '*') return product(e, small);
    if (op === '/') {
      if (to.fraction && !small) return [to.fraction(go(a, 0, true), go(b, 0, true)), POWER];
      return [to.infix(go(a, 7, true), '/', go(b, FACTOR, true)), 7];
    }
    if (op === '**' || op === 'pow') return [power(a, b, small), POWER];
    if (op === 'sqrt') return flat ? [to.root(go(a, ATOM)), FACTOR] : [to.root(go(a, 0, small)), ATOM];
    // a minifier writes 0 < x
    if (Object.hasOwn(TURNED, op) && isNumber(a) && !isNumber(b))
      return compose(node(TURNED[op]!, b, a), small);
    if (Object.hasOwn(LEVELS, op)) {
      const level = LEVELS[op]!;
      return [to.infix(go(a, level, small), or(SIGNS, op, op), go(b, level + 1, small)), level];
    }
    const fence = or(FENCES, op, '');
    if (fence && args.length === 1 && !some(a, (inner) => inner.op === op)) {
      return [to.fence(fence[0]!, go(a, 0, small), fence[1]!), ATOM];
    }
    const list = (x: Expr): string[] =>
      (op === 'max' || op === 'min') && x.op === op ? x.args.flatMap(list) : [go(x, 0, small)];
    return [to.call(op === 'log' ? 'ln' : op.replace('()', ''), args.flatMap(list)), ATOM];
  };

  const number = (x: number): [text: string, level: number] => {
    if (x < 0 || Object.is(x, -0)) return [to.prefix('−', number(-x)[0]), LEVELS.neg!];
    const [digits, exponent] = digitsOf(x);
    if (exponent === 0) return [to.number(digits), ATOM];
    const ten = power(num(10), num(exponent), true);
    return digits === '1' ? [ten, POWER] : [to.times(to.number(digits), true, ten), 7];
  };

  const name = (tagged: string): string => {
    const [word, time] = tagged.split('@') as [string, string?];
    const letter = or(LETTERS, word, '');
    const [, base = word, digits, tail] = /^([A-Za-z]+?)(?:(\d+)|([A-Z][a-z]*))?$/.exec(word) ?? [];
    const symbol = or(GREEK, base, base);
    const splits = digits !== undefined || symbol.length === 1;
    const subscripts = [
      ...(letter || !splits ? [] : [digits && num(Number(digits)), tail && variable(tail.toLowerCase())]),
      time === '0' ? num(0) : !flat && time && variable('t'),
    ].filter((part): part is Expr => Boolean(part));
    const printed = subscripts.map((part) => go(part));
    if (!flat && time === 't-1') printed[printed.length - 1] = go(node('-', variable('t'), num(1)));
    return to.name(letter || (splits ? symbol : word), printed);
  };

  const sum = (op: string, a: Expr, b: Expr, small: boolean): [text: string, level: number] => {
    // a + −b is a − b, and a + (b − c) is a + b − c
    const negative = b.op === 'neg' || b.value < 0;
    const right = b.op === 'neg' ? b.args[0]! : negative ? num(-b.value) : b;
    const minus = (op === '-') !== negative;
    if (!minus && (right.op === '+' || right.op === '-')) {
      return sum(right.op, node('+', a, right.args[0]!), right.args[1]!, small);
    }
    return [to.infix(go(a, 6, small), minus ? '−' : '+', go(right, 7, small)), 6];
  };

  const product = (e: Expr, small: boolean): [text: string, level: number] => {
    const factors = factorsOf(e);
    if (factors.length === 1 && factors[0]![1] === 1) return compose(factors[0]![0], small);
    let text = '';
    for (const [i, [factor, times]] of factors.entries()) {
      const last = i === factors.length - 1;
      const printed =
        times > 1
          ? power(factor, num(times), small)
          : go(factor, last && factor.op === '/' ? 7 : FACTOR, small);
      const dot = startsWithNumber(factor) || (flat && factors[i - 1]?.[0].op === 'sqrt');
      text = i === 0 ? printed : to.times(text, dot, printed);
    }
    return [text, factors.length > 1 ? 7 : POWER];
  };

  const power = (base: Expr, exponent: Expr, small: boolean): string => {
    const atomic = compose(exponent, true)[1] === ATOM;
    return to.power(go(base, ATOM, small), go(exponent, 0, true), atomic);
  };

  return go(flat ? root : lifted(root));
}
