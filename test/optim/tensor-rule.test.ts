import { describe, expect, it } from 'vitest';
import { ShapeError } from '../../src/core/errors.ts';
import { defineOptimizer } from '../../src/optim/index.ts';
import { type Tensor, tensor, zeros } from '../../src/tensor/index.ts';
import { messageOf } from '../support/errors.ts';

const base = { paper: 'https://example.org', formula: {} };

/** Rows of a matrix share one second moment; vectors are left to plain lines. */
const RowScaled = defineOptimizer({
  ...base,
  name: 'rowScaled',
  defaults: { lr: 1, rho: 0.5 },
  perStep: (t, { rho }) => ({ bias: 1 - rho ** t }),
  initial: { v: (p) => zeros([p.shape[0]!, 1], { dtype: p.dtype as 'float64' }) },
  update: ({ g, v }, { rho, bias }) => {
    const next = v.mul(rho).add(
      g
        .square()
        .mean({ axis: 1, keepDims: true })
        .mul(1 - rho),
    );
    return { v: next, delta: g.div(next.div(bias).sqrt()) };
  },
  takes: (p) => p.ndim === 2,
  otherwise: {
    lines: { m: ({ g, m }: { g: number; m: number }) => g + m, delta: ({ m }: { m: number }) => m },
  },
});

const matrix = (): Tensor => {
  const p = tensor(
    [
      [1, 1],
      [2, 2],
    ],
    { dtype: 'float64', requiresGrad: true },
  );
  p.grad = tensor(
    [
      [3, 4],
      [0, 5],
    ],
    { dtype: 'float64' },
  );
  return p;
};
const rms = (a: number, b: number): number => Math.sqrt((a * a + b * b) / 2);

describe('a rule over whole tensors', () => {
  it('steps, keeps tensors of any shape, and leaves to its lines what it does not take', () => {
    const [p, q] = [matrix(), tensor([1], { dtype: 'float64', requiresGrad: true })];
    q.grad = tensor([0.25], { dtype: 'float64' });
    const optimizer = new RowScaled([p, q], { lr: 0.5 });
    optimizer.step();
    expect(p.toArray()).toEqual([
      [1 - 1.5 / rms(3, 4), 1 - 2 / rms(3, 4)].map((x) => expect.closeTo(x, 12)),
      [2, 2 - 2.5 / rms(0, 5)].map((x) => expect.closeTo(x, 12)),
    ]);
    optimizer.step();
    expect(q.item()).toBe(1 - 0.5 * 0.25 - 0.5 * 0.5);
    const [ofP, ofQ] = optimizer.stateDict().groups[0]!.params;
    expect([ofP!.state.v!.shape, ofP!.t, Object.keys(ofQ!.state)]).toEqual([[2, 1], 2, ['m']]);
    expect(optimizer.engineOf(p)).toBe('loop');
  });

  it('shares decay, clipping and maximize with all others', () => {
    const Plain = defineOptimizer({
      ...base,
      name: 'plain',
      defaults: { lr: 1 },
      update: ({ g }) => ({ delta: g }),
    });
    const Stepping = defineOptimizer({
      ...base,
      name: 'stepping',
      defaults: { lr: 1 },
      update: ({ g }, { lr }) => ({ step: g.mul(lr) }),
    });
    const Lines = defineOptimizer({
      ...base,
      name: 'lines',
      defaults: { lr: 1 },
      lines: { delta: ({ g }) => g },
    });
    for (const options of [
      { weightDecay: 0.1 },
      { weightDecay: 0.1, decay: 'decoupled', l1: 0.2 },
      { weightDecay: 0.1, l1: 0.2, towardInit: true, maximize: true },
      { l1: 0.2, proximal: true, clipNorm: 1 },
      { l1: 0.2, proximal: true, towardInit: true, clipValue: 2 },
    ] as const) {
      const courses = [Plain, Stepping, Lines].map((Kind) => {
        const p = matrix();
        const optimizer = new Kind([p], { lr: 0.5, ...options });
        for (let t = 0; t < 3; t++) optimizer.step();
        return p.toArray();
      });
      expect(courses[0]).toEqual(courses[2]);
      expect(courses[1]).toEqual(courses[2]);
    }
  });

  it('goes on from a saved state', () => {
    const [through, before] = [matrix(), matrix()];
    const long = new RowScaled([through]);
    for (let t = 0; t < 4; t++) long.step();
    const first = new RowScaled([before]);
    for (let t = 0; t < 2; t++) first.step();
    const second = new RowScaled([before]);
    const saved = JSON.parse(JSON.stringify(first.stateDict()));
    second.loadStateDict(saved);
    for (let t = 0; t < 2; t++) second.step();
    expect(before.toArray()).toEqual(through.toArray());
    saved.groups[0].params[0].state.v = [1, 2];
    expect(messageOf(() => second.loadStateDict(saved), ShapeError)).toBe(
      'rowScaled.loadStateDict, group 0, parameter 0: state v must have the shape [2, 1], got [2]. ' +
        'Load it into an optimizer over the same model.',
    );
  });

  it.each<[object, string]>([
    [
      { update: () => ({}) },
      'defineOptimizer("wrong"), update: it must return a tensor delta, got undefined.',
    ],
    [
      { update: ({ g }: { g: Tensor }) => ({ delta: g.sum() }) },
      'defineOptimizer("wrong"), update: delta must have the shape [2, 2], got [].',
    ],
    [
      { initial: { v: () => zeros([2]) }, update: ({ g }: { g: Tensor }) => ({ delta: g, v: zeros([3]) }) },
      'defineOptimizer("wrong"), update: v must have the shape [2], got [3].',
    ],
    [
      { initial: { v: () => zeros([2]) }, update: ({ g }: { g: Tensor }) => ({ delta: g }) },
      'defineOptimizer("wrong"), update: it must return a tensor v, got undefined.',
    ],
    [
      { initial: { g: () => zeros([2]) } },
      'defineOptimizer("wrong"): what is kept must have a name of its own, got "g", which every rule has.',
    ],
  ])('says what is wrong with it, and changes nothing (%#)', (rule, message) => {
    const [p, q] = [matrix(), matrix()];
    const run = (): void => {
      const all = { ...base, name: 'wrong', defaults: { lr: 1 }, initial: {}, update: () => ({}), ...rule };
      const Wrong = defineOptimizer(all as never) as unknown as typeof RowScaled;
      new Wrong([p, q]).step();
    };
    expect(messageOf(run, message.includes('shape') ? ShapeError : undefined)).toBe(message);
    expect(p.toArray()).toEqual(matrix().toArray());
  });
});

