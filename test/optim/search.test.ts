import { describe, expect, it } from 'vitest';
import { NonFiniteError } from '../../src/core/errors.ts';
import { surfaces } from '../../src/inspect/index.ts';
import { Linear, mseLoss } from '../../src/nn/index.ts';
import { createOptimizer, defineOptimizer, LBFGS, type OptimizerOptions } from '../../src/optim/index.ts';
import { type Tensor, tensor } from '../../src/tensor/index.ts';
import reference from '../reference/lbfgs.json' with { type: 'json' };
import { messageOf } from '../support/errors.ts';

type Options = OptimizerOptions<typeof LBFGS.rule.defaults>;

const scalar = (x: number): Tensor => tensor(x, { dtype: 'float64', requiresGrad: true });

/** Two parameters in Rosenbrock's valley. */
function valley() {
  const params = [scalar(-1.2), scalar(1)] as const;
  const state = { looks: 0 };
  const look = (): Tensor => {
    state.looks++;
    for (const p of params) p.grad = null;
    const loss = surfaces.rosenbrock.f(...params);
    loss.backward();
    return loss;
  };
  return { params, state, look, point: () => params.map((p) => p.item()) };
}

const quadratic =
  (params: readonly Tensor[], scale = 1) =>
  (): Tensor => {
    for (const p of params) p.grad = null;
    const loss = params
      .map((p) => p.square().sum())
      .reduce((a, b) => a.add(b))
      .mul(scale);
    loss.backward();
    return loss;
  };

describe(`L-BFGS in Rosenbrock's valley goes the way of ${reference.generated}`, () => {
  for (const { options, steps } of reference.courses) {
    it(JSON.stringify(options), () => {
      const { params, state, look, point } = valley();
      const optimizer = new LBFGS([...params], options as Options);
      for (const [k, expected] of steps.entries()) {
        optimizer.step(look);
        expect(state.looks, `looks after step ${k + 1}`).toBe(expected.looks);
        for (const [i, x] of point().entries()) {
          expect(Math.abs(x - expected.point[i]!), `step ${k + 1}`).toBeLessThanOrEqual(1e-10);
        }
      }
    });
  }
});

