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

const loaded = new Map<string, Promise<Reference>>();

/** The table, read once. */
export function loadReference(): Promise<Reference> {
  const file = new URL('./optimizers.json', import.meta.url);
  return memo(loaded, String(file), async () => JSON.parse(await readText('verify', file)) as Reference);
}
