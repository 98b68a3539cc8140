// Trains the digits network, each step in a scope where the argument says so, and prints the memory of the process after 1 000 and after 10 000 steps, in MB.
import { createOptimizer, manualSeed, nn, randn, scope, tensor } from '../../src/index.ts';

manualSeed(1);
const model = new nn.Sequential(new nn.Linear(64, 64), new nn.ReLU(), new nn.Linear(64, 10));
const optimizer = createOptimizer('adam', model, { lr: 1e-3 });
const x = randn([32, 64]);
const y = tensor(
  Array.from({ length: 32 }, (_, i) => i % 10),
  { dtype: 'int32' },
);
const around = process.argv[2] === 'scope' ? scope : (fn: () => void) => fn();
const memory: number[] = [];
for (let step = 1; step <= 10_000; step++) {
  around(() => {
    optimizer.zeroGrad();
    nn.crossEntropy(model.forward(x), y).backward();
    optimizer.step();
  });
  if (step === 1000 || step === 10_000) memory.push(process.memoryUsage().rss / 2 ** 20);
}
console.log(JSON.stringify(memory));
