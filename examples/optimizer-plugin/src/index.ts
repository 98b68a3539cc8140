import { defineOptimizer, registerOptimizer } from 'gradlet';

/**
 * QHAdam, quasi-hyperbolic Adam: Adam that mixes its moments with the newest gradient, so that a momentum with a long memory
 * still answers at once.
 *
 * $$m_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t, \qquad v_t = \beta_2 v_{t-1} + (1 - \beta_2) g_t^2$$
 * $$\hat m = \frac{m_t}{1 - \beta_1^t}, \qquad \hat v = \frac{v_t}{1 - \beta_2^t}, \qquad p \leftarrow p - \mathrm{lr} \cdot \frac{(1 - \nu_1) g_t + \nu_1 \hat m}{\sqrt{(1 - \nu_2) g_t^2 + \nu_2 \hat v} + \mathrm{eps}}$$
 *
 * With ν₁ = ν₂ = 1 it is Adam.
 * Defaults, as the authors advise: lr 1e-3, beta1 0.995, beta2 0.999, nu1 0.7, nu2 1, eps 1e-8.
 *
 * @paper Ma and Yarats, Quasi-hyperbolic momentum and Adam for deep learning, 2019, https://arxiv.org/abs/1810.06801
 * @example
 * ```ts
 * import { createOptimizer, tensor } from 'gradlet';
 * import 'gradlet-optimizer-qhadam';
 * const w = tensor([3, -4], { requiresGrad: true });
 * const optimizer = createOptimizer('qhadam', [w], { lr: 0.5 });
 * w.square().sum().backward();
 * optimizer.step();
 * w.toString(); // → tensor([2.5, -3.5], requiresGrad=true)
 * ```
 */
export const QHAdam = registerOptimizer(
  defineOptimizer({
    name: 'qhadam',
    paper: 'https://arxiv.org/abs/1810.06801',
    defaults: { lr: 1e-3, beta1: 0.995, beta2: 0.999, nu1: 0.7, nu2: 1, eps: 1e-8 },
    ranges: { nu1: '[0, 1]', nu2: '[0, 1]' },
    perStep: (t, { beta1, beta2 }) => ({ bias1: 1 - beta1 ** t, bias2: 1 - beta2 ** t }),
    lines: {
      m: ({ g, m }, { beta1 }) => beta1 * m + (1 - beta1) * g,
      v: ({ g, v }, { beta2 }) => beta2 * v + (1 - beta2) * g * g,
      delta: ({ g, m, v }, { nu1, nu2, bias1, bias2, eps }) =>
        ((1 - nu1) * g + (nu1 * m) / bias1) / (Math.sqrt((1 - nu2) * g * g + (nu2 * v) / bias2) + eps),
    },
  }),
);

// lets TypeScript complete and check createOptimizer('qhadam', params, { nu1: 0.8 })
declare module 'gradlet' {
  interface OptimizerRules {
    qhadam: typeof QHAdam;
  }
}
