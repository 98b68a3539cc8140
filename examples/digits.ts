// Learns to read handwritten digits, and shows what happens when a model is tested in training mode.
import {
  AdamW,
  DataLoader,
  loadCsv,
  manualSeed,
  nn,
  noGrad,
  randomSplit,
  type Tensor,
  TensorDataset,
} from 'gradlet';
import { drawImages } from './support/draw.ts';
import { isMain } from './support/main.ts';
import { duration, ProgressLine, percent } from './support/progress.ts';

export interface DigitsOptions {
  readonly epochs: number;
  readonly seed: number;
}

export const digitsDefaults: DigitsOptions = { epochs: 20, seed: 1 };

/** Images `[rows, 64]` with pixels from 0 to 1, and the digits they show, `[rows]`. */
type Images = [images: Tensor, digits: Tensor];

/** Batch normalization stands before the activation; dropout is higher in front, where most weights are. */
export const createModel = () =>
  new nn.Sequential(
    new nn.Linear(64, 128, { bias: false }),
    new nn.BatchNorm1d(128),
    new nn.ReLU(),
    new nn.Dropout(0.5),
    new nn.Linear(128, 64, { bias: false }),
    new nn.BatchNorm1d(64),
    new nn.ReLU(),
    new nn.Dropout(0.25),
    new nn.Linear(64, 10),
  );

export async function loadDigits(seed: number) {
  const { features, labels } = await loadCsv(new URL('./data/digits.csv', import.meta.url), {
    label: 'digit',
  });
  const [train, test] = randomSplit(new TensorDataset(features.div(16), labels), [0.8, 0.2], { seed });
  return { train, test };
}

/** Share of digits that the model reads right, in whatever mode it is. */
export const accuracyOf = (model: nn.Module, [images, digits]: Images): number =>
  noGrad(() => predict(model, images).argmax(1).eq(digits).sum().item() / digits.size);

const predict = (model: nn.Module, images: Tensor): Tensor =>
  (model as nn.Sequential).forward(images) as Tensor;

export async function trainDigits({ epochs, seed }: DigitsOptions, progress = new ProgressLine()) {
  manualSeed(seed);
  const { train, test } = await loadDigits(seed);
  const testImages = test.all();
  const model = createModel();
  const optimizer = new AdamW(model.parameters(), { lr: 3e-3, weightDecay: 0.05, clipNorm: 1 });
  const loader = new DataLoader(train, { batchSize: 64, shuffle: true, dropLast: true, seed });
  const losses: number[] = [];
  const accuracies: number[] = [];
  const start = performance.now();

  for (let epoch = 1; epoch <= epochs; epoch++) {
    model.train();
    let total = 0;
    for (const [images, digits] of loader) {
      const loss = nn.crossEntropy(predict(model, images), digits);
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      total += loss.item();
    }
    losses.push(total / loader.length);

    model.eval();
    accuracies.push(accuracyOf(model, testImages));

    const seconds = (performance.now() - start) / 1000;
    const state = `  epoch ${epoch}/${epochs}  loss ${losses.at(-1)!.toFixed(4)}  test accuracy ${percent(accuracies.at(-1)!)}`;
    progress.update(() => `${state}  ${duration((seconds / epoch) * (epochs - epoch))} left`);
    if (epoch % 5 === 0 || epoch === epochs) progress.done(`${state}  after ${duration(seconds)}`);
  }
  return { model, test: testImages, losses, accuracies };
}

/** What a forgotten `model.eval()` does. It also moves the running statistics, so train no further with this model. */
export function forgetEval(model: nn.Module, test: Images) {
  const [images, digits] = test;
  const probabilities = () => noGrad(() => predict(model, images).softmax(1));
  model.eval();
  const evaluated = accuracyOf(model, test);
  const certain = probabilities();
  const sameTwice = certain.eq(probabilities()).min().item() === 1;

  model.train();
  const forgotten = accuracyOf(model, test);
  const first = probabilities();
  const second = probabilities();
  // the image on which two answers to the same question differ most
  const image = first.sub(second).abs().max(1).argmax(0).item();
  const answerOf = (p: Tensor) => {
    const row = p.slice(image);
    return { digit: row.argmax(0).item(), certainty: row.max().item() };
  };

  const pairs = new DataLoader(new TensorDataset(images, digits), { batchSize: 2, dropLast: true });
  let right = 0;
  for (const pair of pairs) right += accuracyOf(model, pair) / pairs.length;

  let alone = '';
  try {
    predict(model, images.slice([0, 1]));
  } catch (error) {
    alone = (error as Error).message;
  }

  model.eval();
  return {
    evaluated,
    sameTwice,
    forgotten,
    inPairs: right,
    image,
    answers: { evaluated: answerOf(certain), first: answerOf(first), second: answerOf(second) },
    alone,
  };
}

/** Trains, prints the model, its mistakes and what a forgotten `eval()` does. */
export async function digits(options: Partial<DigitsOptions> = {}): Promise<void> {
  const all = { ...digitsDefaults, ...options };
  console.log(
    `Digits: 1797 images of 8 × 8 pixels, 80 % to learn from, 20 % to test, ${all.epochs} epochs\n\n${createModel()}\n`,
  );
  const { model, test, accuracies } = await trainDigits(all);
  printMistakes(model, test);
  printForgotten(model, test, accuracies.at(-1)!);
}

function printMistakes(model: nn.Module, [images, digits]: Images): void {
  const answers = noGrad(() => predict(model, images).argmax(1)).toArray() as number[];
  const truth = digits.toArray() as number[];
  const wrong = truth.flatMap((digit, i) => (digit === answers[i] ? [] : [i]));
  const shown = wrong.slice(0, 4);
  console.log(
    `\n${wrong.length} of ${truth.length} test images are read wrong${shown.length < wrong.length ? `, such as` : ''}:\n`,
  );
  console.log(
    drawImages(shown.map((i) => ({ pixels: images.slice(i), caption: `${truth[i]} read as ${answers[i]}` }))),
  );
}

function printForgotten(model: nn.Module, test: Images, accuracy: number): void {
  const { sameTwice, forgotten, inPairs, image, answers, alone } = forgetEval(model, test);
  const { evaluated, first, second } = answers;
  const answer = ({ digit, certainty }: typeof first) => `“${digit}” (${percent(certainty)} sure)`;
  console.log(`
What a forgotten model.eval() does: dropout goes on silencing neurons, and BatchNorm goes by the other images of the batch.

  with eval()      ${percent(accuracy)} right, however many images at a time, and ${sameTwice ? 'the same answer every time' : 'OTHER ANSWERS EVERY TIME'}
  without eval()   ${percent(forgotten)} right with all test images at once
                   ${percent(inPairs)} right with two images at a time
                   test image ${image} reads ${answer(first)} and, asked again, ${answer(second)};
                   with eval() it reads ${answer(evaluated)}, and it shows “${test[1].slice(image).item()}”
                   one image alone: ${alone.split('. ')[0]}.`);
}

if (isMain(import.meta.url)) await digits();
