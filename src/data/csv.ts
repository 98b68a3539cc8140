import { allocate } from '../core/dtype.ts';
import { checkKeys, show, suggest, ValueError } from '../core/errors.ts';
import { Tensor } from '../tensor/index.ts';
import { readLabels } from './csv-labels.ts';
import { type Column, type NumberKind, readNumber } from './csv-numbers.ts';
import { type Row, readRows } from './csv-rows.ts';
import { readText } from './read-text.ts';

/** How {@link parseCsv} and {@link loadCsv} read a table. */
export interface CsvOptions {
  /** Whether the first row holds the columns' names. Default true; without, they are `column1`, `column2`, … */
  readonly header?: boolean | undefined;
  /** The character between cells. Default `','`. */
  readonly delimiter?: string | undefined;
  /** The columns that become features, by name or position (from 0, or from −1 at the end), in this order. Default: all but the label. */
  readonly columns?: readonly (string | number)[] | undefined;
  /** What the features are kept as. Default float32. */
  readonly dtype?: NumberKind | undefined;
}

/** {@link CsvOptions} of a table with a label column. */
export interface LabeledCsvOptions extends CsvOptions {
  /** The column to learn, by name or position (from 0, or from −1 at the end). */
  readonly label: string | number;
  /**
   * Whether labels name classes. Default: only where one of them is no number. `true` takes numbers as names of classes too,
   * `false` insists on numbers, and a list fixes the classes and their indices, for example to those of the training data.
   */
  readonly classes?: boolean | readonly string[] | undefined;
}

/** The numbers of a table. */
export interface CsvTable {
  /** `[rows, columns]` */
  readonly features: Tensor;
  /** The features' names. */
  readonly columns: readonly string[];
}

/** The numbers of a table with a label column. */
export interface LabeledCsvTable extends CsvTable {
  /** `[rows]`: class indices (int32), or the numbers themselves (int32 where all are whole, otherwise floats). */
  readonly labels: Tensor;
  /** The classes' names by index, in alphabetical order (numbers by size) or as given; empty where labels are numbers. */
  readonly classes: readonly string[];
}

/**
 * Reads a table of numbers from CSV text (RFC 4180): cells in double quotes may hold delimiters, line ends and doubled quotes.
 *
 * One column may be the `label`; if it holds text, its values become class indices. Blank lines, a byte order mark and
 * spaces around cells do not matter. Missing values are errors: decide yourself what they should count as.
 *
 * @shape features `[rows, columns]`, labels `[rows]`
 * @param text - the whole table
 * @param options - label column, choice of columns, dtype, header and delimiter
 * @throws {@link ValueError} with line and column for a row with too many or too few cells, a cell that is empty, no number
 * or outside the dtype, a broken quote, an unknown column or class, a repeated column name, or a table without rows
 * @example
 * ```ts
 * import { parseCsv } from 'gradlet';
 * const text = `length,width,species
 * 5.1,3.5,setosa
 * 6.3,3.3,virginica
 * 4.9,3.0,setosa`;
 * const { features, labels, classes, columns } = parseCsv(text, { label: 'species' });
 * features.shape; // → [3,2]
 * labels; // → tensor([0, 1, 0], dtype=int32)
 * classes; // → ["setosa","virginica"]
 * columns; // → ["length","width"]
 * ```
 */
export function parseCsv(text: string, options: LabeledCsvOptions): LabeledCsvTable;
export function parseCsv(text: string, options?: CsvOptions): CsvTable;
export function parseCsv(text: string, options: CsvOptions = {}): CsvTable {
  return parse('parseCsv', text, options);
}

/**
 * Reads a table of numbers from a CSV file or address, as {@link parseCsv} does from text.
 *
 * In Node a path or a `file:` URL is read from disk, `http:` and `https:` are fetched; in a browser everything is fetched.
 *
 * @shape features `[rows, columns]`, labels `[rows]`
 * @param source - path or address of a UTF-8 text
 * @param options - label column, choice of columns, dtype, header and delimiter
 * @throws {@link ValueError} when the file cannot be read, and whatever {@link parseCsv} throws, with the file's name
 * @example
 * ```ts
 * import { loadCsv } from 'gradlet';
 * const iris = await loadCsv('examples/data/iris.csv', { label: 'species' });
 * iris.features.shape; // → [150,4]
 * iris.classes; // → ["setosa","versicolor","virginica"]
 * ```
 */
