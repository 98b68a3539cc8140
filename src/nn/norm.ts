import { ShapeError, ValueError } from '../core/errors.ts';
import { sameShape, showShape } from '../core/shape.ts';
import { apply, elementwise } from '../tensor/apply.ts';
import { assign, isGradEnabled, noGrad, ones, record, sub, type Tensor, zeros } from '../tensor/index.ts';
import { expectTensor } from '../tensor/tensor.ts';
import { checkFeatures, checkRange, checkSize, readOptions } from './check.ts';
import { Module } from './module.ts';
import { Buffer, Parameter } from './parameter.ts';

interface Normalized {
  /** γ · (x − mean) / √(variance + ε) + β, differentiable. */
  readonly y: Tensor;
  /** With the normalized axes kept as size 1, without history. */
  readonly mean: Tensor;
  /** Biased: divided by n. */
  readonly variance: Tensor;
}

const squaredDistance = elementwise(
  'variance',
  ['x', 'mean'],
  (x: number, mean: number) => (x - mean) * (x - mean),
);
const shiftAndScale = elementwise(
  'normalize',
  ['x', 'mean', 'scale'],
  (x: number, mean: number, scale: number) => (x - mean) * scale,
);
const normalizeBackward = elementwise(
  'normalize backward',
  ['dy', 'z', 'meanOfDy', 'meanOfDyZ', 'scale'],
  (dy: number, z: number, meanOfDy: number, meanOfDyZ: number, scale: number) =>
    (dy - meanOfDy - z * meanOfDyZ) * scale,
);
const scaleAndShift = elementwise(
  'affine',
  ['z', 'weight', 'bias'],
  (z: number, w: number, b: number) => z * w + b,
);

const normalizeAndScale = elementwise(
  'normalize and affine',
  ['x', 'mean', 'scale', 'weight', 'bias'],
  (x: number, mean: number, scale: number, w: number, b: number) => (x - mean) * scale * w + b,
);

/** Shifts and scales `x` to mean 0 and variance 1 over `axis`, and then by γ and β, where there are any. */
function normalize(
  x: Tensor,
  axis: readonly number[],
  eps: number,
  weight: Tensor | null,
  bias: Tensor | null,
): Normalized {
  const average = (t: Tensor): Tensor => t.mean({ axis, keepDims: true });
  const statistics = (): { mean: Tensor; variance: Tensor } => {
    const mean = average(x);
    return { mean, variance: average(apply(squaredDistance, x, mean)) };
  };
  const { mean, variance } = noGrad(statistics);
  const scale = variance.add(eps).rsqrt();
  const recorded = isGradEnabled() && [x, weight, bias].some((t) => t?.requiresGrad);
  if (!recorded)
    return { y: apply(normalizeAndScale, x, mean, scale, weight ?? 1, bias ?? 0), mean, variance };
  const z: Tensor = record(
    'normalize',
    noGrad(() => apply(shiftAndScale, x, mean, scale)),
    [
      x,
      // dx = (dz − mean(dz) − z · mean(dz · z)) / √(variance + ε); for second derivatives the divisor depends on x, too
      (g) => {
        const s = isGradEnabled() ? statistics().variance.add(eps).rsqrt() : scale;
        return apply(normalizeBackward, g, z, average(g), average(g.mul(z)), s);
      },
    ],
  );
  const y = weight || bias ? apply(scaleAndShift, z, weight ?? 1, bias ?? 0) : z;
  return { y, mean, variance };
}

/** Options of {@link BatchNorm} and {@link BatchNorm1d}. */
export interface BatchNormOptions {
  /** Added to the variance, so that a channel without spread does not divide by zero. Default 1e-5. */
  readonly eps?: number;
  /** The weight of the new batch in the running statistics; `null` for the plain average over all batches. Default 0.1. */
  readonly momentum?: number | null;
  /** Whether γ and β are learned. Default true. */
  readonly affine?: boolean;
  /** Whether statistics are accumulated; without them, evaluation uses the batch's own as well. Default true. */
  readonly trackRunningStats?: boolean;
  /** Default float32. */
  readonly dtype?: 'float32' | 'float64';
}

