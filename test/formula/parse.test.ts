import fc from 'fast-check';
import { minifySync } from 'vite';
import { describe, expect, it } from 'vitest';
import { ValueError } from '../../src/core/errors.ts';
import { derive } from '../../src/formula/derive.ts';
import { emit } from '../../src/formula/emit.ts';
import { type Expr, node, num, variable } from '../../src/formula/expr.ts';
import { MATH } from '../../src/formula/functions.ts';
import { parseExpression, parseFormula, parseScalars, type Source } from '../../src/formula/parse.ts';
import { evaluate } from '../support/evaluate.ts';

const parse = (text: string): Expr => parseFormula('test', new Function(`return ${text}`)() as Source);

const leaf = fc.oneof(
  fc.constantFrom('x', 'y', 'z', 'Math.PI', '0.5', '1e-3', '.25', '2.', '3'),
  fc.nat(20).map((n) => String(n)),
);

/** Text of a formula over x, y and z, with and without brackets. */
const formula = fc.letrec<{ any: string }>((tie) => ({
  any: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc.tuple(tie('any'), fc.constantFrom('+', '-', '*', '/'), tie('any')).map((p) => p.join(' ')),
    tie('any').map((e) => `(${e})`),
    tie('any').map((e) => `- (${e})`),
    fc.tuple(leaf, leaf).map(([a, b]) => `${a} ** ${b}`),
    fc
      .tuple(tie('any'), fc.constantFrom('<', '<=', '>', '>=', '===', '!=='), tie('any'), tie('any'))
      .map(([a, op, b, c]) => `((${a}) ${op} (${b}) && !(${c} > 1) ? ${a} : ${c})`),
    fc
      .tuple(fc.constantFrom('abs', 'exp', 'sqrt', 'sign', 'log1p', 'tanh'), tie('any'))
      .map(([f, e]) => `Math.${f}(${e})`),
    fc.tuple(tie('any'), tie('any'), tie('any')).map(([a, b, c]) => `Math.max(${a}, ${b}, ${c})`),
  ),
})).any;

const number = fc.double({ min: -4, max: 4, noNaN: true });

describe('a formula read from its text', () => {
  it('has the value that JavaScript gives it, evaluated and emitted', () => {
    fc.assert(
      fc.property(formula, number, number, number, (text, x, y, z) => {
        const source = new Function('x', 'y', 'z', `return ${text};`) as (...args: number[]) => number;
        const expr = parse(`(x, y, z) => ${text}`);
        const { statements, results } = emit([expr], (name) => name);
        const emitted = new Function('x', 'y', 'z', `${statements.join(' ')} return ${results[0]};`);
        const expected = Number(source(x, y, z));
        expect(evaluate(expr, { x, y, z })).toBe(expected);
        expect(Number(emitted(x, y, z))).toBe(expected);
      }),
      { numRuns: 500 },
    );
  });

  it('may have locals, a block, and parameters taken apart and renamed', () => {
    const expr = parse('({ m, v: w }, { eps }) => { const a = m * 2, b = a + w; return b / eps; }');
    expect(evaluate(expr, { m: 1, v: 3, eps: 0.5 })).toBe(10);
    expect(evaluate(parse('function (x) { return x + 1; }'), { x: 1 })).toBe(2);
    expect(evaluate(parse('x => /* here */ x * 2 // there\n'), { x: 4 })).toBe(8);
  });

  it('is the same after a minifier', () => {
    const text = `({ g, v: second }, { eps, centered }) => {
      const root = Math.sqrt(centered === true ? second : Infinity);
      const sum = root + eps;
      return g > 0 ? g / sum : -g / sum;
    }`;
    const { code } = minifySync('formula.js', `export const f = ${text}`, { compress: true, mangle: true });
    const minified = /^export const f=(.*);$/s.exec(code)![1]!;
    const values = { g: -2, v: 4, eps: 0.5, centered: 1 };
    expect(minified.length).toBeLessThan(text.length / 2);
    expect(evaluate(parse(minified), values)).toBe(evaluate(parse(text), values));
  });

  it.each([
    ['(x) => y + x', '"y + x"'],
    ['(x) => Math.random() * x', '"random ( )"'],
    ['(x) => x.length', '". length" after "x ) => x"'],
    ['(x) => x % 2', '"% 2" after "x ) => x"'],
    ['(x) => { let i = 0; i += x; return i; }', '"i + ="'],
    ['(x) => [x][0]', '"[ x ]"'],
    ["(x) => x + '1'", `"' 1 '" after ") => x +"`],
    ['(x, y) => Math.max(x)', '"max of 1 arguments"'],
    ['(x) => Math.sqrt(x, x)', '"sqrt of 2 arguments"'],
    ['(x = 1) => x', '"= 1 )"'],
    ['(x) => parseFloat(x)', '"parseFloat ( x"'],
    ['(x) => { return x', 'the end of the text'],
  ])('refuses %s and quotes the piece', (text, piece) => {
    const source = { toString: () => text } as unknown as Source;
    expect(() => parseFormula('here', source)).toThrow(ValueError);
    expect(() => parseFormula('here', source)).toThrow(/^here: a formula may use .*, got /);
    expect(() => parseFormula('here', source)).toThrow(piece);
  });
});

