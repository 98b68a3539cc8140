import { builtIn } from '../define.ts';
import { adamDirection, biasCorrections, firstMoment, secondMoment } from './moments.ts';

/**
 * AdaBelief: {@link Adam} that divides by how far gradients stray from their own mean, and so strides where they agree.
 *
 * $$m_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t, \qquad v_t = \beta_2 v_{t-1} + (1 - \beta_2) (g_t - m_t)^2$$
 * $$p \leftarrow p - \mathrm{lr} \cdot \frac{m_t / (1 - \beta_1^t)}{\sqrt{v_t / (1 - \beta_2^t) + \mathrm{epsRoot}} + \mathrm{eps}}$$
 *
 * Defaults: lr 1e-3, beta1 0.9, beta2 0.999, eps 1e-16, epsRoot 1e-13.
 *
 * @paper Zhuang et al., AdaBelief optimizer: adapting stepsizes by the belief in observed gradients, 2020, https://arxiv.org/abs/2010.07468
 * @differs PyTorch and Keras have no such optimizer.
 * @differs optax and the authors add their eps_root to v at every step, so that it piles up: it equals `epsRoot` = eps_root / (1 − β₂) here, 1e-13 for their 1e-16.
 * @example
 * ```ts
 * import { AdaBelief, tensor } from 'gradlet';
 * const w = tensor([3, -4], { requiresGrad: true });
 * const optimizer = new AdaBelief([w], { lr: 0.45 });
 * w.square().sum().backward();
 * optimizer.step();
 * w.toString(); // → tensor([2.5, -3.5], requiresGrad=true)
 * ```
 */
export const AdaBelief = builtIn({
  name: 'adabelief',
  paper: 'https://arxiv.org/abs/2010.07468',
  defaults: { lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-16, epsRoot: 1e-13 },
  perStep: biasCorrections,
  lines: {
    m: firstMoment,
    v: ({ g, m, v }, { beta2 }) => beta2 * v + (1 - beta2) * (g - m) * (g - m),
    delta: adamDirection,
  },
});

/**
 * Yogi: {@link Adam} whose second moment moves towards the squared gradient by a share of that square, not of the distance, so
 * that it cannot fall quickly.
 *
 * $$v_t = v_{t-1} - (1 - \beta_2) \operatorname{sign}(v_{t-1} - g_t^2) \, g_t^2$$
 *
 * The rest is Adam. Both moments start from `initialAccumulatorValue`.
 * Defaults: lr 1e-2, beta1 0.9, beta2 0.999, eps 1e-3, epsRoot 0, initialAccumulatorValue 1e-6.
 *
 * @paper Zaheer et al., Adaptive methods for nonconvex optimization, 2018, https://papers.nips.cc/paper_files/paper/2018/hash/90365351ccc7437a1309dc64e4db32a3-Abstract.html
 * @differs PyTorch and Keras have no such optimizer.
 * @differs optax has the same numbers.
 * @example
 * ```ts
 * import { tensor, Yogi } from 'gradlet';
 * const w = tensor([3, -4], { requiresGrad: true });
 * const optimizer = new Yogi([w], { lr: 0.5 });
 * w.square().sum().backward();
 * optimizer.step();
 * w.toString(); // → tensor([2.5001, -3.5001], requiresGrad=true)
 * ```
 */
export const Yogi = builtIn({
  name: 'yogi',
  paper: 'https://papers.nips.cc/paper_files/paper/2018/hash/90365351ccc7437a1309dc64e4db32a3-Abstract.html',
  defaults: { lr: 1e-2, beta1: 0.9, beta2: 0.999, eps: 1e-3, epsRoot: 0, initialAccumulatorValue: 1e-6 },
  perStep: biasCorrections,
  initial: {
    m: (_, { initialAccumulatorValue }) => initialAccumulatorValue,
    v: (_, { initialAccumulatorValue }) => initialAccumulatorValue,
  },
  lines: {
    m: firstMoment,
    v: ({ g, v }, { beta2 }) => v - (1 - beta2) * Math.sign(v - g * g) * g * g,
    delta: adamDirection,
  },
});

