// The workloads as a user of jax-js writes them: pure functions under jit; `.ref` keeps an array that a call would free.
import { readFileSync } from 'node:fs';
import { defaultDevice, init, jit, nn, numpy as np, random, tree, valueAndGrad } from '@jax-js/jax';
import { CHECKED_STEPS, numbers, oneHot, sampled, serve } from '../engines/serve.ts';

await init('wasm');
defaultDevice('wasm');

const matrix = (values, rows, columns) => np.array(values).reshape([rows, columns]);
const square = (x) => x.ref.mul(x);

/** p, m and v after a step; `t` are the numbers of `scalars`. Each takes its arrays, as all of jax-js does. */
const updates = {
  sgd(p, g, m, v, _, { lr, momentum = 0, nesterov = false }) {
    if (momentum === 0) return [p.sub(g.mul(lr)), m, v];
    const next = m.mul(momentum).add(g.ref);
    if (nesterov) return [p.sub(g.add(next.ref.mul(momentum)).mul(lr)), next, v];
    g.dispose();
    return [p.sub(next.ref.mul(lr)), next, v];
  },
  adagrad(p, g, m, v, _, { lr }) {
    const next = v.add(square(g.ref));
    return [p.sub(g.mul(lr).div(np.sqrt(next.ref).add(1e-10))), m, next];
  },
  adadelta(p, g, m, v, _, { lr }) {
    const next = v.mul(0.9).add(square(g.ref).mul(0.1));
    const delta = np
      .sqrt(m.ref.add(1e-6))
      .div(np.sqrt(next.ref.add(1e-6)))
      .mul(g);
    return [p.sub(delta.ref.mul(lr)), m.mul(0.9).add(square(delta).mul(0.1)), next];
  },
  rmsprop(p, g, m, v, _, { lr }) {
    const next = v.mul(0.99).add(square(g.ref).mul(0.01));
    return [p.sub(g.mul(lr).div(np.sqrt(next.ref).add(1e-8))), m, next];
  },
  adam(p, g, m, v, [, ofM, bias2], { lr, weightDecay = 0 }) {
    const first = m.mul(0.9).add(g.ref.mul(0.1));
    const second = v.mul(0.999).add(square(g).mul(0.001));
    const delta = first.ref.mul(ofM.ref).div(np.sqrt(second.ref.mul(bias2.ref)).add(1e-8));
    return [p.mul(1 - lr * weightDecay).sub(delta.mul(lr)), first, second];
  },
  nadam(p, g, m, v, [ofG, ofM, bias2], { lr }) {
    const first = m.mul(0.9).add(g.ref.mul(0.1));
    const second = v.mul(0.999).add(square(g.ref).mul(0.001));
    const along = g.mul(ofG.ref).add(first.ref.mul(ofM.ref));
    return [p.sub(along.mul(lr).div(np.sqrt(second.ref.mul(bias2.ref)).add(1e-8))), first, second];
  },
};
updates.adamw = updates.adam;

/** Factors of g, of m and of v at step t. */
function scalars(name) {
  let products = 1;
  return (t) => {
    const bias2 = 1 / (1 - 0.999 ** t);
    if (name !== 'nadam') return [0, 1 / (1 - 0.9 ** t), bias2];
    const mu = 0.9 * (1 - 0.5 * 0.96 ** (t * 0.004));
    const next = 0.9 * (1 - 0.5 * 0.96 ** ((t + 1) * 0.004));
    products *= mu;
    return [(1 - mu) / (1 - products), next / (1 - products * next), bias2];
  };
}

function normalize(x, axis) {
  const centered = x.ref.sub(np.mean(x, axis, { keepdims: true }));
  const variance = np.mean(square(centered.ref), axis, { keepdims: true });
  return centered.div(np.sqrt(variance.add(1e-5)));
}

const parametersOf = ({ norm }, layers) =>
  layers.map(({ inputs, outputs, weight, bias }, k) => ({
    w: matrix(weight, outputs, inputs),
    b: np.array(bias),
    ...(norm && k < layers.length - 1 && { gamma: np.ones([outputs]), beta: np.zeros([outputs]) }),
  }));

/** Without running statistics, of which the loss does not know. */
function forward(parameters, x, keys, dropout) {
  let y = x;
  for (const [k, { w, b, gamma, beta }] of parameters.entries()) {
    y = np.dot(y, w.transpose()).add(b);
    if (k === parameters.length - 1) break;
    if (gamma) y = normalize(y, 0).mul(gamma).add(beta);
    y = nn.relu(y);
    if (dropout > 0) {
      const kept = random.bernoulli(keys[k], 1 - dropout, y.shape);
      y = np.where(kept, y.mul(1 / (1 - dropout)), 0);
    }
  }
  return y;
}

function lossOf(parameters, x, target, keys, { loss, dropout }) {
  const y = forward(parameters, x, keys, dropout);
  if (loss === 'mse') return np.mean(square(y.sub(target)));
  return np.mean(nn.logSoftmax(y, 1).mul(target).sum(1)).mul(-1);
}

function compiledStep(work) {
  const { optimizer } = work;
  return jit((parameters, m, v, x, target, keys, ...factors) => {
    const [loss, gradients] = valueAndGrad((p) => lossOf(p, x, target, keys, work))(tree.ref(parameters));
    const [leaves, structure] = tree.flatten(parameters);
    const [g, ms, vs] = [gradients, m, v].map((of) => tree.leaves(of));
    const updated = leaves.map((p, i) => updates[optimizer.name](p, g[i], ms[i], vs[i], factors, optimizer));
    const part = (k) =>
      tree.unflatten(
        structure,
        updated.map((all) => all[k]),
      );
    return [part(0), part(1), part(2), loss];
  });
}

