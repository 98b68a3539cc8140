// Draws the pictures of the README and the guides as PNG, for light and for dark pages. Needs a Chromium.
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { chromium, type Page } from 'playwright';
import { compareOptimizers, irisDefaults } from './iris.ts';
import { irisPicture } from './support/iris-report.ts';
import { indexedPng } from './support/png.ts';
import { surfacesPictures } from './support/surfaces-report.ts';
import { watch, watchDefaults } from './surfaces.ts';

const executablePath = [process.env.CHROMIUM, '/usr/bin/chromium'].find((path) => path && existsSync(path));
if (!executablePath) {
  console.error('No Chromium found. Set $CHROMIUM to its path.');
  process.exit(1);
}

const pictures = {
  'iris.svg': irisPicture(await compareOptimizers(irisDefaults), irisDefaults),
  ...surfacesPictures(await watch(watchDefaults), watchDefaults),
};
const folder = new URL('../docs/images/', import.meta.url);
await mkdir(folder, { recursive: true });

const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
for (const [name, svg] of Object.entries(pictures)) {
  for (const [colorScheme, ending] of [
    ['light', '.png'],
    ['dark', '-dark.png'],
  ] as const) {
    const page = await browser.newPage({ colorScheme, deviceScaleFactor: 1.5 });
    await page.setContent(`<body style="margin: 0">${svg}</body>`);
    const path = fileURLToPath(new URL(name.replace('.svg', ending), folder));
    const png = await page.locator('svg').first().screenshot({ omitBackground: true });
    await writeFile(path, await withFewerColors(page, png));
    console.log(path);
  }
}
await browser.close();

/** The same picture in fewer colours; the browser decodes it. */
async function withFewerColors(page: Page, png: Buffer): Promise<Buffer> {
  const { width, height, pixels } = await page.evaluate(async (base64) => {
    const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${base64}`)).blob());
    const canvas = new OffscreenCanvas(image.width, image.height).getContext('2d')!;
    canvas.drawImage(image, 0, 0);
    const { data } = canvas.getImageData(0, 0, image.width, image.height);
    const text = Array.from({ length: Math.ceil(data.length / 4096) }, (_, i) =>
      String.fromCharCode(...data.subarray(4096 * i, 4096 * (i + 1))),
    );
    return { width: image.width, height: image.height, pixels: btoa(text.join('')) };
  }, png.toString('base64'));
  return indexedPng(width, height, new Uint8Array(Buffer.from(pixels, 'base64')));
}
