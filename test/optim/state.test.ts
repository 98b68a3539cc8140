import { describe, expect, it } from 'vitest';
import { GradletError, ShapeError, ValueError } from '../../src/core/errors.ts';
import { Adam, NAdam, type OptimizerState, SGD } from '../../src/optim/index.ts';
import { type Tensor, tensor, zeros } from '../../src/tensor/index.ts';
import { stepBy } from './cases.ts';

const gradient = (p: Tensor, t: number): Tensor =>
  tensor(
    Array.from({ length: p.size }, (_, i) => Math.sin(3 * i + t * t)),
    { dtype: p.dtype },
  ).reshape(p.shape);

function steps(
  params: readonly Tensor[],
  optimizer: { step(closure: () => number): number },
  from: number,
  to: number,
): void {
  for (let t = from; t < to; t++) {
    stepBy(
      optimizer,
      params,
      params.map((p) => gradient(p, t)),
    );
  }
}

const parameters = (): Tensor[] => [
  tensor([1, -2, 3], { dtype: 'float64', requiresGrad: true }),
  tensor([[0.5], [-0.25]], { requiresGrad: true }),
];

describe('stateDict', () => {
  it('has one record per parameter, with what was needed so far and nothing else', () => {
    const [a, b] = parameters() as [Tensor, Tensor];
    const optimizer = new Adam([a, b], { lr: 0.1 });
    a.grad = gradient(a, 1);
    optimizer.step();
    const { optimizer: name, groups } = optimizer.stateDict();
    expect([name, groups.length, groups[0]!.settings.lr, groups[0]!.settings.amsgrad]).toEqual([
      'adam',
      1,
      0.1,
      false,
    ]);
    const [ofA, ofB] = groups[0]!.params;
    expect(Object.keys(ofA!.state).sort()).toEqual(['m', 'v']);
    expect([ofA!.t, ofA!.state.m!.dtype, ofA!.state.m!.shape]).toEqual([1, 'float64', [3]]);
    expect(ofB).toEqual({ t: 0, perStep: {}, state: {} });
  });

  it('is a copy', () => {
    const params = parameters();
    const optimizer = new SGD(params, { momentum: 0.9 });
    steps(params, optimizer, 1, 3);
    const saved = optimizer.stateDict();
    const text = JSON.stringify(saved.groups[0]!.params[0]!.state.m!.toArray());
    steps(params, optimizer, 3, 5);
    expect(JSON.stringify(saved.groups[0]!.params[0]!.state.m!.toArray())).toBe(text);
    const other = new SGD(params, { momentum: 0.9 });
    other.loadStateDict(saved);
    steps(params, other, 3, 5);
    expect(JSON.stringify(saved.groups[0]!.params[0]!.state.m!.toArray())).toBe(text);
  });

  it('keeps what perStep carries on', () => {
    const params = parameters();
    const optimizer = new NAdam(params);
    steps(params, optimizer, 1, 3);
    expect(optimizer.stateDict().groups[0]!.params[0]!.perStep).toMatchObject({
      product: expect.any(Number),
    });
  });

  it('goes on where an option asks for more state from now on', () => {
    const params = parameters();
    const optimizer = new Adam(params);
    steps(params, optimizer, 1, 3);
    optimizer.groups[0]!.amsgrad = true;
    steps(params, optimizer, 3, 4);
    expect(Object.keys(optimizer.stateDict().groups[0]!.params[0]!.state).sort()).toEqual(['m', 'v', 'vMax']);
  });
});

