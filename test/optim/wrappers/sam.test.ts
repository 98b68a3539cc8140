import { describe, expect, it } from 'vitest';
import { ValueError } from '../../../src/core/errors.ts';
import * as nn from '../../../src/nn/index.ts';
import { SGD } from '../../../src/optim/index.ts';
import { type SamOptions, sam } from '../../../src/optim/wrappers/index.ts';
import { type Tensor, tensor } from '../../../src/tensor/index.ts';
import { expectError } from '../../support/errors.ts';

const parameter = (values: number[], dtype: 'float32' | 'float64' = 'float64'): Tensor =>
  tensor(values, { dtype, requiresGrad: true });

describe('sam', () => {
  it('needs a closure', async () => {
    const optimizer = sam(new SGD([parameter([1])]));
    const message =
      'sam.step: a closure must be given, got none. ' +
      'A step takes gradients twice: step(() => { optimizer.zeroGrad(); …; loss.backward(); return loss; }).';
    expectError(() => optimizer.step(), ValueError, message);
    await expect(optimizer.stepAsync()).rejects.toThrow(message);
  });

  it('calls it at p and at p + e, and steps from p by the second gradient', () => {
    const p = parameter([3, 4]);
    const seen: number[][] = [];
    const optimizer = sam(new SGD([p], { lr: 1 }), { rho: 5, eps: 0 });
    const result = optimizer.step(() => {
      seen.push(p.toArray() as number[]);
      p.grad = tensor(seen.length === 1 ? [30, 40] : [1, 2], { dtype: 'float64' });
      return seen.length;
    });
    expect([result, seen, p.toArray()]).toEqual([
      1,
      [
        [3, 4],
        [6, 8],
      ],
      [2, 2],
    ]);
  });

  it('clears gradients before the second call, too', () => {
    const p = parameter([1]);
    sam(new SGD([p], { lr: 0.5 }), { rho: 0 }).step(() => p.square().sum().backward());
    expect(p.item()).toBe(0);
  });

  it.each<[string, SamOptions, number[]]>([
    ['one norm over all parameters', { rho: 1, eps: 0 }, [0.6, 0.8]],
    ['eps', { rho: 1, eps: 5 }, [0.3, 0.4]],
    // p = 2, 0.5 and g = 3, 4: |p| g = 6, 2
    ['adaptive', { rho: Math.sqrt(40), eps: 0, adaptive: true }, [12, 1]],
  ])('e: %s', (_, options, e) => {
    const [p, q] = [parameter([2]), parameter([0.5])];
    const seen: number[][] = [];
    sam(new SGD([{ params: [p] }, { params: [q] }]), options).step(() => {
      seen.push([p.item(), q.item()]);
      p.grad = tensor([3]);
      q.grad = tensor([4]);
    });
    expect(seen[1]!.map((x, i) => x - seen[0]![i]!)).toEqual(e.map((x) => expect.closeTo(x, 14)));
  });

  it('leaves what is frozen where it is, and out of the norm', () => {
    const [p, q, frozen] = [parameter([0]), parameter([0]), parameter([0])];
    frozen.requiresGrad = false;
    const seen: number[][] = [];
    sam(new SGD([p, q, frozen]), { rho: 5, eps: 0 }).step(() => {
      seen.push([p.item(), q.item(), frozen.item()]);
      for (const [i, one] of [p, q, frozen].entries()) one.grad = tensor([3 + i]);
    });
    expect(seen[1]).toEqual([3, 4, 0]);
  });

  it('goes the other way where a group climbs', () => {
    const [p, q] = [parameter([0]), parameter([0])];
    const seen: number[][] = [];
    sam(new SGD([{ params: [p] }, { params: [q], maximize: true }]), { rho: 5, eps: 0 }).step(() => {
      seen.push([p.item(), q.item()]);
      p.grad = tensor([3]);
      q.grad = tensor([4]);
    });
    expect(seen[1]).toEqual([3, -4]);
  });

  it.each(['float32', 'float64'] as const)('puts parameters back bit for bit, %s', (dtype) => {
    const values = [1e-30, -0, 1 / 3, 1e30, -5e-324, 7];
    const p = parameter(values, dtype);
    const before = p.toArray();
    let calls = 0;
    const closure = (): void => {
      expect(Object.is(p.toArray(), before)).toBe(false);
      if (++calls === 2) expect(p.toArray()).not.toEqual(before);
      p.grad = tensor([1, 2, 3, 4, 5, 6]);
    };
    sam(new SGD([p], { lr: 0 }), { rho: 1e3 }).step(closure);
    expect([calls, p.toArray()]).toEqual([2, before]);
  });

  it.each([
    ['0', [0, 0]],
    ['NaN', [1, Number.NaN]],
    ['infinite', [1, Infinity]],
    ['overflowing', [1e200, 1e200]],
  ])('does not move for a norm that is %s', (_, g) => {
    for (const eps of [0, 1e-12]) {
      const p = parameter([1, 2]);
      const seen: unknown[] = [];
      sam(new SGD([p], { nonFinite: 'skip', lr: 0 }), { eps }).step(() => {
        seen.push(p.toArray());
        p.grad = tensor(g, { dtype: 'float64' });
      });
      expect([seen, p.toArray()]).toEqual([
        [
          [1, 2],
          [1, 2],
        ],
        [1, 2],
      ]);
    }
  });

  it('puts parameters back and takes no step when the second call throws', async () => {
    const p = parameter([3]);
    const optimizer = sam(new SGD([p], { lr: 1 }), { rho: 1 });
    let calls = 0;
    const failing = (): void => {
      p.grad = tensor([1]);
      if (++calls % 2 === 0) throw new Error(`at ${p.item()}`);
    };
    expect(() => optimizer.step(failing)).toThrow('at 3.999999999999');
    expect([p.item(), optimizer.steps]).toEqual([3, 0]);
    await expect(optimizer.stepAsync(async () => failing())).rejects.toThrow('at 3.999999999999');
    expect([p.item(), optimizer.steps]).toEqual([3, 0]);
    // and a promise where there was none before
    let called = 0;
    const odd = () => (++called === 2 ? Promise.resolve() : undefined);
    expect(() => optimizer.step(odd)).toThrow('the closure must be synchronous');
    expect([p.item(), optimizer.steps]).toEqual([3, 0]);
  });

  it('lets statistics of batch norm take up both calls', () => {
    const model = new nn.BatchNorm(1);
    const optimizer = sam(new SGD(model.parameters()));
    optimizer.step(() =>
      model
        .forward(tensor([[1], [3]]))
        .square()
        .sum()
        .backward(),
    );
    expect(model.numBatchesTracked!.item()).toBe(2);
  });
});
