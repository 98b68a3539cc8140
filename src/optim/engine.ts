import { checkKeys, show, suggest, ValueError } from '../core/errors.ts';
import type { GpuDevice } from '../kernels/gpu.ts';
import { GPU_BACKENDS, type GpuMode } from '../kernels/gpu-modes.ts';
import type { Tensor } from '../tensor/index.ts';
import type { Arenas } from './arena.ts';
import { checkValue, domainOf } from './hyperparameters.ts';

/**
 * Whether updates run on the GPU, through the package gpu.js, once `await optimizer.ready()` or
 * `await optimizer.stepAsync()` has loaded it.
 *
 * - `'auto'`: parameters do that are large enough for it to pay, where there is a real GPU (WebGL2 or WebGPU). From what
 *   size on is measured on the spot, in less than a second, or was measured before: {@link setGpuCalibration}.
 * - `'off'`: none; every update runs in the loop.
 * - `{ mode, threshold }`: parameters of at least `threshold` elements (default 0) do, on that backend and no other.
 *
 * What a rule keeps stays on the GPU: in each step the gradient goes up and the parameter comes down, and
 * {@link Optimizer.stateDict} and others bring home what they need. Only float32 goes to the GPU, and its results differ
 * from the loop's by rounding. NaN does not survive clipping by value and signs there.
 */
export type GpuOption = 'auto' | 'off' | ForcedGpu;

/** A backend of gpu.js, and from what size on it is to be taken. */
export interface ForcedGpu {
  /** The backend. */
  readonly mode: GpuMode;
  /** The fewest elements of a parameter that runs on it. Default 0. */
  readonly threshold?: number;
}

/** What runs an update: the compiled loop, or a gpu.js backend. */
export type UpdateEngine = 'loop' | GpuMode;

/** What will run the updates of a parameter, and why. */
export interface EngineReport {
  /** The parameter's name. */
  readonly name: string;
  /** What will run its updates. */
  readonly engine: UpdateEngine;
  /** Why this, and not the other. */
  readonly why: string;
}

/** The device of a parameter, or none, and the reason. */
export interface Choice {
  readonly device: GpuDevice | null;
  readonly why: string;
}

/** Parameters with fewer elements are never worth a GPU: one launch takes longer than their loop. */
const FEWEST = 2 ** 14;

/** Chooses between the loop and gpu.js, parameter by parameter; what serves a GPU is loaded where one is wanted. */
export class EngineChoice {
  /** What is on the device. */
  arenas: Arenas | null = null;
  readonly #where: string;
  readonly #option: GpuOption;
  #threshold = 0;
  #device: GpuDevice | null = null;
  /** Why there is no device. */
  #without = 'gpu.js is not loaded: call `await optimizer.ready()` once';
  #ready: Promise<void> | null = null;

  constructor(where: string, option: GpuOption) {
    this.#where = where;
    this.#option = option;
    if (option === 'off' || option === 'auto') {
      if (option === 'off') this.#without = 'gpu is "off"';
      return;
    }
    if (typeof option !== 'object' || option === null) {
      throw new ValueError(where, 'gpu must be "auto", "off" or { mode, threshold }', show(option));
    }
    checkKeys(`${where}, gpu`, option, ['mode', 'threshold']);
    if (!Object.hasOwn(GPU_BACKENDS, option.mode)) {
      throw new ValueError(
        where,
        'gpu.mode must be a backend of gpu.js',
        show(option.mode),
        suggest(String(option.mode), Object.keys(GPU_BACKENDS)),
      );
    }
    this.#threshold = option.threshold ?? 0;
    checkValue(where, 'gpu.threshold', this.#threshold, domainOf('[0, ∞]', 0));
  }

  /** Loads what the option asks for; later calls wait for the same. `'auto'` looks only where a parameter is large. */
  ready(params: Iterable<Tensor>): Promise<void> {
    const large = [...params].some((p) => p.dtype === 'float32' && p.size >= FEWEST);
    if (this.#option === 'off' || (this.#option === 'auto' && !large)) return Promise.resolve();
    this.#ready ??= this.#load().catch((error: unknown) => {
      this.#ready = null;
      throw error;
    });
    return this.#ready;
  }

  async #load(): Promise<void> {
    if (typeof this.#option === 'object') {
      await this.#open(this.#option.mode);
      return;
    }
    const { calibration } = await import('./calibrate.ts');
    const { mode, threshold, why } = await calibration();
    if (mode === null || threshold === null) {
      this.#without = why;
      return;
    }
    this.#threshold = threshold;
    try {
      await this.#open(mode);
    } catch (error) {
      this.#without = (error as Error).message;
    }
  }

  async #open(mode: GpuMode): Promise<void> {
    const [{ GpuDevice }, { Arenas }] = await Promise.all([
      import('../kernels/gpu.ts'),
      import('./arena.ts'),
    ]);
    const device = await GpuDevice.open(this.#where, mode);
    this.arenas ??= new Arenas();
    this.#device = device;
  }

  /** The device of a parameter, or the reason why there is none. */
  choose(param: Tensor, arrays: number): Choice {
    const none = (why: string): Choice => ({ device: null, why });
    if (this.#option === 'off') return none(this.#without);
    if (param.dtype !== 'float32') return none(`a GPU computes in float32, and this is ${param.dtype}`);
    if (this.#option === 'auto' && param.size < FEWEST) {
      return none(`${param.size} numbers are too few for any GPU to pay; from ${FEWEST} on it may`);
    }
    if (!this.#device) return none(this.#without);
    const { mode, hardware, lost, limit } = this.#device;
    if (param.size < this.#threshold)
      return none(`${param.size} numbers, and ${mode} pays from ${this.#threshold} on`);
    if (lost) return none(`the ${mode} device was lost`);
    if (param.size > limit) return none(`${param.size} numbers, and ${mode} takes ${limit} at most`);
    const { maxArrays } = GPU_BACKENDS[mode];
    if (arrays > maxArrays)
      return none(`the rule reads ${arrays} arrays, and ${mode} takes ${maxArrays} at most`);
    return {
      device: this.#device,
      why: `${param.size} numbers, at least ${this.#threshold}, on ${hardware.name}`,
    };
  }

  /** As {@link choose}, for a step: a forced backend that cannot serve it is an error. */
  forStep(param: Tensor, arrays: number, waits: boolean): GpuDevice | null {
    const { device } = this.choose(param, arrays);
    const where = `${this.#where}.step`;
    if (typeof this.#option === 'object' && !this.#device && param.dtype === 'float32') {
      if (param.size < this.#threshold) return null;
      throw new ValueError(
        where,
        'gpu.js must be loaded first',
        `gpu.mode ${show(this.#option.mode)} that is not`,
        'Call `await optimizer.ready()` once before.',
      );
    }
    if (!device || waits || device.sync) return device;
    if (this.#option === 'auto') return null;
    throw new ValueError(
      where,
      'the GPU backend must be synchronous',
      `gpu.mode "${device.mode}", whose results come later`,
      'Use `await optimizer.stepAsync()`.',
    );
  }
}
