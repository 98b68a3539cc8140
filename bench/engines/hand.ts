// The workloads as loops over typed arrays: what they cost without a framework.
import type { Network } from '../workloads.ts';
import { lenetTrainer } from './hand-lenet.ts';
import { crossEntropy, updater, zeros } from './hand-parts.ts';
import { type Batch, CHECKED_STEPS, type Layer, numbers, oneHot, sampled, serve } from './serve.ts';

/** out = a · bᵀ for a [n, k] and b [m, k], 4 × 4 elements at a time, so that each number read is used four times. */
function productWithTransposed(
  a: Float32Array,
  b: Float32Array,
  n: number,
  m: number,
  k: number,
  out: Float32Array,
): void {
  const n4 = n - (n % 4);
  const m4 = m - (m % 4);
  for (let i = 0; i < n4; i += 4) {
    const [a0, a1, a2, a3] = [i * k, (i + 1) * k, (i + 2) * k, (i + 3) * k];
    for (let j = 0; j < m4; j += 4) {
      const [b0, b1, b2, b3] = [j * k, (j + 1) * k, (j + 2) * k, (j + 3) * k];
      let [s00, s01, s02, s03, s10, s11, s12, s13] = [0, 0, 0, 0, 0, 0, 0, 0];
      let [s20, s21, s22, s23, s30, s31, s32, s33] = [0, 0, 0, 0, 0, 0, 0, 0];
      for (let l = 0; l < k; l++) {
        const x0 = a[a0 + l]!;
        const x1 = a[a1 + l]!;
        const x2 = a[a2 + l]!;
        const x3 = a[a3 + l]!;
        const y0 = b[b0 + l]!;
        const y1 = b[b1 + l]!;
        const y2 = b[b2 + l]!;
        const y3 = b[b3 + l]!;
        s00 += x0 * y0;
        s01 += x0 * y1;
        s02 += x0 * y2;
        s03 += x0 * y3;
        s10 += x1 * y0;
        s11 += x1 * y1;
        s12 += x1 * y2;
        s13 += x1 * y3;
        s20 += x2 * y0;
        s21 += x2 * y1;
        s22 += x2 * y2;
        s23 += x2 * y3;
        s30 += x3 * y0;
        s31 += x3 * y1;
        s32 += x3 * y2;
        s33 += x3 * y3;
      }
      let o = i * m + j;
      out[o] = s00;
      out[o + 1] = s01;
      out[o + 2] = s02;
      out[o + 3] = s03;
      o += m;
      out[o] = s10;
      out[o + 1] = s11;
      out[o + 2] = s12;
      out[o + 3] = s13;
      o += m;
      out[o] = s20;
      out[o + 1] = s21;
      out[o + 2] = s22;
      out[o + 3] = s23;
      o += m;
      out[o] = s30;
      out[o + 1] = s31;
      out[o + 2] = s32;
      out[o + 3] = s33;
    }
  }
  for (let i = 0; i < n; i++) {
    for (let j = i < n4 ? m4 : 0; j < m; j++) {
      let sum = 0;
      for (let l = 0; l < k; l++) sum += a[i * k + l]! * b[j * k + l]!;
      out[i * m + j] = sum;
    }
  }
}

function transpose(a: Float32Array, n: number, m: number, out: Float32Array): Float32Array {
  for (let i = 0; i < n; i++) for (let j = 0; j < m; j++) out[j * n + i] = a[i * m + j]!;
  return out;
}

interface HandLayer {
  readonly inputs: number;
  readonly outputs: number;
  readonly last: boolean;
  /** Parameters and their gradients: parts of the two long arrays. */
  readonly w: Float32Array;
  readonly b: Float32Array;
  readonly gamma: Float32Array;
  readonly beta: Float32Array;
  readonly dw: Float32Array;
  readonly db: Float32Array;
  readonly dgamma: Float32Array;
  readonly dbeta: Float32Array;
  readonly runningMean: Float32Array;
  readonly runningVar: Float32Array;
  /** For a whole batch: what comes in, x̂ of BatchNorm, what goes out, the derivative by what goes out and in. */
  x: Float32Array;
  readonly normed: Float32Array;
  readonly y: Float32Array;
  readonly dy: Float32Array;
  readonly dx: Float32Array;
  /** 0, or what dropout multiplies by. */
  readonly mask: Float32Array;
  readonly scale: Float32Array;
  readonly wt: Float32Array;
  readonly xt: Float32Array;
  readonly dyt: Float32Array;
}

