// Matrix products by one thread and by several, in turns: `npx tsx bench/threads.ts [threads]`. GFLOP/s with what copying
// costs, in the quietest of the rounds and in the median; and from what size on several pay.
import { gemm } from '../src/kernels/gemm.ts';
import { setThreads } from '../src/kernels/threads.ts';

const ROUNDS = 15;
const SECONDS = 0.03;
const sizes = [32, 48, 64, 80, 96, 128, 192, 256, 512, 1024].map((n) => [n, n, n] as const);
const shapes = [...sizes, [64, 784, 128] as const, [784, 64, 128] as const, [4, 1024, 1024] as const];
const counts = [1, Number(process.argv[2] ?? 2)];

const numbers = (n: number): Float32Array => Float32Array.from({ length: n }, (_, i) => Math.sin(i + 1));

for (const [m, k, n] of shapes) {
  const a = { storage: numbers(m * k), offset: 0, rowStep: k, colStep: 1 };
  const b = { storage: numbers(k * n), offset: 0, rowStep: n, colStep: 1 };
  const out = new Float32Array(m * n);
  const flops = 2 * m * k * n;
  const repeats = Math.max(1, Math.round((SECONDS * 3e10) / flops));
  const speeds = counts.map((count) => {
    setThreads(count);
    for (let i = 0; i < 10; i++) gemm(out, 0, a, b, m, k, n);
    return [] as number[];
  });
  for (let round = 0; round < ROUNDS; round++) {
    for (const [k_, count] of counts.entries()) {
      setThreads(count);
      const warm = performance.now() + (count > 1 ? 60 : 0);
      do gemm(out, 0, a, b, m, k, n);
      while (performance.now() < warm);
      const start = performance.now();
      for (let i = 0; i < repeats; i++) gemm(out, 0, a, b, m, k, n);
      speeds[k_]!.push((repeats * flops) / (performance.now() - start) / 1e6);
    }
  }
  const shown = speeds.map((all, k_) => {
    all.sort((x, y) => y - x);
    const [best, median] = [all[0]!, all[ROUNDS >> 1]!];
    return { text: `${counts[k_]}: ${best.toFixed(1).padStart(6)} (${median.toFixed(1)})`, best, median };
  });
  const [one, more] = shown as [(typeof shown)[0], (typeof shown)[0]];
  console.log(
    `${[m, k, n].join('×').padEnd(16)} ${one.text.padEnd(20)} ${more.text.padEnd(20)} × ${(more.best / one.best).toFixed(2)} (${(more.median / one.median).toFixed(2)})`,
  );
}
setThreads(1);
