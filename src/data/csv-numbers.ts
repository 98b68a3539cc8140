import { show, ValueError } from '../core/errors.ts';
import type { Row } from './csv-rows.ts';

/** The dtypes a column of numbers can be kept as. */
export type NumberKind = 'float32' | 'float64' | 'int32';

/** A column's name and position. */
export interface Column {
  readonly name: string;
  readonly index: number;
}

/** Decimal numbers only: `Number` alone would also take '0x10', 'Infinity' and ''. */
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

export function isNumeric(cell: string): boolean {
  return NUMBER.test(cell);
}

export function readNumber(
  where: string,
  { cells, line }: Row,
  { name, index }: Column,
  dtype: NumberKind,
): number {
  const cell = cells[index]!;
  const place = `line ${line}, column ${show(name)}`;
  if (!isNumeric(cell)) {
    const missing = cell === '';
    throw new ValueError(
      where,
      `${place}: a number must stand here`,
      missing ? 'an empty cell' : show(cell),
      missing ? 'Fill in or leave out rows with missing values.' : undefined,
    );
  }
  const value = Number(cell);
  const fits = {
    float64: Number.isFinite(value),
    float32: Number.isFinite(Math.fround(value)),
    int32: value === (value | 0),
  };
  if (!fits[dtype]) throw new ValueError(where, `${place}: the number must fit ${dtype}`, cell);
  return value;
}
