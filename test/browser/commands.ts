import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright';
import { build } from 'vite';
import type { BrowserCommand } from 'vitest/node';

type Found = import('./threads-page.ts').Found;
type InWorker = Found & { readonly warnings: readonly string[] };
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

/** What threads-page.ts finds in the Worker of a page that is cross-origin isolated, or is not. */
const threadsInWorker: BrowserCommand<[isolated: boolean]> = async (context, isolated): Promise<InWorker> => {
  const result = await build({
    configFile: false,
    logLevel: 'silent',
    resolve: { alias: { gradlet: fileURLToPath(new URL('../../src/index.ts', import.meta.url)) } },
    build: { write: false, lib: { entry: 'test/browser/threads-page.ts', formats: ['es'] } },
  });
  const [{ output }] = result as unknown as [{ output: [{ code: string }] }];
  const headers = isolated
    ? { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' }
    : {};
  const server = createServer(({ url }, response) => {
    const script = url === '/worker.js';
    response.writeHead(200, { ...headers, 'Content-Type': script ? 'text/javascript' : 'text/html' });
    response.end(script ? output[0].code : '<!doctype html>');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const page = await (context as unknown as { context: { newPage(): Promise<Page> } }).context.newPage();
  try {
    const warnings: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'warning') warnings.push(message.text());
    });
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    const found = await page.evaluate(
      () =>
        new Promise<Found>((resolve, reject) => {
          const worker = new Worker('/worker.js', { type: 'module' });
          worker.onmessage = ({ data }) => resolve(data);
          worker.onerror = ({ message }) => reject(new Error(message));
        }),
    );
    return { ...found, warnings };
  } finally {
    await page.close();
    server.close();
  }
};

export const commands = { trainInNode, buildPage, threadsInWorker };

declare module 'vitest/browser' {
  interface BrowserCommands {
    trainInNode: () => Promise<Trained>;
    threadsInWorker: (isolated: boolean) => Promise<InWorker>;
    buildPage: () => Promise<{ code: string; warnings: string[] }>;
  }
}
