// From the import to the first training step.
import { Adam, nn, randint, randn } from 'gradlet';

if (!process.argv.includes('import')) {
  const model = new nn.Sequential(new nn.Linear(64, 64), new nn.ReLU(), new nn.Linear(64, 10));
  const optimizer = new Adam(model.parameters());
  nn.crossEntropy(model.forward(randn([32, 64])), randint(0, 10, [32])).backward();
  optimizer.step();
}
console.log('@ready');
setTimeout(() => {}, 1e6);
