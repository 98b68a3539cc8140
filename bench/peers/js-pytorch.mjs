// The workloads as a user of js-pytorch writes them. Its Adam corrects no bias, so its training goes another way.
import { readFileSync } from 'node:fs';
import { torch } from 'js-pytorch';
import { CHECKED_STEPS, numbers, oneHot, sampled, serve } from '../engines/serve.ts';

/** Rows in lists, as it wants them. */
function nested(values, rows, columns) {
  return Array.from({ length: rows }, (_, i) => [...values.subarray(i * columns, (i + 1) * columns)]);
}

function transposed(values, rows, columns) {
  return Array.from({ length: columns }, (_, j) =>
    Array.from({ length: rows }, (_, i) => values[i * columns + j]),
  );
}

function createModel({ dropout }, layers) {
  const modules = [];
  for (const [k, { inputs, outputs, weight, bias }] of layers.entries()) {
    const linear = new torch.nn.Linear(inputs, outputs);
    linear.W._data = transposed(weight, outputs, inputs);
    linear.b._data = [...bias];
    modules.push(linear);
    if (k === layers.length - 1) break;
    modules.push(new torch.nn.ReLU());
    if (dropout > 0) modules.push(new torch.nn.Dropout(dropout));
  }
  return modules;
}

function trainer(work, tensors, layers) {
  const modules = createModel(work, layers);
  const optimizer = new torch.optim.Adam(
    modules.flatMap((module) => module.parameters()),
    work.optimizer.lr,
    0,
    [0.9, 0.999],
    1e-8,
  );
  const lossOf = work.loss === 'mse' ? new torch.nn.MSELoss() : new torch.nn.CrossEntropyLoss();
  let k = 0;
  return () => {
    const [x, target] = tensors[k++ % tensors.length];
    const y = modules.reduce((value, module) => module.forward(value), x);
    const loss = lossOf.forward(y, target);
    loss.backward();
    optimizer.step();
    optimizer.zero_grad();
    return loss.data[0] ?? loss.data;
  };
}

const computing = (f) => ({ run: f, check: () => sampled(f().data.flat()) });

const manifest = new URL('../node_modules/js-pytorch/package.json', import.meta.url);
serve(
  {
    train(work, { batches, layers }) {
      if (work.optimizer.name !== 'adam' || work.norm) return null;
      const classes = work.sizes.at(-1);
      const tensors = batches.map((batch) => [
        torch.tensor(nested(batch.x, batch.rows, work.sizes[0])),
        torch.tensor(
          work.loss === 'mse'
            ? nested(oneHot(batch.classes, classes), batch.rows, classes)
            : [...batch.classes],
        ),
      ]);
      let step = trainer(work, tensors, layers);
      return {
        run() {
          if (work.fresh) step = trainer(work, tensors, layers);
          for (let i = 0; i < work.steps; i++) step();
        },
        check: () => Array.from({ length: CHECKED_STEPS }, trainer({ ...work, dropout: 0 }, tensors, layers)),
      };
    },
    chain({ length, size }) {
      const first = [...numbers(size)];
      const run = () => {
        const x = torch.tensor(first, true);
        let y = x;
        for (let i = 0; i < length; i++) y = i % 2 ? torch.mul(y, 1.0001) : torch.add(y, 0.1);
        const sum = y.sum();
        sum.backward();
        return [sum, x];
      };
      return {
        run,
        check() {
          const [sum, x] = run();
          return [sum.data[0] ?? sum.data, ...x.grad];
        },
      };
    },
    matmul({ n }) {
      const [a, b] = [
        torch.tensor(nested(numbers(n * n), n, n)),
        torch.tensor(nested(numbers(n * n, 1), n, n)),
      ];
      return computing(() => torch.matmul(a, b));
    },
    map({ op, side }) {
      const x = torch.tensor(nested(numbers(side * side), side, side));
      const y = torch.tensor(nested(numbers(side * side, 1), side, side));
      const softmax = new torch.nn.Softmax();
      const norm = new torch.nn.LayerNorm(side);
      const f = {
        add: () => torch.add(x, y),
        exp: () => torch.exp(x),
        softmax: () => softmax.forward(x, -1),
        layerNorm: () => norm.forward(x),
      }[op];
      return f ? computing(f) : null;
    },
    update({ count, size }) {
      const parameters = Array.from({ length: count }, (_, k) => {
        const p = torch.tensor([...numbers(size, k)], true);
        p._grad = torch.tensor([...numbers(size, k + 1)]);
        return p;
      });
      const optimizer = new torch.optim.Adam(parameters, 1e-3, 0, [0.9, 0.999], 1e-8);
      return {
        run: () => optimizer.step(),
        check() {
          optimizer.step();
          return sampled(parameters[0].data);
        },
      };
    },
  },
  JSON.parse(readFileSync(manifest, 'utf8')).version,
);
