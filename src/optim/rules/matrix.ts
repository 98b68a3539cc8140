import { type Tensor, zeros, zerosLike } from '../../tensor/index.ts';
import { builtInOf } from '../define.ts';
import { TensorPart } from '../tensor-part.ts';
import { adamDirection, biasCorrections, firstMoment, secondMoment } from './moments.ts';

const builtIn = builtInOf({ tensors: TensorPart });

const norm = (x: Tensor): number => Math.sqrt(x.square().sum().item());

/** A matrix with the singular vectors of x and singular values near 1, by a Newton–Schulz iteration of the fifth degree. */
function orthogonalized(
  x: Tensor,
  steps: number,
  [a, b, c]: readonly [number, number, number],
  eps: number,
): Tensor {
  const tall = x.shape[0]! > x.shape[1]!;
  const wide = tall ? x.transpose() : x;
  let y = wide.div(Math.max(norm(x), eps));
  for (let k = 0; k < steps; k++) {
    const square = y.matmul(y.transpose());
    y = y.mul(a).add(square.mul(b).add(square.matmul(square).mul(c)).matmul(y));
  }
  return tall ? y.transpose() : y;
}

/**
 * Muon: momentum whose direction is orthogonalized, for the weight matrices of hidden layers; all other parameters go with
 * {@link AdamW} in the same optimizer.
 *
 * $$m_t = \mu m_{t-1} + (1 - \mu) g_t, \qquad u = \mu m_t + (1 - \mu) g_t$$
 * $$X_0 = \frac{u}{\lVert u \rVert_F}, \qquad X_{k+1} = a X_k + b (X_k X_k^\top) X_k + c (X_k X_k^\top)^2 X_k, \qquad p \leftarrow (1 - \mathrm{lr} \, \lambda) p - \mathrm{lr} \cdot s \, X$$
 *
 * The iteration brings all singular values of the direction close to 1 (0.7 to 1.2), so that no direction of a matrix is
 * neglected. Without `nesterov` $u = m_t$. `adjustLr` is `'original'`, $s = \sqrt{\max(1, \mathrm{rows} / \mathrm{columns})}$, or
 * `'matchRmsAdamw'`, $s = 0.2 \sqrt{\max(\mathrm{rows}, \mathrm{columns})}$, with which a learning rate of AdamW's fits. The norm
 * counts at least `nsEps`. Parameters that are not matrices step by AdamW with `beta1`, `beta2`, `eps`, `epsRoot` and the
 * learning rate lr · `adamScale`. Embeddings and the last layer are matrices too, but learn better with AdamW: train them with
 * an optimizer of their own. Defaults: lr 1e-3, momentum 0.95, nesterov true, nsSteps 5, nsA 3.4445, nsB -4.775, nsC 2.0315,
 * nsEps 1e-7, adjustLr original, adamScale 1, beta1 0.9, beta2 0.999, eps 1e-8, epsRoot 0, weightDecay 0.1, decay decoupled.
 *
 * @paper Jordan et al., Muon: an optimizer for hidden layers in neural networks, 2024, https://kellerjordan.github.io/posts/muon/
 * @paper Liu et al., Muon is scalable for LLM training, 2025 (`matchRmsAdamw`), https://arxiv.org/abs/2502.16982
 * @differs PyTorch iterates in bfloat16, so its steps are about 1 % off; it takes matrices only.
 * @differs optax corrects the bias of both parts of u, which makes another direction with `nesterov`, has weightDecay 0, and takes NAdamW for the other parameters.
 * @differs Keras adds nsEps to the norm and has `matchRmsAdamw` and weightDecay 4e-3 by default.
 * @example
 * ```ts
 * import { Muon, tensor } from 'gradlet';
 * const w = tensor([[3, 0], [0, 4]], { requiresGrad: true });
 * const bias = tensor([1], { requiresGrad: true });
 * const optimizer = new Muon([w, bias], { lr: 0.1, weightDecay: 0 });
 * w.square().sum().add(bias.square().sum()).backward();
 * optimizer.step();
 * w.toString(); // → tensor([[2.9277, 0.0000], [0.0000, 3.8881]], requiresGrad=true)
 * bias.toString(); // → tensor([0.9], requiresGrad=true)
 * ```
 */
export const Muon = builtIn({
  name: 'muon',
  paper: 'https://kellerjordan.github.io/posts/muon/',
  defaults: {
    lr: 1e-3,
    momentum: 0.95,
    nesterov: true,
    nsSteps: 5,
    nsA: 3.4445,
    nsB: -4.775,
    nsC: 2.0315,
    nsEps: 1e-7,
    adjustLr: 'original',
    adamScale: 1,
    beta1: 0.9,
    beta2: 0.999,
    eps: 1e-8,
    epsRoot: 0,
    weightDecay: 0.1,
    decay: 'decoupled',
  },
  takes: (p) => p.ndim === 2,
  initial: { m: (p) => zerosLike(p) },
  update: ({ p, g, m }, { momentum, nesterov, nsSteps, nsA, nsB, nsC, nsEps, adjustLr }) => {
    const fresh = g.mul(1 - momentum);
    const next = m.mul(momentum).add(fresh);
    const u = nesterov ? next.mul(momentum).add(fresh) : next;
    const [rows, columns] = p.shape as [number, number];
    const scale =
      adjustLr === 'original'
        ? Math.sqrt(Math.max(1, rows / columns))
        : 0.2 * Math.sqrt(Math.max(rows, columns));
    const x = orthogonalized(u, nsSteps, [nsA, nsB, nsC], nsEps);
    const delta = x.mul(scale);
    return { m: next, delta, parts: () => ({ momentum: u, orthogonalization: x, shapeScaling: delta }) };
  },
  formula: {
    m: 'momentum * m + (1 - momentum) * g',
    u: 'nesterov ? momentum * m + (1 - momentum) * g : m',
    scale: 'adjustLr === original ? sqrt(max(1, rows / columns)) : 0.2 * sqrt(max(rows, columns))',
    delta: 'scale * newtonSchulz(u / max(norm(u), nsEps), nsSteps, nsA, nsB, nsC)',
  },
  otherwise: {
    perStep: biasCorrections,
    lines: {
      m: firstMoment,
      v: secondMoment,
      u: adamDirection,
      delta: (
        { u, pull }: Readonly<Record<'u' | 'pull', number>>,
        { adamScale }: { readonly adamScale: number },
      ) => adamScale * (u + pull),
    },
  },
});

