import { builtIn } from '../define.ts';

/**
 * Adagrad: every element has a learning rate of its own, which falls with the sum of its squared gradients.
 *
 * $$v_t = v_{t-1} + g_t^2, \qquad p \leftarrow p - \frac{\mathrm{lr}}{1 + (t - 1)\,\mathrm{lrDecay}} \cdot \frac{g_t}{\sqrt{v_t + \mathrm{epsRoot}} + \mathrm{eps}}$$
 *
 * The sum only grows, so steps only shrink. It starts from `initialAccumulatorValue`. TensorFlow starts from 0.1; the paper
 * and PyTorch from 0. Defaults: lr 1e-2, lrDecay 0, initialAccumulatorValue 0, eps 1e-10, epsRoot 0.
 *
 * @paper Duchi, Hazan and Singer, Adaptive subgradient methods for online learning and stochastic optimization, 2011, https://jmlr.org/papers/v12/duchi11a.html
 * @differs PyTorch has the same numbers.
 * @differs optax and Keras start from `initialAccumulatorValue` 0.1, and have their eps 1e-7 inside the root (`epsRoot`); optax takes no step where the sum is 0.
 * @differs Keras has lr 1e-3.
 * @example
 * ```ts
 * import { Adagrad, tensor } from 'gradlet';
 * const w = tensor([3, -4], { requiresGrad: true });
 * const optimizer = new Adagrad([w], { lr: 0.5 });
 * w.square().sum().backward();
 * optimizer.step();
 * w.toString(); // → tensor([2.5, -3.5], requiresGrad=true)
 * ```
 */
export const Adagrad = builtIn({
  name: 'adagrad',
  paper: 'https://jmlr.org/papers/v12/duchi11a.html',
  defaults: { lr: 1e-2, lrDecay: 0, initialAccumulatorValue: 0, eps: 1e-10, epsRoot: 0 },
  perStep: (t, { lrDecay }) => ({ slowdown: 1 + (t - 1) * lrDecay }),
  initial: { v: (_, { initialAccumulatorValue }) => initialAccumulatorValue },
  lines: {
    v: ({ g, v }) => v + g * g,
    delta: ({ g, v }, { slowdown, eps, epsRoot }) => g / (Math.sqrt(v + epsRoot) + eps) / slowdown,
  },
  parts: { secondMoment: { v: 1, eps: 0, epsRoot: 0 }, lrDecay: { slowdown: 1 } },
});

/**
 * Adadelta: steps in the units of the parameter, from the ratio of two root mean squares.
 *
 * $$\operatorname{RMS}[x] = \sqrt{x + \mathrm{epsRoot}} + \mathrm{eps}$$
 * $$v_t = \rho v_{t-1} + (1 - \rho) g_t^2, \qquad \delta_t = \frac{\operatorname{RMS}[u_{t-1}]}{\operatorname{RMS}[v_t]} \, g_t, \qquad u_t = \rho u_{t-1} + (1 - \rho) \delta_t^2$$
 * $$p \leftarrow p - \mathrm{lr} \cdot \delta_t$$
 *
 * The numerator takes the steps up to the one *before*, and the denominator the gradients including *this* one. The paper
 * and PyTorch add their ε inside the roots, so PyTorch's `eps` is `epsRoot` here. The paper has no learning rate: that is
 * lr 1. Defaults: lr 1, rho 0.9, eps 0, epsRoot 1e-6.
 *
 * @paper Zeiler, Adadelta: an adaptive learning rate method, 2012, https://arxiv.org/abs/1212.5701
 * @differs PyTorch and optax have the same numbers; `optax.adadelta()` without a learning rate goes uphill.
 * @differs Keras has lr 1e-3 for the 1 of the paper, rho 0.95 and epsilon 1e-7.
 * @example
 * ```ts
 * import { Adadelta, tensor } from 'gradlet';
 * const w = tensor([3, -4], { requiresGrad: true });
 * const optimizer = new Adadelta([w], { lr: 100 });
 * w.square().sum().backward();
 * optimizer.step();
 * w.toString(); // → tensor([2.6838, -3.6838], requiresGrad=true)
 * ```
 */
