import type { GPU, IKernelRunShortcut } from 'gpu.js';
import { InternalError, show, ValueError } from '../core/errors.ts';
import { memo } from '../core/memo.ts';
import type { Awaitable } from '../core/waiting.ts';
import { emit } from '../formula/emit.ts';
import { type Expr, namesIn, node, num, rewrite } from '../formula/expr.ts';
import type { Pass } from '../formula/program.ts';
import { GPU_BACKENDS, type GpuMode } from './gpu-modes.ts';

/** The device went away, and with it everything that it held. */
export class DeviceLostError extends Error {}

/** An array on the device. */
export type Handle = Float32Array | { toArray(): Awaitable<Float32Array>; delete(): void };

type Run = (...args: readonly (Handle | number)[]) => Awaitable<Handle>;

/** The kind of every argument of a kernel, by its name there. */
type Types = Record<string, 'Array' | 'Float'>;

/** A kernel, and which arrays and scalars it reads, in order. */
interface Kernel {
  readonly run: Run;
  readonly arrays: readonly string[];
  readonly scalars: readonly number[];
}

/** What gpu.js has and its typings have not. */
interface WebGpuContext {
  readonly adapter: GPUAdapterLike;
  readonly device: { readonly limits: Readonly<Record<string, number>> };
  readonly isLost: boolean;
}
interface GPUAdapterLike {
  readonly info?: Readonly<Record<string, unknown>>;
  readonly isFallbackAdapter?: boolean;
}
type GpuJs = typeof import('gpu.js') & {
  readonly WebGPUContext: { acquire(): Promise<WebGpuContext> };
};

async function load(where: string): Promise<GpuJs> {
  let module: unknown;
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
  return ('GPU' in (module as object) ? module : (module as { default: unknown }).default) as GpuJs;
}

const SOFTWARE = /swiftshader|llvmpipe|softpipe|software|basic render|paravirtual/i;

/** A backend of gpu.js: arrays that stay there, and kernels over them, all float32. */
export class GpuDevice {
  static readonly #open = new Map<GpuMode, Promise<GpuDevice>>();

  readonly mode: GpuMode;
  readonly #gpu: GPU;
  readonly #webgpu: WebGpuContext | null;
  #died = false;
  /** One kernel per text and number of elements: gpu.js is slow, and not always right, where sizes change. */
  readonly #kernels = new Map<string, Run>();
  readonly #passes = new WeakMap<Pass, Map<string, readonly Kernel[]>>();

  private constructor(mode: GpuMode, gpu: GPU, webgpu: WebGpuContext | null) {
    this.mode = mode;
    this.#gpu = gpu;
    this.#webgpu = webgpu;
  }