describe('a step that searches', () => {
  it('returns what the closure returned first, and takes a promise for it in stepAsync', async () => {
    const [now, later] = [valley(), valley()];
    const first = new LBFGS([...now.params]).step(now.look);
    const second = await new LBFGS([...later.params]).stepAsync(async () => {
      await Promise.resolve();
      return later.look();
    });
    expect([first.item(), second.item()]).toEqual([24.2, 24.2].map((x) => expect.closeTo(x, 12)));
    expect(later.point()).toEqual(now.point());
    expect(later.state).toEqual(now.state);
  });

  it('is busy until its promise is', async () => {
    const { params, look } = valley();
    const optimizer = new LBFGS([...params]);
    const step = optimizer.stepAsync(async () => look());
    await Promise.resolve();
    expect(() => optimizer.step(look)).toThrow(
      'lbfgs.step: the step before must have ended, got one still under way. Await it.',
    );
    await step;
    optimizer.step(look);
    expect(optimizer.steps).toBe(2);
  });

  it('leaves everything as it was where the closure throws or gives no loss', () => {
    const { params, look, point, state } = valley();
    const optimizer = new LBFGS([...params]);
    optimizer.step(look);
    const [before, saved] = [point(), JSON.stringify(optimizer.stateDict())];
    const until = state.looks + 4;
    const broken = (result: () => Tensor) => (): Tensor => {
      const loss = look();
      return state.looks < until ? loss : result();
    };
    expect(() =>
      optimizer.step(
        broken(() => {
          throw new Error('out of data');
        }),
      ),
    ).toThrow('out of data');
    expect([point(), JSON.stringify(optimizer.stateDict()), optimizer.steps]).toEqual([before, saved, 1]);
    state.looks = until - 2;
    expect(() => optimizer.step(broken(() => 'loss' as never))).toThrow(
      'lbfgs.step: the closure must return the loss, a number or a tensor of one, got "loss". End it with `return loss;`.',
    );
    expect([point(), JSON.stringify(optimizer.stateDict()), optimizer.steps]).toEqual([before, saved, 1]);
    optimizer.step(look);
    expect(optimizer.steps).toBe(2);
  });

  it('is refused where a gradient on the way is not finite, or skipped, as nonFinite says', () => {
    for (const at of [1, 3]) {
      const { params, look, point, state } = valley();
      const poisoned = (): Tensor => {
        const loss = look();
        if (state.looks >= at) params[1].grad = tensor(Number.NaN, { dtype: 'float64' });
        return loss;
      };
      const strict = new LBFGS([...params], { nonFinite: 'error' });
      expect(messageOf(() => strict.step(poisoned), NonFiniteError)).toMatch(
        'lbfgs.step: every gradient must be finite, got NaN in that of 1 at [], 1 of 1 in all.',
      );
      expect(point()).toEqual([-1.2, 1]);
      state.looks = 0;
      const patient = new LBFGS([...params], { nonFinite: 'skip', report: true });
      patient.step(poisoned);
      expect([point(), patient.steps, patient.report!.skipped]).toEqual([[-1.2, 1], 0, true]);
    }
  });

  it('leaves parameters without a gradient and frozen ones, and begins anew once others take part', () => {
    const [a, b, c] = [1, 2, 3].map(scalar) as [Tensor, Tensor, Tensor];
    c.requiresGrad = false;
    const optimizer = new LBFGS([a, b, c], { lr: 0.5, maxIter: 1, weightDecay: 2 });
    optimizer.step(quadratic([a], 0));
    expect([a.item(), b.item(), c.item()]).toEqual([0.5, 2, 3]);
    c.requiresGrad = true;
    optimizer.step(quadratic([a, c], 0));
    // the 1-norm of the gradient (1, 0, 6) limits a first move
    expect([a.item(), b.item(), c.item()]).toEqual([0.5 - 0.5 / 7, 2, 3 - 3 / 7]);
    optimizer.zeroGrad();
    const saved = JSON.stringify(optimizer.stateDict());
    optimizer.step(() => 0);
    expect([a.item(), b.item(), c.item()]).toEqual([0.5 - 0.5 / 7, 2, 3 - 3 / 7]);
    expect(JSON.parse(saved).memory.move).toEqual([[-0.5 / 7, 0, -3 / 7].map((x) => expect.closeTo(x, 12))]);
    optimizer.addGroup({ params: [scalar(1)] });
    expect(optimizer.stateDict().memory!.move).toEqual([]);
  });

  it('finds the least squares of a layer in float32 at once', () => {
    const layer = new Linear(2, 1);
    const x = tensor([
      [0, 1],
      [1, 0],
      [1, 1],
      [2, 1],
    ]);
    const y = tensor([[-1], [3], [1], [3]]);
    const optimizer = createOptimizer('lbfgs', layer, { maxIter: 50, lineSearch: 'strongWolfe' });
    const loss = (): Tensor => mseLoss(layer.forward(x), y);
    optimizer.step(() => {
      optimizer.zeroGrad();
      const now = loss();
      now.backward();
      return now;
    });
    expect(loss().item()).toBeLessThan(1e-9);
    expect(layer.weight.toArray()).toEqual([[expect.closeTo(2, 3), expect.closeTo(-2, 3)]]);
  });

  it('sees weight decay as a part of the loss, group by group, and towards the first value', () => {
    const [a, b, c] = [4, 4, 4].map(scalar) as [Tensor, Tensor, Tensor];
    const optimizer = new LBFGS(
      [{ params: [a] }, { params: [b], weightDecay: 2 }, { params: [c], weightDecay: 2, towardInit: true }],
      { maxIter: 40, lineSearch: 'strongWolfe', toleranceChange: 0 },
    );
    optimizer.step(() => {
      for (const p of [a, b, c]) p.grad = null;
      const loss = [a, b, c].map((p) => p.sub(1).square()).reduce((sum, one) => sum.add(one));
      loss.backward();
      return loss;
    });
    // minima of (p − 1)², (p − 1)² + p² and (p − 1)² + (p − 4)²
    expect([a, b, c].map((p) => p.item())).toEqual([1, 0.5, 2.5].map((x) => expect.closeTo(x, 6)));
  });

  it('follows schedules, and climbs', () => {
    const p = scalar(1);
    const optimizer = new LBFGS([p], {
      maxIter: 1,
      maximize: true,
      schedules: { lr: (step) => [0.5, 0.25][step]! },
    });
    optimizer.step(quadratic([p], -0.25));
    expect(p.item()).toBe(1 - 0.5 * 0.5);
    optimizer.step(quadratic([p], -0.25));
    // the second direction is Newton's
    expect(p.item()).toBe(0.75 * 0.75);
  });

  it('runs on the host, and says why', async () => {
    const p = scalar(1);
    const optimizer = new LBFGS([p], { gpu: { mode: 'cpu' } });
    await optimizer.stepAsync(quadratic([p]));
    expect(optimizer.engines()).toEqual([
      { name: '0', engine: 'loop', why: 'the rule searches over all parameters together, on the host' },
    ]);
    expect(optimizer.engineOf(p)).toBe('loop');
  });

  it('tells the parts of all its directions', () => {
    const { params, look } = valley();
    const optimizer = new LBFGS([...params], { lr: 0.5, weightDecay: 0.25, explain: true, maxIter: 2 });
    optimizer.step(look);
    const { parts, change } = optimizer.explainStep('0');
    expect(Object.keys(parts)).toEqual(['gradient', 'decay', 'stepLength']);
    expect(parts.gradient).toBeCloseTo(0.5 * 215.6, 10);
    expect(parts.decay).toBeCloseTo(0.5 * 0.25 * 1.2, 10);
    expect(Object.values(parts).reduce((a, b) => a + b)).toBeCloseTo(change, 12);
    optimizer.step(look);
    expect(Object.keys(optimizer.explainStep('0').parts)).toContain('curvature');
  });

  it.each<[string, (p: Tensor) => unknown, string]>([
    [
      'no closure',
      (p) => new LBFGS([p]).step(),
      'lbfgs.step: a closure must be given, got none. A step looks at the loss more than once: step(() => { optimizer.zeroGrad(); …; loss.backward(); return loss; }).',
    ],
    [
      'a promise in step',
      (p) => new LBFGS([p]).step(async () => quadratic([p])()),
      'lbfgs.step: the closure must be synchronous, got one that returns a promise. Use `await optimizer.stepAsync(closure)`.',
    ],
    [
      'clipping',
      (p) => new LBFGS([p], { clipNorm: 1 }),
      "lbfgs: clipNorm must be left out, since the search needs the gradients of the loss as they are, got 1. Where steps are too far, set `lineSearch: 'strongWolfe'` or lower lr.",
    ],
    [
      'decoupled decay',
      (p) => new LBFGS([p], { decay: 'decoupled' }),
      'lbfgs: decay must be "coupled", got "decoupled".',
    ],
    ['thresholds', (p) => new LBFGS([p], { proximal: true }), 'lbfgs: proximal must be false, got true.'],
    [
      'groups that want to search on their own',
      (p) => new LBFGS([{ params: [p] }, { params: [scalar(1)], lr: 0.5 }]),
      'lbfgs: lr must be the same in all groups, got 1 in group 0 and 0.5 in group 1. The search goes over all parameters together.',
    ],
    [
      'a history of none',
      (p) => new LBFGS([p], { historySize: 0 }),
      'lbfgs: historySize must be a whole number ≥ 1, got 0.',
    ],
  ])('refuses %s', (_, fn, message) => {
    const p = scalar(3);
    expect(messageOf(() => fn(p))).toBe(message);
    expect(p.item()).toBe(3);
  });

  it('may measure the norm of gradients', () => {
    const p = scalar(3);
    const optimizer = new LBFGS([p], { clipNorm: { max: Infinity } });
    optimizer.step(quadratic([p]));
    expect(optimizer.gradNorm).toBe(6);
  });

  it('refuses a group that would not fit, and is left as it was', () => {
    const p = scalar(3);
    const optimizer = new LBFGS([p]);
    expect(() => optimizer.addGroup({ params: [scalar(1)], maxIter: 3 })).toThrow(
      'lbfgs: maxIter must be the same in all groups, got 20 in group 0 and 3 in group 1.',
    );
    expect(optimizer.groups).toHaveLength(1);
    optimizer.addGroup({ params: [scalar(1)], weightDecay: 1 });
    optimizer.groups[1]!.lr = 0.1;
    expect(() => optimizer.step(quadratic([p]))).toThrow('lbfgs.step: lr must be the same in all groups');
  });
});

