import { ValueError } from '../core/errors.ts';
import { Generator } from '../core/random.ts';
import { indexOf, showShape } from '../core/shape.ts';
import { contiguousData, grad, noGrad, randn, Tensor, tensor } from '../tensor/index.ts';

/** Options of {@link gradcheck}. */
export interface GradcheckOptions {
  /** Half the distance between the two points of a difference quotient. Default 1e-6. */
  readonly eps?: number;
  /** Absolute tolerance. Default 1e-5. */
  readonly atol?: number;
  /** Tolerance relative to the difference quotient. Default 1e-3. */
  readonly rtol?: number;
}

/** One derivative found in two ways. */
export interface GradcheckElement {
  /** Which input, from 0. */
  readonly input: number;
  /** Which of its elements: one index per axis. */
  readonly index: readonly number[];
  /** What `backward` says. */
  readonly analytic: number;
  /** What the central difference says. */
  readonly numeric: number;
}

/** What {@link gradcheck} found. */
export interface GradcheckResult {
  /** Whether every derivative agrees within the tolerance. */
  readonly ok: boolean;
  /** How many derivatives were compared. */
  readonly checked: number;
  /** The element that differs most in relation to its tolerance; `null` when there was nothing to compare. */
  readonly worst: GradcheckElement | null;
  /** The result in one sentence. */
  toString(): string;
}

/** The outputs of `fn` weighted and added up to one number, so that one gradient sees all of them. */
function scalar(outputs: Tensor | readonly Tensor[]): Tensor {
  const generator = new Generator(20);
  const list = outputs instanceof Tensor ? [outputs] : outputs;
  return list
    .map((y) => y.mul(randn(y.shape, { dtype: 'float64', generator })).sum())
    .reduce((a, b) => a.add(b));
}

function compare(
  where: string,
  fn: (...inputs: Tensor[]) => Tensor,
  inputs: readonly Tensor[],
  { eps = 1e-6, atol = 1e-5, rtol = 1e-3 }: GradcheckOptions,
): GradcheckResult {
  const wrong = inputs.find((x) => x.node && x.dtype !== 'float64');
  if (wrong) {
    throw new ValueError(
      where,
      'checked inputs must be float64: difference quotients in float32 have too few digits',
      `${wrong.dtype} of shape ${showShape(wrong.shape)}`,
      "Create them with { dtype: 'float64', requiresGrad: true }.",
    );
  }
  const checked = inputs.flatMap((x, i) => (x.node ? [i] : []));
  if (checked.length === 0) {
    throw new ValueError(
      where,
      'at least one input must require a gradient',
      'none',
      'Create it with { requiresGrad: true }.',
    );
  }
  const leaves = inputs.map((x) => tensor(x, { requiresGrad: x.node !== null }));
  const value = fn(...leaves);
  const gradients = value.node
    ? grad(
        value,
        checked.map((i) => leaves[i]!),
        { allowUnused: true },
      )
    : [];
  let worst: GradcheckElement | null = null;
  let worstRatio = -1;
  let count = 0;
  let ok = true;
  for (const [k, input] of checked.entries()) {
    const point = contiguousData(tensor(inputs[input]!));
    const analytic = gradients[k] ? contiguousData(gradients[k]) : null;
    const at = (i: number, moved: number): number => {
      const before = point[i]!;
      point[i] = before + moved;
      const shifted = leaves.map((x, j) =>
        j === input ? new Tensor(point, x.shape, 'float64') : x.detach(),
      );
      if (where === 'gradgradcheck')
        for (const [j, x] of shifted.entries()) x.requiresGrad = inputs[j]!.requiresGrad;
      const result = where === 'gradgradcheck' ? fn(...shifted).item() : noGrad(() => fn(...shifted)).item();
      point[i] = before;
      return result;
    };
    for (let i = 0; i < point.length; i++, count++) {
      const numeric = (at(i, eps) - at(i, -eps)) / (2 * eps);
      const found = analytic ? analytic[i]! : 0;
      const ratio = Math.abs(found - numeric) / (atol + rtol * Math.abs(numeric));
      // NaN on either side is a difference; one NaN output spoils every quotient, but only its own derivatives
      const badness = Number.isNaN(found)
        ? Number.POSITIVE_INFINITY
        : Number.isNaN(ratio)
          ? Number.MAX_VALUE
          : ratio;
      if (badness > 1) ok = false;
      if (badness > worstRatio) {
        worstRatio = badness;
        worst = { input, index: indexOf(i, inputs[input]!.shape), analytic: found, numeric };
      }
    }
  }
  const text = worst
    ? `${where}: ${ok ? 'all' : 'not all'} of ${count} derivatives agree; the worst is input ${worst.input} ` +
      `at [${worst.index.join(', ')}]: backward says ${worst.analytic}, the difference quotient ${worst.numeric}`
    : `${where}: nothing to compare`;
  return { ok, checked: count, worst, toString: () => text };
}

/**
 * Compares the gradients that `backward` finds for `fn` with central differences `(f(x + ε) − f(x − ε)) / 2ε`.
 *
 * Several outputs are added up with fixed random weights. Choose points away from kinks: at relu(0) the two differ by right.
 *
 * @param inputs - float64; those with `requiresGrad` are checked
 * @throws {@link ValueError} for checked inputs that are not float64, or when there are none
 * @example
 * ```ts
 * import { gradcheck, tensor } from 'gradlet';
 * const x = tensor([0.5, -1], { dtype: 'float64', requiresGrad: true });
 * gradcheck((t) => t.tanh().square(), [x]).ok; // → true
 * ```
 */
export function gradcheck(
  fn: (...inputs: Tensor[]) => Tensor | readonly Tensor[],
  inputs: readonly Tensor[],
  options: GradcheckOptions = {},
): GradcheckResult {
  return compare('gradcheck', (...xs) => scalar(fn(...xs)), inputs, options);
}

/**
 * {@link gradcheck} of the gradient itself: compares second derivatives with central differences of first ones.
 *
 * @example
 * ```ts
 * import { gradgradcheck, tensor } from 'gradlet';
 * const x = tensor([0.5, -1], { dtype: 'float64', requiresGrad: true });
 * gradgradcheck((t) => t.tanh(), [x]).ok; // → true
 * ```
 */
export function gradgradcheck(
  fn: (...inputs: Tensor[]) => Tensor | readonly Tensor[],
  inputs: readonly Tensor[],
  options: GradcheckOptions = {},
): GradcheckResult {
  const first = (...xs: Tensor[]): Tensor => {
    const wanted = xs.filter((x) => x.node);
    const gradients = grad(scalar(fn(...xs)), wanted, { createGraph: true, allowUnused: true });
    return scalar(gradients.filter((g): g is Tensor => g !== null));
  };
  return compare('gradgradcheck', first, inputs, options);
}
