import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

export const root = join(import.meta.dirname, '../..');

/** A fenced TypeScript example of a doc comment or a Markdown page. */
export interface Block {
  readonly file: string;
  /** Line of the file on which the first line of `code` stands, counted from 1. */
  readonly line: number;
  readonly code: string;
  /** False for ` ```ts no-run `: only type-checked. */
  readonly run: boolean;
}

/** Files of a folder and its subfolders by ending, as paths from the root with forward slashes. */
export function filesIn(folder: string, ending: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith(ending))
    .map((file) => `${folder}/${file.replaceAll('\\', '/')}`)
    .sort();
}

/** All pages a reader meets outside the source. */
export const pages = [
  'README.md',
  'CONTRIBUTING.md',
  'examples/optimizer-plugin/README.md',
  ...filesIn('docs', '.md'),
];

export function allBlocks(): Block[] {
  const read = (file: string) => readFileSync(join(root, file), 'utf8').split('\n');
  return [
    ...[...filesIn('src', '.ts'), ...filesIn('examples/optimizer-plugin/src', '.ts')].flatMap((file) =>
      blocksIn(file, commentLines(read(file))),
    ),
    ...pages.flatMap((file) => blocksIn(file, read(file))),
  ];
}

/** Keeps the text of doc comments and blanks the code between them, so that line numbers stay. */
function commentLines(lines: string[]): string[] {
  let inside = false;
  return lines.map((line) => {
    const opens = !inside && /^\s*\/\*\*/.test(line);
    const text = inside ? line.replace(/^\s*\* ?/, '') : '';
    inside = (inside || opens) && !line.includes('*/');
    return text;
  });
}

export function blocksIn(file: string, lines: readonly string[]): Block[] {
  const blocks: Block[] = [];
  for (let i = 0; i < lines.length; i++) {
    const fence = /^(\s*)```(\S*)\s*(.*)$/.exec(lines[i]!);
    if (!fence) continue;
    const [, indent, language, flags] = fence;
    const end = lines.findIndex((line, at) => at > i && line.trim() === '```');
    if (end < 0) throw new Error(`${file}:${i + 1}: this \`\`\` is never closed`);
    if (language === 'ts') {
      const code = lines.slice(i + 1, end).map((line) => line.slice(indent!.length));
      blocks.push({ file, line: i + 2, code: code.join('\n'), run: flags !== 'no-run' });
    }
    i = end;
  }
  return blocks;
}

/** What the text `// → text` behind an expression says its value prints as. */
export type Check = (value: unknown, expected: string, line: number) => void;

/**
 * Turns `expression; // → text` into a call of `check` and the whole block into an async function of
 * `(require, check)`. The arrow may also stand on the next line; lines of `//`
 * comments below it continue the text.
 */
export function compile(block: Block): { code: string; checks: number[] } {
  const source = ts.createSourceFile('block.ts', block.code, ts.ScriptTarget.ESNext, true);
  const lines = block.code.split('\n');
  const wanted = new Set(lines.flatMap((line, i) => (line.includes('// →') ? [i] : [])));
  const checks: number[] = [];
  const edits: { start: number; end: number; text: string }[] = [];

  const visit = (node: ts.Node): void => {
    const arrow = /^[ \t]*\n?[ \t]*\/\/ →(.*)/.exec(block.code.slice(node.getEnd()));
    if (!ts.isExpressionStatement(node) || !arrow) {
      ts.forEachChild(node, visit);
      return;
    }
    const last = source.getLineAndCharacterOfPosition(node.getEnd()).line;
    const line = last + (arrow[0].includes('\n') ? 1 : 0);
    const expected = [arrow[1]!.trim()];
    for (let i = line + 1; /^\s*\/\/(?! →)/.test(lines[i] ?? ''); i++) {
      expected.push(lines[i]!.replace(/^\s*\/\//, '').trim());
    }
    const value = node.expression.getText();
    const text = `check(${value}, ${JSON.stringify(expected.join('\n'))}, ${block.line + line});`;
    edits.push({ start: node.getStart(), end: node.getEnd(), text });
    wanted.delete(line);
    checks.push(block.line + line);
  };
  visit(source);
  for (const line of wanted) {
    throw new Error(`${block.file}:${block.line + line}: "// →" must follow an expression statement`);
  }

  let code = block.code;
  for (const { start, end, text } of edits.reverse()) code = code.slice(0, start) + text + code.slice(end);
  const { outputText } = ts.transpileModule(code, {
    compilerOptions: {
      module: ts.ModuleKind.CommonJS,
      target: ts.ScriptTarget.ES2023,
      esModuleInterop: true,
    },
  });
  return { code: outputText, checks };
}

/** How an example shows a value. */
export function text(value: unknown): string {
  const json =
    Array.isArray(value) || (value !== null && Object.getPrototypeOf(Object(value)) === Object.prototype);
  return json ? JSON.stringify(value) : String(value);
}

/** Runs a block; `load` resolves its imports. Returns the lines whose checks ran. */
export async function run(
  block: Block,
  load: (name: string) => Promise<unknown>,
  check: Check,
): Promise<{ ran: number[]; checks: number[] }> {
  const { code, checks } = compile(block);
  const modules = new Map<string, unknown>();
  for (const { fileName } of ts.preProcessFile(block.code).importedFiles)
    modules.set(fileName, await load(fileName));
  const ran: number[] = [];
  const AsyncFunction = (async () => {}).constructor as new (
    ...args: string[]
  ) => (...args: unknown[]) => Promise<void>;
  const body = new AsyncFunction('exports', 'require', 'check', 'console', code);
  const quiet = { ...console, log: () => {} };
  await body(
    {},
    (name: string) => modules.get(name),
    (value: unknown, expected: string, line: number) => {
      ran.push(line);
      check(value, expected, line);
    },
    quiet,
  );
  return { ran, checks };
}
