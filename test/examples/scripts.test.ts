import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { createOptimizer, ones, optimizerNames } from 'gradlet';
import { optimizerContract } from 'gradlet/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { start } from '../../examples/start.ts';

// the pictures in out/ are those of whoever ran npm start
vi.mock('node:fs/promises', async (original) => ({
  ...(await original<object>()),
  mkdir: vi.fn(),
  writeFile: vi.fn(),
}));

let printed: string[];
let errors: string[];
beforeEach(() => {
  printed = [];
  errors = [];
  vi.spyOn(console, 'log').mockImplementation((text = '') => void printed.push(text));
  vi.spyOn(console, 'error').mockImplementation((text) => void errors.push(text));
  vi.spyOn(process.stdout, 'write').mockImplementation(() => true);
});
afterEach(() => vi.restoreAllMocks());

describe('npm start', () => {
  it('--help names the options and every optimizer', async () => {
    expect(await start(['--help'])).toBe(0);
    for (const word of ['--optimizers', '--epochs', 'surfaces', ...optimizerNames()])
      expect(printed.join()).toContain(word);
  });

  it('runs the optimizers it is told', async () => {
    expect(await start(['iris', '--optimizers', 'adamw,nadam', '--epochs', '3'])).toBe(0);
    const text = printed.join('\n');
    expect(text).toMatch(/^Iris: 2 optimizers, .* 3 epochs/);
    expect(text).toMatch(/^adamw +0\.\d{4} +[\d.]+ % +[\d.]+ s$/m);
    expect(text).toContain('iris.html');
    expect(text).not.toMatch(/Digits|published/);
  });

  it('runs every optimizer there is', async () => {
    await start(['iris', '-o', 'all', '-e', '1']);
    expect(printed[0]).toMatch(`Iris: ${optimizerNames().length} optimizers`);
  });

  it('does without the surfaces unless they are named', async () => {
    await start(['--epochs', '1']);
    expect(printed[0]).toMatch(/^Iris: /);
    expect(printed.join('\n')).toMatch(/^Digits: /m);
    expect(printed.join('\n')).not.toContain('surfaces.html');
  });

  it('draws the surfaces', async () => {
    expect(await start(['surfaces', '--seed', '2'])).toBe(0);
    expect(printed[0]).toMatch(/^Surfaces: five optimizers/);
    expect(printed.join('\n')).toMatch(
      /surfaces\.html, .*surfaces\.svg, .*clipping\.svg, .*learning-rates\.svg, and .*race\.svg: open the first/,
    );
  }, 60_000);

  it.each([
    [['--optimizers', 'adamm'], /^createOptimizer: .* got "adamm"\. Did you mean "adam"\? Known: .*nadam/],
    [['--epochs', '0'], /^--epochs must be a whole number ≥ 1, got "0"\. See npm start -- --help\.$/],
    [['--lr', 'fast'], /^--lr must be a number ≥ 0, got "fast"\./],
    [['--seed', '1.5'], /^--seed must be a whole number, got "1.5"\./],
    [['--optimiser', 'adam'], /^Unknown option '--optimiser'\. See npm start -- --help\.$/],
    [['mnist'], /^There is iris, digits and surfaces, got "mnist"\. See npm start -- --help\.$/],
  ])('%j ends with one line and exit code 1', async (args, message) => {
    expect(await start(args)).toBe(1);
    expect(errors).toEqual([expect.stringMatching(message)]);
    expect(printed).toEqual([]);
  });

  it('hands its exit code to the shell', () => {
    const root = join(import.meta.dirname, '../..');
    const args = [join(root, 'node_modules/tsx/dist/cli.mjs'), 'examples/start.ts', '--epochs', 'many'];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toContain('--epochs must be');
  }, 60_000);
});

describe('small examples', () => {
  it('quick-start fits a curve', async () => {
    await import('../../examples/quick-start.ts');
    const [said, guessed] = printed
      .at(-1)!
      .match(/0\.\d+/g)!
      .map(Number);
    expect(said).toBe(0.841);
    expect(Math.abs(guessed! - said!)).toBeLessThan(0.05);
  });

  it('convolution reads nearly all digits', async () => {
    await import('../../examples/convolution.ts');
    expect(printed).toHaveLength(5);
    expect(Number(printed.at(-1)!.match(/([\d.]+) %/)![1])).toBeGreaterThanOrEqual(98.5);
  }, 60_000);

  it('custom-optimizer competes under its name', async () => {
    await import('../../examples/custom-optimizer.ts');
    expect(optimizerNames()).toContain('cautiousAdam');
    expect(printed.at(-1)).toMatch(/^cautiousAdam +0\.\d{4}/m);
  });

  it('optimizer-plugin does what every optimizer must', async () => {
    const { QHAdam } = await import('../../examples/optimizer-plugin/src/index.ts');
    expect(createOptimizer('qhadam', [ones([1], { requiresGrad: true })])).toBeInstanceOf(QHAdam);
    for (const { run } of optimizerContract('qhadam')) await run();
  });
});