describe('the scalars of a step', () => {
  const read = (text: string) => parseScalars('test', { toString: () => text } as unknown as Source);
  const shown = (text: string) => {
    const { values, first } = read(text);
    return [Object.fromEntries(values), Object.fromEntries(first)];
  };
  const expected = [
    {
      mu: parseExpression('', 'beta1 * 0.5'),
      sum: variable('sum@t-1'),
      product: node('*', variable('product@t-1'), parseExpression('', 'beta1 * 0.5')),
      first: parseExpression('', 't === 1'),
    },
    { product: num(1), sum: num(0) },
  ];
  const text = `(t, { beta1 }, { product: before = 1, sum = 0 }) => {
    const mu = beta1 * 0.5;
    return { mu, sum, product: before * mu, first: t === 1 };
  }`;

  it('are read from an object of expressions, with what the step before returned', () => {
    expect(shown(text)).toEqual(expected);
    expect(shown('function scalars(t) { return { first: t === 1, }; }')).toEqual([
      { first: node('===', variable('t'), num(1)) },
      {},
    ]);
    expect(shown('(step, { beta2 = 0 }) => ({ bias: 1 - beta2 ** step })')).toEqual([
      { bias: parseExpression('', '1 - beta2 ** t') },
      {},
    ]);
  });

  it('are the same after a minifier', () => {
    const { code } = minifySync('scalars.js', `export const f = ${text}`, { compress: true, mangle: true });
    const minified = /^export const f=(.*);$/s.exec(code)![1]!;
    expect(minified).not.toContain('before');
    // it may know that comparing the other way round is shorter
    const [values, first] = shown(minified) as [Record<string, Expr>, object];
    expect([{ ...values, first: null }, first]).toEqual([{ ...expected[0], first: null }, expected[1]]);
    expect(evaluate(values.first!, { t: 1 })).toBe(1);
  });

  it.each([
    '(t, s) => ({ ...f(t, s) })',
    '(t) => ({ a: f(t) })',
    '(t) => t',
    '(t) => ({ a })',
    '(t, s) => ({ a: s.beta1 })',
    '(t) => { if (t > 1) return { a: 1 }; return { a: 0 }; }',
    '(t) => ({ a: t }).a',
  ])('refuses %s', (unreadable) => {
    expect(() => read(unreadable)).toThrow(ValueError);
  });
});

describe('a formula that is only printed', () => {
  const parse = (text: string): Expr => parseExpression('here', text);

  it('may use any name and any function', () => {
    expect(parse('scale * newtonSchulz(u / max(norm(u), nsEps))')).toBe(
      node(
        '*',
        variable('scale'),
        node(
          'newtonSchulz()',
          node('/', variable('u'), node('max', node('norm()', variable('u')), variable('nsEps'))),
        ),
      ),
    );
    expect(parse('Math.sqrt(x) + PI + name(1) + f()')).toBe(parse('((sqrt(x) + PI) + name(1)) + f()'));
    expect(parse('number(1)')).not.toBe(num(1));
  });

  it.each([
    ['m +', '"the end of the text" after "m +"'],
    ['m g', '"g" after "m" in m g'],
    ['f(m', '"the end of the text" after "f ( m"'],
    ['sqrt(a, b)', '"sqrt of 2 arguments"'],
    ['a = b', '"= b" after "a"'],
    ['x.y', '". y" after "x"'],
    ['', '"the end of the text" in '],
  ])('refuses %j and quotes the piece', (text, piece) => {
    const mustHold = 'a formula may use names, numbers, + − * / **, comparisons, ?: and functions';
    expect(() => parse(text)).toThrow(`here: ${mustHold}, got ${piece}`);
  });
});

describe('expressions', () => {
  it('are one object where they are equal', () => {
    expect(parse('(a, b) => (a + b) * (a + b)').args[0]).toBe(parse('({ b: second, a }) => a + second'));
    expect(num(0)).not.toBe(num(-0));
    expect(node('+', variable('a'), num(1))).toBe(node('+', variable('a'), num(1)));
  });

  it('that are shared become one local', () => {
    const shared = parse('(a, b) => (a + b) * (a + b)');
    expect(emit([shared], (name) => name)).toEqual({
      statements: ['const t0 = (a + b);'],
      results: ['(t0 * t0)'],
    });
  });

  it.each(Object.keys(MATH))('Math.%s has its derivative', (name) => {
    const { arity } = MATH[name]!;
    const f = parse(`(x, y) => 3 * Math.${name}(${['x / 2 + 1.2', 'y * x'].slice(0, arity).join(', ')})`);
    const at = (x: number): number => evaluate(f, { x, y: 0.7 });
    const slope = evaluate(derive(f, 'x'), { x: 0.4, y: 0.7 });
    expect(slope).toBeCloseTo((at(0.4 + 1e-6) - at(0.4 - 1e-6)) / 2e-6, 6);
  });
});
