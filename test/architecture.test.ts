import { readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { filesIn, root } from './docs/blocks.ts';

/** From the ground up. A folder may import from itself and from the rows above its own; src/index.ts from everywhere. */
const LAYERS = [
  ['core'],
  ['formula'],
  ['kernels'],
  ['tensor'],
  ['nn', 'optim'],
  ['data', 'train', 'inspect'],
  ['testing'],
];

const levelOf = (folder: string): number => LAYERS.findIndex((row) => row.includes(folder));
const folderOf = (file: string): string => file.split('/')[1]!;

const files = filesIn('src', '.ts').map((file) => {
  const text = readFileSync(join(root, file), 'utf8');
  return { file, text, source: ts.createSourceFile(file, text, ts.ScriptTarget.ESNext, true) };
});

function importsOf(file: string, text: string): string[] {
  return ts
    .preProcessFile(text)
    .importedFiles.map(({ fileName }) => fileName)
    .filter((name) => name.startsWith('.'))
    .map((name) => normalize(join(dirname(file), name)).replaceAll('\\', '/'));
}

function mayImport(from: string, to: string): boolean {
  if (from === 'src/index.ts') return to.startsWith('src/');
  if (!to.startsWith('src/') || to === 'src/index.ts') return false;
  return folderOf(from) === folderOf(to) || levelOf(folderOf(to)) < levelOf(folderOf(from));
}

function nodesOf(source: ts.SourceFile, kind: ts.SyntaxKind): ts.Node[] {
  const found: ts.Node[] = [];
  const visit = (node: ts.Node): void => {
    if (node.kind === kind) found.push(node);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

describe('architecture', () => {
  it('every folder of src has its layer', () => {
    const folders = new Set(
      files.filter(({ file }) => file !== 'src/index.ts').map(({ file }) => folderOf(file)),
    );
    expect([...folders].filter((folder) => levelOf(folder) < 0)).toEqual([]);
  });

  it(`imports go one way: ${LAYERS.map((row) => row.join(', ')).join(' → ')}`, () => {
    const wrong = files.flatMap(({ file, text }) =>
      importsOf(file, text)
        .filter((to) => !mayImport(file, to))
        .map((to) => `${file} imports ${to}`),
    );
    expect(wrong).toEqual([]);
  });

  it('notices imports that go the other way', () => {
    expect(mayImport('src/nn/linear.ts', 'src/tensor/tensor.ts')).toBe(true);
    expect(mayImport('src/tensor/tensor.ts', 'src/nn/linear.ts')).toBe(false);
    expect(mayImport('src/nn/linear.ts', 'src/optim/rules/index.ts')).toBe(false);
    expect(mayImport('src/nn/linear.ts', 'src/index.ts')).toBe(false);
    expect(mayImport('src/nn/linear.ts', 'shared/lab.ts')).toBe(false);
  });

  it('no file of src has more than 400 lines', () => {
    const long = files.map(({ file, text }) => ({ file, lines: text.trimEnd().split('\n').length }));
    expect(long.filter(({ lines }) => lines > 400)).toEqual([]);
  });

  it('no any in src', () => {
    const places = files.flatMap(({ file, source }) =>
      nodesOf(source, ts.SyntaxKind.AnyKeyword).map(
        (node) => `${file}:${source.getLineAndCharacterOfPosition(node.getStart()).line + 1}`,
      ),
    );
    expect(places).toEqual([]);
  });
});
