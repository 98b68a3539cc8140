// Draws the pictures of the README: the iris comparison as PNG, for light and for dark pages. Needs a Chromium.
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright';
import { compareOptimizers, irisDefaults } from './iris.ts';
import { irisPicture } from './support/iris-report.ts';

const executablePath = [process.env.CHROMIUM, '/usr/bin/chromium'].find((path) => path && existsSync(path));
if (!executablePath) {
  console.error('No Chromium found. Set $CHROMIUM to its path.');
  process.exit(1);
}

const svg = irisPicture(await compareOptimizers(irisDefaults), irisDefaults);
const folder = new URL('../docs/images/', import.meta.url);
await mkdir(folder, { recursive: true });

const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
for (const [colorScheme, name] of [
  ['light', 'iris.png'],
  ['dark', 'iris-dark.png'],
] as const) {
  const page = await browser.newPage({ colorScheme, deviceScaleFactor: 1.5 });
  await page.setContent(`<body style="margin: 0">${svg}</body>`);
  const path = fileURLToPath(new URL(name, folder));
  await page.locator('svg').first().screenshot({ path, omitBackground: true });
  console.log(path);
}
await browser.close();
