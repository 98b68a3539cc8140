import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'vite';
import { afterAll, describe, expect, it } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'gradlet-bundle-'));
afterAll(() => rmSync(folder, { recursive: true }));
const index = join(import.meta.dirname, '../../src/index.ts');

/** What a program exports as `result`, bundled, with all that it does not use left out. */
async function bundled(name: string, program: string): Promise<unknown> {
  const entry = join(folder, `${name}.ts`);
  writeFileSync(entry, program.replace("'gradlet'", JSON.stringify(index)));
  await build({
    configFile: false,
    logLevel: 'error',
    build: {
      outDir: join(folder, name),
      target: 'es2022',
      lib: { entry, formats: ['es'], fileName: 'out' },
      rollupOptions: { external: ['gpu.js'] },
    },
  });
  return (await import(pathToFileURL(join(folder, name, 'out.js')).href)).result;
}

describe('a bundle holds what a program needs', () => {
  it('methods, where only a function is imported', { timeout: 30_000 }, async () => {
    const result = await bundled(
      'methods',
      `import { tensor } from 'gradlet';
      const x = tensor([1, 2], { requiresGrad: true });
      x.mul(2).sum().backward();
      export const result = String(x.grad);`,
    );
    expect(result).toBe('tensor([2., 2.])');
  });

  it('everything for a training', { timeout: 30_000 }, async () => {
    const result = await bundled(
      'training',
      `import { createOptimizer, nn, ones } from 'gradlet';
      const model = new nn.Linear(2, 1);
      const optimizer = createOptimizer('adam', model);
      nn.mseLoss(model.forward(ones([4, 2])), ones([4, 1])).backward();
      optimizer.step();
      export const result = optimizer.steps;`,
    );
    expect(result).toBe(1);
  });
});
