import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { ShapeError, ValueError } from '../../../src/core/errors.ts';
import { lrFind, race } from '../../../src/inspect/index.ts';
import * as nn from '../../../src/nn/index.ts';
import { Adam, ASGD, createOptimizer, LBFGS, SGD, schedules } from '../../../src/optim/index.ts';
import {
  accumulate,
  ema,
  lookahead,
  type OptimizerLike,
  sam,
  swa,
  type WrapperState,
} from '../../../src/optim/wrappers/index.ts';
import { assign, type Tensor, tensor } from '../../../src/tensor/index.ts';
import { expectError, messageOf } from '../../support/errors.ts';
import { gradients, nested, numbers, parameters, train, wraps } from './cases.ts';

const scalar = (value: number, dtype: 'float32' | 'float64' = 'float64'): Tensor =>
  tensor([value], { dtype, requiresGrad: true });
const all = Object.entries(nested);

const gradient = (value: number): Tensor => tensor([value], { dtype: 'float64' });

/** One step by this gradient of every parameter. */
function step(optimizer: OptimizerLike, params: readonly Tensor[], g: number): void {
  optimizer.step(() => {
    for (const p of params) p.grad = gradient(g);
  });
}

describe.each(all)('%s', (name, wrap) => {
  it('is, to a training loop, what is inside', async () => {
    const [p, q] = [scalar(1), scalar(2)];
    const inner = new SGD([{ params: [p] }, { params: [q], lr: 0.5 }], {
      lr: 0.25,
      schedules: { lr: schedules.reduceOnPlateau({ patience: 0, factor: 0.5 }) },
    });
    const optimizer = wrap(inner);
    expect([optimizer.groups, optimizer.lr, optimizer.steps]).toEqual([inner.groups, 0.25, 0]);
    optimizer.lr = 1;
    expect(inner.groups.map(({ lr }) => lr)).toEqual([1, 1]);
    optimizer.observe(3);
    optimizer.observe(4);
    expect(optimizer.lr).toBe(0.5);
    p.grad = gradient(1);
    optimizer.zeroGrad();
    expect(p.grad).toBe(null);
    await optimizer.ready();
    await optimizer.sync();
  });

  it('takes the same steps with stepAsync', async () => {
    const [now, later] = [parameters(), parameters()];
    const course = train(wrap(new Adam(now)), now, 1, 8);
    const optimizer = wrap(new Adam(later));
    for (let t = 1; t < 8; t++) {
      const result = await optimizer.stepAsync(async () => {
        await Promise.resolve();
        gradients(later, t);
        return t;
      });
      expect(result).toBe(t);
    }
    expect([...numbers(later), ...numbers(optimizer.averages().values())]).toEqual(course.at(-1));
  });

  it('returns what the closure returns, and what it throws', () => {
    const p = scalar(1);
    const optimizer = wrap(new SGD([p]));
    expect(optimizer.step(() => 'loss')).toBe('loss');
    const failing = (): void => {
      throw new Error('no data');
    };
    expect(() => optimizer.step(failing)).toThrow('no data');
    expect(p.item()).toBe(1);
  });

  it('does not run a closure that returns a promise in step', () => {
    const p = scalar(1);
    const optimizer = wrap(new SGD([p]));
    expect(messageOf(() => optimizer.step(async () => 1))).toMatch(
      /^(sgd|sam|accumulate)\.step: the closure must be synchronous, got one that returns a promise\. Use `await optimizer\.stepAsync\(closure\)`\.$/,
    );
  });

  it('leaves parameters that are frozen or have no gradient', () => {
    const [moving, still, frozen] = [scalar(1), scalar(-0.1), scalar(0.1)];
    frozen.requiresGrad = false;
    frozen.grad = gradient(1);
    const optimizer = wrap(new SGD([moving, still, frozen], { lr: 0.1, weightDecay: 0.5 }));
    for (let t = 0; t < 7; t++) step(optimizer, [moving], 1);
    optimizer.flush();
    expect(moving.item()).toBeLessThan(0.9);
    expect([still.item(), frozen.item()]).toEqual([-0.1, 0.1]);
    for (const p of [still, frozen]) {
      const average = optimizer.averages().get(p);
      if (average) expect(average.item()).toBe(p.item());
    }
  });

  it('takes up what is added later', () => {
    const [p, q] = [scalar(1), scalar(5)];
    const inner = new SGD([p], { lr: 0.1 });
    const optimizer = wrap(inner);
    for (let t = 0; t < 5; t++) step(optimizer, [p], 1);
    inner.addGroup({ params: [q], lr: 1 });
    expect(optimizer.groups.length).toBe(2);
    for (let t = 0; t < 12; t++) {
      step(optimizer, [p, q], 1);
    }
    expect(q.item()).toBeLessThan(4);
    const averages = optimizer.averages();
    expect(averages.has(q)).toBe(averages.has(p));
    const copy = wrap(new SGD([{ params: [p] }, { params: [q] }]));
    copy.loadStateDict(optimizer.stateDict());
    expect(copy.stateDict()).toEqual(optimizer.stateDict());
  });

  it('changes views where they stand', () => {
    const views = parameters();
    const plain = views.map((p) => tensor(p, { requiresGrad: true }));
    expect(views[1]!.isContiguous).toBe(false);
    expect(train(wrap(new Adam(views, { lr: 0.1 })), views, 1, 12)).toEqual(
      train(wrap(new Adam(plain, { lr: 0.1 })), plain, 1, 12),
    );
    const whole = new Set(views[1]!.storage);
    expect(whole.has(9)).toBe(true);
  });

  it('keeps float32', () => {
    const params = parameters('float32');
    const optimizer = wrap(new Adam(params));
    train(optimizer, params, 1, 12);
    expect([...optimizer.averages().values()].every(({ dtype }) => dtype === 'float32')).toBe(true);
    for (const saved of optimizer.stateDict().params) expect(saved?.value.dtype ?? 'float32').toBe('float32');
  });

  it('puts parameters back after evaluating', async () => {
    const params = parameters();
    const optimizer = wrap(new Adam(params, { lr: 0.1 }));
    train(optimizer, params, 1, 12);
    const own = numbers(params);
    const averages = optimizer.averages();
    const expected = averages.size > 0 ? numbers(averages.values()) : own;
    expect(optimizer.withAverages(() => numbers(params))).toEqual(expected);
    expect(numbers(params)).toEqual(own);
    const throwing = (): never => {
      throw new Error('no data');
    };
    expect(() => optimizer.withAverages(throwing)).toThrow('no data');
    expect(numbers(params)).toEqual(own);
    let finish = (): void => undefined;
    const seen = optimizer.withAverages(async () => {
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      return numbers(params);
    });
    const mustEnd = /withAverages must have ended, got a call inside/;
    expect(messageOf(() => optimizer.step(() => 1))).toMatch(mustEnd);
    expect(messageOf(() => optimizer.flush())).toMatch(mustEnd);
    expect(messageOf(() => optimizer.loadStateDict(optimizer.stateDict()))).toMatch(mustEnd);
    await expect(optimizer.stepAsync()).rejects.toThrow(mustEnd);
    await expect(optimizer.flushAsync()).rejects.toThrow(mustEnd);
    finish();
    expect(await seen).toEqual(expected);
    expect(numbers(params)).toEqual(own);
    optimizer.applyAverages();
    expect(numbers(params)).toEqual(expected);
  });

  it('refuses a closure that leaves averages in place', async () => {
    const params = parameters();
    const optimizer = wrap(new Adam(params, { lr: 0.1 }));
    train(optimizer, params, 1, 12);
    const own = numbers(params);
    let evaluation: Promise<void> | undefined;
    const closure = (): void => {
      evaluation = optimizer.withAverages(async () => {});
    };
    expect(messageOf(() => optimizer.step(closure))).toMatch('withAverages must have ended');
    await evaluation;
    expect(numbers(params)).toEqual(own);
  });

  it('does nothing else while stepAsync is under way', async () => {
    const p = scalar(1);
    const optimizer = wrap(new SGD([p], { lr: 0.5 }));
    const outer = name.split(' ')[0]!;
    const under = optimizer.stepAsync(async () => {
      await Promise.resolve();
      p.grad = gradient(1);
    });
    const rest = 'the step before must have ended, got one still under way. Await it.';
    expect(messageOf(() => optimizer.step(() => 1))).toBe(`${outer}.step: ${rest}`);
    expect(messageOf(() => optimizer.flush())).toBe(`${outer}.flush: ${rest}`);
    expect(messageOf(() => optimizer.loadStateDict(optimizer.stateDict()))).toBe(
      `${outer}.loadStateDict: ${rest}`,
    );
    expect(messageOf(() => optimizer.withAverages(() => 1))).toBe(`withAverages: ${rest}`);
    await expect(optimizer.stepAsync(() => 1)).rejects.toThrow(`${outer}.step: ${rest}`);
    await under;
    await expect(optimizer.stepAsync(() => Promise.reject(new Error('no data')))).rejects.toThrow('no data');
    optimizer.step(() => 1);
  });

  it('trains in race and lrFind', () => {
    const x = tensor([[1], [2], [3], [4]]);
    const task = {
      build: () => {
        const model = new nn.Linear(1, 1);
        return { model, loss: (batch: Tensor) => model.forward(batch).sub(batch).square().mean() };
      },
      data: [x],
    };
    const wrapped = { name, create: (params: Tensor[]) => wrap(new SGD(params, { lr: 0.02 })) };
    const results = [...race({ ...task, entries: [wrapped], budget: { epochs: 30 } })];
    expect(results.at(-1)!.loss).toBeLessThan(results[0]!.loss);
    expect(lrFind({ ...task, optimizer: wrapped, steps: 60 }).lrs.length).toBeGreaterThan(30);
  });
});

