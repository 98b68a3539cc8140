import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { sizeOf } from '../../src/core/shape.ts';
import { parseFormula } from '../../src/formula/parse.ts';
import { setKernels } from '../../src/kernels/engine.ts';
import { MapKernel, type Strided } from '../../src/kernels/map.ts';
import { randn, type Tensor, tensor, where } from '../../src/tensor/index.ts';

afterAll(() => setKernels('wasm'));

const noise = (n: number, seed: number): Float32Array =>
  Float32Array.from({ length: n }, (_, i) => 2 * Math.sin(12.9898 * (i + 1) + 78.233 * seed));

/** What only copies and rounds once is the same in both; so are these. */
const exact: Readonly<Record<string, (a: number, b: number, c: number) => number>> = {
  sum: (a, b) => a + b,
  product: (a, b) => a * b,
  choice: (a, b, c) => (a < b ? c : -a),
  largest: (a, b, c) => Math.max(a, b, c),
  still: (a) => -a,
};

/** An input of a shape, or one that broadcasts to it, laid out in some way. */
function input(shape: readonly number[], broadcast: number, layout: number, seed: number): Strided | number {
  if (broadcast === 7) return 0.75;
  const own = shape.map((n, axis) => ((broadcast >> axis) & 1 ? 1 : n));
  const size = sizeOf(own);
  const order = own.map((_, axis) => axis);
  if (layout === 1) order.reverse();
  const strides = new Array<number>(own.length);
  let stride = layout === 2 ? 2 : 1;
  for (const axis of order.toReversed()) {
    strides[axis] = stride;
    stride *= own[axis]!;
  }
  const offset = 3;
  const isContiguous = layout === 0;
  return { storage: noise(offset + 2 * size + 4, seed), shape: own, strides, offset, isContiguous };
}

const axis = fc.oneof(
  fc.integer({ min: 1, max: 6 }),
  fc.constantFrom(31, 32, 33, 67),
  fc.constantFrom(4095, 4100),
);
const shape = fc.array(axis, { minLength: 1, maxLength: 3 }).filter((sizes) => sizeOf(sizes) <= 30_000);
const layout = fc.integer({ min: 0, max: 2 });
const broadcast = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 7 }));

describe('element-wise formulas in WebAssembly', () => {
  const kernels = Object.entries(exact).map(
    ([name, f]) => new MapKernel(parseFormula(name, f, ['a', 'b', 'c']), ['a', 'b', 'c']),
  );

  it('are those of JavaScript, however inputs lie and broadcast, and write nothing beside their place', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...kernels),
        shape,
        fc.array(fc.tuple(broadcast, layout), { minLength: 3, maxLength: 3 }),
        (kernel, sizes, ways) => {
          const inputs = ways.map(([spread, way], k) => input(sizes, spread, way, k));
          const found = (name: 'js' | 'wasm'): Float32Array => {
            setKernels(name);
            const room = new Float32Array(sizeOf(sizes) + 16).fill(7);
            kernel.run(room.subarray(8, -8), sizes, inputs);
            return room;
          };
          expect(found('wasm')).toEqual(found('js'));
        },
      ),
      { numRuns: 400 },
    );
  });

  it('leave an input alone that is also read elsewhere', () => {
    const x = randn([1000]);
    const before = x.toArray();
    x.add(x).mul(x);
    expect(x.toArray()).toEqual(before);
  });

  it('of mixed dtypes, bool results and short rows are computed in JavaScript', () => {
    const x = randn([4, 50]);
    const results = (): Tensor[] => [
      x.add(tensor(1, { dtype: 'float64' })),
      x.add(x.cast('int32')),
      x.gt(0),
      where(x.gt(0), x, 0),
      x.reshape([100, 2]).add(tensor([1, 2])),
    ];
    setKernels('js');
    const wanted = results().map(String);
    setKernels('wasm');
    expect(results().map(String)).toEqual(wanted);
  });
});
