import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  accumulate,
  add,
  concat,
  createOptimizer,
  describeOptimizers,
  ema,
  full,
  kernels,
  lookahead,
  manualSeed,
  nn,
  noGrad,
  type OptimizerLike,
  type OptimizerName,
  randn,
  sam,
  scope,
  setKernels,
  swa,
  type Tensor,
  tensor,
} from '../../src/index.ts';
import { heap } from '../../src/kernels/engine.ts';

const gone = /^scope: a tensor that was made inside must be read inside, or be returned, got one whose scope/;

/** Leaves NaN wherever results will lie. */
function spoil(): void {
  scope(() => {
    for (let i = 0; i < 8; i++) full([200_000], Number.NaN).add(1);
  });
}

const marked = (): number => heap()?.next ?? 0;

describe('what scope returns', () => {
  it('is what the function returns', () => {
    expect(scope(() => 7)).toBe(7);
    expect(scope(() => undefined)).toBeUndefined();
  });

  it.each([1, 3, 17, 1000, 100_000])('is copied out, with %i numbers', (n) => {
    const x = randn([n]);
    const y = scope(() => x.mul(2));
    spoil();
    expect(y.toArray()).toEqual(x.mul(2).toArray());
    if (kernels() === 'wasm') expect(heap()!.addressOf(y.storage)).toBe(0);
  });

  it('may be tensors in arrays, objects, maps and sets', () => {
    const x = randn([100]);
    const deep = scope(() => ({
      list: [x.add(1), [x.add(2)]],
      map: new Map([['a', x.add(3)]]),
      set: new Set([x.add(4)]),
    }));
    spoil();
    const [one, [two]] = deep.list as [Tensor, Tensor[]];
    const [four] = deep.set;
    for (const [k, y] of [one, two!, deep.map.get('a')!, four!].entries()) {
      expect(y.toArray()).toEqual(x.add(k + 1).toArray());
    }
  });

  it('may hold itself', () => {
    const ring: { self?: object; x?: Tensor } = {};
    ring.self = ring;
    expect(scope(() => Object.assign(ring, { x: tensor([1]).add(1) })).x?.item()).toBe(2);
  });

  it('keeps a view in its order', () => {
    const x = randn([20, 30]);
    const y = scope(() => x.mul(1).transpose().slice([3, 8]));
    spoil();
    expect(y.toArray()).toEqual(x.transpose().slice([3, 8]).toArray());
  });

  it('may be a gradient', () => {
    const w = randn([40], { requiresGrad: true });
    scope(() => {
      w.square().sum().backward();
      return w.grad;
    });
    spoil();
    expect(w.grad!.toArray()).toEqual(w.mul(2).toArray());
  });
});

describe('what is left of a scope', () => {
  it.each([1, 3, 17, 1000])('is no tensor with %i numbers', (n) => {
    const x = randn([n]);
    const left: Tensor[] = [];
    scope(() => {
      left.push(
        x.add(1),
        full([n], 2),
        x.add(1).reshape([1, n]),
        x.add(1).detach(),
        x.clone(),
        x.cast('float64'),
      );
    });
    for (const y of left) {
      expect(() => y.toArray()).toThrow(gone);
      expect(() => y.data).toThrow(gone);
      expect(() => add(y, 1)).toThrow(gone);
      expect(() => y.sum()).toThrow(gone);
      expect(() => String(y)).toThrow(gone);
      expect(y.size).toBe(n);
    }
  });

  it('is whatever was there before, and views of that', () => {
    const x = randn([100]);
    let view: Tensor | undefined;
    scope(() => {
      view = x.reshape([10, 10]);
    });
    expect(view!.toArray()).toEqual(x.reshape([10, 10]).toArray());
  });

  it('is no gradient that was not returned, until it is set to null', () => {
    const w = randn([40], { requiresGrad: true });
    const run = (): void => w.square().sum().backward();
    scope(run);
    expect(() => w.grad!.toArray()).toThrow(gone);
    expect(run).toThrow(gone);
    w.grad = null;
    run();
    expect(w.grad!.toArray()).toEqual(w.mul(2).toArray());
  });

  it('is no graph', () => {
    const w = randn([40], { requiresGrad: true });
    const loss = scope(() => w.square().square().sum());
    expect(Number.isFinite(loss.item())).toBe(true);
    expect(() => loss.backward()).toThrow(gone);
  });

  it('is the npm ndarray of a tensor, which has numbers of its own', () => {
    const x = randn([1000]);
    const data = scope(() => {
      const y = x.mul(2);
      const seen = y.data;
      y.add(1);
      return { seen };
    }).seen;
    spoil();
    expect(data.get(999)).toBe(x.mul(2).toArray()[999 as never]);
  });

  it('is no memory, also after an error', () => {
    const before = marked();
    expect(() =>
      scope(() => {
        randn([5000]).exp();
        throw new Error('mine');
      }),
    ).toThrow('mine');
    expect(marked()).toBe(before);
    scope(() => randn([5000]).exp());
    expect(marked()).toBe(before);
  });
});

