import { show, suggest, ValueError } from '../core/errors.ts';
import { Tensor } from '../tensor/index.ts';

/** Anything with parameters, such as an {@link nn.Module}. */
export interface HasParameters {
  /** What it trains. */
  parameters(): Iterable<Tensor>;
}

/** A model that knows the names of its parameters, such as an {@link nn.Module}. */
export interface HasNamedParameters extends HasParameters {
  /** What it trains, each with its name. */
  namedParameters(): Iterable<readonly [name: string, param: Tensor]>;
  /** The modules it consists of, for selecting by class. */
  modules?(): Iterable<HasParameters>;
}

/** A class of modules, such as {@link nn.LayerNorm}. */
export type ModuleClass = abstract new (...args: never[]) => HasParameters;

/**
 * Selects parameters:
 *
 * - a pattern over names, in which `*` stands for anything but a dot and `**` for any number of parts, none too:
 *   `'**.bias'`, `'encoder.*.weight'`, `'head.**'`; or a regular expression, which must match somewhere in the name;
 * - a class of modules, and all within: `nn.LayerNorm`; or one module of the model, or one parameter;
 * - a function of the name and the parameter;
 * - a list of these, any of which may match.
 */
export type Selector =
  | string
  | RegExp
  | ModuleClass
  | HasParameters
  | Tensor
  | ((name: string, param: Tensor) => boolean)
  | readonly Selector[];

/** A parameter with its name. */
export type Named = readonly [name: string, param: Tensor];

/** What selectors choose from. */
export interface Selectable {
  readonly params: readonly Named[];
  /** The modules that the parameters belong to, where they are known. */
  readonly modules: readonly HasParameters[];
}

/** `'**.bias'` as a regular expression over the whole name. */
function patternOf(glob: string): RegExp {
  const parts = glob.split('.').map((part) => {
    if (part === '**') return '(?:[^.]+\\.)*';
    return `${part.replace(/[\\^$+?.()|[\]{}]/g, '\\$&').replaceAll('*', '[^.]*')}\\.`;
  });
  // every part of a name, the last one too, ends in a dot here
  return new RegExp(`^${parts.join('')}$`);
}

const isClass = (value: unknown): value is ModuleClass =>
  typeof value === 'function' && /^class\b/.test(Function.prototype.toString.call(value));

const hasParameters = (value: unknown): value is HasParameters =>
  typeof (value as HasParameters | null)?.parameters === 'function';

/**
 * The parameters that a selector chooses.
 *
 * @throws {@link ValueError} for a selector, or one of a list, that chooses nothing
 */
export function select(where: string, match: Selector, from: Selectable): Set<Tensor> {
  if (Array.isArray(match) && match.length > 0) {
    return new Set((match as readonly Selector[]).flatMap((one) => [...select(where, one, from)]));
  }
  const test = testOf(where, match, from);
  const found = from.params.filter(([name, param]) => test(name, param));
  if (found.length === 0) {
    const names = from.params.map(([name]) => name);
    throw new ValueError(
      where,
      'match must select a parameter',
      `${showSelector(match)}, which selects none`,
      typeof match === 'string' ? suggest(match, names) : `Known: ${names.join(', ')}.`,
    );
  }
  return new Set(found.map(([, param]) => param));
}

function testOf(
  where: string,
  match: Selector,
  { modules }: Selectable,
): (name: string, p: Tensor) => unknown {
  const within = (chosen: readonly HasParameters[]): ((name: string, p: Tensor) => boolean) => {
    const all = new Set(chosen.flatMap((module) => [...module.parameters()]));
    return (_, p) => all.has(p);
  };
  if (typeof match === 'string') {
    const pattern = patternOf(match);
    return (name) => pattern.test(`${name}.`);
  }
  if (match instanceof RegExp) return (name) => name.search(match) >= 0;
  if (match instanceof Tensor) return (_, p) => p === match;
  if (isClass(match)) return within(modules.filter((module) => module instanceof match));
  if (typeof match === 'function') return match as (name: string, p: Tensor) => boolean;
  if (hasParameters(match)) return within([match]);
  throw new ValueError(
    where,
    'match must be a name pattern, a class, a module, a parameter, a function or a list of them',
    show(match),
  );
}

/** How a selector is shown: `"**.bias"`, `LayerNorm`. */
export function showSelector(match: Selector): string {
  if (match instanceof RegExp) return String(match);
  if (match instanceof Tensor) return 'a parameter';
  if (Array.isArray(match)) return `[${match.map(showSelector).join(', ')}]`;
  if (isClass(match)) return match.name || 'a class';
  return show(match);
}
