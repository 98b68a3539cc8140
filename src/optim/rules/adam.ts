import { builtIn } from '../define.ts';
import { biasCorrections, firstMoment, secondMoment } from './moments.ts';

/**
 * Adam: the running mean of gradients over the root of the running mean of their squares, both corrected for their start
 * at 0.
 *
 * $$m_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t, \qquad v_t = \beta_2 v_{t-1} + (1 - \beta_2) g_t^2$$
 * $$\hat m = \frac{m_t}{1 - \beta_1^t}, \qquad \hat v = \frac{v_t}{1 - \beta_2^t}, \qquad p \leftarrow p - \mathrm{lr} \cdot \frac{\hat m}{\sqrt{\hat v + \mathrm{epsRoot}} + \mathrm{eps}}$$
 *
 * `amsgrad` divides by the largest $v$ so far; as in PyTorch, the largest of the uncorrected ones. `weightDecay` is
 * coupled, so the moments see it: for decay that acts on the parameters alone see {@link AdamW}.
 * Defaults: lr 1e-3, beta1 0.9, beta2 0.999, eps 1e-8, epsRoot 0, amsgrad false.
 *
 * @paper Kingma and Ba, Adam: a method for stochastic optimization, 2015, https://arxiv.org/abs/1412.6980
 * @paper Reddi, Kale and Kumar, On the convergence of Adam and beyond, 2018 (AMSGrad), https://openreview.net/forum?id=ryQu7f-RZ
 * @differs PyTorch has the same numbers.
 * @differs optax has the same numbers, but takes the maximum of corrected moments in `amsgrad`.
 * @differs Keras has epsilon 1e-7, and beside the uncorrected root: at step t it acts like eps = epsilon / √(1 − β₂ᵗ) here, 32 times as much in the first step.
 * @example
 * ```ts
 * import { Adam, tensor } from 'gradlet';
 * const w = tensor([3, -4], { requiresGrad: true });
 * const optimizer = new Adam([w], { lr: 0.5 });
 * w.square().sum().backward();
 * optimizer.step();
 * w.toString(); // → tensor([2.5, -3.5], requiresGrad=true)
 * ```
 */
export const Adam = builtIn({
  name: 'adam',
  paper: 'https://arxiv.org/abs/1412.6980',
  defaults: { lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, epsRoot: 0, amsgrad: false },
  perStep: biasCorrections,
  lines: {
    m: firstMoment,
    v: secondMoment,
    vMax: ({ v, vMax }) => Math.max(v, vMax),
    delta: ({ m, v, vMax }, { bias1, bias2, eps, epsRoot, amsgrad }) =>
      m / bias1 / (Math.sqrt((amsgrad ? vMax : v) / bias2 + epsRoot) + eps),
  },
});

/**
 * AdamW: {@link Adam} with decoupled weight decay, which shrinks the parameter itself and leaves the moments alone.
 *
 * $$p \leftarrow (1 - \mathrm{lr} \cdot \lambda) \, p - \mathrm{lr} \cdot \frac{\hat m}{\sqrt{\hat v + \mathrm{epsRoot}} + \mathrm{eps}}$$
 *
 * As in PyTorch and optax the decay λ, `weightDecay`, is multiplied by the learning rate; in the paper it has a schedule
 * of its own, so the paper's λ is lr · `weightDecay` here.
 * Defaults: those of Adam, weightDecay 1e-2, decay decoupled.
 *
 * @paper Loshchilov and Hutter, Decoupled weight decay regularization, 2019, https://arxiv.org/abs/1711.05101
 * @differs PyTorch has the same numbers.
 * @differs optax has weightDecay 1e-4.
 * @differs Keras has weightDecay 4e-3, and epsilon as said at {@link Adam}.
 * @example
 * ```ts
 * import { AdamW, tensor } from 'gradlet';
 * const w = tensor([3, -4], { requiresGrad: true });
 * const optimizer = new AdamW([w], { lr: 0.5, weightDecay: 0.1 });
 * w.square().sum().backward();
 * optimizer.step();
 * w.toString(); // → tensor([2.35, -3.30], requiresGrad=true)
 * ```
 */
