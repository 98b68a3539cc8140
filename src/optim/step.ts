import type { TypedArray } from '../core/dtype.ts';
import { memo } from '../core/memo.ts';
import type { Waiting } from '../core/waiting.ts';
import type { Program, Uniforms } from '../formula/program.ts';
import type { GpuDevice } from '../kernels/gpu.ts';
import { settle } from '../tensor/block.ts';
import { assign, contiguousData, type Tensor } from '../tensor/index.ts';
import { type Clipped, type ClippingOptions, clip, type Gradient } from './clipping.ts';
import type { CompiledRule } from './compiled.ts';
import type { Choice, EngineChoice, EngineReport } from './engine.ts';
import { type LineStep, type Snapshot, stagesOf } from './explain.ts';
import type { GroupList } from './group-list.ts';
import { type LinePart, runWork, type Work } from './line-part.ts';
import type { ParamRecord } from './record.ts';
import type { StepScalars } from './rule.ts';
import { sharedScalars } from './shared-lines.ts';
import type { TensorPart } from './tensor-part.ts';

/** One parameter on its way through a step. */
export interface Update {
  readonly param: Tensor;
  readonly record: ParamRecord;
  readonly perStep: StepScalars;
  readonly work: Work;
  /** The device that is to do it; `null` for the loop. */
  readonly device: GpuDevice | null;
}

/** What a step needs to know besides parameters and gradients. */
export interface StepSettings {
  readonly where: string;
  readonly clipping: Required<ClippingOptions>;
  readonly report: boolean;
  readonly explain: boolean;
  /** Whether results may come later. */
  readonly waits: boolean;
}

/** Takes the steps of an optimizer: in the loop, or on a device where the numbers stay. */
export class Stepper {
  /** What the last step did, parameter by parameter, where it is to be explained. */
  readonly snapshots = new Map<Tensor, Snapshot>();
  readonly #rule: CompiledRule;
  readonly #list: GroupList;
  readonly #engines: EngineChoice;
  /** Filled anew for every parameter: writing into one object is 30 times faster than making one of this size. */
  readonly #uniforms: Record<string, number | boolean | string>;

  constructor(rule: CompiledRule, list: GroupList, engines: EngineChoice) {
    this.#rule = rule;
    this.#list = list;
    this.#engines = engines;
    const { defaults, lines } = rule;
    const shared = sharedScalars(defaults);
    const names = Object.keys({ ...defaults, ...shared, ...lines?.scalarsAt(1, defaults, {}) });
    // with all names from the start: an object that grows becomes a hash table, which takes three times as long to read
    this.#uniforms = Object.fromEntries(['params', ...names].map((name) => [name, 0]));
  }

