// `npm run check:plugin`: does with examples/optimizer-plugin what its author and its users would, with gradlet as it would be
// published. Tests and packs the plug-in beside a packed gradlet, and trains with both in a third folder.
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';

const root = join(import.meta.dirname, '..');
const example = join(root, 'examples/optimizer-plugin');
const temporary = mkdtempSync(join(tmpdir(), 'gradlet-plugin-'));
const [author, user] = ['author', 'user'].map((name) => join(temporary, name));

// tools such as tsc are those of this repository
const env = { ...process.env, PATH: [join(root, 'node_modules/.bin'), process.env.PATH].join(delimiter) };

class Failure extends Error {}

function call(folder, command, ...args) {
  const shell = process.platform === 'win32'; // npm and tsc are npm.cmd and tsc.cmd there
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    cwd: folder,
    env,
    shell,
    encoding: 'utf8',
  });
  return { ok: status === 0, stdout, output: `${stdout ?? ''}${stderr ?? ''}${error ?? ''}` };
}

function must(folder, command, ...args) {
  const { ok, stdout, output } = call(folder, command, ...args);
  if (!ok) throw new Failure(`${command} ${args.join(' ')} failed in ${folder}\n${output}`);
  return stdout;
}

function expect(condition, mustHold, found) {
  if (!condition) throw new Failure(`${mustHold}, got\n${found}`);
}

/** The packed package and the files in it. */
function pack(folder) {
  const out = must(folder, 'npm', 'pack', '--ignore-scripts', '--json', '--pack-destination', temporary);
  const [{ filename, files }] = JSON.parse(out);
  return { archive: join(temporary, filename), files: files.map(({ path }) => path) };
}

const install = (folder, ...archives) =>
  must(folder, 'npm', 'install', '--no-save', '--prefer-offline', '--no-audit', '--no-fund', ...archives);

const compilerOptions = '--target es2023 --module nodenext --strict --pretty false'.split(' ');

function compile(file, program) {
  writeFileSync(join(user, file), program);
  return call(user, 'tsc', ...compilerOptions, file);
}

function packGradlet() {
  const { archive, files } = pack(root);
  expect(files.includes('dist/index.js'), 'gradlet must be built (npm run build)', files.join('\n'));
  const strays = files.filter((file) => !/^(dist|src)\/|^(package\.json|README\.md|LICENSE)$/.test(file));
  expect(strays.length === 0, 'gradlet must hold nothing but dist and src', strays.join('\n'));
  return archive;
}

function testPlugin(gradlet) {
  const generated = ['node_modules', 'dist'].map((name) => join(example, name));
  cpSync(example, author, { recursive: true, filter: (from) => !generated.includes(from) });
  const file = join(author, 'package.json');
  const { devDependencies, ...manifest } = JSON.parse(readFileSync(file, 'utf8'));
  writeFileSync(file, JSON.stringify(manifest));
  install(author, gradlet);
  for (const name of Object.keys(devDependencies).filter((name) => name !== 'gradlet')) {
    const link = join(author, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(root, 'node_modules', name), link, 'junction');
  }
  must(author, 'npm', 'test');
}

function packPlugin() {
  const { archive, files } = pack(author);
  const wanted = ['README.md', 'dist/index.d.ts', 'dist/index.js', 'package.json', 'src/index.ts'].join('\n');
  const found = files.sort().join('\n');
  expect(found === wanted, `the plug-in must hold\n${wanted}\n`, found);
  return archive;
}

function train(gradlet, plugin) {
  mkdirSync(user);
  writeFileSync(join(user, 'package.json'), '{ "type": "module" }');
  install(user, gradlet, plugin);
  const second = join(user, 'node_modules/gradlet-optimizer-qhadam/node_modules');
  expect(!existsSync(second), 'there must be one gradlet', `another one in ${second}`);
  const { ok, output } = compile(
    'train.ts',
    `import { createOptimizer, manualSeed, nn, tensor } from 'gradlet';
    import 'gradlet-optimizer-qhadam';

    manualSeed(1);
    const x = tensor([[0], [1], [2], [3]]);
    const y = tensor([[1], [3], [5], [7]]);
    const model = new nn.Linear(1, 1);
    const optimizer = createOptimizer('qhadam', model, {
      lr: 0.1,
      beta1: 0.9,
      clipNorm: 1,
      groups: [{ match: 'weight', nu1: 0.8 }],
    });
    const nu1: number = optimizer.groups[0]!.nu1;
    let loss = Infinity;
    for (let step = 0; step < 300; step++) {
      optimizer.zeroGrad();
      const error = nn.mseLoss(model.forward(x), y);
      error.backward();
      optimizer.step();
      loss = error.item();
    }
    console.log(JSON.stringify({ nu1, loss }));
    `,
  );
  expect(ok, 'a program with the plug-in must compile', output);
  const printed = must(user, 'node', 'train.js');
  const { nu1, loss } = JSON.parse(printed);
  expect(nu1 === 0.8 && loss < 1e-3, 'nu1 must be 0.8 and the loss below 0.001', printed);
}

function misspell() {
  const { ok, output } = compile(
    'misspelt.ts',
    `import { createOptimizer, nn } from 'gradlet';
    import 'gradlet-optimizer-qhadam';
    const model = new nn.Linear(1, 1);
    createOptimizer('qhadam', model, { nu3: 0.8 });
    createOptimizer('qhadm', model);
    `,
  );
  const lines = [...output.matchAll(/^misspelt\.ts\((\d+),/gm)].map(([, line]) => line);
  const found = !ok && lines.join() === '4,5' && output.includes("'nu3'") && output.includes('"qhadm"');
  expect(found, 'lines 4 and 5 of misspelt.ts must not compile, and no others', output || 'no error');
}

function step(name, run) {
  const begin = performance.now();
  try {
    const result = run();
    console.log(`${name}: ok, ${((performance.now() - begin) / 1000).toFixed(1)} s`);
    return result;
  } catch (error) {
    console.error(`${name}: FAILED`);
    throw error;
  }
}

try {
  const gradlet = step('gradlet is packed, without examples', packGradlet);
  step('the plug-in is compiled and tested beside it', () => testPlugin(gradlet));
  const plugin = step('the plug-in is packed, without tests', packPlugin);
  step('a user trains with both', () => train(gradlet, plugin));
  step('misspelt names and options do not compile', misspell);
} catch (error) {
  console.error(error instanceof Failure ? error.message : error);
  process.exitCode = 1;
} finally {
  rmSync(temporary, { recursive: true, force: true });
}
