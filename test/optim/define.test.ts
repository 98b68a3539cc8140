import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { CompiledRule } from '../../src/optim/compiled.ts';
import {
  Adam,
  AdamW,
  type AnyUpdateRule,
  createOptimizer,
  defineOptimizer,
  type OptimizerName,
  optimizerNames,
  RMSprop,
  registerOptimizer,
  SGD,
} from '../../src/optim/index.ts';
import { everyKind } from '../../src/optim/kinds.ts';
import * as rules from '../../src/optim/rules/index.ts';
import { type Tensor, tensor } from '../../src/tensor/index.ts';
import { filesIn, root } from '../docs/blocks.ts';
import { messageOf } from '../support/errors.ts';

const parameter = (): Tensor => {
  const p = tensor([1, 2], { dtype: 'float64', requiresGrad: true });
  p.grad = tensor([0.5, -1], { dtype: 'float64' });
  return p;
};

const base = { name: 'mine', paper: 'https://example.org', defaults: { lr: 0.1 } };
const define = (rule: object): unknown => new CompiledRule({ ...base, ...rule } as AnyUpdateRule, everyKind);

afterEach(() => vi.restoreAllMocks());

describe('defineOptimizer refuses at once', () => {
  it.each<[object, string]>([
    [{ lines: { m: () => 1 } }, 'a rule must have a line "delta" or "step", got { m }.'],
    [
      { lines: { delta: () => 1, p: () => 1 } },
      'a line must have a name of its own, got "p", which every rule has.',
    ],
    [
      { lines: { delta: () => 1, lr: () => 1 } },
      'a line cannot have the name of an option or scalar, got "lr".',
    ],
    [
      { lines: { delta: ({ gg }: { gg: number }) => gg } },
      'line delta may take elements from its first parameter only, got "gg". Did you mean "g"? Known: p, g, pull, delta.',
    ],
    [
      { lines: { delta: (_: object, { rate }: { rate: number }) => rate } },
      'line delta may take scalars from its second parameter only, got "rate".',
    ],
    [
      { lines: { delta: ({ lr }: { lr: number }) => lr } },
      'line delta may take elements from its first parameter only, got "lr".',
    ],
    [{ defaults: { lr: -1 }, lines: { delta: () => 1 } }, 'lr must be in [0, ∞), got -1.'],
    [
      { defaults: { lr: 1, bend: 3 }, ranges: { bend: '(0, 3)' }, lines: { delta: () => 1 } },
      'bend must be in (0, 3), got 3.',
    ],
    [
      { initial: { q: () => 1 }, lines: { delta: () => 1 } },
      'initial must name a line, got "q". Known: delta.',
    ],
    [
      { perStep: () => ({ lr: 2 }), lines: { delta: () => 1 } },
      'perStep cannot replace an option, got "lr".',
    ],
    [
      { perStep: (_: number, { beta }: { beta: number }) => ({ bias: 1 - beta }), lines: { delta: () => 1 } },
      'perStep must return numbers or booleans, also for bias, got NaN.',
    ],
  ])('%#', (rule, expected) => {
    expect(messageOf(() => define(rule))).toMatch(`defineOptimizer("mine"): ${expected}`);
  });

  it('what engines cannot run, with the piece quoted', () => {
    const limit = 3;
    const text = messageOf(() => define({ lines: { delta: ({ g }: { g: number }) => Math.min(g, limit) } }));
    expect(text).toMatch(/^defineOptimizer\("mine"\), line delta: a formula may use its parameters/);
    expect(text).toContain('got "limit )" after "min ( g ,"');
  });
});

