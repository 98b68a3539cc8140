// Lets engines take turns at a workload.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { writeData } from './data.ts';
import type { Engine } from './engines.ts';
import type { Workload } from './workloads.ts';

export interface Pace {
  readonly rounds: number;
  /** Milliseconds of warming up, and of work in a round. */
  readonly warmUp: number;
  readonly round: number;
}

/** What takes longer than this runs in three rounds only, after less of a warm-up. */
const SLOW = 3000;

/** What an engine made of a workload. */
export interface Measured {
  readonly engine: string;
  /** Milliseconds of the work, round by round. */
  readonly rounds: readonly number[];
  /** Why there are none. */
  readonly why?: string;
}

export const median = (list: readonly number[]): number => {
  const sorted = [...list].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
};

/** The median over rounds of how many times as fast `a` was as `b`. */
export const speed = (a: Measured, b: Measured): number =>
  median(a.rounds.flatMap((ms, i) => (b.rounds[i] === undefined ? [] : b.rounds[i] / ms)));

/** How far results lie from the expected ones, relative to the largest of these. */
function distance(values: readonly number[], expected: readonly number[]): number {
  if (values.length !== expected.length) return Infinity;
  const largest = Math.max(...expected.map(Math.abs));
  const furthest = Math.max(...values.map((value, i) => Math.abs(value - expected[i]!)));
  return Number.isNaN(furthest) ? Infinity : furthest / largest;
}

const dataFolder = join(import.meta.dirname, 'out');

function dataOf({ name, work }: Workload): string {
  if (work.kind !== 'train' && work.kind !== 'evaluate') return '';
  mkdirSync(dataFolder, { recursive: true });
  const path = join(dataFolder, `${name.replaceAll('/', '-')}.f32`);
  writeData(path, work);
  return path;
}

/** `engines` must hold the one by hand, whose results are what the others' must be. */
export async function measure(
  workload: Workload,
  engines: readonly Engine[],
  { rounds, warmUp, round }: Pace,
): Promise<Measured[]> {
  const { work, tolerance } = workload;
  const request = { do: 'prepare', work, data: dataOf(workload), warmUp, round };
  let expected: readonly number[] | undefined;
  const all: { engine: Engine; rounds: number[]; wanted: number; why?: string }[] = [];
  for (const engine of [...engines].sort((a, b) => +(b.name === 'by hand') - +(a.name === 'by hand'))) {
    const { values, ms, missing, error } = await engine.ask(request);
    expected ??= values;
    const off = values ? distance(values, expected!) : 0;
    const why = missing
      ? 'cannot'
      : (error ?? (off > tolerance ? `computes something else (off by ${off.toPrecision(2)})` : undefined));
    all.push({
      engine,
      rounds: [],
      wanted: why ? 0 : ms! > SLOW ? Math.min(3, rounds) : rounds,
      ...(why && { why }),
    });
  }
  for (let k = 0; k < rounds; k++) {
    for (const one of all) {
      if (k >= one.wanted) continue;
      const { ms, error } = await one.engine.ask({ do: 'round' });
      if (error === undefined) one.rounds.push(ms!);
      else Object.assign(one, { wanted: 0, rounds: [], why: error });
    }
  }
  const byName = new Map(
    all.map(({ engine, rounds, why }) => [engine.name, { engine: engine.name, rounds, ...(why && { why }) }]),
  );
  return engines.map(({ name }) => byName.get(name)!);
}
