// What is measured. Every engine gets these descriptions as JSON and does the same work on the same numbers.

/** An optimizer in PyTorch's terms; what is not said has PyTorch's default. */
export interface OptimizerSpec {
  readonly name: 'sgd' | 'adagrad' | 'adadelta' | 'rmsprop' | 'adam' | 'adamw' | 'nadam';
  readonly lr: number;
  readonly momentum?: number;
  readonly nesterov?: boolean;
  readonly weightDecay?: number;
}

/** Linear layers with, between two of them, BatchNorm where asked for, ReLU, and Dropout where asked for. */
export interface Network {
  readonly sizes: readonly number[];
  readonly norm: boolean;
  readonly dropout: number;
  readonly loss: 'mse' | 'crossEntropy';
  readonly optimizer: OptimizerSpec;
  readonly batch: number;
  /** Rows of data, cut into batches in the order in which they stand. */
  readonly rows: number;
  readonly data: 'iris' | 'digits' | 'random';
}

export const MAPS = ['add', 'exp', 'tanh', 'sigmoid', 'softmax', 'layerNorm'] as const;

export type Work =
  /** `steps` training steps; with `fresh`, of a new network each time. */
  | ({ readonly kind: 'train'; readonly steps: number; readonly fresh: boolean } & Network)
  /** One batch in evaluation mode, without gradients. */
  | ({ readonly kind: 'evaluate' } & Network)
  /**
   * Training steps of a convolutional network on `batch` random images of [28, 28], with Adam: twice a convolution of 3 × 3 to 8
   * and 16 channels, ReLU and the largest of 2 × 2, and then 10 classes.
   */
  | { readonly kind: 'lenet'; readonly batch: number }
  /** `length` additions and products of `size` numbers by turns, the sum, and back. */
  | { readonly kind: 'chain'; readonly length: number; readonly size: number }
  /** Two n × n matrices. */
  | { readonly kind: 'matmul'; readonly n: number }
  /** A function of every element of `[side, side]`, or of every row. */
  | { readonly kind: 'map'; readonly op: (typeof MAPS)[number]; readonly side: number }
  /** A step of Adam for `count` parameters of `size` elements. */
  | { readonly kind: 'update'; readonly count: number; readonly size: number };

export interface Workload {
  readonly name: string;
  /** Workloads of a group share a table and a picture, whose name is the first word. */
  readonly group: string;
  readonly unit: string;
  /** The figure in `unit` from the milliseconds that the work takes once. */
  figure(ms: number): number;
  /** The figure grows with speed. */
  readonly moreIsBetter: boolean;
  readonly work: Work;
  /** How far, relative to the largest of them, results may lie from those written by hand. */
  readonly tolerance: number;
}

/** Sums of float32 numbers in another order; a hundred steps of Adam blow it up, so only the first five are compared. */
const TOLERANCE = 1e-3;

const plain = { norm: false, dropout: 0 };
const perSecond = { unit: 'steps/s', figure: (ms: number) => 1000 / ms, moreIsBetter: true };
const inMs = { unit: 'ms', figure: (ms: number) => ms, moreIsBetter: false };

const iris = { sizes: [4, 3], ...plain, loss: 'mse', rows: 120, data: 'iris' } as const;
const irisOptimizers: Record<string, OptimizerSpec> = {
  // gd sees all rows at once
  gd: { name: 'sgd', lr: 0.01 },
  sgd: { name: 'sgd', lr: 0.01 },
  momentum: { name: 'sgd', lr: 0.01, momentum: 0.9 },
  nesterov: { name: 'sgd', lr: 0.01, momentum: 0.9, nesterov: true },
  adagrad: { name: 'adagrad', lr: 0.01 },
  adadelta: { name: 'adadelta', lr: 1 },
  rmsprop: { name: 'rmsprop', lr: 0.01 },
  adam: { name: 'adam', lr: 0.01 },
  adamw: { name: 'adamw', lr: 0.01, weightDecay: 0.01 },
  nadam: { name: 'nadam', lr: 0.01 },
};

const digits: Network = {
  sizes: [64, 64, 10],
  ...plain,
  loss: 'crossEntropy',
  optimizer: { name: 'adam', lr: 1e-3 },
  batch: 32,
  rows: 1437,
  data: 'digits',
};