export const Adadelta = builtIn({
  name: 'adadelta',
  paper: 'https://arxiv.org/abs/1212.5701',
  defaults: { lr: 1, rho: 0.9, eps: 0, epsRoot: 1e-6 },
  lines: {
    v: ({ g, v }, { rho }) => rho * v + (1 - rho) * g * g,
    delta: ({ g, v, u }, { eps, epsRoot }) =>
      ((Math.sqrt(u + epsRoot) + eps) / (Math.sqrt(v + epsRoot) + eps)) * g,
    u: ({ delta, u }, { rho }) => rho * u + (1 - rho) * delta * delta,
  },
  parts: { secondMoment: { v: 1, u: 1, eps: 0, epsRoot: 0 } },
});

/**
 * RMSprop: divides the gradient by the root of the running mean of its squares.
 *
 * $$v_t = \rho v_{t-1} + (1 - \rho) g_t^2, \qquad r_t = \frac{g_t}{\sqrt{v_t + \mathrm{epsRoot}} + \mathrm{eps}}, \qquad p \leftarrow p - \mathrm{lr} \cdot r_t$$
 *
 * `centered` subtracts the squared mean $m_t^2$, $m_t = \rho m_{t-1} + (1 - \rho) g_t$, from $v_t$ inside the root. Rounding
 * can make that difference negative for a steady gradient; it counts as 0 then, where PyTorch gives NaN. `momentum` goes
 * along $b_t = \mu b_{t-1} + r_t$ instead of $r_t$. The moments start at 0 uncorrected, so the first steps are long:
 * $1/\sqrt{1 - \rho}$ times lr. The lecture and TensorFlow use ρ 0.9. Defaults as PyTorch, which calls ρ `alpha`:
 * lr 1e-2, rho 0.99, eps 1e-8, epsRoot 0, centered false, momentum 0.
 *
 * @paper Tieleman and Hinton, Lecture 6.5: RMSprop, 2012, https://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf
 * @paper Graves, Generating sequences with recurrent neural networks, 2013 (centered), https://arxiv.org/abs/1308.0850
 * @differs PyTorch has the same numbers, but NaN where rounding makes the centered variance negative.
 * @differs optax has rho 0.9, and eps inside the root (`epsRoot`) unless told otherwise.
 * @differs Keras has lr 1e-3, rho 0.9 and epsilon 1e-7 inside the root.
 * @differs optax and Keras have the learning rate inside the momentum, which differs once it changes.
 * @example
 * ```ts
 * import { RMSprop, tensor } from 'gradlet';
 * const w = tensor([3, -4], { requiresGrad: true });
 * const optimizer = new RMSprop([w], { lr: 0.1 });
 * w.square().sum().backward();
 * optimizer.step();
 * w.toString(); // → tensor([2., -3.], requiresGrad=true)
 * ```
 */
export const RMSprop = builtIn({
  name: 'rmsprop',
  paper: 'https://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf',
  defaults: { lr: 1e-2, rho: 0.99, eps: 1e-8, epsRoot: 0, centered: false, momentum: 0 },
  lines: {
    v: ({ g, v }, { rho }) => rho * v + (1 - rho) * g * g,
    m: ({ g, m }, { rho }) => rho * m + (1 - rho) * g,
    r: ({ g, v, m }, { centered, eps, epsRoot }) =>
      g / (Math.sqrt((centered ? Math.max(v - m * m, 0) : v) + epsRoot) + eps),
    b: ({ r, b }, { momentum }) => momentum * b + r,
    delta: ({ r, b }, { momentum }) => (momentum === 0 ? r : b),
  },
  parts: { secondMoment: { v: 1, m: 0, eps: 0, epsRoot: 0 } },
});
