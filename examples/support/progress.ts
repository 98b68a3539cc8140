/** The part of a terminal that a progress line needs. */
export interface Terminal {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** A line that is rewritten in place while something runs; nothing of it is seen where the output is no terminal. */
export class ProgressLine {
  readonly #out: Terminal;
  #shownAt = 0;

  constructor(out: Terminal = process.stdout) {
    this.#out = out;
  }

  /** Shows a text made by `text`, at most every 50 ms. */
  update(text: () => string): void {
    const now = performance.now();
    if (!this.#out.isTTY || now - this.#shownAt < 50) return;
    this.#shownAt = now;
    this.#out.write(`\r\x1b[2K${text().slice(0, (this.#out.columns || 80) - 1)}`);
  }

  /** Puts a lasting line in the place of the progress. */
  done(text: string): void {
    this.#shownAt = 0;
    this.#out.write(`${this.#out.isTTY ? '\r\x1b[2K' : ''}${text}\n`);
  }
}

/** `4.2 s`, `38 s`, `2 min 05 s` */
export function duration(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 59.5) return `${Math.round(seconds)} s`;
  const rounded = Math.round(seconds);
  return `${Math.floor(rounded / 60)} min ${String(rounded % 60).padStart(2, '0')} s`;
}

export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** Lines of a text table: the first column to the left, the others to the right. */
export function textTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((_, i) => Math.max(...[header, ...rows].map((row) => row[i]!.length)));
  const show = (row: readonly string[]) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('   ');
  return [show(header), widths.map((w) => '─'.repeat(w)).join('───'), ...rows.map(show)].join('\n');
}