describe('loadStateDict refuses what does not fit, and changes nothing then', () => {
  const params = parameters();
  const optimizer = new Adam([{ params: [params[0]!] }, { params: [params[1]!], lr: 0.5 }]);
  steps(params, optimizer, 1, 4);
  const good = optimizer.stateDict();
  const before = JSON.stringify(good);
  const where = 'adam.loadStateDict';

  /** The state with something else at a path such as `groups.1.params`. */
  function withAt(path: string, value: unknown): OptimizerState {
    const put = (at: unknown, keys: string[]): unknown => {
      if (keys.length === 0) return value;
      const copy = (Array.isArray(at) ? [...at] : { ...(at as object) }) as Record<string, unknown>;
      copy[keys[0]!] = put(copy[keys[0]!], keys.slice(1));
      return copy;
    };
    return put(good, path.split('.')) as OptimizerState;
  }

  const [one, two] = good.groups as [OptimizerState['groups'][0], OptimizerState['groups'][0]];
  const knownSettings =
    'Known: weightDecay, l1, decay, proximal, towardInit, maximize, lr, beta1, beta2, eps, epsRoot, amsgrad.';

  it.each<[unknown, string]>([
    [null, `${where}: the state must be an object, got null.`],
    [{ groups: [] }, `${where}: the state must have "optimizer", got { groups }.`],
    [withAt('steps', -1), `${where}: steps must be a whole number ≥ 0, got -1.`],
    [withAt('observations', {}), `${where}: observations must be a list, got {  }.`],
    [
      withAt('observations', [{ step: 0.5, value: 1 }]),
      `${where}: step of observation 0 must be a whole number ≥ 0, got 0.5.`,
    ],
    [withAt('groups.1.bases', { lr: -1 }), `${where}, group 1, bases: lr must be in [0, ∞), got -1.`],
    [withAt('groups.1.bases', null), `${where}: the bases of group 1 must be an object, got null.`],
    [withAt('optimizer', 'sgd'), `${where}: the state must be that of "adam", got "sgd".`],
    [withAt('groups', [one]), `${where}: the state must have as many groups as the optimizer, 2, got 1.`],
    [withAt('groups', 'all'), `${where}: the state must have as many groups as the optimizer, 2, got "all".`],
    [withAt('groups.1', null), `${where}: group 1 must be an object, got null.`],
    [
      withAt('groups.1.params', [...one.params, ...two.params]),
      `${where}: the state must have as many parameters in group 1 as the optimizer, 1, got 2.`,
    ],
    [withAt('groups.1.settings.lr', -1), `${where}, group 1: lr must be in [0, ∞), got -1.`],
    [
      withAt('groups.1.settings.lrr', 1),
      `${where}: every option must be known, got "lrr". Did you mean "lr"? ${knownSettings}`,
    ],
    [
      withAt('groups.1.params.0.t', 1.5),
      `${where}, group 1, parameter 1: t must be a whole number ≥ 0, got 1.5.`,
    ],
    [
      withAt('groups.1.params.0.perStep', { bias1: 1, bias2: null }),
      `${where}, group 1, parameter 1: perStep bias2 must be a finite number or a boolean, got null.`,
    ],
    [
      withAt('groups.1.params.0.perStep', { bias1: 1 }),
      `${where}, group 1, parameter 1: perStep must have "bias2", got { bias1 }.`,
    ],
    [
      withAt('groups.1.params.0.state', null),
      `${where}, group 1, parameter 1: state must be an object, got null.`,
    ],
    [
      withAt('groups.1.params.0.state.w', zeros([2, 1])),
      `${where}, group 1, parameter 1: state must name what the rule keeps, got "w". Did you mean "m"? Known: p0, m, v, vMax, delta.`,
    ],
    [
      withAt('groups.1.params.0.state.m', [1, null]),
      `${where}, group 1, parameter 1: state m must be a tensor, got [1, null].`,
    ],
    [
      withAt('groups.1.params.0.state.m', zeros([1, 2])),
      `${where}, group 1, parameter 1: state m must have the shape [2, 1], got [1, 2]. ` +
        'Load it into an optimizer over the same model.',
    ],
  ])('%#', (state, expected) => {
    let thrown: unknown;
    try {
      optimizer.loadStateDict(state as OptimizerState);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(GradletError);
    expect((thrown as Error).message).toBe(expected);
    expect(thrown).toBeInstanceOf(expected.includes('shape') ? ShapeError : ValueError);
    expect(JSON.stringify(optimizer.stateDict())).toBe(before);
  });

  it('and takes the good one', () => {
    optimizer.loadStateDict(good);
    expect(JSON.stringify(optimizer.stateDict())).toBe(before);
  });
});