describe('scopes', () => {
  it('are one inside of the other', () => {
    const x = randn([100]);
    let left: Tensor | undefined;
    const result = scope(() => {
      const outer = x.add(1);
      const inner = scope(() => {
        left = outer.add(1);
        return outer.add(2);
      });
      expect(() => left!.toArray()).toThrow(gone);
      left = inner;
      return inner.add(outer);
    });
    spoil();
    expect(result.toArray()).toEqual(x.add(1).add(2).add(x.add(1)).toArray());
    expect(() => left!.toArray()).toThrow(gone);
  });

  it('refuse what is no function', () => {
    expect(() => scope(3 as never)).toThrow(
      'scope: what runs inside must be a function, got 3. Write scope(() => …).',
    );
  });

  it('refuse promises', async () => {
    const before = marked();
    expect(() => scope(async () => randn([100]).exp())).toThrow('scope: the function must be synchronous');
    expect(() => scope(() => Promise.reject(new Error('later')))).toThrow('must be synchronous');
    expect(marked()).toBe(before);
    await Promise.resolve();
  });

  it('may hold more than there is room for in the memory of WebAssembly', () => {
    const room = heap();
    const before = marked();
    // address space only: nothing is written there
    if (room) room.next = room.numbers.length * 4 - 2 ** 22;
    const x = randn([1000, 1000]);
    const found = scope(() => [1, 2, 3].map((k) => x.add(k)).map((y) => y.sub(x).sum().item()));
    if (room) room.next = before;
    for (const [k, sum] of found.entries()) expect(sum / 1e6).toBeCloseTo(k + 1, 4);
  });

  it('do not mind a change of kernels inside', () => {
    const before = kernels();
    const x = randn([1000]);
    const [y, z] = scope(() => {
      const first = x.mul(2);
      setKernels('js');
      const second = first.add(1);
      setKernels(before);
      return [second, second.mul(1)];
    });
    expect(y!.toArray()).toEqual(z!.toArray());
  });
});

