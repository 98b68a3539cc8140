import { allocate, type TypedArray } from '../core/dtype.ts';
import { checkKeys, ValueError } from '../core/errors.ts';
import type { Program, Uniforms } from '../formula/program.ts';
import type { GpuEngine } from '../kernels/gpu.ts';
import { runUpdate, type UpdateArrays } from '../kernels/update.ts';
import { assign, contiguousData, type Tensor } from '../tensor/index.ts';
import { clipScale, maxDomain, totalNorm } from './clip.ts';
import { EngineChoice, type GpuOption, type UpdateEngine } from './engine.ts';
import {
  given,
  groupsIn,
  makeGroup,
  type OptimizerParams,
  type ParamGroup,
  type ParamGroupOptions,
} from './groups.ts';
import {
  checkValue,
  type OptimizerDefaults,
  type OptimizerSettings,
  type WithLr,
} from './hyperparameters.ts';
import type { CompiledRule, StepScalars } from './rule.ts';
import { type OptimizerState, type ParamRecord, readState, saveState } from './state.ts';

/** Options of an optimizer as a whole. */
export interface StepOptions {
  /**
   * Scales all gradients together to at most this norm before every step, as {@link clipGradNorm} does, and leaves the
   * norm in `gradNorm`; `Infinity` only measures. In [0, ∞]. Default `null`: off.
   */
  readonly clipNorm?: number | null;
  /** Holds every element of a gradient between `−clipValue` and `clipValue`, after `clipNorm`. In [0, ∞]. Default `Infinity`. */
  readonly clipValue?: number;
  /** Whether updates run on the GPU. Default `'off'`. */
  readonly gpu?: GpuOption;
}

/** All options of an optimizer. */
export type OptimizerOptions<H> = Partial<OptimizerSettings<H>> & StepOptions;

const STEP_OPTIONS: readonly (keyof StepOptions)[] = ['clipNorm', 'clipValue', 'gpu'];

/** One parameter on its way through a step. */
interface Update {
  readonly param: Tensor;
  readonly record: ParamRecord;
  readonly values: TypedArray;
  readonly perStep: StepScalars;
  readonly program: Program;
  readonly arrays: UpdateArrays;
  readonly scalars: readonly number[];
  readonly gpu: GpuEngine | null;
}

/**
 * What all optimizers have in common. Make one with {@link createOptimizer} or its class, such as {@link Adam}, and a new
 * kind with {@link defineOptimizer}.
 *
 * A step changes every parameter that has a gradient and requires one; the others, and their count of steps, stay.
 */
export class Optimizer<H extends OptimizerDefaults = WithLr> {
  /** The largest norm of all gradients together, or `null` to leave it alone. */
  clipNorm: number | null;
  /** The largest |gradient| of an element. */
  clipValue: number;
  /** The norm of all gradients in the last step, before clipping; `null` where `clipNorm` is. */
  gradNorm: number | null = null;
  readonly #rule: CompiledRule;
  readonly #groups: ParamGroup[] = [];
  readonly #records = new Map<Tensor, ParamRecord>();
  readonly #options: Uniforms;
  readonly #engines: EngineChoice;
  /** Filled anew for every parameter: writing into one object is 30 times faster than making one of this size. */
  readonly #uniforms: Record<string, number | boolean | string> = {};
  #busy = false;

