// Reads handwritten digits with convolutions, which see them as images.
import { AdamW, DataLoader, manualSeed, nn } from 'gradlet';
import { accuracyOf, loadDigits } from './digits.ts';
import { percent } from './support/progress.ts';

manualSeed(1);
const { train, test } = await loadDigits(1);

const model = new nn.Sequential(
  // [N, 64] → [N, 1, 8, 8]
  (x) => x.reshape([-1, 1, 8, 8]),
  new nn.Conv2d(1, 16, 3, { padding: 1, bias: false }),
  new nn.BatchNorm(16),
  new nn.ReLU(),
  new nn.MaxPool2d(2),
  new nn.Conv2d(16, 32, 3, { padding: 1, bias: false }),
  new nn.BatchNorm(32),
  new nn.ReLU(),
  new nn.MaxPool2d(2),
  new nn.Flatten(),
  new nn.Linear(128, 10),
);
const optimizer = new AdamW(model.parameters(), { lr: 1e-2 });
const batches = new DataLoader(train, { batchSize: 64, shuffle: true, dropLast: true, seed: 1 });

for (let epoch = 1; epoch <= 5; epoch++) {
  model.train();
  for (const [images, digits] of batches) {
    optimizer.zeroGrad();
    nn.crossEntropy(model.forward(images), digits).backward();
    optimizer.step();
  }
  model.eval();
  console.log(`epoch ${epoch}  ${percent(accuracyOf(model, test.all()))} of the test images are read right`);
}
