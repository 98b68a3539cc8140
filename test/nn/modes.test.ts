import { describe, expect, it } from 'vitest';
import { ValueError } from '../../src/core/errors.ts';
import * as nn from '../../src/nn/index.ts';

describe('train and eval', () => {
  it('switch this module and all below', () => {
    const model = new nn.Sequential(new nn.Sequential(new nn.Dropout()), new nn.ReLU());
    expect(model.modules().map((m) => m.training)).toEqual([true, true, true, true]);
    expect(model.eval()).toBe(model);
    expect(model.modules().map((m) => m.training)).toEqual([false, false, false, false]);
    model[0]!.train();
    expect(model.modules().map((m) => m.training)).toEqual([false, true, true, false]);
    expect(model.train(false).training).toBe(false);
    expect(model.train()[0]!.training).toBe(true);
  });

  it('respect a module that keeps its own mode', () => {
    class Frozen extends nn.BatchNorm {
      override train(): this {
        return super.train(false);
      }
    }
    const model = new nn.Sequential(new Frozen(2), new nn.Dropout());
    model.train();
    expect([...model].map((m) => m.training)).toEqual([false, true]);
  });

  it('refuse what is no mode', () => {
    expect(() => new nn.ReLU().train('eval' as never)).toThrow(
      new ValueError('train', 'mode must be true or false', '"eval"'),
    );
  });
});

describe('inEvalMode', () => {
  const mixed = (): nn.Sequential => {
    const model = new nn.Sequential(new nn.Dropout(), new nn.BatchNorm(1), new nn.ReLU());
    model[1]!.eval();
    return model;
  };
  const modes = (model: nn.Module): boolean[] => model.modules().map((m) => m.training);
  const before = [true, true, false, true];
  const off = [false, false, false, false];

  it('evaluates, and gives each module its own mode back', () => {
    const model = mixed();
    expect(nn.inEvalMode(model, () => modes(model))).toEqual(off);
    expect(modes(model)).toEqual(before);
  });

  it('also after a throw', () => {
    const model = mixed();
    expect(() =>
      nn.inEvalMode(model, () => {
        throw new Error('no data');
      }),
    ).toThrow('no data');
    expect(modes(model)).toEqual(before);
  });

  it('and for async functions once they have settled', async () => {
    const model = mixed();
    const result = nn.inEvalMode(model, async () => {
      await Promise.resolve();
      return modes(model);
    });
    expect(modes(model)).toEqual(off);
    expect(await result).toEqual(off);
    expect(modes(model)).toEqual(before);
    const failing = nn.inEvalMode(model, async () => {
      await Promise.resolve();
      throw new Error('no data');
    });
    await expect(failing).rejects.toThrow('no data');
    expect(modes(model)).toEqual(before);
  });

  it('nested, also when the mode is changed in between', () => {
    const model = mixed();
    nn.inEvalMode(model, () => {
      nn.inEvalMode(model, () => undefined);
      expect(modes(model)).toEqual(off);
      model.train();
      nn.inEvalMode(model, () => expect(modes(model)).toEqual(off));
      expect(modes(model)).toEqual([true, true, true, true]);
    });
    expect(modes(model)).toEqual(before);
  });

  it('overlapping, whichever ends first', async () => {
    for (const [first, second] of [
      [0, 1],
      [1, 0],
    ] as const) {
      const model = mixed();
      const open: (() => void)[] = [];
      const runs = [0, 1].map(() =>
        nn.inEvalMode(model, () => new Promise<void>((resolve) => open.push(resolve))),
      );
      open[first]!();
      await runs[first];
      expect(modes(model)).toEqual(off);
      open[second]!();
      await runs[second];
      expect(modes(model)).toEqual(before);
    }
  });
});
