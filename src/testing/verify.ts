import { checkKeys, show, suggest, ValueError } from '../core/errors.ts';
import { sharedDefaults } from '../optim/hyperparameters.ts';
import {
  type AnyOptimizerClass,
  createOptimizer,
  type Optimizer,
  type OptimizerName,
} from '../optim/index.ts';
import { optimizerClass } from '../optim/registry.ts';
import { contiguousData, type NestedNumbers, type Tensor, tensor } from '../tensor/index.ts';
import { loadReference, objective, type Reference, type ReferenceRow, type RowOptions } from './reference.ts';

/** Options of {@link verify}. */
export interface VerifyOptions {
  /** The optimizer whose rows to compare with, for one that has none of its own. Default: the same. */
  readonly as?: OptimizerName;
  /** Options with which it takes the other's steps, for all rows that do not set them. */
  readonly options?: RowOptions;
}

/** One row of the table: an optimizer with some options after some steps. */
export interface VerifiedRow {
  /** The options, where they differ from the defaults. */
  readonly options: RowOptions;
  /** How many steps were taken. */
  readonly steps: number;
  /** The library that it is compared with. */
  readonly by: string;
  /** The largest error in float64, relative to each number; allowed is 1e-12. */
  readonly float64: number;
  /** The largest error in float32, relative to the largest number; allowed is 1e-5. */
  readonly float32: number;
  /** Whether both are allowed. */
  readonly ok: boolean;
}

/** What {@link verify} found. */
export interface Verification {
  /** The optimizer's name. */
  readonly optimizer: string;
  /** The libraries compared with, and their versions. */
  readonly against: string;
  /** One row for every set of options and number of steps. */
  readonly rows: readonly VerifiedRow[];
  /** The options of rows that could not be compared, because the optimizer lacks one of them. */
  readonly leftOut: readonly RowOptions[];
  /** Whether every row agrees. */
  readonly ok: boolean;
  /** The result in a few words, with the rows that do not agree. */
  toString(): string;
}

const ALLOWED = { float64: 1e-12, float32: 1e-5 };

type Tested = Pick<Optimizer, 'step' | 'averages' | 'gradNorm'>;

/** The largest error of numbers: in float64 relative to each, in float32 to the largest, since there the small ones cancel. */
function errorOf(
  actual: ArrayLike<number>,
  expected: readonly number[],
  dtype: keyof typeof ALLOWED,
): number {
  const largest = Math.max(...expected.map(Math.abs));
  const errors = expected.map((e, i) => {
    const off = Math.abs(actual[i]! - e);
    return off === 0 ? 0 : off / (dtype === 'float64' ? Math.abs(e) : largest);
  });
  // not a number is as wrong as can be
  return errors.reduce(
    (worst, error) => (error <= worst ? worst : Number.isNaN(error) ? Infinity : error),
    0,
  );
}

/** Takes the steps of a row, and compares what comes out at each of those recorded. */
function errorsOf(
  create: (params: Tensor[], options: RowOptions) => Tested,
  reference: Reference,
  row: ReferenceRow,
  dtype: keyof typeof ALLOWED,
): number[] {
  const { start, gradients, steps } = reference;
  const averages = dtype === 'float64' ? row.average64 : row.average32;
  const params = start.map((p) => tensor(p, { dtype, requiresGrad: true }));
  const optimizer = create(params, row.options);
  const numbers = (list: readonly Tensor[]): number[] => list.flatMap((p) => [...contiguousData(p)]);
  const errors: number[] = [];
  const hand = (given: readonly NestedNumbers[]): void => {
    for (const [i, p] of params.entries()) p.grad = tensor(given[i]!, { dtype }).reshape(p.shape);
  };
  const look = (): number => {
    // turned over twice where it is to be climbed
    const sign = row.options.maximize ? -1 : 1;
    const { loss, slopes } = objective(params.map(contiguousData), reference);
    hand(slopes.map((list) => list.map((slope) => sign * slope)));
    return sign * loss;
  };
  for (const [t, given] of gradients.entries()) {
    if (row.searches) optimizer.step(look);
    else {
      hand(given);
      optimizer.step();
    }
    const at = steps.indexOf(t + 1);
    if (at < 0) continue;
    let error = errorOf(numbers(params), row[dtype][at]!, dtype);
    if (averages) {
      const kept = optimizer.averages();
      error = Math.max(error, errorOf(numbers(params.map((p) => kept.get(p) ?? p)), averages[at]!, dtype));
    }
    errors.push(error);
  }
  if (dtype === 'float64' && row.norm !== undefined) {
    errors.push(Math.max(errors.pop()!, errorOf([optimizer.gradNorm ?? Number.NaN], [row.norm], dtype)));
  }
  return errors;
}

