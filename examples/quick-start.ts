import { AdamW, linspace, manualSeed, nn, noGrad, tensor } from 'gradlet';

manualSeed(0);
const x = linspace(-3, 3, 200).unsqueeze(1);
const y = x.sin();

const model = new nn.Sequential(new nn.Linear(1, 32), new nn.Tanh(), new nn.Linear(32, 1));
const optimizer = new AdamW(model.parameters(), { lr: 0.01 });

for (let step = 1; step <= 500; step++) {
  const loss = nn.mseLoss(model.forward(x), y);
  optimizer.zeroGrad();
  loss.backward();
  optimizer.step();
  if (step % 100 === 0) console.log(`step ${step}  loss ${loss.item().toFixed(5)}`);
}
const guess = noGrad(() => model.forward(tensor([[1]]))).item();
console.log(`sin(1) is ${Math.sin(1).toFixed(3)}, the network says ${guess.toFixed(3)}`);
