import { builtIn } from '../define.ts';
import { firstMoment } from './moments.ts';

/**
 * Stochastic gradient descent, with PyTorch's momentum: the velocity is a sum of gradients, not a mean.
 *
 * $$m_1 = g_1, \qquad m_t = \mu m_{t-1} + (1 - \tau) g_t$$
 * $$p \leftarrow p - \mathrm{lr} \cdot \begin{cases} g_t & \mu = 0 \\ m_t & \text{momentum} \\ g_t + \mu m_t & \text{nesterov} \end{cases}$$
 *
 * With a steady gradient the velocity grows to g / (1 − μ), so momentum 0.9 goes ten times as far as none; {@link SGDM}
 * keeps the length instead. As in PyTorch, `dampening` τ does not touch the first velocity. `nesterov` without `momentum`
 * changes nothing. Defaults: lr 1e-3, momentum 0, dampening 0, nesterov false.
 *
 * @paper Robbins and Monro, A stochastic approximation method, 1951, https://doi.org/10.1214/aoms/1177729586
 * @paper Sutskever et al., On the importance of initialization and momentum in deep learning, 2013, https://proceedings.mlr.press/v28/sutskever13.html
 * @differs PyTorch has the same numbers, and refuses `nesterov` without momentum.
 * @differs optax has the same numbers, and no dampening.
 * @differs Keras has lr 1e-2 and the learning rate inside its velocity: that is {@link Momentum}, or {@link NAG}. It decays decoupled.
 * @example
 * ```ts
 * import { SGD, tensor } from 'gradlet';
 * const w = tensor([3, -4], { requiresGrad: true });
 * const optimizer = new SGD([w], { lr: 0.25, momentum: 0.9, nesterov: true });
 * w.square().sum().backward();
 * optimizer.step();
 * w.toString(); // → tensor([0.15, -0.20], requiresGrad=true)
 * ```
 */
export const SGD = builtIn({
  name: 'sgd',
  paper: 'https://doi.org/10.1214/aoms/1177729586',
  defaults: { lr: 1e-3, momentum: 0, dampening: 0, nesterov: false },
  perStep: (t) => ({ first: t === 1 }),
  lines: {
    m: ({ g, m }, { momentum, dampening, first }) => (first ? g : momentum * m + (1 - dampening) * g),
    delta: ({ g, m }, { momentum, nesterov }) => (momentum === 0 ? g : nesterov ? g + momentum * m : m),
  },
});

/**
 * Stochastic gradient descent along the running mean of gradients, the first moment that Adam uses too.
 *
 * $$m_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t, \qquad p \leftarrow p - \mathrm{lr} \cdot m_t$$
 *
 * The mean starts at 0 and is not corrected for it, so the first steps are short. Equal to {@link SGD} with
 * `momentum: β₁, dampening: β₁`, but for SGD's first step, which is not damped. Defaults: lr 1e-2, beta1 0.9.
 *
 * @paper Liu, Gao and Yin, An improved analysis of stochastic gradient descent with momentum, 2020, https://arxiv.org/abs/2007.07989
 * @differs PyTorch and Keras have no such optimizer.
 * @differs optax has it as `chain(ema(beta1, debias=False), scale_by_learning_rate(lr))`; its `ema` corrects the bias unless told otherwise.
 * @example
 * ```ts
 * import { SGDM, tensor } from 'gradlet';
 * const w = tensor([3, -4], { requiresGrad: true });
 * const optimizer = new SGDM([w], { lr: 0.5 });
 * w.square().sum().backward();
 * optimizer.step();
 * w.toString(); // → tensor([2.7, -3.6], requiresGrad=true)
 * ```
 */
export const SGDM = builtIn({
  name: 'sgdm',
  paper: 'https://arxiv.org/abs/2007.07989',
  defaults: { lr: 1e-2, beta1: 0.9 },
  lines: {
    m: firstMoment,
    delta: ({ m }) => m,
  },
});

/**
 * Momentum as a heavy ball: the learning rate is inside the velocity.
 *
 * $$m_t = \gamma m_{t-1} + \mathrm{lr} \cdot g_t, \qquad p \leftarrow p - m_t$$
 *
 * With a constant learning rate this is {@link SGD} with momentum. When the learning rate falls, this velocity still
 * carries steps of the old rate, while SGD's shrinks at once. Defaults: lr 1e-2, momentum 0.9.
 *
 * @paper Polyak, Some methods of speeding up the convergence of iteration methods, 1964, https://doi.org/10.1016/0041-5553(64)90137-5
 * @differs PyTorch's SGD takes the same steps while the learning rate is constant.
 * @differs optax has it as `chain(scale_by_learning_rate(lr), trace(momentum))`.
 * @differs Keras's SGD with momentum is this one; it decays decoupled.
 * @example
 * ```ts
 * import { Momentum, tensor } from 'gradlet';
 * const w = tensor([3, -4], { requiresGrad: true });
 * const optimizer = new Momentum([w], { lr: 0.25 });
 * w.square().sum().backward();
 * optimizer.step();
 * w.toString(); // → tensor([1.5, -2.0], requiresGrad=true)
 * ```
 */
