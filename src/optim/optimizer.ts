import type { TypedArray } from '../core/dtype.ts';
import { checkKeys, show, ValueError } from '../core/errors.ts';
import type { Uniforms } from '../formula/program.ts';
import type { GpuEngine } from '../kernels/gpu.ts';
import { runUpdate } from '../kernels/update.ts';
import { assign, contiguousData, Tensor } from '../tensor/index.ts';
import { Averaging } from './averaging.ts';
import { type ClippingOptions, checkClipping, clip, type Gradient, type StepReport } from './clipping.ts';
import type { CompiledRule } from './compiled.ts';
import { EngineChoice, type GpuOption, type UpdateEngine } from './engine.ts';
import { GroupList } from './group-list.ts';
import {
  type GroupOptions,
  given,
  givenGroup,
  groupsIn,
  type MatchedGroupOptions,
  type OptimizerParams,
  type ParamGroup,
  type ParamGroupOptions,
} from './groups.ts';
import type { OptimizerDefaults, WithLr } from './hyperparameters.ts';
import type { Work } from './line-part.ts';
import type { ParamRecord } from './record.ts';
import type { StepScalars } from './rule.ts';
import { sharedScalars } from './shared-lines.ts';
import { type OptimizerState, readState, saveState } from './state.ts';

/** Options of an optimizer as a whole. */
export interface StepOptions extends Readonly<ClippingOptions> {
  /** Whether updates run on the GPU. Default `'off'`. */
  readonly gpu?: GpuOption;
  /** Whether every step leaves a {@link StepReport} in `report`. Default false. */
  readonly report?: boolean;
}

/** All options of an optimizer. */
export type OptimizerOptions<H> = GroupOptions<H> &
  StepOptions & {
    /** Options of their own for some of the parameters, which are selected by name, class or otherwise. */
    readonly groups?: readonly MatchedGroupOptions<H>[];
  };

const STEP_OPTIONS: readonly (keyof OptimizerOptions<WithLr>)[] = [
  'clipNorm',
  'clipValue',
  'clipAdaptive',
  'nonFinite',
  'report',
  'gpu',
  'groups',
  'schedules',
];

/** One parameter on its way through a step. */
interface Update {
  readonly param: Tensor;
  readonly record: ParamRecord;
  readonly perStep: StepScalars;
  readonly work: Work;
  readonly gpu: GpuEngine | null;
}

/**
 * What all optimizers have in common. Make one with {@link createOptimizer} or its class, such as {@link Adam}, and a new
 * kind with {@link defineOptimizer}.
 *
 * A step changes every parameter that has a gradient and requires one; the others, and their count of steps, stay.
 */
