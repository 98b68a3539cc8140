import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { loadCsv, parseCsv, ValueError } from 'gradlet';
import { describe, expect, it } from 'vitest';

const iris = join(import.meta.dirname, '../../examples/data/iris.csv');
const digits = join(import.meta.dirname, '../../examples/data/digits.csv');

describe('parseCsv', () => {
  it('reads features and class labels', () => {
    const table = parseCsv('a,b,kind\n1,2.5,dog\n-3,4e-1,cat\n', { label: 'kind' });
    expect(table.features.toArray()).toEqual([
      [1, 2.5],
      [-3, Math.fround(0.4)],
    ]);
    expect(table.features.dtype).toBe('float32');
    expect(table.columns).toEqual(['a', 'b']);
    expect(table.labels.toArray()).toEqual([1, 0]);
    expect(table.labels.dtype).toBe('int32');
    expect(table.classes).toEqual(['cat', 'dog']);
  });

  it('has features only when no label is named', () => {
    expect(parseCsv('a,b\n1,2')).toEqual({ features: expect.anything(), columns: ['a', 'b'] });
  });

  it('chooses and orders columns by name and position', () => {
    const { features, columns } = parseCsv('a,b,c\n1,2,3', { columns: ['c', 0] });
    expect(columns).toEqual(['c', 'a']);
    expect(features.toArray()).toEqual([[3, 1]]);
  });

  it('finds the label from the end and names columns without a header', () => {
    const { labels, columns } = parseCsv('1,2,7\n3,4,8', { header: false, label: -1 });
    expect(columns).toEqual(['column1', 'column2']);
    expect(labels.toArray()).toEqual([7, 8]);
  });

  it('takes numbers for names when told that there is a header', () => {
    expect(parseCsv('2019,2020\n1,2', { header: true }).columns).toEqual(['2019', '2020']);
  });

  it('names a column without a name by its position', () => {
    expect(parseCsv(',x\n0,5').columns).toEqual(['column1', 'x']);
  });

  it('keeps whole labels as int32 and others as floats', () => {
    const whole = parseCsv('x,y\n1,3\n2,-4', { label: 'y' });
    expect([whole.labels.dtype, whole.labels.toArray(), whole.classes]).toEqual(['int32', [3, -4], []]);
    const real = parseCsv('x,y\n1,3\n2,0.5', { label: 'y', dtype: 'float64' });
    expect([real.labels.dtype, real.labels.toArray()]).toEqual(['float64', [3, 0.5]]);
    expect(parseCsv('x,y\n1,0.5', { label: 'y', dtype: 'int32' }).labels.dtype).toBe('float32');
  });

  it('takes numbers as classes when told so, by size', () => {
    const { labels, classes } = parseCsv('x,y\n1,10\n1,9\n1,10', { label: 'y', classes: true });
    expect(classes).toEqual(['9', '10']);
    expect(labels.toArray()).toEqual([1, 0, 1]);
  });

  it('takes the classes of other data', () => {
    const train = parseCsv('x,y\n1,b\n1,a\n1,c', { label: 'y' });
    const test = parseCsv('x,y\n1,c', { label: 'y', classes: train.classes });
    expect(test.labels.toArray()).toEqual([2]);
    expect(test.classes).toEqual(['a', 'b', 'c']);
  });

  it('reads quotes, doubled quotes, line ends and delimiters inside quotes', () => {
    const text = '"x","the ""label"""\r\n"1","a,b"\r\n2,"two\nlines"\r\n3, "c" \r\n4,""""';
    const { classes, labels } = parseCsv(text, { label: 'the "label"' });
    expect(classes).toEqual(['"', 'a,b', 'c', 'two\nlines']);
    expect(labels.toArray()).toEqual([1, 3, 2, 0]);
  });

  it.each([
    ['LF', 'a,b\n1,2\n3,4'],
    ['CRLF', 'a,b\r\n1,2\r\n3,4\r\n'],
    ['CR', 'a,b\r1,2\r3,4\r'],
    ['a byte order mark', '\uFEFFa,b\n1,2\n3,4'],
    ['blank lines', '\n a , b \n\n1,2\n   \n 3 ,\t4\n\n'],
  ])('reads %s', (_, text) => {
    const { features, columns } = parseCsv(text);
    expect(columns).toEqual(['a', 'b']);
    expect(features.toArray()).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });

  it('splits at other delimiters', () => {
    expect(parseCsv('a\tb\n1\t2', { delimiter: '\t' }).features.toArray()).toEqual([[1, 2]]);
    expect(parseCsv('a;b\n"1";2', { delimiter: ';' }).features.toArray()).toEqual([[1, 2]]);
  });

  it('does not take empty cells between tabs for a blank line', () => {
    expect(() => parseCsv('a\tb\n\t\n1\t2', { delimiter: '\t' })).toThrow('line 2, column "a"');
  });

  it('brings a table back from the text written of it', () => {
    const cell = fc
      .string({ unit: fc.constantFrom('a', 'é', '"', ',', '\n', '\r', ' ', '1') })
      .filter((s) => s !== '');
    const row = fc.tuple(fc.float({ noNaN: true, noDefaultInfinity: true }), cell);
    const number = (x: number) => (Object.is(x, -0) ? '-0' : String(x));
    const quoted = (s: string) => `"${s.replaceAll('"', '""')}"`;
    fc.assert(
      fc.property(fc.array(row, { minLength: 1 }), fc.constantFrom('\n', '\r\n', '\r'), (rows, end) => {
        const text = ['x,label', ...rows.map(([x, s]) => `${number(x)},${quoted(s)}`)].join(end);
        const { features, labels, classes } = parseCsv(text, { label: 'label', classes: distinct(rows) });
        expect(features.flatten().toArray()).toEqual(rows.map(([x]) => x));
        expect((labels.toArray() as number[]).map((i) => classes[i])).toEqual(rows.map(([, s]) => s));
      }),
    );
  });

  const distinct = (rows: readonly (readonly [number, string])[]) => [...new Set(rows.map(([, s]) => s))];
});

