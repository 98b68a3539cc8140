import { show, ValueError } from '../core/errors.ts';
import { sameShape, showShape } from '../core/shape.ts';
import { assign, fromSaved, type NestedNumbers, Tensor, tensor } from '../tensor/index.ts';
import { readOptions } from './check.ts';
import { Buffer, Parameter } from './parameter.ts';

/** The state of a module: parameters and buffers by name. */
export type StateDict = Record<string, Tensor>;

/** Options of {@link Module.loadStateDict}. */
export interface LoadStateDictOptions {
  /** Whether missing and unexpected keys are an error. Default true. */
  readonly strict?: boolean;
}

/** What {@link Module.loadStateDict} found. */
export interface LoadStateDictResult {
  /** Names of the module that the state lacks. */
  readonly missingKeys: readonly string[];
  /** Names of the state that the module lacks. */
  readonly unexpectedKeys: readonly string[];
}

/** Plain tensors once seen with `requiresGrad`: they stay parameters while they are frozen. */
const trained = new WeakSet<Tensor>();

function isParameter(t: Tensor): boolean {
  if (t.requiresGrad && t.isLeaf) trained.add(t);
  return t instanceof Parameter || trained.has(t);
}

/** Modules whose `train` is under way: a module that contains itself is not entered again. */
const switching = new Set<Module>();

/**
 * Base class of everything with parameters: assign tensors and modules to fields, and write `forward`.
 *
 * Parameters, buffers and child modules are found in public fields, and inside fields in arrays, maps and plain objects,
 * however deep. Names join the fields and keys by dots, as PyTorch does: `layers.0.weight`. `#private` fields are not
 * looked into, and everything else in fields is left alone. A module or tensor that is reachable twice counts once, under
 * its first name.
 *
 * @example
 * ```ts
 * import { nn, type Tensor } from 'gradlet';
 * class TwoLayers extends nn.Module {
 *   hidden = new nn.Linear(4, 8);
 *   output = new nn.Linear(8, 3);
 *   forward(x: Tensor) {
 *     return this.output.forward(this.hidden.forward(x).relu());
 *   }
 * }
 * const model = new TwoLayers();
 * model.namedParameters().map(([name]) => name);
 * // → ["hidden.weight","hidden.bias","output.weight","output.bias"]
 * model; // → TwoLayers(
 *        //   (hidden): Linear(inFeatures=4, outFeatures=8, bias=true)
 *        //   (output): Linear(inFeatures=8, outFeatures=3, bias=true)
 *        // )
 * ```
 */
export abstract class Module {
  /** Whether this module is in training mode; {@link Module.train} and {@link Module.eval} switch it for all below. */
  training = true;

  /** Computes the output from the inputs. */
  abstract forward(...inputs: never[]): unknown;

  /** Parameters of this module and all below, each with its name. */
  namedParameters(): [name: string, parameter: Tensor][] {
    return namedTensors(this, true).filter(([, t]) => isParameter(t));
  }

  /** Parameters of this module and all below, the frozen ones too. */
  parameters(): Tensor[] {
    return this.namedParameters().map(([, t]) => t);
  }

  /** Buffers of this module and all below, each with its name. */
  namedBuffers(): [name: string, buffer: Tensor][] {
    return namedTensors(this, true).filter(([, t]) => t instanceof Buffer);
  }

  /** Buffers of this module and all below. */
  buffers(): Tensor[] {
    return this.namedBuffers().map(([, t]) => t);
  }

  /** The modules directly in this one, each with its name. */
  namedChildren(): [name: string, child: Module][] {
    const seen = new Set<Module>();
    return childrenOf(this).filter(([, child]) => !seen.has(child) && seen.add(child));
  }

  /** The modules directly in this one. */
  children(): Module[] {
    return this.namedChildren().map(([, child]) => child);
  }

  /** This module (named `''`) and all below, parents before children. */
  namedModules(): [name: string, module: Module][] {
    return [...tree(this, '', new Set(), true)];
  }

  /** This module and all below, parents before children. */
  modules(): Module[] {
    return this.namedModules().map(([, module]) => module);
  }

