import fc from 'fast-check';
import ops from 'ndarray-ops';
import { expect, it } from 'vitest';
import { sizeOf } from '../../src/core/shape.ts';
import { asNdarray, copyInto } from '../../src/kernels/copy.ts';

const axis = fc.oneof(fc.integer({ min: 0, max: 5 }), fc.constantFrom(1, 31, 33, 70));
const shape = fc.array(axis, { maxLength: 4 }).filter((sizes) => sizeOf(sizes) <= 20_000);

/** Strides with which axes lie in some order, with gaps and maybe backwards, and where the first element is. */
function lie(
  sizes: readonly number[],
  rank: readonly number[],
  gap: number,
  back: number,
): { strides: number[]; offset: number; length: number } {
  const order = sizes.map((_, a) => a).sort((a, b) => rank[a]! - rank[b]!);
  const strides = new Array<number>(sizes.length).fill(0);
  let stride = 1 + gap;
  let offset = 2;
  for (const a of order) {
    const turned = (back >> a) & 1;
    strides[a] = turned ? -stride : stride;
    if (turned) offset += stride * Math.max(0, sizes[a]! - 1);
    stride *= sizes[a]!;
  }
  return { strides, offset, length: 4 + Math.max(stride, 1) };
}

const way = fc.tuple(
  fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 4, maxLength: 4 }),
  fc.integer({ min: 0, max: 2 }),
  fc.integer({ min: 0, max: 15 }),
);

it('copies what ndarray-ops copies, to where it copies it', () => {
  fc.assert(
    fc.property(shape, way, way, (sizes, a, b) => {
      const [from, to] = [lie(sizes, ...a), lie(sizes, ...b)];
      const x = {
        storage: Float64Array.from({ length: from.length }, (_, i) => i + 1),
        shape: sizes,
        ...from,
      };
      const copy = (): { storage: Float32Array; shape: number[]; strides: number[]; offset: number } => ({
        storage: new Float32Array(to.length).fill(-1),
        shape: sizes,
        ...to,
      });
      const [found, wanted] = [copy(), copy()];
      copyInto(found, x);
      if (sizeOf(sizes) > 0) ops.assign(asNdarray(wanted), asNdarray(x));
      expect(found.storage).toEqual(wanted.storage);
    }),
    { numRuns: 500 },
  );
});
