// The workloads as a user of gradlet writes them.
import {
  Adam,
  createOptimizer,
  exp,
  nn,
  noGrad,
  type Optimizer,
  oneHot,
  scope,
  sigmoid,
  softmax,
  type Tensor,
  tanh,
  tensor,
} from 'gradlet';
import manifest from '../../package.json' with { type: 'json' };
import type { Network, OptimizerSpec } from '../workloads.ts';
import {
  type Batch,
  CHECKED_STEPS,
  type Layer,
  lenet,
  lenetImages,
  numbers,
  sampled,
  serve,
} from './serve.ts';

/** With the argument `scope`, what is measured runs in one. */
const within: typeof scope = process.argv[2] === 'scope' ? scope : (fn) => fn();

const valuesOf = (x: Tensor) => x.reshape([-1]).toArray() as number[];

function createModel({ norm, dropout }: Network, layers: readonly Layer[]): nn.Sequential {
  const modules: nn.Module[] = [];
  for (const [k, { inputs, outputs, weight, bias }] of layers.entries()) {
    const linear = new nn.Linear(inputs, outputs);
    linear.loadStateDict({ weight: tensor(weight).reshape([outputs, inputs]), bias: tensor(bias) });
    modules.push(linear);
    if (k === layers.length - 1) break;
    if (norm) modules.push(new nn.BatchNorm1d(outputs));
    modules.push(new nn.ReLU());
    if (dropout > 0) modules.push(new nn.Dropout(dropout));
  }
  return new nn.Sequential(...(modules as nn.Layer[]));
}

function optimizerFor(model: nn.Module, { name, ...options }: OptimizerSpec): Optimizer {
  return createOptimizer(name, model.parameters(), options);
}

function tensorsOf({ rows, x, classes }: Batch, { sizes, loss }: Network): [x: Tensor, target: Tensor] {
  const labels = tensor(classes, { dtype: 'int32' });
  return [tensor(x).reshape([rows, sizes[0]!]), loss === 'mse' ? oneHot(labels, sizes.at(-1)!) : labels];
}

/** A training step of a new model, which gives the loss. */
function trainer(
  network: Network,
  tensors: readonly (readonly [Tensor, Tensor])[],
  layers: readonly Layer[],
): () => number {
  const model = createModel(network, layers);
  const optimizer = optimizerFor(model, network.optimizer);
  const lossOf = network.loss === 'mse' ? nn.mseLoss : nn.crossEntropy;
  let step = 0;
  return () => {
    const [x, target] = tensors[step++ % tensors.length]!;
    return within(() => {
      const loss = lossOf(model.forward(x), target);
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      return loss.item();
    });
  };
}

serve(
  {
    train(work, { batches, layers }) {
      const tensors = batches.map((batch) => tensorsOf(batch, work));
      let step = trainer(work, tensors, layers);
      return {
        run() {
          if (work.fresh) step = trainer(work, tensors, layers);
          for (let i = 0; i < work.steps; i++) step();
        },
        check: () => Array.from({ length: CHECKED_STEPS }, trainer({ ...work, dropout: 0 }, tensors, layers)),
      };
    },
    evaluate(work, { batches, layers }) {
      const model = createModel(work, layers).eval();
      const [x] = tensorsOf(batches[0]!, work);
      const run = () => noGrad(() => model.forward(x));
      return { run: () => within(() => void run()), check: () => sampled(valuesOf(run())) };
    },
    lenet({ batch }) {
      const { x, classes } = lenetImages(batch);
      const images = tensor(x).reshape([batch, 1, 28, 28]);
      const target = tensor(classes, { dtype: 'int32' });
      const trainer = () => {
        const model = new nn.Sequential(
          new nn.Conv2d(1, 8, 3, { padding: 1 }),
          new nn.ReLU(),
          new nn.MaxPool2d(2),
          new nn.Conv2d(8, 16, 3, { padding: 1 }),
          new nn.ReLU(),
          new nn.MaxPool2d(2),
          new nn.Flatten(),
          new nn.Linear(784, 10),
        );
        const state = model.stateDict();
        for (const { name, weight, bias } of lenet()) {
          state[`${name}.weight`] = tensor(weight).reshape(state[`${name}.weight`]!.shape);
          state[`${name}.bias`] = tensor(bias);
        }
        model.loadStateDict(state);
        const optimizer = new Adam(model.parameters());
        return () =>
          within(() => {
            const loss = nn.crossEntropy(model.forward(images), target);
            optimizer.zeroGrad();
            loss.backward();
            optimizer.step();
            return loss.item();
          });
      };
      return { run: trainer(), check: () => Array.from({ length: CHECKED_STEPS }, trainer()) };
    },
    chain({ length, size }) {
      const first = numbers(size);
      const run = () => {
        const x = tensor(first, { requiresGrad: true });
        let y = x;
        for (let i = 0; i < length; i++) y = i % 2 ? y.mul(1.0001) : y.add(0.1);
        const sum = y.sum();
        sum.backward();
        return [sum, x] as const;
      };
      return {
        run: () => within(() => void run()),
        check() {
          const [sum, x] = run();
          return [sum.item(), ...valuesOf(x.grad!)];
        },
      };
    },
    matmul({ n }) {
      const [a, b] = [tensor(numbers(n * n)).reshape([n, n]), tensor(numbers(n * n, 1)).reshape([n, n])];
      return { run: () => within(() => void a.matmul(b)), check: () => sampled(valuesOf(a.matmul(b))) };
    },
    map({ op, side }) {
      const x = tensor(numbers(side * side)).reshape([side, side]);
      const y = tensor(numbers(side * side, 1)).reshape([side, side]);
      const norm = new nn.LayerNorm(side).requiresGrad(false);
      const run = {
        add: () => x.add(y),
        exp: () => exp(x),
        tanh: () => tanh(x),
        sigmoid: () => sigmoid(x),
        softmax: () => softmax(x, 1),
        layerNorm: () => norm.forward(x),
      }[op];
      return { run: () => within(() => void run()), check: () => sampled(valuesOf(run())) };
    },
    update({ count, size }) {
      const parameters = Array.from({ length: count }, (_, k) => {
        const p = tensor(numbers(size, k), { requiresGrad: true });
        p.grad = tensor(numbers(size, k + 1));
        return p;
      });
      const optimizer = new Adam(parameters);
      return {
        run: () => optimizer.step(),
        check() {
          optimizer.step();
          return sampled(valuesOf(parameters[0]!));
        },
      };
    },
  },
  manifest.version,
);
