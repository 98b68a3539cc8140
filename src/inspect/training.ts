import { checkKeys, NonFiniteError, show, ValueError } from '../core/errors.ts';
import { defaultGenerator, Generator, type GeneratorState } from '../core/random.ts';
import { sameShape, showShape } from '../core/shape.ts';
import { inEvalMode, Module } from '../nn/index.ts';
import { contiguousData, noGrad, Tensor } from '../tensor/index.ts';
import { createFrom, type OptimizerEntry, type Stepper } from './entries.ts';

/** A model and what it shall make small: what `build` returns to {@link race} and {@link lrFind}. */
export interface Trainable<Batch> {
  /** What has the parameters: an {@link nn.Module}, or anything else with `parameters()`. */
  readonly model: {
    /** What the optimizer trains. */
    parameters(): Iterable<Tensor>;
  };
  /** The loss of a batch, a tensor with one element. */
  readonly loss: (batch: Batch) => Tensor;
  /**
   * How good the model is by another measure, such as its accuracy on test data. It is called with the model in evaluation
   * mode and without recording, and random numbers that it draws change nothing in the training.
   */
  readonly score?: () => number;
}

/** Random numbers of one's own: what runs in it draws on from where it stopped, and nobody outside notices. */
export class RandomStream {
  #state: GeneratorState;

  constructor(seed: number) {
    this.#state = new Generator(seed).state;
  }

  /** Runs `fn`; `forget` leaves the stream where it was. */
  run<T>(fn: () => T, forget = false): T {
    const outside = defaultGenerator.state;
    defaultGenerator.state = this.#state;
    try {
      return fn();
    } finally {
      if (!forget) this.#state = defaultGenerator.state;
      defaultGenerator.state = outside;
    }
  }
}

/** Throws unless these are a function, a list of batches and a seed. */
export function checkTask(where: string, build: unknown, data: unknown, seed: unknown): void {
  if (typeof build !== 'function') throw new ValueError(where, 'build must be a function', show(build));
  if (typeof (data as Iterable<unknown> | null)?.[Symbol.iterator] !== 'function') {
    const advice = 'Pass a DataLoader or an array of batches.';
    throw new ValueError(where, 'data must be a list of batches', show(data), advice);
  }
  if (!Number.isSafeInteger(seed)) throw new ValueError(where, 'seed must be a whole number', show(seed));
}

/** Epoch after epoch, each once through the data. */
export function* epochsOf<Batch>(
  where: string,
  data: Iterable<Batch>,
  seed: number,
): IterableIterator<Iterable<Batch>, never> {
  const random = new RandomStream(~seed); // not the numbers that the weights are made of
  for (let epoch = 1; ; epoch++) yield batchesOf(where, data, random, epoch);
}

/** The batches of all epochs in one go. */
export function* endlessly<Batch>(
  where: string,
  data: Iterable<Batch>,
  seed: number,
): IterableIterator<Batch> {
  for (const batches of epochsOf(where, data, seed)) yield* batches;
}

function* batchesOf<Batch>(
  where: string,
  data: Iterable<Batch>,
  random: RandomStream,
  epoch: number,
): IterableIterator<Batch> {
  const iterator = random.run(() => data[Symbol.iterator]());
  let count = 0;
  let ended = false;
  try {
    for (; ; count++) {
      const next = random.run(() => iterator.next());
      ended = next.done === true;
      if (next.done) break;
      yield next.value;
    }
  } finally {
    if (!ended) iterator.return?.();
  }
  if (count === 0) {
    throw new ValueError(
      where,
      'data must give batches in every epoch',
      `none in epoch ${epoch}`,
      'What a generator function returns can be used only once: pass a DataLoader or an array of batches.',
    );
  }
}

export function notFinite(where: string, what: string, got: string): NonFiniteError {
  const advice = 'Lower the learning rate, or clip the gradients with clipNorm.';
  return new NonFiniteError(where, `the ${what} must be finite`, got, advice);
}

