import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createOptimizer, type OptimizerName, SGD } from '../../../src/optim/index.ts';
import {
  accumulate,
  ema,
  lookahead,
  type OptimizerLike,
  sam,
  swa,
} from '../../../src/optim/wrappers/index.ts';
import { type Tensor, tensor } from '../../../src/tensor/index.ts';
import { expectClose } from '../../support/close.ts';
import { nested, numbers, parameters, train } from './cases.ts';

fc.configureGlobal({ seed: 21 });

const dtype = fc.constantFrom('float32' as const, 'float64' as const);
const name = fc.constantFrom<OptimizerName>('sgd', 'adamw', 'nadam', 'muon', 'asgd', 'rprop');
const runs = { numRuns: 40 };

/** Where parameters end up by 10 steps of an optimizer inside what `wrap` makes. */
function end(
  [inner, kind]: [OptimizerName, 'float32' | 'float64'],
  wrap: (optimizer: OptimizerLike) => OptimizerLike,
): number[] {
  const params = parameters(kind);
  train(wrap(createOptimizer(inner, params)), params, 1, 11);
  return numbers(params);
}

describe('what changes nothing', () => {
  it.each<[string, (optimizer: OptimizerLike) => OptimizerLike]>([
    ['lookahead with alpha 1', (optimizer) => lookahead(optimizer, { k: 3, alpha: 1 })],
    ['accumulate of 1', (optimizer) => accumulate(optimizer, 1)],
    ['sam with rho 0', (optimizer) => sam(optimizer, { rho: 0 })],
    ['ema', ema],
    ['swa', swa],
    ['some of them', (optimizer) => swa(accumulate(lookahead(ema(optimizer), { alpha: 1 }), 1))],
  ])('%s trains as the optimizer alone, bit for bit', (_, wrap) => {
    fc.assert(
      fc.property(fc.tuple(name, dtype), (inner) => {
        expect(end(inner, wrap)).toEqual(end(inner, (optimizer) => optimizer));
      }),
      runs,
    );
  });
});

describe('averages', () => {
  const values = fc.array(fc.double({ min: -1e3, max: 1e3, noNaN: true }), { minLength: 1, maxLength: 8 });
  /** What a parameter was after steps to (nearly) these values, and its average then. */
  function averaged(targets: readonly number[], kind: 'float32' | 'float64', wrap: typeof ema) {
    const p = tensor([7], { dtype: kind, requiresGrad: true });
    const optimizer = wrap(new SGD([p], { lr: 1 }));
    const course = targets.map((value) => {
      p.grad = p.detach().sub(value);
      optimizer.step();
      return p.item();
    });
    return { course, average: optimizer.averages().get(p)!.item() };
  }

  it('ema with decay 0 are the parameters', () => {
    fc.assert(
      fc.property(values, dtype, fc.boolean(), (targets, kind, warmup) => {
        const { course, average } = averaged(targets, kind, (optimizer) =>
          ema(optimizer, { decay: 0, warmup }),
        );
        expect(average).toBe(course.at(-1));
      }),
      runs,
    );
  });

  it('swa of what stays the same is just that, and ema, too', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 30 }),
        dtype,
        fc.double({ min: 0, max: 1, noNaN: true }),
        (n, kind, decay) => {
          const same = Array<number>(n).fill(7);
          expect(averaged(same, kind, swa).average).toBe(7);
          expect(averaged(same, kind, (optimizer) => ema(optimizer, { decay })).average).toBe(7);
        },
      ),
      runs,
    );
  });

  it('swa is the mean', () => {
    fc.assert(
      fc.property(values, (targets) => {
        const { course, average } = averaged(targets, 'float64', swa);
        const sum = course.reduce((a, b) => a + b, 0);
        expectClose(average, sum / course.length, { atol: 1e-11 });
      }),
      runs,
    );
  });
});

describe('accumulate', () => {
  /** One step for the mean loss of a linear model, over batches in turn. */
  function step(w: Tensor, batches: readonly Tensor[]): void {
    const optimizer = accumulate(createOptimizer('sgd', [w], { lr: 0.1, clipNorm: 1 }), batches.length);
    for (const x of batches) {
      optimizer.zeroGrad();
      x.matmul(w).sub(1).square().mean().backward();
      optimizer.step();
    }
    expect(optimizer.steps).toBe(1);
  }

  it('makes one large batch of micro-batches', () => {
    const layout = fc.record({
      n: fc.integer({ min: 1, max: 6 }),
      size: fc.integer({ min: 1, max: 4 }),
      seed: fc.integer(),
    });
    fc.assert(
      fc.property(layout, ({ n, size, seed }) => {
        const at = (i: number): number => Math.sin(seed + i * i);
        const x = tensor(
          Array.from({ length: n * size * 3 }, (_, i) => at(i)),
          { dtype: 'float64' },
        );
        const [whole, parts] = [0, 1].map(() =>
          tensor([[0.5], [-1], [2]], { dtype: 'float64', requiresGrad: true }),
        );
        step(whole!, [x.reshape([n * size, 3])]);
        const micro = x.reshape([n, size, 3]);
        step(
          parts!,
          Array.from({ length: n }, (_, i) => micro.slice(i)),
        );
        expectClose(parts!, whole!);
      }),
      runs,
    );
  });
});

describe('saving and going on is the same as going through', () => {
  it.each(Object.entries(nested))('%s', (_, wrap) => {
    fc.assert(
      fc.property(name, dtype, fc.integer({ min: 1, max: 11 }), fc.boolean(), (inner, kind, cut, json) => {
        const through = parameters(kind);
        const course = train(wrap(createOptimizer(inner, through)), through, 1, 12);

        const before = parameters(kind);
        const first = wrap(createOptimizer(inner, before));
        train(first, before, 1, cut);
        const copies = before.map((p) => tensor(p, { requiresGrad: true }));
        const second = wrap(createOptimizer(inner, copies, { lr: 0.123 } as never));
        const state = first.stateDict();
        second.loadStateDict(json ? JSON.parse(JSON.stringify(state)) : state);
        expect(second.stateDict()).toEqual(state);
        // nothing of the state may still be shared
        train(first, before, cut, 12);
        expect(train(second, copies, cut, 12)).toEqual(course.slice(cut - 1));
      }),
      { numRuns: 15 },
    );
  });
});