/**
 * Batch normalization: shifts and scales each channel (axis 1) to mean 0 and variance 1, then by learned γ and β.
 *
 * $$y = \gamma \cdot \frac{x - \mathrm{E}[x]}{\sqrt{\mathrm{Var}[x] + \varepsilon}} + \beta$$
 *
 * While *training*, mean and variance are those of the batch, over all axes but axis 1, and they are accumulated in
 * `runningMean` and `runningVar`. In *evaluation*, the accumulated ones are used: a sample's output does not depend on
 * what else is in the batch. A model that is evaluated without {@link Module.eval} therefore gives other results for
 * other batches, and spoils its statistics on the way.
 *
 * - `momentum` is the weight of the *new* batch, `running = (1 − momentum) · running + momentum · batch`, unlike the
 *   momentum of optimizers, which weighs the old. With `null` all T batches so far count the same,
 *   $\tfrac{1}{T} \sum_t \mathrm{E}_t[x]$.
 * - The batch is normalized with the biased variance (divided by n), and the unbiased one (divided by n − 1) is
 *   accumulated, as in PyTorch.
 * - The paper places it before the activation; it then makes the bias of the layer before it superfluous.
 *
 * @shape [N, numFeatures, …] → the same
 * @paper Ioffe and Szegedy, Batch normalization: accelerating deep network training by reducing internal covariate
 * shift, 2015, https://arxiv.org/abs/1502.03167
 * @throws {@link ShapeError} when axis 1 of the input is not `numFeatures` long
 * @throws {@link ValueError} when there is only one value per channel to take statistics from
 * @example
 * ```ts
 * import { nn, tensor } from 'gradlet';
 * const norm = new nn.BatchNorm(1, { momentum: 0.5 });
 * norm.forward(tensor([[2], [4]])).toString(); // → tensor([[-1.0000], [1.0000]], requiresGrad=true)
 * norm.runningMean; // → tensor([1.5])
 * norm.eval();
 * norm; // → BatchNorm(1, eps=0.00001, momentum=0.5, affine=true, trackRunningStats=true)
 * ```
 */
export class BatchNorm extends Module {
  /** The number of channels. */
  readonly numFeatures: number;
  /** Added to the variance. */
  readonly eps: number;
  /** The weight of the new batch in the running statistics; `null` for the plain average over all batches. */
  readonly momentum: number | null;
  /** γ, of shape [numFeatures], ones at first; `null` without `affine`. */
  weight: Parameter | null = null;
  /** β, of shape [numFeatures], zeros at first; `null` without `affine`. */
  bias: Parameter | null = null;
  /** The accumulated mean, zeros at first; `null` without `trackRunningStats`. */
  readonly runningMean: Buffer | null = null;
  /** The accumulated variance, ones at first; `null` without `trackRunningStats`. */
  readonly runningVar: Buffer | null = null;
  /** How many batches have been accumulated; `null` without `trackRunningStats`. */
  readonly numBatchesTracked: Buffer | null = null;

  /** @param numFeatures - the number of channels, the size of axis 1 */
  constructor(numFeatures: number, options: BatchNormOptions = {}) {
    super();
    const { eps, momentum, affine, trackRunningStats, dtype } = readOptions('BatchNorm', options, {
      eps: 1e-5,
      momentum: 0.1,
      affine: true,
      trackRunningStats: true,
      dtype: undefined,
    });
    this.numFeatures = checkSize('BatchNorm', 'numFeatures', numFeatures);
    this.eps = checkRange('BatchNorm', 'eps', eps, 0);
    this.momentum = momentum === null ? null : checkRange('BatchNorm', 'momentum', momentum, 0, 1);
    if (affine) {
      this.weight = new Parameter(ones([numFeatures], { dtype }));
      this.bias = new Parameter(zeros([numFeatures], { dtype }));
    }
    if (trackRunningStats) {
      this.runningMean = new Buffer(zeros([numFeatures], { dtype }), { key: 'running_mean' });
      this.runningVar = new Buffer(ones([numFeatures], { dtype }), { key: 'running_var' });
      this.numBatchesTracked = new Buffer(0, { dtype: 'int32', key: 'num_batches_tracked' });
    }
  }

