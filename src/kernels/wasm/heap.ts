import type { TypedArray } from '../../core/dtype.ts';
import { WasmModule } from './module.ts';
import { withFusing } from './values.ts';

const PAGE = 65536;
/** Sizes to try, in MiB: address space only, until it is written to. */
const SIZES = [1024, 512, 256, 128];

/** The memory of WebAssembly kernels. It never grows, so that views of it stay good. */
export class Heap {
  readonly memory: WebAssembly.Memory;
  /** All of it, as numbers. */
  readonly numbers: Float32Array;
  readonly whole: Int32Array;
  /** Whether other threads see it. */
  readonly shared: boolean;
  /** Where scratch space begins that is free; below it is taken until {@link release}. */
  #top = 16;

  constructor(pages: number, shared = false) {
    this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared });
    this.shared = shared;
    this.numbers = new Float32Array(this.memory.buffer);
    this.whole = new Int32Array(this.memory.buffer);
  }

  /** As large a heap as there can be; `null` where there can be none. */
  static largest(shared: boolean): Heap | null {
    for (const size of SIZES) {
      try {
        return new Heap((size * 2 ** 20) / PAGE, shared);
      } catch {
        // not so much; less, then
      }
    }
    return null;
  }

  /** The address of so many bytes of scratch space, with 16 more to be read or written by four at a time. */
  scratch(bytes: number): number {
    const address = this.#top;
    this.#top = (address + bytes + 31) & ~15;
    return address;
  }

  /**
   * Scratch space to copy `bytes` into from `array` at `offset`, or from there to it. Shared memory is copied by whole words
   * of 8 bytes, many times faster than byte by byte, only where both sides begin at the same place of a word.
   */
  scratchFor(bytes: number, array: TypedArray, offset: number): number {
    const odd = this.shared ? (array.byteOffset + offset * array.BYTES_PER_ELEMENT) & 4 : 0;
    return this.scratch(bytes + odd) + odd;
  }

  /** How much scratch space is taken, for {@link release}. */
  get mark(): number {
    return this.#top;
  }

  /** Gives back the scratch space taken since the mark. */
  release(mark: number): void {
    this.#top = mark;
  }

  /** Whether there are so many bytes of scratch space. */
  has(bytes: number): boolean {
    return this.#top + bytes + 4096 <= this.memory.buffer.byteLength;
  }
}

let heap: Heap | null | undefined;

/** The one heap; `null` where there is no WebAssembly, or no SIMD in it. */
export function theHeap(): Heap | null {
  if (heap !== undefined) return heap;
  const able = typeof WebAssembly === 'object' && WebAssembly.validate(probe(false));
  heap = able ? Heap.largest(false) : null;
  return heap;
}

let fuses: boolean | undefined;

/** Whether this machine's WebAssembly fuses products and sums: relaxed SIMD. */
export function canFuse(): boolean {
  fuses ??= WebAssembly.validate(probe(true));
  return fuses;
}

/** A module with one fused, or plain, product. */
function probe(fused: boolean): Uint8Array<ArrayBuffer> {
  return withFusing(fused, () =>
    new WasmModule()
      .add('f', { a: 'i32' }, (body, { a }) => {
        body.store(a, a.v128().madd(a.v128(), a.v128()));
      })
      .bytes(),
  );
}

/** The bytes of a module for this heap. */
export function bytesFor(heap: Heap, build: () => WasmModule): Uint8Array<ArrayBuffer> {
  return withFusing(canFuse(), () => build().bytes(heap.shared));
}

/** A module, compiled, over the heap. */
export function instantiate<F>(heap: Heap, bytes: Uint8Array<ArrayBuffer>): F {
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), { e: { m: heap.memory } });
  return instance.exports as F;
}

export function compiled<F>(heap: Heap, build: () => WasmModule): F {
  return instantiate(heap, bytesFor(heap, build));
}
