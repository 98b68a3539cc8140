import type { TypedArray } from '../core/dtype.ts';
import { NonFiniteError, show, ValueError } from '../core/errors.ts';
import { type Shape, showShape } from '../core/shape.ts';
import { clamp, contiguousData, mul, noGrad, Tensor } from '../tensor/index.ts';
import { checkValue, domainOf } from './hyperparameters.ts';

/** Options of {@link clipGradNorm}. */
export interface ClipGradNormOptions {
  /** p of the p-norm, in (0, ∞]; `Infinity` measures the largest |gradient| of an element. Default 2. */
  readonly normType?: number;
  /** Throws when the norm is NaN or infinite, instead of spreading it over all gradients. Default false. */
  readonly errorIfNonfinite?: boolean;
}

export const maxDomain = domainOf('[0, ∞]', 0);
export const normTypeDomain = domainOf('(0, ∞]', 2);
export const factorDomain = domainOf('[0, ∞)', 0);

/** Σ |x|ᵖ; the largest |x| for p = ∞. */
export function powerSum(x: TypedArray, p: number): number {
  let sum = 0;
  if (p === 2) for (let i = 0; i < x.length; i++) sum += x[i]! * x[i]!;
  else if (p === Infinity) for (let i = 0; i < x.length; i++) sum = Math.max(sum, Math.abs(x[i]!));
  else for (let i = 0; i < x.length; i++) sum += Math.abs(x[i]!) ** p;
  return sum;
}

/** The p-norm of several arrays taken together, as if they stood in one long vector, from their {@link powerSum}s. */
export function normOfSums(sums: readonly number[], p: number): number {
  if (p === Infinity) return Math.max(0, ...sums);
  const total = sums.reduce((sum, one) => sum + one, 0);
  return p === 2 ? Math.sqrt(total) : total ** (1 / p);
}

const norm2 = (x: TypedArray): number => Math.sqrt(powerSum(x, 2));

const normOfGradients = (gradients: readonly Tensor[], normType = 2): number =>
  normOfSums(
    gradients.map((g) => powerSum(contiguousData(g), normType)),
    normType,
  );

/** What to multiply gradients of this norm by to make it at most `max`; 1 where it is already. */
export function clipScale(norm: number, max: number): number {
  // as PyTorch, which keeps away from 0/0
  return max === Infinity ? 1 : Math.min(1, max / (norm + 1e-6));
}

/**
 * Adaptive clipping of one gradient: scales the gradient of every unit (row) down to at most `factor` times the norm of
 * the unit's own weights. A new array; `null` where nothing is clipped.
 */
export function clippedByUnit(
  grad: TypedArray,
  values: TypedArray,
  shape: Shape,
  { factor, eps }: { readonly factor: number; readonly eps: number },
): TypedArray | null {
  const units = shape.length < 2 ? 1 : shape[0]!;
  const size = grad.length / units;
  let clipped: TypedArray | null = null;
  for (let from = 0; from < grad.length; from += size) {
    const g = norm2(grad.subarray(from, from + size));
    const most = factor * Math.max(norm2(values.subarray(from, from + size)), eps);
    if (!(g > most)) continue;
    clipped ??= grad.slice();
    for (let i = from; i < from + size; i++) clipped[i]! *= most / g;
  }
  return clipped;
}

function withGradient(where: string, params: Iterable<Tensor> | Tensor): Tensor[] {
  const list = params instanceof Tensor ? [params] : [...params];
  for (const p of list) {
    if (!(p instanceof Tensor)) throw new ValueError(where, 'every parameter must be a tensor', show(p));
  }
  return list.filter((p) => p.grad);
}

/**
 * Scales all gradients by one factor so that their total norm is at most `max`; the direction stays.
 *
 * $$g \leftarrow g \cdot \min\left(1, \frac{\mathrm{max}}{\lVert g \rVert + 10^{-6}}\right)$$
 *
 * The norm is that of all gradients taken together, not of each on its own. Gradients are replaced, never written into:
 * two parameters may share one. Call it between `backward` and `step`, or set `clipNorm` on the optimizer.
 *
 * @param params - parameters; those without a gradient do not count
 * @param max - the largest norm allowed, in [0, ∞]
 * @returns the norm before clipping
 * @throws {@link NonFiniteError} with `errorIfNonfinite`, when the norm is NaN or infinite
 * @paper Pascanu, Mikolov and Bengio, On the difficulty of training recurrent neural networks, 2013, https://arxiv.org/abs/1211.5063
 * @example
 * ```ts
 * import { clipGradNorm, tensor } from 'gradlet';
 * const w = tensor([1, 2], { requiresGrad: true });
 * w.mul(tensor([30, 40])).sum().backward();
 * clipGradNorm([w], 5); // → 50
 * w.grad?.toString(); // → tensor([3., 4.])
 * ```
 */