describe('the memory of a search', () => {
  const trained = (): LBFGSOptimizer => {
    const { params, look } = valley();
    const optimizer = new LBFGS([...params], { maxIter: 4 });
    optimizer.step(look);
    return optimizer;
  };
  type LBFGSOptimizer = InstanceType<typeof LBFGS>;

  it('goes through JSON', () => {
    const [through, saved] = [valley(), valley()];
    const first = new LBFGS([...through.params], { lineSearch: 'strongWolfe', maxIter: 3 });
    const second = new LBFGS([...saved.params], { lineSearch: 'strongWolfe', maxIter: 3 });
    first.step(through.look);
    second.step(saved.look);
    const third = new LBFGS([...saved.params]);
    third.loadStateDict(JSON.parse(JSON.stringify(second.stateDict())));
    first.step(through.look);
    third.step(saved.look);
    expect(saved.point()).toEqual(through.point());
    expect(third.stateDict()).toEqual(first.stateDict());
  });

  it.each<[string, unknown, string]>([
    ['memory', undefined, 'lbfgs.loadStateDict: the state must have "memory", got '],
    ['scale', 'one', 'lbfgs.loadStateDict: memory scale must be a finite number, got "one".'],
    ['s', 3, 'lbfgs.loadStateDict: memory s must be a list of vectors, got 3.'],
    ['s', ['x'], 'lbfgs.loadStateDict: memory s[0] must be a tensor, got "x".'],
    [
      'move',
      [[1, 2, 3]],
      'lbfgs.loadStateDict: memory move[0] must have the shape [2], of all numbers together, got [3].',
    ],
    ['mvoe', [], 'lbfgs.loadStateDict: every option must be known, got "mvoe". Did you mean "move"?'],
  ])('is refused with a wrong %s', (name, value, message) => {
    const state = trained().stateDict();
    const { memory, ...rest } = state;
    const wrong = name === 'memory' ? rest : { ...state, memory: { ...memory, [name]: value } };
    const optimizer = trained();
    const before = JSON.stringify(optimizer.stateDict());
    expect(() => optimizer.loadStateDict(wrong as never)).toThrow(message);
    expect(JSON.stringify(optimizer.stateDict())).toBe(before);
  });
});

