import { ShapeError, show, ValueError } from '../../core/errors.ts';
import { sameShape, showShape } from '../../core/shape.ts';
import { apply, type ElementwiseOp, elementwise, type Operand } from '../../tensor/apply.ts';
import { contiguousData, type Tensor } from '../../tensor/index.ts';
import { expectTensor } from '../../tensor/tensor.ts';
import { checkChoice, checkRange, readOptions } from '../check.ts';
import { type LossOptions, type Reduction, reduced } from './reduction.ts';

/** A formula of input and target, which have the same shape, and maybe further parameters, which broadcast. */
function pointwise(op: ElementwiseOp, input: Tensor, target: Tensor, ...rest: readonly Operand[]): Tensor {
  const { shape } = expectTensor(op.name, input);
  if (!sameShape(expectTensor(op.name, target, 'the target').shape, shape)) {
    throw new ShapeError(
      op.name,
      `the target must have the input's shape ${showShape(shape)}`,
      showShape(target.shape),
    );
  }
  const losses = apply(op, input, target, ...rest);
  if (sameShape(losses.shape, shape)) return losses;
  throw new ShapeError(
    op.name,
    `every weight must broadcast to the input's shape ${showShape(shape)}`,
    `a result of shape ${showShape(losses.shape)}`,
  );
}

const squaredError = elementwise('mseLoss', ['x', 't'], (x: number, t: number) => {
  const d = x - t;
  return d * d;
});

/**
 * Mean squared error, $\tfrac 1n \sum (x - t)^2$.
 *
 * @shape input: any; target: the same; output: [], or the input's for `'none'`
 * @throws {@link ShapeError} when input and target differ in shape: nothing is broadcast
 * @example
 * ```ts
 * import { nn, tensor } from 'gradlet';
 * nn.mseLoss(tensor([1, 2]), tensor([1, 4])).item(); // → 2
 * ```
 */
export function mseLoss(input: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  const { reduction } = readOptions('mseLoss', options, { reduction: 'mean' });
  return reduced('mseLoss', pointwise(squaredError, input, target), reduction);
}

const absoluteError = elementwise('l1Loss', ['x', 't'], (x: number, t: number) => Math.abs(x - t));

/**
 * Mean absolute error, $\tfrac 1n \sum |x - t|$; its derivative at x = t is 0.
 *
 * @shape input: any; target: the same; output: [], or the input's for `'none'`
 * @throws {@link ShapeError} when input and target differ in shape: nothing is broadcast
 * @example
 * ```ts
 * import { nn, tensor } from 'gradlet';
 * nn.l1Loss(tensor([1, 2]), tensor([1, 4])).item(); // → 1
 * ```
 */
export function l1Loss(input: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  const { reduction } = readOptions('l1Loss', options, { reduction: 'mean' });
  return reduced('l1Loss', pointwise(absoluteError, input, target), reduction);
}

/** Options of {@link huberLoss}. */
export interface HuberLossOptions extends LossOptions {
  /** Where the parabola becomes a line, > 0. Default 1. */
  readonly delta?: number;
}

const huber = elementwise('huberLoss', ['x', 't', 'delta'], (x: number, t: number, delta: number) => {
  const d = x - t;
  return Math.abs(d) < delta ? 0.5 * d * d : delta * (Math.abs(d) - 0.5 * delta);
});

/**
 * Squared for small errors, linear for large ones, which therefore pull less:
 *
 * $$\begin{cases} \tfrac 12 d^2 & |d| < \delta \\ \delta (|d| - \tfrac 12 \delta) & \text{otherwise} \end{cases}
 * \qquad d = x - t$$
 *
 * It is δ times {@link smoothL1Loss} with β = δ.
 *
 * @shape input: any; target: the same; output: [], or the input's for `'none'`
 * @paper Huber, Robust estimation of a location parameter, 1964, https://doi.org/10.1214/aoms/1177703732
 * @throws {@link ShapeError} when input and target differ in shape; {@link ValueError} when delta is not positive
 * @example
 * ```ts
 * import { nn, tensor } from 'gradlet';
 * nn.huberLoss(tensor([1, 5]), tensor([0, 0]), { reduction: 'none' }); // → tensor([0.5, 4.5])
 * ```
 */
