import { written } from '../../src/optim/describe.ts';

/** A table; bars in cells are escaped. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

export const code = (text: string): string => `\`${text}\``;

/** A value as it is written in TypeScript; a number of many digits is rounded. */
export function literal(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`;
  const text = written(value);
  return text.length > 12 ? `≈ ${Number(value).toPrecision(3)}` : text;
}

/** `{ lr: 0.1, decay: 'decoupled' }` */
export const objectLiteral = (options: object): string => {
  const entries = Object.entries(options).map(([name, value]) => `${name}: ${literal(value)}`);
  return entries.length > 0 ? `{ ${entries.join(', ')} }` : '{}';
};

/** A page of its own, of blocks with blank lines between them. */
export const page = (title: string, ...blocks: readonly string[]): string =>
  `${[`---\ntitle: ${title}\n---`, `# ${title}`, ...blocks].join('\n\n')}\n`;
