// From the import to the first training step.
import { torch } from 'js-pytorch';

if (!process.argv.includes('import')) {
  const { Linear, ReLU, CrossEntropyLoss } = torch.nn;
  const modules = [new Linear(64, 64), new ReLU(), new Linear(64, 10)];
  const optimizer = new torch.optim.Adam(modules.flatMap((module) => module.parameters()));
  const y = modules.reduce((value, module) => module.forward(value), torch.randn([32, 64]));
  new CrossEntropyLoss().forward(y, torch.randint(0, 10, [32])).backward();
  optimizer.step();
}
console.log('@ready');
setTimeout(() => {}, 1e6);
