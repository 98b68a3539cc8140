import { variable } from '../../src/formula/expr.ts';
import { print } from '../../src/formula/notation.ts';
import { CompiledRule } from '../../src/optim/compiled.ts';
import { formulaRows } from '../../src/optim/describe.ts';
import { type AnyOptimizerClass, describeOptimizers } from '../../src/optim/index.ts';
import { everyKind } from '../../src/optim/kinds.ts';
import * as rules from '../../src/optim/rules/index.ts';
import { constantsIn, type DocComment, exportsOf, membersOf } from './doc-comments.ts';
import { latex, latexBlock } from './latex.ts';
import { code, literal, page, table } from './markdown.ts';

/** The families in the order in which one learns them; a new one comes last. */
const TITLES: Readonly<Record<string, string>> = {
  sgd: 'Gradient descent and momentum',
  adaptive: 'Adaptive learning rates',
  adam: 'The Adam family',
  'adam-kin': 'More kin of Adam',
  sign: 'Signs',
  'layer-wise': 'Layer by layer',
  matrix: 'Matrices',
  'schedule-free': 'Without a schedule',
  search: 'Searches',
};

/** An optimizer and what its doc comment says. */
export interface Entry {
  /** The name of its class. */
  readonly name: string;
  readonly optimizer: AnyOptimizerClass;
  readonly comment: DocComment;
}

export interface Family {
  readonly title: string;
  readonly entries: readonly Entry[];
}

const classes = new Map(Object.entries<AnyOptimizerClass>(rules));
const meanings = membersOf('src/optim/hyperparameters.ts', 'Hyperparameters');

/** The built-in optimizers, family by family. */
export function families(): Family[] {
  const files = exportsOf('src/optim/rules/index.ts');
  const order = [...new Set([...Object.keys(TITLES).filter((file) => files.includes(file)), ...files])];
  return order.map((file) => ({
    title: TITLES[file] ?? file[0]!.toUpperCase() + file.slice(1).replaceAll('-', ' '),
    entries: [...constantsIn(`src/optim/rules/${file}.ts`)].map(([name, comment]) => ({
      name,
      optimizer: classes.get(name)!,
      comment,
    })),
  }));
}

/** The first paragraph of a doc comment, without the name it begins with. */
function introductionOf({ name, comment }: Entry): string {
  const paragraph = comment.paragraphs[0]!;
  const [, called, rest] = /^([^:]*): (.*)$/.exec(paragraph) ?? [];
  const isName = called?.replace(/[^a-z]/gi, '').toLowerCase() === name.toLowerCase();
  return isName ? rest![0]!.toUpperCase() + rest!.slice(1) : paragraph;
}

const short = (n: number): string => String(Number(n.toPrecision(3)));

function overviewRow(entry: Entry): string[] {
  const { memory, onGpu } = describeOptimizers(entry.optimizer);
  return [
    `[${entry.name}](#${entry.name.toLowerCase()}) ${code(entry.optimizer.rule.name)}`,
    /^.*?\.(?= |$)/.exec(introductionOf(entry))![0],
    `${short(memory.numbersPerNumber)} … ${short(memory.most)}`,
    onGpu ? 'yes' : 'no',
  ];
}

/** What stands for an option in formulas, where that is not its name. */
function symbolOf(option: string): string {
  const printed = print(variable(option), latex);
  return printed === `\\mathrm{${option}}` ? '' : ` $${printed}$`;
}

function rangeOf(range: string): string {
  return range
    .split(' | ')
    .map((word) => code(/^[a-z]\w*$/i.test(word) && !/^(true|false)$/.test(word) ? `'${word}'` : word))
    .join(', ');
}

/** The meaning of an option; what it is by default stands beside it. */
const meaningOf = (option: string): string =>
  (meanings.get(option)?.paragraphs.join(' ') ?? '').replace(/ Default [^.]*\.$/, '');

