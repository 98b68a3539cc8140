import { join } from 'node:path';
import ts from 'typescript';
import { beforeAll, describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
const dist = join(root, 'published');
const user = join(root, 'user.ts');

/** A program of a user, with `|` where the cursor stands. */
const text = `
import { createOptimizer, defineOptimizer, registerOptimizer, tensor, Adam } from 'gradlet';
export const Mine = defineOptimizer({
  name: 'mine',
  paper: '',
  defaults: { lr: 0.1, tilt: 0.5 },
  lines: { delta: ({ g }, { tilt }) => g * tilt },
});
declare module 'gradlet' {
  interface OptimizerRules {
    mine: typeof Mine;
  }
}
registerOptimizer(Mine);
const w = tensor([1], { requiresGrad: true });
createOptimizer('mine', [w], { tilt: 1, weightDecay: 0.1 });
createOptimizer('adam', [w], { beta1: 0.8 }).groups[0]!.beta1 = 0.9;
createOptimizer('mine', [w], { tlit: 1 });
createOptimizer('mien', [w]);
createOptimizer('|', [w]);
createOptimizer('mine', [w], { | });
new Adam([{ params: [w], | }]);
new Adam([w], { decay: '|' });
new Ad|am([w]);
createOptimizer('adam', [w], { bet|a1: 0.8 });
new Adam([{ params: [w], weight|Decay: 0 }]);
new Adam([w], { clip|Norm: 1 });
new Adam([w]).groups[0]!.e|ps;
`;

/** What an editor knows of the program, over the declarations that are published. */
class Editor {
  readonly #text = text.replaceAll('|', '');
  readonly #files = new Map([[user, this.#text]]);
  readonly #service: ts.LanguageService;

  constructor() {
    const { options } = ts.getParsedCommandLineOfConfigFile(join(root, 'tsconfig.build.json'), {}, {
      ...ts.sys,
      onUnRecoverableConfigFileDiagnostic: () => {},
    } as ts.ParseConfigFileHost)!;
    const build = { ...options, emitDeclarationOnly: true, declarationMap: false, outDir: dist };
    ts.createProgram([join(root, 'src/index.ts')], build).emit(undefined, (name, emitted) => {
      this.#files.set(name, emitted);
    });
    const settings = {
      ...options,
      noEmit: true,
      rootDir: root,
      paths: { gradlet: [join(dist, 'index.d.ts')] },
    };
    const readFile = (name: string): string | undefined => this.#files.get(name) ?? ts.sys.readFile(name);
    this.#service = ts.createLanguageService({
      getCompilationSettings: () => settings,
      getScriptFileNames: () => [user],
      getScriptVersion: () => '1',
      getScriptSnapshot: (name) => {
        const found = readFile(name);
        return found === undefined ? undefined : ts.ScriptSnapshot.fromString(found);
      },
      getCurrentDirectory: () => root,
      getDefaultLibFileName: ts.getDefaultLibFilePath,
      fileExists: (name) => this.#files.has(name) || ts.sys.fileExists(name),
      readFile,
      directoryExists: (name) => name.startsWith(dist) || ts.sys.directoryExists(name),
    });
  }

  /** The errors of a line of the program. */
  errors(line: string): string[] {
    const from = this.#text.indexOf(line);
    const all = [
      ...this.#service.getSyntacticDiagnostics(user),
      ...this.#service.getSemanticDiagnostics(user),
    ];
    return all
      .filter(({ start }) => start! >= from && start! < from + line.length)
      .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
  }

  #cursor(line: string): number {
    const at = text.indexOf(line) + line.indexOf('|');
    return at - [...text.slice(0, at)].filter((c) => c === '|').length;
  }

  completions(line: string): string[] {
    const found = this.#service.getCompletionsAtPosition(user, this.#cursor(line), {});
    return found?.entries.map(({ name }) => name) ?? [];
  }

  hover(line: string): string {
    return ts.displayPartsToString(
      this.#service.getQuickInfoAtPosition(user, this.#cursor(line))?.documentation,
    );
  }
}

describe('the published declarations', { timeout: 60_000 }, () => {
  let editor: Editor;
  beforeAll(() => {
    editor = new Editor();
  }, 60_000);

  it('take a plug-in by augmenting the package', () => {
    expect(editor.errors("createOptimizer('mine', [w], { tilt: 1, weightDecay: 0.1 });")).toEqual([]);
    expect(editor.errors("createOptimizer('adam', [w], { beta1: 0.8 }).groups")).toEqual([]);
    expect(editor.errors("createOptimizer('mine', [w], { tlit: 1 });")).toEqual([
      expect.stringContaining("'tlit'"),
    ]);
    expect(editor.errors("createOptimizer('mien', [w]);")).toEqual([expect.stringContaining('"mien"')]);
  });

  it('complete names, and the options of each', () => {
    expect(editor.completions("createOptimizer('|'")).toEqual(
      expect.arrayContaining(['sgd', 'nadam', 'mine']),
    );
    const options = editor.completions("createOptimizer('mine', [w], { | }");
    expect(options).toEqual(
      expect.arrayContaining(['lr', 'tilt', 'weightDecay', 'decay', 'clipNorm', 'gpu']),
    );
    expect(options).not.toContain('beta1');
    expect(editor.completions('[{ params: [w], | }]')).toEqual(expect.arrayContaining(['beta1', 'lr']));
    expect(editor.completions("decay: '|'")).toEqual(['coupled', 'decoupled']);
  });

  it('say on hover what an optimizer and an option are', () => {
    expect(editor.hover('new Ad|am')).toContain('running mean of gradients');
    expect(editor.hover('bet|a1')).toContain('first moment');
    expect(editor.hover('weight|Decay')).toContain('towards 0');
    expect(editor.hover('clip|Norm')).toContain('norm');
    expect(editor.hover('.e|ps')).toContain('outside');
  });
});
