import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { playwright } from '@vitest/browser-playwright';
import { defineConfig } from 'vitest/config';
import { commands } from './test/browser/commands.ts';

const src = fileURLToPath(new URL('./src', import.meta.url));
const alias = [
  { find: /^gradlet$/, replacement: `${src}/index.ts` },
  { find: /^gradlet\/(nn|optim|data|testing)$/, replacement: `${src}/$1/index.ts` },
];

const chromium = [process.env.CHROMIUM, '/usr/bin/chromium'].find((path) => path && existsSync(path));
if (!chromium) {
  console.warn(
    'No Chromium found, so the browser tests are left out. Set $CHROMIUM to its path to run them.',
  );
}

const browser = {
  resolve: { alias },
  test: {
    name: 'browser',
    include: ['test/browser/**/*.test.ts'],
    browser: {
      enabled: true,
      headless: true,
      screenshotFailures: false,
      commands,
      provider: playwright({
        launchOptions: { executablePath: chromium, args: ['--no-sandbox', '--enable-unsafe-webgpu'] },
      }),
      instances: [{ browser: 'chromium' as const }],
    },
  },
};

export default defineConfig({
  test: {
    projects: [
      {
        resolve: { alias },
        test: {
          name: 'node',
          include: ['test/**/*.test.ts'],
          exclude: ['test/browser/**'],
          setupFiles: ['test/support/kernels.ts'],
        },
      },
      {
        resolve: { alias },
        test: {
          name: 'types',
          include: [],
          typecheck: {
            enabled: true,
            only: true,
            tsconfig: 'tsconfig.json', // all of it: a forgotten case of a table must not compile
            include: ['test/types/**/*.test-d.ts'],
          },
        },
      },
      ...(chromium ? [browser] : []),
    ],
  },
});
