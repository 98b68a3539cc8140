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
  readonly doubles: Float64Array;
  /** Where scratch space begins that is free; below it is taken until {@link release}. */
  #top = 16;

  constructor(pages: number) {
    this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    this.numbers = new Float32Array(this.memory.buffer);
    this.whole = new Int32Array(this.memory.buffer);
    this.doubles = new Float64Array(this.memory.buffer);
  }

  /** The address of so many bytes of scratch space, with 16 more to be read or written by four at a time. */
  scratch(bytes: number): number {
    const address = this.#top;
    this.#top = (address + bytes + 31) & ~15;
    return address;
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
  heap = null;
  if (typeof WebAssembly !== 'object' || !WebAssembly.validate(probe(false))) return heap;
  for (const size of SIZES) {
    try {
      heap = new Heap((size * 2 ** 20) / PAGE);
      break;
    } catch {
      // not so much; less, then
    }
  }
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

/** A module, compiled, over the heap. */
export function compiled<F>(heap: Heap, build: () => WasmModule): F {
  const bytes = withFusing(canFuse(), () => build().bytes());
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), { e: { m: heap.memory } });
  return instance.exports as F;
}