describe('a rule with norms', () => {
  const Ratio = defineOptimizer({
    name: 'ratio',
    paper: '',
    defaults: { lr: 1 },
    norms: { size: 'p', length: 'r' },
    lines: {
      r: ({ g }) => 2 * g,
      delta: ({ r }, { size, length }) => (length > 0 ? size / length : 0) * r,
    },
  });

  it('steps by a ratio of norms, for each parameter on its own', () => {
    const [p, q] = [matrix(), tensor([3, 4], { dtype: 'float64', requiresGrad: true })];
    q.grad = tensor([0, 1], { dtype: 'float64' });
    new Ratio([p, q]).step();
    const scale = Math.sqrt(10 / 50);
    expect(p.toArray()).toEqual([
      [1 - 3 * scale, 1 - 4 * scale].map((x) => expect.closeTo(x, 12)),
      [2, 2 - 5 * scale].map((x) => expect.closeTo(x, 12)),
    ]);
    expect(q.toArray()).toEqual([3, -1]);
  });

  it.each<[object, string]>([
    [
      { norms: { size: 'q' } },
      'norm size must be that of p, g or a line, got "q". Did you mean "p"? Known: p, g, r, delta.',
    ],
    [{ norms: { lr: 'p' } }, 'a norm cannot have the name of an option or scalar, got "lr".'],
    [
      { norms: { size: 'delta' } },
      'the norm size must be that of a line that reads no norm, got "delta", which reads size.',
    ],
  ])('is refused where it makes no sense (%#)', (rule, message) => {
    const lines = {
      r: ({ g }: { g: number }) => g,
      delta: ({ r }: { r: number }, { size }: { size: number }) => size * r,
    };
    expect(
      messageOf(() =>
        defineOptimizer({ name: 'mine', paper: '', defaults: { lr: 1 }, lines, ...rule } as never),
      ),
    ).toBe(`defineOptimizer("mine"): ${message}`);
  });
});

describe('lines behind the step', () => {
  it('see the new parameter, and an average may be kept', () => {
    const Averaged = defineOptimizer({
      name: 'averaged',
      paper: '',
      defaults: { lr: 1, rate: 0.5 },
      initial: { mean: ({ p }) => p },
      lines: {
        delta: ({ g }) => g,
        mean: ({ mean, next }, { rate }) => mean + rate * (next - mean),
      },
      average: ({ mean }) => mean,
    });
    const p = tensor([4, 8], { dtype: 'float64', requiresGrad: true });
    const optimizer = new Averaged([p]);
    expect(optimizer.averages()).toEqual(new Map());
    p.grad = tensor([2, 4], { dtype: 'float64' });
    optimizer.step();
    expect(p.toArray()).toEqual([2, 4]);
    expect(optimizer.withAverages(() => p.toArray())).toEqual([3, 6]);
    expect(p.toArray()).toEqual([2, 4]);
  });

  it('and only they', () => {
    const early = { lines: { m: ({ next }: { next: number }) => next, delta: ({ m }: { m: number }) => m } };
    expect(
      messageOf(() => defineOptimizer({ name: 'mine', paper: '', defaults: { lr: 1 }, ...early } as never)),
    ).toBe(
      'defineOptimizer("mine"): line m may take elements from its first parameter only, got "next". Known: p, g, pull, m, delta.',
    );
  });
});