describe('a search of your own', () => {
  const base = { paper: 'https://example.org', defaults: { lr: 0.5 }, formula: {} };

  it('keeps what it returns', () => {
    const Twice = defineOptimizer({
      ...base,
      name: 'twice',
      initial: { count: 0, last: [] },
      *search({ x, g }, { count }, { lr }) {
        const half = yield x.map((xi, i) => xi - lr * g[i]!);
        return { x: half.x.map((xi, i) => xi - lr * half.g[i]!), memory: { count: count + 1, last: [g] } };
      },
    });
    const p = scalar(8);
    const optimizer = new Twice([p], { lr: 0.25 });
    optimizer.step(quadratic([p]));
    expect(p.item()).toBe(2);
    optimizer.step(quadratic([p]));
    expect(p.item()).toBe(0.5);
    const { memory } = optimizer.stateDict();
    expect([memory!.count, (memory!.last as Tensor[]).map((v) => v.toArray())]).toEqual([2, [[4]]]);
  });

  const wrong = (name: string, end: object, yielded?: unknown) =>
    defineOptimizer({
      ...base,
      name,
      initial: { count: 0, last: [] },
      *search() {
        if (yielded !== undefined) yield yielded as Float64Array;
        return end as never;
      },
    });
  const fine = { x: new Float64Array(1), memory: { count: 0, last: [] } };

  it.each<[object, unknown, string]>([
    [fine, [1], 'it must yield a Float64Array of all 1 numbers, got [1].'],
    [fine, new Float64Array(2), 'it must yield a Float64Array of all 1 numbers, got one of 2.'],
    [
      { ...fine, x: new Float32Array(1) },
      undefined,
      'it must return x: a Float64Array of all 1 numbers, got a Float32Array.',
    ],
    [{ x: fine.x }, undefined, 'memory count must be a number, got undefined.'],
    [{ ...fine, memory: { count: 1 } }, undefined, 'memory last must be a list of vectors, got undefined.'],
    [
      { ...fine, memory: { count: 1, last: [new Float64Array(3)] } },
      undefined,
      'it must return memory last: a Float64Array of all 1 numbers, got one of 3.',
    ],
  ])('is told where it goes wrong: %j', (end, yielded, message) => {
    const p = scalar(8);
    const optimizer = new (wrong('mine', end, yielded))([p]);
    expect(messageOf(() => optimizer.step(quadratic([p])))).toBe(
      `defineOptimizer("mine"), search: ${message}`,
    );
    expect([p.item(), optimizer.steps]).toEqual([8, 0]);
  });

  it('must say what it starts from', () => {
    expect(() =>
      defineOptimizer({
        ...base,
        name: 'mine',
        initial: { v: null },
        search: () => null as never,
      }),
    ).toThrow('defineOptimizer("mine"): initial v must be a number, or [] for a list of vectors, got null.');
  });
});
