import { describe, expect, it, vi } from 'vitest';
import { ShapeError, ValueError } from '../../src/core/errors.ts';
import {
  assign,
  grad,
  isGradEnabled,
  noGrad,
  ones,
  type Tensor,
  tensor,
  zeros,
} from '../../src/tensor/index.ts';
import { expectClose } from '../support/close.ts';
import { expectError } from '../support/errors.ts';

const leaf = (data: Parameters<typeof tensor>[0]): Tensor =>
  tensor(data, { dtype: 'float64', requiresGrad: true });

describe('requiresGrad', () => {
  it('is inherited by results', () => {
    const x = leaf([1, 2]);
    const c = ones([2]);
    expect([x.requiresGrad, c.requiresGrad, x.add(c).requiresGrad, c.add(c).requiresGrad]).toEqual([
      true,
      false,
      true,
      false,
    ]);
    expect([x.isLeaf, c.isLeaf, x.add(c).isLeaf, c.add(c).isLeaf]).toEqual([true, true, false, true]);
  });

  it('can be switched on leaves, which freezes them', () => {
    const x = leaf([1, 2]);
    x.requiresGrad = false;
    expect(x.mul(2).requiresGrad).toBe(false);
    x.requiresGrad = true;
    x.mul(2).sum().backward();
    expectClose(x.grad!, [2, 2]);
    x.requiresGrad = true;
    expectClose(x.grad!, [2, 2]);
  });

  it('is refused for whole numbers and bools', () => {
    const message = (dtype: string) =>
      `requiresGrad: a gradient needs float32 or float64, got ${dtype}. Use cast('float32') first.`;
    expectError(() => tensor([1], { dtype: 'int32', requiresGrad: true }), ValueError, message('int32'));
    expectError(() => tensor([true], { requiresGrad: true }), ValueError, message('bool'));
    const t = zeros([1], { dtype: 'int32' });
    t.requiresGrad = false;
    expect(t.requiresGrad).toBe(false);
  });

  it('cannot be switched off on results', () => {
    const y = leaf([1]).exp();
    y.requiresGrad = true;
    expectError(
      () => {
        y.requiresGrad = false;
      },
      ValueError,
      'requiresGrad: only a leaf tensor can stop requiring a gradient, got the result of exp. ' +
        'Use detach() for a copy outside the graph.',
    );
  });

  it('is lost in whole numbers and comparisons', () => {
    const x = leaf([1.5, 2.5]);
    expect([x.cast('int32'), x.gt(2), x.argmax(), x.cast('bool').sum()].map((t) => t.requiresGrad)).toEqual(
      Array(4).fill(false),
    );
  });
});

describe('grad', () => {
  it('is null at first, and can be set', () => {
    const x = leaf([1, 2]);
    expect(x.grad).toBeNull();
    x.grad = tensor([10, 20], { dtype: 'float64' });
    x.sum().backward();
    expectClose(x.grad, [11, 21]);
  });

  it('refuses what is no gradient of the tensor', () => {
    const x = leaf([1, 2]);
    expectError(
      () => {
        x.grad = zeros([3]);
      },
      ShapeError,
      "grad: a gradient must have its tensor's shape [2], got [3].",
    );
    expectError(
      () => {
        x.grad = 0 as never;
      },
      ValueError,
      'grad: a gradient must be a tensor or null, got 0.',
    );
  });
});

describe('detach', () => {
  it('shares the numbers and stops the gradient', () => {
    const x = leaf([1, 2]);
    const y = x.mul(x.detach());
    y.sum().backward();
    expectClose(x.grad!, [1, 2]);
    const d = x.detach();
    expect([d.requiresGrad, d.isLeaf]).toEqual([false, true]);
    d.data.set(0, 7);
    expectClose(x, [7, 2]);
  });
});

describe('retainGrad', () => {
  it('keeps the gradient of a computed tensor', () => {
    const x = leaf([1, 2]);
    const h = x.mul(3);
    const forgotten = h.mul(1);
    h.retainGrad();
    forgotten.square().sum().backward();
    expectClose(h.grad!, [6, 12]);
    expectClose(x.grad!, [18, 36]);
    expect(forgotten.grad).toBeNull();
  });

  it('changes nothing for leaves', () => {
    const x = leaf([1, 2]);
    x.retainGrad();
    x.sum().backward();
    expectClose(x.grad!, [1, 1]);
  });

  it('needs a gradient', () => {
    expectError(
      () => ones([1]).retainGrad(),
      ValueError,
      'retainGrad: the tensor must require a gradient, got one that does not.',
    );
  });
});

