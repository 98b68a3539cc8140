import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import katex from 'katex';
import { describe, expect, it } from 'vitest';
import { printedPages } from '../../scripts/pages/index.ts';
import { latex, latexBlock } from '../../scripts/pages/latex.ts';
import { variable } from '../../src/formula/expr.ts';
import { print } from '../../src/formula/notation.ts';
import { parseExpression } from '../../src/formula/parse.ts';
import * as rules from '../../src/optim/rules/index.ts';
import { loadReference } from '../../src/testing/reference.ts';
import { root } from './blocks.ts';

const committed = (file: string): string => readFileSync(join(root, file), 'utf8');

/** Numbers that another machine may find a little smaller or larger. */
const MEASURED = /(?<=\| )\de-\d+(?= \|)/g;

describe('printed pages are fresh', () => {
  for (const { file, print } of printedPages) {
    it(file, { timeout: 60_000 }, async () => {
      const [there, now] = [committed(file), await print()];
      const [was, is] = [there, now].map((text) => [...text.matchAll(MEASURED)].map(Number)) as [
        number[],
        number[],
      ];
      const differ = `${file} is no longer what the code says: run \`npm run print:docs\` and commit it`;
      expect(there.replace(MEASURED, '…'), differ).toBe(now.replace(MEASURED, '…'));
      for (const [k, error] of is.entries())
        expect(Math.abs(Math.log10(error / was[k]!)), differ).toBeLessThan(1);
    });
  }
});

it('the README counts optimizers and their comparisons right', async () => {
  const readme = committed('README.md');
  const { rows } = await loadReference();
  expect(readme).toContain(`[${Object.keys(rules).length} of them]`);
  expect(readme).toContain(`| ${Object.keys(rules).length}, and your own in one declaration |`);
  expect(readme).toContain(`[${rows.length} sets of options]`);
});

describe('the page of the optimizers', () => {
  const page = committed('docs/optimizers.md');

  it('has a section, formulas and a source for each', () => {
    for (const [name, { rule }] of Object.entries(rules)) {
      const section = page.split(`\n### ${name}\n`)[1]?.split('\n##')[0];
      expect(section, name).toContain(`createOptimizer('${rule.name}', …)`);
      expect(section, name).toMatch(
        /```math\n\\begin\{aligned\}\n[^`]* &\\leftarrow [^`]+\n\\end\{aligned\}\n```/,
      );
      expect(section, name).toContain(`](${rule.paper})`);
      expect(section, name).not.toContain('undefined');
      for (const option of Object.keys(rule.defaults)) {
        expect(section, `${name} ${option}`).toMatch(
          new RegExp(`^\\| \`${option}\`.* \\| .+ \\| .+ \\| .{10,} \\|$`, 'm'),
        );
      }
    }
  });

  it('has formulas that KaTeX accepts', () => {
    const blocks = [...page.matchAll(/```math\n([\s\S]*?)```/g)];
    const inline = [...page.replace(/```[\s\S]*?```/g, '').matchAll(/\$([^$\n]+)\$/g)];
    expect(blocks).toHaveLength(Object.keys(rules).length);
    expect(inline.length).toBeGreaterThan(50);
    for (const [, formula] of [...blocks, ...inline]) {
      katex.renderToString(formula!, { displayMode: true, throwOnError: true, strict: 'error' });
    }
  });
});

describe('LaTeX', () => {
  it.each([
    ['beta1 * m + 2 * 3', '\\beta_1 \\, m + 2 \\cdot 3'],
    ['-a / b ** 12', '\\frac{-a}{b^{12}}'],
    ['lr * epsRoot + vMax', '\\mathrm{lr} \\, \\varepsilon_{\\mathrm{root}} + v_{\\mathrm{max}}'],
    [
      'abs(a / b) * (c + sqrt(d))',
      '\\left\\lvert \\frac{a}{b}\\right\\rvert \\, \\left(c + \\sqrt{d}\\right)',
    ],
    ['norm(a) * floor(b) * ceil(c)', '\\lVert a \\rVert \\, \\lfloor b \\rfloor \\, \\lceil c \\rceil'],
    ['max(a, mean(b))', '\\max(a, \\operatorname{mean}(b))'],
    [
      'a >= 1 && !(b || c) ? d / 2 : 1e-8',
      '\\begin{cases} \\displaystyle \\frac{d}{2} & \\text{if } a \\ge 1 \\text{ and } \\text{not }(b \\text{ or } c) \\\\ 10^{-8} & \\text{otherwise} \\end{cases}',
    ],
    ['Infinity + NaN + some_name + $', '\\infty + \\mathrm{NaN} + \\mathrm{some\\_name} + \\mathrm{\\$}'],
  ])('%s', (formula, expected) => {
    const printed = print(parseExpression('test', formula), latex);
    expect(printed).toBe(expected);
    katex.renderToString(printed, { throwOnError: true, strict: 'error' });
  });

  it('has every letter that a formula may have', () => {
    const names =
      'alpha beta gamma delta eps eta kappa lambda mu nu omega phi psi rho sigma tau theta xi zeta';
    for (const name of names.split(' ')) expect(print(variable(name), latex)).toMatch(/^\\[a-z]+$/);
    expect(print(variable('momentum@t-1'), latex)).toBe('\\mu_{t-1}');
  });

  it('stands in a fence, aligned', () => {
    expect(latexBlock([['a', '=', '1'], 'else:', ['p', '←', 'a']])).toBe(
      '```math\n\\begin{aligned}\na &= 1 \\\\\n&\\text{else:} \\\\\np &\\leftarrow a\n\\end{aligned}\n```',
    );
  });
});