function optionsTable(
  options: readonly string[],
  { defaults, ranges }: { readonly defaults: object; readonly ranges: object },
): string {
  const rows = options.map((option) => [
    code(option) + symbolOf(option),
    code(literal(defaults[option as never])),
    rangeOf(ranges[option as never]),
    meaningOf(option),
  ]);
  return table(['option', 'default', 'range', 'meaning'], rows);
}

/** A reference that ends in an address, as a link. */
function linked(reference: string): string {
  const [, words, url] = /^(.*), (https?:\S+)$/.exec(reference) ?? [];
  return url ? `[${words}](${url})` : reference;
}

const list = (items: readonly string[]): string => items.map((item) => `- ${item}`).join('\n');

function section(entry: Entry): string {
  const { name, optimizer, comment } = entry;
  const { rule } = optimizer;
  const description = describeOptimizers(optimizer);
  const { kept, countedOn } = description.memory;
  const own = [...new Set([...Object.keys(rule.defaults), ...Object.keys(rule.ranges ?? {})])];
  const { paper = [], differs = [] } = comment.tags;
  const facts = [
    `{@link ${name}}`,
    code(`createOptimizer('${rule.name}', …)`),
    kept.length > 0 ? `keeps ${kept.map((line) => code(line)).join(', ')}` : 'keeps nothing by default',
    ...(countedOn === 'every parameter' ? [] : [`counted on ${countedOn}`]),
    description.onGpu ? 'runs on a GPU, too' : 'runs on the host only',
  ];
  return [
    `### ${name}`,
    introductionOf(entry),
    facts.join(' · '),
    latexBlock(formulaRows(new CompiledRule(rule, everyKind), latex)),
    optionsTable(own, description),
    `**Published in** ${paper.map(linked).join('; ')}.`,
    ...(differs.length > 0 ? [`**In other libraries:**\n\n${list(differs)}`] : []),
  ].join('\n\n');
}

/** docs/optimizers.md: every built-in optimizer, from its rule and its doc comment. */
export function optimizersPage(): string {
  const all = families();
  const [first] = all.flatMap(({ entries }) => entries);
  const { rule } = first!.optimizer;
  const shared = Object.keys(new CompiledRule(rule, everyKind).defaults).filter(
    (option) => !(option in rule.defaults),
  );
  return page(
    'Optimizers',
    'Every built-in optimizer, printed from its rule by `npm run print:docs`: what is computed, what can be set, where it is from, ' +
      'and where other libraries differ. [Understanding optimizers](understanding-optimizers.md) tells how they come about, and ' +
      '[Conformance](conformance.md) how they were checked. {@link describeOptimizers} knows the same in a program, for plug-ins too.',
    '## Which there are',
    'The numbers kept are those for each number of a parameter: by default, and with every option on. One of these numbers is the ' +
      'first value of the parameter, for `towardInit`. GPU tells whether steps can run there.',
    table(
      ['class and name', 'what it is', 'numbers kept', 'GPU'],
      all.flatMap(({ entries }) => entries.map(overviewRow)),
    ),
    '## How to read the formulas',
    '$p$ is a parameter and $g_t$ its gradient in step $t = 1, 2, \\dots$, computed number by number. What has an index of time is ' +
      'kept from step to step and starts from 0, unless a line says otherwise: $m_{t-1}$ is the value before the step. ' +
      'All else is of this step. $\\lVert p \\rVert$ is a norm over one whole parameter. Behind the line of $p \\leftarrow$, $p$ is the new value. An ' +
      '`average` is what {@link Averaging.withAverages} puts in its place.',
    "$\\lambda \\, p$ stands for all decay that acts on the parameter past the moments, `decay: 'decoupled'`. Where it is missing, " +
      'decay is coupled by default, and part of $g_t$. So is clipping. An optimizer takes either way of decay as an option.',
    '## What all share',
    optionsTable(shared, describeOptimizers(first!.optimizer)),
    'Besides, every optimizer clips, and runs [schedules](schedules.md) of any option: see {@link ClippingOptions}, {@link StepOptions} and ' +
      '{@link GroupOptions}.',
    ...all.map(({ title, entries }) => [`## ${title}`, ...entries.map(section)].join('\n\n')),
  );
}