export function huberLoss(input: Tensor, target: Tensor, options: HuberLossOptions = {}): Tensor {
  const { delta, reduction } = readOptions('huberLoss', options, { delta: 1, reduction: 'mean' });
  if (!(delta > 0)) throw new ValueError('huberLoss', 'delta must be > 0', show(delta));
  return reduced('huberLoss', pointwise(huber, input, target, delta), reduction);
}

/** Options of {@link smoothL1Loss}. */
export interface SmoothL1LossOptions extends LossOptions {
  /** Where the parabola becomes a line; 0 gives {@link l1Loss}. Default 1. */
  readonly beta?: number;
}

const smoothL1 = elementwise('smoothL1Loss', ['x', 't', 'beta'], (x: number, t: number, beta: number) => {
  const d = x - t;
  return Math.abs(d) < beta ? (0.5 * d * d) / beta : Math.abs(d) - 0.5 * beta;
});

/**
 * Absolute error with its kink rounded off:
 *
 * $$\begin{cases} \tfrac 12 d^2 / \beta & |d| < \beta \\ |d| - \tfrac 12 \beta & \text{otherwise} \end{cases}
 * \qquad d = x - t$$
 *
 * @shape input: any; target: the same; output: [], or the input's for `'none'`
 * @paper Girshick, Fast R-CNN, 2015, https://arxiv.org/abs/1504.08083
 * @throws {@link ShapeError} when input and target differ in shape; {@link ValueError} when beta is negative
 * @example
 * ```ts
 * import { nn, tensor } from 'gradlet';
 * nn.smoothL1Loss(tensor([1, 5]), tensor([0, 0]), { reduction: 'none' }); // → tensor([0.5, 4.5])
 * ```
 */
export function smoothL1Loss(input: Tensor, target: Tensor, options: SmoothL1LossOptions = {}): Tensor {
  const { beta, reduction } = readOptions('smoothL1Loss', options, { beta: 1, reduction: 'mean' });
  checkRange('smoothL1Loss', 'beta', beta, 0);
  return reduced('smoothL1Loss', pointwise(smoothL1, input, target, beta), reduction);
}

/** Options of {@link bceLoss}. */
export interface BCELossOptions extends LossOptions {
  /** Factors for the losses; broadcast against the input. Default 1. */
  readonly weight?: Operand;
}

const binaryCrossEntropy = elementwise(
  'bceLoss',
  ['x', 't', 'w'],
  (x: number, t: number, w: number) =>
    -w * (t * Math.max(Math.log(x), -100) + (1 - t) * Math.max(Math.log1p(-x), -100)),
  [(x: number, t: number, w: number) => (w * (x - t)) / Math.max(x * (1 - x), 1e-12)],
);

/**
 * Binary cross-entropy of probabilities, $-\tfrac 1n \sum t \ln x + (1 - t) \ln(1 - x)$.
 *
 * Both logarithms are held above −100, as in PyTorch, so that a wrong certainty costs 100 and not ∞. The input are
 * probabilities, after a sigmoid; {@link bceWithLogitsLoss} joins both and is exact.
 *
 * @shape input: any; target: the same, in [0, 1]; output: [], or the input's for `'none'`
 * @throws {@link ShapeError} when input and target differ in shape
 * @throws {@link ValueError} when an input or target is outside [0, 1]
 * @example
 * ```ts
 * import { nn, tensor } from 'gradlet';
 * nn.bceLoss(tensor([0.5, 0]), tensor([1, 1]), { reduction: 'none' }); // → tensor([0.6931, 100.0000])
 * ```
 */
export function bceLoss(input: Tensor, target: Tensor, options: BCELossOptions = {}): Tensor {
  const { weight, reduction } = readOptions('bceLoss', options, { weight: 1, reduction: 'mean' });
  const losses = pointwise(binaryCrossEntropy, input, target, weight);
  expectProbabilities('input', input, 'Put a sigmoid before it, or use bceWithLogitsLoss.');
  expectProbabilities('target', target);
  return reduced('bceLoss', losses, reduction);
}

function expectProbabilities(name: string, x: Tensor, whatToDo?: string): void {
  const wrong = contiguousData(x).find((p) => !(p >= 0 && p <= 1));
  if (wrong === undefined) return;
  throw new ValueError('bceLoss', `the ${name} must hold probabilities in [0, 1]`, String(wrong), whatToDo);
}

/** Options of {@link bceWithLogitsLoss}. */
export interface BCEWithLogitsLossOptions extends LossOptions {
  /** Factors for the losses; broadcast against the input. Default 1. */
  readonly weight?: Operand;
  /** How much a positive counts beside a negative, > 1 for more recall; broadcast against the input. Default 1. */
  readonly posWeight?: Operand;
}

