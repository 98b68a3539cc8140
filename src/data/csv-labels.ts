import { allocate } from '../core/dtype.ts';
import { show, suggest, ValueError } from '../core/errors.ts';
import { Tensor } from '../tensor/index.ts';
import { type Column, isNumeric, type NumberKind, readNumber } from './csv-numbers.ts';
import type { Row } from './csv-rows.ts';

interface Labels {
  readonly labels: Tensor;
  readonly classes: readonly string[];
}

/** Labels as class indices or as numbers, see {@link LabeledCsvOptions.classes}. */
export function readLabels(
  where: string,
  rows: readonly Row[],
  column: Column,
  dtype: NumberKind,
  classes: boolean | readonly string[] | undefined,
): Labels {
  const cells = rows.map((row) => row.cells[column.index]!);
  const missing = rows[cells.indexOf('')];
  if (missing) {
    throw new ValueError(
      where,
      `line ${missing.line}, column ${show(column.name)}: a label must stand here`,
      'an empty cell',
      'Leave out rows without a label.',
    );
  }
  if (Array.isArray(classes)) return classLabels(where, rows, column, cells, classes);
  if (classes ?? !cells.every(isNumeric)) return classLabels(where, rows, column, cells, sorted(cells));
  const whole = cells.every((cell) => Number(cell) === (Number(cell) | 0));
  const kind = whole ? 'int32' : dtype === 'int32' ? 'float32' : dtype;
  const values = allocate(kind, rows.length);
  for (const [i, row] of rows.entries()) values[i] = readNumber(where, row, column, kind);
  return { labels: new Tensor(values, [rows.length], kind), classes: [] };
}

function classLabels(
  where: string,
  rows: readonly Row[],
  column: Column,
  cells: readonly string[],
  classes: readonly string[],
): Labels {
  const indices = new Map(classes.map((name, i) => [name, i]));
  if (indices.size !== classes.length) {
    throw new ValueError(where, 'every class must be listed only once', show(classes));
  }
  const values = Int32Array.from(cells, (cell, i) => {
    const index = indices.get(cell);
    if (index !== undefined) return index;
    const place = `line ${rows[i]!.line}, column ${show(column.name)}`;
    throw new ValueError(
      where,
      `${place}: the label must be one of classes`,
      show(cell),
      suggest(cell, classes),
    );
  });
  return { labels: new Tensor(values, [rows.length], 'int32'), classes: [...classes] };
}

/** By code point, which is the same everywhere; numbers by size, so that 10 does not come before 9. */
function sorted(cells: readonly string[]): string[] {
  const names = [...new Set(cells)];
  return names.every(isNumeric) ? names.sort((a, b) => Number(a) - Number(b)) : names.sort();
}