describe('a rule', () => {
  it('may be built on another one', () => {
    expect(AdamW.rule.lines).toBe(Adam.rule.lines);
    expect([AdamW.rule.name, AdamW.name, AdamW.rule.defaults.decay]).toEqual(['adamw', 'adamw', 'decoupled']);
    const [a, b] = [parameter(), parameter()];
    new AdamW([a], { decay: 'coupled' }).step();
    new Adam([b], { weightDecay: 0.01 }).step();
    expect(a.toArray()).toEqual(b.toArray());
  });

  it('may have more choices than numbers and switches', () => {
    const Rounded = defineOptimizer({
      ...base,
      name: 'rounded',
      defaults: { lr: 1, limit: 2 },
      ranges: { limit: '(0, ∞)', lr: '[0, 1]' },
      lines: { delta: ({ g }, { limit }) => (Math.abs(g) < limit ? 0 : Math.round(g)) },
    });
    const p = parameter();
    const optimizer = new Rounded([p], { limit: 1 });
    expect(optimizer).toBeInstanceOf(Rounded);
    optimizer.step();
    expect(p.toArray()).toEqual([1, 3]);
    expect(messageOf(() => new Rounded([p], { limit: 0 }))).toBe('rounded: limit must be in (0, ∞), got 0.');
    expect(messageOf(() => new Rounded([p], { lr: 1.5 }))).toBe('rounded: lr must be in [0, 1], got 1.5.');
  });

  it('may start its state from the parameter', () => {
    const Tied = defineOptimizer({
      ...base,
      name: 'tied',
      initial: { anchor: ({ p }) => p },
      lines: { anchor: ({ anchor }) => anchor, delta: ({ p, anchor, g }) => g + (p - anchor) },
    });
    const p = parameter();
    const optimizer = new Tied([p], { lr: 1 });
    optimizer.step();
    optimizer.step();
    expect(p.toArray()).toEqual([0.5, 3]);
  });

  it.each([
    [new SGD([parameter()]), []],
    [new SGD([parameter()], { momentum: 0.9 }), ['m']],
    [new SGD([parameter()], { nesterov: true }), []],
    [new RMSprop([parameter()]), ['v']],
    [new RMSprop([parameter()], { centered: true, momentum: 0.5 }), ['b', 'm', 'v']],
    [new Adam([parameter()]), ['m', 'v']],
    [new Adam([parameter()], { amsgrad: true }), ['m', 'v', 'vMax']],
  ])('allocates only what its options need (%#)', (optimizer, expected) => {
    optimizer.step();
    expect(Object.keys(optimizer.stateDict().groups[0]!.params[0]!.state).sort()).toEqual(expected);
  });
});

describe('the registry', () => {
  it('knows every rule of rules.ts by its name', () => {
    for (const Known of Object.values(rules)) {
      const { name } = Known.rule;
      expect(Known.name).toBe(name);
      expect(optimizerNames()).toContain(name);
      expect(createOptimizer(name, [parameter()])).toBeInstanceOf(Known);
    }
  });

  it('takes plug-ins, and refuses a name that is taken', () => {
    const Plugin = defineOptimizer({ ...base, name: 'plugin', lines: { delta: ({ g }) => g } });
    registerOptimizer(Plugin);
    registerOptimizer(Plugin);
    expect(createOptimizer('plugin' as OptimizerName, [parameter()])).toBeInstanceOf(Plugin);
    const Other = defineOptimizer({ ...base, name: 'plugin', lines: { delta: ({ g }) => -g } });
    expect(messageOf(() => registerOptimizer(Other))).toMatch(
      /^registerOptimizer: a name must be new, got "plugin"\. Taken: .*adam.*plugin\.$/,
    );
  });
});

describe('the doc comment of every rule', () => {
  const text = filesIn('src/optim/rules', '.ts')
    .map((file) => readFileSync(join(root, file), 'utf8'))
    .join('\n');

  it.each(Object.entries(rules))('%s: paper, formula and defaults', (name, { rule }) => {
    const comment = new RegExp(`/\\*\\*((?:(?!\\*/)[^])*)\\*/\\nexport const ${name} = `).exec(text)![1]!;
    expect(comment).toMatch(/@paper .*\d{4}/);
    expect(comment).toContain(rule.paper);
    expect(comment).toContain('$$');
    const [, list] = /Defaults[^:]*:\s+([^@]*)\.\n/.exec(comment.replaceAll('\n * ', '\n'))!;
    const stated = Object.fromEntries(list!.split(/,\s+/).map((item) => item.split(' ')));
    const isNew = ([option]: [string, unknown]) => name !== 'AdamW' || !(option in Adam.rule.defaults);
    for (const [option, value] of Object.entries(rule.defaults).filter(isNew)) {
      expect(typeof value === 'number' ? Number(stated[option]) : stated[option], option).toEqual(
        typeof value === 'number' ? value : String(value),
      );
    }
  });
});