/** As many rows as fill 16 batches. */
const images = (sizes: readonly number[], batch: number, rest: Partial<Network>): Network => ({
  ...digits,
  sizes,
  batch,
  rows: 16 * batch,
  data: 'random',
  ...rest,
});

const momentum: OptimizerSpec = { name: 'sgd', lr: 0.01, momentum: 0.9 };
const deep = images([784, 512, 512, 10], 128, { norm: true, dropout: 0.5 });

type Draft = Omit<Workload, 'group' | 'tolerance'> & Partial<Pick<Workload, 'tolerance'>>;

const groups: Record<string, readonly Draft[]> = {
  'Iris, 4-3, mean squared error, batch 32, 500 epochs': Object.entries(irisOptimizers).map(
    ([name, optimizer]) => {
      const batch = name === 'gd' ? iris.rows : 32;
      const steps = 500 * Math.ceil(iris.rows / batch);
      return {
        name: `iris/${name}`,
        ...inMs,
        work: { kind: 'train', ...iris, optimizer, batch, steps, fresh: true },
      };
    },
  ),
  'Training networks': [
    {
      name: 'digits',
      ...inMs,
      work: { kind: 'train', ...digits, steps: 20 * Math.ceil(digits.rows / digits.batch), fresh: true },
    },
    {
      name: '784-128-10',
      ...perSecond,
      work: {
        kind: 'train',
        ...images([784, 128, 10], 64, { optimizer: momentum }),
        steps: 1,
        fresh: false,
      },
    },
    {
      name: '784-512-512-10/train',
      ...perSecond,
      work: { kind: 'train', ...deep, steps: 1, fresh: false },
    },
    { name: '784-512-512-10/eval', ...perSecond, work: { kind: 'evaluate', ...deep } },
    { name: 'lenet', ...perSecond, work: { kind: 'lenet', batch: 32 } },
  ],
  'Chain of 100 operations on 4 elements, forward and backward, time of one': [
    {
      name: 'chain',
      unit: 'µs',
      figure: (ms) => (ms * 1000) / 100,
      moreIsBetter: false,
      work: { kind: 'chain', length: 100, size: 4 },
    },
  ],
  'Matrix product': [64, 256, 1024].map((n) => ({
    name: `sgemm/${n}`,
    unit: 'GFLOP/s',
    figure: (ms) => (2 * n ** 3) / ms / 1e6,
    moreIsBetter: true,
    work: { kind: 'matmul', n },
  })),
  'Million elements': MAPS.map((op) => ({
    name: `map/${op}`,
    unit: 'ns per element',
    figure: (ms) => ms,
    moreIsBetter: false,
    work: { kind: 'map', op, side: 1000 },
  })),
  'Adam, one step': [
    [1, 1e6],
    [100, 1e3],
  ].map(([count, size]) => ({
    name: `adam/${count}×${size}`,
    ...perSecond,
    work: { kind: 'update', count: count!, size: size! },
  })),
};

export const workloads: readonly Workload[] = Object.entries(groups).flatMap(([group, drafts]) =>
  drafts.map((draft) => ({ tolerance: TOLERANCE, ...draft, group })),
);

const powers = (from: number, to: number): number[] =>
  Array.from({ length: Math.log2(to / from) + 1 }, (_, k) => from * 2 ** k);

/** Where one of batch size, width and depth grows, the others stay here. */
const middle = { batch: 64, width: 128, depth: 4 };

const axes = { batch: powers(1, 1024), width: powers(8, 1024), depth: powers(1, 64) };

/** Training steps of networks of equally wide layers, for the cost against batch size, width and depth. */
export const scaling: readonly Workload[] = (['batch', 'width', 'depth'] as const).flatMap((axis) =>
  axes[axis].map((at): Workload => {
    const { batch, width, depth } = Object.assign({}, middle, { [axis]: at });
    const sizes = [...Array<number>(depth).fill(width), 10];
    const network = images(sizes, batch, { rows: batch, optimizer: { name: 'adam', lr: 1e-4 } });
    return {
      name: `${axis}/${at}`,
      group: `Time of a training step against ${axis === 'batch' ? 'batch size' : axis}`,
      ...inMs,
      work: { kind: 'train', ...network, steps: 1, fresh: false },
      tolerance: TOLERANCE,
    };
  }),
);