class Mlp {
  readonly #network: Network;
  readonly #layers: HandLayer[];
  readonly #update: () => void;

  constructor(network: Network, layers: readonly Layer[]) {
    this.#network = network;
    const { norm, batch } = network;
    const count = layers.reduce((sum, l, k) => {
      const normed = norm && k < layers.length - 1;
      return sum + l.outputs * (l.inputs + (normed ? 3 : 1));
    }, 0);
    const [p, g] = [zeros(count), zeros(count)];
    let at = 0;
    const part = (n: number): [Float32Array, Float32Array] => {
      at += n;
      return [p.subarray(at - n, at), g.subarray(at - n, at)];
    };
    this.#layers = layers.map(({ inputs, outputs, weight, bias }, k) => {
      const last = k === layers.length - 1;
      const [w, dw] = part(inputs * outputs);
      const [b, db] = part(outputs);
      const [gamma, dgamma] = part(norm && !last ? outputs : 0);
      const [beta, dbeta] = part(norm && !last ? outputs : 0);
      w.set(weight);
      b.set(bias);
      gamma.fill(1);
      return {
        inputs,
        outputs,
        last,
        w,
        b,
        gamma,
        beta,
        dw,
        db,
        dgamma,
        dbeta,
        runningMean: zeros(outputs),
        runningVar: zeros(outputs).fill(1),
        x: zeros(0),
        normed: zeros(batch * outputs),
        y: zeros(batch * outputs),
        dy: zeros(batch * outputs),
        dx: zeros(batch * inputs),
        mask: zeros(batch * outputs),
        scale: zeros(outputs),
        wt: zeros(inputs * outputs),
        xt: zeros(batch * inputs),
        dyt: zeros(batch * outputs),
      };
    });
    this.#update = updater(network.optimizer, p, g);
  }

  forward(input: Float32Array, rows: number, training: boolean): Float32Array {
    const { norm, dropout } = this.#network;
    let x = input;
    for (const layer of this.#layers) {
      const { inputs, outputs, w, b, y, mask, last } = layer;
      layer.x = x;
      productWithTransposed(x, w, rows, outputs, inputs, y);
      for (let i = 0; i < rows; i++) for (let j = 0; j < outputs; j++) y[i * outputs + j]! += b[j]!;
      if (!last) {
        if (norm) normalize(layer, rows, training);
        const kept = 1 / (1 - dropout);
        for (let i = 0; i < rows * outputs; i++) {
          const factor = y[i]! <= 0 ? 0 : !training || dropout === 0 ? 1 : Math.random() < dropout ? 0 : kept;
          mask[i] = factor;
          y[i]! *= factor;
        }
      }
      x = y;
    }
    return x.subarray(0, rows * this.#layers.at(-1)!.outputs);
  }

  step({ x, rows, classes }: Batch, target: Float32Array): number {
    const layers = this.#layers;
    const top = layers.at(-1)!;
    const y = this.forward(x, rows, true);
    const loss =
      this.#network.loss === 'mse'
        ? meanSquares(y, target, top.dy)
        : crossEntropy(y, classes, top.outputs, top.dy);
    for (let k = layers.length - 1; k >= 0; k--) {
      const layer = layers[k]!;
      const { inputs, outputs, dy, w, dw, db, wt, xt, dyt, mask } = layer;
      if (!layer.last) {
        const { dx } = layers[k + 1]!;
        for (let i = 0; i < rows * outputs; i++) dy[i] = dx[i]! * mask[i]!;
        if (this.#network.norm) normalizeBack(layer, rows);
      }
      db.fill(0);
      for (let i = 0; i < rows; i++) for (let j = 0; j < outputs; j++) db[j]! += dy[i * outputs + j]!;
      // dW = dyᵀ · x and dx = dy · W, both with the second factor transposed
      transpose(dy, rows, outputs, dyt);
      transpose(layer.x, rows, inputs, xt);
      productWithTransposed(dyt, xt, outputs, inputs, rows, dw);
      if (k > 0)
        productWithTransposed(dy, transpose(w, outputs, inputs, wt), rows, inputs, outputs, layer.dx);
    }
    this.#update();
    return loss;
  }
}

function meanSquares(y: Float32Array, target: Float32Array, dy: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < y.length; i++) {
    const difference = y[i]! - target[i]!;
    sum += difference * difference;
    dy[i] = (2 * difference) / y.length;
  }
  return sum / y.length;
}

