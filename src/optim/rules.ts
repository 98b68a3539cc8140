// Every built-in optimizer, from simple to complex. To add one, add a constant here.
import { defineOptimizer } from './define.ts';

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
export const SGD = defineOptimizer({
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
export const SGDM = defineOptimizer({
  name: 'sgdm',
  paper: 'https://arxiv.org/abs/2007.07989',
  defaults: { lr: 1e-2, beta1: 0.9 },
  lines: {
    m: ({ g, m }, { beta1 }) => beta1 * m + (1 - beta1) * g,
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
export const Momentum = defineOptimizer({
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
export const NAG = defineOptimizer({
  name: 'nag',
  paper: 'https://www.mathnet.ru/eng/dan46009',
  defaults: { lr: 1e-2, momentum: 0.9 },
  lines: {
    m: ({ g, m }, { momentum, lr }) => momentum * m + lr * g,
    step: ({ g, m }, { momentum, lr }) => momentum * m + lr * g,
  },
});

/**
 * Adagrad: every element has a learning rate of its own, which falls with the sum of its squared gradients.
 *
 * $$v_t = v_{t-1} + g_t^2, \qquad p \leftarrow p - \frac{\mathrm{lr}}{1 + (t - 1)\,\mathrm{lrDecay}} \cdot \frac{g_t}{\sqrt{v_t + \mathrm{epsRoot}} + \mathrm{eps}}$$
 *
 * The sum only grows, so steps only shrink. It starts from `initialAccumulatorValue`. TensorFlow starts from 0.1; the paper
 * and PyTorch from 0. Defaults: lr 1e-2, lrDecay 0, initialAccumulatorValue 0, eps 1e-10, epsRoot 0.
 *
 * @paper Duchi, Hazan and Singer, Adaptive subgradient methods for online learning and stochastic optimization, 2011, https://jmlr.org/papers/v12/duchi11a.html
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
export const Adagrad = defineOptimizer({
  name: 'adagrad',
  paper: 'https://jmlr.org/papers/v12/duchi11a.html',
  defaults: { lr: 1e-2, lrDecay: 0, initialAccumulatorValue: 0, eps: 1e-10, epsRoot: 0 },
  perStep: (t, { lrDecay }) => ({ slowdown: 1 + (t - 1) * lrDecay }),
  initial: { v: (_, { initialAccumulatorValue }) => initialAccumulatorValue },
  lines: {
    v: ({ g, v }) => v + g * g,
    delta: ({ g, v }, { slowdown, eps, epsRoot }) => g / (Math.sqrt(v + epsRoot) + eps) / slowdown,
  },
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
export const Adadelta = defineOptimizer({
  name: 'adadelta',
  paper: 'https://arxiv.org/abs/1212.5701',
  defaults: { lr: 1, rho: 0.9, eps: 0, epsRoot: 1e-6 },
  lines: {
    v: ({ g, v }, { rho }) => rho * v + (1 - rho) * g * g,
    delta: ({ g, v, u }, { eps, epsRoot }) =>
      ((Math.sqrt(u + epsRoot) + eps) / (Math.sqrt(v + epsRoot) + eps)) * g,
    u: ({ delta, u }, { rho }) => rho * u + (1 - rho) * delta * delta,
  },
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
export const RMSprop = defineOptimizer({
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
});

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
export const Adam = defineOptimizer({
  name: 'adam',
  paper: 'https://arxiv.org/abs/1412.6980',
  defaults: { lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, epsRoot: 0, amsgrad: false },
  perStep: (t, { beta1, beta2 }) => ({ bias1: 1 - beta1 ** t, bias2: 1 - beta2 ** t }),
  lines: {
    m: ({ g, m }, { beta1 }) => beta1 * m + (1 - beta1) * g,
    v: ({ g, v }, { beta2 }) => beta2 * v + (1 - beta2) * g * g,
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
 * of its own, so the paper's λ is lr · `weightDecay` here. Optax has 1e-4 for PyTorch's 1e-2.
 * Defaults: those of Adam, weightDecay 1e-2, decay decoupled.
 *
 * @paper Loshchilov and Hutter, Decoupled weight decay regularization, 2019, https://arxiv.org/abs/1711.05101
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
export const AdamW = defineOptimizer({
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
export const NAdam = defineOptimizer({
  name: 'nadam',
  paper: 'https://openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ',
  defaults: { lr: 2e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, epsRoot: 0, momentumDecay: 4e-3 },
  perStep: (t, { beta1, beta2, momentumDecay }, { product: before = 1 }) => {
    const mu = beta1 * (1 - 0.5 * 0.96 ** (t * momentumDecay));
    const next = beta1 * (1 - 0.5 * 0.96 ** ((t + 1) * momentumDecay));
    const product = before * mu;
    const ofG = (1 - mu) / (1 - product);
    const ofM = next / (1 - product * next);
    return { product, ofG, ofM, bias2: 1 - beta2 ** t };
  },
  lines: {
    m: ({ g, m }, { beta1 }) => beta1 * m + (1 - beta1) * g,
    v: ({ g, v }, { beta2 }) => beta2 * v + (1 - beta2) * g * g,
    delta: ({ g, m, v }, { ofG, ofM, bias2, eps, epsRoot }) =>
      (ofG * g + ofM * m) / (Math.sqrt(v / bias2 + epsRoot) + eps),
  },
});
