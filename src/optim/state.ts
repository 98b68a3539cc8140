import { checkKeys, ShapeError, show, suggest, ValueError } from '../core/errors.ts';
import { sameShape, showShape } from '../core/shape.ts';
import type { Uniforms } from '../formula/program.ts';
import { fromSaved, type Tensor, tensor } from '../tensor/index.ts';
import type { CompiledRule } from './compiled.ts';
import type { ParamRecord } from './record.ts';
import type { StepScalars } from './rule.ts';

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
  /** One per parameter, in the order of the group. */
  readonly params: readonly SavedParam[];
}

/** The state of an optimizer, from `stateDict` for `loadStateDict`. */
export interface OptimizerState {
  /** The optimizer's name. */
  readonly optimizer: string;
  /** One per group, in order. */
  readonly groups: readonly SavedGroup[];
}

type Groups = readonly { readonly params: readonly Tensor[] }[];

/** A copy of an optimizer's state. */
export function saveState(
  { rule, defaults }: CompiledRule,
  groups: Groups,
  records: ReadonlyMap<Tensor, ParamRecord>,
): OptimizerState {
  const saveParam = (p: Tensor): SavedParam => {
    const { t, perStep, state } = records.get(p)!;
    const copies = Object.entries(state).map(([name, kept]) => [name, tensor(kept)]);
    return { t, perStep: { ...perStep }, state: Object.fromEntries(copies) };
  };
  return {
    optimizer: rule.name,
    groups: groups.map((group) => ({
      settings: Object.fromEntries(
        Object.keys(defaults).map((name) => [name, (group as object as Uniforms)[name]!]),
      ),
      params: group.params.map(saveParam),
    })),
  };
}

/** Reads a state into new records and settings, after checking all of it. */
export function readState(
  compiled: CompiledRule,
  groups: Groups,
  current: ReadonlyMap<Tensor, ParamRecord>,
  saved: OptimizerState,
): { records: Map<Tensor, ParamRecord>; settings: Uniforms[] } {
  const where = `${compiled.rule.name}.loadStateDict`;
  checkObject(where, 'the state', saved, ['optimizer', 'groups']);
  if (saved.optimizer !== compiled.rule.name) {
    throw new ValueError(
      where,
      `the state must be that of ${show(compiled.rule.name)}`,
      show(saved.optimizer),
    );
  }
  checkCount(where, 'groups', saved.groups, groups.length);
  const records = new Map<Tensor, ParamRecord>();
  const settings = saved.groups.map((group, k) => {
    const name = `group ${k}`;
    checkObject(where, name, group, ['settings', 'params']);
    checkObject(where, `the settings of ${name}`, group.settings, Object.keys(compiled.defaults));
    compiled.check(`${where}, ${name}`, group.settings);
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
    return { ...group.settings };
  });
  return { records, settings };
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
    const read = fromSaved(value, p.dtype);
    if (!read) throw new ValueError(where, `state ${name} must be a tensor`, show(value));
    const shape = part.stateShape(name, p, settings);
    if (!sameShape(read.shape, shape)) {
      const mustHold = `state ${name} must have the shape ${showShape(shape)}`;
      throw new ShapeError(
        where,
        mustHold,
        showShape(read.shape),
        'Load it into an optimizer over the same model.',
      );
    }
    kept[name] = read;
  }
  return { t, perStep: { ...perStep }, state: kept, engine: null };
}

function checkObject(where: string, name: string, value: unknown, keys: readonly string[]): void {
  if (typeof value !== 'object' || value === null)
    throw new ValueError(where, `${name} must be an object`, show(value));
  checkKeys(where, value, keys);
  for (const key of keys) {
    if (!Object.hasOwn(value, key)) throw new ValueError(where, `${name} must have "${key}"`, show(value));
  }
}

function checkCount(where: string, what: string, list: unknown, count: number): void {
  const got = Array.isArray(list) ? String(list.length) : show(list);
  if (!Array.isArray(list) || list.length !== count) {
    throw new ValueError(where, `the state must have as many ${what} as the optimizer, ${count}`, got);
  }
}
