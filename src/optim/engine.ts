import { checkKeys, show, suggest, ValueError } from '../core/errors.ts';
import { GPU_MODES, GpuEngine, type GpuMode } from '../kernels/gpu.ts';
import type { Tensor } from '../tensor/index.ts';
import { checkValue, domainOf } from './hyperparameters.ts';

/**
 * Whether updates run on the GPU, through the package gpu.js.
 *
 * - `'off'`: never; every update runs in the loop.
 * - `{ mode, threshold }`: parameters of at least `threshold` elements (default 0) do, on that backend and no other, once
 *   `await optimizer.ready()` or `await optimizer.stepAsync()` has loaded it.
 *
 * Only float32 parameters go to the GPU. Its results differ from the loop's by rounding. Every step copies parameters,
 * gradients and state there and back, so measure before you rely on it.
 */
export type GpuOption = 'off' | ForcedGpu;

/** A backend of gpu.js, and from what size on it is to be taken. */
export interface ForcedGpu {
  /** The backend. */
  readonly mode: GpuMode;
  /** The fewest elements of a parameter that runs on it. Default 0. */
  readonly threshold?: number;
}

/** What runs an update: the compiled loop, or a gpu.js backend. */
export type UpdateEngine = 'loop' | GpuMode;

/** Chooses between the loop and gpu.js, parameter by parameter. */
export class EngineChoice {
  readonly #where: string;
  readonly #option: GpuOption;
  readonly #threshold: number = 0;
  #gpu: GpuEngine | null = null;
  #ready: Promise<void> | null = null;

  constructor(where: string, option: GpuOption) {
    this.#where = where;
    this.#option = option;
    if (option === 'off') return;
    if (typeof option !== 'object' || option === null) {
      throw new ValueError(where, 'gpu must be "off" or { mode, threshold }', show(option));
    }
    checkKeys(`${where}, gpu`, option, ['mode', 'threshold']);
    if (!Object.hasOwn(GPU_MODES, option.mode)) {
      throw new ValueError(
        where,
        'gpu.mode must be a backend of gpu.js',
        show(option.mode),
        suggest(String(option.mode), Object.keys(GPU_MODES)),
      );
    }
    this.#threshold = option.threshold ?? 0;
    checkValue(where, 'gpu.threshold', this.#threshold, domainOf('[0, ∞]', 0));
  }

  /** Loads what the option asks for; later calls wait for the same. */
  ready(): Promise<void> {
    this.#ready ??= this.#load().catch((error: unknown) => {
      this.#ready = null;
      throw error;
    });
    return this.#ready;
  }

  async #load(): Promise<void> {
    if (this.#option !== 'off') this.#gpu = await GpuEngine.open(this.#where, this.#option.mode);
  }

  /** The gpu.js engine for a parameter, or null for the loop. */
  gpuFor(param: Tensor, wait: 'sync' | 'async'): GpuEngine | null {
    if (this.#option === 'off' || param.dtype !== 'float32' || param.size < this.#threshold) return null;
    const where = `${this.#where}.step`;
    if (!this.#gpu) {
      throw new ValueError(
        where,
        'gpu.js must be loaded first',
        `gpu.mode ${show(this.#option.mode)} that is not`,
        'Call `await optimizer.ready()` once before.',
      );
    }
    if (wait === 'sync' && !this.#gpu.sync) {
      const got = `gpu.mode "${this.#gpu.mode}", whose results come later`;
      throw new ValueError(
        where,
        'the GPU backend must be synchronous',
        got,
        'Use `await optimizer.stepAsync()`.',
      );
    }
    return this.#gpu;
  }
}
