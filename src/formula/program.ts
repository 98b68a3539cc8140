import { show, ValueError } from '../core/errors.ts';
import { memo } from '../core/memo.ts';
import { emit } from './emit.ts';
import { decided, type Expr, namesIn, node, rewrite, substitute, variable } from './expr.ts';
import { SPECIAL, special } from './functions.ts';
import { parseFormula } from './parse.ts';

/** A scalar function of the numbers at one place and of those that are the same at every place. */
export type Line = (element: never, uniforms: never) => number;

/** Numbers and switches that are the same at every place, such as a learning rate. */
export type Uniforms = Readonly<Record<string, number | boolean | string>>;

/** One pass over all places: expressions over arrays and over the scalars `#0`, `#1`, … */
export interface Pass {
  /** The arrays that are read, by name. */
  readonly arrays: readonly string[];
  /** What is computed at every place, by name. */
  readonly outputs: ReadonlyMap<string, Expr>;
  /** The values of `#0`, `#1`, …, computed in doubles. */
  readonly scalars: (uniforms: Uniforms) => readonly number[];
}

/**
 * What is left of a list of lines once its uniform conditions are decided. Its outputs are the arrays that change: their
 * new numbers, over old numbers only.
 */
export interface Program extends Pass {
  /** The arrays that are kept from one run to the next, those that never change too. */
  readonly kept: readonly string[];
  /** The expressions whose 2-norms over all places the scalars of this program ask for, where there are any. */
  readonly norms: Pass | null;
}

/** What a {@link LineList} knows besides its lines. */
export interface LineListOptions {
  /** The names of arrays that are read and never written. */
  readonly inputs: readonly string[];
  /** The names of uniforms that differ from one run to the next. */
  readonly varying?: readonly string[];
  /** The lines that the others are for. Default: the last one. */
  readonly roots?: readonly string[];
  /** Uniforms that stand for the 2-norm of a line over all places, by the name of the line; old numbers for `p`. */
  readonly norms?: Readonly<Record<string, string>>;
}

/** Programs by the way in which conditions turn out, one after the other: strings as keys would take longer to make. */
interface Branch {
  yes?: Branch;
  no?: Branch;
  program?: Program;
}

/**
 * A list of scalar functions that run one after the other at every place; its roots are what the others are for.
 *
 * A line sees the numbers of the lines above it. A line that is read at or above its own place keeps its number from
 * one run to the next: it is *state*, an array. The others are temporaries.
 *
 * A condition that reads uniforms only, as in `nesterov ? a : b`, is decided before the loop, and the branch that is not
 * taken is left out. With it goes every line and array that only that branch reads, unless the condition reads a
 * *varying* uniform: what a later run will want must be kept up in this one too.
 *
 * A line may read the norm of another one as a uniform: a pass that only reads finds it first.
 */
export class LineList {
  /** The functions as they were written. */
  readonly lines: ReadonlyMap<string, Line>;
  /** The lines whose 2-norms are uniforms, by the names of those. */
  readonly norms: Readonly<Record<string, string>>;
  readonly #exprs: readonly (readonly [name: string, expr: Expr])[];
  readonly #roots: readonly string[];
  readonly #elements: ReadonlySet<string>;
  /** The uniform conditions, and those among them that do not vary. */
  readonly #tests: readonly Expr[];
  readonly #lasting: ReadonlySet<Expr>;
  readonly #decide: (uniforms: Uniforms) => readonly unknown[];
  readonly #programs: Branch = {};
  readonly #uniform = new Map<Expr, boolean>();