describe('a step that the optimizer skips', () => {
  it.each(['ema', 'lookahead', 'swa'] as const)('does not count to %s', (name) => {
    const [p, q] = [scalar(1), scalar(1)];
    const wrap = (params: Tensor[]) => wraps[name](new SGD(params, { lr: 0.1, nonFinite: 'skip' }));
    const [with_, without] = [wrap([p]), wrap([q])];
    for (let t = 0; t < 9; t++) {
      step(with_, [p], t);
      step(with_, [p], t % 2 === 0 ? Number.NaN : Infinity);
      step(without, [q], t);
    }
    expect(with_.steps).toBe(9);
    expect(p.item()).toBe(q.item());
    expect(with_.stateDict()).toEqual(without.stateDict());
  });

  it('is none of an accumulation either, whose round is lost', () => {
    const p = scalar(1);
    const optimizer = accumulate(new SGD([p], { lr: 0.5, nonFinite: 'skip' }), 2);
    for (const g of [1, Number.NaN, 1, 3]) step(optimizer, [p], g);
    expect([p.item(), optimizer.steps]).toEqual([0, 1]);
  });
});

describe('lookahead', () => {
  it('starts from the parameters as they are before the first step, such as those of a loaded model', () => {
    const model = new nn.Linear(1, 1, { bias: false });
    const optimizer = lookahead(new SGD(model.parameters(), { lr: 1 }), { k: 1 });
    const slow = (): number => optimizer.averages().get(model.weight)!.item();
    expect(slow()).toBe(model.weight.item());
    model.loadStateDict({ weight: [[8]] });
    expect(slow()).toBe(8);
    model.weight.grad = tensor([[2]]);
    optimizer.step();
    expect([model.weight.item(), slow()]).toEqual([7, 7]);
  });

  it('leaves a parameter that was frozen on the way, and its slow weights', () => {
    const [p, q] = [scalar(4), scalar(4)];
    const optimizer = lookahead(new SGD([p, q], { lr: 1 }), { k: 2 });
    for (let t = 0; t < 4; t++) {
      q.requiresGrad = t === 0;
      step(optimizer, [p, q], 1);
    }
    expect([p.item(), q.item()]).toEqual([2, 3]);
    expect(numbers(optimizer.averages().values())).toEqual([2, 4]);
  });
});