const EPS = 1e-5;

function normalize(layer: HandLayer, rows: number, training: boolean): void {
  const { outputs, y, normed, gamma, beta, scale, runningMean, runningVar } = layer;
  const mean = new Float64Array(outputs);
  const variance = new Float64Array(outputs);
  if (training) {
    for (let i = 0; i < rows; i++) for (let j = 0; j < outputs; j++) mean[j]! += y[i * outputs + j]!;
    for (let j = 0; j < outputs; j++) mean[j]! /= rows;
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < outputs; j++) {
        const d = y[i * outputs + j]! - mean[j]!;
        variance[j]! += d * d;
      }
    }
    for (let j = 0; j < outputs; j++) {
      runningMean[j] = 0.9 * runningMean[j]! + 0.1 * mean[j]!;
      runningVar[j] = 0.9 * runningVar[j]! + (0.1 * variance[j]!) / (rows - 1);
      variance[j]! /= rows;
    }
  } else {
    mean.set(runningMean);
    variance.set(runningVar);
  }
  for (let j = 0; j < outputs; j++) scale[j] = 1 / Math.sqrt(variance[j]! + EPS);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < outputs; j++) {
      const at = i * outputs + j;
      const xHat = (y[at]! - mean[j]!) * scale[j]!;
      normed[at] = xHat;
      y[at] = gamma[j]! * xHat + beta[j]!;
    }
  }
}

/** dx = γ · scale · (dy − mean(dy) − x̂ · mean(dy · x̂)), in place of dy. */
function normalizeBack({ outputs, dy, normed, gamma, dgamma, dbeta, scale }: HandLayer, rows: number): void {
  dgamma.fill(0);
  dbeta.fill(0);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < outputs; j++) {
      const at = i * outputs + j;
      dbeta[j]! += dy[at]!;
      dgamma[j]! += dy[at]! * normed[at]!;
    }
  }
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < outputs; j++) {
      const at = i * outputs + j;
      dy[at] = gamma[j]! * scale[j]! * (dy[at]! - (dbeta[j]! + normed[at]! * dgamma[j]!) / rows);
    }
  }
}

function chain(length: number, first: Float32Array): [sum: number, gradient: Float32Array] {
  const n = first.length;
  let y = first;
  for (let i = 0; i < length; i++) {
    const next = zeros(n);
    for (let k = 0; k < n; k++) next[k] = i % 2 ? y[k]! * 1.0001 : y[k]! + 0.1;
    y = next;
  }
  let sum = 0;
  for (let k = 0; k < n; k++) sum += y[k]!;
  let g = zeros(n).fill(1);
  for (let i = length - 1; i >= 0; i--) {
    const next = zeros(n);
    for (let k = 0; k < n; k++) next[k] = i % 2 ? g[k]! * 1.0001 : g[k]!;
    g = next;
  }
  return [sum, g];
}