  forward(x: Tensor): Tensor {
    if (expectTensor('BatchNorm', x).ndim < 2) {
      throw new ShapeError(
        'BatchNorm',
        'the input must have a batch axis and a channel axis',
        `shape ${showShape(x.shape)}`,
      );
    }
    checkFeatures('BatchNorm', x, 1, this.numFeatures);
    // [C, 1, …] broadcasts against [N, C, …]
    const perChannel = (t: Tensor): Tensor => t.reshape([this.numFeatures, ...x.shape.slice(2).map(() => 1)]);
    const { runningMean, runningVar, weight, bias } = this;
    if (this.training || !runningMean || !runningVar) {
      return this.#byBatch(x, weight && perChannel(weight), bias && perChannel(bias));
    }
    // γ (x − mean) / √(variance + ε) + β = x · scale + (β − mean · scale)
    const unit = runningVar.add(this.eps).rsqrt();
    const scale = weight ? weight.mul(unit) : unit;
    return apply(scaleAndShift, x, perChannel(scale), perChannel(sub(bias ?? 0, runningMean.mul(scale))));
  }

  #byBatch(x: Tensor, weight: Tensor | null, bias: Tensor | null): Tensor {
    const axes = x.shape.flatMap((_, axis) => (axis === 1 ? [] : [axis]));
    const count = x.size / this.numFeatures;
    if (count < 2) {
      throw new ValueError(
        'BatchNorm',
        'statistics of a batch need more than one value per channel',
        `shape ${showShape(x.shape)}`,
        'Call eval() first, or use larger batches: DataLoader can drop a last one that is too small.',
      );
    }
    const { y, mean, variance } = normalize(x, axes, this.eps, weight, bias);
    if (this.training) this.#accumulate(mean, variance.mul(count / (count - 1)));
    return y;
  }

  #accumulate(mean: Tensor, unbiased: Tensor): void {
    const { runningMean, runningVar, numBatchesTracked } = this;
    if (!runningMean || !runningVar || !numBatchesTracked) return;
    const batches = numBatchesTracked.item() + 1;
    assign(numBatchesTracked, Int32Array.of(batches));
    const weight = this.momentum ?? 1 / batches;
    const blend = (running: Tensor, now: Tensor): void =>
      assign(running, running.mul(1 - weight).add(now.reshape([this.numFeatures]).mul(weight)));
    blend(runningMean, mean);
    blend(runningVar, unbiased);
  }

  override extraRepr(): string {
    const { numFeatures, eps, momentum, weight, runningMean } = this;
    return `${numFeatures}, eps=${eps}, momentum=${momentum}, affine=${weight !== null}, trackRunningStats=${runningMean !== null}`;
  }
}

/**
 * {@link BatchNorm} for inputs of rank 2 or 3 only, as in PyTorch.
 *
 * @shape [N, numFeatures] or [N, numFeatures, L] → the same
 * @throws {@link ShapeError} for inputs of another rank
 * @example
 * ```ts
 * import { nn, zeros } from 'gradlet';
 * new nn.BatchNorm1d(3).forward(zeros([4, 3])).shape; // → [4,3]
 * ```
 */
export class BatchNorm1d extends BatchNorm {
  override forward(x: Tensor): Tensor {
    const { ndim, shape } = expectTensor('BatchNorm1d', x);
    if (ndim !== 2 && ndim !== 3) {
      throw new ShapeError(
        'BatchNorm1d',
        'the input must have 2 or 3 axes',
        `shape ${showShape(shape)}`,
        'BatchNorm takes any.',
      );
    }
    return super.forward(x);
  }
}

