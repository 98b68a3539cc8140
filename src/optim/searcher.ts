import { show, ValueError } from '../core/errors.ts';
import { type Awaitable, type Waiting, wait } from '../core/waiting.ts';
import type { Uniforms } from '../formula/program.ts';
import { withoutScope } from '../tensor/block.ts';
import { assign, contiguousData, Tensor, tensor } from '../tensor/index.ts';
import { type Clipped, clip, clippingBy, type Gradient } from './clipping.ts';
import { along, type Snapshot, type Stage } from './explain.ts';
import type { GroupList } from './group-list.ts';
import type { ParamRecord } from './record.ts';
import type { SearchEnd, SearchPoint } from './rule.ts';
import type { Memory, SearchPart } from './search-part.ts';
import { type Given, seenGradient } from './seen.ts';
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

/** One parameter in the vector of all. */
interface Place {
  readonly param: Tensor;
  readonly record: ParamRecord;
  readonly settings: Uniforms;
  readonly from: number;
  /** Whether it takes part: it requires gradients and has one. */
  readonly moves: boolean;
}

/** Takes steps that search over all parameters together. */
export class Searcher {
  readonly #part: SearchPart;
  readonly #list: GroupList;
  readonly #snapshots: Map<Tensor, Snapshot>;
  #memory: Memory;

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

  /** How many numbers a vector has. */
  get size(): number {
    return [...this.#list.records.keys()].reduce((sum, p) => sum + p.size, 0);
  }

  /** What is kept; the same as at first once parameters were added. */
  get memory(): Memory {
    const vectors = Object.values(this.#memory).flatMap((value) => (typeof value === 'number' ? [] : value));
    return vectors.every(({ length }) => length === this.size) ? this.#memory : this.#part.initial;
  }

  set memory(memory: Memory) {
    this.#memory = memory;
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
    const result = yield* wait(closure());
    const places = this.#places();
    const moving = places.filter(({ moves }) => moves);
    const before = new Float64Array(this.size);
    for (const { param, from } of places) before.set(contiguousData(param), from);
    const settle = (x: Float64Array): void => {
      for (const { param, from } of moving) assign(param, x.subarray(from, from + param.size));
    };
    const first = this.#seen(result, before, moving, settings);
    const done = { ...first.clipped, result };
    if (first.clipped.skip || moving.length === 0) return done;
    // what was learnt with other parameters does not hold
    const same = places.every(({ record, moves }) => (record.perStep.moves ?? false) === moves);
    let moved = false;
    try {
      const told = explain ? new Told(before.length) : null;
      const hyperparameters = this.#list.groups[0] as object;
      const search = this.#part.rule.search(
        first.point,
        (same ? this.memory : this.#part.initial) as never,
        hyperparameters as never,
        (from, direction) => told?.add(from as Seen, direction),
      );
      let next = search.next();
      while (!next.done) {
        const x = this.#checked('yield', next.value, before.length);
        settle(x);
        moved = true;
        const { point, clipped } = this.#seen(yield* wait(closure()), x, moving, settings);
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
        const { param, record, moves } = place;
        if (moves) {
          record.t++;
          record.engine = 'loop';
          if (told) this.#snapshots.set(param, told.snapshot(place, before, next.value.x));
        }
        if (record.t > 0) record.perStep = { moves };
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
      group.params.map((param) => {
        const record = this.#list.records.get(param)!;
        const moves = param.requiresGrad && param.grad !== null;
        const place = { param, record, settings: group as object as Uniforms, from, moves };
        from += param.size;
        return place;
      }),
    );
  }

  /** A point, from what the closure left there. */
  #seen(
    result: unknown,
    x: Float64Array,
    moving: readonly Place[],
    { where, clipping, report, explain }: StepSettings,
  ): { readonly clipped: Clipped; readonly point: Seen } {
    let loss = lossOf(where, result);
    const gradients = moving.map(({ param, record, from }): Gradient => {
      const values = x.subarray(from, from + param.size);
      const grad = param.grad ? contiguousData(param.grad) : new Float64Array(param.size);
      return { name: record.name, shape: param.shape, values, grad, clipScale: 1 };
    });
    const clipped = clip(where, clipping, [gradients], report);
    const g = new Float64Array(x.length);
    const raw = new Float64Array(explain ? x.length : 0);
    if (moving[0]?.settings.maximize) loss = -loss;
    for (const [k, { param, record, settings, from }] of moving.entries()) {
      const { values, grad } = gradients[k]!;
      const uniforms = { ...settings, ...sharedScalars(settings) };
      const arrays: Given = { p: values, grad };
      if (this.#part.keptBeside(uniforms).includes('p0')) {
        record.state.p0 ??= withoutScope(() => tensor(param));
        arrays.p0 = record.state.p0.storage;
      }
      g.set(seenGradient(arrays, 'float64', uniforms), from);
      if (uniforms.coupled) loss += penaltyOf(arrays, uniforms);
      if (explain) raw.set(seenGradient(arrays, 'float64', { ...uniforms, coupled: false }), from);
    }
    return { clipped, point: { x, loss, g, raw } };
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

  snapshot({ param, record, settings, from }: Place, before: Float64Array, x: Float64Array): Snapshot {
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
    return {
      t: record.t,
      before: before.slice(from, from + param.size),
      after: contiguousData(param).slice(),
      stages,
    };
  }
}

function addTo(sum: Float64Array, x: Float64Array): void {
  for (let i = 0; i < sum.length; i++) sum[i]! += x[i]!;
}
