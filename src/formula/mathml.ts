import type { Notation } from './notation.ts';

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
const row = (...parts: string[]): string =>
  parts.length === 1 ? parts[0]! : `<mrow>${parts.join('')}</mrow>`;
const sign = (text: string): string =>
  /\p{L}/u.test(text) ? `<mtext>\u00a0${text}\u00a0</mtext>` : `<mo>${escaped(text)}</mo>`;
const separated = (parts: readonly string[]): string[] =>
  parts.flatMap((part, i) => (i === 0 ? [part] : ['<mo>,</mo>', part]));

/** Rows of two cells. Firefox and Safari go by `columnalign`, Chrome by the style. */
function table(sides: readonly [string, string], rows: readonly (readonly [string, string])[]): string {
  const cells = (contents: readonly [string, string]): string =>
    contents.map((cell, k) => `<mtd style="text-align:-webkit-${sides[k]}">${cell}</mtd>`).join('');
  return `<mtable displaystyle="true" columnalign="${sides.join(' ')}">${rows.map((contents) => `<mtr>${cells(contents)}</mtr>`).join('')}</mtable>`;
}

/** Presentation MathML, which browsers show by themselves. */
export const mathml: Notation = {
  number: (digits) => `<mn>${digits}</mn>`,
  name: (base, subscripts) => {
    const name = `<mi>${escaped(base)}</mi>`;
    return subscripts.length === 0 ? name : `<msub>${name}${row(...separated(subscripts))}</msub>`;
  },
  infix: (left, op, right) => row(left, sign(op), right),
  prefix: (op, x) => row(sign(op), x),
  times: (left, dot, right) => row(left, dot ? '<mo>·</mo>' : '<mo rspace="0.17em">\u2062</mo>', right),
  fraction: (numerator, denominator) => `<mfrac>${numerator}${denominator}</mfrac>`,
  root: (x) => `<msqrt>${x}</msqrt>`,
  power: (base, exponent) =>
    base.startsWith('<msub>')
      ? `<msubsup>${base.slice(6, -7)}${exponent}</msubsup>`
      : `<msup>${base}${exponent}</msup>`,
  fence: (open, x, close) => {
    // fonts without mathematics stretch brackets where there is no need
    const low = /<mfrac|<msqrt|<mtable/.test(x) ? '' : ' stretchy="false"';
    return row(`<mo${low}>${open}</mo>`, x, `<mo${low}>${close}</mo>`);
  },
  call: (name, args) =>
    row(`<mi>${escaped(name)}</mi>`, '<mo>\u2061</mo>', mathml.fence('(', separated(args).join(''), ')')),
  choice: (rows, otherwise) => {
    const cases = rows.map(([value, test]) => [value, row('<mtext>if\u00a0</mtext>', test)] as const);
    return row('<mo>{</mo>', table(['left', 'left'], [...cases, [otherwise, '<mtext>otherwise</mtext>']]));
  },
};

/** Equations and words below each other, as a formula of their own. */
export function mathBlock(
  rows: readonly (readonly [left: string, sign: string, right: string] | string)[],
): string {
  const cells = rows.map((line): [string, string] =>
    typeof line === 'string'
      ? ['', `<mtext>${escaped(line)}</mtext>`]
      : [line[0], row(sign(line[1]), line[2])],
  );
  return `<math display="block">${table(['right', 'left'], cells)}</math>`;
}
