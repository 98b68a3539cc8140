import fc from 'fast-check';
import { minifySync } from 'vite';
import { describe, expect, it } from 'vitest';
import { ValueError } from '../../src/core/errors.ts';
import { derive } from '../../src/formula/derive.ts';
import { emit } from '../../src/formula/emit.ts';
import { type Expr, node, num, variable } from '../../src/formula/expr.ts';
import { MATH } from '../../src/formula/functions.ts';
import { parseFormula, type Source } from '../../src/formula/parse.ts';
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