  /** @internal */
  protected constructor(rule: CompiledRule, params: OptimizerParams<H>, options: OptimizerOptions<H>) {
    const where = rule.rule.name;
    checkKeys(where, options, [...Object.keys(rule.defaults), ...STEP_OPTIONS]);
    const { clipNorm = null, clipValue = Infinity, gpu = 'off', ...settings } = options;
    this.#rule = rule;
    this.#options = { ...rule.defaults, ...given(settings) };
    this.#engines = new EngineChoice(where, gpu);
    this.clipNorm = clipNorm;
    this.clipValue = clipValue;
    this.#checkClipping(where);
    rule.check(where, this.#options);
    for (const group of groupsIn(where, params)) this.addGroup(group as ParamGroupOptions<H>);
  }

  /** The groups of parameters; their options, such as `lr`, may be written and count from the next step on. */
  get groups(): readonly ParamGroup<H>[] {
    return this.#groups as object[] as ParamGroup<H>[];
  }

  /** The learning rate of the first group; setting it sets that of all groups. */
  get lr(): number {
    return this.#groups[0]!.lr;
  }

  set lr(lr: number) {
    for (const group of this.#groups) group.lr = lr;
  }

  /**
   * Adds parameters with options of their own.
   *
   * @throws {@link ValueError} for an unknown option or one out of its range, no parameters, and parameters that cannot
   * be trained or are here already
   */
  addGroup(group: ParamGroupOptions<H>): void {
    const made = makeGroup(this.#rule, this.#options, this.#records, group);
    this.#groups.push(made);
    for (const p of made.params) this.#records.set(p, { t: 0, perStep: {}, state: {}, engine: null });
  }

  /** Forgets all gradients: sets every `grad` to `null`. */
  zeroGrad(): void {
    for (const p of this.#records.keys()) p.grad = null;
  }

  /**
   * Changes every parameter by its gradient.
   *
   * @throws {@link ValueError} when an option was set to a value out of its range; nothing is changed then
   */
  step(): void;
  /**
   * Computes the loss and its gradients anew, and changes every parameter by its gradient.
   *
   * @param closure - clears the gradients, computes the loss and calls `backward`; called once, before the step
   * @returns what the closure returns
   */
  step<T>(closure: () => T): T;
  step<T>(closure?: () => T): T | undefined {
    const loss = closure?.();
    if (loss instanceof Promise) {
      loss.catch(() => undefined);
      const where = `${this.#rule.rule.name}.step`;
      throw new ValueError(
        where,
        'the closure must be synchronous',
        'one that returns a promise',
        'Use `await optimizer.stepAsync(closure)`.',
      );
    }
    for (const update of this.#prepare('sync')) {
      run(update);
      this.#finish(update);
    }
    return loss;
  }

  /** As {@link step}, for every GPU backend: loads gpu.js where the option `gpu` wants it, and waits for its results. */
  async stepAsync(): Promise<void>;
  /**
   * The same after a closure, which may be asynchronous.
   *
   * @param closure - clears the gradients, computes the loss and calls `backward`; called once, before the step
   * @returns what the closure returns
   */
  async stepAsync<T>(closure: () => T | Promise<T>): Promise<T>;
  async stepAsync<T>(closure?: () => T | Promise<T>): Promise<T | undefined> {
    await this.ready();
    const loss = await closure?.();
    const updates = this.#prepare('async');
    this.#busy = true;
    try {
      for (const update of updates) {
        await run(update);
        this.#finish(update);
      }
    } finally {
      this.#busy = false;
    }
    return loss;
  }

  /** Loads gpu.js where the option `gpu` wants it, so that `step` can use it. */
  ready(): Promise<void> {
    return this.#engines.ready();
  }

  /** What ran the last update of a parameter, or `null` before its first. */
  engineOf(param: Tensor): UpdateEngine | null {
    return this.#records.get(param)?.engine ?? null;
  }

  /**
   * A copy of what a training goes on from, besides the parameters: options of the groups, counts, moments. Options of
   * the optimizer as a whole, such as `clipNorm`, are given again when it is created.
   */
  stateDict(): OptimizerState {
    return saveState(this.#rule, this.#groups, this.#records);
  }

  /**
   * Goes on from a state that {@link stateDict} returned, also by way of JSON, of the same kind of optimizer over
   * parameters of the same shapes.
   *
   * @throws {@link ValueError} or {@link ShapeError} when the state does not fit; nothing is changed then
   */
  loadStateDict(state: OptimizerState): void {
    const { settings, records } = readState(this.#rule, this.#groups, state);
    for (const [k, group] of this.#groups.entries()) Object.assign(group, settings[k]);
    for (const [param, record] of records) this.#records.set(param, record);
  }

  /** @internal */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }

  /** The name, and the options of every group. */
  toString(): string {
    const lines = this.#groups.map(({ params, ...settings }) => {
      const options = Object.entries(settings).map(([name, value]) => `${name} ${value}`);
      const numbers = params.reduce((sum, p) => sum + p.size, 0);
      return `  ${count(params.length, 'parameter')}, ${count(numbers, 'number')}: ${options.join(', ')}`;
    });
    return `${this.#rule.rule.name} {\n${lines.join('\n')}\n}`;
  }

  #checkClipping(where: string): void {
    if (this.clipNorm !== null) checkValue(where, 'clipNorm', this.clipNorm, maxDomain);
    checkValue(where, 'clipValue', this.clipValue, maxDomain);
  }

  /** Checks everything before anything is written, and collects what the step needs. */
  #prepare(wait: 'sync' | 'async'): Update[] {
    const where = `${this.#rule.rule.name}.step`;
    if (this.#busy)
      throw new ValueError(where, 'the step before must have ended', 'one still under way', 'Await it.');
    this.#checkClipping(where);
    for (const group of this.#groups) this.#rule.check(where, group);

    const moving = this.#groups.map(({ params }) => params.filter((p) => p.grad && p.requiresGrad));
    this.gradNorm = this.clipNorm === null ? null : totalNorm(moving.flat().map((p) => p.grad!));
    const scale = this.gradNorm === null ? 1 : clipScale(this.gradNorm, this.clipNorm!);
    return moving.flatMap((params, k) => {
      const settings = this.#groups[k]! as object as Uniforms;
      const decoupled = settings.decay === 'decoupled';
      Object.assign(this.#uniforms, settings, { decoupled, clipScale: scale, clipValue: this.clipValue });
      return params.map((p) => this.#prepareOne(p, settings, this.#engines.gpuFor(p, wait)));
    });
  }

  #prepareOne(param: Tensor, settings: Uniforms, gpu: GpuEngine | null): Update {
    const record = this.#records.get(param)!;
    const perStep = this.#rule.scalarsAt(record.t + 1, settings, record.perStep);
    const uniforms = Object.assign(this.#uniforms, perStep);
    const program = this.#rule.list.specialize(uniforms);
    const values = contiguousData(param);
    for (const name of program.outputs.keys()) {
      if (name !== 'p') record.state[name] ??= this.#initial(name, param, values, settings);
    }
    const arrays = { p: values, grad: contiguousData(param.grad!), ...record.state };
    return { param, record, values, perStep, program, arrays, scalars: program.scalars(uniforms), gpu };
  }

  #initial(name: string, param: Tensor, values: TypedArray, settings: Uniforms): TypedArray {
    const array = allocate(param.dtype, param.size);
    const initial = this.#rule.rule.initial?.[name] as
      | ((element: { p: number }, settings: Uniforms) => number)
      | undefined;
    if (initial) for (let i = 0; i < array.length; i++) array[i] = initial({ p: values[i]! }, settings);
    return array;
  }

  #finish({ param, record, values, perStep, gpu }: Update): void {
    // a parameter whose numbers stand in order was changed in place; this also tells backward of it
    assign(param, values);
    record.t++;
    record.perStep = perStep;
    record.engine = gpu?.mode ?? 'loop';
  }
}

function run({ gpu, program, param, arrays, scalars }: Update): void | Promise<void> {
  if (gpu) return gpu.run(program, param.size, arrays, scalars);
  runUpdate(program, param.size, arrays, scalars);
}

const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;
