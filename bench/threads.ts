// Matrix products, or convolutions with both gradients, by one thread and by several, in turns:
// `npx tsx bench/threads.ts [threads] [squares | shapes | convolutions]`.
// GFLOP/s with what copying costs, in the quietest of the rounds (and in the median); and how many times as fast several are.

import { type Convolution, convolve, convolveBack, convolveWeight } from '../src/kernels/conv.ts';
import { shareSpaces } from '../src/kernels/planes.ts';
import { setThreads, thePool, threads } from '../src/kernels/threads.ts';
import { workInThreads } from '../src/kernels/wasm/conv-threads.ts';
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

/** Two ways of doing the same, by one thread and by several; and how many operations it takes. */
interface Race {
  readonly name: string;
  readonly flops: number;
  readonly ways: readonly (() => unknown)[];
}

function product([m, k, n]: Sizes): Race {
  const a = { storage: numbers(m * k), offset: 0, rowStep: k, colStep: 1 };
  const b = { storage: numbers(k * n), offset: 0, rowStep: n, colStep: 1 };
  const out = new Float32Array(m * n);
  const ways = [
    () => gemm(heap, out, 0, a, b, m, k, n),
    () => gemmInThreads(pool, threads(), out, 0, a, b, m, k, n, null),
  ];
  return { name: [m, k, n].join('×'), flops: 2 * m * k * n, ways };
}

/** 3 × 3, without padding. */
function convolution([batch, inputs, outputs, count]: readonly number[]): Race {
  const slide = { size: count! + 2, kernel: 3, stride: 1, dilation: 1, before: 0, count: count! };
  const c: Convolution = {
    batch: batch!,
    groups: 1,
    inputs: inputs!,
    outputs: outputs!,
    rows: slide,
    cols: slide,
  };
  const [x, w, g] = [
    numbers(batch! * inputs! * slide.size ** 2),
    numbers(outputs! * inputs! * 9),
    numbers(batch! * outputs! * count! ** 2),
  ];
  const [y, dx, dw] = [g.slice(), x.slice(), w.slice()];
  const all = (): void => {
    convolve(y, x, w, null, c);
    convolveBack(dx, g, w, c);
    convolveWeight(dw, x, g, c);
  };
  const by = (share: Parameters<typeof shareSpaces>[0]) => () => {
    shareSpaces(share);
    all();
  };
  const ways = [by(null), by((work) => workInThreads(pool, threads(), work) === true)];
  return { name: `${batch} × ${inputs}→${outputs} ${count}²`, flops: 6 * g.length * inputs! * 9, ways };
}

const races =
  process.argv[3] === 'convolutions'
    ? [
        [32, 8, 16, 13],
        [8, 16, 32, 18],
        [32, 32, 64, 26],
        [16, 64, 64, 12],
        [4, 128, 128, 12],
      ].map(convolution)
    : chosen.map(product);

for (const { name, flops, ways } of races) {
  const repeats = Math.max(1, Math.round((MILLISECONDS * 3e7) / flops));
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
  console.log(`${name.padEnd(17)} 1: ${show(one)} ${threads()}: ${show(more)} ${times}`);
}
