import type { TypedArray } from '../core/dtype.ts';
import { checkKeys, InternalError, ShapeError, show, ValueError } from '../core/errors.ts';
import { sameShape, showShape, sizeOf } from '../core/shape.ts';
import { type Block, isScoped, withScope } from './block.ts';
import { describe, type Node, versionsOf, withGrad } from './graph.ts';
import { cast, clone } from './ops/cast.ts';
import { add } from './ops/elementwise.ts';
import { sum } from './ops/reduce.ts';
import { reshape } from './ops/shape.ts';
import { contiguous, empty, expectTensor, Tensor } from './tensor.ts';

/** Options of `backward`. */
export interface BackwardOptions {
  /** Keeps the graph, so that `backward` can run through it again. Default: as `createGraph`. */
  readonly retainGraph?: boolean;
  /** Records the computation of the gradients, so that they can be differentiated in their turn. Default false. */
  readonly createGraph?: boolean;
}

/**
 * Finds the gradient of `x` by every leaf it was computed from, and adds it to their `grad`.
 *
 * @param gradient - the gradient of `x` itself; 1 when left out, for which `x` must have one element
 * @throws {@link ShapeError} when `x` has several elements and no gradient is given, or one of another shape
 * @throws {@link ValueError} when `x` requires no gradient, its graph was released by an earlier `backward`,
 * or a leaf was overwritten since
 * @example
 * ```ts
 * import { tensor } from 'gradlet';
 * const w = tensor([3], { requiresGrad: true });
 * w.square().sum().backward();
 * w.grad; // → tensor([6.])
 * ```
 */
export function backward(x: Tensor, gradient?: Tensor, options: BackwardOptions = {}): void {
  checkKeys('backward', options, ['retainGraph', 'createGraph']);
  const seed = seedOf('backward', x, gradient);
  walk('backward', [[x.node!, seed]], null, options);
}

/** Options of {@link grad}. */
export interface GradOptions extends BackwardOptions {
  /** The gradients of the outputs; 1 when left out, for outputs of one element. */
  readonly gradOutputs?: Tensor | readonly (Tensor | undefined)[];
  /** Gives `null` for an input that the outputs do not depend on, instead of an error. Default false. */
  readonly allowUnused?: boolean;
}

/** `null` is possible unless `allowUnused` is left out or false. */
type MaybeUnused<O> = 'allowUnused' extends keyof O
  ? O['allowUnused'] extends false | undefined
    ? Tensor
    : Tensor | null
  : Tensor;

/**
 * The gradients of one output (or the sum of several) by the given tensors, without touching anyone's `grad`.
 * With `createGraph` the gradients can be differentiated again, to any order.
 *
 * @returns a tensor for a single input, else a list in the order of the inputs
 * @throws {@link ValueError} when an input is not part of the graph and `allowUnused` is not set
 * @example
 * ```ts
 * import { grad, tensor } from 'gradlet';
 * const x = tensor(2, { requiresGrad: true });
 * const first = grad(x.pow(3), x, { createGraph: true });
 * first.item(); // → 12
 * grad(first, x).item(); // → 12
 * ```
 */
export function grad<const O extends GradOptions = Record<never, never>>(
  outputs: Tensor | readonly Tensor[],
  inputs: Tensor,
  options?: O,
): MaybeUnused<O>;
export function grad<const O extends GradOptions = Record<never, never>>(
  outputs: Tensor | readonly Tensor[],
  inputs: readonly Tensor[],
  options?: O,
): MaybeUnused<O>[];
export function grad(
  outputs: Tensor | readonly Tensor[],
  inputs: Tensor | readonly Tensor[],
  options: GradOptions = {},
): (Tensor | null) | (Tensor | null)[] {
  checkKeys('grad', options, ['gradOutputs', 'allowUnused', 'retainGraph', 'createGraph']);
  const ys: readonly Tensor[] = Array.isArray(outputs) ? outputs : [outputs];
  const gradients =
    options.gradOutputs instanceof Tensor ? [options.gradOutputs] : (options.gradOutputs ?? []);
  const xs: readonly Tensor[] = Array.isArray(inputs) ? inputs : [inputs];
  for (const x of xs) {
    if (!expectTensor('grad', x, 'every input').node) {
      throw new ValueError(
        'grad',
        'every input must require a gradient',
        'one that does not',
        'Create it with { requiresGrad: true }.',
      );
    }
  }
  const seeds = ys.map((y, i) => [y.node!, seedOf('grad', y, gradients[i])] as [Node, Tensor]);
  const found = walk('grad', seeds, new Set(xs.map((x) => x.node!)), options);
  const result = xs.map((x, i) => {
    const g = found.get(x.node!) ?? null;
    if (!g && !options.allowUnused) {
      throw new ValueError(
        'grad',
        'the outputs must depend on every input',
        `input ${i} of shape ${showShape(x.shape)}, which they do not depend on`,
        'Set allowUnused to get null for it.',
      );
    }
    return g;
  });
  return Array.isArray(inputs) ? result : result[0]!;
}