describe('registerHook', () => {
  it('sees the complete gradient of leaves and of computed tensors, once per backward', () => {
    const x = leaf(3);
    const h = x.square();
    const onLeaf = vi.fn();
    const onResult = vi.fn();
    x.registerHook((g) => void onLeaf(g.item()));
    h.registerHook((g) => void onResult(g.item()));
    h.mul(2).add(h).add(x).backward();
    expect(onResult.mock.calls).toEqual([[3]]);
    expect(onLeaf.mock.calls).toEqual([[3 * 6 + 1]]);
  });

  it('replaces the gradient with what it returns, hook after hook', () => {
    const x = leaf([1, 2]);
    const h = x.mul(10);
    h.registerHook((g) => g.mul(2));
    h.registerHook((g) => g.add(1));
    x.registerHook((g) => g.neg());
    h.sum().backward();
    expectClose(x.grad!, [-30, -30]);
  });

  it('can be removed, also in the middle and twice', () => {
    const x = leaf(1);
    const calls: string[] = [];
    x.registerHook(() => void calls.push('a'));
    const remove = x.registerHook(() => void calls.push('b'));
    x.registerHook(() => void calls.push('c'));
    x.mul(1).backward();
    remove();
    remove();
    x.mul(1).backward();
    expect(calls.join('')).toBe('abcac');
  });

  it('works in grad() and with createGraph', () => {
    const x = leaf(2);
    const h = x.square();
    h.registerHook((g) => g.mul(x));
    const first = grad(h, x, { createGraph: true });
    expect(first.item()).toBe(8);
    // d/dx 2x·x = 4x
    expect(grad(first, x).item()).toBe(8);
  });

  it('runs before the gradient is kept', () => {
    const h = leaf(2).square();
    h.retainGrad();
    h.registerHook((g) => g.mul(5));
    h.backward();
    expect(h.grad!.item()).toBe(5);
  });

  it('refuses other things and other shapes', () => {
    const x = leaf([1, 2]);
    const remove = x.registerHook(() => ones([3]));
    const message = (got: string) =>
      `registerHook: a hook must return nothing or a tensor of shape [2], got ${got}.`;
    expectError(() => x.sum().backward(), ShapeError, message('[3]'));
    remove();
    x.registerHook(() => 3 as never);
    expectError(() => x.sum().backward(), ShapeError, message('3'));
  });

  it('needs a gradient', () => {
    expectError(
      () => ones([1]).registerHook(() => undefined),
      ValueError,
      'registerHook: the tensor must require a gradient, got one that does not.',
    );
  });
});

describe('noGrad', () => {
  it('records nothing, nests, and gives back what the function returns', () => {
    const x = leaf(2);
    const seen: boolean[] = [isGradEnabled()];
    const y = noGrad(() => {
      seen.push(isGradEnabled());
      noGrad(() => seen.push(isGradEnabled()));
      seen.push(isGradEnabled());
      return x.square();
    });
    seen.push(isGradEnabled());
    expect(seen).toEqual([true, false, false, false, true]);
    expect([y.item(), y.requiresGrad, y.isLeaf]).toEqual([4, false, true]);
  });

  it('lets leaves be made inside', () => {
    const w = noGrad(() => leaf(1));
    expect(w.requiresGrad).toBe(true);
    expect(w.mul(2).requiresGrad).toBe(true);
  });

  it('switches back on after an error', () => {
    expect(() =>
      noGrad(() => {
        throw new Error('mine');
      }),
    ).toThrow('mine');
    expect(isGradEnabled()).toBe(true);
  });

  it('refuses a function that returns a promise, and leaves no unhandled rejection', () => {
    const message =
      'noGrad: the function must be synchronous, got one that returns a promise. ' +
      'Put every await outside, and noGrad around the computations between them.';
    expectError(() => noGrad(async () => 1), ValueError, message);
    expectError(() => noGrad(() => Promise.reject(new Error('later'))), ValueError, message);
    expect(isGradEnabled()).toBe(true);
  });

  it('does not keep backward from running inside', () => {
    const x = leaf(3);
    const y = x.square();
    noGrad(() => y.backward());
    expect(x.grad!.item()).toBe(6);
  });
});

describe('assign', () => {
  it('writes a tensor, or numbers in row-major order, also into views and of another dtype', () => {
    const w = leaf([
      [1, 2],
      [3, 4],
    ]);
    assign(
      w,
      tensor([
        [5, 6],
        [7, 8],
      ]),
    );
    expectClose(w, [
      [5, 6],
      [7, 8],
    ]);
    assign(w.detach().transpose(), new Float64Array([1, 2, 3, 4]));
    expectClose(w, [
      [1, 3],
      [2, 4],
    ]);
    assign(w.detach().slice(1), tensor([9, 9], { dtype: 'int32' }));
    expectClose(w, [
      [1, 3],
      [9, 9],
    ]);
    assign(
      w.detach().slice(null, [null, null, -1]),
      tensor([
        [1, 2],
        [3, 4],
      ]).transpose(),
    );
    expectClose(w, [
      [3, 1],
      [4, 2],
    ]);
  });

  it('refuses computed tensors and other sizes', () => {
    expectError(
      () => assign(leaf([1]).mul(2), zeros([1])),
      ValueError,
      'assign: only a leaf tensor can be overwritten, got the result of mul. Use detach() first.',
    );
    expectError(
      () => assign(leaf([1, 2]), zeros([2, 1])),
      ShapeError,
      'assign: the values must fill the shape [2], got [2, 1].',
    );
    expectError(
      () => assign(leaf([1, 2]), new Float64Array(3)),
      ShapeError,
      'assign: the values must fill the shape [2], got 3 numbers.',
    );
  });
});
