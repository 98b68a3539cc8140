import type { TypedArray } from '../core/dtype.ts';
import { type Waiting, wait } from '../core/waiting.ts';
import type { Program } from '../formula/program.ts';
import { DeviceLostError, type GpuDevice, type Handle } from '../kernels/gpu.ts';
import { runUpdate } from '../kernels/update.ts';
import type { Tensor } from '../tensor/index.ts';
import { rootsOf } from './line-part.ts';
import type { ParamRecord } from './record.ts';
import type { Update } from './step.ts';

/** A step that was taken on the device since the host last had everything; to take it again on the host. */
interface Taken {
  /** The parameters, where they were written from outside before the step. */
  readonly p: Float32Array | null;
  readonly program: Program;
  readonly scalars: readonly number[];
  readonly grad: Float32Array;
}

/** Gradients of so many numbers in all are kept to repeat steps with, but of four steps at least. */
const LOG_NUMBERS = 2 ** 26;
const LOG_STEPS = [4, 32] as const;

/**
 * Parameters of a group and what the rule keeps of them, end to end in one array each, resident on a device. In every step
 * the gradient goes up and the parameters come down; what is kept stays, and the host's copy of it is that of the last
 * {@link fetch}. When the device is lost, {@link recover} takes the steps since then again.
 */
export class Arena {
  readonly device: GpuDevice;
  readonly members: readonly Tensor[];
  /** The arrays that are kept, `p` among them. */
  readonly names: readonly string[];
  readonly #records: readonly ParamRecord[];
  readonly #n: number;
  readonly #handles: Record<string, Handle> = {};
  /** The parameters as they last came down. */
  #down: Float32Array;
  /** The parameters as they were when the host last had everything. */
  #start: Float32Array;
  #taken: Taken[] = [];

  private constructor(device: GpuDevice, updates: readonly Update[]) {
    this.device = device;
    this.members = updates.map(({ param }) => param);
    this.names = updates[0]!.work.program.kept;
    this.#records = updates.map(({ record }) => record);
    this.#n = updates.reduce((sum, { work }) => sum + work.count, 0);
    this.#down = this.#joined(partsOf('p', updates));
    this.#start = this.#down;
  }

  /** Takes up the numbers of the host. */
  static *create(device: GpuDevice, updates: readonly Update[]): Waiting<Arena> {
    const arena = new Arena(device, updates);
    for (const name of arena.names) {
      const values = name === 'p' ? arena.#down : arena.#joined(arena.#kept(name));
      arena.#handles[name] = yield* wait(device.upload(values));
    }
    return arena;
  }

