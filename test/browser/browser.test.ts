import { describe, expect, it } from 'vitest';
import { commands } from 'vitest/browser';
import { train } from './train.ts';

describe('in Chromium', () => {
  it('a network trains, and random numbers are those of Node to the last bit', async () => {
    const here = train();
    const node = await commands.trainInNode();
    expect(here.random).toEqual(node.random);
    expect(here.losses.at(-1)).toBeLessThan(here.losses[0]! / 10);
    expect(here.losses.at(-1)).toBeCloseTo(node.losses.at(-1)!, 3);
  });

  it('a page that imports the built package bundles without a warning and runs', async () => {
    const { code, warnings } = await commands.buildPage();
    expect(warnings).toEqual([]);
    const url = URL.createObjectURL(new Blob([code], { type: 'text/javascript' }));
    const page = await import(/* @vite-ignore */ url);
    expect(page).toMatchObject({ gradient: 6, outputShape: [2] });
  });
});
