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

/** What takes longer than this, in ms, has a third of the rounds. */
const SLOW = 3000;

/** What an engine made of a workload. */
export interface Measured {
  readonly engine: string;
  /** Milliseconds of the work, round by round. */
  readonly rounds: readonly number[];
  /** Its results are others than those by hand. */
  readonly differs?: boolean;
  /** Why there are no rounds. */
  readonly broken?: string;
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
  const { name, work, tolerance } = workload;
  const request = { do: 'prepare', work, data: dataOf(workload), warmUp, round };
  const { values: expected } = await find(engines, 'by hand').ask({ ...request, warmUp: 0 });
  if (!expected) throw new Error(`${name} cannot be done by hand`);
  const all: (Measured & { rounds: number[]; wanted: number; broken?: string })[] = [];
  for (const engine of engines) {
    const { values, ms = 0, missing, error } = await engine.ask(request);
    const off = values ? distance(values, expected) : 0;
    if (engine.name === 'gradlet' && off > tolerance) {
      throw new Error(`${name}: gradlet's results are off by ${off}: ${values}; by hand ${expected}`);
    }
    const broken = missing ? 'cannot' : error;
    all.push({
      engine: engine.name,
      rounds: [],
      differs: off > tolerance,
      wanted: broken ? 0 : ms > SLOW ? Math.ceil(rounds / 3) : rounds,
      ...(broken && { broken }),
    });
  }
  for (let k = 0; k < rounds; k++) {
    for (const one of all) {
      if (k >= one.wanted) continue;
      const { ms, error } = await find(engines, one.engine).ask({ do: 'round' });
      if (error === undefined) one.rounds.push(ms!);
      else Object.assign(one, { wanted: 0, rounds: [], broken: error });
    }
  }
  return all;
}

const find = (engines: readonly Engine[], wanted: string): Engine =>
  engines.find(({ name }) => name === wanted)!;