/** The rows of one optimizer, by whatever creates it. */
export function compare(
  create: (params: Tensor[], options: RowOptions) => Tested,
  reference: Reference,
  row: ReferenceRow,
): VerifiedRow[] {
  const float64 = errorsOf(create, reference, row, 'float64');
  const float32 = errorsOf(create, reference, row, 'float32');
  return reference.steps.map((steps, k) => ({
    options: row.options,
    steps,
    by: row.by,
    float64: float64[k]!,
    float32: float32[k]!,
    ok: float64[k]! <= ALLOWED.float64 && float32[k]! <= ALLOWED.float32,
  }));
}

/**
 * Compares an optimizer with PyTorch, or with optax where PyTorch has none: the same numbers after 1, 10 and 100 steps, for
 * every option, in float64 within 1e-12 of each number and in float32 within 1e-5 of the largest.
 *
 * The table is part of the package, so nothing but gradlet is needed. An optimizer of your own is compared with the rows of
 * another by `as`: a faster form of it, or a more general one with the `options` that make it the same. Rows with an option
 * that yours lacks are left out, and counted in the text.
 *
 * @param optimizer - the name of a built-in optimizer, or a class that {@link defineOptimizer} made
 * @throws {@link ValueError} for an optimizer without rows, or an unknown option
 * @example
 * ```ts
 * import { Adam, defineOptimizer } from 'gradlet';
 * import { verify } from 'gradlet/testing';
 * const result = await verify('adadelta');
 * result.ok; // → true
 *
 * const Uncorrected = defineOptimizer({ ...Adam.rule, perStep: () => ({ bias1: 1, bias2: 1 }) });
 * (await verify(Uncorrected)).ok; // → false
 *
 * const Halved = defineOptimizer({
 *   name: 'halved',
 *   paper: 'https://example.org/halved',
 *   defaults: { lr: 0.01, factor: 0.5 },
 *   lines: { delta: ({ g }, { factor }) => factor * g },
 * });
 * const plain = await verify(Halved, { as: 'sgd', options: { factor: 1 } });
 * plain.ok; // → true
 * plain.leftOut.length; // → 3
 * ```
 */
export async function verify(
  optimizer: OptimizerName | AnyOptimizerClass,
  { as, options = {}, ...rest }: VerifyOptions = {},
): Promise<Verification> {
  checkKeys('verify', rest, ['as', 'options']);
  const reference = await loadReference();
  const name = typeof optimizer === 'string' ? optimizer : optimizer.rule.name;
  const wanted = as ?? name;
  const known = reference.rows.filter((row) => row.name === wanted);
  if (known.length === 0) {
    const names = new Set(reference.rows.map((row) => row.name));
    throw new ValueError(
      'verify',
      'there must be rows for the optimizer',
      show(wanted),
      `${suggest(wanted, names)} Compare with one of them: { as: … }.`,
    );
  }
  const Class = optimizerClass('verify', optimizer);
  const lacking = lackingIn(Class, optimizerClass('verify', wanted));
  const lacksNone = (row: ReferenceRow): boolean => !lacking.some((option) => option in row.options);
  const create = (params: Tensor[], own: RowOptions): Tested =>
    createOptimizer(Class, params as never, { ...options, ...own } as never);
  const rows = known.filter(lacksNone).flatMap((row) => compare(create, reference, row));
  const leftOut = known.filter((row) => !lacksNone(row)).map((row) => row.options);
  const wrong = rows.filter(({ ok }) => !ok);
  const against = reference.generated;
  const text = `${summary(name, against, rows, wrong)}${without(leftOut, lacking)}`;
  return {
    optimizer: name,
    against,
    rows,
    leftOut,
    ok: wrong.length === 0,
    toString: () => [text, ...wrong.map(show1)].join('\n'),
  };
}

/** The options that the other has of its own and this one has not. */
function lackingIn({ rule }: AnyOptimizerClass, other: AnyOptimizerClass): string[] {
  return Object.keys(other.rule.defaults).filter((key) => !(key in rule.defaults || key in sharedDefaults));
}

function without(leftOut: readonly RowOptions[], lacking: readonly string[]): string {
  if (leftOut.length === 0) return '';
  const missed = lacking.filter((option) => leftOut.some((options) => option in options));
  const sets = leftOut.length === 1 ? '1 set' : `${leftOut.length} sets`;
  return ` ${sets} of options left out, for want of ${missed.join(', ')}.`;
}

function summary(
  name: string,
  against: string,
  rows: readonly VerifiedRow[],
  wrong: readonly VerifiedRow[],
): string {
  const worst = (dtype: keyof typeof ALLOWED): string =>
    `${dtype} off by ${Math.max(...rows.map((row) => row[dtype])).toExponential(1)} at most`;
  const agree = `${rows.length - wrong.length} of ${rows.length} rows agree`;
  return `${name}: ${agree} with ${against}; ${worst('float64')}, ${worst('float32')}.`;
}

const show1 = ({ options, steps, by, float64, float32 }: VerifiedRow): string =>
  `  ${JSON.stringify(options)} after ${steps} steps: off from ${by} by ${float64.toExponential(1)} (float64), ` +
  `${float32.toExponential(1)} (float32)`;
