import { bytesFor, type Heap, instantiate } from './heap.ts';
import type { WasmModule } from './module.ts';

/** Words of the control block that threads share; then come the first calls of tasks, and the modules. */
const NEXT = 0; // the next task to take; tasks are numbered on and on, modulo 2³²
const LIMIT = 1; // the task after the last
const DONE = 2; // how many are done
const WAITS = 3; // whether the main thread sleeps until one is done
const CALLED = 4; // counts up when there may be something to do
const SLEEPERS = 5; // how many workers sleep until then
const STATE = 6; // 1: a worker failed; 2: the pool has ended
const MODULES = 7; // how many modules there are
const TASKS = 8;
/** The most tasks that may be posted before they are finished. */
export const MOST_TASKS = 1024;
const TABLE = TASKS + MOST_TASKS;
const WORDS = 8192;

/** Parameters of a call: as many as the longest function takes. */
const PARAMETERS = 13;
/** Words of a call: the function, its parameters, and the address, in words, of the next call of the task. */
const CALL = PARAMETERS + 2;
/** Bytes that a call takes of the heap. */
export const CALL_BYTES = 4 * CALL + 16;

const parameters = Array.from({ length: PARAMETERS }, (_, k) => `w[r+${k + 1}]`).join();

/**
 * Takes tasks while there are some: `c` is the control block, `w` the heap, `f` the functions so far, and `more` adds those
 * of the next module. Gives how many it did, or tried to.
 */
const WORK = `
for (let done = 0; ; done++) {
  const t = Atomics.load(c, ${NEXT});
  if (t === Atomics.load(c, ${LIMIT})) return done;
  if (Atomics.compareExchange(c, ${NEXT}, t, t + 1 | 0) !== t) continue;
  for (let r = c[${TASKS} + (t & ${MOST_TASKS - 1})]; r; r = w[r + ${CALL - 1}]) {
    while (f.length <= w[r]) more();
    f[w[r]](${parameters});
  }
  Atomics.add(c, ${DONE}, 1);
  if (Atomics.load(c, ${WAITS})) Atomics.notify(c, ${DONE});
}`;

/**
 * How long workers look out for tasks before they sleep, in ms: after some that they did, and after none. Where cores are
 * taken by other processes, they hold up the main thread for so long.
 */
const SPIN = 0.5;
const SPIN_IN_VAIN = 0.1;
/** How long the main thread looks out for the last task to be done before it sleeps, in ms. */
const MAIN_SPIN = 0.1;
/** From then on workers that have not done their task are taken for dead, in ms. */
const PATIENCE = 2000;

/** Work was held up that took so many ms and so many times as long as at best; a rest follows, so many times as long. */
const HELD_UP = 0.2;
const SLOW = 4;
const REST = 20;

/** What a worker runs, given `{ memory, control }`. It ends when there is no more to wait for. */
export const WORKER = `
const start = ({ memory, control: c }) => {
  const w = new Int32Array(memory.buffer);
  const f = [];
  let modules = 0;
  const more = () => {
    const k = ${TABLE} + 2 * modules++;
    const bytes = new Uint8Array(memory.buffer, c[k], c[k + 1]).slice();
    f.push(...Object.values(new WebAssembly.Instance(new WebAssembly.Module(bytes), { e: { m: memory } }).exports));
  };
  const work = () => {${WORK}};
  try {
    while (Atomics.load(c, ${STATE}) !== 2) {
      const called = Atomics.load(c, ${CALLED});
      const spin = work() ? ${SPIN} : ${SPIN_IN_VAIN};
      const until = performance.now() + spin;
      let same = true;
      do for (let i = 0; same && i < 100; i++) same = Atomics.load(c, ${CALLED}) === called;
      while (same && performance.now() < until);
      if (!same) continue;
      Atomics.add(c, ${SLEEPERS}, 1);
      Atomics.wait(c, ${CALLED}, called);
      Atomics.sub(c, ${SLEEPERS}, 1);
    }
  } catch {
    Atomics.store(c, ${STATE}, 1);
    Atomics.notify(c, ${DONE});
  }
};`;

type Work = (c: Int32Array, w: Int32Array, f: readonly unknown[]) => void;

/**
 * Threads that share a heap. Tasks are taken by whichever thread is free, the main thread among them: it does all of them
 * where workers have not started yet, or are no more, so that it waits for a worker only while that one is in a task.
 */
