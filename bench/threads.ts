// Matrix products by one thread and by several, in turns: `npx tsx bench/threads.ts [threads] [squares | shapes]`.
// GFLOP/s with what copying costs, in the quietest of the rounds (and in the median); and how many times as fast several are.
import { setThreads, thePool, threads } from '../src/kernels/threads.ts';
import { gemm } from '../src/kernels/wasm/gemm.ts';
import { gemmInThreads } from '../src/kernels/wasm/gemm-threads.ts';
import { theHeap } from '../src/kernels/wasm/heap.ts';

const ROUNDS = 31;
const MILLISECONDS = 10;
type Sizes = readonly [m: number, k: number, n: number];
const squares = [32, 48, 64, 80, 96, 128, 192, 256, 512, 1024].map((n): Sizes => [n, n, n]);
const shapes: readonly Sizes[] = [
  [64, 784, 128],
  [784, 64, 128],
  [2, 1024, 1024],
  [4, 1024, 1024],
  [8, 1024, 1024],
  [4096, 64, 4],
  [4096, 64, 10],
  [512, 8, 512],
];
const chosen = { squares, shapes }[process.argv[3] ?? ''] ?? [...squares, ...shapes];

setThreads(Number(process.argv[2] ?? 2));
const pool = thePool()!;
const heap = theHeap()!;

const numbers = (n: number): Float32Array => Float32Array.from({ length: n }, (_, i) => Math.sin(i + 1));

for (const [m, k, n] of chosen) {
  const a = { storage: numbers(m * k), offset: 0, rowStep: k, colStep: 1 };
  const b = { storage: numbers(k * n), offset: 0, rowStep: n, colStep: 1 };
  const out = new Float32Array(m * n);
  const flops = 2 * m * k * n;
  const repeats = Math.max(1, Math.round((MILLISECONDS * 3e7) / flops));
  const ways = [
    () => gemm(heap, out, 0, a, b, m, k, n),
    () => gemmInThreads(pool, threads(), out, 0, a, b, m, k, n, null),
  ];
  const speeds = ways.map(() => [] as number[]);
  for (let round = -5; round < ROUNDS; round++) {
    for (const [way, run] of ways.entries()) {
      const start = performance.now();
      for (let i = 0; i < repeats; i++) run();
      if (round >= 0) speeds[way]!.push((repeats * flops) / (performance.now() - start) / 1e6);
    }
  }
  const [one, more] = speeds.map((all) => {
    all.sort((x, y) => y - x);
    return { best: all[0]!, median: all[ROUNDS >> 1]! };
  }) as [{ best: number; median: number }, { best: number; median: number }];
  const show = ({ best, median }: typeof one): string =>
    `${best.toFixed(1).padStart(6)} ${`(${median.toFixed(1)})`.padEnd(8)}`;
  const times = `× ${(more.best / one.best).toFixed(2)} (${(more.median / one.median).toFixed(2)})`;
  console.log(`${[m, k, n].join('×').padEnd(15)} 1: ${show(one)} ${threads()}: ${show(more)} ${times}`);
}
