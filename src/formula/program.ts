import { memo } from '../core/memo.ts';
import { emit } from './emit.ts';
import { type Expr, namesIn, node, rewrite, substitute, variable } from './expr.ts';
import { SPECIAL, special } from './functions.ts';
import { parseFormula } from './parse.ts';

/** A scalar function of the numbers at one place and of those that are the same at every place. */
export type Line = (element: never, uniforms: never) => number;

/** Numbers and switches that are the same at every place, such as a learning rate. */
export type Uniforms = Readonly<Record<string, number | boolean | string>>;

/** What is left of a list of lines once its uniform conditions are decided: one expression per array that changes. */
export interface Program {
  /** The arrays that are read, by name. */
  readonly arrays: readonly string[];
  /** The arrays that change: their new numbers, over old numbers only and over the scalars `#0`, `#1`, … */
  readonly outputs: ReadonlyMap<string, Expr>;
  /** The values of `#0`, `#1`, …, computed in doubles. */
  readonly scalars: (uniforms: Uniforms) => readonly number[];
}

/**
 * A list of scalar functions that run one after the other at every place; the last one is what the others are for.
 *
 * A line sees the numbers of the lines above it. A line that is read at or above its own place keeps its number from
 * one run to the next: it is *state*, an array. The others are temporaries.
 *
 * A condition that reads uniforms only, as in `nesterov ? a : b`, is decided before the loop, and the branch that is not
 * taken is left out. With it goes every line and array that only that branch reads, unless the condition reads a
 * *varying* uniform: what a later run will want must be kept up in this one too.
 */
export class LineList {
  /** The functions as they were written. */
  readonly lines: ReadonlyMap<string, Line>;
  readonly #exprs: readonly (readonly [name: string, expr: Expr])[];
  readonly #elements: ReadonlySet<string>;
  /** The uniform conditions, and those among them that do not vary. */
  readonly #tests: readonly Expr[];
  readonly #lasting: ReadonlySet<Expr>;
  readonly #decide: (uniforms: Uniforms) => readonly unknown[];
  readonly #programs = new Map<string, Program>();
  readonly #uniform = new Map<Expr, boolean>();

  /**
   * @param where - starts the message of an error
   * @param lines - by name, in the order in which they run
   * @param inputs - the names of arrays that are read and never written
   * @param varying - the names of uniforms that differ from one run to the next
   */
  constructor(
    where: string,
    lines: Readonly<Record<string, Line>>,
    inputs: readonly string[],
    varying: readonly string[],
  ) {
    this.lines = new Map(Object.entries(lines));
    this.#exprs = [...this.lines].map(([name, line]) => [name, parseFormula(`${where}, line ${name}`, line)]);
    this.#elements = new Set([...this.lines.keys(), ...inputs]);
    const tests = new Set<Expr>();
    for (const [, expr] of this.#exprs) {
      rewrite(expr, (e) => {
        if (e.op === '?:' && this.#isUniform(e.args[0]!)) tests.add(e.args[0]!);
        return e;
      });
    }
    this.#tests = [...tests];
    this.#lasting = new Set(
      this.#tests.filter((test) => !namesIn(test).some((name) => varying.includes(name))),
    );
    this.#decide = onHost(this.#tests);
  }

  /** The program for these uniforms; made once for every way in which the uniform conditions can turn out. */
  specialize(uniforms: Uniforms): Program {
    const decisions = this.#decide(uniforms);
    let key = '';
    for (let i = 0; i < decisions.length; i++) key += decisions[i] ? '1' : '0';
    return memo(this.#programs, key, () =>
      this.#assemble(new Map(this.#tests.map((test, i) => [test, Boolean(decisions[i])]))),
    );
  }

  #isUniform(e: Expr): boolean {
    return memo(this.#uniform, e, () =>
      e.op === 'name' ? !this.#elements.has(e.name) : e.args.every((a) => this.#isUniform(a)),
    );
  }

  #assemble(decisions: ReadonlyMap<Expr, boolean>): Program {
    const lasting = new Map([...decisions].filter(([test]) => this.#lasting.has(test)));
    const { live, state } = dependencies(this.#exprs.map(([name, expr]) => [name, decided(expr, lasting)]));
    const now = new Map<string, Expr>();
    const current = (name: string): Expr | undefined => now.get(name);
    for (const [name, expr] of this.#exprs) {
      if (live.has(name)) now.set(name, substitute(decided(expr, decisions), current));
    }
    const scalars = new Map<Expr, Expr>();
    const outputs = new Map([...state].map((name) => [name, this.#hoist(now.get(name)!, scalars)]));
    const arrays = new Set([
      ...state,
      ...namesIn(...outputs.values()).filter((name) => this.#elements.has(name)),
    ]);
    return { arrays: [...arrays], outputs, scalars: onHost([...scalars.keys()]) as Program['scalars'] };
  }

  /** Puts a scalar in the place of every largest sub-expression over uniforms only. */
  #hoist(root: Expr, scalars: Map<Expr, Expr>): Expr {
    const done = new Map<Expr, Expr>();
    const go = (e: Expr): Expr => {
      if (e.op === 'number' || this.#elements.has(e.name)) return e;
      return memo(done, e, () => {
        if (!this.#isUniform(e)) return node(e.op, ...e.args.map(go));
        return memo(scalars, e, () => variable(`#${scalars.size}`));
      });
    };
    return go(root);
  }
}

function decided(root: Expr, decisions: ReadonlyMap<Expr, boolean>): Expr {
  return rewrite(root, (e, args) => {
    const decision = e.op === '?:' ? decisions.get(e.args[0]!) : undefined;
    if (decision !== undefined) return args[decision ? 1 : 2]!;
    return args.length ? node(e.op, ...args) : e;
  });
}

/** The lines that the last one reads, directly or through others, and those of them that are state. */
function dependencies(lines: readonly (readonly [name: string, expr: Expr])[]): {
  live: ReadonlySet<string>;
  state: ReadonlySet<string>;
} {
  const place = new Map(lines.map(([name], k) => [name, k]));
  const last = lines.length - 1;
  const live = new Set<string>();
  const state = new Set([lines[last]![0]]);
  const visit = (k: number): void => {
    const [name, expr] = lines[k]!;
    if (live.has(name)) return;
    live.add(name);
    for (const read of namesIn(expr)) {
      const at = place.get(read);
      if (at === undefined) continue;
      if (at >= k) state.add(read);
      visit(at);
    }
  };
  visit(last);
  return { live, state };
}

/** A compiled function from the uniforms to the values of expressions over them. */
function onHost(exprs: readonly Expr[]): (uniforms: Uniforms) => readonly unknown[] {
  const { statements, results } = emit(exprs, (name) => `u[${JSON.stringify(name)}]`);
  const names = Object.keys(SPECIAL) as (keyof typeof special)[];
  const body = `return (u) => { ${statements.join(' ')} return [${results.join(', ')}]; };`;
  return new Function(...names, body)(...names.map((name) => special[name])) as ReturnType<typeof onHost>;
}
