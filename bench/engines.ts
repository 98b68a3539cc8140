// The programs that do the work, each a process of its own that stays alive and takes its turn.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';

const here = import.meta.dirname;
const peers = join(here, 'peers');

/** An engine's name, the source of its program, and what the program is given. */
interface Source {
  readonly name: string;
  readonly file: string;
  readonly args: readonly string[];
}

export const PYTORCH = 'PyTorch, 1 thread';
export const OWN: readonly Source[] = [
  { name: 'gradlet', file: 'engines/gradlet.ts', args: [] },
  { name: 'gradlet, scope', file: 'engines/gradlet.ts', args: ['scope'] },
  { name: 'by hand', file: 'engines/hand.ts', args: [] },
];
const PEERS: readonly Source[] = [
  { name: 'tfjs cpu', file: 'peers/tfjs.mjs', args: ['cpu'] },
  { name: 'tfjs wasm', file: 'peers/tfjs.mjs', args: ['wasm'] },
  { name: 'jax-js', file: 'peers/jax-js.mjs', args: [] },
  { name: 'js-pytorch', file: 'peers/js-pytorch.mjs', args: [] },
  { name: 'brain.js', file: 'peers/brain.mjs', args: [] },
  { name: PYTORCH, file: 'peers/pytorch.py', args: ['1'] },
  { name: 'PyTorch, 2 threads', file: 'peers/pytorch.py', args: ['2'] },
];

export const python = process.env.PYTHON ?? 'python3';

function hasTorch(): boolean {
  try {
    execFileSync(python, ['-c', 'import torch'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Installs the peers where they are missing, and gives those that can run here. */
export function peersFound(): Source[] {
  if (!existsSync(join(peers, 'node_modules'))) {
    console.log('Installing the peers into bench/peers/node_modules …');
    const flags = ['--no-audit', '--no-fund', '--ignore-scripts', '--no-package-lock'];
    execFileSync('npm', ['install', ...flags], { cwd: peers, stdio: 'inherit' });
  }
  const torch = hasTorch();
  if (!torch) console.log(`${python} has no PyTorch, so it is left out. $PYTHON may name one that has.`);
  return PEERS.filter(({ file }) => torch || !file.endsWith('.py'));
}

/**
 * Makes plain JavaScript of an engine, with nothing of its packages inside, in a folder beside it from which Node finds them:
 * gradlet as its users get it, in `dist/`, and the peers in theirs.
 */
export async function compiled(file: string): Promise<string> {
  const outfile = join(here, file, '../out', file.replace(/.*\/|\.\w+$/g, '').concat('.mjs'));
  await build({
    entryPoints: [join(here, file)],
    outfile,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'es2023',
    // without the paths that lead from gradlet to src/
    tsconfigRaw: {},
    logLevel: 'warning',
  });
  return outfile;
}

interface Reply {
  readonly error?: string;
  readonly missing?: boolean;
  readonly values?: readonly number[];
  readonly ms?: number;
  readonly version?: string;
  readonly node?: string;
}

/** What takes longer than this is given up. */
const PATIENCE = 45_000;

export class Engine {
  readonly name: string;
  version = '';
  /** Version of the Node that runs it; empty for another program. */
  node = '';
  readonly #command: string;
  readonly #args: readonly string[];
  #child: ChildProcess | undefined;
  #answered: (reply: Reply) => void = () => {};

  private constructor(name: string, command: string, args: readonly string[]) {
    this.name = name;
    this.#command = command;
    this.#args = args;
  }

  static async start({ name, file, args }: Source, node: string): Promise<Engine> {
    const engine = file.endsWith('.py')
      ? new Engine(name, python, [join(here, file), ...args])
      : new Engine(name, node, [await compiled(file), ...args]);
    await engine.#start();
    return engine;
  }

  async #start(): Promise<void> {
    const child = spawn(this.#command, this.#args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child = child;
    createInterface({ input: child.stdout! }).on('line', (line) => {
      if (this.#child === child && line.startsWith('@')) this.#answered(JSON.parse(line.slice(1)));
    });
    child.on('exit', () => {
      if (this.#child === child) this.#answered({ error: 'the program has ended' });
    });
    const { version, node, error } = await this.#next();
    if (error) throw new Error(`${this.name}: ${error}`);
    this.version = version!;
    this.node = node ?? '';
  }

  #next(): Promise<Reply> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve({ error: `no answer in ${PATIENCE / 1000} s` }), PATIENCE);
      this.#answered = (reply) => {
        clearTimeout(timer);
        resolve(reply);
      };
    });
  }

  /** After an error in the process it is started anew. */
  async ask(request: object): Promise<Reply> {
    this.#child!.stdin!.write(`${JSON.stringify(request)}\n`);
    const reply = await this.#next();
    if (reply.error !== undefined) {
      this.stop();
      await this.#start();
    }
    return reply;
  }

  stop(): void {
    const child = this.#child;
    this.#child = undefined;
    child?.kill();
  }
}