  /** Checks everything before anything is written, and collects what the step needs. */
  prepare(settings: StepSettings): { readonly clipped: Clipped; readonly updates: readonly Update[] } {
    const { where, clipping } = settings;
    this.#list.follow();
    this.#list.check(where);
    const moving = this.#list.groups.map(({ params }) => params.filter((p) => p.grad && p.requiresGrad));
    const gradients = moving.map((params) => params.map((p) => this.#gradientOf(p)));
    const clipped = clip(where, clipping, gradients, settings.report);
    if (clipped.skip) return { clipped, updates: [] };
    const updates = moving.flatMap((params, k) => {
      const group = this.#list.groups[k]! as object as Uniforms;
      const shared = sharedScalars(group, { clipValue: clipping.clipValue });
      Object.assign(this.#uniforms, group, shared);
      return params.map((p, i) => this.#prepareOne(p, gradients[k]![i]!, group, settings));
    });
    return { clipped, updates };
  }

  /** A search takes no steps here. */
  #partOf(param: Tensor): LinePart | TensorPart {
    return this.#rule.partOf(param) as LinePart | TensorPart;
  }

  #gradientOf(param: Tensor): Gradient {
    settle(param.block, param.dtype);
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
    { waits, explain }: StepSettings,
  ): Update {
    const record = this.#list.records.get(param)!;
    const part = this.#partOf(param);
    const perStep = part.scalarsAt(record.t + 1, settings, record.perStep);
    const { ownPull } = part;
    const uniforms = Object.assign(this.#uniforms, perStep, { ownPull, clipScale });
    const work = part.prepare(param, record, values, grad, explain ? { ...uniforms } : uniforms);
    const onHost = explain || part.hostOnly !== null;
    const device = onHost ? null : this.#engines.forStep(param, work.program.arrays.length, waits);
    return { param, record, perStep, work, device };
  }

  /** What will do the updates of every parameter, and why. */
  engines(explain: boolean): EngineReport[] {
    return this.#list.groups.flatMap((group) =>
      group.params.map((param) => {
        const { device, why } = this.#choose(param, group as object as Uniforms, explain);
        return { name: this.#list.records.get(param)!.name, engine: device?.mode ?? 'loop', why };
      }),
    );
  }

  #choose(param: Tensor, settings: Uniforms, explain: boolean): Choice {
    const part = this.#rule.partOf(param);
    if (part.hostOnly !== null) return { device: null, why: part.hostOnly };
    if (explain) return { device: null, why: 'explain is on, for which steps are taken in the loop' };
    const { t, perStep } = this.#list.records.get(param)!;
    const shared = sharedScalars(settings, { ownPull: part.ownPull });
    const scalars = part.scalarsAt(t + 1, settings, perStep);
    const { arrays } = part.list.specialize({ ...settings, ...shared, ...scalars });
    return this.#engines.choose(param, arrays.length);
  }

  /** Does what was prepared. */
  *run(updates: readonly Update[], explain: boolean): Waiting<void> {
    const { arenas } = this.#engines;
    if (!arenas) {
      for (const update of updates) {
        this.#runOnHost(update, explain);
        finish(update, null);
      }
      return;
    }
    const lost = new Set<GpuDevice>();
    for (const together of batches(updates)) {
      const [{ device }] = together as [Update];
      const done = device !== null && !lost.has(device) && (yield* arenas.step(device, together));
      if (!done) {
        if (device) lost.add(device);
        yield* arenas.settle(together.map(({ param }) => param));
        for (const update of together) this.#runOnHost(update, explain);
      }
      for (const update of together) finish(update, done ? device : null);
    }
  }

  #runOnHost({ param, record, work }: Update, explain: boolean): void {
    if (!explain) {
      runWork(work);
      return;
    }
    const arrays = Object.fromEntries(Object.entries(work.arrays).map(([name, x]) => [name, x.slice()]));
    runWork(work);
    const step: LineStep = {
      grad: contiguousData(param.grad!),
      arrays,
      uniforms: { ...work.uniforms, ...work.norms },
      lists: work.lists,
      parts: this.#partOf(param).parts,
      reached: work.reached?.() ?? null,
    };
    this.snapshots.set(param, {
      t: record.t + 1,
      before: arrays.p!,
      after: (work.arrays.p as TypedArray).slice(),
      stages: (place) => stagesOf(step, place),
    });
  }
}

/** Updates that go together: on a device those that take the same step, as many as it holds; in the loop each alone. */
function batches(updates: readonly Update[]): (readonly Update[])[] {
  const alone: Update[][] = [];
  const joined = new Map<Program, Map<string, { updates: Update[]; size: number }[]>>();
  for (const update of updates) {
    const { device, work } = update;
    // norms are those of one parameter
    if (!device || !work.scalars) {
      alone.push([update]);
      continue;
    }
    const kinds = memo(joined, work.program, () => new Map());
    const batches = memo(kinds, work.scalars.join(), () => []);
    let last = batches.at(-1);
    if (!last || last.size + work.count > device.limit) {
      last = { updates: [], size: 0 };
      batches.push(last);
    }
    last.updates.push(update);
    last.size += work.count;
  }
  const together = [...joined.values()].flatMap((kinds) => [...kinds.values()].flat());
  return [...alone, ...together.map(({ updates }) => updates)];
}

function finish({ param, record, perStep, work }: Update, device: GpuDevice | null): void {
  // a parameter whose numbers stand in order was changed in place; this also tells backward of it
  assign(param, work.arrays.p as TypedArray);
  if (work.state) record.state = work.state;
  record.t++;
  record.perStep = perStep;
  record.engine = device?.mode ?? 'loop';
}
