import { isFloat } from '../core/dtype.ts';
import { checkKeys, show, ValueError } from '../core/errors.ts';
import { showShape } from '../core/shape.ts';
import type { Uniforms } from '../formula/program.ts';
import { Tensor } from '../tensor/index.ts';
import type { CompiledRule } from './compiled.ts';
import type { OptimizerSettings, WithLr } from './hyperparameters.ts';
import type { ScheduleOptions } from './scheduled.ts';
import {
  type HasNamedParameters,
  type Named,
  type Selectable,
  type Selector,
  select,
  showSelector,
} from './select.ts';

/** Parameters: tensors, tensors with their names, or a model. */
export type ParamSource = Iterable<Tensor> | Iterable<Named> | HasNamedParameters;

/** Options of a group: settings, and schedules that change them. */
export type GroupOptions<H> = Partial<OptimizerSettings<H>> & {
  /** Schedules of options, by name; those left out are the optimizer's. */
  readonly schedules?: ScheduleOptions<H>;
};

/** Parameters with options of their own; what they leave out comes from the optimizer's options. */
export type ParamGroupOptions<H> = {
  /** What to train with these options. */
  readonly params: ParamSource;
} & GroupOptions<H>;

/** A selection among the parameters with options of its own; what it leaves out comes from the optimizer's options. */
export type MatchedGroupOptions<H> = {
  /** Which of the parameters are meant; see {@link Selector}. */
  readonly match: Selector;
} & GroupOptions<H>;

/** What an optimizer is to train: a model, a list of tensors with or without names, or a list of {@link ParamGroupOptions}. */
export type OptimizerParams<H> = ParamSource | Iterable<ParamGroupOptions<H>>;

/** A group of an optimizer, with all its options; they may be written at any time. */
export type ParamGroup<H = WithLr> = {
  /** What is trained with these options. */
  readonly params: readonly Tensor[];
} & OptimizerSettings<H>;

