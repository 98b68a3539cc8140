// How fast gradlet is: `npm run bench`. docs/performance.md tells what is measured and how.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bundleSizes, coldStarts } from './cold.ts';
import { Engine, OWN, PYTORCH, peersFound } from './engines.ts';
import { type Measured, measure, median, type Pace, speed } from './measure.ts';
import { pictures, printed, type Result, type Results, written } from './report.ts';
import { scaling, type Workload, workloads } from './workloads.ts';

const root = join(import.meta.dirname, '..');

const { values: options } = parseArgs({
  options: {
    peers: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    scaling: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true },
    engine: { type: 'string', multiple: true },
    rounds: { type: 'string' },
    node: { type: 'string', default: process.execPath },
    help: { type: 'boolean', default: false },
  },
});

if (options.help) {
  console.log(`npm run bench -- [options]
  --peers         also what bench/peers has, and PyTorch where $PYTHON (or python3) has it
  --only name     workloads whose name starts so: ${workloads.map(({ name }) => name).join(', ')}, start, bundle
  --engine name   engines whose name starts so, beside gradlet and the one by hand
  --scaling       training steps against batch size, width and depth instead
  --rounds n      9 unless told
  --quick         3 short rounds; results go to bench/out
  --node path     another Node to run the engines
  --write         put all saved results into docs/performance.md and docs/images, after what is measured`);
  process.exit();
}

const pace: Pace = options.quick
  ? { rounds: Number(options.rounds ?? 3), warmUp: 700, round: 50 }
  : { rounds: Number(options.rounds ?? 9), warmUp: 1500, round: 100 };

const starts = (name: string, wanted: readonly string[] | undefined): boolean =>
  wanted === undefined || wanted.some((start) => name.startsWith(start));

const sources = [
  ...OWN,
  ...(options.peers ? peersFound() : []).filter(({ name }) => starts(name, options.engine)),
];
const engines: Engine[] = [];
for (const source of sources) {
  try {
    engines.push(await Engine.start(source, options.node));
  } catch (error) {
    if (OWN.includes(source)) throw error;
    console.log(`${source.name} is left out: ${(error as Error).message}`);
  }
}
const node = engines[0]!.node;

const folder = join(root, options.quick ? 'bench/out/quick' : 'bench/results');
const file = join(folder, `node${node.split('.')[0]}.json`);
mkdirSync(folder, { recursive: true });
const before: Results | undefined = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
const found: Record<string, Result> = { ...before?.workloads };
const versions = { ...before?.versions };
for (const { name, version } of engines) versions[name] = version;

const results = (): Results => ({
  node,
  processor: cpus()[0]?.model.trim() ?? 'an unknown processor',
  versions,
  workloads: found,
});

function keep(
  name: string,
  workload: Pick<Workload, 'group' | 'unit' | 'figure'>,
  all: readonly Measured[],
): void {
  const measured = all.filter(({ rounds }) => rounds.length > 0);
  const gradlet = measured.find(({ engine }) => engine === 'gradlet');
  const pytorch = measured.find(({ engine }) => engine === PYTORCH);
  const { group, unit, figure } = workload;
  const result: Result = {
    group,
    unit,
    engines: Object.fromEntries(
      measured.map((one) => [
        one.engine,
        {
          figure: rounded(figure(median(one.rounds))),
          ...(one.differs && { differs: true }),
          ...(!one.differs && gradlet && { ofGradlet: rounded(speed(one, gradlet)) }),
          ...(!one.differs && pytorch && { ofPytorch: rounded(speed(one, pytorch)) }),
        },
      ]),
    ),
    without: Object.fromEntries(all.flatMap(({ engine, broken }) => (broken ? [[engine, broken]] : []))),
  };
  found[name] = result;
  console.log(`\n${name}\n${printed(result)}`);
  writeFileSync(file, `${JSON.stringify(results(), null, 1)}\n`);
}

const rounded = (x: number): number => Number(x.toPrecision(4));

try {
  for (const workload of options.scaling ? scaling : workloads) {
    if (starts(workload.name, options.only))
      keep(workload.name, workload, await measure(workload, engines, pace));
  }
} finally {
  for (const engine of engines) engine.stop();
}

if (!options.scaling) {
  const names = engines.map(({ name }) => name);
  if (starts('start', options.only)) {
    const group = 'Start, from the process to the first training step';
    const { first, imported } = await coldStarts(names, options.node, pace.rounds);
    keep('start/first step', { group, unit: 'ms', figure: (ms) => ms }, first);
    keep('start/import alone', { group, unit: 'ms', figure: (ms) => ms }, imported);
  }
  if (starts('bundle', options.only)) {
    const group = 'The digits program for the browser, minified + gzip';
    keep('bundle', { group, unit: 'kB', figure: (size) => size }, await bundleSizes(names));
  }
}

console.log(`\nSaved: ${file}`);
const images = options.quick ? folder : join(root, 'docs/images');
if (options.quick || options.write) {
  for (const [name, svg] of Object.entries(pictures(results()))) {
    writeFileSync(join(images, name), svg);
    console.log(`Saved: ${join(images, name)}`);
  }
}
if (options.write) writePage();

/** The tables of all saved results, and the pictures. */
function writePage(): void {
  const page = join(root, 'docs/performance.md');
  const all = readdirSync(folder)
    .filter((name) => /^node\d+\.json$/.test(name))
    .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Results);
  const drawn = Object.entries(pictures(results())).map(
    ([name, svg]) => `![${/aria-label="([^"]*)"/.exec(svg)![1]}](images/${name})`,
  );
  const between = /(?<=<!-- npm run bench -->\n)[\s\S]*?(?=<!-- end -->)/;
  const text = readFileSync(page, 'utf8');
  if (!between.test(text)) throw new Error('docs/performance.md has no place for the tables');
  const block = [...all.map(written), ...drawn].join('\n\n');
  writeFileSync(
    page,
    text.replace(between, () => `\n${block}\n\n`),
  );
  console.log(`Saved: ${page}`);
}
