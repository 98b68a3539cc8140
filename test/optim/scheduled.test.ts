import { describe, expect, it } from 'vitest';
import { createOptimizer, SGD, schedules } from '../../src/optim/index.ts';
import { type Tensor, tensor } from '../../src/tensor/index.ts';
import { messageOf } from '../support/errors.ts';

const parameter = (value = 0): Tensor => {
  const p = tensor([value], { dtype: 'float64', requiresGrad: true });
  p.grad = tensor([1], { dtype: 'float64' });
  return p;
};
const halving = schedules.exponential(0.5);

describe('schedules of an optimizer', () => {
  it('change an option from step to step, and groups show what counts next', () => {
    const p = parameter();
    const optimizer = new SGD([p], { lr: 4, schedules: { lr: halving } });
    expect([optimizer.lr, optimizer.steps]).toEqual([4, 0]);
    optimizer.step();
    expect([p.item(), optimizer.lr, optimizer.steps]).toEqual([-4, 2, 1]);
    optimizer.step();
    expect([p.item(), optimizer.lr, optimizer.steps]).toEqual([-6, 1, 2]);
  });

  it('start from each group’s own value, and may be another for a group', () => {
    const [a, b, c] = [parameter(), parameter(), parameter()];
    const params = [
      ['a', a],
      ['b', b],
      ['c', c],
    ] as const;
    const optimizer = new SGD(params, {
      lr: 4,
      schedules: { lr: halving, weightDecay: undefined },
      groups: [
        { match: 'b', lr: 8 },
        { match: 'c', schedules: { lr: schedules.lambda((t) => 1 + t), momentum: (t) => t / 10 } },
      ],
    });
    for (let t = 0; t < 2; t++) optimizer.step();
    expect(optimizer.groups.map(({ lr, momentum }) => [lr, momentum])).toEqual([
      [2, 0],
      [12, 0.2],
      [1, 0],
    ]);
    expect(optimizer.describeGroups()).toContain(
      'group 1, matches "c": lr 12 (by a schedule), momentum 0.2 (by a schedule)',
    );
  });

  it('go on from a value that is written', () => {
    const optimizer = new SGD([parameter()], { lr: 4, schedules: { lr: halving } });
    optimizer.step();
    optimizer.lr = 100;
    optimizer.step();
    expect(optimizer.lr).toBe(25);
    optimizer.groups[0]!.lr = 8;
    expect(optimizer.stateDict().groups[0]).toMatchObject({ bases: { lr: 8 } });
    optimizer.step();
    expect(optimizer.lr).toBe(1);
  });

  it('hear what is observed at once', () => {
    const optimizer = new SGD([parameter()], {
      lr: 1,
      schedules: { lr: schedules.reduceOnPlateau({ patience: 0 }) },
    });
    for (const loss of [3, 2]) {
      optimizer.step();
      optimizer.observe(loss);
    }
    expect(optimizer.lr).toBe(1);
    optimizer.observe(2);
    expect(optimizer.lr).toBe(0.1);
    expect(messageOf(() => optimizer.observe(tensor(2) as never))).toBe(
      'sgd.observe: what is reported must be a number, got a Tensor.',
    );
  });

  it('do not move where a step is skipped', () => {
    const p = parameter();
    const optimizer = new SGD([p], { lr: 4, schedules: { lr: halving }, nonFinite: 'skip' });
    p.grad = tensor([NaN], { dtype: 'float64' });
    optimizer.step();
    expect([optimizer.lr, optimizer.steps]).toEqual([4, 0]);
  });

  it('move with stepAsync and with parameters that have no gradient, too', async () => {
    const p = parameter();
    p.grad = null;
    const optimizer = new SGD([p], { lr: 4, schedules: { lr: halving } });
    await optimizer.stepAsync();
    expect(optimizer.lr).toBe(2);
  });

  it('are for groups that are added later as well', () => {
    const optimizer = new SGD([parameter()], { lr: 4, schedules: { lr: halving } });
    optimizer.step();
    optimizer.addGroup({ params: [parameter()], lr: 16 });
    expect(optimizer.groups.map(({ lr }) => lr)).toEqual([2, 8]);
  });

  it.each<[object, string]>([
    [
      { nesterov: halving },
      'sgd: a schedule must be of a number, got "nesterov". Known: weightDecay, l1, lr, momentum, dampening.',
    ],
    [
      { rl: halving },
      'sgd: a schedule must be of a number, got "rl". Did you mean "l1"? Known: weightDecay, l1, lr, momentum, dampening.',
    ],
    [{ lr: 0.5 }, 'sgd: the schedule of lr must be a function, got 0.5.'],
  ])('are checked (%#)', (wrong, message) => {
    expect(messageOf(() => new SGD([parameter()], { schedules: wrong }))).toBe(message);
  });

  it('that leave the range are noticed before anything moves', () => {
    const p = parameter();
    const optimizer = new SGD([p], { lr: 1, schedules: { lr: (t) => 1 - t } });
    optimizer.step();
    optimizer.step();
    expect(messageOf(() => optimizer.step())).toBe(
      'sgd.step, the schedule of lr: lr must be in [0, ∞), got -1.',
    );
    expect(p.item()).toBe(-1);
  });
});

describe('a saved state', () => {
  const create = (p: Tensor) =>
    createOptimizer('sgd', [p], {
      lr: 4,
      momentum: 0.5,
      schedules: { lr: schedules.chained(halving, schedules.reduceOnPlateau({ patience: 1, factor: 0.5 })) },
    });
  const losses = [5, 4, NaN, 4, 4, 3, 3, 3];
  const train = (p: Tensor, optimizer: ReturnType<typeof create>, from: number, to: number): void => {
    for (let t = from; t < to; t++) {
      p.grad = tensor([Math.sin(t)], { dtype: 'float64' });
      optimizer.step();
      optimizer.observe(losses[t]!);
    }
  };

  it('goes on with its schedules, also by way of JSON', () => {
    const [through, before] = [parameter(), parameter()];
    const long = create(through);
    train(through, long, 0, 8);
    const first = create(before);
    train(before, first, 0, 4);
    const second = create(before);
    second.loadStateDict(JSON.parse(JSON.stringify(first.stateDict())));
    expect([second.steps, second.lr]).toEqual([4, first.lr]);
    train(before, second, 4, 8);
    expect([before.item(), second.lr]).toEqual([through.item(), long.lr]);
  });

  it('of an optimizer without schedules gives what the schedules of this one start from', () => {
    const p = parameter();
    const optimizer = new SGD([p], { lr: 1, schedules: { lr: halving } });
    const plain = new SGD([p], { lr: 16 });
    for (let t = 0; t < 2; t++) plain.step();
    optimizer.loadStateDict(plain.stateDict());
    expect(optimizer.lr).toBe(4);
    const back = new SGD([p], { lr: 1 });
    back.loadStateDict(optimizer.stateDict());
    expect([back.lr, back.steps]).toEqual([4, 2]);
  });
});