const maps = {
  add(x: Float32Array, y: Float32Array) {
    const out = zeros(x.length);
    for (let i = 0; i < x.length; i++) out[i] = x[i]! + y[i]!;
    return out;
  },
  exp(x: Float32Array) {
    const out = zeros(x.length);
    for (let i = 0; i < x.length; i++) out[i] = Math.exp(x[i]!);
    return out;
  },
  tanh(x: Float32Array) {
    const out = zeros(x.length);
    for (let i = 0; i < x.length; i++) out[i] = Math.tanh(x[i]!);
    return out;
  },
  sigmoid(x: Float32Array) {
    const out = zeros(x.length);
    for (let i = 0; i < x.length; i++) out[i] = 1 / (1 + Math.exp(-x[i]!));
    return out;
  },
  softmax(x: Float32Array, _: Float32Array, side: number) {
    const out = zeros(x.length);
    for (let from = 0; from < x.length; from += side) {
      let top = -Infinity;
      for (let i = from; i < from + side; i++) if (x[i]! > top) top = x[i]!;
      let sum = 0;
      for (let i = from; i < from + side; i++) {
        const e = Math.exp(x[i]! - top);
        out[i] = e;
        sum += e;
      }
      const factor = 1 / sum;
      for (let i = from; i < from + side; i++) out[i]! *= factor;
    }
    return out;
  },
  layerNorm(x: Float32Array, _: Float32Array, side: number, gamma: Float32Array, beta: Float32Array) {
    const out = zeros(x.length);
    for (let from = 0; from < x.length; from += side) {
      let mean = 0;
      for (let i = from; i < from + side; i++) mean += x[i]!;
      mean /= side;
      let variance = 0;
      for (let i = from; i < from + side; i++) variance += (x[i]! - mean) ** 2;
      const scale = 1 / Math.sqrt(variance / side + EPS);
      for (let i = 0; i < side; i++) out[from + i] = gamma[i]! * ((x[from + i]! - mean) * scale) + beta[i]!;
    }
    return out;
  },
};

serve(
  {
    train(work, { batches, layers }) {
      const targets = batches.map(({ classes }) => oneHot(classes, work.sizes.at(-1)!));
      const trainer = (network: Network) => {
        const model = new Mlp(network, layers);
        let step = 0;
        return () => {
          const k = step++ % batches.length;
          return model.step(batches[k]!, targets[k]!);
        };
      };
      let step = trainer(work);
      return {
        run() {
          if (work.fresh) step = trainer(work);
          for (let i = 0; i < work.steps; i++) step();
        },
        check: () => Array.from({ length: CHECKED_STEPS }, trainer({ ...work, dropout: 0 })),
      };
    },
    evaluate(work, { batches, layers }) {
      const model = new Mlp(work, layers);
      const [{ x, rows }] = batches as [Batch];
      const run = () => model.forward(x, rows, false);
      return { run, check: () => sampled(run()) };
    },
    lenet: ({ batch }) => ({
      run: lenetTrainer(batch),
      check: () => Array.from({ length: CHECKED_STEPS }, lenetTrainer(batch)),
    }),
    chain({ length, size }) {
      const first = numbers(size);
      return {
        run: () => chain(length, first),
        check() {
          const [sum, gradient] = chain(length, first);
          return [sum, ...gradient];
        },
      };
    },
    matmul({ n }) {
      const [a, b] = [numbers(n * n), numbers(n * n, 1)];
      const bt = zeros(n * n);
      const run = () => {
        const out = zeros(n * n);
        productWithTransposed(a, transpose(b, n, n, bt), n, n, n, out);
        return out;
      };
      return { run, check: () => sampled(run()) };
    },
    map({ op, side }) {
      const [x, y] = [numbers(side * side), numbers(side * side, 1)];
      const [gamma, beta] = [zeros(side).fill(1), zeros(side)];
      const run = () => maps[op](x, y, side, gamma, beta);
      return { run, check: () => sampled(run()) };
    },
    update({ count, size }) {
      const parameters = Array.from({ length: count }, (_, k) => numbers(size, k));
      const updates = parameters.map((p, k) => updater({ name: 'adam', lr: 1e-3 }, p, numbers(size, k + 1)));
      const run = () => {
        for (const update of updates) update();
      };
      return {
        run,
        check() {
          run();
          return sampled(parameters[0]!);
        },
      };
    },
  },
  '',
);
