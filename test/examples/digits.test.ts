import { describe, expect, it } from 'vitest';
import { createModel, digitsDefaults, forgetEval, loadDigits, trainDigits } from '../../examples/digits.ts';
import { drawImages } from '../../examples/support/draw.ts';
import { ProgressLine } from '../../examples/support/progress.ts';

const silent = new ProgressLine({ write: () => {} });
const { model, test, losses, accuracies } = await trainDigits(digitsDefaults, silent);

describe('the digits', () => {
  it('are read right to at least 97 %', () => {
    expect(accuracies.at(-1)).toBeGreaterThanOrEqual(0.97);
    expect(losses.at(-1)).toBeLessThan(losses[0]!);
  });

  it('are split into rows that do not overlap', async () => {
    const { train, test } = await loadDigits(digitsDefaults.seed);
    expect([train.length, test.length]).toEqual([1438, 359]);
    expect(new Set([...train.rows, ...test.rows]).size).toBe(1797);
  });

  it('give the same curves for the same seed', async () => {
    const [a, b] = [
      await trainDigits({ epochs: 1, seed: 5 }, silent),
      await trainDigits({ epochs: 1, seed: 5 }, silent),
    ];
    expect(a.losses).toEqual(b.losses);
    expect(a.accuracies).toEqual(b.accuracies);
  });

  it('suffer from a forgotten eval()', () => {
    const { evaluated, sameTwice, forgotten, inPairs, answers, alone } = forgetEval(model, test);
    expect(evaluated).toBe(accuracies.at(-1));
    expect(sameTwice).toBe(true);
    expect(forgotten).toBeLessThan(evaluated);
    expect(inPairs).toBeLessThan(0.8);
    expect(answers.first).not.toEqual(answers.second);
    expect(alone).toMatch(/^BatchNorm: statistics of a batch need more than one value per channel/);
  });

  it('have a model with normalization before the activation and more dropout in front', () => {
    const layers = String(createModel()).match(/(?<=\): )\w+/g);
    expect(layers).toEqual([
      ...['Linear', 'BatchNorm1d', 'ReLU', 'Dropout'],
      ...['Linear', 'BatchNorm1d', 'ReLU', 'Dropout'],
      'Linear',
    ]);
    const [front, rear] = String(createModel())
      .match(/(?<=p=)[\d.]+/g)!
      .map(Number);
    expect(front).toBeGreaterThan(rear!);
  });

  it('can be drawn', () => {
    const [images, digits] = test;
    const lines = drawImages([{ pixels: images.slice(0), caption: String(digits.slice(0).item()) }]).split(
      '\n',
    );
    expect(lines.length).toBe(9);
    expect(lines.slice(0, 8).join('')).toMatch(/^[ ░▒▓█]+$/);
  });
});
