import { isFloat } from '../core/dtype.ts';
import { checkKeys, show, ValueError } from '../core/errors.ts';
import { showShape } from '../core/shape.ts';
import type { Uniforms } from '../formula/program.ts';
import { Tensor } from '../tensor/index.ts';
import type { OptimizerSettings, WithLr } from './hyperparameters.ts';
import type { CompiledRule } from './rule.ts';

/** Parameters with options of their own; what they leave out comes from the optimizer's options. */
export type ParamGroupOptions<H> = {
  /** What to train with these options. */
  readonly params: Iterable<Tensor>;
} & Partial<OptimizerSettings<H>>;

/** What an optimizer is to train: a list of tensors, or a list of {@link ParamGroupOptions}. */
export type OptimizerParams<H> = Iterable<Tensor> | Iterable<ParamGroupOptions<H>>;

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

/** The groups that were given, or one group of the tensors that were given. */
export function groupsIn(where: string, params: unknown): { readonly params: unknown }[] {
  const mustHold = 'parameters must be a list of tensors, or of groups { params, … }';
  if (!isIterable(params)) {
    throw new ValueError(where, mustHold, show(params), 'Pass model.parameters() or [w, b].');
  }
  const list = [...params];
  const groups = list.filter((item): item is { readonly params: unknown } => {
    return typeof item === 'object' && item !== null && !(item instanceof Tensor) && 'params' in item;
  });
  if (groups.length === 0) return [{ params: list }];
  if (groups.length === list.length) return groups;
  throw new ValueError(where, mustHold, 'some of both', 'Put every tensor into a group.');
}

/** A group with all its options, after checking it. */
export function makeGroup(
  rule: CompiledRule,
  defaults: Uniforms,
  taken: { has(param: Tensor): boolean },
  { params, ...options }: { readonly params: unknown },
): ParamGroup {
  const where = rule.rule.name;
  checkKeys(`${where}, a group`, options, Object.keys(rule.defaults));
  const settings = { ...defaults, ...given(options) };
  rule.check(where, settings);
  // sealed, so that a misspelt `group.option = …` throws
  return Object.seal({ params: checkParams(where, params, taken), ...settings }) as object as ParamGroup;
}

function checkParams(where: string, params: unknown, taken: { has(param: Tensor): boolean }): Tensor[] {
  if (!isIterable(params)) {
    throw new ValueError(where, "a group's params must be a list of tensors", show(params));
  }
  const list = [...params];
  const refuse = (mustHold: string, got: string, advice?: string): never => {
    throw new ValueError(where, mustHold, got, advice);
  };
  if (list.length === 0) {
    const advice = 'Pass model.parameters(); an iterator can be used only once.';
    refuse('there must be at least one parameter', 'an empty list', advice);
  }
  const seen = new Set<Tensor>();
  for (const p of list) {
    if (!(p instanceof Tensor)) return refuse('every parameter must be a tensor', show(p));
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
  return [...seen];
}
