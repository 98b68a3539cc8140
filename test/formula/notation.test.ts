import fc from 'fast-check';
import { DOMParser } from 'linkedom';
import { describe, expect, it } from 'vitest';
import { type Expr, node, num, variable } from '../../src/formula/expr.ts';
import { mathBlock, mathml } from '../../src/formula/mathml.ts';
import { lifted, print } from '../../src/formula/notation.ts';
import { parseExpression } from '../../src/formula/parse.ts';
import { text } from '../../src/formula/text.ts';
import { evaluateInField } from '../support/field.ts';
import { expectWellFormed } from '../support/markup.ts';
import { readText } from '../support/read-text.ts';

const parse = (formula: string): Expr => parseExpression('test', formula);

describe('a formula as text', () => {
  it.each([
    // products and powers
    ['beta1 * m + (1 - beta1) * g', 'β₁ m + (1 − β₁) g'],
    ['beta2 * v + (1 - beta2) * g * g', 'β₂ v + (1 − β₂) g²'],
    ['(g + d) * (g + d)', '(g + d)²'],
    ['a * (b * c) * c', 'a b c²'],
    ['a * b * a', 'a b a'],
    ['2 * 3 * x', '2 · 3 x'],
    ['x * 2 ** n', 'x · 2^n'],
    ['1 * x + 1 * 1', 'x + 1'],
    ['x ** 2 * x ** t', 'x² xᵗ'],
    ['beta1 ** (t + 1)', 'β₁ᵗ⁺¹'],
    ['x ** -1', 'x⁻¹'],
    ['x ** -y', 'x^(−y)'],
    ['x ** (t * psi)', 'x^(t ψ)'],
    ['x ** y ** z', 'x^(y^z)'],
    ['(x ** y) ** z', '(x^y)^z'],
    ['Math.pow(x + 1, 2)', '(x + 1)²'],
    // fractions
    ['m / bias1 / (v + eps)', 'm / bias₁ / (v + ε)'],
    ['a / (b * c)', 'a / (b c)'],
    ['a / (b / c)', 'a / (b / c)'],
    ['a / b * c', '(a / b) c'],
    ['a * (b / c)', 'a b / c'],
    ['a * (b / c) * d', 'a (b / c) d'],
    ['(a + b) / c', '(a + b) / c'],
    ['(a / b) ** 2', '(a / b)²'],
    // sums and signs
    ['a - (b - c)', 'a − (b − c)'],
    ['a + (b - c)', 'a + b − c'],
    ['a - (b + c)', 'a − (b + c)'],
    ['a + -b', 'a − b'],
    ['a - -b', 'a + b'],
    ['a + -(b + c)', 'a − (b + c)'],
    ['a - -(b + c)', 'a + b + c'],
    ['a + (-b + c)', 'a − b + c'],
    ['-a + b', '−a + b'],
    ['-(a * b)', '−a b'],
    ['-a * b', '(−a) b'],
    ['-(x ** 2)', '−x²'],
    ['(-x) ** 2', '(−x)²'],
    ['a * -b', 'a (−b)'],
    ['-(-a)', '−(−a)'],
    // functions
    ['sqrt(v) + sqrt(v + epsRoot)', '√v + √(v + ε_root)'],
    ['sqrt(v) * m', '√v · m'],
    ['sqrt(v) ** 2', '(√v)²'],
    ['abs(g) * abs(g - abs(m))', '|g| abs(g − |m|)'],
    ['norm(p) / norm(r)', '‖p‖ / ‖r‖'],
    ['floor(x) + ceil(x)', '⌊x⌋ + ⌈x⌉'],
    ['max(max(a, b), max(c, 0))', 'max(a, b, c, 0)'],
    ['min(max(a, b), c)', 'min(max(a, b), c)'],
    ['mean(g * g, rows)', 'mean(g², rows)'],
    ['f(f(a, b), c)', 'f(f(a, b), c)'],
    ['log(x) * sign(x)', 'ln(x) sign(x)'],
    // choices
    ['a > 0 ? b : c', 'b if a > 0 else c'],
    ['a ? b : c ? d : e', 'b if a else d if c else e'],
    ['a ? (b ? 1 : 2) : 3', '(1 if b else 2) if a else 3'],
    ['x * (a ? b : c)', 'x (b if a else c)'],
    ['a <= b && !(c || d) ? 1 : 0', '1 if a ≤ b and not (c or d) else 0'],
    ['(a === b) !== c', 'a = b ≠ c'],
    ['0 < a && 1 === t && 1 < 2', 'a > 0 and t = 1 and 1 < 2'],
    ['a && (b && c)', 'a and (b and c)'],
    // numbers and names
    ['1e-8 + 0.001 + 1e6 + 123456', '10⁻⁸ + 0.001 + 10⁶ + 123456'],
    ['1.5e-7 * x', '(1.5 · 10⁻⁷) x'],
    ['-0.5 * x + Infinity', '(−0.5) x + ∞'],
    ['momentum + dampening + weightDecay + rho', 'μ + τ + λ + ρ'],
    ['eps1 + t0 + vMax + delta', 'ε₁ + t₀ + v_max + δ'],
    ['lr + nsEps + beta2Decay + X + $x', 'lr + nsEps + beta2Decay + X + $x'],
  ])('%s', (formula, expected) => {
    expect(print(parse(formula), text)).toBe(expected);
  });

  it('says nothing of times but the very first', () => {
    const sum = ['m@t-1', 'g@t', 'vMax@t', 'z@0', 'sum@0'].map(variable).reduce((a, b) => node('+', a, b));
    expect(print(sum, text)).toBe('m + g + v_max + z₀ + sum₀');
  });

  it('has signs before numbers that no formula can contain', () => {
    expect(print(node('*', num(-2), variable('x')), text)).toBe('(−2) x');
    expect(print(node('+', variable('x'), num(-2)), text)).toBe('x − 2');
    expect(print(node('+', num(-0), num(Number.NaN)), text)).toBe('−0 + NaN');
  });
});

