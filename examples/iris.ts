// Compares optimizers on Fisher's irises: same network, same initial weights, same batches; only the update rule differs.
import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import {
  argmax,
  createOptimizer,
  DataLoader,
  Generator,
  loadCsv,
  nn,
  noGrad,
  type OptimizerName,
  oneHot,
  randomSplit,
  TensorDataset,
} from 'gradlet';
import { countOptimizers, irisPage, irisPicture } from './support/iris-report.ts';
import { isMain } from './support/main.ts';
import { duration, ProgressLine, percent, textTable } from './support/progress.ts';

/** The published run: 500 epochs in TensorFlow 2 on its author's machine, with a decay of 0.9 for SGDM and RMSProp. */
const PUBLISHED: Record<string, { seconds: number; options?: object }> = {
  sgd: { seconds: 12.68 },
  sgdm: { seconds: 17.32, options: { beta1: 0.9 } },
  adagrad: { seconds: 13.08 },
  rmsprop: { seconds: 16.43, options: { rho: 0.9 } },
  adam: { seconds: 22.04, options: { beta1: 0.9, beta2: 0.999 } },
};
const PUBLISHED_EPOCHS = 500;

export interface IrisOptions {
  /** Names of registered optimizers. */
  readonly optimizers: readonly string[];
  readonly epochs: number;
  readonly lr: number;
  readonly seed: number;
}

export const irisDefaults: IrisOptions = {
  optimizers: Object.keys(PUBLISHED),
  epochs: PUBLISHED_EPOCHS,
  lr: 0.1,
  seed: 1,
};

/** What became of one optimizer. */
export interface OptimizerRun {
  readonly name: string;
  /** Mean training loss of each epoch. */
  readonly losses: readonly number[];
  /** Share of the test flowers named right after each epoch. */
  readonly accuracies: readonly number[];
  /** For all epochs, with the test after each. */
  readonly seconds: number;
  /** What the published run took, where there is one of as many epochs. */
  readonly publishedSeconds?: number | undefined;
}

/** One dense layer 4 → 3 with softmax: the probability of each species. */
const createModel = (seed: number) =>
  new nn.Sequential(new nn.Linear(4, 3, { generator: new Generator(seed) }), new nn.Softmax());

const createFor = (name: string, model: nn.Module, lr: number) =>
  createOptimizer(name as OptimizerName, model.parameters(), { lr, ...PUBLISHED[name]?.options });

/** Throws for an unknown name or a learning rate out of range, with what is known. */
function checkOptimizers({ optimizers, lr, seed }: IrisOptions): void {
  for (const name of optimizers) createFor(name, createModel(seed), lr);
}

/** Trains the network once with every optimizer. An unknown name throws before anything runs. */
export async function compareOptimizers(
  options: IrisOptions,
  progress = new ProgressLine(),
): Promise<OptimizerRun[]> {
  checkOptimizers(options);
  const { optimizers, epochs, lr, seed } = options;
  const iris = await loadCsv(new URL('./data/iris.csv', import.meta.url), { label: 'species' });
  const flowers = new TensorDataset(iris.features, iris.labels);
  const [train, test] = randomSplit(flowers, [120, 30], { seed });
  const [testX, testY] = test.all();

  function run(name: string, epochs: number, doing = name): OptimizerRun {
    const model = createModel(seed);
    const optimizer = createFor(name, model, lr);
    const loader = new DataLoader(train, { batchSize: 32, shuffle: true, seed });
    const losses: number[] = [];
    const accuracies: number[] = [];
    const start = performance.now();
    const seconds = () => (performance.now() - start) / 1000;

    for (let epoch = 1; epoch <= epochs; epoch++) {
      let total = 0;
      for (const [x, y] of loader) {
        // a closure, since some optimizers look at the loss more than once
        const loss = optimizer.step(() => {
          const loss = nn.mseLoss(model.forward(x), oneHot(y, 3));
          optimizer.zeroGrad();
          loss.backward();
          return loss;
        });
        total += loss.item() * y.size;
      }
      losses.push(total / train.length);
      accuracies.push(noGrad(() => argmax(model.forward(testX), 1).eq(testY).sum().item()) / test.length);
      progress.update(() => {
        const left = duration((seconds() / epoch) * (epochs - epoch));
        return `  ${doing}  epoch ${epoch}/${epochs}  loss ${losses.at(-1)!.toFixed(4)}  ${left} left`;
      });
    }
    const publishedSeconds = epochs === PUBLISHED_EPOCHS ? PUBLISHED[name]?.seconds : undefined;
    return { name, losses, accuracies, seconds: seconds(), publishedSeconds };
  }

  // lets the JavaScript engine compile what all of them share, which the first would otherwise pay for
  for (const name of optimizers) run(name, Math.min(epochs, 100), 'warming up');
  return optimizers.map((name) => {
    const result = run(name, epochs);
    progress.done(`  ${name}: loss ${result.losses.at(-1)!.toFixed(4)} after ${duration(result.seconds)}`);
    return result;
  });
}

export function irisTable(runs: readonly OptimizerRun[]): string {
  const published = runs.some(({ publishedSeconds }) => publishedSeconds !== undefined);
  return textTable(
    ['optimizer', 'final loss', 'test accuracy', 'time here', ...(published ? ['published time *'] : [])],
    runs.map(({ name, losses, accuracies, seconds, publishedSeconds }) => [
      name,
      losses.at(-1)!.toFixed(4),
      percent(accuracies.at(-1)!),
      `${seconds.toFixed(2)} s`,
      ...(published ? [publishedSeconds === undefined ? '' : `${publishedSeconds.toFixed(2)} s`] : []),
    ]),
  );
}

/** Runs the comparison, prints the table and writes the pictures; gives the paths of what it wrote. */
export async function iris(options: Partial<IrisOptions> = {}): Promise<string[]> {
  const all = { ...irisDefaults, ...options };
  checkOptimizers(all);
  console.log(
    `Iris: ${countOptimizers(all.optimizers.length)}, one layer 4 → 3 with softmax, 120 flowers to learn from, 30 to test, ` +
      `${all.epochs} epochs, learning rate ${all.lr}\n`,
  );
  const runs = await compareOptimizers(all);
  const table = irisTable(runs);
  console.log(`\n${table}`);
  if (table.includes('*')) {
    console.log('* TensorFlow 2 on another machine, as published: an order of magnitude, not a race.');
  }
  const out = new URL('../out/', import.meta.url);
  await mkdir(out, { recursive: true });
  const files = { 'iris.html': irisPage(runs, all), 'iris.svg': irisPicture(runs, all) };
  return Promise.all(
    Object.entries(files).map(async ([name, text]) => {
      await writeFile(new URL(name, out), text);
      return fileURLToPath(new URL(name, out));
    }),
  );
}

if (isMain(import.meta.url)) console.log(`\nWritten: ${(await iris()).join(', ')}`);