function seedOf(where: string, x: Tensor, gradient: Tensor | undefined): Tensor {
  if (!expectTensor(where, x, 'the output').node) {
    throw new ValueError(
      where,
      'the output must depend on a tensor that requires a gradient',
      'one that does not',
      'Create the parameters with { requiresGrad: true }, and compute outside noGrad.',
    );
  }
  if (gradient === undefined) {
    if (x.size === 1) {
      const one = empty(x.shape, x.dtype);
      one.storage.fill(1);
      return one;
    }
    throw new ShapeError(
      where,
      'the output must have one element, or its gradient must be given',
      `shape ${showShape(x.shape)}`,
      'Reduce it first, as in loss.mean(), or pass a gradient of its shape.',
    );
  }
  if (!sameShape(expectTensor(where, gradient, 'the gradient').shape, x.shape)) {
    throw new ShapeError(
      where,
      `the gradient must have the output's shape ${showShape(x.shape)}`,
      showShape(gradient.shape),
    );
  }
  return gradient;
}

let walks = 0;

/** Everything that `roots` were computed from, results before their inputs. */
function reachable(roots: readonly Node[]): Node[] {
  const walk = ++walks;
  const found: Node[] = [];
  const visit = (nodes: readonly Node[]): void => {
    for (let i = 0; i < nodes.length; i++) {
      const node = nodes[i]!;
      if (node.walk === walk) continue;
      node.walk = walk;
      found.push(node);
    }
  };
  visit(roots);
  for (let i = 0; i < found.length; i++) visit(found[i]!.inputs);
  return found.sort((a, b) => b.id - a.id);
}

/** Tells nodes where they stand. */
function number(order: readonly Node[]): void {
  for (let i = 0; i < order.length; i++) order[i]!.place = i;
}

/** The nodes through which a gradient reaches one of `targets`. */
function leadingTo(order: readonly Node[], targets: ReadonlySet<Node>): Set<Node> {
  const leading = new Set<Node>();
  for (let i = order.length - 1; i >= 0; i--) {
    const node = order[i]!;
    if (targets.has(node) || node.inputs.some((input) => leading.has(input))) leading.add(node);
  }
  return leading;
}

/**
 * Carries gradients from the seeds to `targets`, and returns theirs; without targets, adds them to the leaves' `grad`.
 * One pass over the nodes from the latest to the earliest: when a node's turn comes, its gradient is complete.
 */
