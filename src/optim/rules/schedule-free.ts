import { builtIn } from '../define.ts';
import { secondMoment } from './moments.ts';

type Numbers<N extends string> = Readonly<Record<N, number>>;

type Schedule = Numbers<'lr' | 'warmupSteps' | 'weightLrPower'> & Partial<Numbers<'beta2'>>;
type Scalars = {
  gamma: number;
  lrMax: number;
  weightSum: number;
  c: number;
  bias2: number;
};

/**
 * The learning rate γ of a step, warm-up included, the weight c of its z in the average, and the bias correction of a rule
 * that has a second moment.
 */
function perStep(
  t: number,
  { lr, warmupSteps, weightLrPower, beta2 = 0 }: Schedule,
  { lrMax: lrBefore = 0, weightSum: sumBefore = 0 }: Numbers<string>,
): Scalars {
  const gamma = lr * (warmupSteps > 0 ? Math.min(1, t / warmupSteps) : 1);
  const lrMax = Math.max(lrBefore, gamma);
  const weight = lrMax ** weightLrPower;
  const weightSum = sumBefore + weight;
  const c = weightSum > 0 ? weight / weightSum : 0;
  return { gamma, lrMax, weightSum, c, bias2: 1 - beta2 ** t };
}

/** From y to the next y = (1 − β₁) z + β₁ x; d is the direction of z. */
const step = (
  { p, z, d }: Numbers<'p' | 'z' | 'd'>,
  { gamma, c, beta1 }: Numbers<'gamma' | 'c' | 'beta1'>,
): number => gamma * (1 - beta1 * (1 - c)) * d - c * (z - p);
const z = ({ z, d }: Numbers<'z' | 'd'>, { gamma }: Numbers<'gamma'>): number => z - gamma * d;
const average = ({ p, z }: Numbers<'p' | 'z'>, { beta1 }: Numbers<'beta1'>): number =>
  (p - (1 - beta1) * z) / beta1;

const parts = {
  warmup: { gamma: (_: object, { lr }: Numbers<'lr'>) => lr },
  averaging: { step: ({ d }: Numbers<'d'>, { gamma }: Numbers<'gamma'>) => gamma * d },
};
const defaults = { beta1: 0.9, warmupSteps: 0, weightLrPower: 2 };
const ranges = { beta1: '(0, 1)', proximal: 'false' } as const;
const initial = { z: ({ p }: Numbers<'p'>) => p };

/**
 * Schedule-free SGD: no learning rate schedule is needed, and no end of the training need be known. The gradient is taken
 * between the place $z$ where SGD would be and the average $x$ of those places, which is the one to evaluate.
 *
 * $$\gamma_t = \mathrm{lr} \cdot \min(1, t / \mathrm{warmupSteps}), \qquad z \leftarrow z - \gamma_t (g_t + \lambda y), \qquad x \leftarrow (1 - c_t) x + c_t z, \qquad y \leftarrow (1 - \beta_1) z + \beta_1 x$$
 *
 * The parameters are $y$, at which gradients are taken; evaluate with {@link Averaging.withAverages}, which puts $x$ in
 * their place, and end with {@link Averaging.applyAverages}. $c_t$ weighs steps by their largest learning rate so far to the power
 * `weightLrPower`: $1/t$ while it is constant. Statistics of batch norm belong to $y$: make them anew for $x$. Needs large
 * learning rates, ten times SGD's and more. Defaults: lr 1, beta1 0.9, warmupSteps 0, weightLrPower 2.
 *
 * @paper Defazio et al., The road less scheduled, 2024, https://arxiv.org/abs/2405.15682
 * @differs PyTorch and Keras have no such optimizer.
 * @differs optax has the same numbers without warm-up; with it, optax 0.2.8 lets z lag a step behind. The authors call `beta1` momentum.
 * @example
 * ```ts
 * import { ScheduleFreeSGD, tensor } from 'gradlet';
 * const w = tensor([3, -4], { requiresGrad: true });
 * const optimizer = new ScheduleFreeSGD([w], { lr: 0.5 });
 * for (let t = 0; t < 2; t++) {
 *   optimizer.zeroGrad();
 *   w.square().sum().backward();
 *   optimizer.step();
 * }
 * optimizer.withAverages(() => w.detach().toString()); // → tensor([0., 0.])
 * ```
 */
export const ScheduleFreeSGD = builtIn({
  name: 'scheduleFreeSgd',
  paper: 'https://arxiv.org/abs/2405.15682',
  defaults: { lr: 1, ...defaults },
  ranges,
  perStep,
  initial,
  lines: { d: ({ g, pull }) => g + pull, step, z },
  average,
  parts,
});

/**
 * Schedule-free AdamW: {@link ScheduleFreeSGD} with Adam's second moment; $\beta_1$ of the average takes the place of the first.
 *
 * $$v_t = \beta_2 v_{t-1} + (1 - \beta_2) g_t^2, \qquad z \leftarrow z - \gamma_t \left( \frac{g_t}{\sqrt{\hat v + \mathrm{epsRoot}} + \mathrm{eps}} + \lambda y \right)$$
 *
 * $\hat v = v_t / (1 - \beta_2^t)$; $\gamma$, $x$, $y$ and what is said of them are those of {@link ScheduleFreeSGD}.
 * Defaults: lr 2.5e-3, beta1 0.9, beta2 0.999, eps 1e-8, epsRoot 0, warmupSteps 0, weightLrPower 2, decay decoupled.
 *
 * @paper Defazio et al., The road less scheduled, 2024, https://arxiv.org/abs/2405.15682
 * @differs PyTorch has no such optimizer.
 * @differs optax has the same numbers without warm-up; with it, optax 0.2.8 lets z lag a step behind.
 * @differs Keras takes $c_t = 1/t$ always, decays y only, and offers no way to x.
 * @example
 * ```ts
 * import { ScheduleFreeAdamW, tensor } from 'gradlet';
 * const w = tensor([3, -4], { requiresGrad: true });
 * const optimizer = new ScheduleFreeAdamW([w], { lr: 0.5, warmupSteps: 2 });
 * for (let t = 0; t < 2; t++) {
 *   optimizer.zeroGrad();
 *   w.square().sum().backward();
 *   optimizer.step();
 * }
 * optimizer.withAverages(() => w.detach().toString()); // → tensor([2.3677, -3.3631])
 * ```
 */
export const ScheduleFreeAdamW = builtIn({
  name: 'scheduleFreeAdamw',
  paper: 'https://arxiv.org/abs/2405.15682',
  defaults: { lr: 2.5e-3, beta2: 0.999, eps: 1e-8, epsRoot: 0, ...defaults, decay: 'decoupled' },
  ranges,
  perStep,
  initial,
  lines: {
    v: secondMoment,
    d: ({ g, v, pull }, { bias2, eps, epsRoot }) => g / (Math.sqrt(v / bias2 + epsRoot) + eps) + pull,
    step,
    z,
  },
  average,
  parts: { secondMoment: { v: 1, eps: 0, epsRoot: 0 }, biasCorrection: { bias2: 1 }, ...parts },
});
