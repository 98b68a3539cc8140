import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ValueError } from '../../src/core/errors.ts';
import { DataLoader, TensorDataset } from '../../src/data/index.ts';
import * as nn from '../../src/nn/index.ts';
import { isGradEnabled, ones, type Tensor, tensor } from '../../src/tensor/index.ts';
import { expectClose, type Numbers } from '../support/close.ts';
import { expectError } from '../support/errors.ts';
import { Pair } from '../support/pair.ts';

/** What PyTorch computes, written and explained by test/reference/wrappers.py. */
const { generated, batchNorm } = JSON.parse(
  readFileSync(join(import.meta.dirname, '../reference/wrappers.json'), 'utf8'),
) as {
  readonly generated: string;
  readonly batchNorm: {
    readonly state: Readonly<Record<string, number[]>>;
    readonly batches: readonly number[][][];
    readonly updated: Readonly<Record<string, Numbers>>;
  };
};

const x = tensor([[1], [3]]);
const buffers = (module: nn.Module): unknown[] => module.buffers().map((buffer) => buffer.toArray());

describe(generated, () => {
  it('updateBatchNorm has the values of update_bn', () => {
    const dtype = 'float64';
    const norms = [
      new nn.BatchNorm(4, { momentum: 0.3, dtype }),
      new nn.BatchNorm(2, { momentum: null, dtype }),
    ];
    const [first, last] = norms as [nn.BatchNorm, nn.BatchNorm];
    const model = new nn.Sequential(
      new nn.Linear(3, 4, { dtype }),
      first,
      new nn.Tanh(),
      new nn.Linear(4, 2, { dtype }),
      last,
    );
    model.loadStateDict(batchNorm.state);
    nn.updateBatchNorm(
      model,
      batchNorm.batches.map((batch) => tensor(batch, { dtype })),
    );
    const found = new Map(model.namedBuffers());
    expect([...found.keys()]).toEqual(Object.keys(batchNorm.updated));
    for (const [name, values] of Object.entries(batchNorm.updated))
      expectClose(found.get(name)!, values, { what: name });
    expect(norms.map(({ momentum }) => momentum)).toEqual([0.3, null]);
  });
});

describe('updateBatchNorm', () => {
  it('takes tensors, lists that begin with one, what a loader gives, and functions', () => {
    const model = new nn.BatchNorm(1);
    const loader = new DataLoader(new TensorDataset(x, ones([2, 1])), { batchSize: 2 });
    for (const batches of [[x], new Set([[x, 'label']]), loader, () => model.forward(x)]) {
      model.loadStateDict(new nn.BatchNorm(1).stateDict());
      nn.updateBatchNorm(model, batches);
      expect(buffers(model)).toEqual([[2], [2], 1]);
    }
  });

  it('runs the model once, in training mode and without recording, and puts modes back', () => {
    const seen: unknown[] = [];
    class Watching extends nn.Module {
      forward(input: Tensor): Tensor {
        seen.push([this.training, isGradEnabled()]);
        return input;
      }
    }
    const model = new nn.Sequential(new Watching(), new nn.BatchNorm(1), new nn.Dropout(0.5));
    model.eval();
    model[1]!.train();
    nn.updateBatchNorm(model, [x, x]);
    expect(seen).toEqual([
      [true, false],
      [true, false],
    ]);
    expect(model.modules().map(({ training }) => training)).toEqual([false, false, true, false]);
    expect(model.parameters().every(({ grad }) => grad === null)).toBe(true);
  });

  it('gets rid of statistics that are NaN', () => {
    const model = new nn.BatchNorm(1);
    const spoilt = { running_mean: tensor([Number.NaN]), running_var: [-1], num_batches_tracked: 5 };
    model.loadStateDict(spoilt, { strict: false });
    nn.updateBatchNorm(model, [x]);
    expect(buffers(model)).toEqual([[2], [2], 1]);
  });

  it('leaves layers that no batch reaches, that stay in evaluation mode or track nothing', () => {
    class Frozen extends nn.BatchNorm {
      override train(): this {
        return super.train(false);
      }
    }
    const [used, unused] = [new nn.BatchNorm(1), new nn.BatchNorm(1)];
    const frozen = new Frozen(1).train();
    unused.forward(x);
    const before = [unused, frozen].map(buffers);
    const untracked = new nn.BatchNorm(1, { trackRunningStats: false });
    const chain = new nn.Sequential(untracked, frozen, used);
    nn.updateBatchNorm(new Pair(chain, unused), () => chain.forward(x));
    expect([unused, frozen].map(buffers)).toEqual(before);
    expect([unused.momentum, frozen.training]).toEqual([0.1, false]);
    expect(used.numBatchesTracked!.item()).toBe(1);
    // what came in was normalized by the statistics that the frozen layer has
    expect(used.runningVar!.item()).toBeCloseTo(2, 3);
  });

  it('does nothing without BatchNorm, and does not even look at the batches', () => {
    let read = 0;
    const batches = function* () {
      read++;
      yield x;
    };
    nn.updateBatchNorm(new nn.Linear(1, 1), batches());
    nn.updateBatchNorm(new nn.BatchNorm(1, { trackRunningStats: false }), batches());
    expect(read).toBe(0);
  });

  it('puts everything back after a throw', () => {
    const model = new nn.Sequential(new nn.BatchNorm(1, { momentum: 0.25 }), new nn.ReLU());
    model.forward(x);
    model.eval();
    const [before, modes] = [buffers(model), model.modules().map(({ training }) => training)];
    const unchanged = (): void => {
      expect(buffers(model)).toEqual(before);
      expect(model.modules().map(({ training }) => training)).toEqual(modes);
      expect((model[0] as nn.BatchNorm).momentum).toBe(0.25);
      expect(isGradEnabled()).toBe(true);
    };
    const batches = function* () {
      yield x;
      throw new Error('no data');
    };
    expect(() => nn.updateBatchNorm(model, batches())).toThrow('no data');
    unchanged();
    const used =
      'What a generator function returns can be used only once: pass a DataLoader or an array of batches.';
    for (const nothing of [[], () => undefined]) {
      expectError(
        () => nn.updateBatchNorm(model, nothing),
        ValueError,
        `updateBatchNorm: at least one batch must reach a BatchNorm, got none. ${used}`,
      );
      unchanged();
    }
    for (const [batch, shown] of [
      [3, '3'],
      [[], '[]'],
      [{ input: x }, '{ input }'],
    ] as const) {
      expectError(
        () => nn.updateBatchNorm(model, [x, batch as never]),
        ValueError,
        `updateBatchNorm: a batch must be a tensor or a list that begins with one, got ${shown}. For a model that takes something else pass a function that runs it.`,
      );
      unchanged();
    }
    expectError(
      () => nn.updateBatchNorm(model, async () => model.forward(x)),
      ValueError,
      'noGrad: the function must be synchronous, got one that returns a promise. Put every await outside, and noGrad around the computations between them.',
    );
    unchanged();
  });

  it.each([
    [x, 'a Tensor'],
    [null, 'null'],
    [{ batches: [x] }, '{ batches }'],
  ])('refuses what is no list of batches (%#)', (batches, shown) => {
    expectError(
      () => nn.updateBatchNorm(new nn.BatchNorm(1), batches as never),
      ValueError,
      `updateBatchNorm: batches must be a list or a function, got ${shown}. Pass a DataLoader or an array of batches.`,
    );
  });

  it('refuses what is no model', () => {
    expectError(
      () => nn.updateBatchNorm([x] as never, [x]),
      ValueError,
      'updateBatchNorm: the model must be a module, got [a Tensor].',
    );
  });
});
