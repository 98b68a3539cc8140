import { memo } from '../core/memo.ts';

/**
 * Expression trees of scalar formulas. Equal trees are one object, so a shared sub-expression is
 * computed once by every engine and can be compared with `===`.
 */
export interface Expr {
  readonly id: number;
  /** `number`, `name`, `?:`, `neg`, another operator as it is written, or the name of a function. */
  readonly op: string;
  readonly args: readonly Expr[];
  /** Of `number`. */
  readonly value: number;
  /** Of `name`. */
  readonly name: string;
}

const interned = new Map<string, Expr>();

function intern(op: string, args: readonly Expr[], value: number, name: string): Expr {
  const key =
    op === 'number' ? `${Object.is(value, -0) ? '-0' : value}` : `${op}|${name}|${args.map((a) => a.id)}`;
  const known = interned.get(key);
  if (known) return known;
  const made: Expr = { id: interned.size, op, args, value, name };
  interned.set(key, made);
  return made;
}

export const num = (value: number): Expr => intern('number', [], value, '');
export const variable = (name: string): Expr => intern('name', [], 0, name);
export const node = (op: string, ...args: Expr[]): Expr => intern(op, args, 0, '');

export const isNumber = (e: Expr, value?: number): boolean =>
  e.op === 'number' && (value === undefined || e.value === value);

/** Rebuilds a tree bottom-up; `visit` gets each node with its new arguments. Shared nodes are visited once. */
export function rewrite(root: Expr, visit: (e: Expr, args: Expr[]) => Expr): Expr {
  const done = new Map<Expr, Expr>();
  const go = (e: Expr): Expr => memo(done, e, () => visit(e, e.args.map(go)));
  return go(root);
}

/** Replaces names by expressions; a name that `by` does not know stays. */
export function substitute(root: Expr, by: (name: string) => Expr | undefined): Expr {
  return rewrite(root, (e, args) =>
    e.op === 'name' ? (by(e.name) ?? e) : args.length ? node(e.op, ...args) : e,
  );
}

/** What is left of a tree where some of its conditions are known. */
export function decided(root: Expr, decisions: ReadonlyMap<Expr, boolean>): Expr {
  return rewrite(root, (e, args) => {
    const decision = e.op === '?:' ? decisions.get(e.args[0]!) : undefined;
    if (decision !== undefined) return args[decision ? 1 : 2]!;
    return args.length ? node(e.op, ...args) : e;
  });
}

/** The names a tree reads, in order of first appearance. */
export function namesIn(...roots: Expr[]): string[] {
  const names = new Set<string>();
  const note = (e: Expr): Expr => {
    if (e.op === 'name') names.add(e.name);
    return e;
  };
  for (const root of roots) rewrite(root, note);
  return [...names];
}