function trainer(work, arrays, layers, step) {
  const zeros = () => tree.map((p) => np.zeros(p.shape), parametersOf(work, layers));
  let state = [parametersOf(work, layers), zeros(), zeros()];
  const factorsAt = scalars(work.optimizer.name);
  let t = 0;
  const advance = () => {
    const [x, target] = arrays[t++ % arrays.length];
    const keys = work.dropout > 0 ? layers.slice(1).map((_, k) => random.key(1000 * t + k)) : [];
    const [p, m, v, loss] = step(...state, x.ref, target.ref, keys, ...factorsAt(t));
    state = [p, m, v];
    return loss.js();
  };
  return { advance, dispose: () => tree.dispose(state) };
}

const computing = (f) => {
  const run = () => f().dataSync();
  return { run, check: () => sampled(run()) };
};

const manifest = new URL('../node_modules/@jax-js/jax/package.json', import.meta.url);
serve(
  {
    train(work, { batches, layers }) {
      const classes = work.sizes.at(-1);
      const arrays = batches.map((batch) => [
        matrix(batch.x, batch.rows, work.sizes[0]),
        matrix(oneHot(batch.classes, classes), batch.rows, classes),
      ]);
      const step = compiledStep(work);
      let current = trainer(work, arrays, layers, step);
      return {
        run() {
          if (work.fresh) {
            current.dispose();
            current = trainer(work, arrays, layers, step);
          }
          for (let i = 0; i < work.steps; i++) current.advance();
        },
        check() {
          const plain = { ...work, dropout: 0 };
          const { advance, dispose } = trainer(plain, arrays, layers, compiledStep(plain));
          const losses = Array.from({ length: CHECKED_STEPS }, advance);
          dispose();
          return losses;
        },
      };
    },
    evaluate(work, { batches: [{ rows, x }], layers }) {
      const parameters = parametersOf(work, layers);
      const input = matrix(x, rows, work.sizes[0]);
      // running statistics are those of a new model, mean 0 and variance 1
      const statistics = layers.map(({ outputs }) => [np.zeros([outputs]), np.ones([outputs])]);
      const model = jit((all, stats, x) => {
        let y = x;
        for (const [k, { w, b, gamma, beta }] of all.entries()) {
          y = np.dot(y, w.transpose()).add(b);
          if (!gamma) continue;
          const [mean, variance] = stats[k];
          y = nn.relu(
            y
              .sub(mean)
              .div(np.sqrt(variance.add(1e-5)))
              .mul(gamma)
              .add(beta),
          );
        }
        return y;
      });
      return computing(() => model(tree.ref(parameters), tree.ref(statistics), input.ref));
    },
    chain({ length, size }) {
      const x = np.array(numbers(size));
      const both = jit(
        valueAndGrad((x) => {
          let y = x;
          for (let i = 0; i < length; i++) y = i % 2 ? y.mul(1.0001) : y.add(0.1);
          return y.sum();
        }),
      );
      const run = () => {
        const [value, gradient] = both(x.ref);
        return [value.js(), ...gradient.dataSync()];
      };
      return { run, check: run };
    },
    matmul({ n }) {
      const [a, b] = [matrix(numbers(n * n), n, n), matrix(numbers(n * n, 1), n, n)];
      return computing(() => np.matmul(a.ref, b.ref));
    },
    map({ op, side }) {
      const [x, y] = [matrix(numbers(side * side), side, side), matrix(numbers(side * side, 1), side, side)];
      const [gamma, beta] = [np.ones([side]), np.zeros([side])];
      const f = jit(
        {
          add: (x, y) => x.add(y),
          exp: np.exp,
          tanh: np.tanh,
          sigmoid: nn.sigmoid,
          softmax: (x) => nn.softmax(x, 1),
          layerNorm: (x, gamma, beta) => normalize(x, 1).mul(gamma).add(beta),
        }[op],
      );
      const rest = { add: [y], layerNorm: [gamma, beta] }[op] ?? [];
      return computing(() => f(x.ref, ...rest.map((array) => array.ref)));
    },
    update({ count, size }) {
      const make = (f) => Array.from({ length: count }, (_, k) => f(k));
      let state = [
        make((k) => np.array(numbers(size, k))),
        ...[0, 1].map(() => make(() => np.zeros([size]))),
      ];
      const gradients = make((k) => np.array(numbers(size, k + 1)));
      const factorsAt = scalars('adam');
      const step = jit((p, m, v, g, ...factors) => {
        const all = p.map((_, i) => updates.adam(p[i], g[i], m[i], v[i], factors, { lr: 1e-3 }));
        return [0, 1, 2].map((k) => all.map((one) => one[k]));
      });
      let t = 0;
      const run = () => {
        t++;
        state = step(...state, tree.ref(gradients), ...factorsAt(t));
        return state[0].at(-1).ref.dataSync();
      };
      return {
        run,
        check() {
          run();
          return sampled(state[0][0].ref.dataSync());
        },
      };
    },
  },
  JSON.parse(readFileSync(manifest, 'utf8')).version,
);