export const AdamW = builtIn({
  ...Adam.rule,
  name: 'adamw',
  paper: 'https://arxiv.org/abs/1711.05101',
  defaults: { ...Adam.rule.defaults, weightDecay: 1e-2, decay: 'decoupled' },
});

/**
 * NAdam: {@link Adam} with Nesterov's look-ahead in the first moment, and a momentum that grows.
 *
 * $$\mu_t = \beta_1 \left(1 - \tfrac{1}{2} \cdot 0.96^{\,t \psi}\right), \qquad m_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t, \qquad v_t = \beta_2 v_{t-1} + (1 - \beta_2) g_t^2$$
 * $$\hat m = \frac{\mu_{t+1} \, m_t}{1 - \prod_{i=1}^{t+1} \mu_i} + \frac{(1 - \mu_t) \, g_t}{1 - \prod_{i=1}^{t} \mu_i}, \qquad p \leftarrow p - \mathrm{lr} \cdot \frac{\hat m}{\sqrt{v_t / (1 - \beta_2^t) + \mathrm{epsRoot}} + \mathrm{eps}}$$
 *
 * As in PyTorch, and unlike the paper's algorithm, the running mean itself uses β₁ and only the look-ahead uses μ.
 * PyTorch's `decoupled_weight_decay` is `decay: 'decoupled'`, and ψ is its `momentum_decay`.
 * Defaults: lr 2e-3, beta1 0.9, beta2 0.999, eps 1e-8, epsRoot 0, momentumDecay 4e-3.
 *
 * @paper Dozat, Incorporating Nesterov momentum into Adam, 2016, https://openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ
 * @differs PyTorch has the same numbers.
 * @differs optax has no momentum that grows: its look-ahead uses β₁ throughout.
 * @differs Keras has lr 1e-3, epsilon 1e-7 and momentumDecay 1.
 * @example
 * ```ts
 * import { NAdam, tensor } from 'gradlet';
 * const w = tensor([3, -4], { requiresGrad: true });
 * const optimizer = new NAdam([w], { lr: 0.5 });
 * w.square().sum().backward();
 * optimizer.step();
 * w.toString(); // → tensor([2.4718, -3.4718], requiresGrad=true)
 * ```
 */
export const NAdam = builtIn({
  name: 'nadam',
  paper: 'https://openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ',
  defaults: { lr: 2e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, epsRoot: 0, momentumDecay: 4e-3 },
  perStep: (t, { beta1, beta2, momentumDecay }, { product: before = 1 }) => {
    const mu = beta1 * (1 - 0.5 * 0.96 ** (t * momentumDecay));
    const ahead = beta1 * (1 - 0.5 * 0.96 ** ((t + 1) * momentumDecay));
    const product = before * mu;
    return { mu, ahead, product, biasG: 1 - product, biasM: 1 - product * ahead, bias2: 1 - beta2 ** t };
  },
  lines: {
    m: firstMoment,
    v: secondMoment,
    delta: ({ g, m, v }, { mu, ahead, biasG, biasM, bias2, eps, epsRoot }) =>
      (((1 - mu) * g) / biasG + (ahead * m) / biasM) / (Math.sqrt(v / bias2 + epsRoot) + eps),
  },
});

/**
 * Adamax: {@link Adam} with the largest gradient of late in place of the root mean square.
 *
 * $$m_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t, \qquad v_t = \max(\beta_2 v_{t-1}, |g_t| + \mathrm{eps}), \qquad p \leftarrow p - \frac{\mathrm{lr}}{1 - \beta_1^t} \cdot \frac{m_t}{v_t}$$
 *
 * The norm of order ∞ needs no bias correction. Defaults: lr 2e-3, beta1 0.9, beta2 0.999, eps 1e-8.
 *
 * @paper Kingma and Ba, Adam: a method for stochastic optimization, 2015 (section 7.1), https://arxiv.org/abs/1412.6980
 * @differs PyTorch and optax have the same numbers.
 * @differs Keras has lr 1e-3 and epsilon 1e-7, and adds it after the maximum, so that it does not fade.
 * @example
 * ```ts
 * import { Adamax, tensor } from 'gradlet';
 * const w = tensor([3, -4], { requiresGrad: true });
 * const optimizer = new Adamax([w], { lr: 0.5 });
 * w.square().sum().backward();
 * optimizer.step();
 * w.toString(); // → tensor([2.5, -3.5], requiresGrad=true)
 * ```
 */