  /** The host's arrays of what is kept under a name, one for each parameter. */
  #kept(name: string): TypedArray[] {
    return this.#records.map(({ state }) => state[name]!.storage);
  }

  #joined(parts: readonly TypedArray[]): Float32Array {
    const all = new Float32Array(this.#n);
    let at = 0;
    for (const part of parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  }

  /** Takes one step of the same parameters; nothing is written to the host before all of it is known to be right. */
  *step(updates: readonly Update[]): Waiting<void> {
    const { device } = this;
    const { program, uniforms } = updates[0]!.work;
    const p = this.#joined(partsOf('p', updates));
    const written = same(p, this.#down) ? null : p;
    if (written) {
      const fresh = yield* wait(device.upload(written));
      device.free(this.#handles.p!);
      this.#handles.p = fresh;
      this.#down = written;
    }
    const grad = this.#joined(partsOf('grad', updates));
    const arrays = { ...this.#handles, grad: yield* wait(device.upload(grad)) };
    let { scalars } = updates[0]!.work;
    if (program.norms) {
      const { norms } = program;
      const squares = yield* wait(device.sumSquares(norms, this.#n, arrays, norms.scalars(uniforms)));
      scalars = program.scalars({ ...uniforms, ...rootsOf(squares) });
    }
    const outputs = yield* wait(device.run(program, this.#n, arrays, scalars!));
    const down = yield* wait(device.read(outputs.p!, this.#n));
    for (const [name, handle] of Object.entries(outputs)) {
      device.free(this.#handles[name]!);
      this.#handles[name] = handle;
    }
    device.free(arrays.grad);
    this.#down = down;
    split(down, partsOf('p', updates));
    this.#taken.push({ p: written, program, scalars: scalars!, grad });
    const most = Math.min(Math.max(Math.floor(LOG_NUMBERS / this.#n), LOG_STEPS[0]), LOG_STEPS[1]);
    if (this.#taken.length >= most) yield* this.fetch();
  }

  /** Brings home what is kept. */
  *fetch(): Waiting<void> {
    const fetched: [name: string, values: Float32Array][] = [];
    for (const name of this.names.filter((name) => name !== 'p')) {
      fetched.push([name, yield* wait(this.device.read(this.#handles[name]!, this.#n))]);
    }
    for (const [name, values] of fetched) split(values, this.#kept(name));
    this.#start = this.#down;
    this.#taken = [];
  }

  /** What is kept, from the steps taken since the host last had it, taken again on the host. */
  recover(): void {
    const arrays: Record<string, Float32Array> = { p: this.#start.slice() };
    const kept = this.names.filter((name) => name !== 'p');
    for (const name of kept) arrays[name] = this.#joined(this.#kept(name));
    for (const { p, program, scalars, grad } of this.#taken) {
      if (p) arrays.p = p.slice();
      runUpdate(program, this.#n, { ...arrays, grad }, scalars);
    }
    for (const name of kept) split(arrays[name]!, this.#kept(name));
    this.#taken = [];
  }

  free(): void {
    for (const handle of Object.values(this.#handles)) this.device.free(handle);
  }
}

const partsOf = (name: string, updates: readonly Update[]): TypedArray[] =>
  updates.map(({ work }) => work.arrays[name]!);

function split(all: Float32Array, parts: readonly TypedArray[]): void {
  let at = 0;
  for (const part of parts) {
    part.set(all.subarray(at, at + part.length));
    at += part.length;
  }
}

function same(a: ArrayLike<unknown>, b: ArrayLike<unknown>): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** The arenas of an optimizer. */
export class Arenas {
  readonly #of = new Map<Tensor, Arena>();

  /** Whether anything of these parameters is on a device whose results come later. */
  waits(params: Iterable<Tensor>): boolean {
    for (const p of params) if (this.#of.get(p)?.device.sync === false) return true;
    return false;
  }

  /** Takes a step of parameters that go together; `false` when the device was lost, and the host has everything again. */
  *step(device: GpuDevice, updates: readonly Update[]): Waiting<boolean> {
    try {
      const arena = yield* this.#arenaOf(device, updates);
      yield* arena.step(updates);
      return true;
    } catch (error) {
      if (!(error instanceof DeviceLostError)) throw error;
      this.#recover(device);
      return false;
    }
  }

  *#arenaOf(device: GpuDevice, updates: readonly Update[]): Waiting<Arena> {
    const params = updates.map(({ param }) => param);
    const known = this.#of.get(params[0]!);
    const names = updates[0]!.work.program.kept;
    if (known && known.device === device && same(known.members, params) && same(known.names, names))
      return known;
    yield* this.settle(params);
    const arena = yield* Arena.create(device, updates);
    for (const p of params) this.#of.set(p, arena);
    return arena;
  }

  /** Brings home everything of these parameters, and of those that they share arenas with. */
  *settle(params: Iterable<Tensor>): Waiting<void> {
    for (const arena of new Set([...params].flatMap((p) => this.#of.get(p) ?? []))) {
      try {
        yield* arena.fetch();
        arena.free();
      } catch (error) {
        if (!(error instanceof DeviceLostError)) throw error;
        this.#recover(arena.device);
      }
      for (const p of arena.members) this.#of.delete(p);
    }
  }

  /** Forgets everything on devices. */
  drop(): void {
    for (const arena of new Set(this.#of.values())) if (!arena.device.lost) arena.free();
    this.#of.clear();
  }

  #recover(device: GpuDevice): void {
    for (const arena of new Set(this.#of.values())) {
      if (arena.device !== device) continue;
      arena.recover();
      for (const p of arena.members) this.#of.delete(p);
    }
    const lost = `the ${device.mode} device was lost`;
    console.warn(`gradlet: ${lost}. Updates go on in the loop; nothing of the training is lost.`);
  }
}
