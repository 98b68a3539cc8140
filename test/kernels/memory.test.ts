import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';

it.each([
  ['by itself', []],
  ['in scopes', ['scope']],
])('a long training %s takes no more memory than a short one', { timeout: 60_000 }, (_, args) => {
  const script = join(import.meta.dirname, 'training.ts');
  const printed = execFileSync(process.execPath, ['--import', 'tsx', script, ...args], { encoding: 'utf8' });
  const [early, late] = JSON.parse(printed) as [number, number];
  expect(late / early).toBeLessThan(1.2);
});
