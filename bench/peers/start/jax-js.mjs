// From the import to the first training step.
import { defaultDevice, init, nn, numpy as np, random, tree, valueAndGrad } from '@jax-js/jax';

await init('wasm');
defaultDevice('wasm');
if (!process.argv.includes('import')) {
  const draw = (seed, shape) => random.normal(random.key(seed), shape);
  const parameters = [draw(1, [64, 64]), np.zeros([64]), draw(2, [64, 10]), np.zeros([10])];
  const labels = Array.from({ length: 32 }, (_, i) => i % 10);
  const target = nn.oneHot(np.array(labels, { dtype: np.int32 }), 10);
  const lossOf = ([w1, b1, w2, b2]) => {
    const y = np.dot(nn.relu(np.dot(draw(3, [32, 64]), w1).add(b1)), w2).add(b2);
    return np.mean(nn.logSoftmax(y, 1).mul(target).sum(1)).mul(-1);
  };
  const [, gradients] = valueAndGrad(lossOf)(tree.ref(parameters));
  // the first step of Adam, of which nothing but the sign is left
  const updated = parameters.map((p, i) => p.sub(np.sign(gradients[i]).mul(1e-3)));
  for (const p of updated) p.dataSync();
}
console.log('@ready');
setTimeout(() => {}, 1e6);