describe('errors of parseCsv', () => {
  const label = { label: 'y' };
  it.each<[string, string, Parameters<typeof parseCsv>[1], string]>([
    ['an empty text', '', {}, 'parseCsv: the table must have at least one row of data, got an empty text.'],
    [
      'only a header',
      'a,b\n',
      {},
      'parseCsv: the table must have at least one row of data, got only a header.',
    ],
    ['a long row', 'a,b\n1,2\n1,2,3', {}, 'parseCsv: line 3: every row must have 2 cells, got 3.'],
    ['a short row', 'a,b\n\n1\n', {}, 'parseCsv: line 3: every row must have 2 cells, got 1.'],
    [
      'text for a number',
      'a,b\n1,2\n1,two',
      {},
      'parseCsv: line 3, column "b": a number must stand here, got "two".',
    ],
    [
      'a hexadecimal number',
      'a\n0x10',
      {},
      'parseCsv: line 2, column "a": a number must stand here, got "0x10".',
    ],
    ['not a number', 'a\nNaN', {}, 'parseCsv: line 2, column "a": a number must stand here, got "NaN".'],
    [
      'a missing value',
      'a,b\n1,\n',
      {},
      'parseCsv: line 2, column "b": a number must stand here, got an empty cell. Fill in or leave out rows with missing values.',
    ],
    ['too large', 'a\n1e39', {}, 'parseCsv: line 2, column "a": the number must fit float32, got 1e39.'],
    [
      'far too large',
      'a\n1e309',
      { dtype: 'float64' },
      'parseCsv: line 2, column "a": the number must fit float64, got 1e309.',
    ],
    [
      'not whole',
      'a\n1.5',
      { dtype: 'int32' },
      'parseCsv: line 2, column "a": the number must fit int32, got 1.5.',
    ],
    [
      'a missing label',
      'x,y\n1,a\n2,',
      label,
      'parseCsv: line 3, column "y": a label must stand here, got an empty cell. Leave out rows without a label.',
    ],
    [
      'an unknown label column',
      'petalLength,species\n1,a',
      { label: 'specie' },
      'parseCsv: label must name a column, or give its position in 0 … 1, got "specie". Did you mean "species"? Known: petalLength, species.',
    ],
    [
      'a position beyond the columns',
      'x,y\n1,a',
      { label: 2 },
      'parseCsv: label must name a column, or give its position in 0 … 1, got 2. Did you mean "x"? Known: x, y.',
    ],
    [
      'an unknown column',
      'x,y\n1,2',
      { columns: ['length'] },
      'parseCsv: columns must name a column, or give its position in 0 … 1, got "length". Known: x, y.',
    ],
    [
      'the label among the features',
      'x,y\n1,2',
      { label: 'y', columns: ['x', 'y'] },
      'parseCsv: the label must not be a feature as well, got "y". Leave it out of columns.',
    ],
    [
      'text for a label that must be a number',
      'x,y\n1,2\n1,a',
      { label: 'y', classes: false },
      'parseCsv: line 3, column "y": a number must stand here, got "a".',
    ],
    [
      'an unknown class',
      'x,y\n1,dog\n1,wolf',
      { label: 'y', classes: ['cat', 'dog'] },
      'parseCsv: line 3, column "y": the label must be one of classes, got "wolf". Known: cat, dog.',
    ],
    [
      'repeated classes',
      'x,y\n1,a',
      { label: 'y', classes: ['a', 'a'] },
      'parseCsv: every class must be listed only once, got ["a", "a"].',
    ],
    [
      'classes without a label',
      'x,y\n1,2',
      { classes: ['a'] } as object,
      'parseCsv: classes must come with a label column, got none. Name it with { label: … }.',
    ],
    [
      'repeated names',
      'a,b,a\n1,2,3',
      {},
      `parseCsv: line 1: the columns' names must differ, got "a" in columns 1 and 3.`,
    ],
    [
      'no header',
      '5.1,3.5\n4.9,3.0',
      {},
      `parseCsv: the first row must hold the columns' names, got only numbers in line 1. Pass { header: false } when there are no names.`,
    ],
    [
      'an open quote',
      'a,b\n1,2\n3,"4\n5',
      {},
      'parseCsv: line 3: a quote must be closed, got the end of the text.',
    ],
    [
      'a quote inside a plain cell',
      'a\n5"',
      {},
      'parseCsv: line 2: a cell with quotes must stand in quotes as a whole, got "5\\"". Write ""…"" inside "…".',
    ],
    [
      'text behind a quote',
      'a\n"5"6',
      {},
      'parseCsv: line 2: a delimiter or line end must follow the closing quote, got "6". Inside quotes, write a quote twice.',
    ],
    [
      'a long delimiter',
      'a',
      { delimiter: '::' },
      'parseCsv: delimiter must be one character, no quote or line end, got "::".',
    ],
    [
      'an unknown dtype',
      'a\n1',
      { dtype: 'bool' } as object,
      'parseCsv: dtype must be float32, float64 or int32, got "bool".',
    ],
    [
      'an unknown option',
      'a\n1',
      { lable: 'a' } as object,
      'parseCsv: every option must be known, got "lable". Did you mean "label"? Known: header, delimiter, columns, dtype, label, classes.',
    ],
  ])('%s', (_, text, options, message) => {
    expect(() => parseCsv(text, options)).toThrow(ValueError);
    expect(() => parseCsv(text, options)).toThrow(expect.objectContaining({ message }));
  });

  it('something that is no text', () => {
    expect(() => parseCsv(5 as never)).toThrow('parseCsv: the table must be text, got 5.');
  });

  it('counts lines past quoted line ends', () => {
    expect(() => parseCsv('x,y\n1,"a\nb"\nz,c', { label: 'y' })).toThrow('line 4, column "x"');
  });
});

