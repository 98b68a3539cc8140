import { checkValue, domainOf, type OptimizerSettings, type WithLr } from './hyperparameters.ts';

const strengths = domainOf('[0, ∞)', 0);
const ratios = domainOf('[0, 1]', 0);

/**
 * L2 and L1 regularization together (elastic net), as options for an optimizer or a group.
 *
 * $$\mathrm{penalty} = \mathrm{strength} \cdot \left( \rho \lVert p \rVert_1 + \frac{1 - \rho}{2} \lVert p \rVert_2^2 \right)$$
 *
 * L1 brings weights to 0 and L2 keeps groups of alike inputs together. The numbers mean the same as in scikit-learn's
 * `ElasticNet(alpha, l1_ratio)`.
 *
 * @param strength - of both together, in [0, ∞)
 * @param l1Ratio - ρ, in [0, 1]: 0 is all L2, 1 all L1
 * @paper Zou and Hastie, Regularization and variable selection via the elastic net, 2005, https://doi.org/10.1111/j.1467-9868.2005.00503.x
 * @example
 * ```ts
 * import { createOptimizer, elasticNet, tensor } from 'gradlet';
 * elasticNet(0.5, 0.25); // → {"weightDecay":0.375,"l1":0.125}
 * const w = tensor([0.1, -4], { requiresGrad: true });
 * const optimizer = createOptimizer('sgd', [w], { lr: 1, ...elasticNet(0.5, 0.5), proximal: true });
 * w.grad = tensor([0, 0]);
 * optimizer.step();
 * w.toString(); // → tensor([0.00, -2.75], requiresGrad=true)
 * ```
 */
export function elasticNet(
  strength: number,
  l1Ratio: number,
): Pick<OptimizerSettings<WithLr>, 'weightDecay' | 'l1'> {
  checkValue('elasticNet', 'strength', strength, strengths);
  checkValue('elasticNet', 'l1Ratio', l1Ratio, ratios);
  return { weightDecay: strength * (1 - l1Ratio), l1: strength * l1Ratio };
}
