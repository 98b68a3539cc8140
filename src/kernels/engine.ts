import { allocate, type DType, type TypedArray } from '../core/dtype.ts';
import { show, ValueError } from '../core/errors.ts';
import { type Heap, theHeap } from './wasm/heap.ts';

/** What computes on tensors: loops in JavaScript, or WebAssembly with four float32 numbers at a time. */
export type Kernels = 'js' | 'wasm';

let wanted: Kernels = 'wasm';

/**
 * What computes on tensors at the moment: `'wasm'` where WebAssembly with SIMD is to be had, which is nearly everywhere.
 *
 * @example
 * ```ts
 * import { kernels } from 'gradlet';
 * kernels() === 'wasm' || kernels() === 'js'; // → true
 * ```
 */
export function kernels(): Kernels {
  return heap() ? 'wasm' : 'js';
}

/**
 * Chooses what computes on tensors from now on. WebAssembly is many times faster. JavaScript is the reference: it computes
 * in double precision and rounds at the end, and gives the same bytes on every machine. float64, and what is too small to
 * be worth it, is computed in JavaScript anyway.
 *
 * @throws {@link ValueError} for anything else, and for `'wasm'` where there is none
 * @example
 * ```ts
 * import { kernels, setKernels } from 'gradlet';
 * setKernels('js');
 * kernels(); // → js
 * setKernels('wasm');
 * ```
 */
export function setKernels(name: Kernels): void {
  if (name !== 'js' && name !== 'wasm') {
    throw new ValueError('setKernels', 'kernels must be "js" or "wasm"', show(name));
  }
  if (name === 'wasm' && !theHeap()) {
    throw new ValueError(
      'setKernels',
      'WebAssembly with SIMD must be at hand',
      'none',
      'Use setKernels("js").',
    );
  }
  wanted = name;
}

/** Fewer numbers are not worth a place of their own in the heap. */
const FEWEST = 64;

/**
 * A place in the memory of kernels for numbers that they will change again and again, `null` where that is not to be. It comes
 * back when nobody holds it any more, so views of it must not be let out of sight.
 */
export function placeFor(dtype: DType, size: number): Float32Array | null {
  return (dtype === 'float32' && size >= FEWEST && heap()?.lasting(size)) || null;
}

/** An array of zeros, in a {@link placeFor} them where there is one. */
export function lasting(dtype: DType, size: number): TypedArray {
  return placeFor(dtype, size) ?? allocate(dtype, size);
}

/** The memory of WebAssembly kernels; `null` where JavaScript computes. */
export function heap(): Heap | null {
  return wanted === 'wasm' ? theHeap() : null;
}
