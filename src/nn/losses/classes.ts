import { isFloat } from '../../core/dtype.ts';
import { ShapeError, show, ValueError } from '../../core/errors.ts';
import { sameShape, showShape } from '../../core/shape.ts';
import { apply, elementwise } from '../../tensor/apply.ts';
import {
  contiguousData,
  isGradEnabled,
  logSoftmax,
  record,
  sub,
  type Tensor,
  tensor,
  where,
  zeros,
} from '../../tensor/index.ts';
import { expectTensor } from '../../tensor/tensor.ts';
import { checkRange, readOptions } from '../check.ts';
import { checkReduction, type LossOptions, type Reduction, reduced } from './reduction.ts';

/** Options of {@link nllLoss}. */
export interface NLLLossOptions extends LossOptions {
  /** A factor for each class, of shape [C]. Default 1. */
  readonly weight?: Tensor;
  /** Elements with this target are left out. Default −100. */
  readonly ignoreIndex?: number;
}

/** Options of {@link crossEntropy}. */
export interface CrossEntropyOptions extends NLLLossOptions {
  /** How much of the target is spread evenly over all classes, in [0, 1]. Default 0. */
  readonly labelSmoothing?: number;
}

/** What class indices say: [N, d…] each. */
interface Labels {
  /** int32; 0 where an element is left out. */
  readonly index: Tensor;
  /** bool: false where an element is left out; `null` when none is. */
  readonly kept: Tensor | null;
  /** The weight of each element's class, 0 where it is left out; `null` when no classes are weighted. */
  readonly weights: Tensor | null;
  /** What the mean divides by: the sum of these weights. */
  readonly total: number;
}

/** The class indices of a target, checked, with 0 where an element is left out; and whether each is kept, where not all are. */
interface Indices {
  readonly index: Int32Array;
  readonly kept: Uint8Array | null;
}

function readIndices(name: string, classes: number, target: Tensor, ignoreIndex: number): Indices {
  const given = contiguousData(target);
  const index = new Int32Array(given.length);
  let kept: Uint8Array | null = null;
  for (let i = 0; i < given.length; i++) {
    const label = given[i]!;
    if (label === ignoreIndex) {
      kept ??= new Uint8Array(given.length).fill(1);
      kept[i] = 0;
    } else if (!Number.isInteger(label) || label < 0 || label >= classes) {
      throw new ValueError(
        name,
        `a class index must be a whole number in 0 … ${classes - 1}`,
        `${show(label)} at place ${i} of the target`,
        'Elements with ignoreIndex as their target are left out.',
      );
    } else index[i] = label;
  }
  return { index, kept };
}

function labels(
  { index, kept }: Indices,
  scores: Tensor,
  target: Tensor,
  weight: Tensor | undefined,
): Labels {
  const byClass = weight && contiguousData(weight);
  const weights = Float64Array.from(index, (label, i) =>
    kept?.[i] === 0 ? 0 : byClass ? byClass[label]! : 1,
  );
  const shaped = (values: Int32Array | Uint8Array | Float64Array): Tensor =>
    tensor(values).reshape(target.shape);
  return {
    index: shaped(index),
    kept: kept && shaped(kept).cast('bool'),
    weights: byClass ? shaped(weights).cast(scores.dtype) : null,
    total: weights.reduce((sum, w) => sum + w, 0),
  };
}

const scaledExp = elementwise(
  'crossEntropy backward',
  ['logP', 'dy'],
  (logP: number, dy: number) => Math.exp(logP) * dy,
);