describe('loadCsv', () => {
  it.each([
    ['a path', iris],
    ['a file: URL', pathToFileURL(iris)],
    ['the text of a file: URL', pathToFileURL(iris).href],
  ])('reads %s', async (_, source) => {
    const { features, labels, classes, columns } = await loadCsv(source, { label: 'species' });
    expect(features.shape).toEqual([150, 4]);
    expect(features.slice(0).toString()).toBe('tensor([5.1, 3.5, 1.4, 0.2])');
    expect(columns).toEqual(['sepalLength', 'sepalWidth', 'petalLength', 'petalWidth']);
    expect(classes).toEqual(['setosa', 'versicolor', 'virginica']);
    expect([0, 1, 2].map((c) => labels.eq(c).sum().item())).toEqual([50, 50, 50]);
  });

  it('has Fisher’s values in the two rows that the UCI copy of iris has wrong', async () => {
    const { features } = await loadCsv(iris, { label: 'species', dtype: 'float64' });
    expect(features.indexSelect(0, [34, 37]).toArray()).toEqual([
      [4.9, 3.1, 1.5, 0.2],
      [4.9, 3.6, 1.4, 0.1],
    ]);
  });

  it('reads the digits', async () => {
    const { features, labels, classes } = await loadCsv(digits, { label: 'digit' });
    expect(features.shape).toEqual([1797, 64]);
    expect([features.min().item(), features.max().item()]).toEqual([0, 16]);
    expect([labels.dtype, labels.min().item(), labels.max().item(), classes]).toEqual(['int32', 0, 9, []]);
  });

  it('fetches an address and says when it does not answer', async () => {
    const server = createServer((request, response) => {
      if (request.url === '/iris.csv') response.end(readFileSync(iris));
      else response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      expect((await loadCsv(`${address}/iris.csv`, { label: -1 })).features.shape).toEqual([150, 4]);
      await expect(loadCsv(new URL(`${address}/none.csv`))).rejects.toThrow(
        `loadCsv: "${address}/none.csv" must answer, got 404 Not Found.`,
      );
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
    await expect(loadCsv(`${address}/iris.csv`)).rejects.toThrow(/^loadCsv: "http.*" must answer, got .+\.$/);
  });

  it('names the file in errors', async () => {
    await expect(loadCsv(iris)).rejects.toThrow(
      `loadCsv("${iris}"): line 2, column "species": a number must stand here`,
    );
    await expect(loadCsv('none.csv')).rejects.toThrow(
      'loadCsv: "none.csv" must be a readable file, got no such file.',
    );
    await expect(loadCsv(import.meta.dirname)).rejects.toThrow('must be a readable file, got a folder.');
    await expect(loadCsv('no\0path')).rejects.toThrow(/must be a readable file, got .*null bytes/);
  });

  it('says when it gets the text itself', async () => {
    await expect(loadCsv('a,b\n1,2')).rejects.toThrow(
      'loadCsv: the source must be a path or a URL, got text with line ends. Use parseCsv for text.',
    );
    await expect(loadCsv(5 as never)).rejects.toThrow(
      'loadCsv: the source must be a path or a URL, got 5. Use parseCsv for text.',
    );
  });
});
