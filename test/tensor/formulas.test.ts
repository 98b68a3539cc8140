import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Generator } from '../../src/core/random.ts';
import { MATH, SPECIAL, type SpecialFunctions, special } from '../../src/formula/functions.ts';
import { gradcheck, gradgradcheck } from '../../src/inspect/index.ts';
import { setKernels } from '../../src/kernels/engine.ts';
import { apply, elementwise } from '../../src/tensor/apply.ts';
import { contiguousData, type Tensor, tensor } from '../../src/tensor/index.ts';
import { evaluate } from '../support/evaluate.ts';

type Formula = (a: number, b: number, functions: SpecialFunctions) => number | boolean;

const SPECIAL_NUMBERS = [
  Number.NaN,
  Infinity,
  -Infinity,
  0,
  -0,
  1,
  -1,
  0.5,
  -0.5,
  2,
  3,
  1000,
  -1000,
  1e-8,
  1e-310,
  5e-324,
  -5e-324,
  1e308,
];

const generator = new Generator(11);
const numbers = [...SPECIAL_NUMBERS, ...Array.from({ length: 30 }, () => generator.normal() * 3)];
const left = numbers.flatMap((a) => numbers.map(() => a));
const right = numbers.flatMap(() => numbers);

const formulas: Readonly<Record<string, Formula>> = {
  'a + b * a - b / a': (a, b) => a + b * a - b / a,
  '(a - b) - (b - a)': (a, b) => a - b - (b - a),
  '-(-a) * -b': (a, b) => -(-a) * -b,
  'a - -b + +a': (a, b) => a - -b + +a,
  'a ** b': (a, b) => a ** b,
  'a ** 2 ** 0.5': (a) => a ** (2 ** 0.5),
  '(-a) ** 3': (a) => (-a) ** 3,
  'a < b ? a : b': (a, b) => (a < b ? a : b),
  'nested ?:': (a, b) => (a > 0 ? (b > 0 ? 1 : -1) : b >= a ? a : b <= 0 ? 3 : 4),
  'comparisons as numbers': (a, b) =>
    (a === b ? 1 : 0) + (a !== b ? 2 : 0) + (a <= b ? 4 : 0) + (a >= b ? 8 : 0),
  'a bool': (a, b) => a < b,
  '&&, || and !': (a, b) => ((a > 0 && b > 0) || !(a < 1) ? a : b),
  'locals and shared parts': (a, b) => {
    const sum = a + b;
    const e = Math.exp(-Math.abs(sum));
    return (sum * e) / (1 + e) + e;
  },
  'constants and number formats': (a) => a * Math.PI + Math.SQRT2 - 1e-3 + 0.25 * 2e2 + Math.LN2 / Math.E,
  'max and min of several': (a, b) => Math.max(a, b, 0) - Math.min(a, b, 1),
  erf: (a, _b, { erf }) => erf(a),
  'negative numbers': (a) => -2 * a - -3,
  '−0': (a) => a * -0,
  Infinity: (a) => (a < Infinity ? a : -Infinity),
  ...Object.fromEntries(
    Object.keys(MATH).map((name) => {
      const f = Math[name as 'pow'];
      // a formula is read from its text, so each is written out by the Function constructor
      const text = `(a, b) => Math.${name}(${f.length === 2 ? 'a, b' : 'a'})`;
      return [text, new Function(`return ${text}`)() as Formula];
    }),
  ),
};

