import type { Expr } from './expr.ts';
import { SPECIAL } from './functions.ts';

/** The statements and result expressions of a piece of generated code. */
export interface Emitted {
  /** `const t1 = …;` for every shared sub-expression, in order. */
  readonly statements: string[];
  readonly results: string[];
}

function literal(value: number): string {
  if (Object.is(value, -0)) return '(-0)';
  return value < 0 ? `(${value})` : String(value);
}

/**
 * JavaScript text that computes `roots`; what they share is computed once.
 *
 * @param nameOf - the text that stands for a name
 * @param prefix - starts the names of the locals, so that several pieces can share one scope
 */
export function emit(roots: readonly Expr[], nameOf: (name: string) => string, prefix = 't'): Emitted {
  const uses = new Map<Expr, number>();
  const count = (e: Expr): void => {
    const n = (uses.get(e) ?? 0) + 1;
    uses.set(e, n);
    if (n === 1) for (const a of e.args) count(a);
  };
  for (const root of roots) count(root);

  const statements: string[] = [];
  const texts = new Map<Expr, string>();
  const text = (e: Expr): string => {
    const known = texts.get(e);
    if (known !== undefined) return known;
    let made = compose(e);
    if (e.args.length && uses.get(e)! > 1) {
      const local = `${prefix}${statements.length}`;
      statements.push(`const ${local} = ${made};`);
      made = local;
    }
    texts.set(e, made);
    return made;
  };
  const compose = (e: Expr): string => {
    if (e.op === 'number') return literal(e.value);
    if (e.op === 'name') return nameOf(e.name);
    const args = e.args.map(text);
    if (e.op === '?:') return `(${args[0]} ? ${args[1]} : ${args[2]})`;
    if (e.op === 'neg') return `(-${args[0]})`;
    if (e.op === '!') return `(!${args[0]})`;
    if (e.op === '**') return `Math.pow(${args[0]}, ${args[1]})`;
    if (/^\w/.test(e.op)) return `${Object.hasOwn(SPECIAL, e.op) ? '' : 'Math.'}${e.op}(${args.join(', ')})`;
    return `(${args[0]} ${e.op} ${args[1]})`;
  };
  const results = roots.map(text);
  return { statements, results };
}
