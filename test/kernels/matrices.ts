import type { Matrix } from '../../src/kernels/gemm.ts';

/** Numbers that look random, in [−1, 1]. */
export function noise(n: number, seed: number): Float32Array {
  return Float32Array.from({ length: n }, (_, i) => Math.sin(12.9898 * (i + 1) + 78.233 * seed));
}

/** How a matrix may lie: in row-major order, transposed, with gaps, backwards, or one row for all. */
export const layouts = ['rows', 'columns', 'gaps', 'backwards', 'still'] as const;
export type Layout = (typeof layouts)[number];

export function matrix(layout: Layout, rows: number, cols: number, seed: number): Matrix {
  const gap = layout === 'gaps' ? 3 : 0;
  const offset = 5;
  if (layout === 'columns')
    return { storage: noise(offset + rows * cols, seed), offset, rowStep: 1, colStep: rows };
  if (layout === 'still') return { storage: noise(offset + cols, seed), offset, rowStep: 0, colStep: 1 };
  const storage = noise(offset + rows * (cols + gap), seed);
  if (layout === 'backwards') return { storage, offset: storage.length - 1, rowStep: -cols, colStep: -1 };
  return { storage, offset, rowStep: cols + gap, colStep: 1 };
}
