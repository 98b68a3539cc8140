import { describe, expect, it } from 'vitest';
import { ValueError } from '../../src/core/errors.ts';
import { Generator } from '../../src/core/random.ts';
import * as nn from '../../src/nn/index.ts';
import { ones, type Tensor, tensor, zeros } from '../../src/tensor/index.ts';
import { Pair } from '../support/pair.ts';

describe('stateDict and loadStateDict', () => {
  const build = (): nn.Sequential =>
    new nn.Sequential(new nn.Linear(4, 3), new nn.BatchNorm1d(3), new nn.ReLU(), new nn.LayerNorm(3));

  it('have PyTorch’s keys and shapes', () => {
    const state = build().stateDict();
    expect(Object.fromEntries(Object.entries(state).map(([key, t]) => [key, t.shape]))).toEqual({
      '0.weight': [3, 4],
      '0.bias': [3],
      '1.weight': [3],
      '1.bias': [3],
      '1.running_mean': [3],
      '1.running_var': [3],
      '1.num_batches_tracked': [],
      '3.weight': [3],
      '3.bias': [3],
    });
    expect(state['1.num_batches_tracked']!.dtype).toBe('int32');
  });

  it('carry everything from one model to another', () => {
    const trained = build();
    for (let i = 0; i < 3; i++)
      trained.forward(
        tensor([
          [1, 2, 3, 4],
          [i, 5, -1, 0],
        ]),
      );
    const fresh = build();
    expect(fresh.loadStateDict(trained.stateDict())).toEqual({ missingKeys: [], unexpectedKeys: [] });
    const x = tensor([[0.5, -1, 2, 0]]);
    expect(fresh.eval().forward(x).toArray()).toEqual(trained.eval().forward(x).toArray());
  });

  it('copy: neither side sees what the other writes', () => {
    const model = build();
    const state = model.stateDict();
    nn.init.zeros(state['0.weight']!);
    expect((model[0] as nn.Linear).weight.abs().sum().item()).toBeGreaterThan(0);
    nn.init.ones((model[0] as nn.Linear).bias!);
    expect(state['0.bias']!.toArray()).not.toEqual([1, 1, 1]);
    expect(Object.values(state).some((t) => t.requiresGrad)).toBe(false);
  });

  it('keep the model’s tensors and their dtype', () => {
    const model = new nn.Linear(1, 1);
    const { weight } = model;
    model.loadStateDict({
      weight: tensor([[0.5]], { dtype: 'float64' }),
      bias: tensor([2], { dtype: 'int32' }),
    });
    expect(model.weight).toBe(weight);
    expect([weight.dtype, weight.toArray(), model.bias!.toArray()]).toEqual(['float32', [[0.5]], [2]]);
  });

  it('say in one error all that is wrong, and write nothing', () => {
    const model = build();
    const before = model.stateDict();
    const { '0.bias': _, ...rest } = build().stateDict();
    const state = {
      ...rest,
      '0.weight': zeros([4, 3]),
      '1.bias': 'seven' as never,
      extra: zeros([1]),
      more: zeros([1]),
    };
    const problems = 'shape [4, 3] for 0.weight of shape [3, 4]; "seven" for the tensor 1.bias';
    const remedy = 'Pass { strict: false } to load what is there and leave out the rest.';
    expect(() => model.loadStateDict(state)).toThrow(
      new ValueError(
        'loadStateDict',
        'the state must fit the Sequential',
        `no 0.bias; the unknown extra, more; ${problems}`,
        remedy,
      ),
    );
    expect(() => model.loadStateDict(state, { strict: false })).toThrow(
      new ValueError('loadStateDict', 'the state must fit the Sequential', problems),
    );
    expect(String(Object.values(model.stateDict()))).toBe(String(Object.values(before)));
  });

  it('go through JSON without losing a digit, in float64 too', () => {
    const [model, copy] = [1, 2].map((seed) => {
      const generator = new Generator(seed);
      return new nn.Sequential(
        new nn.Linear(3, 2, { dtype: 'float64', generator }),
        new nn.BatchNorm(2, { dtype: 'float64' }),
      );
    }) as [nn.Sequential, nn.Sequential];
    copy.loadStateDict(JSON.parse(JSON.stringify(model.stateDict())));
    expect(JSON.stringify(copy.stateDict())).toBe(JSON.stringify(model.stateDict()));
    expect(() => copy.loadStateDict({ '1.bias': [1, null] as never }, { strict: false })).toThrow(
      new ValueError('loadStateDict', 'the state must fit the Sequential', '[1, null] for the tensor 1.bias'),
    );
  });

  it('may swap the tensors of the model they are loaded into', () => {
    const model = new nn.Sequential(
      new nn.Linear(1, 1, { bias: false }),
      new nn.Linear(1, 1, { bias: false }),
    );
    const [first, second] = model.parameters() as [Tensor, Tensor];
    const [a, b] = [first.item(), second.item()];
    model.loadStateDict({ '0.weight': second, '1.weight': first });
    expect([first.item(), second.item()]).toEqual([b, a]);
  });

  it('leave out with strict: false what one side lacks, and tell', () => {
    const model = new nn.Linear(1, 1);
    const bias = model.bias!.item();
    const found = model.loadStateDict({ weight: tensor([[3]]), scale: tensor([1]) }, { strict: false });
    expect(found).toEqual({ missingKeys: ['bias'], unexpectedKeys: ['scale'] });
    expect([model.weight.item(), model.bias!.item()]).toEqual([3, bias]);
  });

  it('refuse what is no state', () => {
    expect(() => new nn.ReLU().loadStateDict(null as never)).toThrow(
      new ValueError('loadStateDict', 'the state must be an object of tensors by name', 'null'),
    );
  });

  it('save a shared tensor once, and load it under any of its names', () => {
    const tied = new Pair(new nn.Linear(1, 1), new nn.Linear(1, 1));
    (tied.right as nn.Linear).weight = (tied.left as nn.Linear).weight;
    expect(Object.keys(tied.stateDict())).toEqual(['left.weight', 'left.bias', 'right.bias']);
    const bias = tensor([0]);
    // as PyTorch saves it
    const both = {
      'left.weight': tensor([[5]]),
      'left.bias': bias,
      'right.weight': tensor([[5]]),
      'right.bias': bias,
    };
    expect(tied.loadStateDict(both)).toEqual({ missingKeys: [], unexpectedKeys: [] });
    expect((tied.left as nn.Linear).weight.item()).toBe(5);
    tied.loadStateDict({ 'left.bias': bias, 'right.weight': tensor([[6]]), 'right.bias': bias });
    expect((tied.left as nn.Linear).weight.item()).toBe(6);
  });

  it('make a backward through what was computed before refuse', () => {
    const model = new nn.Linear(1, 1);
    const loss = model
      .forward(ones([1, 1]))
      .square()
      .sum();
    model.loadStateDict(model.stateDict());
    expect(() => loss.backward()).toThrow('no leaf may be overwritten between forward and backward');
  });
});
