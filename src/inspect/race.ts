import { checkKeys, NonFiniteError, show, ValueError } from '../core/errors.ts';
import { labelsOf, type OptimizerEntry } from './entries.ts';
import { checkSameStart, checkTask, epochsOf, type Trainable, Training } from './training.ts';

/** What the length of a {@link race} can be given in. */
export interface RaceUnits {
  /** Times through the data, ≥ 1. */
  readonly epochs: number;
  /** Batches, ≥ 1. */
  readonly steps: number;
  /** Time that each entry trains by itself, > 0. */
  readonly seconds: number;
}

/** How long a {@link race} lasts: one of `{ epochs }`, `{ steps }` and `{ seconds }`. */
export type RaceBudget = {
  [U in keyof RaceUnits]: Pick<RaceUnits, U> & { readonly [O in Exclude<keyof RaceUnits, U>]?: never };
}[keyof RaceUnits];

/** What {@link race} takes. */
export interface RaceOptions<Batch> {
  /** Makes a new model and its loss; called once for every entry, each time with the same random numbers. */
  readonly build: () => Trainable<NoInfer<Batch>>;
  /** The batches of an epoch, to go through again and again: a {@link DataLoader} or an array. */
  readonly data: Iterable<Batch>;
  /** The optimizers. */
  readonly entries: readonly OptimizerEntry[];
  /** When it ends. */
  readonly budget: RaceBudget;
  /** When results come: at the end of each epoch, or after every so many steps. Default `'epoch'`. */
  readonly every?: number | 'epoch';
  /** For weights, order of the data and everything else that is random. Default 0. */
  readonly seed?: number;
}

/** How one entry of a {@link race} stands. */
export interface RaceResult {
  /** The entry's name, with the options in which it differs from others of that name. */
  readonly label: string;
  /** How many batches it has been trained on. */
  readonly step: number;
  /** The epoch of the last of them, from 1. */
  readonly epoch: number;
  /** Mean loss of the batches since its result before, each as it was before the step. */
  readonly loss: number;
  /** What `score` says; `null` without one, and for an entry that is out. */
  readonly score: number | null;
  /** How long its steps took. */
  readonly seconds: number;
  /** Why it is out: a loss that is not finite, or an error thrown in its step. `null` while it is in the race. */
  readonly diverged: Error | null;
  /** The result in one line. */
  toString(): string;
}

/** An entry on its way. */
class Runner<Batch> {
  readonly label: string;
  readonly training: Training<Batch>;
  step = 0;
  diverged: Error | null = null;
  last: RaceResult | null = null;
  /** Sum of the losses since then. */
  #total = 0;

  constructor(label: string, training: Training<Batch>) {
    this.label = label;
    this.training = training;
  }

  /** Steps since the last result. */
  get fresh(): number {
    return this.step - (this.last?.step ?? 0);
  }

  train(batch: Batch): void {
    this.step++;
    try {
      this.training.step(batch);
    } catch (error) {
      this.diverged = error instanceof Error ? error : new Error(String(error));
    }
    this.#total += this.training.loss;
  }

  report(epoch: number): RaceResult {
    const { label, step, diverged, training } = this;
    const state = {
      label,
      step,
      epoch,
      loss: this.#total / this.fresh,
      score: diverged ? null : training.score(),
      seconds: training.seconds,
      diverged,
    };
    this.last = { ...state, toString: () => line(state) };
    this.#total = 0;
    return this.last;
  }
}

function line({ label, step, epoch, loss, score, seconds, diverged }: RaceResult): string {
  const place = `${label}: step ${step}, epoch ${epoch}`;
  if (diverged) return `${place}, out: ${diverged.message}`;
  return `${place}, loss ${short(loss)}${score === null ? '' : `, score ${short(score)}`}, ${seconds.toFixed(2)} s`;
}

const short = (x: number): string => String(Number(x.toPrecision(4)));

const isCount = (n: unknown): boolean => Number.isInteger(n) && (n as number) >= 1;

/** Which of the three a budget is, after checking it. */
function unitOf(budget: RaceBudget): keyof RaceUnits {
  const units = ['epochs', 'steps', 'seconds'] as const;
  checkKeys('race, budget', budget, units);
  const [unit, ...more] = units.filter((name) => budget?.[name] !== undefined);
  if (!unit || more.length > 0) {
    const mustHold = 'budget must be one of { epochs }, { steps } and { seconds }';
    throw new ValueError('race', mustHold, show(budget));
  }
  const amount = budget[unit];
  if (unit === 'seconds' ? !(Number(amount) > 0) : !isCount(amount)) {
    const mustBe = unit === 'seconds' ? 'a number > 0' : 'a whole number ≥ 1';
    throw new ValueError('race', `budget ${unit} must be ${mustBe}`, show(amount));
  }
  return unit;
}

