import { describe, expect, it } from 'vitest';
import { show, ValueError } from '../../src/core/errors.ts';
import {
  Adadelta,
  Adam,
  createOptimizer,
  defineOptimizer,
  type OptimizerName,
} from '../../src/optim/index.ts';
import { tensor } from '../../src/tensor/index.ts';
import { type Verification, verify } from '../../src/testing/index.ts';
import { compare } from '../../src/testing/verify.ts';
import { own, reference, shared, title } from '../optim/cases.ts';

describe(`every optimizer and option against ${reference.generated}`, () => {
  it('there are rows for every optimizer, every option of its own and every shared one', () => {
    expect(new Set(reference.rows.map(({ name }) => name))).toEqual(new Set(Object.keys(own)));
    expect(reference.rows.length * reference.steps.length).toBeGreaterThanOrEqual(300);
    expect(reference.steps).toEqual([1, 10, 100]);
    const options = new Set(reference.rows.map(({ name, options }) => title(name, options)));
    for (const [name, list] of Object.entries(own)) {
      for (const mine of list) expect(options).toContain(title(name, mine));
      const missing = shared.filter((more) => !options.has(title(name, { ...list[0], ...more })));
      const w = tensor([1], { requiresGrad: true });
      const defaults = createOptimizer(name as OptimizerName, [w]).groups[0]!;
      for (const more of missing) {
        // it says nothing new, or is refused
        if ('decay' in more && more.decay === defaults.decay) continue;
        expect(() => createOptimizer(name as OptimizerName, [w], more), `${name} ${show(more)}`).toThrow(
          ValueError,
        );
      }
    }
  });

  for (const row of reference.rows) {
    it(`${title(row.name, row.options)}, by ${row.by}`, () => {
      const create = (params: never[], options: object) =>
        createOptimizer(row.name as OptimizerName, params, options);
      for (const { steps, float64, float32, ok } of compare(create as never, reference, row)) {
        expect(float64, `float64 after ${steps} steps`).toBeLessThanOrEqual(1e-12);
        expect(float32, `float32 after ${steps} steps`).toBeLessThanOrEqual(1e-5);
        expect(ok).toBe(true);
      }
    });
  }
});

describe('verify', () => {
  it('replays the rows of one optimizer', async () => {
    const result = await verify('adadelta');
    expect(result.ok).toBe(true);
    expect(result.rows.length).toBe(3 * reference.rows.filter(({ name }) => name === 'adadelta').length);
    expect(new Set(result.rows.map(({ steps }) => steps))).toEqual(new Set([1, 10, 100]));
    expect(String(result)).toMatch(
      /^adadelta: (\d+) of \1 rows agree with PyTorch 2\.\S+, optax \S+; float64 off by \S+e-1\d at most, float32 off by \S+ at most\.$/,
    );
  });

  it.each<[unknown, object, string]>([
    [
      'nothingLikeIt',
      {},
      'verify: there must be rows for the optimizer, got "nothingLikeIt". Known: sgd, sgdm,',
    ],
    ['adm', {}, 'verify: there must be rows for the optimizer, got "adm". Did you mean "adam"?'],
    [
      'adam',
      { is: 'adam' },
      'verify: every option must be known, got "is". Did you mean "as"? Known: as, options.',
    ],
    [
      'adam',
      { options: { bta1: 0.9 } },
      'adam: every option must be known, got "bta1". Did you mean "beta1"?',
    ],
  ])('refuses what it cannot compare (%#)', async (optimizer, options, message) => {
    await expect(verify(optimizer as 'adam', options)).rejects.toThrow(message);
  });

  it('compares an optimizer of one’s own with the rows of another', async () => {
    const { m, v, delta, vMax } = Adam.rule.lines;
    const Mine = defineOptimizer({ ...Adam.rule, name: 'mine', lines: { v, m, vMax, delta } });
    const result = await verify(Mine, { as: 'adam' });
    expect([result.ok, result.optimizer, result.leftOut]).toEqual([true, 'mine', []]);
  });

  it('compares a more general optimizer where it is the other one', async () => {
    const Mixed = defineOptimizer({
      name: 'mixed',
      paper: 'https://example.org/mixed',
      defaults: { lr: 0.01, rho: 0.5, epsRoot: 0, share: 0.5 },
      lines: {
        v: ({ g, v }, { rho }) => rho * v + (1 - rho) * g * g,
        delta: ({ g, v }, { share, epsRoot }) =>
          (share * g) / (Math.sqrt(v + epsRoot) + 1e-8) + (1 - share) * g,
      },
    });
    expect((await verify(Mixed, { as: 'rmsprop' })).ok).toBe(false);
    const result = await verify(Mixed, { as: 'rmsprop', options: { share: 1, rho: 0.99 } });
    expect(String(result)).toMatch(
      /^mixed: (\d+) of \1 rows agree with .* 6 sets of options left out, for want of eps, centered, momentum\.$/,
    );
    expect(result.ok).toBe(true);
    expect(result.leftOut).toContainEqual({ rho: 0.9, eps: 0.001 });
    const all = reference.rows.filter(({ name }) => name === 'rmsprop');
    expect(result.rows.length).toBe(3 * (all.length - 6));
  });
});

describe('the table notices the mistakes that other libraries have made', () => {
  const failures = ({ rows }: Verification) => rows.filter(({ ok }) => !ok).length;
  const { rule } = Adam;

  it('no bias correction', async () => {
    const result = await verify(defineOptimizer({ ...rule, perStep: () => ({ bias1: 1, bias2: 1 }) }));
    expect(failures(result)).toBe(result.rows.length);
    expect(String(result)).toMatch(
      /^adam: 0 of .*\n {2}\{\} after 1 steps: off from PyTorch by \S+ \(float64\), \S+ \(float32\)\n/,
    );
  });

  it('a bias correction computed in float32', async () => {
    const { fround } = Math;
    const single = (beta: number, t: number): number => fround(1 - fround(fround(beta) ** t));
    const perStep: typeof rule.perStep = (t, { beta1, beta2 }) => ({
      bias1: single(beta1, t),
      bias2: single(beta2, t),
    });
    const result = await verify(defineOptimizer({ ...rule, perStep }));
    expect(failures(result)).toBe(result.rows.length);
  });

  it('the accumulator of the step before in the denominator', async () => {
    const { delta, v, u } = Adadelta.rule.lines;
    const result = await verify(defineOptimizer({ ...Adadelta.rule, lines: { delta, v, u } }));
    expect(failures(result)).toBe(result.rows.length);
  });
});
