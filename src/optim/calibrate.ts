import { checkKeys, show, suggest, ValueError } from '../core/errors.ts';
import { finishLater } from '../core/waiting.ts';
import { GpuDevice } from '../kernels/gpu.ts';
import { GPU_BACKENDS, type GpuMode } from '../kernels/gpu-modes.ts';
import { Tensor } from '../tensor/index.ts';
import { Arena } from './arena.ts';
import { sharedDefaults } from './hyperparameters.ts';
import { LinePart, runWork } from './line-part.ts';
import { adamDirection, biasCorrections, firstMoment, secondMoment } from './rules/moments.ts';
import { sharedScalars } from './shared-lines.ts';
import type { Update } from './step.ts';

/** How long an update takes at one size, in nanoseconds per element. */
export interface GpuMeasurement {
  /** Elements of the parameter. */
  readonly n: number;
  /** In the compiled loop. */
  readonly loop: number;
  /** On the GPU, with the gradient going up and the parameter coming down. */
  readonly gpu: number;
}

/** From what size on updates are faster on a GPU; plain data, to be kept for the next time as JSON. */
export interface GpuCalibration {
  /** The backend; `null` where there is no GPU. */
  readonly mode: GpuMode | null;
  /** The fewest elements of a parameter that are faster there; `null` where none are. */
  readonly threshold: number | null;
  /** What was found, in words. */
  readonly why: string;
  /** The times that it was found from. */
  readonly measured: readonly GpuMeasurement[];
}

const SIZES = [2 ** 14, 2 ** 16, 2 ** 18, 2 ** 20, 2 ** 22];
const ROUNDS = 5;
const BUDGET_MS = 1000;
const WHERE = 'calibrateGpu';

let known: GpuCalibration | null = null;
let measuring: Promise<GpuCalibration> | null = null;

/** The calibration that was set, or else that of this machine, measured once. */
export async function calibration(): Promise<GpuCalibration> {
  measuring ??= known ? null : calibrateGpu();
  return known ?? measuring!;
}

/**
 * Gives `gpu: 'auto'` a calibration made before by {@link calibrateGpu}, on this machine or one like it; `null` makes it
 * measure for itself again.
 *
 * @throws {@link ValueError} for anything else
 * @example
 * ```ts
 * import { createOptimizer, setGpuCalibration, zeros } from 'gradlet';
 * setGpuCalibration({ mode: null, threshold: null, why: 'this server has no GPU', measured: [] });
 * const large = zeros([100_000], { requiresGrad: true });
 * const optimizer = createOptimizer('adam', [large], { gpu: 'auto' });
 * await optimizer.ready();
 * optimizer.engines()[0]!.why; // → this server has no GPU
 * setGpuCalibration(null);
 * ```
 */
export function setGpuCalibration(calibration: GpuCalibration | null): void {
  const where = 'setGpuCalibration';
  if (calibration !== null) {
    if (typeof calibration !== 'object') {
      throw new ValueError(where, 'it must be what calibrateGpu returned, or null', show(calibration));
    }
    checkKeys(where, calibration, ['mode', 'threshold', 'why', 'measured']);
    const { mode, threshold } = calibration;
    if (mode !== null && !Object.hasOwn(GPU_BACKENDS, mode)) {
      throw new ValueError(
        where,
        'mode must be a backend of gpu.js, or null',
        show(mode),
        suggest(String(mode), Object.keys(GPU_BACKENDS)),
      );
    }
    if (threshold !== null && !(threshold >= 0)) {
      throw new ValueError(where, 'threshold must be a number ≥ 0, or null', show(threshold));
    }
  }
  known = calibration;
  measuring = null;
}

/**
 * Measures from what size on an Adam update is faster on this machine's GPU than in the loop. It takes about a
 * second at most.
 *
 * @param mode - a backend to measure whatever it is; left out, those that have a real GPU behind them
 * @returns the calibration, for {@link setGpuCalibration}
 * @throws {@link ValueError} when a backend is asked for that is not to be had
 */
export async function calibrateGpu(mode?: GpuMode): Promise<GpuCalibration> {
  if (mode !== undefined) return measure(await GpuDevice.open(WHERE, mode));
  const reasons: string[] = [];
  const found: GpuCalibration[] = [];
  for (const candidate of ['webgl2', 'webgpu'] as const) {
    try {
      const device = await GpuDevice.open(WHERE, candidate);
      const { name, real } = device.hardware;
      if (real) found.push(await measure(device));
      else reasons.push(`${candidate} here is ${name}, which is no GPU`);
    } catch (error) {
      reasons.push((error as Error).message);
    }
  }
  const [best] = found.sort((a, b) => (a.threshold ?? Infinity) - (b.threshold ?? Infinity));
  return best ?? { mode: null, threshold: null, why: reasons.join('; '), measured: [] };
}

/** Times both at growing sizes, until the GPU is faster or the next size would take too long. */
async function measure(device: GpuDevice): Promise<GpuCalibration> {
  const { mode, hardware } = device;
  const measured: GpuMeasurement[] = [];
  const start = performance.now();
  let expected = 0;
  for (const n of SIZES.filter((size) => size <= device.limit)) {
    const begin = performance.now();
    if (begin - start + expected > BUDGET_MS) break;
    const one = await timesAt(device, n);
    measured.push(one);
    if (one.gpu < one.loop) {
      const why = `${mode} on ${hardware.name} is faster from ${n} numbers on`;
      return { mode, threshold: n, why, measured };
    }
    // the next size is four times this one
    expected = 4 * (performance.now() - begin);
  }
  const why = `${mode} on ${hardware.name} is slower than the loop up to ${measured.at(-1)?.n ?? 0} numbers`;
  return { mode, threshold: null, why, measured };
}

async function timesAt(device: GpuDevice, n: number): Promise<GpuMeasurement> {
  const [host, resident] = [adamOf(n), adamOf(n)];
  const arena = await finishLater(Arena.create(device, [resident]));
  const times: { loop: number[]; gpu: number[] } = { loop: [], gpu: [] };
  for (let round = -2; round < ROUNDS; round++) {
    const start = performance.now();
    runWork(host.work);
    const between = performance.now();
    await finishLater(arena.step([resident]));
    const end = performance.now();
    // the first rounds compile
    if (round < 0) continue;
    times.loop.push(between - start);
    times.gpu.push(end - between);
  }
  arena.free();
  const median = (list: number[]): number => (list.sort((a, b) => a - b)[list.length >> 1]! * 1e6) / n;
  return { n, loop: median(times.loop), gpu: median(times.gpu) };
}

/** Adam on n numbers, about to take a step. */
function adamOf(n: number): Update {
  const options = { ...sharedDefaults, lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, epsRoot: 0 };
  const shared = sharedScalars(options);
  const rule = { perStep: biasCorrections, lines: { m: firstMoment, v: secondMoment, delta: adamDirection } };
  const part = new LinePart(WHERE, rule, options, Object.keys(shared));
  const values = Float32Array.from({ length: n }, (_, i) => Math.sin(i));
  const param = new Tensor(values, [n], 'float32');
  const record = { name: WHERE, t: 0, perStep: {}, state: {}, engine: null };
  const perStep = part.scalarsAt(1, options, {});
  const work = part.prepare(param, record, values, values.slice(), { ...options, ...shared, ...perStep });
  return { param, record, perStep, work, device: null };
}