function walk(
  where: string,
  seeds: readonly (readonly [Node, Tensor])[],
  targets: ReadonlySet<Node> | null,
  { createGraph = false, retainGraph = createGraph }: BackwardOptions,
): Map<Node, Tensor> {
  const order = reachable(seeds.map(([node]) => node));
  const needed = targets && leadingTo(order, targets);
  // a released node has forgotten its inputs: a target that was not reached may stand behind it
  const cutOff = targets && targets.size > order.filter((node) => targets.has(node)).length;
  for (const node of order) {
    if (!needed || node.inputs.some((input) => needed.has(input)) || (cutOff && !node.derivatives)) {
      checkUsable(where, node);
    }
  }
  number(order);
  let walk = walks;
  const gradients = new Array<Tensor | null>(order.length).fill(null);
  const give = (node: Node, g: Tensor): void => {
    // a hook, or a derivative, may have walked through the same nodes
    if (walk !== walks) {
      number(order);
      walk = walks;
    }
    const before = gradients[node.place]!;
    gradients[node.place] = before === null ? g : add(before, g);
  };
  const found = new Map<Node, Tensor>();
  const taken = new Set<TypedArray>();
  for (const [, seed] of seeds) taken.add(seed.storage);
  const run = (kept: Set<Block> | null): void => {
    for (const [node, seed] of seeds) give(node, fitted(seed, node, where));
    for (let at = 0; at < order.length; at++) {
      const node = order[at]!;
      const g = withHooks(node, gradients[at]!, kept);
      gradients[at] = null;
      if (!g || (needed && !needed.has(node))) continue;
      if (targets?.has(node)) {
        found.set(node, g);
        kept?.add(g.block);
      }
      if (!targets) keep(node, g, taken, kept);
      const { inputs, derivatives } = node;
      let ran = false;
      for (let i = 0; i < inputs.length; i++) {
        const input = inputs[i]!;
        if (needed && !needed.has(input)) continue;
        give(input, fitted(derivatives![i]!(g), input, node.name));
        ran = true;
      }
      if (ran && !retainGraph) {
        node.derivatives = null;
        node.inputs = [];
      }
    }
  };
  withGrad(createGraph, () => {
    // what is computed on the way goes at the end, unless it can be differentiated in its turn
    if (createGraph || isScoped() || !order.some(isLarge)) run(null);
    else withScope(run);
  });
  return found;
}

/** Whether an array of its own is costly to make. */
const isLarge = (node: Node): boolean => sizeOf(node.shape) > 1024;

function checkUsable(where: string, node: Node): void {
  if (!node.derivatives) {
    throw new ValueError(
      where,
      'the graph must not have been released',
      `${describe(node)}, which an earlier backward went through`,
      'Call backward once per forward pass, or pass { retainGraph: true } to the earlier call.',
    );
  }
  if (versionsOf(node.inputs) !== node.versions) {
    throw new ValueError(
      where,
      'no leaf may be overwritten between forward and backward',
      `${describe(node)}, which reads a leaf that was`,
      'Call backward before optimizer.step() or loadStateDict(), and compute anew afterwards.',
    );
  }
}

function withHooks(node: Node, g: Tensor | null, kept: Set<Block> | null): Tensor | null {
  if (!g || !node.hooks) return g;
  return node.hooks.reduce((current, hook) => {
    kept?.add(current.block);
    const replaced = hook(current);
    if (replaced === undefined) return current;
    if (!(replaced instanceof Tensor) || !sameShape(replaced.shape, current.shape)) {
      throw new ShapeError(
        'registerHook',
        `a hook must return nothing or a tensor of shape ${showShape(current.shape)}`,
        replaced instanceof Tensor ? showShape(replaced.shape) : show(replaced),
      );
    }
    return replaced;
  }, g);
}

/**
 * Adds to the `grad` of a leaf, and of a computed tensor that asked for it. A gradient that came through unchanged may
 * belong to several, or to the caller: `taken` has the storages that are given away, so that no two share one.
 */
function keep(node: Node, g: Tensor, taken: Set<TypedArray>, kept: Set<Block> | null): void {
  const owner = node.leaf ?? node.retained;
  if (!owner) return;
  if (owner.grad) owner.grad = add(owner.grad, g);
  else {
    const own = contiguous(g);
    // a part of a larger array would keep all of it alive
    const shared = taken.has(own.storage) || own.storage.length !== own.size;
    owner.grad = shared ? clone(own) : own;
  }
  kept?.add(owner.grad.block);
  taken.add(owner.grad.storage);
}

/** `g` summed over the axes that were broadcast from the node's shape, in the node's dtype. */
function fitted(g: Tensor, node: Node, where: string): Tensor {
  const { shape, dtype } = node;
  let fit = g;
  if (!sameShape(g.shape, shape)) {
    const added = g.ndim - shape.length;
    const axes: number[] = [];
    let fits = added >= 0;
    for (const [a, n] of g.shape.entries()) {
      const own = shape[a - added];
      if (a < added || (own === 1 && n !== 1)) axes.push(a);
      else fits &&= n === own;
    }
    if (!fits) {
      throw new InternalError(
        where,
        `its derivative must have a shape that broadcasts from ${showShape(shape)}`,
        showShape(g.shape),
      );
    }
    fit = sum(g, axes);
    if (!sameShape(fit.shape, shape)) fit = reshape(fit, shape);
  }
  return fit.dtype === dtype ? fit : cast(fit, dtype);
}
