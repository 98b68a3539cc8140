// What one operation costs on its own: `npx tsx bench/ops.ts`. A chain of 100 additions and products of 4 numbers, forward
// and backward, in µs per operation; and the same chain of plain loops over typed arrays, in turns with it.
import { tensor } from '../src/index.ts';

const LENGTH = 100;
const ROUNDS = 40;
const REPEATS = 50;

function withGraph(): void {
  let y = tensor([1, 2, 3, 4], { requiresGrad: true });
  for (let i = 0; i < LENGTH; i++) y = i % 2 ? y.mul(1.0001) : y.add(0.1);
  y.sum().backward();
}

function byHand(): void {
  let y = Float32Array.of(1, 2, 3, 4);
  for (let i = 0; i < LENGTH; i++) {
    const next = new Float32Array(4);
    for (let k = 0; k < 4; k++) next[k] = i % 2 ? y[k]! * 1.0001 : y[k]! + 0.1;
    y = next;
  }
  let g = Float32Array.of(1, 1, 1, 1);
  for (let i = LENGTH - 1; i >= 0; i--) {
    const next = new Float32Array(4);
    for (let k = 0; k < 4; k++) next[k] = i % 2 ? g[k]! * 1.0001 : g[k]!;
    g = next;
  }
}

function microseconds(run: () => void): number {
  const start = performance.now();
  for (let i = 0; i < REPEATS; i++) run();
  return ((performance.now() - start) * 1000) / REPEATS / LENGTH;
}

const candidates = { 'tensors, forward + backward': withGraph, 'typed arrays by hand': byHand };
const times = Object.entries(candidates).map(([name, run]) => ({ name, run, rounds: [] as number[] }));
for (const { run } of times) for (let i = 0; i < 300; i++) run();
for (let round = 0; round < ROUNDS; round++)
  for (const { run, rounds } of times) rounds.push(microseconds(run));
for (const { name, rounds } of times) {
  rounds.sort((a, b) => a - b);
  const [quietest, median] = [rounds[0]!, rounds[ROUNDS >> 1]!];
  console.log(`${name}: ${median.toFixed(2)} µs per operation (median), ${quietest.toFixed(2)} (least)`);
}