export function clipGradNorm(
  params: Iterable<Tensor> | Tensor,
  max: number,
  { normType = 2, errorIfNonfinite = false }: ClipGradNormOptions = {},
): number {
  const where = 'clipGradNorm';
  checkValue(where, 'max', max, maxDomain);
  checkValue(where, 'normType', normType, normTypeDomain);
  const list = withGradient(where, params);
  const gradients = list.map((p) => p.grad!);
  const norm = normOfGradients(gradients, normType);
  if (errorIfNonfinite && !Number.isFinite(norm)) {
    const bad = gradients.find((g) => !Number.isFinite(normOfGradients([g], Infinity)));
    const got = `${norm}${bad ? `, from a gradient of shape ${showShape(bad.shape)}` : ''}`;
    throw new NonFiniteError(
      where,
      'the total norm of the gradients must be finite',
      got,
      'Lower the learning rate, or look for a division by 0.',
    );
  }
  const scale = clipScale(norm, max);
  if (scale !== 1) for (const p of list) p.grad = noGrad(() => mul(p.grad!, scale));
  return norm;
}

/**
 * Holds every element of every gradient between `−max` and `max`. Unlike {@link clipGradNorm} this turns the gradient.
 *
 * Gradients are replaced, never written into.
 *
 * @param params - parameters; those without a gradient are left out
 * @param max - the largest |gradient| allowed, in [0, ∞]
 * @returns the 2-norm of all gradients before clipping
 * @example
 * ```ts
 * import { clipGradValue, tensor } from 'gradlet';
 * const w = tensor([1, 2], { requiresGrad: true });
 * w.mul(tensor([3, -4])).sum().backward();
 * clipGradValue([w], 3.5); // → 5
 * w.grad?.toString(); // → tensor([3.0, -3.5])
 * ```
 */
export function clipGradValue(params: Iterable<Tensor> | Tensor, max: number): number {
  checkValue('clipGradValue', 'max', max, maxDomain);
  const list = withGradient('clipGradValue', params);
  const norm = normOfGradients(list.map((p) => p.grad!));
  for (const p of list) p.grad = noGrad(() => clamp(p.grad!, { min: -max, max }));
  return norm;
}

/** Options of {@link clipGradAdaptive}. */
export interface ClipGradAdaptiveOptions {
  /** What the norm of a unit's weights counts at least, so that new units can learn. In [0, ∞). Default 1e-3. */
  readonly eps?: number;
}

/**
 * Adaptive gradient clipping: scales the gradient of every *unit* down in proportion to the unit's own weights.
 *
 * $$g_i \leftarrow g_i \cdot \min\left(1, \mathrm{factor} \cdot \frac{\max(\lVert w_i \rVert, \mathrm{eps})}{\lVert g_i \rVert}\right)$$
 *
 * A unit is a row of a weight `[out, in, …]`, all weights into one neuron; a bias is one unit as a whole. The paper leaves
 * the last linear layer of a network out. Gradients are replaced, never written into.
 *
 * @param params - parameters; those without a gradient do not count
 * @param factor - the largest ratio of a unit's gradient to its weights, in [0, ∞); the paper has 0.01
 * @returns the 2-norm of all gradients before clipping
 * @paper Brock et al., High-performance large-scale image recognition without normalization, 2021, https://arxiv.org/abs/2102.06171
 * @example
 * ```ts
 * import { clipGradAdaptive, tensor } from 'gradlet';
 * const w = tensor([[3, 4], [0, 1]], { requiresGrad: true });
 * w.mul(tensor([[2, 0], [0, 0.25]])).sum().backward();
 * clipGradAdaptive([w], 0.25);
 * w.grad?.toString(); // → tensor([[1.25, 0.00], [0.00, 0.25]])
 * ```
 */
export function clipGradAdaptive(
  params: Iterable<Tensor> | Tensor,
  factor: number,
  { eps = 1e-3 }: ClipGradAdaptiveOptions = {},
): number {
  const where = 'clipGradAdaptive';
  checkValue(where, 'factor', factor, factorDomain);
  checkValue(where, 'eps', eps, factorDomain);
  const list = withGradient(where, params);
  const norm = normOfGradients(list.map((p) => p.grad!));
  for (const p of list) {
    const clipped = clippedByUnit(contiguousData(p.grad!), contiguousData(p), p.shape, { factor, eps });
    if (clipped) p.grad = new Tensor(clipped, p.shape, p.grad!.dtype);
  }
  return norm;
}