describe('averages', () => {
  it('of what keeps none are those inside', () => {
    const p = scalar(4);
    const asgd = new ASGD([p], { lr: 0.5, lambd: 0, lrPower: 0, t0: 0 });
    const optimizer = sam(accumulate(asgd, 1));
    for (let t = 0; t < 3; t++) step(optimizer, [p], 2);
    expect(optimizer.averages().get(p)!.item()).toBe(1.5);
    expect(sam(new SGD([p])).averages().size).toBe(0);
  });

  it('of ema without warm-up and of swa begin with the first update', () => {
    const p = scalar(4);
    const sgd = new SGD([p], { lr: 1 });
    const [late, plain] = [swa(sgd, { start: 1 }), ema(sgd, { warmup: false })];
    expect([late.averages().size, plain.averages().size]).toEqual([0, 0]);
    expect([late, plain].map((one) => one.stateDict().params)).toEqual([[null], [null]]);
    expect(late.withAverages(() => p.item())).toBe(4);
    step(late, [p], 1);
    expect(late.averages().size).toBe(0);
    step(late, [p], 1);
    expect(late.averages().get(p)!.item()).toBe(2);
    step(plain, [p], 1);
    expect(plain.stateDict().params).toMatchObject([{ t: 1 }]);
    expect(plain.averages().get(p)!.item()).toBe(1);
  });

  it('follow all the way where nothing is left of the past, over any distance', () => {
    const p = scalar(1);
    const sgd = new SGD([p], { lr: 1 });
    const all = [ema(sgd, { decay: 0 }), lookahead(sgd, { k: 1, alpha: 1 })];
    for (const optimizer of all) step(optimizer, [p], 0);
    assign(p, Float64Array.of(1e-30));
    for (const optimizer of all) step(optimizer, [p], 0);
    expect(all.map((optimizer) => optimizer.averages().get(p)!.item())).toEqual([1e-30, 1e-30]);
  });

  it('and states are copies', () => {
    const p = scalar(4);
    const sgd = new SGD([p], { lr: 1 });
    for (const optimizer of [
      ema(sgd, { warmup: false }),
      swa(sgd),
      lookahead(sgd, { k: 1 }),
      accumulate(ema(sgd), 2),
    ]) {
      step(optimizer, [p], 1);
      const [averages, state] = [optimizer.averages(), optimizer.stateDict()];
      const text = JSON.stringify([[...averages.values()], state]);
      for (let t = 0; t < 3; t++) step(optimizer, [p], 1);
      expect(JSON.stringify([[...averages.values()], state])).toBe(text);
      expect(JSON.stringify(optimizer.stateDict())).not.toBe(JSON.stringify(state));
    }
  });

  it('of a parameter that was added later begin with it', () => {
    const [p, q] = [scalar(0), scalar(10)];
    const sgd = new SGD([p], { lr: 1 });
    const optimizer = swa(sgd);
    for (let t = 0; t < 4; t++) step(optimizer, [p], -1);
    sgd.addGroup({ params: [q] });
    for (let t = 0; t < 2; t++) step(optimizer, [q], 1);
    expect(numbers(optimizer.averages().values())).toEqual([3.5, 8.5]);
  });
});

