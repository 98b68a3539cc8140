import { ValueError } from '../core/errors.ts';
import { type Expr, node, num, variable } from './expr.ts';
import { CONSTANTS, MATH, SPECIAL } from './functions.ts';

/** A scalar function in plain TypeScript: parameters, locals, literals, arithmetic, comparisons, `?:` and `Math.*`. */
export type Source = (...args: never[]) => unknown;

const TOKEN =
  /\s+|\/\/[^\n]*|\/\*[\s\S]*?\*\/|((?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[\p{ID_Start}$_][\p{ID_Continue}$]*|===|!==|==|!=|=>|<=|>=|&&|\|\||\*\*|.)/gsu;

/** Binary operators from loose to tight; `**` and unary operators bind tighter and are read on their own. */
const LEVELS: readonly (readonly string[])[] = [
  ['||'],
  ['&&'],
  ['===', '!==', '==', '!='],
  ['<', '<=', '>', '>='],
  ['+', '-'],
  ['*', '/'],
];
const STRICT: Readonly<Record<string, string>> = { '==': '===', '!=': '!==' };

/** The numbers that a function of the step returns. */
export interface Scalars {
  /** By name; `name@t-1` stands in them for what the step before returned. */
  readonly values: ReadonlyMap<string, Expr>;
  /** What stands in for that at the first step. */
  readonly first: ReadonlyMap<string, Expr>;
}

class Parser {
  readonly #tokens: string[];
  readonly #text: string;
  readonly #where: string;
  /** Whether any name and any function will do. */
  readonly #free: boolean;
  #at = 0;
  readonly #scope = new Map<string, Expr>();

  constructor(where: string, text: string, free = false) {
    this.#where = where;
    this.#text = text;
    this.#free = free;
    this.#tokens = [...text.matchAll(TOKEN)].flatMap((m) => (m[1] === undefined ? [] : [m[1]]));
  }

  /** `names[i]` is what the i-th plain parameter is called in the tree; names taken apart in braces keep their key. */
  parse(names: readonly string[]): Expr {
    return this.#function(
      (i) => this.#parameter(names[i]),
      () => this.#expression(),
    );
  }

  /** Of `(t, hyperparameters, previous) => ({ … })`; defaults may stand where something is taken apart. */
  scalars(): Scalars {
    const first = new Map<string, Expr>();
    const parameter = (i: number): void =>
      this.#parameter('t', i < 2 ? new Map() : first, i < 2 ? '' : '@t-1');
    return { values: this.#function(parameter, () => this.#object()), first };
  }

  /** Of an expression alone. */
  expression(): Expr {
    return this.#whole(() => this.#expression());
  }

  #whole<T>(read: () => T): T {
    const found = read();
    if (this.#peek() !== undefined) this.#refuse();
    return found;
  }

  #function<T>(parameter: (i: number) => void, result: () => T): T {
    if (this.#peek() === 'function') this.#at++;
    if (this.#peek() !== '(' && this.#peek(1) === '=>') parameter(0);
    else {
      if (this.#peek() !== '(') this.#at++;
      this.#expect('(');
      for (let i = 0; !this.#take(')'); i++) {
        parameter(i);
        if (this.#peek() !== ')') this.#expect(',');
      }
    }
    this.#take('=>');
    return this.#whole(() => (this.#peek() === '{' ? this.#block(result) : result()));
  }

  #parameter(name: string | undefined, defaults?: Map<string, Expr>, ending = ''): void {
    if (!this.#take('{')) {
      const local = this.#name();
      this.#scope.set(local, variable(name ?? local));
      return;
    }
    while (!this.#take('}')) {
      const key = this.#name();
      const local = this.#take(':') ? this.#name() : key;
      if (defaults && this.#take('=')) defaults.set(key, this.#expression());
      this.#scope.set(local, variable(key + ending));
      if (this.#peek() !== '}') this.#expect(',');
    }
  }

  #block<T>(read: () => T): T {
    this.#expect('{');
    while (this.#peek() === 'const' || this.#peek() === 'let' || this.#peek() === 'var') {
      this.#at++;
      do {
        const local = this.#name();
        this.#expect('=');
        this.#scope.set(local, this.#expression());
      } while (this.#take(','));
      this.#take(';');
    }
    this.#expect('return');
    const result = read();
    this.#take(';');
    this.#expect('}');
    return result;
  }

  #object(): Map<string, Expr> {
    const bracket = this.#take('(');
    const entries = new Map<string, Expr>();
    this.#expect('{');
    while (!this.#take('}')) {
      const key = this.#name();
      const value = this.#take(':') ? this.#expression() : this.#scope.get(key);
      entries.set(key, value ?? this.#refuse());
      if (this.#peek() !== '}') this.#expect(',');
    }
    if (bracket) this.#expect(')');
    return entries;
  }

  #expression(): Expr {
    const test = this.#binary(0);
    if (!this.#take('?')) return test;
    const then = this.#expression();
    this.#expect(':');
    return node('?:', test, then, this.#expression());
  }

  #binary(level: number): Expr {
    const operators = LEVELS[level];
    if (!operators) return this.#power();
    let left = this.#binary(level + 1);
    for (;;) {
      const op = this.#peek();
      if (op === undefined || !operators.includes(op)) return left;
      this.#at++;
      left = node(STRICT[op] ?? op, left, this.#binary(level + 1));
    }
  }

  #power(): Expr {
    const base = this.#unary();
    return this.#take('**') ? node('**', base, this.#power()) : base;
  }

  #unary(): Expr {
    if (this.#take('-')) return node('neg', this.#unary());
    if (this.#take('!')) return node('!', this.#unary());
    if (this.#take('+')) return this.#unary();
    return this.#primary();
  }

  #primary(): Expr {
    if (this.#take('(')) {
      const inner = this.#expression();
      this.#expect(')');
      return inner;
    }
    const token = this.#peek() ?? '';
    if (/^[\d.]/.test(token)) {
      this.#at++;
      return num(Number(token));
    }
    const local = this.#name();
    const bound = this.#scope.get(local);
    if (bound) return this.#peek() === '(' ? this.#call(SPECIAL, bound.name) : bound;
    if (local === 'Infinity') return num(Number.POSITIVE_INFINITY);
    if (local === 'NaN') return num(Number.NaN);
    if (local === 'true' || local === 'false') return num(Number(local === 'true'));
    if (local === 'Math' && this.#take('.')) {
      const member = this.#name();
      const constant = Object.hasOwn(CONSTANTS, member) ? CONSTANTS[member] : undefined;
      return constant === undefined ? this.#call(MATH, member) : num(constant);
    }
    if (this.#free) {
      if (this.#peek() !== '(') return variable(local);
      // told from operators by its brackets
      return Object.hasOwn(MATH, local) ? this.#call(MATH, local) : node(`${local}()`, ...this.#arguments());
    }
    this.#at--;
    return this.#refuse();
  }

  #call(table: Readonly<Record<string, { readonly arity: number }>>, name: string): Expr {
    const known = Object.hasOwn(table, name) ? table[name] : undefined;
    if (!known || this.#peek() !== '(') {
      this.#at--;
      return this.#refuse();
    }
    const args = this.#arguments();
    if (args.length < known.arity) return this.#refuse(`${name} of ${args.length} arguments`);
    // Math.max(a, b, c) = max(max(a, b), c)
    if (known.arity === 2) return args.reduce((a, b) => node(name, a, b));
    return args.length === 1 ? node(name, ...args) : this.#refuse(`${name} of ${args.length} arguments`);
  }

  #arguments(): Expr[] {
    this.#expect('(');
    const args: Expr[] = [];
    while (!this.#take(')')) {
      args.push(this.#expression());
      if (this.#peek() !== ')') this.#expect(',');
    }
    return args;
  }

  #peek(ahead = 0): string | undefined {
    return this.#tokens[this.#at + ahead];
  }

  #take(token: string): boolean {
    const found = this.#peek() === token;
    if (found) this.#at++;
    return found;
  }

  #expect(token: string): void {
    if (!this.#take(token)) this.#refuse();
  }

  #name(): string {
    const token = this.#peek() ?? '';
    if (!/^[\p{ID_Start}$_]/u.test(token)) this.#refuse();
    this.#at++;
    return token;
  }

  #refuse(piece?: string): never {
    const before = this.#tokens.slice(Math.max(0, this.#at - 4), this.#at).join(' ');
    const here = piece ?? this.#tokens.slice(this.#at, this.#at + 3).join(' ');
    const got = `"${here || 'the end of the text'}"${before ? ` after "${before}"` : ''} in ${this.#text}`;
    if (this.#free) {
      throw new ValueError(
        this.#where,
        'a formula may use names, numbers, + − * / **, comparisons, ?: and functions',
        got,
      );
    }
    throw new ValueError(
      this.#where,
      'a formula may use its parameters, locals, numbers, + − * / **, comparisons, ?: and ' +
        `Math.{${[...Object.keys(MATH), ...Object.keys(CONSTANTS)].join(', ')}}`,
      got,
      'A formula runs on engines that see nothing but its text: pass what it needs as a parameter.',
    );
  }
}

/** The expression tree of a scalar function, read from its text. */
export function parseFormula(where: string, source: Source, names: readonly string[] = []): Expr {
  return new Parser(where, source.toString()).parse(names);
}

/** The expression tree of a formula that is only to be printed; `f()` is the operator of a function f beyond `Math`. */
export function parseExpression(where: string, text: string): Expr {
  return new Parser(where, text, true).expression();
}

/** Reads formulas by the names of what they give. */
export function parseEquations(
  where: string,
  formula: Readonly<Record<string, string>>,
): (readonly [name: string, value: Expr])[] {
  return Object.entries(formula).map(([name, text]) => [
    name,
    parseExpression(`${where}, formula ${name}`, text),
  ]);
}

/** The expression trees of what a function of the step returns. */
export function parseScalars(where: string, source: Source): Scalars {
  return new Parser(where, source.toString()).scalars();
}
