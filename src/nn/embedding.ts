import { ShapeError, show, ValueError } from '../core/errors.ts';
import type { Generator } from '../core/random.ts';
import { showPlaces, showShape } from '../core/shape.ts';
import { assign, contiguousData, noGrad, record, type Tensor, zeros } from '../tensor/index.ts';
import { putAt, takeAt } from '../tensor/take.ts';
import { expectTensor } from '../tensor/tensor.ts';
import { checkSize, readOptions } from './check.ts';
import { normal } from './init.ts';
import { Module } from './module.ts';
import { Parameter } from './parameter.ts';

/** Options of {@link embedding}. */
export interface EmbeddingOptions {
  /** An index whose row gets no gradient; counted from the end when negative. Default: none. */
  readonly paddingIdx?: number;
}

/** The row that is left alone, counted from the front; −1 for none. */
function readPadding(where: string, paddingIdx: number | undefined, rows: number): number {
  if (paddingIdx === undefined) return -1;
  if (!Number.isInteger(paddingIdx) || paddingIdx < -rows || paddingIdx >= rows) {
    throw new ValueError(where, `paddingIdx must be ${showPlaces(rows)}`, show(paddingIdx));
  }
  return paddingIdx < 0 ? paddingIdx + rows : paddingIdx;
}

function embed(where: string, indices: Tensor, weight: Tensor, options: EmbeddingOptions): Tensor {
  const { paddingIdx } = readOptions(where, options, { paddingIdx: undefined });
  const { shape } = expectTensor(where, weight, 'the weight');
  const [rows, wide] = shape as [number, number];
  if (shape.length !== 2) {
    const got = `shape ${showShape(shape)}`;
    throw new ShapeError(where, 'the weight must be [rows, numbers of a row]', got);
  }
  if (expectTensor(where, indices, 'the indices').dtype !== 'int32') {
    throw new ValueError(where, 'the indices must be int32', indices.dtype, "Use cast('int32').");
  }
  const padding = readPadding(where, paddingIdx, rows);
  const positions = Int32Array.from(contiguousData(indices));
  for (const i of positions) {
    if (i < 0 || i >= rows) {
      throw new ValueError(where, `every index must be a whole number in 0 … ${rows - 1}`, show(i));
    }
  }
  const trained = positions.map((i) => (i === padding ? -1 : i));
  const y = noGrad(() => takeAt(weight, positions, [...indices.shape, wide], wide));
  return record('embedding', y, [weight, (g) => putAt(g, trained, shape, wide)]);
}

/**
 * Rows of a table by their indices.
 *
 * The result is differentiable with respect to the weight; a row gets the sum of the gradients of all places at which it was
 * taken, and none if it is the one of `paddingIdx`.
 *
 * @param indices - int32
 * @param weight - the table
 * @shape indices: any; weight: [V, D]; result: [...indices.shape, D]
 * @throws {@link ValueError} for an index outside 0 … V − 1 or indices of another dtype; {@link ShapeError} for a weight of
 * another rank
 * @example
 * ```ts
 * import { nn, tensor } from 'gradlet';
 * const weight = tensor([[1, 2], [3, 4], [5, 6]]);
 * nn.embedding(tensor([2, 0], { dtype: 'int32' }), weight); // → tensor([[5., 6.], [1., 2.]])
 * ```
 */
export function embedding(indices: Tensor, weight: Tensor, options: EmbeddingOptions = {}): Tensor {
  return embed('embedding', indices, weight, options);
}

/** Options of {@link Embedding}. */
export interface EmbeddingLayerOptions extends EmbeddingOptions {
  /** Default float32. */
  readonly dtype?: 'float32' | 'float64';
  /** Where the first weights come from. Default: the generator that {@link manualSeed} sets. */
  readonly generator?: Generator;
}

/**
 * A table of vectors that are learned, one for each word, say: {@link embedding} with a weight of its own.
 *
 * The weights start out from $N(0, 1)$, those of `paddingIdx` as zeros, which they stay.
 *
 * @shape any, of int32 → [..., embeddingDim]
 * @throws {@link ValueError} for an index outside 0 … numEmbeddings − 1, or indices of another dtype
 * @example
 * ```ts
 * import { nn, tensor } from 'gradlet';
 * const words = new nn.Embedding(1000, 16, { paddingIdx: 0 });
 * words.forward(tensor([[4, 7, 0]], { dtype: 'int32' })).shape; // → [1,3,16]
 * words; // → Embedding(1000, 16, paddingIdx=0)
 * ```
 */
export class Embedding extends Module {
  /** How many vectors there are. */
  readonly numEmbeddings: number;
  /** How many numbers each of them has. */
  readonly embeddingDim: number;
  /** The index whose vector is not trained, if there is one. */
  readonly paddingIdx: number | undefined;
  /** The table, of shape [numEmbeddings, embeddingDim]. */
  weight: Parameter;

  /**
   * @param numEmbeddings - how many vectors there are
   * @param embeddingDim - how many numbers each of them has
   */
  constructor(numEmbeddings: number, embeddingDim: number, options: EmbeddingLayerOptions = {}) {
    super();
    const { paddingIdx, dtype, generator } = readOptions('Embedding', options, {
      paddingIdx: undefined,
      dtype: undefined,
      generator: undefined,
    });
    this.numEmbeddings = checkSize('Embedding', 'numEmbeddings', numEmbeddings);
    this.embeddingDim = checkSize('Embedding', 'embeddingDim', embeddingDim);
    this.paddingIdx = paddingIdx;
    const padding = readPadding('Embedding', paddingIdx, numEmbeddings);
    this.weight = new Parameter(zeros([numEmbeddings, embeddingDim], { dtype }));
    normal(this.weight, { generator });
    if (padding >= 0) {
      const numbers = contiguousData(this.weight).slice();
      assign(this.weight, numbers.fill(0, padding * embeddingDim, (padding + 1) * embeddingDim));
    }
  }

  forward(indices: Tensor): Tensor {
    return embed('Embedding', indices, this.weight, { paddingIdx: this.paddingIdx });
  }

  override extraRepr(): string {
    const { numEmbeddings, embeddingDim, paddingIdx } = this;
    return `${numEmbeddings}, ${embeddingDim}${paddingIdx === undefined ? '' : `, paddingIdx=${paddingIdx}`}`;
  }
}
