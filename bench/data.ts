// The numbers that all engines start from, as one file of float32 per network.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Network } from './workloads.ts';

const examples = join(import.meta.dirname, '../examples/data');

/** Numbers from 0 to 1, always the same (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Features and the number of the class, row by row, shuffled. */
function rowsOf({ data, rows, sizes }: Network): number[][] {
  const next = random(1);
  if (data === 'random') {
    const classes = sizes.at(-1)!;
    return Array.from({ length: rows }, () => [
      ...Array.from({ length: sizes[0]! }, next),
      Math.floor(classes * next()),
    ]);
  }
  const lines = readFileSync(join(examples, `${data}.csv`), 'utf8')
    .trim()
    .split('\n')
    .slice(1);
  const labels = [...new Set(lines.map((line) => line.split(',').at(-1)!))].sort();
  const scale = data === 'digits' ? 1 / 16 : 1;
  const table = lines.map((line) => {
    const cells = line.split(',');
    const label = labels.indexOf(cells.pop()!);
    return [...cells.map((cell) => Number(cell) * scale), label];
  });
  for (let i = table.length - 1; i > 0; i--) {
    const j = Math.floor((i + 1) * next());
    [table[i], table[j]] = [table[j]!, table[i]!];
  }
  return table.slice(0, rows);
}

/** Writes, one after the other: x [rows, in], classes [rows], and of each layer W [out, in] and b [out]. */
export function writeData(path: string, network: Network): void {
  const table = rowsOf(network);
  const next = random(2);
  const values = [table.flatMap((row) => row.slice(0, -1)), table.map((row) => row.at(-1)!)];
  for (const [k, outputs] of network.sizes.slice(1).entries()) {
    const inputs = network.sizes[k]!;
    const bound = 1 / Math.sqrt(inputs);
    const draw = (length: number) => Array.from({ length }, () => bound * (2 * next() - 1));
    values.push(draw(outputs * inputs), draw(outputs));
  }
  writeFileSync(path, Float32Array.from(values.flat()));
}
