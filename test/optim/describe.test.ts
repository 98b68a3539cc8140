import { DOMParser } from 'linkedom';
import { minifySync } from 'vite';
import { describe, expect, it } from 'vitest';
import { CompiledRule } from '../../src/optim/compiled.ts';
import {
  Adam,
  type AnyRule,
  createOptimizer,
  defineOptimizer,
  describeOptimizers,
  type OptimizerDescription,
  optimizerNames,
  registerOptimizer,
} from '../../src/optim/index.ts';
import { everyKind } from '../../src/optim/kinds.ts';
import * as rules from '../../src/optim/rules/index.ts';
import { statementsOf } from '../../src/optim/statements.ts';
import { full, ones, type Tensor, tensor } from '../../src/tensor/index.ts';
import { expectClose } from '../support/close.ts';
import { messageOf } from '../support/errors.ts';
import { evaluate } from '../support/evaluate.ts';
import { expectWellFormed } from '../support/markup.ts';
import { type BuiltInName, type Options, own, title } from './cases.ts';

const builtIns = new Map<string, AnyRule>(Object.values(rules).map(({ rule }) => [rule.name, rule]));

/** Values of strings that formulas compare. */
const WORDS: Readonly<Record<string, number>> = { original: 1, matchRmsAdamw: 2 };

/** The course of one number under a rule by what is printed of it. */
function courseOf(
  rule: AnyRule,
  options: Options,
  start: number,
  gradients: readonly number[],
  which: number,
): { p: number; average: number | undefined }[] {
  const compiled = new CompiledRule(rule, everyKind);
  const settings = Object.entries({ ...compiled.defaults, ...options }).map(([name, value]) => [
    name,
    typeof value === 'string' ? WORDS[value] : Number(value),
  ]);
  const statements = statementsOf(compiled)[which]!;
  const values: Record<string, number> = { ...Object.fromEntries(settings), ...WORDS, rows: 1, columns: 1 };
  Object.assign(values, { p: start, 'p@0': start });
  const set = (kinds: '@0' | ''): void => {
    for (const { name, value } of statements) {
      if (name.endsWith('@0') === (kinds === '@0')) values[name] = evaluate(value, values);
    }
  };
  const kept = statements.map(({ name }) => name.split('@')).filter(([, time]) => time === 't');
  set('@0');
  return gradients.map((g, k) => {
    for (const [name] of kept) values[`${name}@t-1`] = values[`${name}@${k === 0 ? '0' : 't'}`] ?? 0;
    Object.assign(values, { t: k + 1, 'g@t': g });
    set('');
    return { p: values.p!, average: values.average };
  });
}

const gradients = [0.7, -0.2, 0.5, 0.9, -0.4, 0.1, 0.3, -0.8];

describe('the formula printed of a rule, computed as it stands there, takes the steps of the optimizer', () => {
  for (const [name, rule] of builtIns) {
    // how far to go along a direction is no formula
    if ('search' in rule) continue;
    // those that the rule is for, and those that it leaves to other lines
    const shapes = 'update' in rule ? (rule.otherwise ? [[1, 1], [1]] : [[1, 1]]) : [[1]];
    const cases = own[name as BuiltInName].flatMap((options) =>
      shapes.map((shape, which) => [title(name, options), shape, which, options] as const),
    );
    it.each(cases)('%s, [%s]', (_, shape, which, options) => {
      const param = full(shape, 1.5, { dtype: 'float64', requiresGrad: true });
      const optimizer = createOptimizer(name as BuiltInName, [param], options);
      const printed = courseOf(rule, options as Options, 1.5, gradients, which);
      for (const [k, g] of gradients.entries()) {
        param.grad = tensor([g], { dtype: 'float64' }).reshape(shape);
        optimizer.step();
        const average = optimizer.averages().get(param)?.item();
        expectClose(printed[k]!.p, param.item(), { rtol: 1e-11 });
        if (average !== undefined) expectClose(printed[k]!.average!, average, { rtol: 1e-11 });
      }
    });
  }
});

/** All that an optimizer keeps of a parameter after so many steps on the loss Σ p⁴ / 4. */
function keptAfter(steps: number, name: string, options: object, p: Tensor): Record<string, number> {
  const optimizer = createOptimizer(name as BuiltInName, [p], options);
  for (let t = 0; t < steps; t++) {
    optimizer.step(() => {
      p.grad = p.detach().pow(3);
      return p.detach().pow(4).sum().div(4);
    });
  }
  const { groups, memory = {} } = optimizer.stateDict();
  const sizes = [
    ...Object.entries(groups[0]!.params[0]!.state).map(([key, { size }]) => [key, size] as const),
    ...Object.entries(memory).map(
      ([key, saved]) => [key, typeof saved === 'number' ? 0 : saved.length * p.size] as const,
    ),
  ];
  return Object.fromEntries(sizes.filter(([, size]) => size > 0));
}