  /**
   * @param where - starts the message of an error
   * @param lines - by name, in the order in which they run
   */
  constructor(
    where: string,
    lines: Readonly<Record<string, Line>>,
    { inputs, varying = [], roots, norms = {} }: LineListOptions,
  ) {
    this.lines = new Map(Object.entries(lines));
    this.norms = norms;
    this.#exprs = [...this.lines].map(([name, line]) => [name, parseFormula(`${where}, line ${name}`, line)]);
    this.#checkNorms(where);
    this.#roots = roots ?? [this.#exprs.at(-1)![0]];
    this.#elements = new Set([...this.lines.keys(), ...inputs]);
    const tests = new Set<Expr>();
    for (const [, expr] of this.#exprs) {
      rewrite(expr, (e) => {
        if (
          e.op === '?:' &&
          this.#isUniform(e.args[0]!) &&
          !namesIn(e.args[0]!).some((name) => name in norms)
        ) {
          tests.add(e.args[0]!);
        }
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
    let branch = this.#programs;
    for (let i = 0; i < decisions.length; i++) {
      if (decisions[i]) branch = branch.yes ??= {};
      else branch = branch.no ??= {};
    }
    branch.program ??= this.#assemble(new Map(this.#tests.map((test, i) => [test, Boolean(decisions[i])])));
    return branch.program;
  }

  /** A norm is found in one pass, so what it measures must not wait for a norm itself. */
  #checkNorms(where: string): void {
    const exprs = new Map(this.#exprs);
    for (const [norm, line] of Object.entries(this.norms).filter(([, line]) => line !== 'p')) {
      const { live } = dependencies([...exprs].slice(0, [...exprs.keys()].indexOf(line) + 1), [line], {});
      const waits = [...live].flatMap((name) => namesIn(exprs.get(name)!)).find((name) => name in this.norms);
      if (waits === undefined) continue;
      throw new ValueError(
        where,
        `the norm ${norm} must be that of a line that reads no norm`,
        `${show(line)}, which reads ${waits}`,
      );
    }
  }

  #isUniform(e: Expr): boolean {
    return memo(this.#uniform, e, () =>
      e.op === 'name' ? !this.#elements.has(e.name) : e.args.every((a) => this.#isUniform(a)),
    );
  }

  #assemble(decisions: ReadonlyMap<Expr, boolean>): Program {
    const lasting = new Map([...decisions].filter(([test]) => this.#lasting.has(test)));
    const lines = this.#exprs.map(([name, expr]) => [name, decided(expr, lasting)] as const);
    const { live, state } = dependencies(lines, this.#roots, this.norms);
    const now = new Map<string, Expr>();
    const current = (name: string): Expr | undefined => now.get(name);
    for (const [name, expr] of this.#exprs) {
      if (live.has(name)) now.set(name, substitute(decided(expr, decisions), current));
    }
    const changing = [...state].filter((name) => now.get(name) !== variable(name));
    const outputs = changing.map((name) => [name, now.get(name)!] as const);
    const read = new Set(namesIn(...outputs.map(([, expr]) => expr)));
    const measured = Object.entries(this.norms).flatMap(([name, line]) =>
      read.has(name) ? [[name, line === 'p' ? variable('p') : now.get(line)!] as const] : [],
    );
    return {
      ...this.#pass(outputs, changing),
      kept: [...state],
      norms: measured.length > 0 ? this.#pass(measured) : null,
    };
  }

  #pass(outputs: readonly (readonly [name: string, expr: Expr])[], first: readonly string[] = []): Pass {
    const scalars = new Map<Expr, Expr>();
    const hoisted = new Map(outputs.map(([name, expr]) => [name, this.#hoist(expr, scalars)]));
    const read = namesIn(...hoisted.values()).filter((name) => this.#elements.has(name));
    return {
      arrays: [...new Set([...first, ...read])],
      outputs: hoisted,
      scalars: onHost([...scalars.keys()]) as Pass['scalars'],
    };
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

/** The lines that the roots read, directly or through others, and those of them that are state. */
function dependencies(
  lines: readonly (readonly [name: string, expr: Expr])[],
  roots: readonly string[],
  norms: Readonly<Record<string, string>>,
): { live: ReadonlySet<string>; state: ReadonlySet<string> } {
  const place = new Map(lines.map(([name], k) => [name, k]));
  const live = new Set<string>();
  const state = new Set(roots);
  const visit = (k: number): void => {
    const [name, expr] = lines[k]!;
    if (live.has(name)) return;
    live.add(name);
    for (const read of namesIn(expr)) {
      const at = place.get(norms[read] ?? read);
      if (at === undefined) continue;
      if (at >= k && !(read in norms)) state.add(read);
      visit(at);
    }
  };
  for (const root of roots) visit(place.get(root)!);
  return { live, state };
}

/** A compiled function from the uniforms to the values of expressions over them. */
function onHost(exprs: readonly Expr[]): (uniforms: Uniforms) => readonly unknown[] {
  const { statements, results } = emit(exprs, (name) => `u[${JSON.stringify(name)}]`);
  const names = Object.keys(SPECIAL) as (keyof typeof special)[];
  const body = `return (u) => { ${statements.join(' ')} return [${results.join(', ')}]; };`;
  return new Function(...names, body)(...names.map((name) => special[name])) as ReturnType<typeof onHost>;
}