const binaryCrossEntropyOfLogits = elementwise(
  'bceWithLogitsLoss',
  ['x', 't', 'w', 'p'],
  // −t · p · ln σ(x) − (1 − t) · ln(1 − σ(x)), and ln(1 + e⁻ˣ) = ln(1 + e^−|x|) + max(−x, 0)
  (x: number, t: number, w: number, p: number) =>
    w * ((1 - t) * x + (1 + (p - 1) * t) * (Math.log1p(Math.exp(-Math.abs(x))) + Math.max(-x, 0))),
  // σ(−x) as 1 / (1 + eˣ): eˣ is held finite, so that the next derivatives are no ∞ / ∞
  [
    (x: number, t: number, w: number, p: number) =>
      w * (1 - t - (1 + (p - 1) * t) / (1 + Math.exp(Math.min(x, 700)))),
  ],
);

/**
 * Binary cross-entropy of logits: {@link sigmoid} and {@link bceLoss} in one, exact and without overflow for any size.
 *
 * $$-\tfrac 1n \sum w \, \big( p \, t \ln \sigma(x) + (1 - t) \ln(1 - \sigma(x)) \big)$$
 *
 * with w the `weight` and p the `posWeight`.
 *
 * @shape input: any; target: the same, in [0, 1]; output: [], or the input's for `'none'`
 * @throws {@link ShapeError} when input and target differ in shape, or a weight does not broadcast
 * @example
 * ```ts
 * import { nn, tensor } from 'gradlet';
 * nn.bceWithLogitsLoss(tensor([0, -1000]), tensor([1, 1]), { reduction: 'none' }); // → tensor([0.6931, 1000.0000])
 * ```
 */
export function bceWithLogitsLoss(
  input: Tensor,
  target: Tensor,
  options: BCEWithLogitsLossOptions = {},
): Tensor {
  const { weight, posWeight, reduction } = readOptions('bceWithLogitsLoss', options, {
    weight: 1,
    posWeight: 1,
    reduction: 'mean',
  });
  return reduced(
    'bceWithLogitsLoss',
    pointwise(binaryCrossEntropyOfLogits, input, target, weight, posWeight),
    reduction,
  );
}

/** Options of {@link klDivLoss}. */
export interface KLDivLossOptions {
  /** Whether the target are logarithms of probabilities, too. Default false. */
  readonly logTarget?: boolean;
  /** As in other losses, or `'batchmean'`: the sum divided by the size of axis 0. Default `'mean'`. */
  readonly reduction?: Reduction | 'batchmean';
}

const divergence = elementwise(
  'klDivLoss',
  ['x', 't'],
  (x: number, t: number) => (t === 0 ? 0 : t * Math.log(t)) - t * x,
);
const divergenceOfLogs = elementwise(
  'klDivLoss',
  ['x', 't'],
  (x: number, t: number) => Math.exp(t) * (t - x),
);

/**
 * Kullback–Leibler divergence, $\sum t \, (\ln t - x)$, of *logarithms* of probabilities x from probabilities t.
 *
 * The default `'mean'` divides by the number of elements, as in PyTorch; the divergence itself, averaged over a batch, is
 * `'batchmean'`. Where t is 0 it adds nothing.
 *
 * @shape input: any; target: the same; output: [], or the input's for `'none'`
 * @throws {@link ShapeError} when input and target differ in shape
 * @example
 * ```ts
 * import { nn, tensor } from 'gradlet';
 * const input = tensor([[0.5, 0.5]]).log();
 * nn.klDivLoss(input, tensor([[1, 0]]), { reduction: 'batchmean' }).item().toFixed(4); // → 0.6931
 * ```
 */
export function klDivLoss(input: Tensor, target: Tensor, options: KLDivLossOptions = {}): Tensor {
  const { logTarget, reduction } = readOptions('klDivLoss', options, { logTarget: false, reduction: 'mean' });
  checkChoice('klDivLoss', 'reduction', reduction, ['mean', 'batchmean', 'sum', 'none']);
  const losses = pointwise(logTarget ? divergenceOfLogs : divergence, input, target);
  if (reduction !== 'batchmean') return reduced('klDivLoss', losses, reduction);
  return reduced('klDivLoss', losses, 'mean', losses.shape[0] ?? 1);
}