export const Momentum = builtIn({
  name: 'momentum',
  paper: 'https://doi.org/10.1016/0041-5553(64)90137-5',
  defaults: { lr: 1e-2, momentum: 0.9 },
  lines: {
    m: ({ g, m }, { momentum, lr }) => momentum * m + lr * g,
    step: ({ m }) => m,
  },
});

/**
 * Nesterov's accelerated gradient: momentum that takes the gradient where the velocity is about to lead.
 *
 * Literally, with the gradient at the look-ahead point,
 * $$m_t = \gamma m_{t-1} + \mathrm{lr} \cdot \nabla f(\theta_{t-1} - \gamma m_{t-1}), \qquad \theta_t = \theta_{t-1} - m_t.$$
 * A network has its gradient where its parameters are, so the parameters here *are* the look-ahead point
 * $p_t = \theta_t - \gamma m_t$, and the same iteration reads
 * $$m_t = \gamma m_{t-1} + \mathrm{lr} \cdot g_t, \qquad p \leftarrow p - (\gamma m_t + \mathrm{lr} \cdot g_t).$$
 *
 * Both go through the same gradients, and θ can be had as $p + \gamma m$; at a minimum m is 0 and they agree. With a
 * constant learning rate this is {@link SGD} with `nesterov`. Defaults: lr 1e-2, momentum 0.9.
 *
 * @paper Nesterov, A method for solving the convex programming problem with convergence rate O(1/k²), 1983, https://www.mathnet.ru/eng/dan46009
 * @paper Bengio, Boulanger-Lewandowski and Pascanu, Advances in optimizing recurrent networks, 2013 (the form used here), https://arxiv.org/abs/1212.0901
 * @differs PyTorch's SGD with `nesterov` takes the same steps while the learning rate is constant.
 * @differs optax has it as `chain(scale_by_learning_rate(lr), trace(momentum, nesterov=True))`.
 * @differs Keras's SGD with momentum and `nesterov` is this one; it decays decoupled.
 * @example
 * ```ts
 * import { NAG, tensor } from 'gradlet';
 * const w = tensor([3, -4], { requiresGrad: true });
 * const optimizer = new NAG([w], { lr: 0.25 });
 * w.square().sum().backward();
 * optimizer.step();
 * w.toString(); // → tensor([0.15, -0.20], requiresGrad=true)
 * ```
 */
export const NAG = builtIn({
  name: 'nag',
  paper: 'https://www.mathnet.ru/eng/dan46009',
  defaults: { lr: 1e-2, momentum: 0.9 },
  lines: {
    m: ({ g, m }, { momentum, lr }) => momentum * m + lr * g,
    step: ({ g, m }, { momentum, lr }) => momentum * m + lr * g,
  },
});

/**
 * Averaged SGD: plain steps with a falling learning rate, and the running mean of the parameters beside them.
 *
 * $$\eta_t = \frac{\mathrm{lr}}{(1 + \lambda \, \mathrm{lr} \, (t - 1))^{q}}, \qquad p \leftarrow p - \eta_t (g_t + \lambda p), \qquad \bar p \leftarrow \bar p + \frac{p - \bar p}{\max(1, t - 1 - t_0)}$$
 *
 * The averages are for evaluation: {@link Averaging.withAverages} and {@link Averaging.applyAverages}. They begin after
 * $t_0$ steps, which by default is never in a small training, as in PyTorch: set `t0`. λ is `lambd` and q is `lrPower`.
 * Defaults: lr 1e-2, lambd 1e-4, lrPower 0.75, t0 1e6.
 *
 * @paper Polyak and Juditsky, Acceleration of stochastic approximation by averaging, 1992, https://doi.org/10.1137/0330046
 * @differs PyTorch calls `lrPower` alpha, has the average as `optimizer.state[p]['ax']` only, and uses a changed learning rate one step late.
 * @differs optax and Keras have no such optimizer.
 * @example
 * ```ts
 * import { ASGD, tensor } from 'gradlet';
 * const w = tensor([3, -4], { requiresGrad: true });
 * const optimizer = new ASGD([w], { lr: 0.125, lambd: 0, t0: 0 });
 * for (let t = 0; t < 3; t++) {
 *   optimizer.zeroGrad();
 *   w.square().sum().backward();
 *   optimizer.step();
 * }
 * w.detach().toString(); // → tensor([1.2656, -1.6875])
 * optimizer.withAverages(() => w.detach().toString()); // → tensor([1.4766, -1.9688])
 * ```
 */
export const ASGD = builtIn({
  name: 'asgd',
  paper: 'https://doi.org/10.1137/0330046',
  defaults: { lr: 1e-2, lambd: 1e-4, lrPower: 0.75, t0: 1e6 },
  perStep: (t, { lr, lambd, lrPower, t0 }) => ({
    eta: lr / (1 + lambd * lr * (t - 1)) ** lrPower,
    weight: 1 / Math.max(1, t - 1 - t0),
  }),
  lines: {
    step: ({ p, g }, { eta, lambd }) => eta * (g + lambd * p),
    mean: ({ next, mean }, { weight }) => (weight === 1 ? next : mean + weight * (next - mean)),
  },
  average: ({ mean }) => mean,
  parts: { lrDecay: { eta: (_, { lr }) => lr }, decay: { lambd: 0 } },
});