export const Adamax = builtIn({
  name: 'adamax',
  paper: 'https://arxiv.org/abs/1412.6980',
  defaults: { lr: 2e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8 },
  perStep: (t, { beta1 }) => ({ bias1: 1 - beta1 ** t }),
  lines: {
    m: firstMoment,
    v: ({ g, v }, { beta2, eps }) => Math.max(beta2 * v, Math.abs(g) + eps),
    delta: ({ m, v }, { bias1 }) => m / bias1 / v,
  },
});

/**
 * RAdam: {@link Adam} that does without the second moment until it has seen enough gradients to trust it, and warms up by
 * itself.
 *
 * $$\rho_\infty = \frac{2}{1 - \beta_2} - 1, \qquad \rho_t = \rho_\infty - \frac{2 t \beta_2^t}{1 - \beta_2^t}, \qquad r_t = \sqrt{\frac{(\rho_t - 4)(\rho_t - 2) \rho_\infty}{(\rho_\infty - 4)(\rho_\infty - 2) \rho_t}}$$
 * $$p \leftarrow p - \mathrm{lr} \cdot \hat m \cdot \begin{cases} r_t \sqrt{1 - \beta_2^t} / (\sqrt{v_t} + \mathrm{eps}) & \rho_t > 5 \\ 1 & \text{else} \end{cases}$$
 *
 * $\hat m$ and $v_t$ are those of Adam. With `beta2` 0.999 the first five steps are plain momentum, in proportion to the gradient.
 * Defaults: lr 1e-3, beta1 0.9, beta2 0.999, eps 1e-8.
 *
 * @paper Liu et al., On the variance of the adaptive learning rate and beyond, 2020, https://arxiv.org/abs/1908.03265
 * @differs PyTorch has the same numbers. Its eps, as here, stands beside the uncorrected root; the paper has none, and rectifies from ρ > 4 on.
 * @differs optax puts eps beside the corrected root, and rectifies from ρ ≥ 5 on.
 * @differs Keras has no such optimizer.
 * @example
 * ```ts
 * import { RAdam, tensor } from 'gradlet';
 * const w = tensor([3, -4], { requiresGrad: true });
 * const optimizer = new RAdam([w], { lr: 0.25 });
 * w.square().sum().backward();
 * optimizer.step();
 * w.toString(); // → tensor([1.5, -2.0], requiresGrad=true)
 * ```
 */
export const RAdam = builtIn({
  name: 'radam',
  paper: 'https://arxiv.org/abs/1908.03265',
  defaults: { lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8 },
  perStep: (t, { beta1, beta2 }) => {
    const bias2 = 1 - beta2 ** t;
    const rhoMax = 2 / (1 - beta2) - 1;
    const rho = rhoMax - (2 * t * beta2 ** t) / bias2;
    const rectified = rho > 5;
    const variance = ((rho - 4) * (rho - 2) * rhoMax) / ((rhoMax - 4) * (rhoMax - 2) * rho);
    const rectification = rectified ? Math.sqrt(variance) : 1;
    return { bias1: 1 - beta1 ** t, bias2, rhoMax, rho, rectified, rectification };
  },
  lines: {
    m: firstMoment,
    v: secondMoment,
    delta: ({ m, v }, { bias1, bias2, rectified, rectification, eps }) =>
      rectified ? ((m / bias1) * rectification * Math.sqrt(bias2)) / (Math.sqrt(v) + eps) : m / bias1,
  },
  parts: {
    secondMoment: { v: 1, eps: 0 },
    biasCorrection: { bias1: 1, bias2: 1 },
    rectification: { rectification: 1 },
  },
});
