// The workloads as a user of TensorFlow.js writes them; the argument says which backend.
import { createRequire } from 'node:module';
import * as tf from '@tensorflow/tfjs';
import { CHECKED_STEPS, numbers, oneHot, sampled, serve } from '../engines/serve.ts';

// without it, it advises to install something else
tf.enableProdMode();
const backend = process.argv[2];
if (backend === 'wasm') {
  const { setThreadsCount, setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm');
  const require = createRequire(import.meta.url);
  setWasmPaths(require.resolve('@tensorflow/tfjs-backend-wasm').replace(/[^/\\]*$/, ''));
  setThreadsCount(1);
}
await tf.setBackend(backend);
await tf.ready();

function optimizerFor({ name, lr, momentum, nesterov }) {
  switch (name) {
    case 'sgd':
      return momentum ? tf.train.momentum(lr, momentum, nesterov) : tf.train.sgd(lr);
    case 'adagrad':
      return tf.train.adagrad(lr, 0);
    case 'adadelta':
      return tf.train.adadelta(lr, 0.9, 1e-6);
    case 'rmsprop':
      // its epsilon is inside the root
      return tf.train.rmsprop(lr, 0.99, 0, 1e-16);
    case 'adam':
      return tf.train.adam(lr, 0.9, 0.999, 1e-8);
    default:
      return null;
  }
}

function createModel({ norm, dropout }, layers) {
  const model = tf.sequential();
  for (const [k, { inputs, outputs, weight, bias }] of layers.entries()) {
    const dense = tf.layers.dense({ units: outputs, inputShape: [inputs] });
    model.add(dense);
    tf.tidy(() => dense.setWeights([tf.tensor2d(weight, [outputs, inputs]).transpose(), tf.tensor1d(bias)]));
    if (k === layers.length - 1) break;
    if (norm) model.add(tf.layers.batchNormalization({ epsilon: 1e-5, momentum: 0.9 }));
    model.add(tf.layers.reLU());
    if (dropout > 0) model.add(tf.layers.dropout({ rate: dropout }));
  }
  return model;
}

/** A training step of a new model, which gives the loss; `dispose` frees both model and optimizer. */
function trainer(work, tensors, layers) {
  const model = createModel(work, layers);
  const optimizer = optimizerFor(work.optimizer);
  let k = 0;
  const step = () => {
    const [x, target] = tensors[k++ % tensors.length];
    const loss = optimizer.minimize(() => {
      const y = model.apply(x, { training: true });
      return work.loss === 'mse'
        ? tf.losses.meanSquaredError(target, y)
        : tf.losses.softmaxCrossEntropy(target, y);
    }, true);
    const [value] = loss.dataSync();
    loss.dispose();
    return value;
  };
  const dispose = () => {
    model.dispose();
    optimizer.dispose();
  };
  return { step, dispose };
}

/** A job that computes one tensor. */
const computing = (f) => ({
  run: () => f().dispose(),
  check() {
    const y = f();
    const values = sampled(y.dataSync());
    y.dispose();
    return values;
  },
});

tf.engine().startScope();
serve(
  {
    train(work, { batches, layers }) {
      if (!optimizerFor(work.optimizer)) return null;
      const classes = work.sizes.at(-1);
      const tensors = batches.map((batch) => [
        tf.tensor2d(batch.x, [batch.rows, work.sizes[0]]),
        tf.tensor2d(oneHot(batch.classes, classes), [batch.rows, classes]),
      ]);
      let current = trainer(work, tensors, layers);
      return {
        run() {
          if (work.fresh) {
            current.dispose();
            current = trainer(work, tensors, layers);
          }
          for (let i = 0; i < work.steps; i++) current.step();
        },
        check() {
          const { step, dispose } = trainer({ ...work, dropout: 0 }, tensors, layers);
          const losses = Array.from({ length: CHECKED_STEPS }, step);
          dispose();
          return losses;
        },
      };
    },
    evaluate(work, { batches: [{ rows, x }], layers }) {
      const model = createModel(work, layers);
      const input = tf.tensor2d(x, [rows, work.sizes[0]]);
      return computing(() => tf.tidy(() => model.apply(input)));
    },
    chain({ length, size }) {
      const x = tf.tensor1d(numbers(size));
      const both = tf.valueAndGrad((x) => {
        let y = x;
        for (let i = 0; i < length; i++) y = i % 2 ? y.mul(1.0001) : y.add(0.1);
        return y.sum();
      });
      return {
        run() {
          const { value, grad } = both(x);
          tf.dispose([value, grad]);
        },
        check() {
          const { value, grad } = both(x);
          return [...value.dataSync(), ...grad.dataSync()];
        },
      };
    },
    matmul({ n }) {
      const [a, b] = [tf.tensor2d(numbers(n * n), [n, n]), tf.tensor2d(numbers(n * n, 1), [n, n])];
      return computing(() => a.matMul(b));
    },
    map({ op, side }) {
      const x = tf.tensor2d(numbers(side * side), [side, side]);
      const y = tf.tensor2d(numbers(side * side, 1), [side, side]);
      const norm = tf.layers.layerNormalization({ epsilon: 1e-5 });
      return computing(
        {
          add: () => x.add(y),
          exp: () => x.exp(),
          tanh: () => x.tanh(),
          sigmoid: () => x.sigmoid(),
          softmax: () => x.softmax(),
          layerNorm: () => tf.tidy(() => norm.apply(x)),
        }[op],
      );
    },
    update({ count, size }) {
      const optimizer = tf.train.adam(1e-3, 0.9, 0.999, 1e-8);
      const variables = Array.from({ length: count }, (_, k) => tf.variable(tf.tensor1d(numbers(size, k))));
      const gradients = Object.fromEntries(
        variables.map(({ name }, k) => [name, tf.tensor1d(numbers(size, k + 1))]),
      );
      const run = () => optimizer.applyGradients(gradients);
      return {
        run,
        check() {
          run();
          return sampled(variables[0].dataSync());
        },
      };
    },
  },
  tf.version.tfjs,
);
