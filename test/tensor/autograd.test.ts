import { describe, expect, it } from 'vitest';
import { InternalError, ShapeError, ValueError } from '../../src/core/errors.ts';
import { assign, grad, ones, record, type Tensor, tensor, zeros } from '../../src/tensor/index.ts';
import { expectClose } from '../support/close.ts';
import { expectError } from '../support/errors.ts';

const leaf = (data: Parameters<typeof tensor>[0], dtype: 'float32' | 'float64' = 'float64'): Tensor =>
  tensor(data, { dtype, requiresGrad: true });

describe('backward', () => {
  it('computes the gradient of a scalar', () => {
    const x = leaf([1, 2, 3]);
    x.square().sum().backward();
    expectClose(x.grad!, [2, 4, 6]);
  });

  it('adds up over calls, until grad is set to null', () => {
    const x = leaf([1, 2]);
    x.sum().backward();
    x.mul(3).sum().backward();
    expectClose(x.grad!, [4, 4]);
    x.grad = null;
    x.sum().backward();
    expectClose(x.grad!, [1, 1]);
  });

  it('adds up in a new tensor: a gradient that was taken out stays as it was', () => {
    const x = leaf([1, 2]);
    x.sum().backward();
    const first = x.grad!;
    x.sum().backward();
    expectClose(first, [1, 1]);
    expectClose(x.grad!, [2, 2]);
  });

  it('sums over all uses of a tensor', () => {
    const x = leaf(3);
    x.mul(x).add(x).add(x.mul(2)).backward();
    expect(x.grad!.item()).toBe(2 * 3 + 1 + 2);
    const y = leaf(2);
    let sum = y.mul(0);
    for (let i = 0; i < 50; i++) sum = sum.add(y);
    sum.backward();
    expect(y.grad!.item()).toBe(50);
  });

  it('goes through diamonds once per edge', () => {
    // d doubles at each step: 2 ** 40 paths, 40 nodes
    const x = leaf(1);
    let d = x.mul(1);
    for (let i = 0; i < 40; i++) d = d.add(d);
    d.backward();
    expect(x.grad!.item()).toBe(2 ** 40);
  });

  it('reaches only what the result was computed from', () => {
    const x = leaf(1);
    const unused = leaf(1);
    x.mul(2).add(1).backward();
    expect(unused.grad).toBeNull();
  });

  it('takes the gradient of a result with several elements', () => {
    const x = leaf([1, 2, 3]);
    x.square().backward(tensor([1, 10, 100], { dtype: 'float64' }));
    expectClose(x.grad!, [2, 40, 600]);
  });

  it('takes one element in any shape as a scalar', () => {
    const x = leaf([[3]]);
    x.square().backward();
    expectClose(x.grad!, [[6]]);
  });

  it('gives a leaf that is its own result a gradient of 1', () => {
    const x = leaf(5);
    x.backward();
    expect(x.grad!.item()).toBe(1);
  });

  it('carries a chain of 100 000 operations without a stack overflow', () => {
    const x = leaf([1, 1]);
    let y: Tensor = x;
    for (let i = 0; i < 100_000; i++) y = i % 2 ? y.mul(1.00001) : y.add(1e-6);
    y.sum().backward();
    expectClose(x.grad!, Array(2).fill(1.00001 ** 50_000), { rtol: 1e-9 });
  });

  it('sums the gradient over broadcast axes', () => {
    const a = leaf([[1], [2]]);
    const b = leaf([10, 20, 30]);
    const c = leaf(5);
    a.mul(b).add(c).sum().backward();
    expectClose(a.grad!, [[60], [60]]);
    expectClose(b.grad!, [3, 3, 3]);
    expectClose(c.grad!, 6);
  });

  it("keeps every gradient in its tensor's dtype", () => {
    const narrow = leaf([1, 2], 'float32');
    const wide = leaf([3, 4], 'float64');
    const product = narrow.mul(wide);
    expect(product.dtype).toBe('float64');
    product.sum().backward();
    expect([narrow.grad!.dtype, wide.grad!.dtype]).toEqual(['float32', 'float64']);
    const back = leaf([1, 2], 'float32');
    back.sum().backward(tensor(3, { dtype: 'float64' }));
    expect(back.grad!.dtype).toBe('float32');
    expectClose(back.grad!, [3, 3]);
  });

  it('gives every leaf a gradient with storage of its own', () => {
    const a = leaf([1, 2]);
    const b = leaf([3, 4]);
    const seed = tensor([1, 1], { dtype: 'float64' });
    a.add(b).backward(seed);
    a.grad!.data.set(0, 100);
    expectClose(b.grad!, [1, 1]);
    expectClose(seed, [1, 1]);
  });

  it('is a method and a function', async () => {
    const { backward } = await import('../../src/tensor/index.ts');
    const x = leaf(2);
    backward(x.square());
    expect(x.grad!.item()).toBe(4);
  });

  it('refuses a result with several elements', () => {
    expectError(
      () => leaf([1, 2]).mul(2).backward(),
      ShapeError,
      'backward: the output must have one element, or its gradient must be given, got shape [2]. ' +
        'Reduce it first, as in loss.mean(), or pass a gradient of its shape.',
    );
  });

  it('refuses a gradient of another shape', () => {
    expectError(
      () =>
        leaf([1, 2])
          .mul(2)
          .backward(ones([2, 1])),
      ShapeError,
      "backward: the gradient must have the output's shape [2], got [2, 1].",
    );
  });

  it('refuses a gradient that is no tensor', () => {
    expectError(
      () =>
        leaf([1, 2])
          .mul(2)
          .backward([1, 1] as never),
      ValueError,
      'backward: the gradient must be a tensor, got [1, 1]. Wrap numbers and arrays with tensor(…).',
    );
  });

  it('refuses a result that depends on nothing that requires a gradient', () => {
    expectError(
      () => ones([]).mul(2).backward(),
      ValueError,
      'backward: the output must depend on a tensor that requires a gradient, got one that does not. ' +
        'Create the parameters with { requiresGrad: true }, and compute outside noGrad.',
    );
  });

  it('names the operation whose derivative has a wrong shape', () => {
    const x = leaf([1, 2]);
    const y = record('twice', ones([]), [x, () => zeros([3])]);
    expectError(
      () => y.backward(),
      InternalError,
      'twice: its derivative must have a shape that broadcasts from [2], got [3].',
    );
  });
});

