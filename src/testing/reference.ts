import { memo } from '../core/memo.ts';
import { readText } from '../data/read-text.ts';

/** Options of an optimizer in a row of the table. */
export type RowOptions = Readonly<Record<string, number | boolean | string>>;

/** The course of the parameters under one optimizer, all in one list at each of the recorded steps. */
export interface ReferenceRow {
  readonly name: string;
  readonly options: RowOptions;
  /** The library that computed it. */
  readonly by: string;
  readonly float64: readonly (readonly number[])[];
  readonly float32: readonly (readonly number[])[];
  /** The averages that the optimizer keeps. */
  readonly average64?: readonly (readonly number[])[];
  readonly average32?: readonly (readonly number[])[];
  /** Whether the optimizer was given the {@link objective} instead of gradients. */
  readonly searches?: true;
  /** The norm of the last gradient, before clipping by norm. */
  readonly norm?: number;
}

/** What optimizers.py wrote. */
export interface Reference {
  /** The libraries, with their versions. */
  readonly generated: string;
  /** The steps after which the parameters were recorded. */
  readonly steps: readonly number[];
  readonly start: readonly number[][][];
  readonly gradients: readonly number[][][][];
  readonly rows: readonly ReferenceRow[];
}

/** The function that optimizers which search were given, and its gradients: Σ (c/2 d² + d⁴/4) + (Σ d)²/2, d = p + p0. */
export function objective(
  params: readonly ArrayLike<number>[],
  { start, gradients }: Pick<Reference, 'start' | 'gradients'>,
): { readonly loss: number; readonly slopes: readonly (readonly number[])[] } {
  const [p0, g] = [start, gradients[0]!].map((list) => list.map((one) => one.flat()));
  const away = params.map((p, k) => Array.from(p, (x, i) => x + p0![k]![i]!));
  const total = away.flat().reduce((sum, d) => sum + d, 0);
  const c = (k: number, i: number): number => 1 + 9 * Math.abs(g![k]![i]!);
  const terms = away.flatMap((list, k) => list.map((d, i) => (c(k, i) / 2) * d * d + d ** 4 / 4));
  return {
    loss: terms.reduce((sum, term) => sum + term, 0) + (total * total) / 2,
    slopes: away.map((list, k) => list.map((d, i) => c(k, i) * d + d ** 3 + total)),
  };
}

const loaded = new Map<string, Promise<Reference>>();

/** The table, read once. */
export function loadReference(): Promise<Reference> {
  const file = new URL('./optimizers.json', import.meta.url);
  return memo(loaded, String(file), async () => JSON.parse(await readText('verify', file)) as Reference);
}
