import { afterAll, describe, expect, it } from 'vitest';
import { type Kernels, setKernels } from '../../src/kernels/engine.ts';
import { createOptimizer, SGD } from '../../src/optim/index.ts';
import * as rules from '../../src/optim/rules/index.ts';
import { contiguousData, type Tensor, tensor } from '../../src/tensor/index.ts';
import { type BuiltInName, cases, stepBy, title } from '../optim/cases.ts';

afterAll(() => setKernels('wasm'));

const noise = (n: number, seed: number): number[] =>
  Array.from({ length: n }, (_, i) => 1.5 * Math.sin(12.9898 * (i + 1) + 78.233 * seed));

/** The numbers of a parameter after some steps, by gradients that are the same every time. */
function course(kernels: Kernels, name: BuiltInName, options: object, shape: number[]): Float32Array {
  setKernels(kernels);
  const size = shape.reduce((a, b) => a * b, 1);
  const values = (seed: number): Tensor => tensor(noise(size, seed)).reshape(shape);
  const p = tensor(values(0), { requiresGrad: true });
  const optimizer = createOptimizer(name, [p], options as { gpu: 'off' });
  for (let t = 1; t <= 5; t++) stepBy(optimizer, [p], [values(t)]);
  return Float32Array.from(contiguousData(p));
}

function worst(found: Float32Array, wanted: Float32Array): number {
  const largest = wanted.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  return found.reduce((most, x, i) => Math.max(most, Math.abs(x - wanted[i]!)), 0) / largest;
}

describe('updates in WebAssembly are those of JavaScript, but for rounding', () => {
  // functions of whole tensors have kernels of their own, and Muon's iteration makes rounding grow
  const ofLines = new Set(Object.values(rules).flatMap(({ rule }) => ('lines' in rule ? [rule.name] : [])));
  const titled = cases
    .filter(({ name }) => ofLines.has(name as never))
    .map(({ name, options }) => [title(name, options), name, options] as const);
  it.each(titled)('%s', (_, name, options) => {
    // not a multiple of 4
    const shape = [9, 11];
    const [found, wanted] = [course('wasm', name, options, shape), course('js', name, options, shape)];
    expect(worst(found, wanted)).toBeLessThan(1e-5);
  });

  it('of many numbers, piece by piece', () => {
    for (const size of [2047, 2048, 2049, 10_000]) {
      const [found, wanted] = (['wasm', 'js'] as const).map((kernels) =>
        course(kernels, 'adamw', { weightDecay: 0.1 }, [size]),
      );
      expect(worst(found!, wanted!)).toBeLessThan(1e-6);
    }
  });

  it('carry NaN and infinities where they are', () => {
    const p = tensor(noise(100, 1), { requiresGrad: true });
    p.grad = tensor(Array.from({ length: 100 }, (_, i) => (i === 50 ? NaN : i === 51 ? Infinity : 0)));
    const before = p.toArray() as number[];
    new SGD([p], { lr: 1, momentum: 0.9 }).step();
    const after = p.toArray() as number[];
    expect(after.slice(50, 52)).toEqual([NaN, -Infinity]);
    expect(after.toSpliced(50, 2)).toEqual(before.toSpliced(50, 2));
  });
});