/** Cross-entropy where every element counts alike: its derivative is (p − q) · g, divided by their number for a mean. */
function ofIndices(logits: Tensor, index: Int32Array, reduction: Reduction): Tensor {
  const logProbs = logSoftmax(logits, 1);
  const classes = logits.shape[1]!;
  const inner = logits.shape.slice(2).reduce((size, n) => size * n, 1);
  const count = index.length;
  // of the i-th element's class in the input
  const place = (i: number): number =>
    inner === 1
      ? i * classes + index[i]!
      : (Math.floor(i / inner) * classes + index[i]!) * inner + (i % inner);
  const found = logProbs.storage;
  const each = reduction === 'none';
  const losses = zeros(each ? withoutClasses(logits.shape) : [], { dtype: logProbs.dtype });
  const values = losses.storage;
  let total = 0;
  for (let i = 0; i < count; i++) {
    const loss = -found[place(i)]!;
    total += loss;
    // + 0: a loss of nothing is 0, not −0
    if (each) values[i] = loss + 0;
  }
  if (!each) values[0] = reduction === 'mean' ? total / count : total;
  return record('crossEntropy', losses, [
    logits,
    (gradient) => {
      const g = each ? gradient.unsqueeze(1) : reduction === 'mean' ? gradient.div(count) : gradient;
      if (isGradEnabled()) {
        const q = zeros(logProbs.shape, { dtype: logProbs.dtype });
        for (let i = 0; i < count; i++) q.storage[place(i)] = 1;
        return logProbs.exp().sub(q).mul(g);
      }
      const dx = apply(scaledExp, logProbs, g);
      const scale = contiguousData(g);
      for (let i = 0; i < count; i++) dx.storage[place(i)]! -= scale[each ? i : 0]!;
      return dx;
    },
  ]);
}

/** −log p of each element's class, with its weight; 0 where it is left out. */
function negativeLogLikelihood(logProbs: Tensor, { index, kept, weights }: Labels): Tensor {
  // 0 − x, not −x: a loss of nothing is 0, not −0
  const picked = sub(0, logProbs.gather(1, index.unsqueeze(1)).squeeze(1));
  const counted = kept ? where(kept, picked, 0) : picked;
  return weights ? counted.mul(weights) : counted;
}

/** Σ over classes of −log p, each with its class's weight. */
function overClasses(logProbs: Tensor, weight: Tensor | undefined): Tensor {
  const perClass = weight?.reshape([-1, ...logProbs.shape.slice(2).map(() => 1)]);
  return (perClass ? logProbs.mul(perClass) : logProbs).sum(1).neg();
}

function checkInput(name: string, input: Tensor, target: Tensor, weight: Tensor | undefined): void {
  expectTensor(name, target, 'the target');
  if (expectTensor(name, input).ndim === 0) {
    throw new ShapeError(name, 'the input must have an axis of classes', 'shape []');
  }
  const classes = input.shape[input.ndim === 1 ? 0 : 1]!;
  if (weight && !sameShape(expectTensor(name, weight, 'weight').shape, [classes])) {
    throw new ShapeError(
      name,
      `weight must have one number for each of ${classes} classes`,
      `shape ${showShape(weight.shape)}`,
    );
  }
}

/** [N, C, d…] → [N, d…] */
const withoutClasses = (shape: readonly number[]): number[] => shape.toSpliced(shape.length === 1 ? 0 : 1, 1);

/** Computes a loss of one sample, [C], as that of a batch of one. */
function asBatch(input: Tensor, target: Tensor, loss: (input: Tensor, target: Tensor) => Tensor): Tensor {
  if (input.ndim > 1) return loss(input, target);
  const result = loss(input.unsqueeze(0), target.unsqueeze(0));
  return result.ndim > 0 ? result.squeeze(0) : result;
}

/**
 * Negative log-likelihood of class indices, for inputs that are *logarithms* of probabilities, as {@link logSoftmax}
 * gives them. {@link crossEntropy} joins both.
 *
 * The mean is weighted: it divides by the sum of the weights of the elements' classes. When every element is left out
 * it is NaN, as in PyTorch.
 *
 * @shape input: [N, C, d…] or [C]; target: [N, d…] or [], whole numbers of any dtype; output: [], or the target's for
 * `'none'`
 * @throws {@link ShapeError} when the shapes do not fit; {@link ValueError} that names an index outside 0 … C − 1
 * @example
 * ```ts
 * import { nn, tensor } from 'gradlet';
 * const logProbs = tensor([[0.25, 0.75]]).log();
 * nn.nllLoss(logProbs, tensor([1])).item().toFixed(4); // → 0.2877
 * ```
 */
export function nllLoss(input: Tensor, target: Tensor, options: NLLLossOptions = {}): Tensor {
  const { weight, ignoreIndex, reduction } = readOptions('nllLoss', options, {
    weight: undefined,
    ignoreIndex: -100,
    reduction: 'mean',
  });
  checkInput('nllLoss', input, target, weight);
  const wanted = withoutClasses(input.shape);
  if (!sameShape(target.shape, wanted)) {
    throw new ShapeError(
      'nllLoss',
      `the target of an input of shape ${showShape(input.shape)} must have shape ${showShape(wanted)}`,
      showShape(target.shape),
    );
  }
  return asBatch(input, target, (logProbs, t) => {
    const indices = readIndices('nllLoss', logProbs.shape[1]!, t, ignoreIndex);
    const read = labels(indices, logProbs, t, weight);
    return reduced('nllLoss', negativeLogLikelihood(logProbs, read), reduction, read.total);
  });
}