describe('release of the graph', () => {
  it('happens in backward, and a second one says so', () => {
    const y = leaf([1, 2]).square().sum();
    y.backward();
    expectError(
      () => y.backward(),
      ValueError,
      'backward: the graph must not have been released, got sum of shape [], which an earlier backward went ' +
        'through. Call backward once per forward pass, or pass { retainGraph: true } to the earlier call.',
    );
  });

  it('is noticed by everything computed from the released part', () => {
    const h = leaf([1, 2]).square();
    h.sum().backward();
    expect(() => h.mul(2).sum().backward()).toThrow('got square of shape [2], which an earlier backward');
  });

  it('is noticed by grad(), also for inputs behind the released part', () => {
    const x = leaf(3);
    const y = x.square();
    y.backward();
    const message =
      'grad: the graph must not have been released, got square of shape [], which an earlier backward went ' +
      'through. Call backward once per forward pass, or pass { retainGraph: true } to the earlier call.';
    expectError(() => grad(y, x), ValueError, message);
    expectError(() => grad(y.mul(2), x, { allowUnused: true }), ValueError, message);
  });

  it('leaves alone what grad() did not go through', () => {
    const x = leaf(3);
    const h = x.square();
    expect(grad(h.mul(5), h).item()).toBe(5);
    h.backward();
    expect(x.grad!.item()).toBe(6);
    expect(grad(h.mul(7), h).item()).toBe(7);
  });

  it('waits with retainGraph', () => {
    const x = leaf(3);
    const y = x.square();
    y.backward(undefined, { retainGraph: true });
    y.backward();
    expect(x.grad!.item()).toBe(12);
    expect(() => y.backward()).toThrow('must not have been released');
  });
});

describe('a leaf that is overwritten before backward', () => {
  it('is noticed', () => {
    const w = leaf([1, 2]);
    const loss = w.square().sum();
    assign(w, tensor([5, 5], { dtype: 'float64' }));
    expectError(
      () => loss.backward(),
      ValueError,
      'backward: no leaf may be overwritten between forward and backward, got square of shape [2], which reads a ' +
        'leaf that was. Call backward before optimizer.step() or loadStateDict(), and compute anew afterwards.',
    );
    expect(w.grad).toBeNull();
  });

  it('is noticed through a view and by grad()', () => {
    const w = leaf([[1, 2]]);
    const loss = w.transpose().exp().sum();
    assign(w, new Float64Array(2));
    expect(() => grad(loss, w)).toThrow('no leaf may be overwritten');
  });

  it('does no harm before the forward pass or after backward', () => {
    const w = leaf([1, 2]);
    assign(w, new Float64Array([3, 4]));
    w.square().sum().backward();
    assign(w, new Float64Array([0, 0]));
    expectClose(w.grad!, [6, 8]);
    expectClose(w, [0, 0]);
  });
});

