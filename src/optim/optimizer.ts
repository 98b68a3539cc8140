import { checkKeys, show, ValueError } from '../core/errors.ts';
import { type Awaitable, atOnce, finishLater, finishNow, type Waiting, wait } from '../core/waiting.ts';
import type { Uniforms } from '../formula/program.ts';
import { contiguousData, Tensor } from '../tensor/index.ts';
import { Averaging } from './averaging.ts';
import { type Clipped, type ClippingOptions, checkClipping, type StepReport } from './clipping.ts';
import type { CompiledRule } from './compiled.ts';
import { EngineChoice, type EngineReport, type UpdateEngine } from './engine.ts';
import { explain, type StepExplanation } from './explain.ts';
import { findNamed, GroupList } from './group-list.ts';
import {
  given,
  givenGroup,
  groupsIn,
  type OptimizerParams,
  type ParamGroup,
  type ParamGroupOptions,
} from './groups.ts';
import type { OptimizerDefaults, WithLr } from './hyperparameters.ts';
import { type OptimizerOptions, STEP_OPTIONS } from './options.ts';
import type { Searcher } from './searcher.ts';
import { type OptimizerState, readState, saveState } from './state.ts';
import { Stepper } from './step.ts';

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
  /** Whether steps remember enough for {@link explainStep}; they run in the loop then, and copy what they read. */
  explain: boolean;
  readonly #rule: CompiledRule;
  readonly #list: GroupList;
  readonly #engines: EngineChoice;
  readonly #stepper: Stepper;
  readonly #searcher: Searcher | null;
  readonly #reports: boolean;
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
      explain = false,
      gpu = 'auto',
      groups,
      schedules = {},
      ...settings
    } = options;
    this.#rule = rule;
    const all = { ...rule.defaults, ...given(settings) };
    this.#list = new GroupList(rule, all, schedules);
    this.#engines = new EngineChoice(where, gpu);
    this.#stepper = new Stepper(rule, this.#list, this.#engines);
    this.#searcher = rule.search?.searcher(this.#list, this.#stepper.snapshots) ?? null;
    this.#reports = report;
    this.explain = explain;
    this.clipNorm = clipNorm;
    this.clipValue = clipValue;
    this.clipAdaptive = clipAdaptive;
    this.nonFinite = nonFinite;
    this.#checkClipping(where);
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
   * @param closure - clears the gradients, computes the loss and calls `backward`; called once, before the step, but as
   * often as it likes by an optimizer that searches, such as {@link LBFGS}
   * @returns what the closure returns, the first time
   */
  step<T>(closure: () => T): T;
  step<T>(closure?: () => T): T | undefined {
    return finishNow(this.#take(closure && (() => this.#atOnce(closure())), false));
  }

  #atOnce<T>(loss: T): T {
    const where = `${this.#rule.rule.name}.step`;
    return atOnce(where, 'the closure', loss, 'Use `await optimizer.stepAsync(closure)`.');
  }

  /** As {@link step}, for every GPU backend: loads gpu.js where the option `gpu` wants it, and waits for its results. */
  async stepAsync(): Promise<void>;
  /**
   * The same after a closure, which may be asynchronous.
   *
   * @param closure - clears the gradients, computes the loss and calls `backward`; called once, before the step, but as
   * often as it likes by an optimizer that searches, such as {@link LBFGS}
   * @returns what the closure returns, the first time
   */
  async stepAsync<T>(closure: () => T | Promise<T>): Promise<T>;
  async stepAsync<T>(closure?: () => T | Promise<T>): Promise<T | undefined> {
    await this.ready();
    return finishLater(this.#take(closure, true));
  }

  /** Takes a step. */
  *#take<T>(closure: (() => Awaitable<T>) | undefined, waits: boolean): Waiting<T | undefined> {
    const { explain } = this;
    const where = `${this.#rule.rule.name}.step`;
    const settings = { where, clipping: this, report: this.#reports, explain, waits };
    if (this.#searcher) {
      this.#prepare(where);
      const { result, ...clipped } = yield* this.#whileBusy(this.#searcher.step(closure, settings));
      this.#finish(clipped);
      return result;
    }
    const result = closure && (yield* wait(closure()));
    this.#prepare(where);
    const { updates, clipped } = this.#stepper.prepare(settings);
    if (!clipped.skip) yield* this.#whileBusy(this.#stepper.run(updates, explain));
    this.#finish(clipped);
    return result;
  }

  #prepare(where: string): void {
    this.#checkIdle('step');
    this.#checkClipping(where);
  }

  #checkClipping(where: string): void {
    checkClipping(where, this);
    this.#searcher?.check(where, this);
  }

  #finish({ norm, report, skip }: Clipped): void {
    this.gradNorm = norm;
    this.report = report;
    if (!skip) this.#list.advance();
  }

  *#whileBusy<R>(work: Waiting<R>): Waiting<R> {
    this.#busy = true;
    try {
      return yield* work;
    } finally {
      this.#busy = false;
    }
  }

  override averages(): Map<Tensor, Tensor> {
    this.#settle('averages');
    const found = new Map<Tensor, Tensor>();
    for (const group of this.#list.groups) {
      for (const p of group.params) {
        const part = this.#rule.partOf(p);
        const record = this.#list.records.get(p)!;
        const settings = group as object as Uniforms;
        const average = 'averageOf' in part && part.averageOf(contiguousData(p), record, settings);
        if (average) found.set(p, new Tensor(average, p.shape, p.dtype));
      }
    }
    return found;
  }

  /** Loads gpu.js where the option `gpu` wants it, so that `step` can use it. */
  ready(): Promise<void> {
    return this.#rule.lines ? this.#engines.ready(this.#list.records.keys()) : Promise.resolve();
  }

  /** What ran the last update of a parameter, or `null` before its first. */
  engineOf(param: Tensor): UpdateEngine | null {
    return this.#list.records.get(param)?.engine ?? null;
  }

  /** What will run the updates of every parameter, and why. */
  engines(): EngineReport[] {
    return this.#stepper.engines(this.explain);
  }

  /**
   * Brings home what the rule keeps on a GPU, and frees it there; the next step takes it up again. Needed before
   * {@link stateDict} on WebGPU only, where nothing can be read at once.
   */
  async sync(): Promise<void> {
    this.#checkIdle('sync');
    const { arenas } = this.#engines;
    if (arenas) await finishLater(this.#whileBusy(arenas.settle(this.#list.records.keys())));
  }

  /** Brings home what is kept on a device, at once. */
  #settle(method: string): void {
    const where = `${this.#rule.rule.name}.${method}`;
    const { arenas } = this.#engines;
    if (arenas?.waits(this.#list.records.keys())) {
      throw new ValueError(
        where,
        'what the optimizer keeps must be at hand',
        'some of it on WebGPU',
        'Call `await optimizer.sync()` first.',
      );
    }
    if (arenas) finishNow(arenas.settle(this.#list.records.keys()));
  }

  /**
   * Splits the last change of one number of a parameter into where it came from: gradient, clipping, momentum, scaling by the
   * second moment, bias correction, decay. The parts add up to the change.
   *
   * Wants the option `explain: true`, or `optimizer.explain = true` before the step.
   *
   * @param param - the name of the parameter, or the parameter
   * @param index - which of its numbers: one index per axis, which may count from the end
   * @throws {@link ValueError} for an unknown parameter or index, and where no step was remembered
   * @example
   * ```ts
   * import { createOptimizer, tensor } from 'gradlet';
   * const w = tensor([3, -4], { dtype: 'float64', requiresGrad: true });
   * const optimizer = createOptimizer('adamw', [['w', w]], { lr: 0.5, weightDecay: 0.125, clipValue: 2, explain: true });
   * w.square().sum().backward();
   * optimizer.step();
   * optimizer.explainStep('w', [0]).toString();
   * // → w[0], step 1: 3.00000 → 2.31250
   * //     gradient        -3.00000
   * //     clipping         2.00000
   * //     decay           -0.187500
   * //     momentum         0.900000
   * //     secondMoment    -1.48114
   * //     biasCorrection   1.08114
   * //     change          -0.687500
   * ```
   */
  explainStep(param: string | Tensor, index: readonly number[] = []): StepExplanation {
    const where = `${this.#rule.rule.name}.explainStep`;
    const { records } = this.#list;
    const [p, { name }] = findNamed(where, records, param);
    return explain(where, name, p.shape, index, this.#stepper.snapshots.get(p));
  }

  /**
   * A copy of what a training goes on from, besides the parameters: options of the groups, counts, moments. Options of
   * the optimizer as a whole, such as `clipNorm`, are given again when it is created.
   */
  stateDict(): OptimizerState {
    this.#settle('stateDict');
    return saveState(this.#rule, this.#list, this.#searcher);
  }

  /**
   * Goes on from a state that {@link stateDict} returned, also by way of JSON, of the same kind of optimizer over
   * parameters of the same shapes.
   *
   * @throws {@link ValueError} or {@link ShapeError} when the state does not fit; nothing is changed then
   */
  loadStateDict(state: OptimizerState): void {
    this.#checkIdle('loadStateDict');
    const read = readState(this.#rule, this.#list, this.#searcher, state);
    const { steps, observations, records, settings, bases, memory } = read;
    this.#engines.arenas?.drop();
    Object.assign(this.#list, { steps, observations });
    for (const [param, record] of records) this.#list.records.set(param, record);
    this.#list.reset(settings, bases);
    if (this.#searcher && memory) this.#searcher.memory = memory;
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
}