/** Every kind of kernel, on a matrix and a line. */
const computations: Record<string, (x: Tensor, v: Tensor) => Tensor> = {
  add: (x, v) => x.add(v),
  exp: (x) => x.exp(),
  transposed: (x) => x.transpose().tanh(),
  column: (x) => x.mul(x.sum({ axis: 1, keepDims: true })),
  sums: (x) => x.sum(0),
  means: (x) => x.mean(1),
  largest: (x) => x.max(0),
  variance: (x) => x.variance(0),
  matmul: (x) => x.matmul(x.slice([0, 70]).transpose()),
  transposedMatmul: (x) => x.slice(null, [0, 70]).transpose().matmul(x),
  linear: (x, v) => x.matmul(v.reshape([-1, 1])),
  softmax: (x) => x.softmax(1),
  softmaxOfColumns: (x) => x.softmax(0),
  logSoftmax: (x) => x.logSoftmax(1),
  logSumExp: (x) => x.logSumExp(0),
  cumsum: (x) => x.cumsum(0),
  pad: (x) =>
    x.pad([
      [1, 2],
      [0, 3],
    ]),
  concat: (x) => concat([x, x.neg()], 1),
  gather: (x) => x.indexSelect(0, [0, 0]),
  sliced: (x) => x.slice(null, [null, null, -1]).mul(2),
  steps: (x) => x.floor().mul(x),
  convolution: (x) =>
    nn.conv1d(x.unsqueeze(1), x.slice([0, 2], [0, 2]).unsqueeze(1).mul(1), null, { padding: 1, stride: 2 }),
  largestOfWindows: (x) => nn.maxPool1d(x.unsqueeze(1), 2, { stride: 1, padding: 1 }),
  meansOfWindows: (x) => nn.avgPool1d(x.unsqueeze(1), 2, { padding: 1 }),
  embedding: (x) => nn.embedding(tensor([0, 0, -1 + x.shape[0]!], { dtype: 'int32' }), x, { paddingIdx: 0 }),
};

describe('inside of a scope', () => {
  it.each(Object.entries(computations))('%s and its gradient are as outside', (_, compute) => {
    fc.assert(
      fc.property(
        fc.constantFrom([1, 1], [2, 3], [5, 7], [17, 4], [67, 33], [130, 64], [2, 4099], [4099, 2]),
        fc.integer(),
        ([rows, cols], seed) => {
          manualSeed(seed);
          const x = randn([rows!, cols!], { requiresGrad: true });
          const v = randn([cols!]);
          const run = (): number[][] => {
            x.grad = null;
            const y = compute(x, v);
            y.mul(y).sum().backward();
            return [y, x.grad!].map((t) => t.reshape([-1]).toArray() as number[]);
          };
          const outside = run();
          spoil();
          expect(scope(run)).toEqual(outside);
        },
      ),
      { numRuns: 12 },
    );
  });

  const wrappers: Record<string, (inner: OptimizerLike) => OptimizerLike> = {
    'by itself': (inner) => inner,
    ema,
    swa,
    sam,
    lookahead: (inner) => lookahead(inner, { k: 2 }),
    accumulate: (inner) => accumulate(inner, 2),
  };
  const names = describeOptimizers().map(({ name }) => name as OptimizerName);

  it.each(Object.entries(wrappers))('every optimizer trains as outside, %s', (_, wrap) => {
    const trainedBy = (name: OptimizerName, around: <T>(fn: () => T) => T): unknown => {
      manualSeed(5);
      const model = new nn.Sequential(
        new nn.Linear(9, 20),
        new nn.BatchNorm1d(20),
        new nn.ReLU(),
        new nn.Dropout(0.2),
        new nn.Linear(20, 3),
      );
      let optimizer: OptimizerLike;
      try {
        optimizer = wrap(createOptimizer(name, model));
      } catch (refused) {
        return String(refused);
      }
      const x = randn([16, 9]);
      const y = tensor(
        Array.from({ length: 16 }, (_, i) => i % 3),
        { dtype: 'int32' },
      );
      const losses: number[] = [];
      for (let i = 0; i < 5; i++) {
        const loss = around(() =>
          optimizer.step(() => {
            optimizer.zeroGrad();
            const l = nn.crossEntropy(model.forward(x), y);
            l.backward();
            return l;
          }),
        );
        losses.push(loss.item());
        spoil();
      }
      const averages = noGrad(() => [...optimizer.averages().values()].map((t) => t.toArray()));
      return { losses, averages, weights: model.parameters().map((p) => p.toArray()) };
    };
    for (const name of names) {
      expect(trainedBy(name, scope), name).toEqual(trainedBy(name, (fn) => fn()));
    }
  });
});
