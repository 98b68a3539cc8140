import { join } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { allBlocks, type Block, blocksIn, root, run, text } from './blocks.ts';

const packages: Record<string, () => Promise<unknown>> = {
  gradlet: () => import('gradlet'),
  'gradlet/nn': () => import('gradlet/nn'),
  'gradlet/optim': () => import('gradlet/optim'),
  'gradlet/data': () => import('gradlet/data'),
  'gradlet/testing': () => import('gradlet/testing'),
  'gradlet-optimizer-qhadam': () => import('../../examples/optimizer-plugin/src/index.ts'),
};

const load = (name: string): Promise<unknown> => packages[name]?.() ?? import(/* @vite-ignore */ name);

async function runAndCheck(block: Block): Promise<void> {
  const { ran, checks } = await run(block, load, (value, expected, line) => {
    const shown = text(value)
      .split('\n')
      .map((part) => part.trim())
      .join('\n');
    expect(shown, `${block.file}:${line}`).toBe(expected);
  });
  expect(new Set(ran), `${block.file}: lines whose "// →" was reached`).toEqual(new Set(checks));
}

const blocks = allBlocks();

describe('examples of doc comments and guides', () => {
  for (const block of blocks.filter(({ run }) => run)) {
    it(`${block.file}:${block.line}`, () => runAndCheck(block));
  }

  it('type-check', () => {
    expect(typeErrors(blocks)).toEqual([]);
  }, 60_000);
});

describe('the example runner', () => {
  const block = (...lines: string[]): Block => blocksIn('page.md', ['```ts', ...lines, '```'])[0]!;

  it('finds the examples', () => {
    expect(blocks.filter(({ file }) => file.startsWith('src/')).length).toBeGreaterThan(10);
    expect(blocks.some(({ file }) => file === 'README.md')).toBe(true);
  });

  it('accepts what is right, over several lines', async () => {
    await runAndCheck(block('[1, 2]; // → [1,2]', '3;', '// → 3', '`a\n  b`; // → a', '         //   b'));
  });

  it('fails where a value differs', async () => {
    await expect(runAndCheck(block('1 + 1; // → 3'))).rejects.toThrow('page.md:2');
  });

  it('fails where a checked line is never reached', async () => {
    await expect(runAndCheck(block('if (Math.PI > 4) {', '  1; // → 1', '}'))).rejects.toThrow('was reached');
  });

  it('fails where the arrow stands behind something without a value', async () => {
    await expect(runAndCheck(block('const x = 1; // → 1'))).rejects.toThrow('must follow an expression');
  });

  it('fails where types are wrong', () => {
    expect(typeErrors([block('const x: string = 1;')])).toEqual([expect.stringContaining('page.md:2')]);
  });
});

/** Type errors of all blocks, each a module of its own inside the repository. */
function typeErrors(all: readonly Block[]): string[] {
  const config = ts.getParsedCommandLineOfConfigFile(join(root, 'tsconfig.json'), {}, {
    ...ts.sys,
    onUnRecoverableConfigFileDiagnostic: () => {},
  } as ts.ParseConfigFileHost)!;
  const files = new Map(all.map((block, i) => [join(root, `example-${i}.ts`), block]));
  const host = ts.createCompilerHost(config.options);
  const { getSourceFile, fileExists, readFile } = host;
  host.fileExists = (file) => files.has(file) || fileExists.call(host, file);
  host.readFile = (file) => files.get(file)?.code ?? readFile.call(host, file);
  host.getSourceFile = (file, options, ...rest) => {
    const block = files.get(file);
    return block
      ? ts.createSourceFile(file, block.code, options)
      : getSourceFile.call(host, file, options, ...rest);
  };
  const program = ts.createProgram([...files.keys()], config.options, host);
  const diagnostics = [...files.keys()].flatMap((file) => {
    const source = program.getSourceFile(file)!;
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
  });
  return diagnostics.map((diagnostic) => {
    const block = files.get(diagnostic.file!.fileName)!;
    const { line } = diagnostic.file!.getLineAndCharacterOfPosition(diagnostic.start!);
    return `${block.file}:${block.line + line}: ${ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n')}`;
  });
}
