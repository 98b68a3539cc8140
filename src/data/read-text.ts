import { show, ValueError } from '../core/errors.ts';

/** Node's file system without an import that a bundler would see; undefined elsewhere. */
function nodeFiles(): typeof import('node:fs/promises') | undefined {
  return globalThis.process?.getBuiltinModule?.('node:fs/promises');
}

/** The text of a file (Node) or of an address. */
export async function readText(where: string, source: string | URL): Promise<string> {
  if (typeof source !== 'string' && !(source instanceof URL)) {
    throw new ValueError(where, 'the source must be a path or a URL', show(source), 'Use parseCsv for text.');
  }
  if (typeof source === 'string' && /[\r\n]/.test(source)) {
    throw new ValueError(
      where,
      'the source must be a path or a URL',
      'text with line ends',
      'Use parseCsv for text.',
    );
  }
  const files = /^https?:/i.test(String(source)) ? undefined : nodeFiles();
  return files ? readFile(where, source, files) : download(where, source);
}

async function readFile(
  where: string,
  source: string | URL,
  files: typeof import('node:fs/promises'),
): Promise<string> {
  const file = typeof source === 'string' && /^file:/i.test(source) ? new URL(source) : source;
  try {
    return await files.readFile(file, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const got = code === 'ENOENT' ? 'no such file' : code === 'EISDIR' ? 'a folder' : message;
    throw new ValueError(where, `${show(String(source))} must be a readable file`, got);
  }
}

async function download(where: string, source: string | URL): Promise<string> {
  const mustHold = `${show(String(source))} must answer`;
  let response: Response;
  try {
    response = await fetch(source);
  } catch (error) {
    const { message, cause } = error as Error;
    throw new ValueError(where, mustHold, cause instanceof Error ? cause.message : message);
  }
  if (response.ok) return response.text();
  throw new ValueError(where, mustHold, `${response.status} ${response.statusText}`.trim());
}
