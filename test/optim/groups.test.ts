import { describe, expect, it } from 'vitest';
import * as nn from '../../src/nn/index.ts';
import { AdamW, createOptimizer, type Selector, SGD } from '../../src/optim/index.ts';
import { type Tensor, tensor } from '../../src/tensor/index.ts';
import { messageOf } from '../support/errors.ts';

class Block extends nn.Module {
  norm = new nn.LayerNorm(3);
  linear = new nn.Linear(3, 3);
  forward(): void {}
}

class Model extends nn.Module {
  blocks = [new Block(), new Block()];
  head = new nn.Linear(3, 2);
  scale = new nn.Parameter([1]);
  forward(): void {}
}

const model = new Model();
const nameOf = new Map(model.namedParameters().map(([name, p]) => [p, name]));
const namesIn = (params: readonly Tensor[]): string[] => params.map((p) => nameOf.get(p)!);

const namesOf = (match: Selector): string[] => {
  const { groups } = new SGD(model, { groups: [{ match, lr: 0.5 }] });
  return namesIn(groups[0]!.params);
};

const allBiases = [
  'blocks.0.norm.bias',
  'blocks.0.linear.bias',
  'blocks.1.norm.bias',
  'blocks.1.linear.bias',
  'head.bias',
];
const norms = ['blocks.0.norm.weight', 'blocks.0.norm.bias', 'blocks.1.norm.weight', 'blocks.1.norm.bias'];

describe('a selector', () => {
  it.each<[string, Selector, string[]]>([
    ['** for any number of parts', '**.bias', allBiases],
    ['** for none', '**.scale', ['scale']],
    ['** at the end', 'head.**', ['head.weight', 'head.bias']],
    ['* for one part', 'blocks.*.linear.bias', ['blocks.0.linear.bias', 'blocks.1.linear.bias']],
    ['* for some of a part', 'blocks.1.*n*.bias', ['blocks.1.norm.bias', 'blocks.1.linear.bias']],
    ['a whole name, not a part of it', 'scale', ['scale']],
    ['a regular expression', /norm\.(weight|bias)$/g, norms],
    ['a class', nn.LayerNorm, norms],
    [
      'a class of modules within modules',
      Block,
      namesIn(model.blocks.flatMap((block) => block.parameters())),
    ],
    ['a module', model.head, ['head.weight', 'head.bias']],
    ['a parameter', model.scale, ['scale']],
    ['a function', (name, p) => p.ndim === 1 && name.startsWith('head'), ['head.bias']],
    ['a list', ['scale', model.head], ['scale', 'head.weight', 'head.bias']],
  ])('may be %s', (_, match, expected) => {
    expect(namesOf(match)).toEqual(expected);
  });

  it('takes dots and other signs literally', () => {
    const params = [
      ['a+b', tensor([1], { requiresGrad: true })],
      ['aab', tensor([1], { requiresGrad: true })],
    ] as const;
    const { groups } = new SGD(params, { groups: [{ match: 'a+b', lr: 1 }] });
    expect(groups[0]!.params).toEqual([params[0][1]]);
  });

  const known = [...nameOf.values()].join(', ');
  it.each<[unknown, string]>([
    [
      [{ match: '**.bais' }],
      `sgd, groups[0]: match must select a parameter, got "**.bais", which selects none. Known: ${known}.`,
    ],
    [
      [{ match: 'head' }],
      `sgd, groups[0]: match must select a parameter, got "head", which selects none. Known: ${known}.`,
    ],
    [
      [{ match: 'heat.bias' }],
      `sgd, groups[0]: match must select a parameter, got "heat.bias", which selects none. Did you mean "head.bias"? Known: ${known}.`,
    ],
    [
      [{ match: '**.bias' }, { match: ['scale', nn.BatchNorm] }],
      `sgd, groups[1]: match must select a parameter, got BatchNorm, which selects none. Known: ${known}.`,
    ],
    [
      [{ match: [] }],
      'sgd, groups[0]: match must be a name pattern, a class, a module, a parameter, a function or a list of them, got [].',
    ],
    [
      [{ match: 3 }],
      'sgd, groups[0]: match must be a name pattern, a class, a module, a parameter, a function or a list of them, got 3.',
    ],
    [
      [{ match: '**.bias' }, { match: nn.LayerNorm }],
      'sgd, groups[1]: a parameter must be matched once, got blocks.0.norm.bias, which "**.bias" matches and LayerNorm, too. ' +
        'Narrow one of them, or join them: match: [a, b].',
    ],
    [{ match: '**.bias' }, 'sgd: groups must be a list of { match, … }, got { match }.'],
    [[{ lr: 1 }], 'sgd, groups[0]: a group must be an object { match, … }, got { lr }.'],
    [[null], 'sgd, groups[0]: a group must be an object { match, … }, got null.'],
    [
      [{ match: 'scale', momentun: 1 }],
      'sgd, a group: every option must be known, got "momentun". Did you mean "momentum"? ' +
        'Known: weightDecay, l1, decay, proximal, towardInit, maximize, lr, momentum, dampening, nesterov, schedules.',
    ],
    [[{ match: 'scale', lr: -1 }], 'sgd: lr must be in [0, ∞), got -1.'],
  ])('must select, and only once (%#)', (groups, expected) => {
    expect(messageOf(() => new SGD(model, { groups: groups as [] }))).toBe(expected);
  });

  it('is not for parameters that come in groups already', () => {
    expect(messageOf(() => new SGD([{ params: model }], { groups: [{ match: 'scale' }] }))).toBe(
      'sgd: there must be one list of groups, got groups { params, … } and `groups`. Pass the model as it is, and select by `groups`.',
    );
  });
});

