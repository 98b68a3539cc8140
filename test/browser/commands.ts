import { build } from 'vite';
import type { BrowserCommand } from 'vitest/node';

type Trained = ReturnType<typeof import('./train.ts').train>;

/** What `train` gives in Node. */
const trainInNode: BrowserCommand<[]> = async ({ project }): Promise<Trained> => {
  const { train } = await project.import<typeof import('./train.ts')>('./test/browser/train.ts');
  return train();
};

/** Bundles page.ts with vite: the code of the page, and whatever the bundler complained about. */
const buildPage: BrowserCommand<[]> = async (): Promise<{ code: string; warnings: string[] }> => {
  const warnings: string[] = [];
  const result = await build({
    configFile: false,
    logLevel: 'silent',
    build: {
      write: false,
      lib: { entry: 'test/browser/page.ts', formats: ['es'] },
      rollupOptions: { onwarn: ({ message }) => void warnings.push(message) },
    },
  });
  const [{ output }] = result as unknown as [{ output: [{ code: string }] }];
  return { code: output[0].code, warnings };
};

export const commands = { trainInNode, buildPage };

declare module 'vitest/browser' {
  interface BrowserCommands {
    trainInNode: () => Promise<Trained>;
    buildPage: () => Promise<{ code: string; warnings: string[] }>;
  }
}