/** A model in training, with an optimizer and random numbers of its own. */
export class Training<Batch, S extends Stepper = Stepper> {
  readonly optimizer: S;
  readonly params: readonly Tensor[];
  /** The loss of the last batch; NaN where it could not be computed. */
  loss = Number.NaN;
  /** How long all steps took. */
  seconds = 0;
  readonly #where: string;
  readonly #built: Trainable<Batch>;
  readonly #random: RandomStream;

  constructor(where: string, build: () => Trainable<Batch>, entry: OptimizerEntry<S>, seed: number) {
    this.#where = where;
    this.#random = new RandomStream(seed);
    const built = this.#random.run(build);
    if (typeof built?.model?.parameters !== 'function' || typeof built.loss !== 'function') {
      const advice = 'model needs parameters(), and loss is a function of a batch.';
      throw new ValueError(where, 'build must return { model, loss }', show(built), advice);
    }
    checkKeys(`${where}, build`, built, ['model', 'loss', 'score']);
    this.#built = built;
    this.params = [...built.model.parameters()];
    this.optimizer = this.#random.run(() => createFrom(where, entry, [...this.params]));
  }

  /**
   * Takes one step, which finds `loss` on its way.
   *
   * @throws {@link NonFiniteError} when the loss is not finite; nothing is changed then
   */
  step(batch: Batch): void {
    let called = false;
    this.loss = Number.NaN;
    const closure = (): Tensor => {
      this.optimizer.zeroGrad();
      const loss = this.#evaluate(batch);
      // an optimizer may ask again, for losses further on
      if (!called) this.#note(loss);
      called = true;
      loss.backward();
      return loss;
    };
    const begin = performance.now();
    try {
      this.#random.run(() => this.optimizer.step(closure));
    } finally {
      this.seconds += (performance.now() - begin) / 1000;
    }
    if (!called) throw new ValueError(this.#where, 'step(closure) must call its closure', 'a step without');
  }

  /** Finds `loss` without a step. */
  measure(batch: Batch): void {
    this.loss = Number.NaN;
    this.#note(this.#random.run(() => noGrad(() => this.#evaluate(batch))));
  }

  /** The score now; `null` where there is none. */
  score(): number | null {
    const { model, score } = this.#built;
    if (!score) return null;
    const ask = (): number => noGrad(score);
    const value = this.#random.run(() => (model instanceof Module ? inEvalMode(model, ask) : ask()), true);
    if (typeof value !== 'number')
      throw new ValueError(this.#where, 'score must return a number', show(value));
    return value;
  }

  #evaluate(batch: Batch): Tensor {
    const loss = this.#built.loss(batch);
    if (!(loss instanceof Tensor) || loss.size !== 1) {
      const got = loss instanceof Tensor ? `a tensor of shape ${showShape(loss.shape)}` : show(loss);
      throw new ValueError(this.#where, 'the loss must be a tensor with one element', got);
    }
    return loss;
  }

  #note(loss: Tensor): void {
    this.loss = loss.item();
    if (!Number.isFinite(this.loss)) throw notFinite(this.#where, 'loss', String(this.loss));
  }
}

/** Throws unless all start from the same weights, and none trains those of another. */
export function checkSameStart(where: string, trainings: readonly Training<never>[]): void {
  const first = trainings[0]!.params;
  const known = new Set<Tensor>();
  for (const { params } of trainings) {
    if (params.some((p) => known.has(p))) {
      throw new ValueError(
        where,
        'build must make a new model every time',
        'the same parameters twice',
        'Create the model inside build.',
      );
    }
    for (const p of params) known.add(p);
    if (params.length !== first.length || !params.every((p, i) => sameNumbers(p, first[i]!))) {
      throw new ValueError(
        where,
        'build must give the same weights every time',
        'others',
        'Draw them from the generator behind manualSeed, or from a new Generator(seed) inside build.',
      );
    }
  }
}

function sameNumbers(a: Tensor, b: Tensor): boolean {
  const numbers = contiguousData(b);
  return sameShape(a.shape, b.shape) && contiguousData(a).every((x, i) => Object.is(x, numbers[i]));
}
