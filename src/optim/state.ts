import type { DType } from '../core/dtype.ts';
import { checkKeys, ShapeError, show, suggest, ValueError } from '../core/errors.ts';
import { type Shape, sameShape, showShape } from '../core/shape.ts';
import type { Uniforms } from '../formula/program.ts';
import { fromSaved, type Tensor, tensor } from '../tensor/index.ts';
import type { CompiledRule } from './compiled.ts';
import type { GroupList } from './group-list.ts';
import { checkValue } from './hyperparameters.ts';
import type { ParamRecord } from './record.ts';
import type { StepScalars } from './rule.ts';
import type { Observation } from './schedules/index.ts';
import { wholeFrom0 } from './schedules/options.ts';
import type { Memory } from './search-part.ts';
import type { Searcher } from './searcher.ts';

/** What a saved state says of one parameter. */
export interface SavedParam {
  /** Steps taken. */
  readonly t: number;
  /** The scalars of the last step. */
  readonly perStep: StepScalars;
  /** The lines that are kept, such as the moments `m` and `v`, each in the parameter's shape. */
  readonly state: Readonly<Record<string, Tensor>>;
}

/** What a saved state says of one group. */
export interface SavedGroup {
  /** Every option of the group. */
  readonly settings: Readonly<Record<string, number | boolean | string>>;
  /** What options that follow a schedule start from. */
  readonly bases: Readonly<Record<string, number>>;
  /** One per parameter, in the order of the group. */
  readonly params: readonly SavedParam[];
}

/** The state of an optimizer, from `stateDict` for `loadStateDict`. */
export interface OptimizerState {
  /** The optimizer's name. */
  readonly optimizer: string;
  /** Steps taken. */
  readonly steps: number;
  /** What was reported to it. */
  readonly observations: readonly Observation[];
  /** One per group, in order. */
  readonly groups: readonly SavedGroup[];
  /** Of a rule that searches: its numbers, and its lists of vectors over all parameters together. */
  readonly memory?: Readonly<Record<string, number | readonly Tensor[]>>;
}

/** A copy of an optimizer's state. */
export function saveState(
  { rule, defaults }: CompiledRule,
  { groups, records, steps, observations, bases }: GroupList,
  searcher: Searcher | null,
): OptimizerState {
  const saveParam = (p: Tensor): SavedParam => {
    const { t, perStep, state } = records.get(p)!;
    const copies = Object.entries(state).map(([name, kept]) => [name, tensor(kept)]);
    return { t, perStep: { ...perStep }, state: Object.fromEntries(copies) };
  };
  return {
    optimizer: rule.name,
    steps,
    observations: observations.map((one) => ({ ...one })),
    groups: groups.map((group, k) => ({
      settings: Object.fromEntries(
        Object.keys(defaults).map((name) => [name, (group as object as Uniforms)[name]!]),
      ),
      bases: { ...bases[k]! },
      params: group.params.map(saveParam),
    })),
    ...(searcher && { memory: saveMemory(searcher.memory) }),
  };
}

function saveMemory(memory: Memory): NonNullable<OptimizerState['memory']> {
  const save = (vector: Float64Array): Tensor => tensor(vector.slice());
  return Object.fromEntries(
    Object.entries(memory).map(([name, value]) => [
      name,
      typeof value === 'number' ? value : value.map(save),
    ]),
  );
}

/** A state that was read and checked. */
export interface ReadState extends Pick<OptimizerState, 'steps' | 'observations'> {
  readonly records: Map<Tensor, ParamRecord>;
  readonly settings: readonly Uniforms[];
  readonly bases: readonly Readonly<Record<string, number>>[];
  readonly memory: Memory | null;
}

/** Reads a state into new records and settings, after checking all of it. */
export function readState(
  compiled: CompiledRule,
  { groups, records: current }: GroupList,
  searcher: Searcher | null,
  saved: OptimizerState,
): ReadState {
  const where = `${compiled.rule.name}.loadStateDict`;
  checkKind(where, compiled.rule.name, saved);
  const parts = ['optimizer', 'steps', 'observations', 'groups', ...(searcher ? ['memory'] : [])];
  checkObject(where, 'the state', saved, parts);
  checkValue(where, 'steps', saved.steps, wholeFrom0);
  const observations = readObservations(where, saved.observations);
  checkCount(where, 'groups', saved.groups, groups.length);
  const records = new Map<Tensor, ParamRecord>();
  for (const [k, group] of saved.groups.entries()) {
    const name = `group ${k}`;
    checkObject(where, name, group, ['settings', 'bases', 'params']);
    checkObject(where, `the settings of ${name}`, group.settings, Object.keys(compiled.defaults));
    compiled.check(`${where}, ${name}`, group.settings);
    checkObject(where, `the bases of ${name}`, group.bases, Object.keys(group.bases ?? {}));
    compiled.check(`${where}, ${name}, bases`, { ...group.settings, ...group.bases });
    const { params } = groups[k]!;
    checkCount(where, `parameters in ${name}`, group.params, params.length);
    for (const [i, p] of params.entries()) {
      const { name: own } = current.get(p)!;
      const read = readParam(
        `${where}, ${name}, parameter ${own}`,
        compiled,
        p,
        group.params[i]!,
        group.settings,
      );
      records.set(p, { ...read, name: own });
    }
  }
  const settings = saved.groups.map((group) => ({ ...group.settings }));
  return {
    steps: saved.steps,
    observations,
    records,
    settings,
    bases: saved.groups.map(({ bases }) => bases),
    memory: searcher && readMemory(where, searcher, saved.memory!),
  };
}