  /** The device of a backend, shared by all who ask, as a page has few WebGL contexts; a new one once it was lost. */
  static async open(where: string, mode: GpuMode): Promise<GpuDevice> {
    const device = memo(GpuDevice.#open, mode, () => GpuDevice.#start(where, mode));
    const known = await device.catch((error: unknown) => {
      if (GpuDevice.#open.get(mode) === device) GpuDevice.#open.delete(mode);
      throw error;
    });
    if (!known.lost) return known;
    if (GpuDevice.#open.get(mode) === device) GpuDevice.#open.delete(mode);
    return GpuDevice.open(where, mode);
  }

  static async #start(where: string, mode: GpuMode): Promise<GpuDevice> {
    const gpujs = await load(where);
    const refuse = (got: string, cause?: unknown): never => {
      const advice = 'Choose another mode, or set gpu to "off".';
      const error = new ValueError(where, `gpu.js must be able to run on ${mode} here`, got, advice);
      error.cause = cause;
      throw error;
    };
    // a WebGPU device that was lost a moment ago is handed out until the loss has been noticed
    for (let left = 1; ; left--) {
      let webgpu: WebGpuContext | null = null;
      try {
        const gpu = new gpujs.GPU({ mode });
        const kernel = gpu.createKernel('function (a) { return a[this.thread.x] + 1; }', { output: [2] });
        const [one, two] = (await kernel(Float32Array.of(0, 1))) as Float32Array;
        webgpu = mode === 'webgpu' ? await gpujs.WebGPUContext.acquire() : null;
        // gpu.js goes on with another class of kernels by itself where the chosen one fails
        if (kernel.kernel.constructor !== gpu.Kernel)
          return refuse('a kernel that fell back to another backend');
        return one === 1 && two === 2 ? new GpuDevice(mode, gpu, webgpu) : refuse('wrong results');
      } catch (cause) {
        if (cause instanceof ValueError) throw cause;
        const again = left > 0 && (webgpu ?? (await lastContext(gpujs, mode)))?.isLost;
        if (!again) refuse(`the error: ${cause instanceof Error ? cause.message : show(cause)}`, cause);
      }
    }
  }

  get sync(): boolean {
    return GPU_BACKENDS[this.mode].sync;
  }

  /** The name of what computes, and whether it is a GPU. */
  get hardware(): { readonly name: string; readonly real: boolean } {
    const describe = (name: string, fallback = false): { name: string; real: boolean } => {
      return { name, real: !fallback && !SOFTWARE.test(name) };
    };
    if (this.#webgpu) {
      const { info = {}, isFallbackAdapter } = this.#webgpu.adapter;
      const names = ['vendor', 'architecture', 'device', 'description'].map((key) => info[key]);
      return describe(names.filter(Boolean).join(' '), Boolean(info.isFallbackAdapter ?? isFallbackAdapter));
    }
    if (this.mode !== 'webgl2') return { name: this.mode, real: false };
    const gl = this.#gl;
    const debug = gl.getExtension('WEBGL_debug_renderer_info');
    return describe(String(gl.getParameter(debug ? debug.UNMASKED_RENDERER_WEBGL : gl.RENDERER)));
  }

  get #gl(): WebGL2RenderingContext {
    return this.#gpu.context as WebGL2RenderingContext;
  }

  /** Whether the device is known to be gone. Within a turn of the event loop it may be gone unknown: see {@link read}. */
  get lost(): boolean {
    if (this.#webgpu) this.#died ||= this.#webgpu.isLost;
    if (this.mode === 'webgl2') this.#died ||= this.#gl.isContextLost();
    return this.#died;
  }

  /** The largest array. */
  get limit(): number {
    if (this.#webgpu) {
      const { maxStorageBufferBindingSize, maxBufferSize } = this.#webgpu.device.limits;
      return Math.floor(
        Math.min(maxStorageBufferBindingSize!, maxBufferSize!) / Float32Array.BYTES_PER_ELEMENT,
      );
    }
    if (this.mode !== 'webgl2') return 2 ** 27;
    const side = this.#gl.getParameter(this.#gl.MAX_TEXTURE_SIZE) as number;
    return side * (side - 1) - 1; // gpu.js refuses some sizes above, and `read` takes one place more
  }

  #create(source: string, n: number, types: Types, stays: boolean): Run {
    return memo(this.#kernels, `${n} ${stays} ${source}`, () => {
      return this.#gpu.createKernel(source, {
        output: [n],
        argumentTypes: types,
        pipeline: stays,
        immutable: stays,
        // gpu.js says `lowp` for small outputs otherwise, which is half precision on phones
        ...(this.mode === 'webgl2' && { precision: 'single', tactic: 'precision' }),
      }) as IKernelRunShortcut as Run;
    });
  }

  /** Puts numbers on the device. */
  upload(values: Float32Array): Awaitable<Handle> {
    if (!GPU_BACKENDS[this.mode].apart) return values.slice();
    return this.#create(
      'function (x) { return x[this.thread.x]; }',
      values.length,
      { x: 'Array' },
      true,
    )(values);
  }

  /**
   * The numbers of a handle, in an array of its own.
   *
   * @throws {@link DeviceLostError} when the device has gone, or the promise of it
   */
  read(handle: Handle, n: number): Awaitable<Float32Array> {
    if (handle instanceof Float32Array) return handle.slice();
    if (!this.sync) return this.#guarded(handle.toArray() as Promise<Float32Array>);
    // a kernel that is read at once moves 4 bytes per number, toArray() 16
    const source = `function (x) { return this.thread.x < ${n} ? x[this.thread.x] : 1; }`;
    return this.#checked(this.#create(source, n + 1, { x: 'Array' }, false)(handle) as Float32Array, n);
  }

  /**
   * The outputs of a pass over arrays of n numbers, which stay on the device.
   *
   * @param scalars - the values of `#0`, `#1`, …
   */
  run(
    pass: Pass,
    n: number,
    arrays: Readonly<Record<string, Handle>>,
    scalars: readonly number[],
  ): Awaitable<Record<string, Handle>> {
    const kernels = this.#kernelsOf(pass, `run ${n}`, ([, expr]) => {
      const { text, types, reads } = kernelText(expr, (e, statements) => `${statements} return ${e};`);
      return { run: this.#create(text, n, types, true), ...reads };
    });
    const results = kernels.map((kernel) => call(kernel, arrays, scalars));
    const names = [...pass.outputs.keys()];
    const named = (all: readonly Handle[]): Record<string, Handle> =>
      Object.fromEntries(names.map((name, k) => [name, all[k]!]));
    return this.sync
      ? named(results as Handle[])
      : this.#guarded(Promise.all(results as Promise<Handle>[])).then(named);
  }

  /** Σ x² of every output of a pass. */
  sumSquares(
    pass: Pass,
    n: number,
    arrays: Readonly<Record<string, Handle>>,
    scalars: readonly number[],
  ): Awaitable<Record<string, number>> {
    // √n sums of √n squares each, so that float32 loses little; all of them are added up in doubles
    const parts = Math.min(n, Math.max(256, 2 ** Math.ceil(Math.log2(Math.sqrt(n)))));
    const each = Math.ceil(n / parts);
    const kernels = this.#kernelsOf(pass, `sum ${n}`, ([, expr]) => {
      const body = (e: string, statements: string): string => `
        if (this.thread.x >= ${parts}) { return 1; }
        let s = 0.0;
        for (let j = 0; j < ${each}; j++) {
          const i = j * ${parts} + this.thread.x;
          if (i < ${n}) { ${statements} const y = ${e}; s += y * y; }
        }
        return s;`;
      const { text, types, reads } = kernelText(expr, body, 'i');
      return { run: this.#create(text, parts + 1, types, false), ...reads };
    });
    const names = [...pass.outputs.keys()];
    const add = (all: readonly Float32Array[]): Record<string, number> =>
      Object.fromEntries(
        names.map((name, k) => [name, this.#checked(all[k]!, parts).reduce((sum, x) => sum + x, 0)]),
      );
    const results = kernels.map((kernel) => call(kernel, arrays, scalars));
    return this.sync
      ? add(results as Float32Array[])
      : this.#guarded(Promise.all(results as Promise<Float32Array>[])).then(add);
  }

  free(handle: Handle): void {
    if (!(handle instanceof Float32Array)) handle.delete();
  }

  /** What was read, when its last place shows that something was computed: after a loss all is 0, and nobody says so. */
  #checked(values: Float32Array, n: number): Float32Array {
    if (values[n] === 1) return values.subarray(0, n);
    this.#died = true;
    throw new DeviceLostError(`the ${this.mode} context was lost`);
  }

  async #guarded<T>(result: Promise<T>): Promise<T> {
    try {
      return await result;
    } catch (cause) {
      // the loss is noted a turn after what it spoils
      await new Promise((resolve) => setTimeout(resolve));
      if (!this.lost) throw cause;
      throw new DeviceLostError(`the ${this.mode} device was lost`, { cause });
    }
  }

  #kernelsOf(pass: Pass, key: string, make: (output: readonly [string, Expr]) => Kernel): readonly Kernel[] {
    let kinds = this.#passes.get(pass);
    if (!kinds) {
      kinds = new Map();
      this.#passes.set(pass, kinds);
    }
    return memo(kinds, key, () => [...pass.outputs].map(make));
  }
}