describe('a compiled formula gives bit for bit what its function gives', () => {
  beforeAll(() => setKernels('js'));
  afterAll(() => setKernels('wasm'));

  const same = (found: ArrayLike<number>, expected: (i: number) => number): void => {
    const wrong: string[] = [];
    for (let i = 0; i < left.length; i++) {
      if (!Object.is(found[i], expected(i)))
        wrong.push(`f(${left[i]}, ${right[i]}) = ${found[i]} instead of ${expected(i)}`);
    }
    expect(wrong).toEqual([]);
  };

  it.each(Object.entries(formulas))('%s', (_, formula) => {
    const op = elementwise('formula', ['a', 'b'], formula);
    const literal = (i: number) => Number(formula(left[i]!, right[i]!, special));
    const [a, b] = [left, right].map((x) => tensor(x, { dtype: 'float64' })) as [Tensor, Tensor];
    same(contiguousData(apply(op, a, b)), literal);
    // other loops: broadcast rows and columns, steps, numbers
    const [rows, columns] = [
      tensor(numbers, { dtype: 'float64' }).unsqueeze(1),
      tensor(numbers, { dtype: 'float64' }),
    ];
    same(contiguousData(apply(op, rows, columns)), literal);
    same(contiguousData(apply(op, a.flip(0).clone().flip(0), b.stack([b], 1).slice(null, 1))), literal);
    const n = numbers.length;
    for (const k of [0, 4, n - 1]) {
      const row = contiguousData(apply(op, numbers[k]!, columns));
      for (let j = 0; j < n; j++) expect(row[j]).toBe(literal(k * n + j));
    }
    same(
      left.map((x, i) => evaluate(op.kernel.expr, { a: x, b: right[i]! })),
      literal,
    );
  });

  it('rounds once to float32', () => {
    const values = numbers.map(Math.fround);
    const x = tensor(values);
    expect([...contiguousData(x.sigmoid())]).toEqual(
      values.map((v) => {
        const e = Math.exp(-Math.abs(v));
        return Math.fround((v < 0 ? e : 1) / (1 + e));
      }),
    );
    expect([...contiguousData(x.erf())]).toEqual(values.map((v) => Math.fround(special.erf(v))));
  });
});

describe('derivatives that are left out follow from the formula', () => {
  const positive = tensor([0.3, 0.7, 1.3, 2.2], { dtype: 'float64', requiresGrad: true });
  const other = tensor([1.1, 0.4, 2.7, 0.9], { dtype: 'float64', requiresGrad: true });
  const strict = { atol: 2e-8, rtol: 2e-7 };

  const smooth: Readonly<Record<string, Formula>> = {
    product: (a, b) => a * b * a,
    quotient: (a, b) => (a + 1) / (b * b + a),
    'power of both': (a, b) => a ** b,
    'power by a number': (a, b) => a ** 3 + b ** -1.5,
    'number to a power': (a, b) => 2 ** a * 0.5 ** b,
    chain: (a, b) => Math.tanh(Math.sin(a * b) + Math.sqrt(b)),
    branches: (a, b) => (a < b ? a * b : Math.exp(a)),
    'a local': (a, b) => {
      const t = Math.log(a + b);
      return t * t + a;
    },
    'max and min': (a, b) => Math.max(a, b) * Math.min(a, b, 1),
    erf: (a, b, { erf }) => erf(a) * erf(b),
    negated: (a, b) => -(a - b) * -a,
  };
  for (const name of [...Object.keys(MATH), ...Object.keys(SPECIAL)]) {
    const text = name in SPECIAL ? `(a, b, { ${name} }) => ${name}(a)` : `(a, b) => Math.${name}(a, b) * a`;
    const unary = text.replace('(a, b) *', '(a) * b *');
    Object.assign(smooth, {
      [name]: new Function(`return ${Math[name as 'pow']?.length === 2 ? text : unary}`)(),
    });
  }

  it.each(Object.entries(smooth))('%s', (_, formula) => {
    const op = elementwise('formula', ['a', 'b'], formula);
    const f = (a: Tensor, b: Tensor) => apply(op, a, b);
    const first = gradcheck(f, [positive, other], strict);
    expect(first.ok, String(first)).toBe(true);
    const second = gradgradcheck(f, [positive, other], strict);
    expect(second.ok, String(second)).toBe(true);
  });

  it('the branch that is not taken spoils nothing', () => {
    const op = elementwise('formula', ['a'], (a: number) => (a > 0 ? Math.log(a) : 0));
    const x = tensor([-1, 0, 2], { dtype: 'float64', requiresGrad: true });
    apply(op, x).sum().backward();
    expect(x.grad!.toArray()).toEqual([0, 0, 0.5]);
  });
});