describe('an optimizer that searches', () => {
  it.each(['ema', 'lookahead', 'swa', 'ema of lookahead'])(
    'gets the closure of %s, and its memory is saved',
    (name) => {
      const loss = (p: Tensor) => (): number => {
        const x = p.detach();
        p.grad = x.pow(3).sub(x);
        return x.pow(4).div(4).sub(x.square().div(2)).sum().item();
      };
      const start = [2, 0.3, -3];
      const make = (values: number[]) => {
        const p = tensor(values, { dtype: 'float64', requiresGrad: true });
        return { p, optimizer: nested[name]!(new LBFGS([p], { maxIter: 2 })) };
      };
      const through = make(start);
      expect(through.optimizer.step(loss(through.p))).toBeCloseTo(2 - 0.042975 + 15.75, 12);
      for (let t = 1; t < 4; t++) through.optimizer.step(loss(through.p));
      const state = JSON.parse(JSON.stringify(through.optimizer.stateDict()));
      const after = make(through.p.toArray() as number[]);
      after.optimizer.loadStateDict(state);
      for (let t = 4; t < 8; t++) for (const { p, optimizer } of [through, after]) optimizer.step(loss(p));
      expect(numbers(after.optimizer.averages().values())).toEqual(
        numbers(through.optimizer.averages().values()),
      );
      expect([through.p.toArray(), through.optimizer.steps]).toEqual([after.p.toArray(), 8]);
    },
  );
});

