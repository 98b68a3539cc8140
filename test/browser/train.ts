import { createOptimizer, manualSeed, nn, rand, randn, randperm } from 'gradlet';

/** The same little job for Node and for the browser: random numbers, and the losses of a tiny network in training. */
export function train(): { random: string[]; losses: number[] } {
  manualSeed(7);
  const random = [rand([4]), randn([4]), randperm(8)].map((t) => JSON.stringify(t.toArray()));

  const inputs = randn([32, 2]);
  const targets = inputs.square().sum({ axis: 1, keepDims: true });
  const model = new nn.Sequential(new nn.Linear(2, 16), new nn.Tanh(), new nn.Linear(16, 1));
  const optimizer = createOptimizer('adam', model.parameters(), { lr: 0.02 });
  const losses = Array.from({ length: 100 }, () => {
    optimizer.zeroGrad();
    const loss = nn.mseLoss(model.forward(inputs), targets);
    loss.backward();
    optimizer.step();
    return loss.item();
  });
  return { random, losses };
}