describe('a formula in MathML', () => {
  const mi = (name: string): string => `<mi>${name}</mi>`;
  const times = '<mo rspace="0.17em">\u2062</mo>';
  it.each<[Expr, string]>([
    [variable('lr'), mi('lr')],
    [variable('m@t'), '<msub><mi>m</mi><mi>t</mi></msub>'],
    [
      variable('vMax@t-1'),
      '<msub><mi>v</mi><mrow><mi>max</mi><mo>,</mo><mrow><mi>t</mi><mo>−</mo><mn>1</mn></mrow></mrow></msub>',
    ],
    [parse('a * b / c'), `<mfrac><mrow>${mi('a')}${times}${mi('b')}</mrow>${mi('c')}</mfrac>`],
    // a fraction in a fraction is not stacked
    [parse('a / b / c'), `<mfrac><mrow>${mi('a')}<mo>/</mo>${mi('b')}</mrow>${mi('c')}</mfrac>`],
    [parse('beta1 ** t'), '<msubsup><mi>β</mi><mn>1</mn><mi>t</mi></msubsup>'],
    [parse('sqrt(a) ** 2'), `<msup><msqrt>${mi('a')}</msqrt><mn>2</mn></msup>`],
    [parse('a < b'), `<mrow>${mi('a')}<mo>&lt;</mo>${mi('b')}</mrow>`],
    [
      parse('-(a + 1)'),
      `<mrow><mo>−</mo><mrow><mo stretchy="false">(</mo><mrow>${mi('a')}<mo>+</mo><mn>1</mn></mrow><mo stretchy="false">)</mo></mrow></mrow>`,
    ],
    [parse('abs(a / b)'), `<mrow><mo>|</mo><mfrac>${mi('a')}${mi('b')}</mfrac><mo>|</mo></mrow>`],
    [
      parse('max(a, b)'),
      `<mrow>${mi('max')}<mo>\u2061</mo><mrow><mo stretchy="false">(</mo>${mi('a')}<mo>,</mo>${mi('b')}<mo stretchy="false">)</mo></mrow></mrow>`,
    ],
    [
      parse('a ? 1 : 2'),
      '<mrow><mo>{</mo><mtable displaystyle="true" columnalign="left left">' +
        `<mtr><mtd style="text-align:-webkit-left"><mn>1</mn></mtd><mtd style="text-align:-webkit-left"><mrow><mtext>if\u00a0</mtext>${mi('a')}</mrow></mtd></mtr>` +
        '<mtr><mtd style="text-align:-webkit-left"><mn>2</mn></mtd><mtd style="text-align:-webkit-left"><mtext>otherwise</mtext></mtd></mtr></mtable></mrow>',
    ],
    [parse('a && b'), `<mrow>${mi('a')}<mtext>\u00a0and\u00a0</mtext>${mi('b')}</mrow>`],
    [variable('a<b'), mi('a&lt;b')],
  ])('%#', (formula, expected) => {
    expect(print(formula, mathml)).toBe(expected);
  });

  it('is one element of aligned lines', () => {
    const block = mathBlock([['<mi>a</mi>', '=', '<mn>1</mn>'], 'a < b:', ['<mi>p</mi>', '←', '<mi>a</mi>']]);
    expectWellFormed(block);
    expect(block).toMatch(/^<math display="block"><mtable .*<mtext>a &lt; b:<\/mtext>.*<\/math>$/);
    expect(block.match(/<mtr>/g)).toHaveLength(3);
  });
});

