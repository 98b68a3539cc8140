import type { TypedArray } from '../core/dtype.ts';
import { ShapeError, show, ValueError } from '../core/errors.ts';
import { type Shape, sameShape, showShape } from '../core/shape.ts';
import type { Expr } from '../formula/expr.ts';
import { parseEquations } from '../formula/parse.ts';
import { LineList, type Uniforms } from '../formula/program.ts';
import { bringOut, withoutScope } from '../tensor/block.ts';
import { contiguousData, noGrad, Tensor } from '../tensor/index.ts';
import type { Work } from './line-part.ts';
import type { ParamRecord } from './record.ts';
import type { AnyTensorRule, StepScalars } from './rule.ts';
import { type Given, linesOfGradient, seenGradient } from './seen.ts';
import { linesBefore, linesOfStep } from './shared-lines.ts';

const { p0, penalty, pull } = linesBefore;
const { step, next, p } = linesOfStep;

/** The new parameter, from a direction or from a step. */
const moves = {
  delta: new LineList('p', { p0, penalty, pull, step, next, p }, { inputs: ['delta'] }),
  step: new LineList('p', { p0, penalty, pull, next, p }, { inputs: ['step'] }),
};

/** Runs what is not recorded, and whose results stay. */
const apart = <T>(fn: () => T): T => withoutScope(() => noGrad(fn));

/** The part of a rule that is a function of whole tensors. */
export class TensorPart {
  readonly ownPull = false;
  /** Why it runs on the host. */
  readonly hostOnly = 'the rule works on whole tensors, and those on the host';
  readonly parts = {};
  readonly rule: AnyTensorRule;
  readonly perStepNames: readonly string[];
  /** What the rule does, to be printed. */
  readonly formula: readonly (readonly [name: string, value: Expr])[];
  readonly #where: string;
  readonly #initials: NonNullable<AnyTensorRule['initial']>;

  constructor(where: string, rule: AnyTensorRule, options: Uniforms) {
    this.#where = where;
    this.rule = rule;
    this.#initials = rule.initial ?? {};
    this.formula = parseEquations(where, rule.formula);
    this.perStepNames = Object.keys(this.scalarsAt(1, options, {}));
    for (const name of ['p0', 'p', 'g', 'delta', 'step', 'parts'].filter((name) => name in this.#initials)) {
      throw new ValueError(
        where,
        'what is kept must have a name of its own',
        `"${name}", which every rule has`,
      );
    }
  }

  scalarsAt(t: number, settings: Uniforms, previous: StepScalars): StepScalars {
    return this.rule.perStep?.(t, settings as never, previous as Readonly<Record<string, number>>) ?? {};
  }

  kept(uniforms: Uniforms): string[] {
    const lists = [linesOfGradient, moves.delta].map((list) => list.specialize(uniforms).kept);
    return [...(lists.some((names) => names.includes('p0')) ? ['p0'] : []), ...Object.keys(this.#initials)];
  }

  get stateNames(): string[] {
    return ['p0', ...Object.keys(this.#initials)];
  }

  stateShape(name: string, param: Tensor, settings: Uniforms): Shape {
    return name === 'p0' ? param.shape : this.#initial(name, param, settings).shape;
  }

  #initial(name: string, param: Tensor, settings: Uniforms): Tensor {
    return apart(() => this.#initials[name]!(param.detach(), settings as never));
  }

  prepare(
    param: Tensor,
    record: ParamRecord,
    values: TypedArray,
    grad: TypedArray,
    uniforms: Uniforms,
  ): Work {
    const { shape, dtype } = param;
    const state: Record<string, Tensor> = { ...record.state };
    const count = values.length;
    const arrays: Record<string, TypedArray> & Given = { p: values, grad };
    if (this.kept(uniforms).includes('p0')) {
      state.p0 ??= new Tensor(values.slice(), shape, dtype);
      arrays.p0 = state.p0.storage;
    }
    const g = seenGradient(arrays, dtype, uniforms);
    for (const name of Object.keys(this.#initials)) state[name] ??= this.#initial(name, param, uniforms);
    const tensors = { ...state, p: new Tensor(values, shape, dtype), g: new Tensor(g, shape, dtype) };
    const found = apart(() => this.rule.update(tensors, uniforms as never));
    const way = found?.step ? 'step' : 'delta';
    const direction = found?.[way];
    this.#check(way, direction, shape);
    for (const name of Object.keys(this.#initials)) {
      const kept = found[name];
      this.#check(name, kept, state[name]!.shape);
      state[name] = kept.detach();
      // it may be the gradient itself, whose memory is not ours
      bringOut(kept.block);
    }
    arrays[way] = contiguousData(direction);
    const list = moves[way];
    const move = list.specialize(uniforms);
    const rate = way === 'delta' ? (uniforms.lr as number) : 1;
    const reached = (): Record<string, TypedArray> => this.#reached(found.parts, shape, rate);
    const lists = { gradient: linesOfGradient, step: list };
    return { program: move, count, arrays, scalars: move.scalars(uniforms), uniforms, lists, state, reached };
  }

  /** The steps that the rule tells apart, as far as each goes. */
  #reached(parts: unknown, shape: Shape, rate: number): Record<string, TypedArray> {
    const found = apart(() => (parts as (() => Record<string, Tensor>) | undefined)?.()) ?? {};
    return Object.fromEntries(
      Object.entries(found).map(([name, direction]) => {
        this.#check(name, direction, shape);
        return [name, Float64Array.from(contiguousData(direction), (x) => rate * x)];
      }),
    );
  }

  #check(name: string, value: unknown, shape: Shape): asserts value is Tensor {
    const where = `${this.#where}, update`;
    if (!(value instanceof Tensor)) {
      throw new ValueError(where, `it must return a tensor ${name}`, show(value));
    }
    if (sameShape(value.shape, shape)) return;
    throw new ShapeError(where, `${name} must have the shape ${showShape(shape)}`, showShape(value.shape));
  }
}