/**
 * Trains several optimizers from the same weights on the same batches, and gives results as they come.
 *
 * All entries take their step on a batch before the next one is read. Each has random numbers of its own, which start from
 * the same seed: dropout masks are the same for all, the curve of an entry does not depend on who else is in the race, and
 * the caller's random numbers stay as they are. A loader with a seed of its own goes on in its own order; without one, a
 * second race sees the same batches.
 *
 * An entry whose loss is not finite, or whose step throws, is out with a last result that says why, and the others go on.
 *
 * @returns one {@link RaceResult} per entry and epoch, or every so many steps, and one when an entry ends, to go through
 * with `for … of` or, on a page that draws in between, `for await … of`. Leaving the loop ends the race. The iterator
 * itself returns the {@link standing}
 * @throws {@link ValueError} for an option out of its range, an unknown optimizer, or a `build` that gives other weights
 * every time; and on the way, when an epoch has no batches
 * @throws what the first step throws when it throws in every entry: then the optimizers are not to blame
 * @example
 * ```ts
 * import { manualSeed, nn, race, raceTable, type RaceResult, randn, standing } from 'gradlet';
 * manualSeed(1);
 * const x = randn([64, 3]);
 * const y = x.sum({ axis: 1, keepDims: true });
 * const results: RaceResult[] = [];
 * for (const result of race({
 *   build: () => {
 *     const model = new nn.Linear(3, 1);
 *     return { model, loss: ([input, target]) => nn.mseLoss(model.forward(input), target) };
 *   },
 *   data: [[x, y] as const],
 *   entries: [['sgd', { lr: 0.1 }], ['sgd', { lr: 10 }], ['adam', { lr: 0.1 }]],
 *   budget: { epochs: 50 },
 * })) {
 *   results.push(result);
 * }
 * results[0]!.loss === results[1]!.loss; // → true
 * results.find(({ diverged }) => diverged)?.label; // → sgd (lr 10)
 * standing(results).map(({ label }) => label); // → ["sgd (lr 0.1)","adam","sgd (lr 10)"]
 * raceTable(results).split('\n')[0]!; // → optimizer           loss   steps   seconds
 * ```
 */
export function race<Batch>(options: RaceOptions<Batch>): IterableIterator<RaceResult, RaceResult[]> {
  checkKeys('race', options, ['build', 'data', 'entries', 'budget', 'every', 'seed']);
  const { build, data, entries, budget, every = 'epoch', seed = 0 } = options;
  checkTask('race', build, data, seed);
  if (!Array.isArray(entries) || entries.length === 0) {
    throw new ValueError('race', 'entries must be a list of optimizers', show(entries));
  }
  if (every !== 'epoch' && !isCount(every)) {
    throw new ValueError('race', "every must be 'epoch' or a whole number ≥ 1", show(every));
  }
  const unit = unitOf(budget);
  const labels = labelsOf('race', entries);
  const runners = entries.map((entry, i) => new Runner(labels[i]!, new Training('race', build, entry, seed)));
  checkSameStart(
    'race',
    runners.map(({ training }) => training),
  );
  return run(runners, epochsOf('race', data, seed), unit, budget[unit]!, every);
}

function* run<Batch>(
  all: readonly Runner<Batch>[],
  epochs: Iterable<Iterable<Batch>>,
  unit: keyof RaceUnits,
  limit: number,
  every: number | 'epoch',
): IterableIterator<RaceResult, RaceResult[]> {
  const ended = ({ diverged, step, training }: Runner<Batch>): boolean =>
    diverged !== null ||
    (unit === 'steps' && step >= limit) ||
    (unit === 'seconds' && training.seconds >= limit);
  let running = all;
  let epoch = 0;
  for (const batches of epochs) {
    epoch++;
    for (const batch of batches) {
      for (const runner of running) runner.train(batch);
      if (all.every(failedAtOnce)) throw all[0]!.diverged;
      for (const runner of running) {
        if (ended(runner) || (every !== 'epoch' && runner.step % every === 0)) yield runner.report(epoch);
      }
      running = running.filter((runner) => !ended(runner));
      if (running.length === 0) break;
    }
    const last = unit === 'epochs' && epoch === limit;
    for (const runner of running) {
      if (runner.fresh > 0 && (last || every === 'epoch')) yield runner.report(epoch);
    }
    if (last || running.length === 0) break;
  }
  return standing(all.map(({ last }) => last!));
}

const failedAtOnce = ({ step, diverged }: Runner<never>): boolean =>
  step === 1 && diverged !== null && !(diverged instanceof NonFiniteError);

/**
 * The last result of every entry: the lowest loss first, and at the end those that are out, the longest in the race first.
 *
 * @param results - the results of a race, all or some
 */
export function standing(results: Iterable<RaceResult>): RaceResult[] {
  const last = new Map([...results].map((result) => [result.label, result]));
  return [...last.values()].sort(
    (a, b) =>
      Number(a.diverged !== null) - Number(b.diverged !== null) ||
      (a.diverged ? b.step - a.step : a.loss - b.loss),
  );
}

/**
 * The {@link standing} as a table to print.
 *
 * @param results - the results of a race, all or some
 */
export function raceTable(results: Iterable<RaceResult>): string {
  const last = standing(results);
  const scored = last.some(({ score }) => score !== null);
  const rows = [
    ['optimizer', 'loss', ...(scored ? ['score'] : []), 'steps', 'seconds'],
    ...last.map(({ label, step, loss, score, seconds, diverged }) => [
      label,
      diverged ? 'out' : short(loss),
      ...(scored ? [score === null ? '' : short(score)] : []),
      String(step),
      seconds.toFixed(2),
    ]),
  ];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('   '),
  );
  return [lines[0], '─'.repeat(lines[0]!.length), ...lines.slice(1)].join('\n');
}
