// What networks by hand share.
import type { OptimizerSpec } from '../workloads.ts';

export const zeros = (n: number): Float32Array => new Float32Array(n);

/** The update of all parameters p by their gradients g, in PyTorch's form and with its defaults. */
export function updater(spec: OptimizerSpec, p: Float32Array, g: Float32Array): () => void {
  const { lr, momentum = 0, nesterov = false, weightDecay = 0 } = spec;
  const n = p.length;
  const [m, v] = [zeros(n), zeros(n)];
  const [beta1, beta2, eps] = [0.9, 0.999, 1e-8];
  let t = 0;
  let products = 1;
  switch (spec.name) {
    case 'sgd':
      if (momentum === 0) {
        return () => {
          for (let i = 0; i < n; i++) p[i]! -= lr * g[i]!;
        };
      }
      return () => {
        for (let i = 0; i < n; i++) {
          const mi = momentum * m[i]! + g[i]!;
          m[i] = mi;
          p[i]! -= lr * (nesterov ? g[i]! + momentum * mi : mi);
        }
      };
    case 'adagrad':
      return () => {
        for (let i = 0; i < n; i++) {
          const gi = g[i]!;
          const vi = v[i]! + gi * gi;
          v[i] = vi;
          p[i]! -= (lr * gi) / (Math.sqrt(vi) + 1e-10);
        }
      };
    case 'adadelta':
      return () => {
        for (let i = 0; i < n; i++) {
          const gi = g[i]!;
          const vi = 0.9 * v[i]! + 0.1 * gi * gi;
          const delta = (Math.sqrt(m[i]! + 1e-6) / Math.sqrt(vi + 1e-6)) * gi;
          v[i] = vi;
          m[i] = 0.9 * m[i]! + 0.1 * delta * delta;
          p[i]! -= lr * delta;
        }
      };
    case 'rmsprop':
      return () => {
        for (let i = 0; i < n; i++) {
          const gi = g[i]!;
          const vi = 0.99 * v[i]! + 0.01 * gi * gi;
          v[i] = vi;
          p[i]! -= (lr * gi) / (Math.sqrt(vi) + eps);
        }
      };
    case 'adam':
    case 'adamw':
      return () => {
        t++;
        const bias1 = 1 - beta1 ** t;
        const bias2 = 1 - beta2 ** t;
        const kept = 1 - lr * weightDecay;
        for (let i = 0; i < n; i++) {
          const gi = g[i]!;
          const mi = beta1 * m[i]! + (1 - beta1) * gi;
          const vi = beta2 * v[i]! + (1 - beta2) * gi * gi;
          m[i] = mi;
          v[i] = vi;
          p[i] = kept * p[i]! - (lr * (mi / bias1)) / (Math.sqrt(vi / bias2) + eps);
        }
      };
    case 'nadam':
      return () => {
        t++;
        const bias2 = 1 - beta2 ** t;
        const mu = beta1 * (1 - 0.5 * 0.96 ** (t * 0.004));
        const next = beta1 * (1 - 0.5 * 0.96 ** ((t + 1) * 0.004));
        products *= mu;
        const now = (1 - mu) / (1 - products);
        const later = next / (1 - products * next);
        for (let i = 0; i < n; i++) {
          const gi = g[i]!;
          const mi = beta1 * m[i]! + (1 - beta1) * gi;
          const vi = beta2 * v[i]! + (1 - beta2) * gi * gi;
          m[i] = mi;
          v[i] = vi;
          p[i]! -= (lr * (now * gi + later * mi)) / (Math.sqrt(vi / bias2) + eps);
        }
      };
  }
}

/** The mean over rows, and its derivative. */
export function crossEntropy(
  y: Float32Array,
  classes: Float32Array,
  width: number,
  dy: Float32Array,
): number {
  const rows = classes.length;
  let loss = 0;
  for (let i = 0; i < rows; i++) {
    const from = i * width;
    let top = -Infinity;
    for (let j = 0; j < width; j++) if (y[from + j]! > top) top = y[from + j]!;
    let sum = 0;
    for (let j = 0; j < width; j++) {
      const e = Math.exp(y[from + j]! - top);
      dy[from + j] = e;
      sum += e;
    }
    const label = from + classes[i]!;
    loss += Math.log(sum) + top - y[label]!;
    for (let j = 0; j < width; j++) dy[from + j]! /= sum * rows;
    dy[label]! -= 1 / rows;
  }
  return loss / rows;
}
