import type { TypedArray } from '../../core/dtype.ts';
import { memo } from '../../core/memo.ts';
import { WasmModule } from './module.ts';
import { withFusing } from './values.ts';

const PAGE = 65536;
/** Bytes that lasting arrays leave to scratch space. */
const MARGIN = 2 ** 26;
/** Numbers of arrays that there are in the heap, at least; smaller ones lie inside of their object, where they are made faster. */
export const FEWEST = 17;
/** Sizes to try, in MiB: address space only, until it is written to. */
const SIZES = [1024, 512, 256, 128];

/** The memory of WebAssembly kernels. It never grows, so that views of it stay good. */
export class Heap {
  readonly memory: WebAssembly.Memory;
  readonly #buffer: ArrayBuffer;
  /** All of it, as numbers. */
  readonly numbers: Float32Array;
  readonly whole: Int32Array;
  readonly doubles: Float64Array;
  /** Whether other threads see it. */
  readonly shared: boolean;
  /** Where scratch space begins that is free; below it is taken until {@link release}. */
  #top = 16;
  /** Where temporary arrays begin. */
  readonly #base: number;
  /** Where there is room for more of them; set back to what it was to take them back. */
  next: number;
  /** Where lasting arrays begin. */
  #floor: number;
  /** Places of lasting arrays that came back, by their size. */
  readonly #free = new Map<number, number[]>();
  readonly #registry = new FinalizationRegistry<{ address: number; bytes: number }>(({ address, bytes }) => {
    memo(this.#free, bytes, () => []).push(address);
  });

  constructor(pages: number, shared = false) {
    this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared });
    this.shared = shared;
    this.#buffer = this.memory.buffer;
    this.#base = this.#buffer.byteLength / 4;
    this.next = this.#base;
    // beyond the last numbers some more may be read
    this.#floor = this.#buffer.byteLength - 64;
    this.numbers = new Float32Array(this.memory.buffer);
    this.whole = new Int32Array(this.memory.buffer);
    this.doubles = new Float64Array(this.memory.buffer);
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

  /** The address of numbers of an array: where they are, if they lie here, else in the `place` they are copied to. */
  bring(array: TypedArray, from: number, count: number, place: number): number {
    const address = this.addressOf(array);
    if (address) return address + 4 * from;
    this.numbers.set(count === array.length ? array : array.subarray(from, from + count), place >> 2);
    return place;
  }

  /** How much scratch space is taken, for {@link release}. */
  get mark(): number {
    return this.#top;
  }

  /** Gives back the scratch space taken since the mark. */
  release(mark: number): void {
    this.#top = mark;
  }

  /** Whether there are so many bytes of scratch space: below temporary arrays, so that it is in the same place each time. */
  has(bytes: number): boolean {
    return this.#top + bytes + 4096 <= (this.next > this.#base ? this.#base : this.#floor);
  }

  /**
   * An array of zeros in the heap, where kernels need not copy it; it comes back when nobody holds it any more. Whoever takes
   * one must not let views of it out of sight, which would outlive it. `null` where there is no room, and for few numbers.
   */
  lasting(count: number): Float32Array | null {
    if (count < FEWEST) return null;
    const bytes = (4 * count + 15) & ~15;
    let address = this.#free.get(bytes)?.pop();
    if (address === undefined) {
      address = this.#floor - bytes;
      if (address < Math.max(this.#top + MARGIN, this.next)) return null;
      this.#floor = address;
    }
    // it was scratch space, or another's
    this.numbers.fill(0, address >> 2, (address + bytes) >> 2);
    const array = new Float32Array(this.#buffer, address, count);
    this.#registry.register(array, { address, bytes });
    return array;
  }

  /** An array with whatever is there, until {@link next} is set back; `null` where there is no room, and for few numbers. */
  temporary(count: number): Float32Array | null {
    const address = this.next;
    const end = address + ((4 * count + 31) & ~15);
    if (count < FEWEST || end > this.#floor) return null;
    this.next = end;
    return new Float32Array(this.#buffer, address, count);
  }

  /** The address of an array that lies in this heap; 0 for others. */
  addressOf(array: TypedArray): number {
    // asked for its buffer, an array of a few numbers would make one
    return array.length >= FEWEST && array.buffer === this.#buffer ? array.byteOffset : 0;
  }
}

let heap: Heap | null | undefined;

/** The one heap; `null` where there is no WebAssembly, or no SIMD in it. */
export function theHeap(): Heap | null {
  if (heap !== undefined) return heap;
  heap = isAble() ? Heap.largest(false) : null;
  return heap;
}

/** The one heap, if it has been asked for before. */
export const knownHeap = (): Heap | null => heap ?? null;

/** Whether modules may be compiled at once: some browsers refuse large ones, and a content-security policy all of them. */
function isAble(): boolean {
  if (typeof WebAssembly !== 'object') return false;
  const plain = probe(false);
  if (!WebAssembly.validate(plain)) return false;
  // a section that means nothing, of 2¹³ bytes
  const filler = [0, 0x80, 0x40, ...new Uint8Array(2 ** 13)];
  try {
    return Boolean(new WebAssembly.Module(Uint8Array.of(...plain, ...filler)));
  } catch {
    return false;
  }
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
