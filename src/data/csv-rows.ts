import { show, ValueError } from '../core/errors.ts';

/** The cells of a row and the line it starts on, counted from 1. */
export interface Row {
  readonly cells: readonly string[];
  readonly line: number;
}

const LINE_END = /\r\n|\n|\r/y;

/**
 * Splits CSV text into rows as RFC 4180 has it: a cell in double quotes may hold delimiters, line ends and doubled quotes.
 * Besides, lines may end in LF or CR alone, a byte order mark and blank lines are skipped, and spaces around cells are dropped.
 */
export function readRows(where: string, text: string, delimiter: string): Row[] {
  const rows: Row[] = [];
  let at = text.startsWith('\uFEFF') ? 1 : 0;
  let line = 1;
  const isSpace = (c: string) => c !== delimiter && (c === ' ' || c === '\t');

  const skipSpaces = () => {
    while (at < text.length && isSpace(text[at]!)) at++;
  };

  const lineEnd = (from: number): number => {
    LINE_END.lastIndex = from;
    return LINE_END.exec(text)?.[0].length ?? 0;
  };

  const plainCell = (): string => {
    const start = at;
    while (at < text.length && text[at] !== delimiter && text[at] !== '\n' && text[at] !== '\r') {
      if (text[at] === '"') {
        throw new ValueError(
          where,
          `line ${line}: a cell with quotes must stand in quotes as a whole`,
          show(text.slice(start, at + 1)),
          'Write ""…"" inside "…".',
        );
      }
      at++;
    }
    return text.slice(start, at).trimEnd();
  };

  const quotedCell = (): string => {
    const startLine = line;
    let cell = '';
    for (;;) {
      const close = text.indexOf('"', at + 1);
      if (close < 0)
        throw new ValueError(where, `line ${startLine}: a quote must be closed`, 'the end of the text');
      const part = text.slice(at + 1, close);
      cell += part;
      line += part.split(/\r\n|\n|\r/).length - 1;
      at = close + 1;
      if (text[at] !== '"') break;
      cell += '"';
    }
    skipSpaces();
    if (at < text.length && text[at] !== delimiter && lineEnd(at) === 0) {
      const mustHold = `line ${line}: a delimiter or line end must follow the closing quote`;
      throw new ValueError(where, mustHold, show(text[at]), 'Inside quotes, write a quote twice.');
    }
    return cell;
  };

  while (at < text.length) {
    const startLine = line;
    const start = at;
    const cells: string[] = [];
    for (;;) {
      skipSpaces();
      cells.push(text[at] === '"' ? quotedCell() : plainCell());
      if (text[at] !== delimiter) break;
      at++;
    }
    const blank = cells.length === 1 && text.slice(start, at).trim() === '';
    if (!blank) rows.push({ cells, line: startLine });
    at += lineEnd(at);
    line++;
  }
  return rows;
}