describe('describeOptimizers', () => {
  const all = describeOptimizers().filter(({ name }) => builtIns.has(name));

  it('knows every optimizer, by name or by class', () => {
    expect(describeOptimizers().map(({ name }) => name)).toEqual(optimizerNames());
    expect(all).toHaveLength(builtIns.size);
    expect(String(describeOptimizers(Adam))).toBe(String(describeOptimizers('adam')));
    expect(messageOf(() => describeOptimizers('adm' as 'adam'))).toMatch(
      'describeOptimizers: the optimizer must be known, got "adm". Did you mean "adam"? Known: ',
    );
  });

  it.each(all.map((one) => [one.name, one] as const))('%s: what it says holds', (name, description) => {
    const { defaults, ranges, memory, formula, paper } = description;
    expect(paper).toBe(builtIns.get(name)!.paper);
    expect(Object.keys(ranges)).toEqual(Object.keys(defaults));
    expect(new CompiledRule(builtIns.get(name)!, everyKind).defaults).toEqual(defaults);
    expect(formula.text.filter((line) => line.startsWith('p ← '))).toHaveLength(name === 'muon' ? 2 : 1);
    expect(formula.text.join()).not.toContain('@');
    expectWellFormed(formula.mathml);
    const { documentElement } = new DOMParser().parseFromString(formula.mathml, 'text/xml');
    expect(documentElement.tagName).toBe('math');

    // a history fills only in time, and on a way that does not end
    const searches = 'historySize' in defaults;
    const slow = searches ? { lr: 0.01, maximize: false } : {};
    const steps = searches ? 120 : 1;
    const param = () => ones(searches ? [2, 2] : [64, 32], { requiresGrad: true });
    const kept = keptAfter(steps, name, slow, param());
    expect(new Set(memory.kept)).toEqual(new Set(Object.keys(kept)));
    const sum = (counts: object) => Object.values(counts).reduce((a, b) => a + b, 0) / param().size;
    expect(memory.numbersPerNumber).toBe(sum(kept));
    const on = Object.entries(defaults).map(([option, value]) => {
      const may = {
        switch: ranges[option as 'lr'].includes('true'),
        half: !ranges[option as 'lr'].startsWith('whole'),
      };
      return [option, value === false ? may.switch : value === 0 ? (may.half ? 0.5 : 1) : value];
    });
    expect(memory.most).toBe(sum(keptAfter(steps, name, { ...Object.fromEntries(on), ...slow }, param())));
  });

  it('reads everything from the rule, of a plug-in too', () => {
    const Plug = defineOptimizer({
      name: 'plug',
      paper: 'https://example.org/plug',
      defaults: { lr: 0.1, beta1: 0.9, mildness: 2, strict: false, decay: 'decoupled' },
      ranges: { mildness: '(0, ∞)', l1: '[0, 1]' },
      // it cannot be read: scalars have their names only
      perStep: (t, { beta1 }) => Object.fromEntries([['bias1', 1 - beta1 ** t]]) as { bias1: number },
      norms: { gNorm: 'g' },
      initial: { m: ({ p }) => p / 2 },
      lines: {
        m: ({ g, m }, { beta1, gNorm }) => beta1 * m + g / gNorm,
        quiet: ({ m }, { strict }) => (strict ? Math.round(m) : m),
        delta: ({ quiet }, { bias1, mildness }) => (Math.sign(quiet) * Math.abs(quiet) ** mildness) / bias1,
      },
    });
    registerOptimizer(Plug);
    const found = describeOptimizers().find(({ name }) => name === 'plug')!;
    expect(String(found)).toBe(
      [
        'plug, https://example.org/plug',
        '  m₀ = p₀ / 2',
        '  m ← β₁ m + g / ‖g‖',
        '  quiet = round(m) if strict else m',
        '  p ← (1 − lr λ) p − lr sign(quiet) |quiet|^mildness / bias₁',
        'options, with defaults and ranges:',
        '  lr           0.1        [0, ∞)',
        '  beta1        0.9        [0, 1)',
        '  mildness     2          (0, ∞)',
        '  strict       false      false | true',
        '  decay        decoupled  coupled | decoupled',
        '  weightDecay  0          [0, ∞)',
        '  l1           0          [0, 1]',
        '  proximal     false      false | true',
        '  towardInit   false      false | true',
        '  maximize     false      false | true',
        'numbers kept for each number of every parameter: 1 (m), 2 with every option on',
        'runs on a GPU: yes',
      ].join('\n'),
    );
  });

  it('takes names of norms, scalars and lines from where a minifier leaves them', () => {
    const minified = (value: unknown): unknown => {
      if (typeof value === 'function') {
        const { code } = minifySync('f.js', `export const f = ${value}`, { compress: true, mangle: true });
        return new Function(`return ${/^export const f=(.*);$/s.exec(code)![1]!}`)();
      }
      if (typeof value !== 'object' || value === null) return value;
      return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, minified(inner)]));
    };
    const lineRules = [...builtIns.values()].filter((rule) => 'lines' in rule);
    for (const rule of lineRules) {
      const Minified = defineOptimizer({
        ...(minified(rule) as typeof Adam.rule),
        name: rule.name as 'adam',
      });
      expect(describeOptimizers(Minified).formula, rule.name).toEqual(
        describeOptimizers(rule.name as 'adam').formula,
      );
    }
  });

  it('prints a rule without a formula as that', () => {
    const Mute = defineOptimizer({
      name: 'mute',
      paper: '',
      defaults: { lr: 1 },
      initial: { s: (p) => p.sum() },
      update: ({ g, s }) => ({ delta: g, s }),
      formula: {},
    });
    const { formula, memory, onGpu }: OptimizerDescription = describeOptimizers(Mute);
    expect(formula.text).toEqual([]);
    expect([memory.numbersPerNumber, memory.most, onGpu]).toEqual([1 / 2048, 1 + 1 / 2048, false]);
    expect(memory.countedOn).toBe('a [64, 32] matrix');
  });

  it('a formula that cannot be read is refused with its rule', () => {
    const define = (formula: Record<string, string>) => () =>
      defineOptimizer({
        name: 'mine',
        paper: '',
        defaults: { lr: 1 },
        update: ({ g }) => ({ delta: g }),
        formula,
      });
    expect(messageOf(define({ delta: 'g +' }))).toBe(
      'defineOptimizer("mine"), formula delta: a formula may use names, numbers, + − * / **, comparisons, ?: and ' +
        'functions, got "the end of the text" after "g +" in g +.',
    );
  });
});
