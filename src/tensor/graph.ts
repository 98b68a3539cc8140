import type { DType } from '../core/dtype.ts';
import { show, ValueError } from '../core/errors.ts';
import { type Shape, showShape } from '../core/shape.ts';
import { atOnce } from '../core/waiting.ts';
import type { Tensor } from './tensor.ts';

/**
 * From the gradient of an output to the gradient of one input.
 *
 * Until `backward` it keeps alive whatever its scope shares with any closure in it, so values that the derivative does
 * not need must stay out of that scope. The gradient it is given may be gone once `backward` has ended: to keep it, copy it.
 */
export type Derivative = (g: Tensor) => Tensor;

/** The derivative of operations that copy, move or broadcast numbers. */
export const identity: Derivative = (g) => g;

/** Sees a gradient on its way back, and may replace it. */
// biome-ignore lint/suspicious/noConfusingVoidType: a hook that only looks returns nothing.
export type GradientHook = (gradient: Tensor) => Tensor | undefined | void;

let created = 0;

/**
 * One step of the graph: what `backward` needs to go from the gradient of a result to those of its inputs.
 * It holds no values; what a derivative needs lives in its closure and goes when the graph is released.
 */
export class Node {
  /** Grows with every node, so inputs always have smaller numbers than results. */
  readonly id: number = created++;
  readonly name: string;
  readonly shape: Shape;
  readonly dtype: DType;
  /** The tensor that was given, not computed; only at the ends of the graph. */
  readonly leaf: Tensor | null;
  inputs: readonly Node[];
  /** One per input; `null` once the graph is released. */
  derivatives: readonly Derivative[] | null;
  /** Sum of the versions of the leaves read, to notice one that is overwritten before `backward`. */
  readonly versions: number;
  /** Set by `retainGrad`: keeps this result's gradient too. */
  retained: Tensor | null = null;
  hooks: GradientHook[] | null = null;
  /** Which walk has seen it last, and where it stood among the nodes of that walk. */
  walk = 0;
  place = 0;

  constructor(
    name: string,
    value: Tensor,
    leaf: Tensor | null,
    inputs: readonly Node[],
    derivatives: readonly Derivative[],
  ) {
    this.name = name;
    this.shape = value.shape;
    this.dtype = value.dtype;
    this.leaf = leaf;
    this.inputs = inputs;
    this.derivatives = derivatives;
    this.versions = versionsOf(inputs);
  }
}

/** The sum of the versions of the leaves among `inputs`: it grows when one of them is overwritten. */
export function versionsOf(inputs: readonly Node[]): number {
  let sum = 0;
  for (let i = 0; i < inputs.length; i++) sum += inputs[i]!.leaf?.version ?? 0;
  return sum;
}

let recording = true;

/** Whether operations are recorded for `backward` right now; `false` inside {@link noGrad}. */
export function isGradEnabled(): boolean {
  return recording;
}

/** Runs `fn` with recording switched on or off, and puts the switch back whatever happens. */
export function withGrad<T>(enabled: boolean, fn: () => T): T {
  const before = recording;
  recording = enabled;
  try {
    return fn();
  } finally {
    recording = before;
  }
}

/**
 * Runs `fn` without recording: its results need no memory for `backward` and do not require a gradient.
 *
 * @returns what `fn` returns
 * @throws {@link ValueError} when `fn` returns a promise: what it does later would be recorded all the same
 * @example
 * ```ts
 * import { noGrad, tensor } from 'gradlet';
 * const w = tensor([1, 2], { requiresGrad: true });
 * noGrad(() => w.mul(3)).requiresGrad; // → false
 * ```
 */
export function noGrad<T>(fn: () => T): T {
  if (typeof fn !== 'function') {
    throw new ValueError(
      'noGrad',
      'what runs without recording must be a function',
      show(fn),
      'Write noGrad(() => …).',
    );
  }
  const whatToDo = 'Put every await outside, and noGrad around the computations between them.';
  return atOnce('noGrad', 'the function', withGrad(false, fn), whatToDo);
}

/**
 * Notes how `value` was made from its inputs, each paired with its derivative, and returns `value`.
 *
 * Nothing is noted inside `noGrad`, or when no input requires a gradient. A derivative may return the gradient in the
 * shape of the result: `backward` sums it over the axes that were broadcast.
 */
export function record(
  name: string,
  value: Tensor,
  ...pairs: readonly (readonly [Tensor, Derivative])[]
): Tensor {
  return recordAll(name, value, pairs);
}

/** {@link record} of any number of inputs. */
export function recordAll(
  name: string,
  value: Tensor,
  pairs: readonly (readonly [Tensor, Derivative])[],
): Tensor {
  if (!recording) return value;
  const inputs: Node[] = [];
  const derivatives: Derivative[] = [];
  for (let i = 0; i < pairs.length; i++) {
    const { node } = pairs[i]![0];
    if (node === null) continue;
    inputs.push(node);
    derivatives.push(pairs[i]![1]);
  }
  if (inputs.length > 0) value.node = new Node(name, value, null, inputs, derivatives);
  return value;
}

/** `relu of shape [2, 3]` */
export function describe(node: Node): string {
  return `${node.name} of shape ${showShape(node.shape)}`;
}