describe('printing', () => {
  it('shows options, and what is inside', () => {
    const optimizer = ema(accumulate(sam(swa(lookahead(new SGD([scalar(1)])))).inner, 4), { warmup: false });
    const lines = [
      'ema: decay 0.999, warmup false, every 1',
      'accumulate: n 4, mean true',
      'swa: start 0, every 1',
      'lookahead: k 5, alpha 0.5',
      `${new SGD([scalar(1)])}`,
    ];
    expect([String(optimizer), inspect(optimizer)]).toEqual([lines.join('\n'), lines.join('\n')]);
    expect(String(sam(new SGD([scalar(1)]), { rho: 1 }))).toMatch(
      'sam: rho 1, adaptive false, eps 1e-12\nsgd {',
    );
  });
});

describe('options', () => {
  const sgd = new SGD([scalar(1)]);
  const around = 'Put sam around it, sam(accumulate(optimizer, n)); a search needs all data at once.';

  it.each<[() => unknown, string]>([
    [() => lookahead(sgd, { k: 0 }), 'lookahead: k must be a whole number ≥ 1, got 0.'],
    [() => lookahead(sgd, { alpha: 0 }), 'lookahead: alpha must be in (0, 1], got 0.'],
    [() => lookahead(sgd, { alpha: 1.5 }), 'lookahead: alpha must be in (0, 1], got 1.5.'],
    [
      () => lookahead(sgd, { alfa: 1 } as object),
      'lookahead: every option must be known, got "alfa". Did you mean "alpha"? Known: k, alpha.',
    ],
    [() => ema(sgd, { decay: 1.5 }), 'ema: decay must be in [0, 1], got 1.5.'],
    [() => ema(sgd, { warmup: 5 as never }), 'ema: warmup must be true or false, got 5.'],
    [() => ema(sgd, { every: 0.5 }), 'ema: every must be a whole number ≥ 1, got 0.5.'],
    [
      () => ema(sgd, 0.999 as never),
      'ema: options must be an object, got 0.999. Known: decay, warmup, every.',
    ],
    [() => swa(sgd, { start: -1 }), 'swa: start must be a whole number ≥ 0, got -1.'],
    [() => swa(sgd, { every: 0 }), 'swa: every must be a whole number ≥ 1, got 0.'],
    [() => accumulate(sgd, 0), 'accumulate: n must be a whole number ≥ 1, got 0.'],
    [() => accumulate(sgd, undefined as never), 'accumulate: n must be a whole number ≥ 1, got undefined.'],
    [() => accumulate(sgd, 2, { mean: 1 as never }), 'accumulate: mean must be true or false, got 1.'],
    [
      () => accumulate(ema(sam(sgd)), 2),
      `accumulate: what is wrapped must step without a closure, got sam. ${around}`,
    ],
    [
      () => accumulate(new LBFGS([scalar(1)]), 2),
      `accumulate: what is wrapped must step without a closure, got lbfgs. ${around}`,
    ],
    [() => sam(ema(sam(sgd))), 'sam: what is wrapped must step without a closure, got sam.'],
    [() => sam(swa(new LBFGS([scalar(1)]))), 'sam: what is wrapped must step without a closure, got lbfgs.'],
    [() => sam(sgd, { rho: -1 }), 'sam: rho must be in [0, ∞), got -1.'],
    [() => sam(sgd, { eps: Infinity }), 'sam: eps must be in [0, ∞), got Infinity.'],
    [() => sam(sgd, { adaptive: 'yes' as never }), 'sam: adaptive must be true or false, got "yes".'],
    [
      () => ema(new nn.Linear(1, 1) as never),
      'ema: what is wrapped must be an optimizer, got a Linear. Make one with createOptimizer(name, model).',
    ],
    [
      () => swa(undefined as never),
      'swa: what is wrapped must be an optimizer, got undefined. Make one with createOptimizer(name, model).',
    ],
  ])('are checked (%#)', (make, message) => {
    expectError(make, ValueError, message);
  });

  it('that are undefined count as left out', () => {
    expect(String(lookahead(sgd, { k: undefined, alpha: 0.25 }))).toMatch(/^lookahead: k 5, alpha 0\.25\n/);
  });
});