/** What WebGPU device gpu.js used last. */
async function lastContext(gpujs: GpuJs, mode: GpuMode): Promise<WebGpuContext | null> {
  return mode === 'webgpu' ? gpujs.WebGPUContext.acquire().catch(() => null) : null;
}

function call(
  { run, arrays, scalars }: Kernel,
  handles: Readonly<Record<string, Handle>>,
  values: readonly number[],
): Awaitable<Handle> {
  for (const name of arrays) {
    if (!handles[name]) throw new InternalError('gpu.js', `there must be an array ${name}`, 'none');
  }
  return run(...arrays.map((name) => handles[name]!), ...scalars.map((k) => Number(values[k])));
}

/** `function (a_p, a_m, s0) { const t0 = …; return …; }`, reading only what the expression does. */
function kernelText(
  expr: Expr,
  body: (result: string, statements: string) => string,
  at = 'this.thread.x',
): { text: string; types: Types; reads: Omit<Kernel, 'run'> } {
  const names = namesIn(expr);
  const arrays = names.filter((name) => !name.startsWith('#'));
  const scalars = names.filter((name) => name.startsWith('#')).map((name) => Number(name.slice(1)));
  const { statements, results } = emit([withComparisons(expr)], (name) =>
    name.startsWith('#') ? `s${name.slice(1)}` : `a_${name}[${at}]`,
  );
  // said outright: gpu.js takes a number that is whole on the first call for an integer
  const types: Types = Object.fromEntries([
    ...arrays.map((name) => [`a_${name}`, 'Array']),
    ...scalars.map((k) => [`s${k}`, 'Float']),
  ]);
  const text = `function (${Object.keys(types).join(', ')}) { ${body(results[0]!, statements.join(' '))} }`;
  return { text, types, reads: { arrays, scalars } };
}

/** A number is no condition on a GPU: `x ? …` becomes `x !== 0 ? …`. */
function withComparisons(expr: Expr): Expr {
  return rewrite(expr, (e, args) => {
    const [test, ...branches] = args;
    if (e.op === '?:' && test!.op === 'name') return node('?:', node('!==', test!, num(0)), ...branches);
    return args.length ? node(e.op, ...args) : e;
  });
}
