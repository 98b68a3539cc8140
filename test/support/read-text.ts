import { type Expr, node, num, variable } from '../../src/formula/expr.ts';

const RAISED = '⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ᵗ';
const LOWERED = '0123456789+−t';
const TOKEN = new RegExp(`[${RAISED}]+|\\d+(?:\\.\\d+)?|\\p{L}[\\p{L}\\d₀-₉_]*|\\S`, 'gu');
const LEVELS = [['or'], ['and'], [], ['=', '≠'], ['<', '≤', '>', '≥'], ['+', '−'], ['·', '/']];
const OPERATORS: Readonly<Record<string, string>> = {
  or: '||',
  and: '&&',
  '=': '===',
  '≠': '!==',
  '≤': '<=',
  '≥': '>=',
  '−': '-',
  '·': '*',
};
const WORDS = ['if', 'else', 'or', 'and', 'not'];

/** Reads a formula back from the text it was printed as; `names` leads from symbols to names. */
export function readText(printed: string, names: ReadonlyMap<string, string>): Expr {
  // ᵗ is a letter, so it would join the name that it is above
  const tokens = printed.replace(new RegExp(`([${RAISED}]+)`, 'gu'), ' $1 ').match(TOKEN) ?? [];
  let at = 0;
  /** What ends the brackets that are open. */
  let fence = '';
  const take = (token: string): boolean => tokens[at] === token && ++at > 0;
  const expect = (token: string): void => {
    if (!take(token)) throw new Error(`"${token}" expected at ${tokens.slice(at).join(' ')} of ${printed}`);
  };

  const expression = (): Expr => {
    const value = binary(0);
    if (!take('if')) return value;
    const test = binary(0);
    expect('else');
    return node('?:', test, value, expression());
  };
  const binary = (level: number): Expr => {
    if (level === 2 && take('not')) return node('!', binary(2));
    if (level === 5 && take('−')) return rest(5, node('neg', binary(6)));
    if (level === LEVELS.length) return product();
    return rest(level, binary(level + 1));
  };
  const rest = (level: number, first: Expr): Expr => {
    let left = first;
    for (let op = tokens[at]; op !== undefined && LEVELS[level]!.includes(op); op = tokens[at]) {
      at++;
      left = node(OPERATORS[op] ?? op, left, binary(level + 1));
    }
    return left;
  };
  /** Factors that stand side by side. */
  const product = (): Expr => {
    let left = power();
    for (let next = tokens[at]; next && !WORDS.includes(next) && next !== fence; next = tokens[at]) {
      if (!/^[\p{L}\d(√|‖∞]/u.test(next)) break;
      left = node('*', left, power());
    }
    return left;
  };
  const power = (): Expr => {
    if (take('√')) return node('sqrt', primary());
    const base = primary();
    const raised = tokens[at];
    if (raised !== undefined && RAISED.includes(raised[0]!)) {
      at++;
      const lowered = [...raised].map((character) => LOWERED[RAISED.indexOf(character)]).join('');
      return node('**', base, readText(lowered, names));
    }
    return take('^') ? node('**', base, primary()) : base;
  };
  const within = (close: string): Expr => {
    const outer = fence;
    fence = close;
    const inner = expression();
    fence = outer;
    return inner;
  };
  const closed = (close: string): Expr => {
    const inner = within(close);
    expect(close);
    return inner;
  };
  const primary = (): Expr => {
    if (take('(')) return closed(')');
    if (take('|')) return node('abs', closed('|'));
    if (take('‖')) return node('norm()', closed('‖'));
    const token = tokens[at++]!;
    if (/^\d/.test(token)) return num(Number(token));
    if (token === '∞') return num(Infinity);
    const name = names.get(token);
    if (name !== undefined) return variable(name);
    expect('(');
    const args: Expr[] = [];
    do args.push(within(')'));
    while (take(','));
    expect(')');
    return node(token === 'norm' ? 'norm()' : token, ...args);
  };

  const read = expression();
  if (at < tokens.length) throw new Error(`${tokens.slice(at).join(' ')} is left of ${printed}`);
  return read;
}