/**
 * Adan: {@link Adam} with Nesterov's look-ahead, for which it keeps the mean difference of gradients.
 *
 * $$d_t = g_t - g_{t-1}, \qquad m_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t, \qquad w_t = \beta_2 w_{t-1} + (1 - \beta_2) d_t, \qquad v_t = \beta_3 v_{t-1} + (1 - \beta_3) (g_t + \beta_2 d_t)^2$$
 * $$p \leftarrow p - \mathrm{lr} \cdot \frac{\hat m + \beta_2 \hat w}{\sqrt{\hat v + \mathrm{epsRoot}} + \mathrm{eps}}$$
 *
 * All three means are corrected for their start at 0, and $d_1 = 0$. The paper writes $1 - \beta$ for β. Its own weight decay divides the
 * new parameter by $1 + \mathrm{lr} \, \lambda$; here it decays as with all optimizers.
 * Defaults: lr 1e-3, beta1 0.98, beta2 0.92, beta3 0.99, eps 1e-8, epsRoot 0, decay decoupled.
 *
 * @paper Xie et al., Adan: adaptive Nesterov momentum algorithm for faster optimizing deep models, 2022, https://arxiv.org/abs/2208.06677
 * @differs PyTorch and Keras have no such optimizer.
 * @differs optax 0.2.8 multiplies the differences by 1 − β₂ where the paper and its code have β₂, and has eps_root 1e-8.
 * @example
 * ```ts
 * import { Adan, tensor } from 'gradlet';
 * const w = tensor([3, -4], { requiresGrad: true });
 * const optimizer = new Adan([w], { lr: 0.5 });
 * w.square().sum().backward();
 * optimizer.step();
 * w.toString(); // → tensor([2.5, -3.5], requiresGrad=true)
 * ```
 */
export const Adan = builtIn({
  name: 'adan',
  paper: 'https://arxiv.org/abs/2208.06677',
  defaults: { lr: 1e-3, beta1: 0.98, beta2: 0.92, beta3: 0.99, eps: 1e-8, epsRoot: 0, decay: 'decoupled' },
  perStep: (t, { beta1, beta2, beta3 }) => ({
    bias1: 1 - beta1 ** t,
    bias2: 1 - beta2 ** t,
    bias3: 1 - beta3 ** t,
    first: t === 1,
  }),
  lines: {
    d: ({ g, before }, { first }) => (first ? 0 : g - before),
    before: ({ g }) => g,
    m: firstMoment,
    w: ({ d, w }, { beta2 }) => beta2 * w + (1 - beta2) * d,
    v: ({ g, d, v }, { beta2, beta3 }) => beta3 * v + (1 - beta3) * (g + beta2 * d) * (g + beta2 * d),
    delta: ({ m, w, v }, { beta2, bias1, bias2, bias3, eps, epsRoot }) =>
      (m / bias1 + (beta2 * w) / bias2) / (Math.sqrt(v / bias3 + epsRoot) + eps),
  },
});

/**
 * AdEMAMix: {@link AdamW} with a second, much slower mean of gradients beside the first moment.
 *
 * $$m_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t, \qquad s_t = \beta_3 s_{t-1} + (1 - \beta_3) g_t, \qquad v_t = \beta_2 v_{t-1} + (1 - \beta_2) g_t^2$$
 * $$p \leftarrow p - \mathrm{lr} \cdot \frac{\hat m + \alpha s_t}{\sqrt{\hat v + \mathrm{epsRoot}} + \mathrm{eps}}$$
 *
 * The slow mean is not corrected; it takes about $1 / (1 - \beta_3)$ steps to fill. The authors let α and β₃ grow during the first steps:
 * bind them to {@link schedules}. Defaults: lr 1e-3, beta1 0.9, beta2 0.999, beta3 0.9999, alpha 5, eps 1e-8, epsRoot 0,
 * decay decoupled.
 *
 * @paper Pagliardini, Ablin and Grangier, The AdEMAMix optimizer: better, faster, older, 2024, https://arxiv.org/abs/2409.03137
 * @differs PyTorch and Keras have no such optimizer.
 * @differs optax has the same numbers; the authors' code has alpha 2.
 * @example
 * ```ts
 * import { AdEMAMix, tensor } from 'gradlet';
 * const w = tensor([3, -4], { requiresGrad: true });
 * const optimizer = new AdEMAMix([w], { lr: 0.5, beta3: 0.9 });
 * w.square().sum().backward();
 * optimizer.step();
 * w.toString(); // → tensor([2.25, -3.25], requiresGrad=true)
 * ```
 */
export const AdEMAMix = builtIn({
  name: 'ademamix',
  paper: 'https://arxiv.org/abs/2409.03137',
  defaults: {
    lr: 1e-3,
    beta1: 0.9,
    beta2: 0.999,
    beta3: 0.9999,
    alpha: 5,
    eps: 1e-8,
    epsRoot: 0,
    decay: 'decoupled',
  },
  perStep: biasCorrections,
  lines: {
    m: firstMoment,
    slow: ({ g, slow }, { beta3 }) => beta3 * slow + (1 - beta3) * g,
    v: secondMoment,
    delta: ({ m, slow, v }, { bias1, bias2, alpha, eps, epsRoot }) =>
      (m / bias1 + alpha * slow) / (Math.sqrt(v / bias2 + epsRoot) + eps),
  },
});
