import { surfaces } from 'gradlet';
import { describe, expect, it } from 'vitest';
import { ProgressLine } from '../../examples/support/progress.ts';
import { surfacesPage, surfacesPictures } from '../../examples/support/surfaces-report.ts';
import { walkers, watch, watchDefaults } from '../../examples/surfaces.ts';
import { expectSelfContained, expectWellFormed } from '../support/markup.ts';

const watched = await watch(watchDefaults, new ProgressLine({ write: () => {} }));
const { walks, clipping, found, rates, raced, table } = watched;

describe('the walks', () => {
  it('lead every optimizer over every surface, from the same start, without getting lost', () => {
    expect(new Set(walks.map(({ surface }) => surface))).toEqual(new Set(Object.values(surfaces)));
    for (const { surface, ways, rates, steps } of walks) {
      expect([ways.length, rates.length]).toEqual([walkers.length, walkers.length]);
      for (const { points, diverged } of ways) {
        expect([points.length, diverged]).toEqual([steps + 1, null]);
        expect(points[0]).toEqual(surface.start);
      }
    }
  });

  it('show what their subtitles say', () => {
    const end = (title: string, walker: (typeof walkers)[number]) => {
      const { ways, surface } = walks.find((walk) => walk.title === title)!;
      const { points, values } = ways[walkers.indexOf(walker)]!;
      const [x, y] = points.at(-1)!;
      const { region } = surface;
      const inside = x > region.x[0] && x < region.x[1] && y > region.y[0] && y < region.y[1];
      return { x, y, inside, value: values.at(-1)! };
    };
    expect(end('Ravine', 'momentum').value).toBeLessThan(end('Ravine', 'sgd').value);
    expect(Math.abs(end('Saddle', 'sgd').y)).toBeLessThan(0.05);
    for (const adaptive of ['adagrad', 'rmsprop', 'adam'] as const) {
      expect(end('Saddle', adaptive).y).toBeGreaterThan(0.9);
      expect(end('Cliff', adaptive).inside).toBe(true);
    }
    expect([end('Cliff', 'sgd').inside, end('Cliff', 'momentum').inside]).toEqual([false, false]);
    expect(end('Himmelblau', 'momentum').y * end('Himmelblau', 'sgd').y).toBeLessThan(0);
  });

  it('show that clipping saves the run', () => {
    const [unclipped, clipped] = clipping.map(({ values }) => values.at(-1)!);
    expect(clipped).toBeLessThan(unclipped! / 10);
  });
});

describe('the learning rates', () => {
  const last = (losses: readonly number[]) => losses.at(-1)!;

  it('are what they are called: too low, good, high and too high', () => {
    const [low, good, high, higher] = rates.map(({ losses }) => losses);
    expect(rates[1]!.lr).toBe(Number(found.suggestion!.toPrecision(2)));
    for (const others of [low, high, higher]) expect(last(good!)).toBeLessThan(last(others!) / 10);
    // slow, but steady
    expect(low!.every((loss, i) => i === 0 || loss < low![i - 1]!)).toBe(true);
    // falls faster than the good one at first, and then does not get on
    expect(high![0]).toBeLessThan(good![0]!);
    expect(last(high!)).toBeGreaterThan(high![0]! / 10);
    expect(Math.min(...higher!)).toBeGreaterThan(low![0]!);
  });

  it('lets every optimizer learn in the race', () => {
    expect(raced.map(({ name }) => name)).toEqual(walkers);
    for (const { name, losses, accuracies } of raced) {
      expect(losses.length, name).toBe(watchDefaults.epochs);
      expect(last(losses), name).toBeLessThan(losses[0]! / 5);
      expect(accuracies.at(-1), name).toBeGreaterThan(0.95);
    }
    expect(table.split('\n')).toHaveLength(2 + walkers.length);
  });
});

describe('the pictures', () => {
  const files = surfacesPictures(watched, watchDefaults);
  const page = surfacesPage(watched, watchDefaults);

  it('are four, and a page that is not too large to send', () => {
    expect(Object.keys(files)).toEqual(['surfaces.svg', 'clipping.svg', 'learning-rates.svg', 'race.svg']);
    expect(page.length).toBeLessThan(400_000);
  });

  it('need nothing from elsewhere, and hold numbers only', () => {
    for (const text of [page, ...Object.values(files)]) {
      expectSelfContained(text);
      expect(text).toContain('prefers-color-scheme: dark');
      expect(text).not.toMatch(/NaN|Infinity|undefined/);
    }
  });

  it.each(Object.entries(files))('%s is well-formed XML', (_, svg) => {
    expectWellFormed(svg);
    const ids = [...svg.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('name what is on them', () => {
    const titles = walks.map(({ title }) => title);
    for (const words of [walkers, titles, ['start', 'end', 'lowest point']]) {
      for (const word of words) expect(files['surfaces.svg']).toContain(`>${word}<`);
    }
    expect(files['learning-rates.svg']).toContain(`suggestion: ${found.suggestion!.toPrecision(2)}`);
    const ends = ['too low', 'good', 'high', 'too high'].map((name, i) => `>${name}, ${rates[i]!.lr}<`);
    for (const word of ends) expect(files['learning-rates.svg']).toContain(word);
    for (const { name, lr } of raced) expect(files['race.svg']).toContain(`>${name}, lr ${lr}<`);
    for (const word of [...titles, 'Without clipping', 'With clipNorm 0.1', 'lrFind', 'Test accuracy'])
      expect(page).toContain(`>${word}<`);
  });
});
