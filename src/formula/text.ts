import type { Notation } from './notation.ts';

const RAISED: Readonly<Record<string, string>> = {
  ...Object.fromEntries([...'⁰¹²³⁴⁵⁶⁷⁸⁹'].map((raised, digit) => [digit, raised])),
  '+': '⁺',
  '−': '⁻',
  ' ': '',
  t: 'ᵗ',
};

/** Plain text: `β₁ m + (1 − β₁) g`. */
export const text: Notation = {
  number: (digits) => digits,
  name: (base, subscripts) =>
    base +
    subscripts
      .map((part) => (/^\d/.test(part) ? part.replace(/\d/g, (d) => '₀₁₂₃₄₅₆₇₈₉'[+d]!) : `_${part}`))
      .join(''),
  infix: (left, sign, right) => `${left} ${sign} ${right}`,
  prefix: (sign, x) => (sign === '−' ? `−${x}` : `${sign} ${x}`),
  times: (left, dot, right) => `${left}${dot ? ' · ' : ' '}${right}`,
  fraction: null,
  root: (x) => `√${x}`,
  power: (base, exponent, atomic) => {
    const raised = [...exponent].map((character) => RAISED[character]);
    if (!raised.includes(undefined)) return base + raised.join('');
    return `${base}^${atomic ? exponent : `(${exponent})`}`;
  },
  fence: (open, x, close) => open + x + close,
  call: (name, args) => `${name}(${args.join(', ')})`,
  choice: (rows, otherwise) =>
    `${rows.map(([value, test]) => `${value} if ${test} else `).join('')}${otherwise}`,
};
