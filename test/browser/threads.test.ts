import { setThreads, threads } from 'gradlet';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { commands } from 'vitest/browser';

afterEach(() => void vi.restoreAllMocks());

describe('threads', () => {
  it('are not to be had on the main thread of a browser, which is said once', () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    setThreads(2);
    setThreads(2);
    expect(threads()).toBe(1);
    expect(warn.mock.calls).toEqual([
      [
        'gradlet: one thread computes, as the main thread of a browser must not wait for others; call setThreads in a Worker',
      ],
    ]);
  });

  it('compute in a Worker of a page that is cross-origin isolated', async () => {
    expect(await commands.threadsInWorker(true)).toEqual({
      threads: 2,
      wrong: 0,
      helped: true,
      after: 1,
      warnings: [],
    });
  });

  it('are not to be had in a Worker of a page that is not, which is said', async () => {
    const { warnings, ...found } = await commands.threadsInWorker(false);
    expect(found).toEqual({ threads: 1, wrong: 0, helped: false, after: 1 });
    expect(warnings).toEqual([expect.stringContaining('Cross-Origin-Opener-Policy: same-origin')]);
  });
});
