// Adam in the loop and on gpu.js, in Node and in Chromium: `npm run bench:gpu`, which takes some minutes.
// With `-- --write` the tables also go into docs/gpu.md. $CHROMIUM is the browser, $CHROMIUM_FLAGS are more flags for it.
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright';
import { createServer } from 'vite';
import type { GpuMode } from '../src/kernels/gpu-modes.ts';
import { backends, measure, type Row, SIZES } from './gpu/measure.ts';

const root = join(import.meta.dirname, '..');

/** Where updates are timed. */
interface Place {
  readonly title: string;
  backends(modes: readonly GpuMode[]): Promise<Record<string, string>>;
  measure(n: number, modes: readonly string[]): Promise<Row>;
}

const digits = (x: number): string => (x < 100 ? x.toPrecision(2) : String(Math.round(x)));

async function tableOf(place: Place, candidates: readonly GpuMode[]): Promise<string> {
  const found = await place.backends(candidates);
  const modes = Object.keys(found);
  const rows: Row[] = [];
  for (const n of SIZES) rows.push(await place.measure(n, modes));
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [
    [
      place.title,
      ...modes.filter((mode) => found[mode] !== mode).map((mode) => `${mode}: ${found[mode]}`),
    ].join('; '),
    '',
    line(['elements', 'loop', ...modes]),
    line(['---:', '---:', ...modes.map(() => '---:')]),
    ...rows.map(({ n, timings }) => {
      const cells = modes.map((mode) => {
        const { ns, ratio } = timings[mode]!;
        return `${digits(ns)} (${digits(ratio)}×)`;
      });
      return line([
        `10${[...String(Math.log10(n))].map((d) => '⁰¹²³⁴⁵⁶⁷⁸⁹'[+d]).join('')}`,
        digits(timings.loop!.ns),
        ...cells,
      ]);
    }),
  ].join('\n');
}

const processor = cpus()[0]?.model ?? 'an unknown processor';
const tables = [
  await tableOf({ title: `Node ${process.versions.node}, ${processor}`, backends, measure }, [
    'webasm',
    'cpu',
  ]),
];
console.log(`${tables[0]}\n`);

const server = await createServer({
  root,
  configFile: false,
  logLevel: 'error',
  server: { port: 0 },
  optimizeDeps: { include: ['gpu.js'] },
});
await server.listen();
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--enable-unsafe-webgpu', ...(process.env.CHROMIUM_FLAGS?.split(' ') ?? [])],
});
try {
  const page = await browser.newPage();
  await page.goto(`${server.resolvedUrls!.local[0]}bench/gpu/page.html`);
  await page.waitForFunction(() => 'bench' in globalThis);
  type Bench = Pick<Place, 'backends' | 'measure'>;
  const place: Place = {
    title: `Chromium ${browser.version()}`,
    backends: (modes) =>
      page.evaluate((list) => (globalThis as unknown as { bench: Bench }).bench.backends(list), modes),
    measure: (n, modes) =>
      page.evaluate(([size, list]) => (globalThis as unknown as { bench: Bench }).bench.measure(size, list), [
        n,
        modes,
      ] as const),
  };
  tables.push(await tableOf(place, ['webgl2', 'webgpu']));
  console.log(tables[1]);
} finally {
  await browser.close();
  await server.close();
}

if (process.argv.includes('--write')) {
  const file = join(root, 'docs/gpu.md');
  const page = readFileSync(file, 'utf8');
  const between = /(?<=<!-- npm run bench:gpu -->\n)[\s\S]*?(?=<!-- end -->)/;
  if (!between.test(page)) throw new Error('docs/gpu.md has no place for the tables');
  writeFileSync(file, page.replace(between, `\n${tables.join('\n\n')}\n\n`));
}
