// Watches optimizers: on surfaces one can see, at learning rates from too low to too high, and in a race on real data.
import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import {
  DataLoader,
  type Descent,
  descend,
  type LrFindResult,
  lrFind,
  nn,
  type OptimizerEntry,
  type RaceResult,
  race,
  raceTable,
  type StepperWithLr,
  type Surface,
  surfaces,
  type Tensor,
} from 'gradlet';
import { loadDigits } from './digits.ts';
import { isMain } from './support/main.ts';
import { ProgressLine } from './support/progress.ts';
import { surfacesPage, surfacesPictures } from './support/surfaces-report.ts';

/** The optimizers on the maps, each for a learning rate. */
const WALKERS = {
  sgd: (lr) => ['sgd', { lr }],
  momentum: (lr) => ['sgd', { lr, momentum: 0.9 }],
  adagrad: (lr) => ['adagrad', { lr }],
  rmsprop: (lr) => ['rmsprop', { lr, rho: 0.9 }],
  adam: (lr) => ['adam', { lr }],
} satisfies Record<string, (lr: number) => OptimizerEntry<StepperWithLr>>;

type Walker = keyof typeof WALKERS;

export const walkers = Object.keys(WALKERS) as Walker[];

/** A surface with the ways over it. */
export interface Walk {
  readonly surface: Surface;
  readonly title: string;
  readonly lesson: string;
  readonly steps: number;
  /** Learning rates of the walkers, chosen by hand so that each shows what it is like. */
  readonly rates: readonly number[];
  readonly ways: readonly Descent[];
}

const walk = (
  surface: Surface,
  title: string,
  steps: number,
  rates: readonly number[],
  lesson: string,
): Walk => {
  const ways = Object.values(WALKERS).map((entry, i) => descend(surface, entry(rates[i]!), { steps }));
  return { surface, title, lesson, steps, rates, ways };
};

export const walks = (): Walk[] => [
  walk(surfaces.ravine, 'Ravine', 60, [0.19, 0.02, 1, 0.2, 0.2], 'SGD swings, momentum runs along'),
  walk(surfaces.saddle, 'Saddle', 60, [0.1, 0.1, 0.1, 0.1, 0.1], 'SGD stalls, adaptive methods leave'),
  walk(surfaces.cliff, 'Cliff', 60, [5, 1, 0.1, 0.05, 0.1], 'SGD and momentum are off, the others stop'),
  walk(
    surfaces.rosenbrock,
    'Rosenbrock',
    300,
    [0.002, 0.001, 0.5, 0.03, 0.3],
    'a flat floor between steep walls',
  ),
  walk(surfaces.beale, 'Beale', 100, [0.01, 0.003, 0.5, 0.05, 0.3], 'steep here, flat there'),
  walk(surfaces.himmelblau, 'Himmelblau', 60, [0.01, 0.01, 0.5, 0.1, 0.3], 'four minima: where do they end?'),
];

/** The same descent from the cliff's edge without and with `clipNorm`. */
export const clipping = (): [unclipped: Descent, clipped: Descent] => [
  descend(surfaces.cliff, ['sgd', { lr: 5 }], { steps: 60 }),
  descend(surfaces.cliff, ['sgd', { lr: 5, clipNorm: 0.1 }], { steps: 60 }),
];

/** A curve of a race: the mean loss of every epoch, and the share of test images read right after it. */
export interface Curve {
  readonly name: string;
  readonly lr: number;
  readonly losses: readonly number[];
  readonly accuracies: readonly number[];
}

/** All that there is to see. */
export interface Watched {
  readonly walkers: readonly string[];
  readonly walks: readonly Walk[];
  /** The surface of `clipping`. */
  readonly cliff: Surface;
  readonly clipping: readonly [unclipped: Descent, clipped: Descent];
  /** The range test of SGD with momentum. */
  readonly found: LrFindResult;
  /** The same network trained at four learning rates around what was found. */
  readonly rates: readonly Curve[];
  /** Every optimizer at the learning rate that was found for it. */
  readonly raced: readonly Curve[];
  /** How that race ended. */
  readonly table: string;
}