describe('grad', () => {
  it('gives one tensor for one input and a list for a list, and touches no grad', () => {
    const x = leaf(2);
    const y = leaf(5);
    const z = x.mul(y);
    expect(grad(z, x, { retainGraph: true }).item()).toBe(5);
    const both = grad(z, [x, y]);
    expect(both.map((g) => g.item())).toEqual([5, 2]);
    expect([x.grad, y.grad]).toEqual([null, null]);
  });

  it('adds up several outputs, each with a gradient of its own', () => {
    const x = leaf([1, 2]);
    const total = grad([x.sum(), x.mul(10).sum()], x);
    expectClose(total, [11, 11]);
    const weighted = grad([x.square(), x.sum()], x, { gradOutputs: [tensor([1, 100]), undefined] });
    expectClose(weighted, [3, 401]);
    expectClose(grad(x.square(), x, { gradOutputs: tensor([1, 2]) }), [2, 8]);
  });

  it('takes computed tensors as inputs, and an output as its own input', () => {
    const x = leaf(3);
    const h = x.square();
    const y = h.exp();
    const [byH, byY] = grad(y, [h, y]);
    expectClose(byH!, Math.exp(9));
    expect(byY!.item()).toBe(1);
  });

  it('takes the same input twice', () => {
    const x = leaf(3);
    expect(grad(x.square(), [x, x]).map((g) => g.item())).toEqual([6, 6]);
  });

  it('gives null for an unused input when allowed', () => {
    const x = leaf(3);
    const unused = leaf([1, 2]);
    const [g, none] = grad(x.square(), [x, unused], { allowUnused: true });
    expect(g!.item()).toBe(6);
    expect(none).toBeNull();
  });

  it('refuses an unused input otherwise', () => {
    const x = leaf(3);
    expectError(
      () => grad(x.square(), [x, leaf([1, 2])]),
      ValueError,
      'grad: the outputs must depend on every input, got input 1 of shape [2], which they do not depend on. ' +
        'Set allowUnused to get null for it.',
    );
  });

  it('refuses inputs that require no gradient', () => {
    const x = leaf(3);
    expectError(
      () => grad(x.square(), ones([])),
      ValueError,
      'grad: every input must require a gradient, got one that does not. Create it with { requiresGrad: true }.',
    );
    expectError(
      () => grad(x.square(), [3 as never]),
      ValueError,
      'grad: every input must be a tensor, got 3. Wrap numbers and arrays with tensor(…).',
    );
  });

  it('checks the outputs as backward does', () => {
    const x = leaf([1, 2]);
    expectError(
      () => grad(x.square(), x),
      ShapeError,
      'grad: the output must have one element, or its gradient must be given, got shape [2]. ' +
        'Reduce it first, as in loss.mean(), or pass a gradient of its shape.',
    );
    expectError(
      () => grad(x.square(), x, { gradOutputs: ones([3]) }),
      ShapeError,
      "grad: the gradient must have the output's shape [2], got [3].",
    );
    expectError(
      () => grad(2 as never, x),
      ValueError,
      'grad: the output must be a tensor, got 2. Wrap numbers and arrays with tensor(…).',
    );
  });
});

describe('higher derivatives', () => {
  it('come to the third order through grad', () => {
    const x = leaf(0.7);
    const y = x.sin().mul(x.exp());
    const d1 = grad(y, x, { createGraph: true });
    const d2 = grad(d1, x, { createGraph: true });
    const d3 = grad(d2, x);
    // (eˣ sin x)‴ = 2eˣ(cos x − sin x)
    expectClose(d1, Math.exp(0.7) * (Math.sin(0.7) + Math.cos(0.7)));
    expectClose(d2, 2 * Math.exp(0.7) * Math.cos(0.7));
    expectClose(d3, 2 * Math.exp(0.7) * (Math.cos(0.7) - Math.sin(0.7)));
    expect([d2.requiresGrad, d3.requiresGrad]).toEqual([true, false]);
  });

  it('come to the fifth order of a power', () => {
    const x = leaf(1.5);
    let y: Tensor = x.pow(5);
    for (const expected of [5 * 1.5 ** 4, 20 * 1.5 ** 3, 60 * 1.5 ** 2, 120 * 1.5, 120]) {
      y = grad(y, x, { createGraph: true });
      expectClose(y, expected);
    }
  });

  it('come through backward with createGraph', () => {
    const x = leaf([1, 2]);
    x.pow(3).sum().backward(undefined, { createGraph: true });
    const first = x.grad!;
    expectClose(first, [3, 12]);
    x.grad = null;
    first.sum().backward();
    expectClose(x.grad!, [6, 12]);
  });

  it('serve a gradient penalty', () => {
    // d/dw (‖∇ₓ w·x²‖² ) = d/dw 4w²x² = 8wx²
    const w = leaf(3);
    const x = leaf(2);
    const g = grad(w.mul(x.square()), x, { createGraph: true });
    g.square().backward();
    expectClose(w.grad!, 8 * 3 * 4);
  });

  it('are not recorded without createGraph', () => {
    const x = leaf(2);
    expect(grad(x.pow(3), x).requiresGrad).toBe(false);
  });
});

describe('operations that go by steps', () => {
  it.each(['sign', 'floor', 'ceil'] as const)('%s has the gradient 0, as in PyTorch', (name) => {
    const x = tensor([-1.5, 0.5], { requiresGrad: true });
    x[name]().sum().backward();
    expect(x.grad?.toArray()).toEqual([0, 0]);
  });
});
