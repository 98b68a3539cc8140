import { show, ValueError } from '../../core/errors.ts';
import { type Awaitable, atOnce, finishLater, finishNow, type Waiting, wait } from '../../core/waiting.ts';
import { withoutScope } from '../../tensor/block.ts';
import { contiguousData, type Tensor, tensor } from '../../tensor/index.ts';
import { Averaging } from '../averaging.ts';
import type { AnyOptimizerClass } from '../define.ts';
import type { ParamGroup } from '../groups.ts';
import { checkValue } from '../hyperparameters.ts';
import { wholeFrom0 } from '../schedules/options.ts';
import { checkCount, checkKind, checkObject, type OptimizerState, readTensor } from '../state.ts';

/** What an {@link Optimizer} and a {@link Wrapper} around one have in common: all that a training loop asks of them. */
export interface OptimizerLike {
  /** The groups of parameters; their options, such as `lr`, may be written and count from the next step on. */
  readonly groups: readonly ParamGroup[];
  /** How many steps were taken. */
  readonly steps: number;
  /** The learning rate of the first group; setting it sets that of all groups. */
  lr: number;
  /** Forgets all gradients: sets every `grad` to `null`. */
  zeroGrad(): void;
  /** Changes every parameter by its gradient. */
  step(): void;
  /**
   * Computes the loss and its gradients anew, and changes every parameter by its gradient.
   *
   * @param closure - clears the gradients, computes the loss and calls `backward`
   * @returns what the closure returns
   */
  step<T>(closure: () => T): T;
  /** As `step`, for every GPU backend. */
  stepAsync(): Promise<void>;
  /**
   * The same after a closure, which may be asynchronous.
   *
   * @param closure - clears the gradients, computes the loss and calls `backward`
   * @returns what the closure returns
   */
  stepAsync<T>(closure: () => T | Promise<T>): Promise<T>;
  /** Reports a number, such as a validation loss, to schedules that go by it. */
  observe(value: number): void;
  /** Loads gpu.js where the option `gpu` wants it, so that `step` can use it. */
  ready(): Promise<void>;
  /** Brings home what is kept on a GPU. */
  sync(): Promise<void>;
  /** The average of every parameter that one is kept of, in new tensors. */
  averages(): Map<Tensor, Tensor>;
  /** Runs `fn` with the averages in the place of the parameters, and then puts the parameters back. */
  withAverages<T>(fn: () => T): T;
  /** Writes the averages into the parameters, at the end of a training. */
  applyAverages(): void;
  /** A copy of what a training goes on from, besides the parameters. */
  stateDict(): OptimizerState | WrapperState;
  /** Goes on from a state that `stateDict` returned, also by way of JSON. */
  loadStateDict(state: OptimizerState | WrapperState): void;
  /** The name, and the options of every group. */
  toString(): string;
}

/** What a saved state of a wrapper says of one parameter. */
export interface SavedKept {
  /** How many values have gone into it. */
  readonly t: number;
  /** The average, the slow weights, or the sum of gradients, in the parameter's shape. */
  readonly value: Tensor;
}

/** The state of a wrapper, from `stateDict` for `loadStateDict`. */
export interface WrapperState {
  /** The wrapper's name. */
  readonly wrapper: string;
  /** How many micro-batches {@link accumulate} has gathered since its last step; 0 for other wrappers. */
  readonly count: number;
  /** One per parameter, in the order of the groups; `null` where nothing is kept. */
  readonly params: readonly (SavedKept | null)[];
  /** The state of what is inside. */
  readonly inner: OptimizerState | WrapperState;
}

/** What a wrapper keeps of one parameter. */
interface Kept {
  t: number;
  value: Tensor;
}

type Closure<T> = () => Awaitable<T>;

/** How a step is taken: at once, or waiting for what comes later. */
export interface Pace {
  /** What a closure returns. */
  call<T>(closure: Closure<T>): Awaitable<T>;
  /** A step of what is inside. */
  step<T>(closure?: Closure<T>): Awaitable<T | undefined>;
  /** The same for a step that is half gathered. */
  flush(): Awaitable<void>;
}

const now = (where: string, inner: OptimizerLike): Pace => ({
  call: (closure) => atOnce(where, 'the closure', closure(), 'Use `await optimizer.stepAsync(closure)`.'),
  step: (closure) => (closure ? inner.step(closure) : inner.step()) as undefined,
  flush: () => (inner instanceof Wrapper ? inner.flush() : undefined),
});