describe('a choice inside a formula', () => {
  it.each([
    ['p - lr * (a ? b : c)', 'p - lr * (a ? b : c)'],
    ['sqrt(a ? b : c) + d', 'a ? sqrt(b) + d : sqrt(c) + d'],
    ['lr * (m / sqrt(a ? b : c))', 'lr * (a ? m / sqrt(b) : m / sqrt(c))'],
    ['(a ? b : c) * (a ? d : e)', 'a ? b * d : c * e'],
    ['(a ? b : c) + (d ? e : f)', 'a ? b + (d ? e : f) : c + (d ? e : f)'],
    ['a ? (a ? b : c) : d', 'a ? b : d'],
  ])('moves out: %s', (formula, expected) => {
    expect(lifted(parse(formula))).toBe(parse(expected));
  });
});

const names = ['m', 'g', 't', 'beta1', 'eps', 'epsRoot', 'lr', 'weightDecay', 'vMax', 'p@t-1', 'nsA'];
const symbols = new Map(names.map((name) => [print(variable(name), text), name]));

const anyExpr = fc.letrec<{ e: Expr }>((tie) => {
  const of = (count: number, ...ops: string[]) =>
    fc
      .tuple(fc.constantFrom(...ops), fc.array(tie('e'), { minLength: count, maxLength: count }))
      .map(([op, args]) => node(op, ...args));
  return {
    e: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.oneof(
        fc.constantFrom(...names).map(variable),
        fc.constantFrom(0, 1, 2, 3, 10, 0.5, 0.001, 1e-8, 1.5e-7, 2e6).map(num),
      ),
      of(2, '+', '-', '*', '/'),
      of(2, '*', '/', '**', 'max', 'min'),
      of(2, '<', '<=', '>', '>=', '===', '!==', '&&', '||'),
      of(1, 'neg', '!', 'sqrt', 'abs', 'sign', 'norm()'),
      of(3, '?:'),
      fc.tuple(tie('e'), fc.constantFrom(2, 3, -1)).map(([e, n]) => node('**', e, num(n))),
    ),
  };
}).e;

const values = fc
  .array(fc.bigInt(2n, 2n ** 60n), { minLength: names.length, maxLength: names.length })
  .map((list) => Object.fromEntries(names.map((name, i) => [name, list[i]!])));

describe('any formula', () => {
  it('means as text what it is', () => {
    fc.assert(
      fc.property(anyExpr, values, (e, at) => {
        const printed = print(e, text);
        const read = readText(printed, symbols);
        const known = { ...at, p: at['p@t-1']! };
        expect(evaluateInField(read, known), printed).toBe(evaluateInField(e, known));
      }),
      { numRuns: 2000 },
    );
  });

  it('keeps its value where choices move out', () => {
    fc.assert(
      fc.property(anyExpr, values, (e, at) => {
        expect(evaluateInField(lifted(e), at)).toBe(evaluateInField(e, at));
      }),
      { numRuns: 1000 },
    );
  });

  it('is well-formed in MathML', () => {
    fc.assert(
      fc.property(anyExpr, (e) => {
        const markup = `<math>${print(e, mathml)}</math>`;
        expectWellFormed(markup);
        const { documentElement } = new DOMParser().parseFromString(markup, 'text/xml');
        expect(documentElement.toString().replaceAll('&#160;', '\u00a0')).toBe(markup);
        for (const [element, count] of [
          ['mfrac', 2],
          ['msup', 2],
          ['msub', 2],
          ['msubsup', 3],
        ] as const) {
          for (const found of documentElement.querySelectorAll(element)) {
            expect(found.children, markup).toHaveLength(count);
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});