/** Options of {@link LayerNorm}. */
export interface LayerNormOptions {
  /** Added to the variance, so that a sample without spread does not divide by zero. Default 1e-5. */
  readonly eps?: number;
  /** Whether γ and β are learned, one per feature. Default true. */
  readonly elementwiseAffine?: boolean;
  /** Whether there is a β beside γ. Default true. */
  readonly bias?: boolean;
  /** Default float32. */
  readonly dtype?: 'float32' | 'float64';
}

/**
 * Layer normalization: shifts and scales the features of each sample to mean 0 and variance 1, then by learned γ and β.
 *
 * $$y = \gamma \cdot \frac{x - \mathrm{E}[x]}{\sqrt{\mathrm{Var}[x] + \varepsilon}} + \beta$$
 *
 * Mean and (biased) variance are taken over the last axes, of one sample alone. So it does not depend on the batch, is
 * the same in training and evaluation, and suits small batches and sequences, where {@link BatchNorm} does not.
 *
 * @shape […, ...normalizedShape] → the same
 * @paper Ba et al., Layer normalization, 2016, https://arxiv.org/abs/1607.06450
 * @throws {@link ShapeError} when the input does not end with `normalizedShape`
 * @example
 * ```ts
 * import { nn, tensor } from 'gradlet';
 * const norm = new nn.LayerNorm(3, { elementwiseAffine: false });
 * norm.forward(tensor([[1, 2, 3], [10, 20, 30]])); // → tensor([[-1.2247, 0.0000, 1.2247], [-1.2247, 0.0000, 1.2247]])
 * ```
 */
export class LayerNorm extends Module {
  /** The sizes of the last axes, over which each sample is normalized. */
  readonly normalizedShape: readonly number[];
  /** Added to the variance. */
  readonly eps: number;
  /** γ, of shape `normalizedShape`, ones at first; `null` without `elementwiseAffine`. */
  weight: Parameter | null;
  /** β, of shape `normalizedShape`, zeros at first; `null` without `elementwiseAffine` or `bias`. */
  bias: Parameter | null;

  /** @param normalizedShape - the sizes of the last axes; a number is the size of the last */
  constructor(normalizedShape: number | readonly number[], options: LayerNormOptions = {}) {
    super();
    const { eps, elementwiseAffine, bias, dtype } = readOptions('LayerNorm', options, {
      eps: 1e-5,
      elementwiseAffine: true,
      bias: true,
      dtype: undefined,
    });
    const shape = typeof normalizedShape === 'number' ? [normalizedShape] : [...normalizedShape];
    if (shape.length === 0) {
      throw new ValueError('LayerNorm', 'normalizedShape must name at least one size', showShape(shape));
    }
    this.normalizedShape = shape.map((n) => checkSize('LayerNorm', 'every size in normalizedShape', n));
    this.eps = checkRange('LayerNorm', 'eps', eps, 0);
    this.weight = elementwiseAffine ? new Parameter(ones(shape, { dtype })) : null;
    this.bias = elementwiseAffine && bias ? new Parameter(zeros(shape, { dtype })) : null;
  }

  forward(x: Tensor): Tensor {
    const own = this.normalizedShape;
    if (!sameShape(expectTensor('LayerNorm', x).shape.slice(-own.length), own)) {
      throw new ShapeError(
        'LayerNorm',
        `the last axes of the input must be ${showShape(own)}`,
        `shape ${showShape(x.shape)}`,
      );
    }
    const axes = own.map((_, i) => i - own.length);
    return normalize(x, axes, this.eps, this.weight, this.bias).y;
  }

  override extraRepr(): string {
    const { normalizedShape, eps, weight, bias } = this;
    return `${showShape(normalizedShape)}, eps=${eps}, elementwiseAffine=${weight !== null}, bias=${bias !== null}`;
  }
}