export class Pool {
  readonly heap: Heap;
  readonly control: Int32Array<SharedArrayBuffer>;
  readonly #functions: unknown[] = [];
  readonly #loaded = new Map<() => WasmModule, number>();
  /** Tasks that are begun and not posted, and where the last call stands in the heap. */
  #begun = 0;
  #last = 0;
  /** Work that was done in a ms when it went best, and until when there shall be none. */
  #best = 0;
  #rest = 0;
  readonly #work = new Function('c', 'w', 'f', WORK) as Work;

  constructor(heap: Heap) {
    this.heap = heap;
    this.control = new Int32Array(new SharedArrayBuffer(4 * WORDS));
  }

  /** The number of the first function of a module; the others follow in their order. */
  load(build: () => WasmModule): number {
    const known = this.#loaded.get(build);
    if (known !== undefined) return known;
    const { heap, control } = this;
    const bytes = bytesFor(heap, build);
    const at = heap.scratch(bytes.length);
    new Uint8Array(heap.memory.buffer).set(bytes, at);
    control.set([at, bytes.length], TABLE + 2 * control[MODULES]!++);
    const first = this.#functions.length;
    this.#functions.push(...Object.values(instantiate<object>(heap, bytes)));
    this.#loaded.set(build, first);
    return first;
  }

  /** Whether no worker sleeps, or would have to be woken. */
  get awake(): boolean {
    return Atomics.load(this.control, SLEEPERS) === 0;
  }

  /** Whether tasks were held up of late: see {@link note}. */
  get rests(): boolean {
    return performance.now() < this.#rest;
  }

  /**
   * Notes that so much work took so many ms. Where other processes take the cores, workers are held up in the middle of
   * tasks, and one thread is faster; with a long rest after each time, little is lost to them.
   */
  note(work: number, ms: number): void {
    if (ms > HELD_UP + (SLOW * work) / this.#best) this.#rest = performance.now() + REST * ms;
    this.#best = Math.max(this.#best, work / Math.max(ms, HELD_UP));
  }

  /** Wakes workers that sleep, so that they are there when tasks are. */
  wake(): void {
    const { control } = this;
    Atomics.add(control, CALLED, 1);
    if (Atomics.load(control, SLEEPERS)) Atomics.notify(control, CALLED);
  }

  /** Begins a task: the calls to come, one after the other, or none. It may be taken after {@link post}. */
  task(): void {
    this.#begun++;
    this.#last = 0;
    this.control[this.#slot] = 0;
  }

  /** Where the address of the task's first call belongs. */
  get #slot(): number {
    return TASKS + ((this.control[LIMIT]! + this.#begun - 1) & (MOST_TASKS - 1));
  }

  /** Adds to the task a call of a function that is loaded. */
  call(fn: number, ...parameters: number[]): void {
    const { whole } = this.heap;
    const at = this.heap.scratch(4 * CALL) >> 2;
    if (this.#last) whole[this.#last + CALL - 1] = at;
    else this.control[this.#slot] = at;
    whole[at] = fn;
    for (let p = 0; p < parameters.length; p++) whole[at + 1 + p] = parameters[p]!;
    whole[at + CALL - 1] = 0;
    this.#last = at;
  }

  /** Lets threads take the tasks that were begun. */
  post(): void {
    const { control } = this;
    Atomics.store(control, LIMIT, (control[LIMIT]! + this.#begun) | 0);
    this.#begun = 0;
    this.wake();
  }

  /** Whether all tasks are done. */
  isDone(): boolean {
    return Atomics.load(this.control, DONE) === this.control[LIMIT];
  }

  /**
   * Takes part in the tasks, until all are done.
   *
   * @returns whether they are; if not, a worker is lost with its task, and the heap may change at any time
   */
  finish(): boolean {
    const { control } = this;
    this.#work(control, this.heap.whole, this.#functions);
    let done = Atomics.load(control, DONE);
    for (let i = 0; done !== control[LIMIT] && i < 2000; i++) done = Atomics.load(control, DONE);
    if (done === control[LIMIT]) return true;
    let start = performance.now();
    while (done !== control[LIMIT]) {
      const waited = performance.now() - start;
      if (Atomics.load(control, STATE) || waited > PATIENCE) return false;
      if (waited > MAIN_SPIN) {
        Atomics.store(control, WAITS, 1);
        Atomics.wait(control, DONE, done, PATIENCE / 8);
        Atomics.store(control, WAITS, 0);
      }
      const now = Atomics.load(control, DONE);
      if (now !== done) start = performance.now();
      done = now;
    }
    return true;
  }

  /** Tells workers to end. */
  end(): void {
    Atomics.store(this.control, STATE, 2);
    this.wake();
  }
}