export interface WatchOptions {
  readonly epochs: number;
  readonly seed: number;
}

export const watchDefaults: WatchOptions = { epochs: 20, seed: 1 };

/** A network 64 → 32 → 10 that learns to read handwritten digits. */
async function digitsTask(seed: number) {
  const { train, test } = await loadDigits(seed);
  const [images, digits] = test.all();
  const build = () => {
    const model = new nn.Sequential(new nn.Linear(64, 32), new nn.Tanh(), new nn.Linear(32, 10));
    return {
      model,
      loss: ([x, y]: [images: Tensor, digits: Tensor]) => nn.crossEntropy(model.forward(x), y),
      score: () => model.forward(images).argmax(1).eq(digits).sum().item() / test.length,
    };
  };
  return { build, data: new DataLoader(train, { batchSize: 32, shuffle: true }), seed };
}

/** Learning rates around the one that was found, as multiples of it. */
const AROUND = { 'too low': 1 / 30, good: 1, high: 2, 'too high': 8 };

/** Descends, searches, trains and races. */
export async function watch({ epochs, seed }: WatchOptions, progress = new ProgressLine()): Promise<Watched> {
  const task = await digitsTask(seed);
  const find = (walker: Walker) => lrFind({ ...task, optimizer: WALKERS[walker](1) });

  function train(runs: readonly { readonly name: string; readonly lr: number; readonly walker: Walker }[]) {
    const results: RaceResult[] = [];
    const entries = runs.map(({ lr, walker }) => WALKERS[walker](lr));
    for (const result of race({ ...task, entries, budget: { epochs } })) {
      results.push(result);
      progress.update(() => `  ${result}`);
    }
    const labels = [...new Set(results.map(({ label }) => label))];
    const curves = runs.map(({ name, lr }, i) => {
      const own = results.filter(({ label }) => label === labels[i]);
      return {
        name,
        lr,
        losses: own.map(({ loss }) => loss),
        accuracies: own.map(({ score }) => score ?? 0),
      };
    });
    return { curves, table: raceTable(results) };
  }

  const found = find('momentum');
  const around = Object.entries(AROUND).map(([name, factor]) => {
    const lr = rateOf(found, factor);
    return { name: `${name}, ${lr}`, lr, walker: 'momentum' as const };
  });
  const all = walkers.map((walker) => ({ name: walker, lr: rateOf(find(walker)), walker }));
  const rates = train(around);
  const raced = train(all);
  return {
    walkers,
    walks: walks(),
    cliff: surfaces.cliff,
    clipping: clipping(),
    found,
    rates: rates.curves,
    raced: raced.curves,
    table: raced.table,
  };
}

/** The learning rate that was found, or a multiple of it, to two digits. */
function rateOf(found: LrFindResult, factor = 1): number {
  if (found.suggestion === null) throw new Error(String(found));
  return Number((factor * found.suggestion).toPrecision(2));
}

/** Watches, prints how the race ended and writes the pictures; gives the paths of what it wrote. */
export async function watchOptimizers(options: Partial<WatchOptions> = {}): Promise<string[]> {
  const all = { ...watchDefaults, ...options };
  const progress = new ProgressLine();
  console.log(
    'Surfaces: five optimizers on six surfaces, learning rates, and a race on handwritten digits\n',
  );
  const watched = await watch(all, progress);
  progress.done(`${watched.found}\n\n${watched.table}`);
  const out = new URL('../out/', import.meta.url);
  await mkdir(out, { recursive: true });
  const files = { 'surfaces.html': surfacesPage(watched, all), ...surfacesPictures(watched, all) };
  return Promise.all(
    Object.entries(files).map(async ([name, text]) => {
      await writeFile(new URL(name, out), text);
      return fileURLToPath(new URL(name, out));
    }),
  );
}

if (isMain(import.meta.url)) console.log(`\nWritten: ${(await watchOptimizers()).join(', ')}`);
