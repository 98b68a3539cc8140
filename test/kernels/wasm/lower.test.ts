import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { emit } from '../../../src/formula/emit.ts';
import { type Expr, node, num, variable } from '../../../src/formula/expr.ts';
import { FUNCTIONS, special } from '../../../src/formula/functions.ts';
import { parseFormula, type Source } from '../../../src/formula/parse.ts';
import { lower } from '../../../src/kernels/wasm/lower.ts';
import { BOUNDS, FUSED, Loop, OUTPUTS, ulps, WAVES_END } from './support.ts';

const NAMES = ['x', 'y', 'z'];
const OPERATORS = ['+', '-', '*', '/', '**', '<', '<=', '>', '>=', '===', '!==', '&&', '||'];

/** The most that powers may be off, by products and quotients too, in ulp: x⁻² = (1/x)² rounds three times. */
const POWER = 2;

/** The results of trees over x, y and z in single numbers; `null` where they cannot be lowered. */
function lowered(
  roots: readonly Expr[],
  places: readonly (readonly number[])[],
  fused = false,
): number[][] | null {
  let able = true;
  const loop = new Loop((body, ...values) => {
    const results = lower(body, roots, (name) => values[NAMES.indexOf(name)]!);
    able = results !== null;
    return results ?? [];
  }, fused);
  if (!able) return null;
  for (const [k, place] of places.entries())
    [loop.x[k], loop.y[k], loop.z[k]] = place as [number, number, number];
  const count = Math.ceil(places.length / 4) * 4;
  return loop.run(count).map((out) => [...out.subarray(0, places.length)]);
}

/** The JavaScript that stands for a tree, as a function of x, y and z. */
function script(root: Expr): (...values: number[]) => number | boolean {
  const { statements, results } = emit([root], (name) => name);
  const names = Object.keys(special) as (keyof typeof special)[];
  const body = `return (${NAMES}) => { ${statements.join(' ')} return ${results[0]}; }`;
  return new Function(...names, body)(...names.map((name) => special[name]));
}

/** A tree from the text of a formula. */
const parse = (text: string): Expr =>
  parseFormula('test', new Function(`return (x, y, z, { erf, sigmoid, softplus }) => ${text}`)() as Source);

/** All the trees in a tree. */
function within(root: Expr, found = new Set<Expr>()): Set<Expr> {
  if (found.has(root)) return found;
  for (const a of root.args) within(a, found);
  return found.add(root);
}

const single = fc.oneof(
  fc.constantFrom(0, -0, 1, -1, 2, 0.5, -3, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
  fc.constantFrom(2 ** -149, 2 ** -126, 3.4028234663852886e38, 16777217),
  fc.float({ min: -8, max: 8, noNaN: true }),
  fc.float(),
);

const tree = fc.letrec<{ any: Expr }>((tie) => ({
  any: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(...NAMES).map(variable),
    fc.oneof(single, fc.constantFrom(-2, -0.5, 0.5, 2, 3, 4, 2 ** -126, 2 ** 127, 10)).map(num),
    fc.tuple(fc.constantFrom(...OPERATORS), tie('any'), tie('any')).map(([op, a, b]) => node(op, a, b)),
    fc.tuple(fc.constantFrom('neg', '!'), tie('any')).map(([op, a]) => node(op, a)),
    fc.tuple(tie('any'), tie('any'), tie('any')).map((args) => node('?:', ...args)),
    fc
      .tuple(fc.constantFrom(...Object.keys(FUNCTIONS)), tie('any'), tie('any'))
      .map(([op, a, b]) => node(op, ...[a, b].slice(0, FUNCTIONS[op]!.arity))),
    // what is shared
    tie('any').map((e) => node('?:', node('>', e, variable('y')), node('*', e, e), e)),
  ),
})).any;

const places = fc.array(fc.tuple(single, single, single), { minLength: 8, maxLength: 16 });