  /**
   * Sets training mode for this module and all below: Dropout drops, BatchNorm uses and accumulates the batch's statistics.
   *
   * A module may override `train` to keep its own mode, as for a frozen BatchNorm.
   * @returns this
   */
  train(mode = true): this {
    if (typeof mode !== 'boolean') throw new ValueError('train', 'mode must be true or false', show(mode));
    if (switching.has(this)) return this;
    switching.add(this);
    try {
      this.training = mode;
      for (const child of this.children()) child.train(mode);
    } finally {
      switching.delete(this);
    }
    return this;
  }

  /**
   * Sets evaluation mode for this module and all below: the same as `train(false)`. It does not stop recording: for that
   * there is {@link noGrad}.
   * @returns this
   */
  eval(): this {
    return this.train(false);
  }

  /**
   * Freezes every parameter (`false`) or lets all of them train again (`true`).
   * @returns this
   */
  requiresGrad(flag = true): this {
    for (const p of this.parameters()) p.requiresGrad = flag;
    return this;
  }

  /** Sets the `grad` of every parameter to `null`. */
  zeroGrad(): void {
    for (const p of this.parameters()) p.grad = null;
  }

  /**
   * Calls `fn` with every module below and then this one, to initialise parameters, say.
   * @returns this
   * @example
   * ```ts
   * import { nn } from 'gradlet';
   * const model = new nn.Sequential(new nn.Linear(2, 2), new nn.ReLU());
   * model.apply((m) => {
   *   if (m instanceof nn.Linear) nn.init.ones(m.weight);
   * });
   * model[0]!.parameters()[0]!.sum().item(); // → 4
   * ```
   */
  apply(fn: (module: Module) => void): this {
    const seen = new Set<Module>();
    const visit = (module: Module): void => {
      if (seen.has(module)) return;
      seen.add(module);
      module.children().forEach(visit);
      fn(module);
    };
    visit(this);
    return this;
  }

  /**
   * Parameters and buffers by name, as PyTorch names them and in its layouts.
   *
   * They are copies: training on does not change them, and what is written into them does not reach the module.
   */
  stateDict(): StateDict {
    return Object.fromEntries(stateOf(this, true).map(([name, t]) => [name, tensor(t)]));
  }

  /**
   * Writes a state into the parameters and buffers, after checking all of it: on an error nothing has been written.
   *
   * Arrays stand for tensors, so a state that went through JSON can be loaded as it is, see {@link Tensor.toJSON}.
   * Numbers are converted to each tensor's own dtype. A shared tensor may come under any of its names.
   *
   * @throws {@link ValueError} that lists every missing and unexpected key (unless `strict` is false) and every shape
   * that does not fit
   */
  loadStateDict(
    state: Readonly<Record<string, Tensor | NestedNumbers>>,
    options: LoadStateDictOptions = {},
  ): LoadStateDictResult {
    const { strict } = readOptions('loadStateDict', options, { strict: true });
    if (state === null || typeof state !== 'object') {
      throw new ValueError('loadStateDict', 'the state must be an object of tensors by name', show(state));
    }
    const owners = new Map(stateOf(this, false));
    const given = Object.entries(state).map(([key, saved]) => ({
      key,
      saved,
      // a copy: the state may share storage with this module
      value: fromSaved(saved, owners.get(key)?.dtype),
    }));
    const provided = new Set(given.map(({ key }) => owners.get(key)));
    const missingKeys = stateOf(this, true).flatMap(([name, t]) => (provided.has(t) ? [] : [name]));
    const unexpectedKeys = given.flatMap(({ key }) => (owners.has(key) ? [] : [key]));
    const misfits = given.flatMap(({ key, saved, value }) => misfit(key, saved, value, owners.get(key)));
    const keys = strict && missingKeys.length + unexpectedKeys.length > 0;
    if (keys || misfits.length > 0) {
      const problems = [
        ...(strict && missingKeys.length ? [`no ${missingKeys.join(', ')}`] : []),
        ...(strict && unexpectedKeys.length ? [`the unknown ${unexpectedKeys.join(', ')}`] : []),
        ...misfits,
      ];
      throw new ValueError(
        'loadStateDict',
        `the state must fit the ${nameOf(this)}`,
        problems.join('; '),
        keys ? 'Pass { strict: false } to load what is there and leave out the rest.' : undefined,
      );
    }
    for (const { key, value } of given) {
      const owner = owners.get(key);
      if (owner) assign(owner, value!);
    }
    return { missingKeys, unexpectedKeys };
  }