/**
 * Cross-entropy of *logits*: {@link logSoftmax} and {@link nllLoss} in one, exact and without overflow for any size.
 * Do not put a softmax before it.
 *
 * $$-\tfrac 1N \sum_n \sum_c w_c \, q_{nc} \ln p_{nc} \qquad p = \mathrm{softmax}(x)$$
 *
 * The target's shape says what it is. *Class indices* have the input's shape without axis 1, and q is 1 for that class;
 * they may be whole numbers of any dtype, so `tensor([0, 2, 1])` will do. *Probabilities* have the input's shape, and are
 * q. Label smoothing ε takes $(1 - \varepsilon) \, q + \varepsilon / C$ in place of q.
 *
 * With class indices the mean divides by the sum of the weights of the elements' classes (it is NaN when every element is
 * left out); with probabilities by the number of elements, whatever the weights. Both are PyTorch's conventions.
 *
 * @shape input: [N, C, d…] or [C]; target: [N, d…] or [], or as the input; output: [], or [N, d…] or [] for `'none'`
 * @paper Szegedy et al., Rethinking the inception architecture for computer vision, 2016 (label smoothing),
 * https://arxiv.org/abs/1512.00567
 * @throws {@link ShapeError} when the shapes do not fit; {@link ValueError} that names an index outside 0 … C − 1
 * @example
 * ```ts
 * import { nn, tensor } from 'gradlet';
 * const logits = tensor([[2, 0, -1], [0, 1000, 0]]);
 * nn.crossEntropy(logits, tensor([0, 1]), { reduction: 'none' }); // → tensor([0.1698, 0.0000])
 * nn.crossEntropy(logits, tensor([[1, 0, 0], [0, 0.5, 0.5]])).item().toFixed(2); // → 250.08
 * ```
 */
export function crossEntropy(input: Tensor, target: Tensor, options: CrossEntropyOptions = {}): Tensor {
  const { weight, ignoreIndex, labelSmoothing, reduction } = readOptions('crossEntropy', options, {
    weight: undefined,
    ignoreIndex: -100,
    labelSmoothing: 0,
    reduction: 'mean',
  });
  checkInput('crossEntropy', input, target, weight);
  checkRange('crossEntropy', 'labelSmoothing', labelSmoothing, 0, 1);
  const byIndex = sameShape(target.shape, withoutClasses(input.shape));
  if (!byIndex && !sameShape(target.shape, input.shape)) {
    throw new ShapeError(
      'crossEntropy',
      `the target of an input of shape ${showShape(input.shape)} must be class indices of shape ` +
        `${showShape(withoutClasses(input.shape))} or probabilities of shape ${showShape(input.shape)}`,
      showShape(target.shape),
    );
  }
  return asBatch(input, target, (logits, t) => {
    if (!byIndex) {
      const logProbs = logSoftmax(logits, 1);
      const q = isFloat(t.dtype) ? t : t.cast(logProbs.dtype);
      const smooth = q.mul(1 - labelSmoothing).add(labelSmoothing / logits.shape[1]!);
      return reduced(
        'crossEntropy',
        overClasses(logProbs.mul(labelSmoothing > 0 ? smooth : q), weight),
        reduction,
      );
    }
    const indices = readIndices('crossEntropy', logits.shape[1]!, t, ignoreIndex);
    if (!weight && !indices.kept && labelSmoothing === 0) {
      checkReduction('crossEntropy', reduction);
      return ofIndices(logits, indices.index, reduction);
    }
    const logProbs = logSoftmax(logits, 1);
    const read = labels(indices, logProbs, t, weight);
    let losses = negativeLogLikelihood(logProbs, read);
    if (labelSmoothing > 0) {
      const even = overClasses(logProbs, weight).div(logits.shape[1]!);
      losses = losses
        .mul(1 - labelSmoothing)
        .add((read.kept ? where(read.kept, even, 0) : even).mul(labelSmoothing));
    }
    return reduced('crossEntropy', losses, reduction, read.total);
  });
}
