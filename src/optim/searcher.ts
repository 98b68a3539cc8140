import { show, ValueError } from '../core/errors.ts';
import { type Awaitable, type Waiting, wait } from '../core/waiting.ts';
import type { Uniforms } from '../formula/program.ts';
import { assign, contiguousData, Tensor, tensor } from '../tensor/index.ts';
import { type Clipped, clip, clippingBy, type Gradient } from './clipping.ts';
import { along, type Snapshot, type Stage } from './explain.ts';
import type { GroupList } from './group-list.ts';
import type { SearchEnd, SearchPoint } from './rule.ts';
import type { Memory, SearchPart } from './search-part.ts';
import { type Given, linesOfGradient, seenGradient } from './seen.ts';
import { penaltyOf, sharedScalars } from './shared-lines.ts';
import type { StepSettings } from './step.ts';

/** What a step by a search came to. */
export interface Searched<T> extends Clipped {
  /** What the closure returned first. */
  readonly result: T;
}

/** A point with its gradient before decay, where a step is to be explained. */
interface Seen extends SearchPoint {
  readonly raw: Float64Array;
}

const UNCLIPPED = { ownPull: false, clipScale: 1, clipValue: Infinity };

/** What the closure gave at one point. */
interface Look<T> {
  readonly result: T;
  readonly clipped: Clipped;
  readonly point: Seen;
}

/** One parameter in the vector of all. */
interface Place {
  readonly param: Tensor;
  readonly settings: Uniforms;
  readonly from: number;
}

/** Takes steps that search over all parameters together. */
export class Searcher {
  readonly #part: SearchPart;
  readonly #list: GroupList;
  readonly #snapshots: Map<Tensor, Snapshot>;
  #memory: Memory;
  /** Whose numbers the memory is of. */
  #of: readonly Tensor[] = [];

  constructor(part: SearchPart, list: GroupList, snapshots: Map<Tensor, Snapshot>) {
    this.#part = part;
    this.#list = list;
    this.#snapshots = snapshots;
    this.#memory = part.initial;
  }

  get initial(): Memory {
    return this.#part.initial;
  }

  /** Throws where gradients would not be those of the loss. */
  check(where: string, clipping: StepSettings['clipping']): void {
    const name = clippingBy(clipping);
    if (name === null) return;
    throw new ValueError(
      where,
      `${name} must be left out, since the search needs the gradients of the loss as they are`,
      show(clipping[name]),
      "Where steps are too far, set `lineSearch: 'strongWolfe'` or lower lr.",
    );
  }

  /** How many numbers a vector has now. */
  get size(): number {
    return this.#moving.reduce((sum, p) => sum + p.size, 0);
  }

  /** What is kept; the same as at first once other parameters take part than before. */
  get memory(): Memory {
    const moving = this.#moving;
    const same = moving.length === this.#of.length && moving.every((p, i) => p === this.#of[i]);
    return same ? this.#memory : this.#part.initial;
  }

  set memory(memory: Memory) {
    this.#memory = memory;
    this.#of = this.#moving;
  }