export class Optimizer<H extends OptimizerDefaults = WithLr>
  extends Averaging
  implements Required<ClippingOptions>
{
  clipNorm: Required<ClippingOptions>['clipNorm'];
  clipValue: number;
  clipAdaptive: Required<ClippingOptions>['clipAdaptive'];
  nonFinite: Required<ClippingOptions>['nonFinite'];
  /** The norm of all gradients in the last step, before `clipNorm`; `null` without it. */
  gradNorm: number | null = null;
  /** What the last step did to the gradients, where the option `report` asks for it; else `null`. */
  report: StepReport | null = null;
  readonly #rule: CompiledRule;
  readonly #list: GroupList;
  readonly #engines: EngineChoice;
  readonly #reports: boolean;
  /** Filled anew for every parameter: writing into one object is 30 times faster than making one of this size. */
  readonly #uniforms: Record<string, number | boolean | string> = {};
  #busy = false;

  /** @internal */
  protected constructor(rule: CompiledRule, params: OptimizerParams<H>, options: OptimizerOptions<H>) {
    super();
    const where = rule.rule.name;
    checkKeys(where, options, [...Object.keys(rule.defaults), ...STEP_OPTIONS]);
    const {
      clipNorm = null,
      clipValue = Infinity,
      clipAdaptive = null,
      nonFinite = 'propagate',
      report = false,
      gpu = 'off',
      groups,
      schedules = {},
      ...settings
    } = options;
    this.#rule = rule;
    const all = { ...rule.defaults, ...given(settings) };
    this.#list = new GroupList(rule, all, schedules);
    this.#engines = new EngineChoice(where, gpu);
    this.#reports = report;
    this.clipNorm = clipNorm;
    this.clipValue = clipValue;
    this.clipAdaptive = clipAdaptive;
    this.nonFinite = nonFinite;
    checkClipping(where, this);
    rule.check(where, all);
    for (const group of groupsIn(where, params, groups)) this.#list.add(group);
  }

  /** The groups of parameters; their options, such as `lr`, may be written and count from the next step on. */
  get groups(): readonly ParamGroup<H>[] {
    return this.#list.groups as object[] as ParamGroup<H>[];
  }

  /** How many steps were taken; the next one is number `steps`, counted from 0, to schedules. */
  get steps(): number {
    return this.#list.steps;
  }

  /** The learning rate of the first group; setting it sets that of all groups. */
  get lr(): number {
    return this.#list.groups[0]!.lr;
  }

  set lr(lr: number) {
    for (const group of this.#list.groups) group.lr = lr;
  }

  /**
   * Adds parameters with options of their own.
   *
   * @throws {@link ValueError} for an unknown option or one out of its range, no parameters, and parameters that cannot
   * be trained or are here already
   */
  addGroup(group: ParamGroupOptions<H>): void {
    this.#checkIdle('addGroup');
    this.#list.add(givenGroup(this.#rule.rule.name, group, this.#list.records.size));
  }

  /**
   * Which parameter is in which group and why, with the options in which the groups differ from the optimizer's; to be
   * printed.
   *
   * @example
   * ```ts
   * import { createOptimizer, nn } from 'gradlet';
   * const model = new nn.Sequential(new nn.Linear(4, 8), new nn.LayerNorm(8), new nn.Linear(8, 2));
   * const optimizer = createOptimizer('adamw', model, {
   *   lr: 1e-3,
   *   groups: [
   *     { match: nn.LayerNorm, weightDecay: 0 },
   *     { match: '2.**', lr: 3e-3, l1: 1e-5 },
   *   ],
   * });
   * optimizer.describeGroups();
   * // → group 0, matches LayerNorm: weightDecay 0
   * //     1.weight [8]
   * //     1.bias [8]
   * //   group 1, matches "2.**": l1 0.00001, lr 0.003
   * //     2.weight [2, 8]
   * //     2.bias [2]
   * //   group 2, matches no other group
   * //     0.weight [8, 4]
   * //     0.bias [8]
   * ```
   */
  describeGroups(): string {
    return this.#list.describe();
  }

  /**
   * Reports a number, such as a validation loss, to schedules that go by it: {@link schedules.reduceOnPlateau}.
   *
   * @throws {@link ValueError} for anything but a number
   */
  observe(value: number): void {
    if (typeof value !== 'number') {
      throw new ValueError(
        `${this.#rule.rule.name}.observe`,
        'what is reported must be a number',
        show(value),
      );
    }
    this.#list.observations.push({ step: this.steps, value });
    this.#list.follow();
  }

  /** Forgets all gradients: sets every `grad` to `null`. */
  zeroGrad(): void {
    for (const p of this.#list.records.keys()) p.grad = null;
  }

  /**
   * Changes every parameter by its gradient.
   *
   * @throws {@link ValueError} when an option was set to a value out of its range; nothing is changed then
   * @throws {@link NonFiniteError} with `nonFinite: 'error'`
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
    const updates = this.#prepare('sync');
    for (const update of updates ?? []) {
      run(update);
      finish(update);
    }
    if (updates) this.#list.advance();
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
      for (const update of updates ?? []) {
        await run(update);
        finish(update);
      }
    } finally {
      this.#busy = false;
    }
    if (updates) this.#list.advance();
    return loss;
  }

  override averages(): Map<Tensor, Tensor> {
    const found = new Map<Tensor, Tensor>();
    for (const group of this.#list.groups) {
      for (const p of group.params) {
        const part = this.#rule.partOf(p);
        const record = this.#list.records.get(p)!;
        const average =
          'averageOf' in part && part.averageOf(contiguousData(p), record, group as object as Uniforms);
        if (average) found.set(p, new Tensor(average, p.shape, p.dtype));
      }
    }
    return found;
  }

  /** Loads gpu.js where the option `gpu` wants it, so that `step` can use it. */
  ready(): Promise<void> {
    return this.#engines.ready();
  }

  /** What ran the last update of a parameter, or `null` before its first. */
  engineOf(param: Tensor): UpdateEngine | null {
    return this.#list.records.get(param)?.engine ?? null;
  }

  /**
   * A copy of what a training goes on from, besides the parameters: options of the groups, counts, moments. Options of
   * the optimizer as a whole, such as `clipNorm`, are given again when it is created.
   */
  stateDict(): OptimizerState {
    return saveState(this.#rule, this.#list);
  }

  /**
   * Goes on from a state that {@link stateDict} returned, also by way of JSON, of the same kind of optimizer over
   * parameters of the same shapes.
   *
   * @throws {@link ValueError} or {@link ShapeError} when the state does not fit; nothing is changed then
   */
  loadStateDict(state: OptimizerState): void {
    this.#checkIdle('loadStateDict');
    const { steps, observations, records, settings, bases } = readState(this.#rule, this.#list, state);
    Object.assign(this.#list, { steps, observations });
    for (const [param, record] of records) this.#list.records.set(param, record);
    this.#list.reset(settings, bases);
  }

  /** @internal */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }

  /** The name, and the options of every group. */
  override toString(): string {
    return `${this.#rule.rule.name} {\n${this.#list}\n}`;
  }

  #checkIdle(method: string): void {
    const where = `${this.#rule.rule.name}.${method}`;
    this.checkInPlace(where);
    if (!this.#busy) return;
    throw new ValueError(where, 'the step before must have ended', 'one still under way', 'Await it.');
  }

  /** Checks everything before anything is written, and collects what the step needs; `null` where it is to be skipped. */
  #prepare(wait: 'sync' | 'async'): Update[] | null {
    const where = `${this.#rule.rule.name}.step`;
    this.#checkIdle('step');
    checkClipping(where, this);
    this.#list.follow();
    this.#list.check(where);

    const moving = this.#list.groups.map(({ params }) => params.filter((p) => p.grad && p.requiresGrad));
    const gradients = moving.map((params) => params.map((p) => this.#gradientOf(p)));
    const { norm, skip, report } = clip(where, this, gradients, this.#reports);
    this.gradNorm = norm;
    this.report = report;
    if (skip) return null;
    return moving.flatMap((params, k) => {
      const settings = this.#list.groups[k]! as object as Uniforms;
      const { clipValue } = this;
      Object.assign(
        this.#uniforms,
        settings,
        sharedScalars(settings, { ownPull: false, clipScale: 1, clipValue }),
      );
      return params.map((p, i) =>
        this.#prepareOne(p, gradients[k]![i]!, settings, this.#engines.gpuFor(p, wait)),
      );
    });
  }

  #gradientOf(param: Tensor): Gradient {
    return {
      name: this.#list.records.get(param)!.name,
      shape: param.shape,
      values: contiguousData(param),
      grad: contiguousData(param.grad!),
      clipScale: 1,
    };
  }

  #prepareOne(
    param: Tensor,
    { values, grad, clipScale }: Gradient,
    settings: Uniforms,
    gpu: GpuEngine | null,
  ): Update {
    const record = this.#list.records.get(param)!;
    const part = this.#rule.partOf(param);
    const perStep = part.scalarsAt(record.t + 1, settings, record.perStep);
    const { ownPull } = part;
    const uniforms = Object.assign(this.#uniforms, perStep, { ownPull, clipScale });
    const work = part.prepare(param, record, values, grad, uniforms);
    return { param, record, perStep, work, gpu: work.state ? null : gpu };
  }
}

function run({ gpu, work: { program, count, arrays, scalars } }: Update): void | Promise<void> {
  if (gpu) return gpu.run(program, count, arrays, scalars);
  runUpdate(program, count, arrays, scalars);
}

function finish({ param, record, perStep, work, gpu }: Update): void {
  // a parameter whose numbers stand in order was changed in place; this also tells backward of it
  assign(param, work.arrays.p as TypedArray);
  if (work.state) record.state = work.state;
  record.t++;
  record.perStep = perStep;
  record.engine = gpu?.mode ?? 'loop';
}
