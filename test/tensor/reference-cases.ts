import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DType, isFloat } from '../../src/core/dtype.ts';
import { type SliceRange, type Tensor, tensor } from '../../src/tensor/index.ts';

/** NaN, ±Infinity and −0 are strings. */
type Written = number | string;

interface WrittenTensor {
  readonly shape: number[];
  readonly dtype: DType;
  readonly values: Written[];
  /** What is done to the numbers above, as views, to get the input. */
  readonly view?: readonly (
    | readonly ['transpose', number, number]
    | readonly ['slice', ...SliceRange[]]
    | readonly ['expand', number[]]
  )[];
}

/** One row of ops.json, explained in ops.py. */
export interface ReferenceCase {
  readonly inputs: (WrittenTensor | Written)[];
  readonly args: unknown[];
  readonly output: WrittenTensor | WrittenTensor[];
  readonly weights?: WrittenTensor[];
  readonly grads?: (WrittenTensor | null)[];
  readonly directions?: (WrittenTensor | null)[];
  readonly grads2?: (WrittenTensor | null)[];
}

interface Reference {
  readonly torch: string;
  readonly numpy: string;
  readonly cases: Readonly<Record<string, readonly ReferenceCase[]>>;
}

const file = join(import.meta.dirname, '../reference/ops.json');

/** What PyTorch computes, written by test/reference/ops.py. */
export const reference = JSON.parse(readFileSync(file, 'utf8')) as Reference;

const SPECIAL: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  '-Infinity': Number.NEGATIVE_INFINITY,
  '-0': -0,
};

/** Arguments as the functions take them, with special numbers inside options and lists too. */
export function decode(x: unknown): unknown {
  if (typeof x === 'string') return SPECIAL[x] ?? x;
  if (Array.isArray(x)) return x.map(decode);
  if (x === null || typeof x !== 'object') return x;
  return Object.fromEntries(Object.entries(x).map(([key, value]) => [key, decode(value)]));
}

const isTensor = (x: WrittenTensor | Written): x is WrittenTensor => typeof x === 'object';

/** A leaf, strided where the case says how. */
export function build(x: WrittenTensor): Tensor {
  let t = tensor(decode(x.values) as number[], { dtype: x.dtype }).reshape(x.shape);
  for (const [step, ...args] of x.view ?? []) {
    if (step === 'transpose') t = t.transpose(...(args as [number, number]));
    else if (step === 'slice') t = t.slice(...(args as SliceRange[]));
    else t = t.expand(args[0] as number[]);
  }
  return t.detach();
}

/** Tensors and plain numbers; floating ones require a gradient. */
export function buildInputs(row: ReferenceCase): (Tensor | number)[] {
  return row.inputs.map((x) => {
    if (!isTensor(x)) return decode(x) as number;
    const t = build(x);
    if (isFloat(t.dtype)) t.requiresGrad = true;
    return t;
  });
}

/** `[2, 3] float64, 1.5; {"min":0}` */
export function title(row: ReferenceCase): string {
  const inputs = row.inputs.map((x) =>
    isTensor(x)
      ? `[${x.shape.join(', ')}] ${x.dtype}${x.view ? ` ${x.view.map(([step]) => step).join(' ')}` : ''}`
      : x,
  );
  return `${inputs.join(' · ')}${row.args.length ? `; ${row.args.map((a) => JSON.stringify(a)).join(', ')}` : ''}`;
}
