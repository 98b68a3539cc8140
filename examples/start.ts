// `npm start`: the optimizer comparison on irises, then handwritten digits.
import { relative } from 'node:path';
import { parseArgs } from 'node:util';
import { GradletError, optimizerNames } from 'gradlet';
import { digits } from './digits.ts';
import { iris, irisDefaults } from './iris.ts';
import { isMain } from './support/main.ts';
import { duration } from './support/progress.ts';
import { watchOptimizers } from './surfaces.ts';

const help = `Trains networks on real data and draws the curves.

npm start                                                    irises, then digits
npm start -- --optimizers adamw,nadam --epochs 100           irises with these optimizers, then digits
npm start -- iris                                            only the one named: iris, digits or surfaces
npm start -- surfaces                                        pictures of optimizers at work

  -o, --optimizers a,b,…  for the irises, any of ${optimizerNames().join(', ')}, or all
                          (default ${irisDefaults.optimizers.join(',')})
  -e, --epochs n          for the irises (default ${irisDefaults.epochs})
      --lr x              learning rate for the irises (default ${irisDefaults.lr})
      --seed n            for everything random (default ${irisDefaults.seed})
  -h, --help              shows this`;

const JOBS = ['iris', 'digits', 'surfaces'];

class UsageError extends Error {}

function readArguments(args: readonly string[]) {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      optimizers: { type: 'string', short: 'o' },
      epochs: { type: 'string', short: 'e' },
      lr: { type: 'string' },
      seed: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  const number = (name: 'epochs' | 'lr' | 'seed', accepts: (n: number) => boolean, mustBe: string) => {
    const text = values[name];
    if (text === undefined) return irisDefaults[name];
    if (text.trim() === '' || !accepts(Number(text)))
      throw new UsageError(`--${name} must be ${mustBe}, got "${text}".`);
    return Number(text);
  };
  const unknown = positionals.find((name) => !JOBS.includes(name));
  if (unknown !== undefined) throw new UsageError(`There is iris, digits and surfaces, got "${unknown}".`);
  const names =
    values.optimizers === 'all' ? optimizerNames() : values.optimizers?.split(/[\s,]+/).filter(Boolean);
  return {
    help: values.help,
    runs: (name: string) => (positionals.length === 0 ? name !== 'surfaces' : positionals.includes(name)),
    iris: {
      optimizers: names?.length ? [...new Set(names)] : irisDefaults.optimizers,
      epochs: number('epochs', (n) => Number.isInteger(n) && n >= 1, 'a whole number ≥ 1'),
      lr: number('lr', (n) => n >= 0 && n < Infinity, 'a number ≥ 0'),
      seed: number('seed', Number.isSafeInteger, 'a whole number'),
    },
  };
}

async function run(args: readonly string[]): Promise<void> {
  const chosen = readArguments(args);
  if (chosen.help) return console.log(help);
  const begin = performance.now();
  const written: string[] = [];
  const { seed } = chosen.iris;
  for (const [i, name] of JOBS.filter(chosen.runs).entries()) {
    if (i > 0) console.log();
    if (name === 'iris') written.push(...(await iris(chosen.iris)));
    if (name === 'digits') await digits({ seed });
    if (name === 'surfaces') written.push(...(await watchOptimizers({ seed })));
  }
  console.log(`\nDone in ${duration((performance.now() - begin) / 1000)}.`);
  if (written.length > 0) {
    const files = new Intl.ListFormat('en').format(written.map((file) => relative('.', file)));
    console.log(`The curves are in ${files}: open the first in a browser.`);
  }
  console.log(`
Next:
  npm start -- --optimizers all --epochs 200    compares every optimizer there is
  npm start -- surfaces                         draws optimizers at work on surfaces, and how learning rates matter
  npx tsx examples/quick-start.ts               fits a curve in 15 lines
  npx tsx examples/convolution.ts               reads the digits with convolutions
  npx tsx examples/custom-optimizer.ts          defines an optimizer of your own and lets it compete`);
}

/** Runs what the command line asks for; gives the exit code. */
export async function start(args: readonly string[]): Promise<number> {
  try {
    await run(args);
    return 0;
  } catch (error) {
    // what was typed wrong needs no stack
    const { message, code } = error as Error & { code?: string };
    const typed = error instanceof UsageError || code?.startsWith('ERR_PARSE_ARGS');
    if (!typed && !(error instanceof GradletError)) throw error;
    console.error(typed ? `${message.replace(/\. .*|\.$/, '')}. See npm start -- --help.` : message);
    return 1;
  }
}

if (isMain(import.meta.url)) process.exitCode = await start(process.argv.slice(2));