  /** All parameters that take part. */
  get #moving(): Tensor[] {
    return this.#list.groups.flatMap(({ params }) => params.filter((p) => p.requiresGrad));
  }

  /** One step; where it fails or is skipped, the parameters are what they were. */
  *step<T>(closure: (() => Awaitable<T>) | undefined, settings: StepSettings): Waiting<Searched<T>> {
    const { where, explain } = settings;
    if (!closure) {
      throw new ValueError(
        where,
        'a closure must be given',
        'none',
        'A step looks at the loss more than once: step(() => { optimizer.zeroGrad(); …; loss.backward(); return loss; }).',
      );
    }
    this.#list.follow();
    this.#list.check(where);
    const places = this.#places();
    const before = new Float64Array(this.size);
    for (const { param, from } of places) before.set(contiguousData(param), from);
    const settle = (x: Float64Array): void => {
      for (const { param, from } of places) assign(param, x.subarray(from, from + param.size));
    };
    let moved = false;
    try {
      const first = yield* this.#look(closure, before, places, settings);
      const done = { ...first.clipped, result: first.result };
      if (first.clipped.skip) return done;
      const told = explain ? new Told(before.length) : null;
      const hyperparameters = this.#list.groups[0] as object;
      const search = this.#part.rule.search(
        first.point,
        this.memory as never,
        hyperparameters as never,
        (from, direction) => told?.add(from as Seen, direction),
      );
      let next = search.next();
      while (!next.done) {
        const x = this.#checked('yield', next.value, before.length);
        settle(x);
        moved = true;
        const { point, clipped } = yield* this.#look(closure, x, places, settings);
        if (clipped.skip) {
          settle(before);
          return { ...done, ...clipped };
        }
        next = search.next(point);
      }
      const memory = this.#checkedMemory(next.value, before.length);
      settle(this.#checked('return x:', next.value.x, before.length));
      this.memory = memory;
      for (const place of places) {
        const record = this.#list.records.get(place.param)!;
        record.t++;
        record.engine = 'loop';
        if (told) this.#snapshots.set(place.param, told.snapshot(place, record.t, before, next.value.x));
      }
      return done;
    } catch (error) {
      if (moved) settle(before);
      throw error;
    }
  }

  #places(): Place[] {
    let from = 0;
    return this.#list.groups.flatMap((group) =>
      group.params
        .filter((p) => p.requiresGrad)
        .map((param) => {
          const place = { param, settings: group as object as Uniforms, from };
          from += param.size;
          return place;
        }),
    );
  }

  /** The loss and its gradient where the parameters are. */
  *#look<T>(
    closure: () => Awaitable<T>,
    x: Float64Array,
    places: readonly Place[],
    { where, clipping, report, explain }: StepSettings,
  ): Waiting<Look<T>> {
    const result = yield* wait(closure());
    let loss = lossOf(where, result);
    const gradients = new Map<Tensor, Gradient>();
    for (const { param, from } of places) {
      const values = x.subarray(from, from + param.size);
      const grad = param.grad ? contiguousData(param.grad) : new Float64Array(param.size);
      const { name } = this.#list.records.get(param)!;
      gradients.set(param, { name, shape: param.shape, values, grad, clipScale: 1 });
    }
    const groups = this.#list.groups.map(({ params }) => params.flatMap((p) => gradients.get(p) ?? []));
    const clipped = clip(where, clipping, groups, report);
    const g = new Float64Array(x.length);
    const raw = new Float64Array(explain ? x.length : 0);
    if (places[0]?.settings.maximize) loss = -loss;
    for (const { param, settings, from } of places) {
      const { values, grad } = gradients.get(param)!;
      const uniforms = { ...settings, ...sharedScalars(settings, UNCLIPPED) };
      const arrays: Given = { p: values, grad };
      if (linesOfGradient.specialize(uniforms).kept.includes('p0')) {
        const { state } = this.#list.records.get(param)!;
        state.p0 ??= tensor(param);
        arrays.p0 = state.p0.storage;
      }
      g.set(seenGradient(arrays, 'float64', uniforms), from);
      if (uniforms.coupled) loss += penaltyOf(arrays, uniforms);
      if (explain) raw.set(seenGradient(arrays, 'float64', { ...uniforms, coupled: false }), from);
    }
    return { result, clipped, point: { x, loss, g, raw } };
  }

  #checked(what: string, x: unknown, size: number): Float64Array {
    if (x instanceof Float64Array && x.length === size) return x;
    const got = x instanceof Float64Array ? `one of ${x.length}` : show(x);
    throw new ValueError(this.#where, `it must ${what} a Float64Array of all ${size} numbers`, got);
  }

  #checkedMemory({ memory }: SearchEnd<object>, size: number): Memory {
    for (const [name, initial] of Object.entries(this.#part.initial)) {
      const value: unknown = (memory as Memory | undefined)?.[name];
      const isNumber = typeof initial === 'number';
      if (isNumber ? typeof value !== 'number' : !Array.isArray(value)) {
        const kind = isNumber ? 'a number' : 'a list of vectors';
        throw new ValueError(this.#where, `memory ${name} must be ${kind}`, show(value));
      }
      if (!isNumber)
        for (const vector of value as unknown[]) this.#checked(`return memory ${name}:`, vector, size);
    }
    return memory as Memory;
  }

  get #where(): string {
    return `defineOptimizer(${show(this.#part.rule.name)}), search`;
  }
}

/** The loss as a number. */
function lossOf(where: string, result: unknown): number {
  if (typeof result === 'number') return result;
  if (result instanceof Tensor && result.size === 1) return contiguousData(result)[0]!;
  throw new ValueError(
    where,
    'the closure must return the loss, a number or a tensor of one',
    show(result),
    'End it with `return loss;`.',
  );
}

/** What directions were taken, and from which gradients, summed up over one step. */
class Told {
  readonly #raw: Float64Array;
  readonly #g: Float64Array;
  readonly #directions: Float64Array;

  constructor(size: number) {
    this.#raw = new Float64Array(size);
    this.#g = new Float64Array(size);
    this.#directions = new Float64Array(size);
  }

  add({ g, raw }: Seen, direction: Float64Array): void {
    addTo(this.#raw, raw);
    addTo(this.#g, g);
    addTo(this.#directions, direction);
  }

  snapshot({ param, settings, from }: Place, t: number, before: Float64Array, x: Float64Array): Snapshot {
    const lr = settings.lr as number;
    const stages = (i: number): Stage[] => {
      const at = from + i;
      const p = before[at]!;
      return [
        ['gradient', along(p, lr, this.#raw[at]!)],
        ['decay', along(p, lr, this.#g[at]!)],
        ['curvature', along(p, lr, -this.#directions[at]!)],
        ['stepLength', x[at]! - p],
      ];
    };
    return { t, before: before.slice(from, from + param.size), after: contiguousData(param).slice(), stages };
  }
}

function addTo(sum: Float64Array, x: Float64Array): void {
  for (let i = 0; i < sum.length; i++) sum[i]! += x[i]!;
}
