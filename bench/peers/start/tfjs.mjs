// From the import to the first training step; the argument says which backend.
import * as tf from '@tensorflow/tfjs';

// without it, it advises to install something else
tf.enableProdMode();
const backend = process.argv[2];
if (backend === 'wasm') {
  const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm');
  setWasmPaths(new URL('../../node_modules/@tensorflow/tfjs-backend-wasm/dist/', import.meta.url).pathname);
}
await tf.setBackend(backend);
await tf.ready();
if (!process.argv.includes('import')) {
  const model = tf.sequential();
  model.add(tf.layers.dense({ units: 64, inputShape: [64], activation: 'relu' }));
  model.add(tf.layers.dense({ units: 10 }));
  const x = tf.randomNormal([32, 64]);
  const target = tf.oneHot(tf.randomUniform([32], 0, 10, 'int32'), 10);
  tf.train.adam().minimize(() => tf.losses.softmaxCrossEntropy(target, model.apply(x, { training: true })));
}
console.log('@ready');
setTimeout(() => {}, 1e6);
