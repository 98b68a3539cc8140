import { checkKeys, NonFiniteError, show, ValueError } from '../core/errors.ts';
import type { OptimizerEntry, StepperWithLr } from './entries.ts';
import { checkSameStart, checkTask, endlessly, type Trainable, Training } from './training.ts';

/** What {@link lrFind} takes. */
export interface LrFindOptions<Batch> {
  /** Makes a new model and its loss; called twice, with the same random numbers. */
  readonly build: () => Trainable<NoInfer<Batch>>;
  /** The batches of an epoch, to go through as often as needed: a {@link DataLoader} or an array. */
  readonly data: Iterable<Batch>;
  /** The optimizer; a learning rate among its options does not count. */
  readonly optimizer: OptimizerEntry<StepperWithLr>;
  /** The first learning rate, > 0. Default 1e-7. */
  readonly from?: number;
  /** The last learning rate, > `from`. Default 10. */
  readonly to?: number;
  /** How many learning rates, one per batch, ≥ 10. Default 100. */
  readonly steps?: number;
  /** Weight of the past in the smoothed loss, in [0, 1). Default 0.8. */
  readonly smoothing?: number;
  /** For weights, order of the data and everything else that is random. Default 0. */
  readonly seed?: number;
}

/** What {@link lrFind} found: lists with one number per learning rate that was tried, and what follows from them. */
export interface LrFindResult {
  /** The learning rates. */
  readonly lrs: readonly number[];
  /** The loss of each one's batch, before its step. */
  readonly losses: readonly number[];
  /** The same smoothed, and without what makes one batch harder than another. */
  readonly smoothed: readonly number[];
  /** A learning rate to begin with; `null` when the loss does not fall. */
  readonly suggestion: number | null;
  /** Whether the loss exploded before the last learning rate. */
  readonly exploded: boolean;
  /** The result in one sentence. */
  toString(): string;
}

/** The test ends when the smoothed loss L exceeds its lowest value by this many |L|. */
const EXPLOSION = 3;
/** The suggestion is where this share of the fall is done. */
const SHARE_OF_FALL = 1 / 3;
/** What falls by less than this share of the untrained model's loss, or this many standard errors, does not fall. */
const LEAST_SHARE = 0.01;
const LEAST_ERRORS = 4;

/** What was measured, learning rate by learning rate. */
class RangeTest {
  readonly lrs: number[] = [];
  readonly losses: number[] = [];
  /** By how much each loss differs from that of the untrained model. */
  readonly changes: number[] = [];
  /** Running mean of the changes, corrected for its start at 0. */
  readonly means: number[] = [];
  exploded = false;
  readonly #smoothing: number;
  #mean = 0;
  #untrained = 0;
  #lowest = Infinity;

  constructor(smoothing: number) {
    this.#smoothing = smoothing;
  }

  /** The mean loss of the untrained model. */
  get untrained(): number {
    return this.#untrained / this.lrs.length;
  }

  add(lr: number, loss: number, untrained: number): void {
    const n = this.lrs.push(lr);
    this.losses.push(loss);
    this.changes.push(loss - untrained);
    this.#untrained += untrained;
    this.#mean = this.#smoothing * this.#mean + (1 - this.#smoothing) * (loss - untrained);
    const mean = this.#mean / (1 - this.#smoothing ** n);
    this.means.push(mean);
    this.#lowest = Math.min(this.#lowest, mean);
    this.exploded = mean - this.#lowest > EXPLOSION * Math.abs(this.untrained + this.#lowest);
  }

