import type { Notation } from '../../src/formula/notation.ts';
import type { Equation } from '../../src/optim/statements.ts';

const GREEK: Readonly<Record<string, string>> = {
  α: '\\alpha',
  β: '\\beta',
  γ: '\\gamma',
  δ: '\\delta',
  ε: '\\varepsilon',
  η: '\\eta',
  κ: '\\kappa',
  λ: '\\lambda',
  μ: '\\mu',
  ν: '\\nu',
  ω: '\\omega',
  φ: '\\varphi',
  ψ: '\\psi',
  ρ: '\\rho',
  σ: '\\sigma',
  τ: '\\tau',
  θ: '\\theta',
  ξ: '\\xi',
  ζ: '\\zeta',
};

const SIGNS: Readonly<Record<string, string>> = {
  '−': '-',
  '≠': '\\ne',
  '≤': '\\le',
  '≥': '\\ge',
  '←': '\\leftarrow',
  and: '\\text{ and }',
  or: '\\text{ or }',
  not: '\\text{not }',
};

const FENCES: Readonly<Record<string, readonly [string, string]>> = {
  '(': ['(', ')'],
  '|': ['\\lvert ', ' \\rvert'],
  '‖': ['\\lVert ', ' \\rVert'],
  '⌊': ['\\lfloor ', ' \\rfloor'],
  '⌈': ['\\lceil ', ' \\rceil'],
};

const FUNCTIONS = ['cos', 'exp', 'ln', 'max', 'min', 'sin', 'tanh'];

const escaped = (name: string): string => name.replace(/[_$]/g, '\\$&');
const script = (x: string): string => (x.length === 1 ? x : `{${x}}`);
const isTall = (x: string): boolean => /\\(frac|sqrt|begin)/.test(x);
/** A cell of a table, in the size of a formula of its own. */
const cell = (x: string): string => (isTall(x) ? `\\displaystyle ${x}` : x);

/** LaTeX as KaTeX and MathJax read it. */
export const latex: Notation = {
  number: (digits) => (digits === '∞' ? '\\infty' : digits === 'NaN' ? '\\mathrm{NaN}' : digits),
  name: (base, subscripts) => {
    const name = GREEK[base] ?? (base.length === 1 && base !== '$' ? base : `\\mathrm{${escaped(base)}}`);
    return subscripts.length === 0 ? name : `${name}_${script(subscripts.join(', ').replaceAll(' - ', '-'))}`;
  },
  infix: (left, sign, right) => `${left} ${SIGNS[sign] ?? sign} ${right}`,
  prefix: (sign, x) => (SIGNS[sign] ?? sign) + x,
  times: (left, dot, right) => `${left}${dot ? ' \\cdot ' : ' \\, '}${right}`,
  fraction: (numerator, denominator) => `\\frac{${numerator}}{${denominator}}`,
  root: (x) => `\\sqrt{${x}}`,
  power: (base, exponent) => `${base}^${script(exponent)}`,
  fence: (open, x) => {
    const [left, right] = FENCES[open]!;
    return isTall(x) ? `\\left${left}${x}\\right${right.trim()}` : `${left}${x}${right}`;
  },
  call: (name, args) => {
    const known = FUNCTIONS.includes(name) ? `\\${name}` : `\\operatorname{${escaped(name)}}`;
    return `${known}${latex.fence('(', args.join(', '), ')')}`;
  },
  choice: (rows, otherwise) => {
    const lines = rows.map(([value, test]) => `${cell(value)} & \\text{if } ${test}`);
    return `\\begin{cases} ${[...lines, `${cell(otherwise)} & \\text{otherwise}`].join(' \\\\ ')} \\end{cases}`;
  },
};

/** Equations and words below each other, for a fence of `math`: in it alone GitHub leaves backslashes as they are. */
export function latexBlock(rows: readonly (Equation | string)[]): string {
  const lines = rows.map((row) =>
    typeof row === 'string'
      ? `&\\text{${row}}`
      : `${row[0]} &${row[1] === '=' ? '=' : SIGNS[row[1]]} ${row[2]}`,
  );
  return ['```math', '\\begin{aligned}', lines.join(' \\\\\n'), '\\end{aligned}', '```'].join('\n');
}
