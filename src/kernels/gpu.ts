import type { IKernelRunShortcut } from 'gpu.js';
import { InternalError, show, ValueError } from '../core/errors.ts';
import { memo } from '../core/memo.ts';
import { emit } from '../formula/emit.ts';
import type { Expr } from '../formula/expr.ts';
import type { Program } from '../formula/program.ts';
import type { UpdateArrays } from './update.ts';

/**
 * A gpu.js backend, always named: left to itself gpu.js takes WebAssembly for a GPU.
 * `webgl2` and `webgpu` run on the GPU; `webasm` and `cpu` are there to test the kernels without one.
 */
export type GpuMode = 'webgl2' | 'webgpu' | 'webasm' | 'cpu';

/** Every {@link GpuMode}, and whether its results come at once or only with a promise. */
export const GPU_MODES: Readonly<Record<GpuMode, 'sync' | 'async'>> = {
  webgl2: 'sync',
  webgpu: 'async',
  webasm: 'sync',
  cpu: 'sync',
};

interface Kernel {
  readonly output: string;
  readonly run: IKernelRunShortcut;
}

type GPU = import('gpu.js').GPU;

async function load(where: string): Promise<typeof import('gpu.js')> {
  let module: typeof import('gpu.js');
  try {
    // inside try, bundlers take it for optional: a build without gpu.js does not fail
    module = await import('gpu.js');
  } catch (cause) {
    const error = new ValueError(
      where,
      'gpu.js must be installed',
      'no package of that name',
      'Install it with `npm install gpu.js`, or set gpu to "off".',
    );
    error.cause = cause;
    throw error;
  }
  // CommonJS: some bundlers leave everything in `default`
  return 'GPU' in module ? module : (module as { default: typeof import('gpu.js') }).default;
}

/** Opens a backend and runs one small kernel on it. */
async function probe(
  Gpu: typeof import('gpu.js').GPU,
  mode: GpuMode,
): Promise<{ gpu: GPU; fallen: boolean; right: boolean }> {
  const gpu = new Gpu({ mode });
  const kernel = gpu.createKernel('function (a) { return a[this.thread.x] + 1; }', { output: [2] });
  const [one, two] = (await kernel(Float32Array.of(0, 1))) as Float32Array;
  // gpu.js goes on with another class of kernels by itself where the chosen one fails
  return { gpu, fallen: kernel.kernel.constructor !== gpu.Kernel, right: one === 1 && two === 2 };
}

/** Runs update programs as gpu.js kernels: float32, one scalar kernel per array that changes. */
export class GpuEngine {
  static readonly #open = new Map<GpuMode, Promise<GpuEngine>>();

  readonly mode: GpuMode;
  readonly #gpu: GPU;
  /** One kernel per program, number of elements and output: gpu.js is slow where sizes change. */
  readonly #kernels = new WeakMap<Program, Map<number, readonly Kernel[]>>();

  private constructor(gpu: GPU, mode: GpuMode) {
    this.#gpu = gpu;
    this.mode = mode;
  }

  /** The engine of a backend, shared by all who ask: a page has few WebGL contexts. */
  static open(where: string, mode: GpuMode): Promise<GpuEngine> {
    return memo(GpuEngine.#open, mode, () => {
      const engine = GpuEngine.#start(where, mode);
      engine.catch(() => GpuEngine.#open.delete(mode));
      return engine;
    });
  }

  static async #start(where: string, mode: GpuMode): Promise<GpuEngine> {
    const { GPU } = await load(where);
    const refuse = (got: string, cause?: unknown): never => {
      const advice = 'Choose another mode, or set gpu to "off".';
      const error = new ValueError(where, `gpu.js must be able to run on ${mode} here`, got, advice);
      error.cause = cause;
      throw error;
    };
    const { gpu, fallen, right } = await probe(GPU, mode).catch((cause: unknown) =>
      refuse(`the error: ${cause instanceof Error ? cause.message : show(cause)}`, cause),
    );
    if (fallen) return refuse('a kernel that fell back to another backend');
    return right ? new GpuEngine(gpu, mode) : refuse('wrong results');
  }

  /** Whether `run` is done when it returns. */
  get sync(): boolean {
    return GPU_MODES[this.mode] === 'sync';
  }

  /** Runs a program in place; a promise where the backend is asynchronous. Nothing is written before all is computed. */
  run(
    program: Program,
    count: number,
    arrays: UpdateArrays,
    scalars: readonly number[],
  ): void | Promise<void> {
    for (const name of program.arrays) {
      // gpu.js reads beyond the end without a word
      if (arrays[name]?.length === count) continue;
      throw new InternalError(
        'gpu.js',
        `array ${name} must hold ${count} numbers`,
        String(arrays[name]?.length),
      );
    }
    const single = program.arrays.map((name) => {
      const array = arrays[name]!;
      return array instanceof Float32Array ? array : Float32Array.from(array);
    });
    const kernels = this.#kernelsOf(program, count, scalars.length);
    const results = kernels.map(({ run }) => run(...single, ...scalars.map(Number)));
    const write = (all: readonly unknown[]): void => {
      kernels.forEach(({ output }, k) => {
        arrays[output]!.set(all[k] as Float32Array);
      });
    };
    if (this.sync) return write(results);
    return Promise.all(results).then(write);
  }

  #kernelsOf(program: Program, count: number, scalars: number): readonly Kernel[] {
    let sizes = this.#kernels.get(program);
    if (!sizes) {
      sizes = new Map();
      this.#kernels.set(program, sizes);
    }
    return memo(sizes, count, () => this.#compile(program, count, scalars));
  }

  #compile({ arrays, outputs }: Program, count: number, scalars: number): readonly Kernel[] {
    const argumentTypes = Object.fromEntries([
      ...arrays.map((name) => [`a_${name}`, 'Array'] as const),
      // said outright, since gpu.js takes a number that is whole on the first call for an integer
      ...Array.from({ length: scalars }, (_, k) => [`s${k}`, 'Float'] as const),
    ]);
    return [...outputs].map(([output, expr]) => ({
      output,
      run: this.#gpu.createKernel(kernelSource(expr, Object.keys(argumentTypes)), {
        argumentTypes,
        output: [count],
        ...(this.mode === 'webgl2' && { precision: 'single' }),
      }),
    }));
  }
}

/** `function (a_p, a_m, s0) { const t0 = …; return …; }` */
function kernelSource(expr: Expr, args: readonly string[]): string {
  const { statements, results } = emit([expr], (name) =>
    name.startsWith('#') ? `s${name.slice(1)}` : `a_${name}[this.thread.x]`,
  );
  return `function (${args.join(', ')}) { ${statements.join(' ')} return ${results[0]}; }`;
}
