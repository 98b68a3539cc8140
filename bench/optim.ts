// What the fused loop costs: `npx tsx bench/optim.ts`. Adam on n float32 numbers, in ns per number.
// The three candidates take turns and only ratios within a round count, so that a busy machine blurs all alike.
import type { TypedArray } from '../src/core/dtype.ts';
import { interpretUpdate } from '../src/kernels/update.ts';
import { CompiledRule } from '../src/optim/compiled.ts';
import { Adam, AdamW, NAdam, RMSprop, SGD } from '../src/optim/index.ts';
import { sharedScalars } from '../src/optim/shared-lines.ts';
import { randn, type Tensor } from '../src/tensor/index.ts';

const ROUNDS = 31;
const [lr, beta1, beta2, eps] = [1e-3, 0.9, 0.999, 1e-8];

const filled = (n: number, value = 0): Float32Array => new Float32Array(n).fill(value);

function parameter(n: number): Tensor {
  const p = randn([n], { requiresGrad: true });
  p.grad = randn([n]);
  return p;
}

/** Adam as one would write it by hand for speed. */
function byHand(n: number): () => void {
  const [p, g] = [parameter(n).storage, parameter(n).storage];
  const [m, v] = [filled(n), filled(n)];
  let t = 0;
  return () => {
    t++;
    const bias1 = 1 - beta1 ** t;
    const bias2 = 1 - beta2 ** t;
    for (let i = 0; i < n; i++) {
      const gi = g[i]!;
      const mi = beta1 * m[i]! + (1 - beta1) * gi;
      const vi = beta2 * v[i]! + (1 - beta2) * gi * gi;
      m[i] = mi;
      v[i] = vi;
      p[i]! -= (lr * (mi / bias1)) / (Math.sqrt(vi / bias2) + eps);
    }
  };
}

function ours(n: number): () => void {
  const optimizer = new Adam([parameter(n)], { lr, beta1, beta2, eps });
  return () => optimizer.step();
}

/** The rule's functions, called element by element. */
function interpreted(n: number): () => void {
  const { defaults, lines } = new CompiledRule(Adam.rule);
  const { list } = lines!;
  const own = { ...defaults, lr, beta1, beta2, eps };
  const settings = { ...own, ...sharedScalars(own, { ownPull: false, clipScale: 1, clipValue: Infinity }) };
  const arrays: Record<string, TypedArray> = {
    p: filled(n, 1),
    grad: parameter(n).storage,
    m: filled(n),
    v: filled(n),
  };
  let t = 0;
  return () => {
    t++;
    interpretUpdate(list, n, arrays, { ...settings, ...lines!.scalarsAt(t, settings, {}) });
  };
}

const median = (list: number[]): number => list.sort((a, b) => a - b)[list.length >> 1]!;

// other rules run too, as in a real program, so that nothing stays specialised on one of them
for (const Other of [SGD, RMSprop, AdamW, NAdam]) {
  const optimizer = new Other([parameter(1000)], { weightDecay: 0.01, clipNorm: 1 });
  for (let k = 0; k < 200; k++) optimizer.step();
}

console.log('       n   by hand      ours  interpreted   ours/by hand   ours/interpreted');
for (const n of [1e1, 1e3, 1e4, 1e5, 1e6]) {
  const candidates = [byHand(n), ours(n), interpreted(n)];
  const repeats = Math.max(1, Math.round(2e5 / n));
  const times: number[][] = candidates.map(() => []);
  for (let round = -5; round < ROUNDS; round++) {
    for (const [k, run] of candidates.entries()) {
      const start = performance.now();
      for (let r = 0; r < repeats; r++) run();
      if (round >= 0) times[k]!.push(((performance.now() - start) * 1e6) / (n * repeats));
    }
  }
  const ratio = (a: number, b: number): string =>
    median(times[a]!.map((x, i) => x / times[b]![i]!)).toFixed(2);
  const ratios = [ratio(1, 0).padStart(14), ratio(1, 2).padStart(18)];
  const columns = times.map((list) => median([...list]).toFixed(1));
  console.log(String(n).padStart(8), ...columns.map((c, k) => c.padStart([9, 9, 12][k]!)), ...ratios);
}
