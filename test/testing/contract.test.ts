import { describe, expect, it } from 'vitest';
import { type AnyOptimizerClass, defineOptimizer } from '../../src/optim/index.ts';
import { zerosLike } from '../../src/tensor/index.ts';
import { ContractError, optimizerContract } from '../../src/testing/index.ts';
import { cases, title } from '../optim/cases.ts';

for (const { name, options } of cases) {
  describe(`the contract holds for ${title(name, options)}`, () => {
    for (const check of optimizerContract(name, { options })) it(check.name, check.run);
  });
}

const base = { name: 'mine', paper: 'https://example.org', defaults: { lr: 0.1 } } as const;

/** What the checks of an optimizer that is wrong say, by the names of those that fail. */
async function failures(optimizer: AnyOptimizerClass): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const { name, run } of optimizerContract(optimizer)) {
    try {
      await run();
    } catch (error) {
      expect(error).toBeInstanceOf(ContractError);
      found[name] = (error as Error).message;
    }
  }
  return found;
}

describe('the contract finds', () => {
  it('nothing in a sound optimizer', async () => {
    expect(await failures(defineOptimizer({ ...base, lines: { delta: ({ g }) => g } }))).toEqual({});
  });

  it('state outside of the rule', async () => {
    let steps = 0;
    const Wild = defineOptimizer({
      ...base,
      perStep: () => ({ scale: 1 / ++steps }),
      lines: { delta: ({ g }, { scale }) => scale * g },
    });
    const found = await failures(Wild);
    expect(Object.keys(found)).toEqual(
      expect.arrayContaining([
        'gives the same numbers every time',
        'goes on from what was saved as if it had gone through',
        'makes no difference between one group and two halves',
        'computes in the compiled loop what the lines say',
      ]),
    );
    expect(found['gives the same numbers every time']).toMatch(
      /^mine: two optimizers on the same course must give the same numbers, got \S+ instead of \S+ at \[0, 0\] of parameter 0\. Keep all state in lines, `initial` or `perStep`, and draw no random numbers\.$/,
    );
  });

  it('state that is not saved', async () => {
    const seen = new WeakMap<object, number>();
    const Forgetful = defineOptimizer({
      ...base,
      initial: { mark: (p) => zerosLike(p) },
      update: ({ g, mark }) => {
        const count = (seen.get(mark.storage) ?? 0) + 1;
        seen.set(mark.storage, count);
        return { mark, delta: g.div(count) };
      },
      formula: {},
    });
    expect(Object.keys(await failures(Forgetful))).toEqual([
      'goes on from what was saved as if it had gone through',
    ]);
  });

  it('a step in which one parameter sees another', async () => {
    let last = 1;
    const Nosy = defineOptimizer({
      ...base,
      update: ({ g }) => {
        const delta = g.mul(last);
        last = g.shape.length;
        return { delta };
      },
      formula: {},
    });
    const found = await failures(Nosy);
    expect(found['leaves parameters without a gradient, and frozen ones']).toMatch(
      /^mine: the others must go as if they were alone, got/,
    );
  });

  it('divisions by 0', async () => {
    const Normed = defineOptimizer({ ...base, lines: { delta: ({ g }) => g / Math.abs(g) } });
    expect(await failures(Normed)).toEqual({
      'bears gradients of zero, first and later':
        'mine: parameters must stay finite when all gradients are 0 in step 1, got NaN in parameter 0.',
    });
  });

  it('numbers that a GPU cannot hold', async () => {
    const Huge = defineOptimizer({
      ...base,
      lines: { v: ({ g }) => g * g * 1e60, delta: ({ g, v }) => (g * 1e30) / Math.sqrt(v + 1) },
    });
    const found = await failures(Huge);
    expect(Object.keys(found)).toEqual(['computes the same with gpu.js on webasm, within 2e-5']);
    expect(Object.values(found)[0]).toMatch(/keep intermediate ones between 1e-37 and 1e38\.$/);
  });
});

describe('optimizerContract', () => {
  it('leaves out what does not apply', () => {
    const names = (...args: Parameters<typeof optimizerContract>) =>
      optimizerContract(...args).map(({ name }) => name);
    const all = names('adam');
    expect(all.at(-1)).toBe('computes the same with gpu.js on webasm, within 2e-5');
    expect(names('adam', { gpu: null })).toEqual(all.slice(0, -1));
    expect(names('adafactor')).toEqual(all.slice(0, -2));
  });

  it.each<[() => unknown, string]>([
    [
      () => optimizerContract('adma' as 'adam'),
      'optimizerContract: the optimizer must be known, got "adma". Did you mean "adam"?',
    ],
    [
      () => optimizerContract('adam', { gup: null } as never),
      'optimizerContract: every option must be known, got "gup". Did you mean "gpu"?',
    ],
    [() => optimizerContract('adam', { options: { lr: -1 } }), 'adam: lr must be in [0, ∞), got -1.'],
  ])('refuses %s', (fn, message) => {
    expect(fn).toThrow(message);
  });
});
