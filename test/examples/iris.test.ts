import { optimizerNames } from 'gradlet';
import { describe, expect, it } from 'vitest';
import { compareOptimizers, irisDefaults, irisTable } from '../../examples/iris.ts';
import { irisPage, irisPicture } from '../../examples/support/iris-report.ts';
import { ProgressLine } from '../../examples/support/progress.ts';
import { expectSelfContained, expectWellFormed } from '../support/markup.ts';

const silent = new ProgressLine({ write: () => {} });
const few = { ...irisDefaults, epochs: 12 };
const runs = await compareOptimizers(few, silent);

describe('the iris comparison', () => {
  it('has the five optimizers of the published table, as it set them', () => {
    expect(irisDefaults).toEqual({
      optimizers: ['sgd', 'sgdm', 'adagrad', 'rmsprop', 'adam'],
      epochs: 500,
      lr: 0.1,
      seed: 1,
    });
  });

  it('lowers the loss with every optimizer there is', async () => {
    const all = await compareOptimizers({ ...few, optimizers: optimizerNames() }, silent);
    for (const { name, losses, accuracies } of all) {
      expect(losses.length, name).toBe(12);
      // with mini-batches L-BFGS comes to lie on plateaus, and rounding decides whether it leaves them in time
      if (name === 'lbfgs') expect(losses.every(Number.isFinite)).toBe(true);
      else expect(losses.at(-1), name).toBeLessThan(losses[0]!);
      expect(
        accuracies.every((share) => Number.isInteger(Math.round(share * 30 * 1e9) / 1e9)),
        name,
      ).toBe(true);
    }
  });

  it('starts everyone from the same weights: the same loss without a step', async () => {
    const still = await compareOptimizers({ ...few, epochs: 1, lr: 0 }, silent);
    expect(new Set(still.map(({ losses }) => losses[0])).size).toBe(1);
  });

  it('gives the same curves for the same seed, and others for another', async () => {
    const curves = (all: typeof runs) => all.map(({ losses, accuracies }) => ({ losses, accuracies }));
    expect(curves(await compareOptimizers(few, silent))).toEqual(curves(runs));
    expect(curves(await compareOptimizers({ ...few, seed: 2 }, silent))).not.toEqual(curves(runs));
  });

  it('says which optimizers there are when one is unknown', async () => {
    await expect(compareOptimizers({ ...few, optimizers: ['sgd', 'adma'] }, silent)).rejects.toThrow(
      `createOptimizer: the optimizer must be known, got "adma". Did you mean "adam"? Known: ${optimizerNames().join(', ')}.`,
    );
  });

  it('shows published times only of runs as long as the published ones', () => {
    expect(irisTable(runs)).not.toContain('published');
    const long = runs.map((run, i) => ({ ...run, publishedSeconds: i === 0 ? 12.68 : undefined }));
    expect(irisTable(long).split('\n')[2]).toMatch(/^sgd .* 12\.68 s$/);
  });
});

describe('its pictures', () => {
  const picture = irisPicture(runs, few);
  const page = irisPage(runs, few);

  it('need nothing from elsewhere', () => {
    for (const text of [picture, page]) expectSelfContained(text);
  });

  it('name every optimizer, both curves and their axes', () => {
    for (const text of [picture, page]) {
      const words = [
        ...few.optimizers,
        'Training loss',
        'Test accuracy',
        'mean squared error',
        'share of the 30',
      ];
      for (const word of [...words, '>epoch<']) expect(text).toContain(word);
      expect(text.match(/class="curve"/g)).toHaveLength(2 * few.optimizers.length);
      expect(text).toContain('prefers-color-scheme: dark');
    }
  });

  it('have a picture that is well-formed XML', () => {
    expectWellFormed(picture);
  });

  it('bear names with markup, and losses that are no numbers', () => {
    const strange = [
      { name: '<b>&"', losses: [Number.NaN, Infinity], accuracies: [0, 1], seconds: 0 },
      { name: 'zero', losses: [0, 0], accuracies: [1, 1], seconds: 0 },
    ];
    for (const text of [
      irisPicture(strange, { ...few, epochs: 2 }),
      irisPage(strange, { ...few, epochs: 2 }),
    ]) {
      expect(text).not.toContain('<b>');
      expect(text).toContain('&#60;b&#62;&#38;&#34;');
      expect(text.replaceAll('<td>NaN</td>', '').replaceAll('<td>Infinity</td>', '')).not.toMatch(
        /NaN|Infinity/,
      );
    }
  });
});