  /** What stands in the brackets when this module is printed: its options. Meant to be overridden. */
  extraRepr(): string {
    return '';
  }

  /** The tree of modules, one line each, as PyTorch prints it. */
  toString(): string {
    return printed(this, []);
  }

  /** @internal */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }
}

/** A module from one tensor to one tensor: what {@link Sequential} chains. */
export interface Layer extends Module {
  forward(x: Tensor): Tensor;
}

/** Arrays, maps and plain objects: what is looked into for modules and tensors. */
function isCollection(value: unknown): value is object {
  if (value === null || typeof value !== 'object') return false;
  if (Array.isArray(value) || value instanceof Map) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** The tensors and modules in the fields of `holder` and in collections there, by name, in the order of definition. */
function* membersOf(
  holder: object,
  path = '',
  above: readonly object[] = [],
): Generator<[string, Tensor | Module]> {
  const entries: Iterable<[unknown, unknown]> = holder instanceof Map ? holder : Object.entries(holder);
  for (const [key, value] of entries) {
    const within = path ? `${path}.` : '';
    if (value instanceof Parameter || value instanceof Buffer)
      yield [within + (value.key ?? String(key)), value];
    else if (value instanceof Tensor || value instanceof Module) yield [within + String(key), value];
    else if (isCollection(value) && !above.includes(value))
      yield* membersOf(value, within + String(key), [...above, value]);
  }
}

function childrenOf(module: Module): [string, Module][] {
  return [...membersOf(module)].filter((entry): entry is [string, Module] => entry[1] instanceof Module);
}

/** `root` and every module below, parents first; each once, or under all of its names. */
function* tree(root: Module, path: string, passed: Set<Module>, once: boolean): Generator<[string, Module]> {
  if (passed.has(root)) return;
  passed.add(root);
  yield [path, root];
  for (const [name, child] of childrenOf(root))
    yield* tree(child, path ? `${path}.${name}` : name, passed, once);
  // without `once` only the modules above are passed by, so that cycles end
  if (!once) passed.delete(root);
}

/** The tensors in every module from `root` down; each once, or under all of its names. */
function namedTensors(root: Module, once: boolean): [string, Tensor][] {
  const found = new Map<string, Tensor>();
  const seen = new Set<Tensor>();
  for (const [path, module] of tree(root, '', new Set(), once)) {
    for (const [own, member] of membersOf(module)) {
      if (!(member instanceof Tensor) || (once && seen.has(member))) continue;
      const name = path ? `${path}.${own}` : own;
      if (found.has(name)) {
        throw new ValueError(
          nameOf(root),
          'every tensor must have a name of its own',
          `two called "${name}"`,
          'Rename a field or key.',
        );
      }
      seen.add(member);
      found.set(name, member);
    }
  }
  return [...found];
}

/** Parameters and buffers. */
function stateOf(root: Module, once: boolean): [string, Tensor][] {
  return namedTensors(root, once).filter(([, t]) => isParameter(t) || t instanceof Buffer);
}

function misfit(key: string, saved: unknown, value: Tensor | null, owner: Tensor | undefined): string[] {
  if (!owner) return [];
  if (!value) return [`${show(saved)} for the tensor ${key}`];
  if (sameShape(value.shape, owner.shape)) return [];
  return [`shape ${showShape(value.shape)} for ${key} of shape ${showShape(owner.shape)}`];
}

const nameOf = (module: Module): string => module.constructor.name || 'Module';

function printed(module: Module, above: readonly Module[]): string {
  const name = nameOf(module);
  if (above.includes(module)) return `${name}(…)`;
  const options = module.extraRepr();
  const children = childrenOf(module).map(
    ([key, child]) => `(${key}): ${printed(child, [...above, module])}`,
  );
  if (children.length === 0) return `${name}(${options})`;
  const lines = options ? [options, ...children] : children;
  return `${name}(\n  ${lines.join('\n').replaceAll('\n', '\n  ')}\n)`;
}
