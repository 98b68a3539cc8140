// What is paid before the first training step: time to start, and bytes to load.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build, type Plugin } from 'esbuild';
import { compiled, python } from './engines.ts';
import type { Measured } from './measure.ts';

const here = import.meta.dirname;

/** Each trains 64-64-10 on one batch, then writes a line; given `import`, it writes it when all is imported. */
const programs: Record<string, readonly [file: string, ...args: string[]]> = {
  gradlet: ['programs/gradlet.ts'],
  'by hand': ['programs/hand.ts'],
  'tfjs cpu': ['peers/start/tfjs.mjs', 'cpu'],
  'tfjs wasm': ['peers/start/tfjs.mjs', 'wasm'],
  'jax-js': ['peers/start/jax-js.mjs'],
  'js-pytorch': ['peers/start/js-pytorch.mjs'],
  'PyTorch, 1 thread': ['peers/start/pytorch.py', '1'],
};

/** Milliseconds from the start of the process to its first line. */
function untilFirstLine(command: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    child.stdout.on('data', (text) => {
      said += text;
      if (!said.includes('@ready')) return;
      resolve(performance.now() - start);
      child.kill();
    });
    child.on('exit', () => reject(new Error(`${args[0]} ended before its first step`)));
  });
}

/** Processes take turns, like everything else; the first round is for the disk. */
export async function coldStarts(
  engines: readonly string[],
  node: string,
  rounds: number,
): Promise<{ first: Measured[]; imported: Measured[] }> {
  const commands: { engine: string; command: string; args: string[] }[] = [];
  for (const engine of engines) {
    const [file, ...args] = programs[engine] ?? [];
    if (!file) continue;
    const own = file.endsWith('.py');
    commands.push({
      engine,
      command: own ? python : node,
      args: [own ? join(here, file) : await compiled(file), ...args],
    });
  }
  const rest = { first: new Map<string, number[]>(), imported: new Map<string, number[]>() };
  for (let round = -1; round < rounds; round++) {
    for (const { engine, command, args } of commands) {
      const [first, imported] = [
        await untilFirstLine(command, args),
        await untilFirstLine(command, [...args, 'import']),
      ];
      if (round < 0) continue;
      rest.first.set(engine, [...(rest.first.get(engine) ?? []), first]);
      rest.imported.set(engine, [...(rest.imported.get(engine) ?? []), imported]);
    }
  }
  const list = (of: Map<string, number[]>): Measured[] =>
    [...of].map(([engine, list]) => ({ engine, rounds: list }));
  return { first: list(rest.first), imported: list(rest.imported) };
}

/** What is imported when it is asked for is no part of what is loaded at the start. */
const atStart: Plugin = {
  name: 'at start',
  setup(build) {
    build.onResolve({ filter: /./ }, ({ kind, path }) =>
      kind === 'dynamic-import' ? { path, external: true } : undefined,
    );
  },
};

/** kB of the program with all that it loads at the start. gradlet's is the longest of them: it reads a CSV file, splits, shuffles and tests. */
export async function bundleSizes(engines: readonly string[]): Promise<Measured[]> {
  const sizes: Measured[] = [];
  for (const engine of engines) {
    const file = engine === 'gradlet' ? 'programs/digits.ts' : programs[engine]?.[0];
    // what the wasm backend loads besides is no part of its bundle
    if (!file || file.endsWith('.py') || engine === 'tfjs wasm' || engine === 'by hand') continue;
    try {
      const { outputFiles } = await build({
        entryPoints: [join(here, file)],
        bundle: true,
        minify: true,
        write: false,
        format: 'esm',
        platform: 'browser',
        external: ['gpu.js'],
        tsconfigRaw: {},
        logLevel: 'silent',
        plugins: [atStart],
      });
      sizes.push({ engine, rounds: [gzipSync(outputFiles[0]!.contents, { level: 9 }).length / 1000] });
    } catch {
      sizes.push({ engine, rounds: [], broken: 'needs Node' });
    }
  }
  return sizes;
}
