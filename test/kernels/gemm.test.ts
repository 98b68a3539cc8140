import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { kernels, setKernels } from '../../src/kernels/engine.ts';
import { gemm, gemmInJs } from '../../src/kernels/gemm.ts';
import { gemm as gemmInWasm } from '../../src/kernels/wasm/gemm.ts';
import { theHeap } from '../../src/kernels/wasm/heap.ts';
import { messageOf } from '../support/errors.ts';
import { layouts, matrix, noise } from './matrices.ts';

const heap = theHeap()!;

const size = fc.oneof(
  fc.integer({ min: 1, max: 20 }),
  fc.integer({ min: 1, max: 70 }),
  fc.constantFrom(255, 257),
);
const inner = fc.oneof(size, fc.constantFrom(511, 512, 513, 1030));
const layout = fc.constantFrom(...layouts);

describe('matrix products in WebAssembly', () => {
  it('are those of JavaScript, whatever the sizes and layouts, and write nothing beside their place', () => {
    fc.assert(
      fc.property(size, inner, size, layout, layout, fc.boolean(), (m, k, n, la, lb, biased) => {
        const [a, b] = [matrix(la, m, k, 1), matrix(lb, k, n, 2)];
        const bias = biased ? noise(n, 3) : null;
        const [found, wanted] = [0, 1].map(() => new Float32Array(m * n + 12).fill(7)) as [
          Float32Array,
          Float32Array,
        ];
        expect(gemmInWasm(heap, found, 4, a, b, m, k, n, bias)).toBe(true);
        gemmInJs(wanted, 4, a, b, m, k, n);
        // rounding: k products of numbers up to 1, each sum off by half an ulp of at most k
        const bound = 2 ** -24 * (k + 2) * Math.sqrt(k + 1);
        let worst = 0;
        for (let i = 0; i < found.length; i++) {
          const place = i - 4;
          const inside = place >= 0 && place < m * n;
          const start = inside && bias ? bias[place % n]! : 0;
          worst = Math.max(worst, Math.abs(found[i]! - wanted[i]! - start) / (inside ? bound : 2 ** -40));
        }
        expect(worst).toBeLessThanOrEqual(1);
      }),
      { numRuns: 150 },
    );
  });

  it('carry NaN and infinities', () => {
    const a = { storage: Float32Array.of(NaN, 1, Infinity, 0, 1, 2), offset: 0, rowStep: 2, colStep: 1 };
    const b = { storage: Float32Array.of(1, 0, 2, -Infinity), offset: 0, rowStep: 2, colStep: 1 };
    const [found, wanted] = [new Float32Array(6), new Float32Array(6)];
    gemmInWasm(heap, found, 0, a, b, 3, 2, 2);
    gemmInJs(wanted, 0, a, b, 3, 2, 2);
    expect([...found]).toEqual([...wanted]);
  });

  it('leave no scratch space taken', () => {
    const before = heap.mark;
    gemmInWasm(heap, new Float32Array(9), 0, matrix('rows', 3, 3, 1), matrix('rows', 3, 3, 2), 3, 3, 3);
    expect(heap.mark).toBe(before);
  });

  it('that do not fit into the heap are left to JavaScript', () => {
    const n = 2 ** 15;
    const still = { storage: Float32Array.of(1), offset: 0, rowStep: 0, colStep: 0 };
    expect(gemmInWasm(heap, new Float32Array(0), 0, still, still, n, n, n)).toBe(false);
  });
});

describe('the choice of kernels', () => {
  afterAll(() => setKernels('wasm'));

  const product = (): number => {
    const out = new Float32Array(256);
    const [a, b] = [matrix('rows', 16, 64, 1), matrix('rows', 64, 16, 2)];
    gemm(out, 0, a, b, 16, 64, 16);
    return out.reduce((sum, x) => sum + x, 0);
  };

  it('is WebAssembly, or JavaScript where that is wanted', () => {
    setKernels('wasm');
    expect(kernels()).toBe('wasm');
    const fast = product();
    setKernels('js');
    expect(kernels()).toBe('js');
    const exact = product();
    expect(fast).not.toBe(exact);
    expect(Math.abs(fast - exact)).toBeLessThan(1e-4);
  });

  it('is refused with what it may be', () => {
    expect(messageOf(() => setKernels('gpu' as 'js'))).toBe(
      'setKernels: kernels must be "js" or "wasm", got "gpu".',
    );
  });
});