/** The options without those that are undefined, which count as left out. */
export function given(options: object): Uniforms {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

const isIterable = (value: unknown): value is Iterable<unknown> =>
  !(value instanceof Tensor) && typeof (value as Iterable<unknown>)?.[Symbol.iterator] === 'function';

const isModel = (value: unknown): value is HasNamedParameters =>
  typeof (value as HasNamedParameters | null)?.namedParameters === 'function';

const isNamed = (value: unknown): value is Named =>
  Array.isArray(value) && value.length === 2 && typeof value[0] === 'string';

/** A group before its options are completed. */
export interface GivenGroup {
  readonly params: readonly Named[];
  readonly options: object;
  /** What brought the parameters into this group. */
  readonly why: string;
}

/** The parameters of a source; those without a name are called by their place, counted from `first`. */
function readSource(where: string, source: unknown, mustHold: string, first: number): Selectable {
  if (isModel(source))
    return { params: [...source.namedParameters()], modules: [...(source.modules?.() ?? [])] };
  if (!isIterable(source)) {
    throw new ValueError(where, mustHold, show(source), 'Pass a model, model.parameters() or [w, b].');
  }
  const params = [...source].map((item, i): Named => {
    if (isNamed(item)) return item;
    return [String(first + i), item as Tensor];
  });
  return { params, modules: [] };
}

const isGroup = (item: unknown): item is { readonly params: unknown } =>
  typeof item === 'object' && item !== null && !(item instanceof Tensor) && 'params' in item;

/** The groups that were given, or one group of the parameters that were given. */
export function groupsIn(where: string, params: unknown, matched: unknown): GivenGroup[] {
  const mustHold = 'parameters must be a model, a list of tensors, or of groups { params, … }';
  const list = isIterable(params) && !isModel(params) ? [...params] : [];
  const groups = list.filter(isGroup);
  if (groups.length === 0) {
    const source = readSource(where, list.length > 0 ? list : params, mustHold, 0);
    return matched === undefined
      ? [{ ...source, options: {}, why: 'all' }]
      : selected(where, source, matched);
  }
  if (groups.length < list.length) {
    throw new ValueError(where, mustHold, 'some of both', 'Put every tensor into a group.');
  }
  if (matched !== undefined) {
    const advice = 'Pass the model as it is, and select by `groups`.';
    throw new ValueError(
      where,
      'there must be one list of groups',
      'groups { params, … } and `groups`',
      advice,
    );
  }
  let count = 0;
  return groups.map((group) => {
    const read = givenGroup(where, group, count);
    count += read.params.length;
    return read;
  });
}

/** One group `{ params, …options }`. */
export function givenGroup(where: string, group: unknown, first: number): GivenGroup {
  if (!isGroup(group)) {
    throw new ValueError(where, 'a group must be an object { params, … }', show(group));
  }
  const { params, ...options } = group;
  const mustHold = "a group's params must be a model or a list of tensors";
  return { ...readSource(where, params, mustHold, first), options, why: 'given as a group' };
}

/** A group for every `{ match, …options }`, and one for what none of them matches. */
function selected(where: string, source: Selectable, matched: unknown): GivenGroup[] {
  if (!Array.isArray(matched)) {
    throw new ValueError(where, 'groups must be a list of { match, … }', show(matched));
  }
  const owner = new Map<Tensor, string>();
  const groups = matched.map((entry: unknown, k): GivenGroup => {
    const here = `${where}, groups[${k}]`;
    if (typeof entry !== 'object' || entry === null || !('match' in entry)) {
      throw new ValueError(here, 'a group must be an object { match, … }', show(entry));
    }
    const { match, ...options } = entry as { readonly match: Selector };
    const chosen = select(here, match, source);
    const shown = showSelector(match);
    const params = source.params.filter(([, p]) => chosen.has(p));
    for (const [name, p] of params) {
      const before = owner.get(p);
      if (before !== undefined) {
        throw new ValueError(
          here,
          'a parameter must be matched once',
          `${name}, which ${before} matches and ${shown}, too`,
          'Narrow one of them, or join them: match: [a, b].',
        );
      }
      owner.set(p, shown);
    }
    return { params, options, why: `matches ${shown}` };
  });
  const rest = source.params.filter(([, p]) => !owner.has(p));
  return rest.length > 0 ? [...groups, { params: rest, options: {}, why: 'matches no other group' }] : groups;
}

/** A group with all its options, after checking it. */
export function makeGroup(
  rule: CompiledRule,
  defaults: Uniforms,
  taken: { has(param: Tensor): boolean },
  { params, options }: GivenGroup,
): ParamGroup {
  const where = rule.rule.name;
  checkKeys(`${where}, a group`, options, [...Object.keys(rule.defaults), 'schedules']);
  const { schedules: _, ...own } = options as GroupOptions<WithLr>;
  const settings = { ...defaults, ...given(own) };
  rule.check(where, settings);
  checkParams(where, params, taken);
  // sealed, so that a misspelt `group.option = …` throws
  return Object.seal({ params: params.map(([, p]) => p), ...settings }) as object as ParamGroup;
}

function checkParams(where: string, params: readonly Named[], taken: { has(param: Tensor): boolean }): void {
  function refuse(mustHold: string, got: string, advice?: string): never {
    throw new ValueError(where, mustHold, got, advice);
  }
  if (params.length === 0) {
    const advice = 'Pass a model or model.parameters(); an iterator can be used only once.';
    refuse('there must be at least one parameter', 'an empty list', advice);
  }
  const seen = new Set<Tensor>();
  for (const [, p] of params) {
    if (!(p instanceof Tensor)) refuse('every parameter must be a tensor', show(p));
    if (!p.isLeaf) {
      const got = `the result of ${p.node!.name}`;
      refuse('every parameter must be a leaf', got, 'Pass the tensor that it was computed from.');
    }
    if (!isFloat(p.dtype)) refuse('every parameter must be float32 or float64', p.dtype);
    if (seen.has(p) || taken.has(p)) {
      const got = `the same tensor of shape ${showShape(p.shape)} twice`;
      refuse('every parameter must be given once', got, 'It may belong to one group only.');
    }
    seen.add(p);
  }
}