describe('groups by selection', () => {
  it('come in the order given, and then what is left; options left out are the optimizer’s', () => {
    const optimizer = createOptimizer('adamw', model, {
      lr: 0.1,
      weightDecay: 0.5,
      groups: [
        { match: ['**.bias', '**.norm.*', 'scale'], weightDecay: 0 },
        { match: 'head.weight', lr: 0.3, l1: 0.25 },
      ],
    });
    const options = optimizer.groups.map(({ lr, weightDecay, l1 }) => [lr, weightDecay, l1]);
    expect(options).toEqual([
      [0.1, 0, 0],
      [0.3, 0.5, 0.25],
      [0.1, 0.5, 0],
    ]);
    expect(namesIn(optimizer.groups[2]!.params)).toEqual([
      'blocks.0.linear.weight',
      'blocks.1.linear.weight',
    ]);
    expect(optimizer.describeGroups()).toBe(`group 0, matches ["**.bias", "**.norm.*", "scale"]: weightDecay 0
  scale [1]
  blocks.0.norm.weight [3]
  blocks.0.norm.bias [3]
  blocks.0.linear.bias [3]
  blocks.1.norm.weight [3]
  blocks.1.norm.bias [3]
  blocks.1.linear.bias [3]
  head.bias [2]
group 1, matches "head.weight": l1 0.25, lr 0.3
  head.weight [2, 3]
group 2, matches no other group
  blocks.0.linear.weight [3, 3]
  blocks.1.linear.weight [3, 3]`);
  });

  it('may select everything', () => {
    expect(new SGD(model, { groups: [{ match: '**' }] }).groups.length).toBe(1);
  });
});

describe('parameters have names', () => {
  const p = (): Tensor => tensor([1], { requiresGrad: true });

  it('from a model, from pairs, or else their place', () => {
    const [a, b, c] = [p(), p(), p()];
    const optimizer = new AdamW([{ params: [a] }, { params: [['b', b]] }, { params: [c], lr: 1 }]);
    expect(optimizer.describeGroups()).toBe(
      'group 0, given as a group\n  0 [1]\ngroup 1, given as a group\n  b [1]\ngroup 2, given as a group: lr 1\n  2 [1]',
    );
    expect(new SGD(new nn.Linear(1, 1)).describeGroups()).toBe('group 0, all\n  weight [1, 1]\n  bias [1]');
    expect(new SGD(model.head.namedParameters()).describeGroups()).toContain('  bias [2]');
  });

  it('a group may be a model, also when it is added later', () => {
    const optimizer = new SGD(model.head);
    optimizer.addGroup({ params: new nn.Linear(1, 1), lr: 0.5 });
    expect(optimizer.groups.map(({ params }) => params.length)).toEqual([2, 2]);
    expect(messageOf(() => optimizer.addGroup(undefined as never))).toBe(
      'sgd: a group must be an object { params, … }, got undefined.',
    );
  });
});
