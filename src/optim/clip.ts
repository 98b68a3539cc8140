import { NonFiniteError, show, ValueError } from '../core/errors.ts';
import { showShape } from '../core/shape.ts';
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
const normTypeDomain = domainOf('(0, ∞]', 2);

/** The p-norm of all gradients taken together, as if they stood in one long vector. */
export function totalNorm(gradients: Iterable<Tensor>, normType = 2): number {
  let total = 0;
  for (const gradient of gradients) {
    const g = contiguousData(gradient);
    if (normType === 2) for (let i = 0; i < g.length; i++) total += g[i]! * g[i]!;
    else if (normType === Infinity)
      for (let i = 0; i < g.length; i++) total = Math.max(total, Math.abs(g[i]!));
    else for (let i = 0; i < g.length; i++) total += Math.abs(g[i]!) ** normType;
  }
  if (normType === 2) return Math.sqrt(total);
  return normType === Infinity ? total : total ** (1 / normType);
}

/** What to multiply gradients of this norm by to make it at most `max`; 1 where it is already. */
export function clipScale(norm: number, max: number): number {
  // as PyTorch, which keeps away from 0/0
  return max === Infinity ? 1 : Math.min(1, max / (norm + 1e-6));
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
  const norm = totalNorm(gradients, normType);
  if (errorIfNonfinite && !Number.isFinite(norm)) {
    const bad = gradients.find((g) => !Number.isFinite(totalNorm([g], Infinity)));
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
  const norm = totalNorm(list.map((p) => p.grad!));
  for (const p of list) p.grad = noGrad(() => clamp(p.grad!, { min: -max, max }));
  return norm;
}
