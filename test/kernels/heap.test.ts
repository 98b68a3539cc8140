import { setTimeout } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { lasting, setKernels } from '../../src/kernels/engine.ts';
import { gemmInJs } from '../../src/kernels/gemm.ts';
import { gemm } from '../../src/kernels/wasm/gemm.ts';
import { Heap } from '../../src/kernels/wasm/heap.ts';

afterAll(() => setKernels('wasm'));

const MEGABYTE = 2 ** 20;
/** 64 MiB are left to scratch space. */
const heapOf = (megabytes: number): Heap => new Heap(((64 + megabytes) * MEGABYTE) / 65536);

describe('arrays that last in the heap', () => {
  it('are zeros, apart from each other and from scratch space, with room for whole fours', () => {
    const heap = heapOf(1);
    const scratch = heap.scratch(1000);
    heap.numbers.fill(5);
    const arrays = [65, 33, 100].map((n) => heap.lasting(n)!);
    for (const [k, array] of arrays.entries()) {
      expect([...new Set(array)]).toEqual([0]);
      array.fill(k + 1);
      heap.numbers.fill(
        k + 1,
        (array.byteOffset >> 2) + array.length,
        ((array.byteOffset >> 2) + array.length + 3) & ~3,
      );
    }
    for (const [k, array] of arrays.entries()) {
      expect([...new Set(array)]).toEqual([k + 1]);
      expect(heap.addressOf(array)).toBe(array.byteOffset);
      expect(array.byteOffset % 16).toBe(0);
      expect(array.byteOffset).toBeGreaterThan(scratch + 1000);
    }
    expect(heap.addressOf(new Float32Array(4))).toBe(0);
  });

  it('are refused where there is no room, and come back when nobody holds them', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const heap = heapOf(2);
    const quarter = MEGABYTE / 8;
    const take = (): number => {
      let count = 0;
      for (let array = heap.lasting(quarter); array; array = heap.lasting(quarter)) count++;
      return count;
    };
    expect(take()).toBe(3);
    expect(heap.lasting(quarter)).toBeNull();
    for (let k = 0; k < 20 && heap.lasting(quarter) === null; k++) {
      collect();
      await setTimeout(5);
    }
    expect(heap.lasting(quarter)).not.toBeNull();
  });

  it.each([
    [3, 400, 10],
    [5, 33, 1],
    [17, 5, 19],
  ])('are multiplied where they lie, also at the very end: %i × %i × %i', (m, k, n) => {
    const some = (count: number): Float32Array => Float32Array.from({ length: count }, (_, i) => Math.sin(i));
    for (const turned of [false, true]) {
      const heap = heapOf(4);
      const b = heap.lasting(k * n)!;
      b.set(some(k * n));
      const left = { storage: some(m * k), offset: 0, rowStep: k, colStep: 1 };
      const right = { storage: b, offset: 0, rowStep: turned ? 1 : n, colStep: turned ? k : 1 };
      const [out, expected] = [new Float32Array(m * n), new Float32Array(m * n)];
      expect(gemm(heap, out, 0, left, right, m, k, n)).toBe(true);
      gemmInJs(expected, 0, left, right, m, k, n);
      for (const [i, x] of out.entries())
        expect(Math.abs(x - expected[i]!) / (1 + Math.abs(expected[i]!))).toBeLessThan(1e-5);
    }
  });

  it('are ordinary arrays for other dtypes, for few numbers, and with the kernels in JavaScript', () => {
    const isOwn = (array: ArrayBufferView): boolean => array.buffer.byteLength < MEGABYTE;
    setKernels('wasm');
    expect(isOwn(lasting('float32', 1000))).toBe(false);
    expect(isOwn(lasting('float32', 10))).toBe(true);
    expect(lasting('float64', 1000)).toBeInstanceOf(Float64Array);
    setKernels('js');
    expect(isOwn(lasting('float32', 1000))).toBe(true);
  });
});

it('there is no heap where modules are refused, as by a content-security policy', async () => {
  const { Module } = WebAssembly;
  vi.resetModules();
  WebAssembly.Module = class {
    constructor() {
      throw new WebAssembly.CompileError('blocked');
    }
  } as never;
  try {
    const { kernels } = await import('../../src/kernels/engine.ts');
    expect(kernels()).toBe('js');
  } finally {
    WebAssembly.Module = Module;
  }
});
