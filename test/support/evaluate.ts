import type { Expr } from '../../src/formula/expr.ts';
import { special } from '../../src/formula/functions.ts';

type Scalar = (...x: number[]) => number | boolean;

const OPERATORS: Readonly<Record<string, Scalar>> = {
  '+': (a, b) => a! + b!,
  '-': (a, b) => a! - b!,
  '*': (a, b) => a! * b!,
  '/': (a, b) => a! / b!,
  '**': (a, b) => a! ** b!,
  '<': (a, b) => a! < b!,
  '<=': (a, b) => a! <= b!,
  '>': (a, b) => a! > b!,
  '>=': (a, b) => a! >= b!,
  '===': (a, b) => a! === b!,
  '!==': (a, b) => a! !== b!,
  '&&': (a, b) => a! && b!,
  '||': (a, b) => a! || b!,
  '!': (a) => !a,
  neg: (a) => -a!,
};

/** What functions of a formula that is only printed make of a tensor with one number. */
const OF_ONE_NUMBER: Readonly<Record<string, Scalar>> = {
  'mean()': (x) => x!,
  'norm()': (x) => Math.abs(x!),
  'rms()': (x) => Math.abs(x!),
  'newtonSchulz()': (x, steps, a, b, c) => {
    let y = x!;
    for (let k = 0; k < steps!; k++) y = a! * y + b! * y ** 3 + c! * y ** 5;
    return y;
  },
};

/** The value of a tree, node by node, with its names read from `values`: a second opinion on what was parsed. */
export function evaluate(e: Expr, values: Readonly<Record<string, number | boolean>>): number {
  const go = (f: Expr): number => {
    if (f.op === 'number') return f.value;
    if (f.op === 'name') return Number(values[f.name]);
    if (f.op === '?:') return go(f.args[0]!) ? go(f.args[1]!) : go(f.args[2]!);
    const known = [OPERATORS, OF_ONE_NUMBER, special, Math] as unknown as Record<string, Scalar>[];
    const compute = known.map((table) => table[f.op]).find(Boolean);
    if (!compute) throw new Error(`unknown operator ${f.op}`);
    return Number(compute(...f.args.map(go)));
  };
  return go(e);
}
