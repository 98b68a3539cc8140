import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type VerifiedRow, verify } from '../../src/testing/index.ts';
import cases from '../../src/testing/optimizer-cases.json' with { type: 'json' };
import { loadReference } from '../../src/testing/reference.ts';
import { code, objectLiteral, page, table } from './markdown.ts';
import { type Entry, families } from './optimizers.ts';

const script = 'src/testing/optimizers.py';

/** The paragraphs in which the script tells how it computes, behind those that say what it writes. */
function words(): string[] {
  const source = readFileSync(join(import.meta.dirname, '../..', script), 'utf8');
  const [, docstring] = /^"""([\s\S]*?)"""/.exec(source)!;
  return docstring!
    .trim()
    .split(/\n\s*\n/)
    .slice(3)
    .map((paragraph) => paragraph.replace(/\s+/g, ' '));
}

/** The largest error, rounded up to one digit. */
function bound(errors: readonly number[]): string {
  const largest = Math.max(...errors);
  if (largest === 0) return '0';
  const power = Math.floor(Math.log10(largest));
  return Number(`${Math.ceil(largest / 10 ** power)}e${power}`).toExponential(0);
}

/** The rows of one optimizer, without its numbers of steps. */
interface Compared {
  readonly entry: Entry;
  readonly rows: readonly VerifiedRow[];
  readonly sets: readonly VerifiedRow[];
}

async function compared(entry: Entry): Promise<Compared> {
  const { rows } = await verify(entry.optimizer);
  return { entry, rows, sets: rows.filter(({ steps }) => steps === rows[0]!.steps) };
}

const libraries = (sets: readonly VerifiedRow[]): string => [...new Set(sets.map(({ by }) => by))].join(', ');

const sharedOptions = [...new Set(cases.shared.flatMap(Object.keys))];

function details({ entry, sets }: Compared): string {
  const own = new Set(sets.flatMap(({ options }) => Object.keys(options)));
  const covered = Object.keys(entry.optimizer.rule.defaults).filter((option) => own.has(option));
  const names =
    covered.length > 0 ? `own options <code>${covered.join('</code>, <code>')}</code>` : 'its defaults';
  // Markdown does not reach into a summary
  return [
    `<details><summary>${entry.name}: ${names}</summary>`,
    table(
      ['options', 'compared with'],
      sets.map(({ options, by }) => [code(objectLiteral(options)), by]),
    ),
    '</details>',
  ].join('\n\n');
}

/** docs/conformance.md: what the optimizers were compared with, and how far they are off. */
export async function conformancePage(): Promise<string> {
  const { generated, steps, start, gradients, rows } = await loadReference();
  const all: Compared[] = [];
  for (const { entries } of families()) for (const entry of entries) all.push(await compared(entry));
  const numbers = start.flat(Infinity).length;
  return page(
    'Conformance',
    `Every optimizer takes the same steps as PyTorch's, or as optax's where PyTorch has none: the numbers below are from ${generated}. ` +
      'This page is printed by `npm run print:docs` from the table of reference values in the package and from a run of the comparison.',
    '## What is compared',
    `${start.length} parameters with ${numbers} numbers in all get ${gradients.length} given gradients; there is no network, so nothing but ` +
      `the optimizer counts. After steps ${steps.slice(0, -1).join(', ')} and ${steps.at(-1)} every number is compared, and with it the averages that ` +
      `some optimizers keep: in float64 relative to each number, in float32 relative to the largest. In all ${rows.length} sets of options are ` +
      `compared: of each optimizer its own options, and those that all share, ${sharedOptions.map(code).join(', ')}, alone and together.`,
    ...words(),
    '## Do it again',
    'The reference values are part of the package, so nothing else is needed. `adam` stands for any optimizer here, and with `as` an ' +
      'optimizer of your own is compared with the rows of another.',
    "```ts\nimport { verify } from 'gradlet/testing';\nconst result = await verify('adam');\nresult.ok; // → true\n```",
    `\`python ${script}\` in the repository computes the reference values anew.`,
    '## How far they are off',
    'The largest error of all sets of options and steps, rounded up. More than 1e-12 in float64 or 1e-5 in float32 fails the tests.',
    table(
      ['optimizer', 'sets of options', 'compared with', 'float64', 'float32'],
      all.map(({ entry, rows, sets }) => [
        `[${entry.name}](optimizers.md#${entry.name.toLowerCase()})`,
        String(sets.length),
        libraries(sets),
        bound(rows.map(({ float64 }) => float64)),
        bound(rows.map(({ float32 }) => float32)),
      ]),
    ),
    '## With which options',
    'All options that a row does not name have their defaults. Where other libraries differ from what they are compared with here, ' +
      '[Optimizers](optimizers.md) says it at each of them.',
    ...all.map(details),
  );
}