export async function loadCsv(source: string | URL, options: LabeledCsvOptions): Promise<LabeledCsvTable>;
export async function loadCsv(source: string | URL, options?: CsvOptions): Promise<CsvTable>;
export async function loadCsv(source: string | URL, options: CsvOptions = {}): Promise<CsvTable> {
  return parse(`loadCsv(${show(String(source))})`, await readText('loadCsv', source), options);
}

function parse(where: string, text: string, options: CsvOptions & Partial<LabeledCsvOptions>): CsvTable {
  checkKeys(where, options, ['header', 'delimiter', 'columns', 'dtype', 'label', 'classes']);
  const { delimiter = ',', dtype = 'float32', label, classes } = options;
  if (typeof text !== 'string') throw new ValueError(where, 'the table must be text', show(text));
  if (typeof delimiter !== 'string' || delimiter.length !== 1 || /["\r\n]/.test(delimiter)) {
    throw new ValueError(where, 'delimiter must be one character, no quote or line end', show(delimiter));
  }
  if (!['float32', 'float64', 'int32'].includes(dtype)) {
    throw new ValueError(where, 'dtype must be float32, float64 or int32', show(dtype));
  }
  if (label === undefined && classes !== undefined) {
    throw new ValueError(
      where,
      'classes must come with a label column',
      'none',
      'Name it with { label: … }.',
    );
  }
  const rows = readRows(where, text, delimiter);
  const names = namesOf(where, rows, options.header);
  const body = options.header === false ? rows : rows.slice(1);
  if (body.length === 0) {
    throw new ValueError(
      where,
      'the table must have at least one row of data',
      rows.length ? 'only a header' : 'an empty text',
    );
  }
  checkLengths(where, body, names);

  const target = label === undefined ? undefined : find(where, 'label', label, names);
  const chosen =
    options.columns?.map((column) => find(where, 'columns', column, names)) ??
    names.filter((c) => c !== target);
  if (target && chosen.includes(target)) {
    const mustHold = 'the label must not be a feature as well';
    throw new ValueError(where, mustHold, show(target.name), 'Leave it out of columns.');
  }
  const table = {
    features: readFeatures(where, body, chosen, dtype),
    columns: chosen.map(({ name }) => name),
  };
  return target ? { ...table, ...readLabels(where, body, target, dtype, classes) } : table;
}

function namesOf(where: string, rows: readonly Row[], header: boolean | undefined): Column[] {
  const first = rows[0]?.cells ?? [];
  if (
    header === undefined &&
    first.length > 0 &&
    first.every((cell) => cell !== '' && !Number.isNaN(Number(cell)))
  ) {
    throw new ValueError(
      where,
      "the first row must hold the columns' names",
      `only numbers in line ${rows[0]!.line}`,
      'Pass { header: false } when there are no names.',
    );
  }
  const columns = first.map((cell, index) => ({
    name: (header !== false && cell) || `column${index + 1}`,
    index,
  }));
  for (const { name, index } of columns) {
    const earlier = columns.find((c) => c.name === name)!.index;
    if (earlier === index) continue;
    const got = `${show(name)} in columns ${earlier + 1} and ${index + 1}`;
    throw new ValueError(where, `line ${rows[0]!.line}: the columns' names must differ`, got);
  }
  return columns;
}

function checkLengths(where: string, rows: readonly Row[], { length }: readonly Column[]): void {
  for (const { cells, line } of rows) {
    if (cells.length === length) continue;
    throw new ValueError(where, `line ${line}: every row must have ${length} cells`, String(cells.length));
  }
}

function find(where: string, option: string, wanted: string | number, columns: readonly Column[]): Column {
  const found = typeof wanted === 'number' ? columns.at(wanted) : columns.find(({ name }) => name === wanted);
  if (found && (typeof wanted === 'string' || Number.isInteger(wanted))) return found;
  throw new ValueError(
    where,
    `${option} must name a column, or give its position in 0 … ${columns.length - 1}`,
    show(wanted),
    suggest(
      String(wanted),
      columns.map(({ name }) => name),
    ),
  );
}

function readFeatures(
  where: string,
  rows: readonly Row[],
  columns: readonly Column[],
  dtype: NumberKind,
): Tensor {
  const values = allocate(dtype, rows.length * columns.length);
  let at = 0;
  for (const row of rows) {
    for (const column of columns) values[at++] = readNumber(where, row, column, dtype);
  }
  return new Tensor(values, [rows.length, columns.length], dtype);
}
