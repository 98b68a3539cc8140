// The engine's side of the measurement: does what bench/run.ts asks for on stdin, a line of JSON at a time.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Network, Work } from '../workloads.ts';

/** A piece of work, set up. */
export interface Job {
  /** Once through the work, or a batch of it, as `work` says. */
  run(): unknown;
  /** Some results, to be compared with other engines': losses of the first five steps, or elements. */
  check(): readonly number[] | Promise<readonly number[]>;
}

export interface Layer {
  readonly inputs: number;
  readonly outputs: number;
  readonly weight: Float32Array;
  readonly bias: Float32Array;
}

export interface Batch {
  readonly rows: number;
  readonly x: Float32Array;
  readonly classes: Float32Array;
}

export interface Data {
  readonly batches: readonly Batch[];
  readonly layers: readonly Layer[];
}

type WorkOf<K extends Work['kind']> = Extract<Work, { kind: K }>;

/** How an engine sets up each kind of work; `null` is what it cannot do. */
export type Jobs = {
  readonly [K in Work['kind']]?: (work: WorkOf<K>, data: Data) => Job | null | Promise<Job | null>;
};

export const CHECKED_STEPS = 5;

/** Numbers from −1 to 1 without randomness, which every engine can make for itself. */
export function numbers(n: number, offset = 0): Float32Array {
  return Float32Array.from({ length: n }, (_, i) => (((i + offset) * 7919) % 1009) / 504 - 1);
}

/** A layer of the convolutional network: its name in PyTorch's `Sequential`, and its parameters. */
export interface LenetLayer extends Layer {
  readonly name: string;
}

/** The network that every engine starts from: `inputs` are those that make one output. */
export function lenet(): [LenetLayer, LenetLayer, LenetLayer] {
  const layer = (name: string, inputs: number, outputs: number): LenetLayer => {
    const scaled = (n: number, offset: number) => numbers(n, offset).map((x) => x / Math.sqrt(inputs));
    return {
      name,
      inputs,
      outputs,
      weight: scaled(outputs * inputs, inputs),
      bias: scaled(outputs, outputs),
    };
  };
  return [layer('0', 9, 8), layer('3', 72, 16), layer('7', 784, 10)];
}

/** Its images, and the classes of them. */
export function lenetImages(batch: number): Batch {
  return {
    rows: batch,
    x: numbers(batch * 784),
    classes: Float32Array.from({ length: batch }, (_, i) => i % 10),
  };
}

/** The first element, the last and every hundred-and-first of the first ten thousand. */
export function sampled(values: ArrayLike<number>): number[] {
  const picked = [values[0]!, values[values.length - 1]!];
  for (let i = 101; i < Math.min(values.length, 10_000); i += 101) picked.push(values[i]!);
  return picked;
}

export function oneHot(classes: Float32Array, count: number): Float32Array {
  const rows = new Float32Array(classes.length * count);
  for (const [row, label] of classes.entries()) rows[row * count + label] = 1;
  return rows;
}

function readData(path: string, { sizes, rows, batch }: Network): Data {
  const bytes = readFileSync(path);
  const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  let at = 0;
  const take = (n: number): Float32Array => {
    at += n;
    return values.slice(at - n, at);
  };
  const [x, classes] = [take(rows * sizes[0]!), take(rows)];
  const batches: Batch[] = [];
  for (let from = 0; from < rows; from += batch) {
    const to = Math.min(rows, from + batch);
    batches.push({
      rows: to - from,
      x: x.slice(from * sizes[0]!, to * sizes[0]!),
      classes: classes.slice(from, to),
    });
  }
  const layers = sizes.slice(1).map((outputs, k) => {
    const inputs = sizes[k]!;
    return { inputs, outputs, weight: take(outputs * inputs), bias: take(outputs) };
  });
  return { batches, layers };
}

type Request = { do: 'prepare'; work: Work; data: string; warmUp: number; round: number } | { do: 'round' };

export function serve(jobs: Jobs, version: string): void {
  let job: Job;
  let repeats = 1;

  /** Milliseconds of `count` times the work. */
  async function time(count: number): Promise<number> {
    const start = performance.now();
    for (let i = 0; i < count; i++) {
      const pending = job.run();
      if (pending instanceof Promise) await pending;
    }
    return performance.now() - start;
  }

  async function answer(request: Request): Promise<object> {
    if (request.do === 'round') return { ms: (await time(repeats)) / repeats };
    const { work, data, warmUp, round } = request;
    const setUp = jobs[work.kind] as ((work: Work, data: Data) => Job | null) | undefined;
    const network = work.kind === 'train' || work.kind === 'evaluate';
    const made = await setUp?.(work, network ? readData(data, work) : { batches: [], layers: [] });
    if (!made) return { missing: true };
    job = made;
    const values = await job.check();
    const start = performance.now();
    let last = await time(1);
    for (let count = 1; performance.now() - start < warmUp; ) {
      last = (await time(count)) / count;
      count = Math.max(1, Math.ceil(Math.min(round, warmUp / 10) / last));
    }
    repeats = Math.max(1, Math.ceil(round / last));
    return { values, ms: last };
  }

  // "@" tells answers from what a library may print
  const say = (reply: object) => process.stdout.write(`@${JSON.stringify(reply)}\n`);
  let queue: Promise<unknown> = Promise.resolve();
  createInterface({ input: process.stdin }).on('line', (line) => {
    queue = queue
      .then(() => answer(JSON.parse(line)))
      .catch((error: Error) => ({ error: error.message ?? String(error) }))
      .then(say);
  });
  say({ version, node: process.versions.node });
}
