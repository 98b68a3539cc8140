import { beforeEach, describe, expect, it } from 'vitest';
import {
  createOptimizer,
  grad,
  kernels,
  manualSeed,
  randn,
  record,
  type Tensor,
  tensor,
} from '../../src/index.ts';
import { heap } from '../../src/kernels/engine.ts';

const isThere = (x: Tensor): boolean => (heap()?.addressOf(x.storage) ?? 0) > 0;

/** Computes enough for whatever was left in scratch space to be written over. */
const spoil = (): void => {
  const x = randn([100, 100], { requiresGrad: true });
  x.exp().matmul(x).sum().backward();
};

beforeEach(() => manualSeed(1));

describe('what backward leaves', () => {
  it('are gradients in arrays of their own', () => {
    const w = randn([60, 50], { requiresGrad: true });
    const v = randn([50], { requiresGrad: true });
    w.mul(v).square().sum().backward();
    spoil();
    for (const p of [w, v]) expect(isThere(p.grad!)).toBe(false);
    expect(w.grad!.sub(w.mul(v).mul(v).mul(2)).abs().max().item()).toBeLessThan(1e-5);
    expect(v.grad!.sub(w.square().mul(v).mul(2).sum(0)).abs().max().item()).toBeLessThan(1e-3);
  });

  it('adds to what was there before', () => {
    const w = randn([60, 50], { requiresGrad: true });
    for (let k = 0; k < 3; k++) w.square().sum().backward();
    expect(w.grad!.toArray()).toEqual(w.mul(6).toArray());
  });

  it('are gradients that hooks and retainGrad keep', () => {
    const w = randn([60, 50], { requiresGrad: true });
    const y = w.mul(3);
    const z = y.square();
    const seen: Tensor[] = [];
    y.retainGrad();
    y.registerHook((g) => void seen.push(g));
    z.registerHook((g) => {
      seen.push(g);
      return g.mul(2);
    });
    z.mul(randn([60, 50]))
      .sum()
      .backward();
    const before = [...seen, y.grad!].map((g) => g.toArray());
    spoil();
    expect([...seen, y.grad!].map((g) => g.toArray())).toEqual(before);
    expect(seen).toHaveLength(2);
    expect(y.grad!.toArray()).toEqual(seen[1]!.toArray());
  });

  it('are those of a graph that is gone through again', () => {
    const w = randn([60, 50], { requiresGrad: true });
    const loss = w.softmax(1).square().sum();
    loss.backward(undefined, { retainGraph: true });
    const once = w.grad!;
    spoil();
    loss.backward();
    expect(w.grad!.toArray()).toEqual(once.mul(2).toArray());
  });

  it('are what grad returns, of any order', () => {
    const w = randn([60, 50], { requiresGrad: true });
    const loss = w.pow(3).sum();
    const [first] = grad(loss, [w], { retainGraph: true });
    const second = grad(grad(loss, w, { createGraph: true }).sum(), w);
    spoil();
    expect(first!.sub(w.square().mul(3)).abs().max().item()).toBeLessThan(1e-4);
    expect(second.sub(w.mul(6)).abs().max().item()).toBeLessThan(1e-4);
  });

  it('are the gradients found before an error', () => {
    const w = randn([60, 50], { requiresGrad: true });
    const v = randn([60, 50], { requiresGrad: true });
    const broken = record('broken', v.detach().mul(2), [
      v,
      () => {
        throw new Error('mine');
      },
    ]);
    // its turn is before that of what was computed earlier
    const y = w.mul(2);
    y.retainGrad();
    expect(() => broken.mul(y).sum().backward()).toThrow('mine');
    spoil();
    expect(y.grad!.toArray()).toEqual(broken.toArray());
    expect(v.grad).toBeNull();
  });
});

describe('a parameter that is trained', () => {
  const trained = (look?: (w: Tensor) => unknown): [Tensor, () => void] => {
    const w = tensor(randn([100]), { requiresGrad: true });
    look?.(w);
    const optimizer = createOptimizer('sgd', [w], { lr: 0.5 });
    return [
      w,
      () => {
        w.grad = w.detach().mul(1);
        optimizer.step();
      },
    ];
  };

  it('lies in the memory of WebAssembly, with all its views', () => {
    const [w, step] = trained();
    const before = w.mul(0.5).toArray();
    const view = w.detach();
    const square = w.reshape([10, 10]);
    step();
    expect(isThere(w)).toBe(kernels() === 'wasm');
    for (const x of [w, view, square.reshape([100])]) expect(x.toArray()).toEqual(before);
    step();
    expect(view.toArray()).toEqual(w.toArray());
  });

  it.each([0, 1])('is shown from outside of it, before its first step or after: %i', (steps) => {
    const [w, step] = trained();
    for (let k = 0; k < steps; k++) step();
    const { data } = w;
    const view = w.detach();
    expect(isThere(w)).toBe(false);
    expect(data.data.buffer.byteLength).toBeLessThan(2 ** 20);
    const before = w.toArray() as number[];
    step();
    expect(data.get(7)).toBe(Math.fround(before[7]! * 0.5));
    data.set(7, 4);
    expect([w.toArray(), view.toArray()].map((x) => (x as number[])[7])).toEqual([4, 4]);
    step();
    expect(data.get(7)).toBe(2);
    expect(w.data.data).toBe(data.data);
  });

  it('is shown as it is, while another view has been', () => {
    const [w, step] = trained((x) => x.detach().data);
    step();
    expect(isThere(w)).toBe(false);
  });
});
