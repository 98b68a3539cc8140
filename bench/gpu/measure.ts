// Times updates in the loop and on backends of gpu.js; runs in Node and in a page.
import { GpuDevice } from '../../src/kernels/gpu.ts';
import { GPU_BACKENDS, type GpuMode } from '../../src/kernels/gpu-modes.ts';
import { Adam, type GpuOption } from '../../src/optim/index.ts';
import { randn } from '../../src/tensor/index.ts';

/** The sizes of parameters that are timed. */
export const SIZES = [1e3, 1e4, 1e5, 1e6, 1e7];
const ROUNDS = 9;

/** The time of a backend, beside that of the loop in the same rounds. */
export interface Timing {
  /** Nanoseconds per element, the median of all rounds. */
  readonly ns: number;
  /** How many times as long as the loop it takes, the median of the ratios. */
  readonly ratio: number;
}

/** What was found at one size, by the names of engines. */
export interface Row {
  readonly n: number;
  readonly timings: Readonly<Record<string, Timing>>;
}

/** What stands behind every backend that can be had, by its mode. */
export async function backends(modes: readonly GpuMode[]): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const mode of modes) {
    try {
      found[mode] = (await GpuDevice.open('bench', mode)).hardware.name;
    } catch {
      // this machine has none
    }
  }
  return found;
}

const median = (list: readonly number[]): number => [...list].sort((a, b) => a - b)[list.length >> 1]!;

/** Adam on one parameter of n elements: the gradient goes up and the parameter comes down in every step. */
async function stepper(n: number, gpu: GpuOption, sync: boolean): Promise<(times: number) => Promise<void>> {
  const p = randn([n], { requiresGrad: true });
  p.grad = randn([n]);
  const optimizer = new Adam([p], { gpu });
  await optimizer.ready();
  return async (times) => {
    for (let k = 0; k < times; k++) {
      if (sync) optimizer.step();
      else await optimizer.stepAsync();
    }
  };
}

/** Lets the loop and the backends take turns at one size; only ratios within a round count. */
export async function measure(n: number, modes: readonly string[]): Promise<Row> {
  const engines = ['loop', ...modes] as const;
  const steps: ((times: number) => Promise<void>)[] = [];
  for (const mode of engines) {
    const backend = mode as GpuMode;
    steps.push(
      mode === 'loop'
        ? await stepper(n, 'off', true)
        : await stepper(n, { mode: backend }, GPU_BACKENDS[backend].sync),
    );
  }
  const times = Math.max(1, Math.min(50, Math.round(2e5 / n)));
  const taken: number[][] = engines.map(() => []);
  for (let round = -2; round < ROUNDS; round++) {
    for (const [k, step] of steps.entries()) {
      const start = performance.now();
      await step(times);
      if (round >= 0) taken[k]!.push(((performance.now() - start) * 1e6) / (n * times));
    }
  }
  const [loop] = taken;
  const timings = engines.map((engine, k) => {
    const ratio = median(taken[k]!.map((ns, round) => ns / loop![round]!));
    return [engine, { ns: median(taken[k]!), ratio }] as const;
  });
  return { n, timings: Object.fromEntries(timings) };
}
