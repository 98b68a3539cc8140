import { builtIn } from '../define.ts';
import { adamDirection, biasCorrections, firstMoment, secondMoment } from './moments.ts';

/**
 * LARS: SGD with momentum, in which every parameter (layer) has a learning rate in proportion to its own norm.
 *
 * $$r = g_t + \lambda p, \qquad m_t = \mu m_{t-1} + \mathrm{lr} \cdot \mathrm{trust} \cdot \frac{\lVert p \rVert}{\lVert r \rVert + \mathrm{eps}} \, r, \qquad p \leftarrow p - m_t$$
 *
 * So that no layer outruns the others with very large batches. The ratio is 1 for a parameter or gradient of zeros.
 * `nesterov` steps by $\mu m_t$ and the newest term. Biases and norms are usually left out of it: give them a group with another
 * optimizer, or a learning rate 1000 times smaller. There is no usual learning rate.
 * Defaults: lr 1, momentum 0.9, nesterov false, trustCoefficient 1e-3, eps 0.
 *
 * @paper You, Gitman and Ginsburg, Large batch training of convolutional networks, 2017, https://arxiv.org/abs/1708.03888
 * @differs PyTorch and Keras have no such optimizer.
 * @differs optax has the same numbers. The paper's ratio has ‖g‖ + λ‖p‖ in its denominator, which differs only with weight decay.
 * @example
 * ```ts
 * import { LARS, tensor } from 'gradlet';
 * const w = tensor([3, -4], { requiresGrad: true });
 * const optimizer = new LARS([w], { trustCoefficient: 0.5 });
 * w.square().sum().backward();
 * optimizer.step();
 * w.toString(); // → tensor([1.5, -2.0], requiresGrad=true)
 * ```
 */
export const LARS = builtIn({
  name: 'lars',
  paper: 'https://arxiv.org/abs/1708.03888',
  defaults: { lr: 1, momentum: 0.9, nesterov: false, trustCoefficient: 1e-3, eps: 0 },
  norms: { pNorm: 'p', rNorm: 'r' },
  lines: {
    r: ({ g, pull }) => g + pull,
    scaled: ({ r }, { lr, pNorm, rNorm, trustCoefficient, eps }) =>
      lr * (pNorm > 0 && rNorm > 0 ? (trustCoefficient * pNorm) / (rNorm + eps) : 1) * r,
    m: ({ scaled, m }, { momentum }) => momentum * m + scaled,
    step: ({ scaled, m }, { momentum, nesterov }) => (nesterov ? momentum * m + scaled : m),
  },
  parts: { trustRatio: { scaled: ({ r }, { lr }) => lr * r } },
});

/**
 * LAMB: {@link AdamW} in which every parameter (layer) steps in proportion to its own norm.
 *
 * $$r = \frac{\hat m}{\sqrt{\hat v + \mathrm{epsRoot}} + \mathrm{eps}} + \lambda p, \qquad p \leftarrow p - \mathrm{lr} \, \frac{\lVert p \rVert}{\lVert r \rVert} \, r$$
 *
 * $\hat m$ and $\hat v$ are those of {@link Adam}. The ratio is 1 for a parameter of zeros. Decoupled decay takes part in the
 * ratio. Defaults: lr 1e-3, beta1 0.9, beta2 0.999, eps 1e-6, epsRoot 0, decay decoupled.
 *
 * @paper You et al., Large batch optimization for deep learning: training BERT in 76 minutes, 2020, https://arxiv.org/abs/1904.00962
 * @differs PyTorch has no such optimizer.
 * @differs optax has the same numbers.
 * @differs Keras has epsilon 1e-7, and decays the parameter before and outside the ratio.
 * @example
 * ```ts
 * import { LAMB, tensor } from 'gradlet';
 * const w = tensor([3, -4], { requiresGrad: true });
 * const optimizer = new LAMB([w], { lr: 0.1 });
 * w.square().sum().backward();
 * optimizer.step();
 * w.toString(); // → tensor([2.6464, -3.6464], requiresGrad=true)
 * ```
 */
export const LAMB = builtIn({
  name: 'lamb',
  paper: 'https://arxiv.org/abs/1904.00962',
  defaults: { lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-6, epsRoot: 0, decay: 'decoupled' },
  perStep: biasCorrections,
  norms: { pNorm: 'p', rNorm: 'r' },
  lines: {
    m: firstMoment,
    v: secondMoment,
    u: adamDirection,
    r: ({ u, pull }) => u + pull,
    delta: ({ r }, { pNorm, rNorm }) => (pNorm > 0 && rNorm > 0 ? pNorm / rNorm : 1) * r,
  },
  parts: {
    secondMoment: { v: 1, eps: 0, epsRoot: 0 },
    biasCorrection: { bias1: 1, bias2: 1 },
    trustRatio: { delta: ({ r }) => r },
  },
});
