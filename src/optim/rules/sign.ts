import { builtIn } from '../define.ts';
import { firstMoment } from './moments.ts';

/**
 * Signum: a step of one length for every element, along the sign of its mean gradient.
 *
 * $$m_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t, \qquad p \leftarrow p - \mathrm{lr} \cdot \operatorname{sign}(m_t)$$
 *
 * With `beta1` 0 it is signSGD. An element that has had no gradient stays. Defaults: lr 1e-3, beta1 0.9.
 *
 * @paper Bernstein et al., signSGD: compressed optimisation for non-convex problems, 2018, https://arxiv.org/abs/1802.04434
 * @differs PyTorch and Keras have no such optimizer.
 * @differs optax calls `beta1` beta.
 * @example
 * ```ts
 * import { Signum, tensor } from 'gradlet';
 * const w = tensor([3, -4], { requiresGrad: true });
 * const optimizer = new Signum([w], { lr: 0.5 });
 * w.square().sum().backward();
 * optimizer.step();
 * w.toString(); // → tensor([2.5, -3.5], requiresGrad=true)
 * ```
 */
export const Signum = builtIn({
  name: 'signum',
  paper: 'https://arxiv.org/abs/1802.04434',
  defaults: { lr: 1e-3, beta1: 0.9 },
  lines: {
    m: firstMoment,
    delta: ({ m }) => Math.sign(m),
  },
  parts: { sign: { delta: ({ m }) => m } },
});

/**
 * Lion: the sign of a mean that weighs the newest gradient more than the momentum that is kept.
 *
 * $$c_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t, \qquad p \leftarrow (1 - \mathrm{lr} \, \lambda) p - \mathrm{lr} \cdot \operatorname{sign}(c_t), \qquad m_t = \beta_2 m_{t-1} + (1 - \beta_2) g_t$$
 *
 * Every element moves by the learning rate, so it wants one three to ten times smaller than AdamW's, and a weight decay as
 * much larger. Defaults: lr 1e-4, beta1 0.9, beta2 0.99, decay decoupled.
 *
 * @paper Chen et al., Symbolic discovery of optimization algorithms, 2023, https://arxiv.org/abs/2302.06675
 * @differs PyTorch has no such optimizer.
 * @differs optax has weightDecay 1e-3.
 * @differs Keras has lr 1e-3.
 * @example
 * ```ts
 * import { Lion, tensor } from 'gradlet';
 * const w = tensor([3, -4], { requiresGrad: true });
 * const optimizer = new Lion([w], { lr: 0.5, weightDecay: 0.1 });
 * w.square().sum().backward();
 * optimizer.step();
 * w.toString(); // → tensor([2.35, -3.30], requiresGrad=true)
 * ```
 */
export const Lion = builtIn({
  name: 'lion',
  paper: 'https://arxiv.org/abs/2302.06675',
  defaults: { lr: 1e-4, beta1: 0.9, beta2: 0.99, decay: 'decoupled' },
  lines: {
    c: ({ g, m }, { beta1 }) => beta1 * m + (1 - beta1) * g,
    delta: ({ c }) => Math.sign(c),
    m: ({ g, m }, { beta2 }) => beta2 * m + (1 - beta2) * g,
  },
  parts: { sign: { delta: ({ c }) => c } },
});

/**
 * Rprop: every element has a step of its own, which grows while its gradient keeps its sign and shrinks where it turns. The
 * size of the gradient does not count.
 *
 * $$s_t = \operatorname{clamp}\left(s_{t-1} \cdot \begin{cases} \eta_+ & g_t g_{t-1} > 0 \\ \eta_- & g_t g_{t-1} < 0 \\ 1 & \text{else} \end{cases}, \; \mathrm{stepMin}, \; \mathrm{stepMax}\right), \qquad p \leftarrow p - s_t \operatorname{sign}(g_t)$$
 *
 * After a turn the element waits: its gradient counts as 0 for this step and for the next comparison. For full batches; with
 * mini-batches signs turn by chance. `lr` is the first step only. Defaults: lr 1e-2, etaMinus 0.5, etaPlus 1.2, stepMin 1e-6,
 * stepMax 50.
 *
 * @paper Riedmiller and Braun, A direct adaptive method for faster backpropagation learning: the RPROP algorithm, 1993, https://doi.org/10.1109/ICNN.1993.298623
 * @paper Igel and Hüsken, Empirical evaluation of the improved Rprop learning algorithms, 2003 (this form, iRprop⁻), https://doi.org/10.1016/S0925-2312(01)00700-7
 * @differs PyTorch has the same numbers, with etaMinus and etaPlus as `etas`, stepMin and stepMax as `step_sizes`.
 * @differs optax 0.2.8 takes every step one call late, so its first does nothing.
 * @differs Keras has no such optimizer.
 * @example
 * ```ts
 * import { Rprop, tensor } from 'gradlet';
 * const w = tensor([3, -4], { requiresGrad: true });
 * const optimizer = new Rprop([w], { lr: 0.5 });
 * for (let t = 0; t < 2; t++) {
 *   optimizer.zeroGrad();
 *   w.square().sum().backward();
 *   optimizer.step();
 * }
 * w.toString(); // → tensor([1.9, -2.9], requiresGrad=true)
 * ```
 */
export const Rprop = builtIn({
  name: 'rprop',
  paper: 'https://doi.org/10.1109/ICNN.1993.298623',
  defaults: { lr: 1e-2, etaMinus: 0.5, etaPlus: 1.2, stepMin: 1e-6, stepMax: 50 },
  initial: { size: (_, { lr }) => lr },
  lines: {
    turn: ({ g, before }) => g * before,
    size: ({ turn, size }, { etaMinus, etaPlus, stepMin, stepMax }) =>
      Math.min(Math.max(size * (turn > 0 ? etaPlus : turn < 0 ? etaMinus : 1), stepMin), stepMax),
    before: ({ g, turn }) => (turn < 0 ? 0 : g),
    step: ({ before, size }) => Math.sign(before) * size,
  },
  parts: { sign: { step: ({ before }, { lr }) => lr * before } },
});