describe('loadStateDict refuses what does not fit, and changes nothing then', () => {
  const params = parameters();
  const optimizer = ema(lookahead(new Adam(params)), { decay: 0.5 });
  train(optimizer, params, 1, 4);
  const good = optimizer.stateDict();
  const before = JSON.stringify(good);
  const [one, two] = good.params;
  const where = 'ema.loadStateDict';

  it.each<[unknown, string]>([
    [null, `${where}: the state must be an object, got null.`],
    [{ wrapper: 'ema' }, `${where}: the state must have "count", got { wrapper }.`],
    [swa(new Adam(params)).stateDict(), `${where}: the state must be that of "ema", got "swa".`],
    [good.inner, `${where}: the state must be that of "ema", got "lookahead".`],
    [new Adam(params).stateDict(), `${where}: the state must be that of "ema", got "adam".`],
    [{ ...good, count: -1 }, `${where}: count must be a whole number ≥ 0, got -1.`],
    [
      { ...good, extra: 1 },
      `${where}: every option must be known, got "extra". Known: wrapper, count, params, inner.`,
    ],
    [
      { ...good, params: [one] },
      `${where}: the state must have as many parameters as the optimizer, 2, got 1.`,
    ],
    [
      { ...good, params: null },
      `${where}: the state must have as many parameters as the optimizer, 2, got null.`,
    ],
    [{ ...good, params: [one, 3] }, `${where}, parameter 1: what is saved must be an object, got 3.`],
    [
      { ...good, params: [one, { ...two!, t: 0.5 }] },
      `${where}, parameter 1: t must be a whole number ≥ 0, got 0.5.`,
    ],
    [
      { ...good, params: [one, { ...two!, value: [[null, 1]] }] },
      `${where}, parameter 1: value must be a tensor, got [[null, 1]].`,
    ],
    [
      { ...good, params: [one, one] },
      `${where}, parameter 1: value must have the shape [2, 2], got [3]. Load it into an optimizer over the same model.`,
    ],
    [
      { ...good, params: [null, null], inner: new Adam(params).stateDict() },
      'lookahead.loadStateDict: the state must be that of "lookahead", got "adam".',
    ],
    [
      { ...good, inner: { ...good.inner, inner: good.inner } },
      'adam.loadStateDict: the state must be that of "adam", got "lookahead".',
    ],
    [
      {
        ...good,
        count: 7,
        inner: { ...good.inner, params: [null, null], inner: new SGD(params).stateDict() },
      },
      'adam.loadStateDict: the state must be that of "adam", got "sgd".',
    ],
  ])('%#', (state, message) => {
    const kind = message.includes('shape') ? ShapeError : ValueError;
    expectError(() => optimizer.loadStateDict(state as WrapperState), kind, message);
    expect(JSON.stringify(optimizer.stateDict())).toBe(before);
  });

  it('and takes the good one', () => {
    optimizer.loadStateDict(JSON.parse(before));
    expect(JSON.stringify(optimizer.stateDict())).toBe(before);
  });

  it('an optimizer refuses what belongs to a wrapper', () => {
    const adam = createOptimizer('adam', params);
    expectError(
      () => adam.loadStateDict(good as never),
      ValueError,
      'adam.loadStateDict: the state must be that of "adam", got "ema".',
    );
  });
});