const later = (inner: OptimizerLike): Pace => ({
  call: (closure) => closure(),
  step: (closure) => (closure ? inner.stepAsync(closure) : inner.stepAsync()) as Promise<undefined>,
  flush: () => (inner instanceof Wrapper ? inner.flushAsync() : undefined),
});

/**
 * What has been put around an optimizer, by {@link ema} for one: it trains as the optimizer does, so a training loop stays
 * as it is. Wrappers can be put around each other.
 *
 * @example
 * ```ts
 * import { createOptimizer, ema, lookahead, nn, ones } from 'gradlet';
 * const model = new nn.Linear(2, 1);
 * const optimizer = ema(lookahead(createOptimizer('sgd', model)), { decay: 0.99 });
 * for (let step = 0; step < 3; step++) {
 *   optimizer.zeroGrad();
 *   model.forward(ones([1, 2])).sum().backward();
 *   optimizer.step();
 * }
 * optimizer.steps; // → 3
 * optimizer.inner.inner.engineOf(model.weight); // → loop
 * String(optimizer).split('\n').slice(0, 3);
 * // → ["ema: decay 0.99, warmup true, every 1","lookahead: k 5, alpha 0.5","sgd {"]
 * ```
 */
export abstract class Wrapper<O extends OptimizerLike = OptimizerLike>
  extends Averaging
  implements OptimizerLike
{
  /** What is inside: the optimizer, or another wrapper around it. */
  readonly inner: O;
  /** @internal */
  protected count = 0;
  /** @internal */
  protected kept = new Map<Tensor, Kept>();
  readonly #name: string;
  readonly #options: object;
  /** Whether a `stepAsync` is under way. */
  #busy = false;

  /** @internal */
  protected constructor(name: string, inner: O, options: object) {
    super();
    if (typeof inner?.step !== 'function' || !Array.isArray(inner.groups)) {
      const advice = 'Make one with createOptimizer(name, model).';
      throw new ValueError(name, 'what is wrapped must be an optimizer', show(inner), advice);
    }
    this.#name = name;
    this.inner = inner;
    this.#options = options;
  }

  get groups(): O['groups'] {
    return this.inner.groups;
  }

  get steps(): number {
    return this.inner.steps;
  }

  get lr(): number {
    return this.inner.lr;
  }

  set lr(lr: number) {
    this.inner.lr = lr;
  }

  zeroGrad(): void {
    this.inner.zeroGrad();
  }

  observe(value: number): void {
    this.inner.observe(value);
  }

  ready(): Promise<void> {
    return this.inner.ready();
  }

  sync(): Promise<void> {
    return this.inner.sync();
  }

  step(): void;
  step<T>(closure: () => T): T;
  step<T>(closure?: () => T): T | undefined {
    const where = `${this.#name}.step`;
    this.checkInPlace(where);
    const call = (): T => {
      const result = closure!();
      this.checkInPlace(where);
      return result;
    };
    return withoutScope((inside) => {
      const again = closure && (() => inside(call));
      return finishNow(this.run(now(where, this.inner), again));
    });
  }

  async stepAsync(): Promise<void>;
  async stepAsync<T>(closure: () => T | Promise<T>): Promise<T>;
  async stepAsync<T>(closure?: () => T | Promise<T>): Promise<T | undefined> {
    return this.#whileBusy('step', this.run(later(this.inner), closure));
  }

  /**
   * Takes the step for which {@link accumulate}, here or further inside, has gathered fewer micro-batches than it wants:
   * at the end of an epoch, say. Without any nothing happens.
   */
  flush(): void {
    const where = `${this.#name}.flush`;
    this.checkInPlace(where);
    withoutScope(() => finishNow(this.rest(now(where, this.inner))));
  }

  /** As {@link flush}, for every GPU backend. */
  async flushAsync(): Promise<void> {
    await this.#whileBusy('flush', this.rest(later(this.inner)));
  }

  async #whileBusy<R>(method: string, work: Waiting<R>): Promise<R> {
    this.checkInPlace(`${this.#name}.${method}`);
    this.#busy = true;
    try {
      return await finishLater(work);
    } finally {
      this.#busy = false;
    }
  }

  /** @internal */
  get needsClosure(): string | null {
    return needsClosure(this.inner);
  }

  /** One step. @internal */
  protected run<T>(pace: Pace, closure: Closure<T> | undefined): Waiting<T | undefined> {
    return this.#watched(() => pace.step(closure));
  }

  /** What {@link flush} does. @internal */
  protected rest(pace: Pace): Waiting<void> {
    return this.#watched(() => pace.flush());
  }

  *#watched<R>(work: () => Awaitable<R>): Waiting<R> {
    const { steps } = this;
    this.begin();
    const result = yield* wait(work());
    // one that was skipped does not count
    if (this.steps > steps) this.stepped();
    return result;
  }

  /** Before what may become a step. @internal */
  protected begin(): void {}

  /** After a step that was taken. @internal */
  protected stepped(): void {}

  /** @internal */
  protected get params(): Tensor[] {
    return this.groups.flatMap(({ params }) => params);
  }

  /** Begins to keep the value of a parameter. @internal */
  protected keep(p: Tensor, t: number): void {
    this.kept.set(p, { t, value: tensor(p) });
  }

  override averages(): Map<Tensor, Tensor> {
    return this.inner.averages();
  }

  /** Copies of what is kept. @internal */
  protected copies(): Map<Tensor, Tensor> {
    const known = this.params.filter((p) => this.kept.has(p));
    return new Map(known.map((p) => [p, tensor(this.kept.get(p)!.value)]));
  }

  /** A copy of what a training goes on from, besides the parameters: what is kept here, and the state of what is inside. */
  stateDict(): WrapperState {
    const params = this.params.map((p) => {
      const kept = this.kept.get(p);
      return kept ? { t: kept.t, value: tensor(kept.value) } : null;
    });
    return { wrapper: this.#name, count: this.count, params, inner: this.inner.stateDict() };
  }

  /**
   * Goes on from a state that {@link stateDict} returned, also by way of JSON, of the same wrappers around the same kind of
   * optimizer over parameters of the same shapes. Options of wrappers are not in it.
   *
   * @throws {@link ValueError} or {@link ShapeError} when the state does not fit; nothing is changed then
   */
  loadStateDict(state: WrapperState): void {
    const where = `${this.#name}.loadStateDict`;
    this.checkInPlace(where);
    checkKind(where, this.#name, state);
    checkObject(where, 'the state', state, ['wrapper', 'count', 'params', 'inner']);
    checkValue(where, 'count', state.count, wholeFrom0);
    const { params } = this;
    checkCount(where, 'parameters', state.params, params.length);
    const kept = new Map<Tensor, Kept>();
    for (const [i, p] of params.entries()) {
      const saved = state.params[i];
      if (saved === null) continue;
      const here = `${where}, parameter ${i}`;
      checkObject(here, 'what is saved', saved, ['t', 'value']);
      checkValue(here, 't', saved!.t, wholeFrom0);
      kept.set(p, { t: saved!.t, value: readTensor(here, 'value', saved!.value, p.dtype, p.shape) });
    }
    this.inner.loadStateDict(state.inner);
    this.kept = kept;
    this.count = state.count;
  }

  /** @internal */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }

  /** The name with the options, and below what is inside. */
  override toString(): string {
    const options = Object.entries(this.#options).map(([name, value]) => `${name} ${value}`);
    return `${this.#name}: ${options.join(', ')}\n${this.inner}`;
  }

  /** @internal */
  protected override checkInPlace(where: string): void {
    super.checkInPlace(where);
    if (this.#busy)
      throw new ValueError(where, 'the step before must have ended', 'one still under way', 'Await it.');
  }
}

/** The name of what needs a closure to step, here or further inside; `null` where nothing does. */
function needsClosure(optimizer: OptimizerLike): string | null {
  if (optimizer instanceof Wrapper) return optimizer.needsClosure;
  const { rule } = optimizer.constructor as Partial<AnyOptimizerClass>;
  return rule && 'search' in rule ? rule.name : null;
}

/** Throws for what needs a closure, on behalf of a wrapper that has none to hand on. */
export function checkSteps(where: string, inner: OptimizerLike, advice?: string): void {
  const name = needsClosure(inner);
  if (name === null) return;
  throw new ValueError(where, 'what is wrapped must step without a closure', name, advice);
}

/** average ← average + weight · (value − average), in place. */
export function blend(average: Tensor, value: Tensor, weight: number): void {
  const [a, x] = [contiguousData(average), contiguousData(value)];
  if (weight === 1) a.set(x);
  else for (let i = 0; i < a.length; i++) a[i]! += weight * (x[i]! - a[i]!);
}
