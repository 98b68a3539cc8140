// What each library brings along: `npm run build && node bench/peers/sizes.mjs`.
// Installs every library, gradlet as it would be published, into an empty folder of its own; bundles all of its exports
// for the browser; and asks for the second derivative of tanh at 0.5, which is −2 · tanh · (1 − tanh²) = −0.7269.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const root = join(import.meta.dirname, '../..');
const pack = mkdtempSync(join(tmpdir(), 'gradlet-'));
execFileSync('npm', ['pack', '--ignore-scripts', '--pack-destination', pack], { cwd: root, stdio: 'ignore' });

/** Package, what to install, and a program that prints the second derivative. */
const libraries = {
  gradlet: [
    join(pack, readdirSync(pack)[0]),
    `import { grad, tensor } from 'gradlet';
     const x = tensor(0.5, { requiresGrad: true });
     console.log(grad(grad(x.tanh(), x, { createGraph: true }), x).item());`,
  ],
  '@tensorflow/tfjs': [
    '@tensorflow/tfjs@4.22.0',
    `import * as tf from '@tensorflow/tfjs';
     console.log(tf.grad(tf.grad((x) => tf.tanh(x)))(tf.scalar(0.5)).dataSync()[0]);`,
  ],
  '@jax-js/jax': [
    '@jax-js/jax@0.1.25',
    `import { grad, numpy as np } from '@jax-js/jax';
     console.log(grad(grad((x) => np.tanh(x)))(0.5).js());`,
  ],
  'js-pytorch': [
    'js-pytorch@0.7.2',
    `import { torch } from 'js-pytorch';
     const x = torch.tensor([0.5], true);
     console.log(torch.tanh(x));`,
  ],
};

const megabytes = (folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0) / 1e6;

async function bundled(folder, name) {
  try {
    const stdin = { contents: `export * from '${name}'`, resolveDir: folder };
    const options = { bundle: true, minify: true, format: 'esm', platform: 'browser', write: false };
    const { outputFiles } = await build({ ...options, stdin, external: ['gpu.js'], logLevel: 'silent' });
    return `${(gzipSync(outputFiles[0].contents, { level: 9 }).length / 1000).toFixed(0)} kB`;
  } catch {
    return 'needs Node';
  }
}

console.log('| library | installed | all of it, minified + gzip | tanh″(0.5) |\n| --- | --- | --- | --- |');
for (const [name, [source, program]] of Object.entries(libraries)) {
  const folder = mkdtempSync(join(tmpdir(), 'peer-'));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  execFileSync('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', source], {
    cwd: folder,
    stdio: 'ignore',
  });
  writeFileSync(join(folder, 'main.mjs'), program);
  let answer;
  try {
    const out = execFileSync('node', ['main.mjs'], {
      cwd: folder,
      encoding: 'utf8',
      stdio: 'pipe',
      timeout: 60_000,
    });
    answer = Number(out.trim().split('\n').at(-1)).toFixed(4);
  } catch {
    answer = 'not possible';
  }
  const { version } = JSON.parse(readFileSync(join(folder, 'node_modules', name, 'package.json'), 'utf8'));
  const size = `${megabytes(join(folder, 'node_modules')).toFixed(1)} MB`;
  console.log(`| ${name} ${version} | ${size} | ${await bundled(folder, name)} | ${answer} |`);
}
