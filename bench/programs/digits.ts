// The digits program as a page has it: reads the images, trains a network and tells how many unseen ones it reads right.
import { Adam, DataLoader, loadCsv, manualSeed, noGrad, randomSplit, TensorDataset } from 'gradlet';
import { crossEntropy, Linear, ReLU, Sequential } from 'gradlet/nn';

manualSeed(1);
const { features, labels } = await loadCsv('digits.csv', { label: 'digit' });
const [train, test] = randomSplit(new TensorDataset(features.div(16), labels), [0.8, 0.2]);
const [testImages, testDigits] = test.all();
const model = new Sequential(new Linear(64, 64), new ReLU(), new Linear(64, 10));
const optimizer = new Adam(model.parameters());
const loader = new DataLoader(train, { batchSize: 32, shuffle: true });

for (let epoch = 0; epoch < 20; epoch++) {
  for (const [images, digits] of loader) {
    optimizer.zeroGrad();
    const loss = crossEntropy(model.forward(images), digits);
    loss.backward();
    optimizer.step();
  }
  const right = noGrad(() => model.forward(testImages).argmax(1).eq(testDigits).sum().item());
  console.log(`epoch ${epoch + 1}: ${right} of ${testDigits.size} right`);
}