  /** Where the running mean has done a third of its fall; `null` when it does not fall. */
  get suggestion(): number | null {
    const fall = -this.#lowest;
    const last = this.means.indexOf(this.#lowest);
    let squares = 0;
    for (let i = 1; i <= last; i++) squares += (this.changes[i]! - this.changes[i - 1]!) ** 2;
    const scatter = Math.sqrt(squares / 2 / Math.max(1, last));
    const error = scatter * Math.sqrt((1 - this.#smoothing) / (1 + this.#smoothing));
    if (!(fall > Math.max(LEAST_SHARE * Math.abs(this.untrained), LEAST_ERRORS * error))) return null;
    return this.lrs[this.means.findIndex((mean) => mean <= SHARE_OF_FALL * this.#lowest)]!;
  }
}

/**
 * Looks for a learning rate: raises it from batch to batch, $\mathrm{lr}_k = \mathrm{from} \cdot (\mathrm{to} / \mathrm{from})^{k / (\mathrm{steps} - 1)}$,
 * and watches the loss, which stays at first, falls where learning rates are useful and rises where they are too high.
 *
 * Some batches are harder than others, and that hides the fall. So each loss is compared with that of an untrained model
 * on the same batch: `smoothed` is the running mean of the differences, corrected for its start at 0, plus the mean loss
 * of the untrained model. The test ends when it exceeds its lowest value $L$ by $3 |L|$, or the loss is not finite.
 *
 * The `suggestion` is the first learning rate at which a third of the way from the untrained model's loss down to the lowest
 * `smoothed` is done. About there the curve is at its steepest, and it is found more reliably than a slope. It is `null`
 * when the whole fall is below 1 % of the untrained model's loss, or below four standard errors of the running mean: then
 * no learning rate between `from` and `to` is of use. It is a place to begin: the best one is mostly between half and ten
 * times as much.
 *
 * The model that `build` returns is used up; the caller's random numbers stay as they are.
 *
 * @throws {@link ValueError} for an option out of its range, an unknown optimizer, or a `build` that gives other weights
 * every time
 * @throws {@link NonFiniteError} when the loss of the untrained model is not finite
 * @paper Smith, Cyclical learning rates for training neural networks, 2017, https://arxiv.org/abs/1506.01186
 * @example
 * ```ts
 * import { lrFind, manualSeed, nn, randn } from 'gradlet';
 * manualSeed(1);
 * const x = randn([64, 3]);
 * const y = x.sum({ axis: 1, keepDims: true });
 * const found = lrFind({
 *   build: () => {
 *     const model = new nn.Linear(3, 1);
 *     return { model, loss: ([input, target]) => nn.mseLoss(model.forward(input), target) };
 *   },
 *   data: [[x, y] as const],
 *   optimizer: 'sgd',
 * });
 * found.suggestion! > 0.01 && found.suggestion! < 0.5; // → true
 * found.exploded; // → true
 * ```
 */
export function lrFind<Batch>(options: LrFindOptions<Batch>): LrFindResult {
  checkKeys('lrFind', options, ['build', 'data', 'optimizer', 'from', 'to', 'steps', 'smoothing', 'seed']);
  const { build, data, optimizer, from = 1e-7, to = 10, steps = 100, smoothing = 0.8, seed = 0 } = options;
  checkTask('lrFind', build, data, seed);
  if (!(from > 0 && to > from && to < Infinity)) {
    throw new ValueError('lrFind', 'from and to must be 0 < from < to < ∞', `${show(from)} and ${show(to)}`);
  }
  if (!Number.isInteger(steps) || steps < 10) {
    throw new ValueError('lrFind', 'steps must be a whole number ≥ 10', show(steps));
  }
  if (!(smoothing >= 0 && smoothing < 1)) {
    throw new ValueError('lrFind', 'smoothing must be in [0, 1)', show(smoothing));
  }
  const trained = new Training('lrFind', build, optimizer, seed);
  const untrained = new Training('lrFind', build, optimizer, seed);
  checkSameStart('lrFind', [trained, untrained]);
  if (typeof trained.optimizer.lr !== 'number') {
    throw new ValueError('lrFind', 'the optimizer must have a learning rate lr', show(trained.optimizer.lr));
  }

  const test = new RangeTest(smoothing);
  for (const batch of endlessly('lrFind', data, seed)) {
    const lr = from * (to / from) ** (test.lrs.length / (steps - 1));
    untrained.measure(batch);
    trained.optimizer.lr = lr;
    try {
      trained.step(batch);
    } catch (error) {
      if (!(error instanceof NonFiniteError) || test.lrs.length === 0) throw error;
      test.exploded = true;
      break;
    }
    test.add(lr, trained.loss, untrained.loss);
    if (test.exploded || test.lrs.length === steps) break;
  }

  const { lrs, losses, exploded, suggestion } = test;
  const smoothed = test.means.map((mean) => test.untrained + mean);
  const said =
    suggestion === null
      ? `no suggestion, since the loss does not fall between ${short(from)} and ${short(lrs.at(-1)!)}`
      : `a learning rate of ${short(suggestion)} is good to begin with`;
  return { lrs, losses, smoothed, suggestion, exploded, toString: () => `lrFind: ${said}` };
}

const short = (x: number): string => String(Number(x.toPrecision(2)));