describe('a tree lowered to single numbers', () => {
  it('has at every node the value that JavaScript finds there, from the single numbers below it', () => {
    let compared = 0;
    fc.assert(
      fc.property(tree, places, fc.constantFrom(...FUSED), (root, at, fused) => {
        const nodes = [...within(root)];
        fc.pre(nodes.length <= OUTPUTS);
        const values = lowered(nodes, at, fused);
        fc.pre(values !== null);
        const numbers = new Map(nodes.map((e, k) => [e, values![k]!]));
        for (const e of nodes.filter(({ args }) => args.length > 0)) {
          const args = e.args.map((a) => numbers.get(a)!);
          const run = script(node(e.op, ...e.args.map((_, i) => variable(NAMES[i]!))));
          const bound = e.op === '**' || e.op === 'pow' ? POWER : (BOUNDS[e.op] ?? 0);
          for (const [k, got] of numbers.get(e)!.entries()) {
            const inputs = args.map((list) => list[k]!);
            if (/sin|cos/.test(e.op) && Math.abs(inputs[0]!) > WAVES_END && Number.isFinite(inputs[0]))
              continue;
            compared++;
            const error = ulps(got, Number(run(...inputs)));
            expect(error, `${e.op} of ${inputs}: ${got}`).toBeLessThanOrEqual(bound);
          }
        }
        // alone it is computed without all these locals
        expect(lowered([root], at, fused)).toEqual([numbers.get(root)]);
      }),
      { numRuns: 400 },
    );
    expect(compared).toBeGreaterThan(1000);
  });

  it.each([
    '!(x < y)',
    'x !== y',
    'x === y',
    'x > y || x <= y',
    'x && y',
    'x || y',
    '!x',
    'x ? 1 : 2',
    '!x ? y : z',
    'x < y && y < z ? x : -x',
    '(x < y) + 1',
    '-(x < y)',
    '(x < y) === (y < z)',
    'x < y ? x : 0',
    'x < y ? 0 : x',
    'x < y ? x : -0',
    '(x ? y < z : !y) ? y : z',
    'Math.max(x, 0)',
    'Math.max(-0, x)',
    'Math.max(x, 1)',
    'Math.min(x, 0)',
    'Math.min(x, -0)',
    'Math.min(1, x)',
    'Math.max(x, NaN)',
    'x / 4',
    'x / -0.5',
    'x / 0',
    'x * x - y',
  ])('%s is what it is in JavaScript, for NaN, ±∞ and ±0 too', (text) => {
    const some = [0, -0, 1, -1, 2, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 2 ** -149];
    const at = some.flatMap((x) => some.flatMap((y) => [0, 1, Number.NaN].map((z) => [x, y, z])));
    const root = parse(text);
    const run = script(root);
    expect(lowered([root], at)![0]).toEqual(at.map((place) => Math.fround(Number(run(...place)))));
  });

  it.each([-2, -1, -0.5, 0, 0.5, 1, 2, 3, 4, 5, 1.5])('x ** %d is within the bound', (exponent) => {
    const some = [0, -0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let e = -149; e < 128; e++) some.push(2 ** e, 1.1 * 2 ** e, -1.9 * 2 ** e, 1.37 * 2 ** e);
    const xs = some.map(Math.fround);
    const [got] = lowered(
      [node('**', variable('x'), num(exponent))],
      xs.map((x) => [x, 0, 0]),
    )!;
    for (const [k, x] of xs.entries()) {
      expect(ulps(got![k]!, x ** exponent), `${x} ** ${exponent}`).toBeLessThanOrEqual(POWER);
    }
  });

  it('computes what is shared once', () => {
    let tall = variable('x');
    const levels = 40;
    for (let k = 0; k < levels; k++) tall = node('+', node('*', tall, tall), node('&&', tall, variable('y')));
    let bytes = 0;
    new Loop((body, x, y) => {
      const results = lower(body, [tall], (name) => (name === 'x' ? x : y))!;
      bytes = body.code.length;
      return results;
    });
    expect(bytes).toBeLessThan(100 * levels);
  });

  it('gives results that do not change when one is stored', () => {
    const roots = [parse('x + 1'), parse('x * y'), parse('x')];
    expect(lowered(roots, [[2, 3, 0]])).toEqual([[3], [6], [2]]);
  });

  it.each([
    ['x === (x < y)', parse('x === (x < y)')],
    ['(x && y < z) !== (x < y)', parse('(x && y < z) !== (x < y)')],
    ['a constant beyond the range', parse('x * 1e300')],
    ['a constant below the range', parse('x + 1e-300')],
    ['a function that it does not know', node('mean()', variable('x'))],
    ['an operator that it does not know', node('toString', variable('x'))],
  ])('leaves %s to JavaScript', (_, root) => {
    expect(lowered([root], [])).toBeNull();
  });
});