/**
 * Adafactor: the second moment of a matrix kept as its row means and column means only, and steps in proportion to the
 * parameter's own size.
 *
 * $$f = t^{\,\mathrm{beta2Decay}}, \qquad R \leftarrow R + f \left( \overline{g_t^2}^{\,\mathrm{rows}} - R \right), \qquad C \leftarrow C + f \left( \overline{g_t^2}^{\,\mathrm{columns}} - C \right), \qquad V = \frac{R \, C}{\max(\overline{R}, \mathrm{eps1})}$$
 * $$u = \frac{g_t}{\sqrt{\max(V, \mathrm{eps1}^2)}}, \qquad \alpha = \max(\mathrm{eps2}, \operatorname{RMS}(p)) \cdot \min\left(\mathrm{lr}, \tfrac{1}{\sqrt t}\right), \qquad p \leftarrow p - \frac{\alpha \, u}{\max(1, \operatorname{RMS}(u) / \mathrm{clipThreshold})}$$
 *
 * A matrix of n × m numbers keeps n + m. Axes in front of the last two are walked over one by one, and a vector keeps its
 * whole second moment. Defaults: lr 1e-2, beta2Decay -0.8, eps1 1.1920928955078125e-7, eps2 1e-3, clipThreshold 1,
 * decay decoupled.
 *
 * @paper Shazeer and Stern, Adafactor: adaptive learning rates with sublinear memory cost, 2018, https://arxiv.org/abs/1804.04235
 * @differs PyTorch calls `clipThreshold` d. Its eps1 is the epsilon of the parameter's dtype unless given: 1.2e-7 for float32, as here, but 2.2e-16 for float64.
 * @differs optax factors only axes of 128 and more, adds eps1 = 1e-30 to the squared gradient instead, has no $1/\sqrt t$, and does not multiply weight decay by the learning rate.
 * @differs Keras adds eps1 = 1e-30 to the squared gradient instead, and has lr 1e-3.
 * @example
 * ```ts
 * import { Adafactor, tensor } from 'gradlet';
 * const w = tensor([[3, -4], [1, 2]], { requiresGrad: true });
 * const optimizer = new Adafactor([w], { lr: 0.1 });
 * w.square().sum().backward();
 * optimizer.step();
 * w.toString(); // → tensor([[2.7154, -3.7317], [0.7879, 1.7000]], requiresGrad=true)
 * ```
 */
export const Adafactor = builtIn({
  name: 'adafactor',
  paper: 'https://arxiv.org/abs/1804.04235',
  defaults: { lr: 1e-2, beta2Decay: -0.8, eps1: 2 ** -23, eps2: 1e-3, clipThreshold: 1, decay: 'decoupled' },
  perStep: (t, { lr, beta2Decay }) => ({ fresh: t ** beta2Decay, rate: Math.min(lr, 1 / Math.sqrt(t)) }),
  initial: {
    // of a vector the whole second moment
    row: (p) => zeros(p.ndim > 1 ? [...p.shape.slice(0, -1), 1] : p.shape, { dtype: p.dtype }),
    col: (p) => zeros(p.ndim > 1 ? [...p.shape.slice(0, -2), 1, p.shape.at(-1)!] : [0], { dtype: p.dtype }),
  },
  update: ({ p, g, row, col }, { fresh, rate, eps1, eps2, clipThreshold }) => {
    const squares = g.square();
    const toward = (kept: Tensor, now: Tensor): Tensor => kept.add(now.sub(kept).mul(fresh));
    const matrix = p.ndim > 1;
    const rows = toward(row, matrix ? squares.mean({ axis: -1, keepDims: true }) : squares);
    const cols = matrix ? toward(col, squares.mean({ axis: -2, keepDims: true })) : col;
    const total = matrix ? rows.mean({ axis: -2, keepDims: true }).maximum(eps1) : 1;
    const v = matrix ? rows.mul(cols).div(total) : rows;
    const u = g.div(v.maximum(eps1 * eps1).sqrt());
    const rms = (x: Tensor): number => norm(x) / Math.sqrt(Math.max(1, x.size));
    const alpha = Math.max(eps2, rms(p)) * rate;
    const step = u.mul(alpha / Math.max(1, rms(u) / clipThreshold));
    const parts = () => ({ secondMoment: u.mul(rate), parameterScaling: u.mul(alpha), stepClipping: step });
    return { row: rows, col: cols, step, parts };
  },
  formula: {
    row: 'row + fresh * (mean(g * g, columns) - row)',
    col: 'col + fresh * (mean(g * g, rows) - col)',
    v: 'row * col / max(mean(row), eps1)',
    u: 'g / sqrt(max(v, eps1 ** 2))',
    step: 'max(eps2, rms(p)) * rate * u / max(1, rms(u) / clipThreshold)',
  },
});
