import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

const root = join(import.meta.dirname, '../..');

/** A doc comment, taken apart. */
export interface DocComment {
  /** Its paragraphs before the first tag. */
  readonly paragraphs: readonly string[];
  /** The texts of its tags, by their names. */
  readonly tags: Readonly<Record<string, readonly string[]>>;
}

const sourceOf = (file: string): ts.SourceFile =>
  ts.createSourceFile(file, readFileSync(join(root, file), 'utf8'), ts.ScriptTarget.ESNext, true);

const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim();

const textOf = (comment: ts.JSDoc['comment']): string => ts.getTextOfJSDocComment(comment) ?? '';

function commentOf(node: ts.Node): DocComment {
  const [doc] = ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc);
  const tags: Record<string, string[]> = {};
  for (const { tagName, comment } of doc?.tags ?? []) {
    tags[tagName.text] = [...(tags[tagName.text] ?? []), oneLine(textOf(comment))];
  }
  const paragraphs = textOf(doc?.comment)
    .split(/\n\s*\n/)
    .map(oneLine);
  return { paragraphs, tags };
}

/** The doc comments of the constants that a file exports, in order. */
export function constantsIn(file: string): Map<string, DocComment> {
  const statements = sourceOf(file).statements.filter(ts.isVariableStatement);
  const exported = statements.filter(({ modifiers }) =>
    modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword),
  );
  return new Map(
    exported.flatMap((statement) =>
      statement.declarationList.declarations.map(
        ({ name }) => [name.getText(), commentOf(statement)] as const,
      ),
    ),
  );
}

/** The doc comments of the members of a class or interface, in order. */
export function membersOf(file: string, name: string): Map<string, DocComment> {
  const members = sourceOf(file).statements.flatMap(
    (statement): readonly (ts.ClassElement | ts.TypeElement)[] =>
      (ts.isClassDeclaration(statement) || ts.isInterfaceDeclaration(statement)) &&
      statement.name?.text === name
        ? [...statement.members]
        : [],
  );
  return new Map(members.map((member) => [member.name!.getText(), commentOf(member)]));
}

/** The files that a file exports everything from, in order, by their names without an ending. */
export function exportsOf(file: string): string[] {
  return sourceOf(file)
    .statements.filter(ts.isExportDeclaration)
    .map(({ moduleSpecifier }) => /(\S+)\.ts$/.exec((moduleSpecifier as ts.StringLiteral).text)![1]!)
    .map((path) => path.replace('./', ''));
}