function readMemory(
  where: string,
  { initial, size }: Searcher,
  saved: NonNullable<OptimizerState['memory']>,
): Memory {
  checkObject(where, 'memory', saved, Object.keys(initial));
  const read = (name: string, value: unknown): number | Float64Array[] => {
    if (typeof initial[name] === 'number') {
      if (Number.isFinite(value)) return value as number;
      throw new ValueError(where, `memory ${name} must be a finite number`, show(value));
    }
    if (!Array.isArray(value)) {
      throw new ValueError(where, `memory ${name} must be a list of vectors`, show(value));
    }
    return value.map((vector, k) => {
      const found = fromSaved(vector, 'float64');
      if (!found) throw new ValueError(where, `memory ${name}[${k}] must be a tensor`, show(vector));
      if (sameShape(found.shape, [size])) return found.storage as Float64Array;
      const mustHold = `memory ${name}[${k}] must have the shape [${size}], of all numbers together`;
      throw new ShapeError(where, mustHold, showShape(found.shape));
    });
  };
  return Object.fromEntries(Object.entries(saved).map(([name, value]) => [name, read(name, value)]));
}

function readObservations(where: string, list: unknown): Observation[] {
  if (!Array.isArray(list)) throw new ValueError(where, 'observations must be a list', show(list));
  return list.map((one: Observation, k) => {
    checkObject(where, `observation ${k}`, one, ['step', 'value']);
    checkValue(where, `step of observation ${k}`, one.step, wholeFrom0);
    // JSON has null for what is not finite
    return { step: one.step, value: one.value ?? Number.NaN };
  });
}

function readParam(
  where: string,
  compiled: CompiledRule,
  p: Tensor,
  saved: SavedParam,
  settings: Uniforms,
): Omit<ParamRecord, 'name'> {
  checkObject(where, 'what is saved', saved, ['t', 'perStep', 'state']);
  const { t, perStep, state } = saved;
  const part = compiled.partOf(p);
  if (!Number.isInteger(t) || t < 0) throw new ValueError(where, 't must be a whole number ≥ 0', show(t));
  checkObject(where, 'perStep', perStep, t > 0 ? part.perStepNames : []);
  checkObject(where, 'state', state, Object.keys(state ?? {}));
  for (const [name, value] of Object.entries(perStep)) {
    if (typeof value !== 'boolean' && !Number.isFinite(value)) {
      throw new ValueError(where, `perStep ${name} must be a finite number or a boolean`, show(value));
    }
  }
  const kept: Record<string, Tensor> = {};
  for (const [name, value] of Object.entries(state)) {
    if (!part.stateNames.includes(name)) {
      throw new ValueError(
        where,
        'state must name what the rule keeps',
        show(name),
        suggest(name, part.stateNames),
      );
    }
    const shape = part.stateShape(name, p, settings);
    kept[name] = readTensor(where, `state ${name}`, value, p.dtype, shape);
  }
  return { t, perStep: { ...perStep }, state: kept, engine: null };
}

/** Throws for the state of another optimizer or wrapper. */
export function checkKind(where: string, name: string, saved: object): void {
  const { optimizer, wrapper } = (saved ?? {}) as { readonly optimizer?: string; readonly wrapper?: string };
  const kind = optimizer ?? wrapper ?? name;
  if (kind !== name) throw new ValueError(where, `the state must be that of ${show(name)}`, show(kind));
}

/** A copy of a saved tensor, which must have this shape. */
export function readTensor(where: string, name: string, value: unknown, dtype: DType, shape: Shape): Tensor {
  const read = fromSaved(value, dtype);
  if (!read) throw new ValueError(where, `${name} must be a tensor`, show(value));
  if (!sameShape(read.shape, shape)) {
    const mustHold = `${name} must have the shape ${showShape(shape)}`;
    const advice = 'Load it into an optimizer over the same model.';
    throw new ShapeError(where, mustHold, showShape(read.shape), advice);
  }
  return read;
}

export function checkObject(where: string, name: string, value: unknown, keys: readonly string[]): void {
  if (typeof value !== 'object' || value === null)
    throw new ValueError(where, `${name} must be an object`, show(value));
  checkKeys(where, value, keys);
  for (const key of keys) {
    if (!Object.hasOwn(value, key)) throw new ValueError(where, `${name} must have "${key}"`, show(value));
  }
}

export function checkCount(where: string, what: string, list: unknown, count: number): void {
  const got = Array.isArray(list) ? String(list.length) : show(list);
  if (!Array.isArray(list) || list.length !== count) {
    throw new ValueError(where, `the state must have as many ${what} as the optimizer, ${count}`, got);
  }
}
