import { allocate, type DType, type TypedArray } from '../core/dtype.ts';
import { ValueError } from '../core/errors.ts';
import { heap } from '../kernels/engine.ts';
import { FEWEST, type Heap, theHeap } from '../kernels/wasm/heap.ts';

/** Where the numbers of a tensor, and of all views of it, are at the moment. */
export class Block {
  #array: TypedArray | null;

  constructor(array: TypedArray) {
    this.#array = array;
  }

  /** @throws {@link ValueError} when the scope has ended that it was made in */
  get array(): TypedArray {
    return this.#array ?? gone();
  }

  /** Brings the numbers out of the memory of WebAssembly, where others come after them. */
  bringOut(): void {
    const { array } = this;
    if (theHeap()?.addressOf(array)) this.#array = array.slice();
  }

  /** Lets go of the numbers. */
  drop(): void {
    this.#array = null;
  }
}

function gone(): never {
  throw new ValueError(
    'scope',
    'a tensor that was made inside must be read inside, or be returned',
    'one whose scope has ended',
    'Return it from the function, or read it there with item() or toArray().',
  );
}

/** What was made since a scope began, and the memory it takes from its mark on. */
interface Scope {
  readonly made: Block[];
  readonly heap: Heap | null;
  readonly mark: number;
}

let open: Scope | null = null;

/** Bytes that are left to kernels. */
const MARGIN = 2 ** 26;

/** A block of new numbers, whatever they are: a kernel will write all of them. */
export const unset = (dtype: DType, size: number): Block =>
  made(inScope(dtype, size) ?? allocate(dtype, size));

/** A block of zeros. */
export const cleared = (dtype: DType, size: number): Block =>
  made(inScope(dtype, size)?.fill(0) ?? allocate(dtype, size));

/** An array of the scope that is open, if there is one, and room in it. */
function inScope(dtype: DType, size: number): TypedArray | undefined {
  const room = open?.heap;
  const fits = room && dtype === 'float32' && size >= FEWEST && room.has(4 * size + MARGIN);
  return fits ? room.temporary(size) : undefined;
}

/** A block that ends with the scope that is open, if one is. */
export function made(array: TypedArray): Block {
  const block = new Block(array);
  open?.made.push(block);
  return block;
}

function within<T>(scope: Scope | null, fn: () => T): T {
  const before = open;
  open = scope;
  try {
    return fn();
  } finally {
    open = before;
  }
}

/** Runs `fn` in a scope: what was made inside is dropped at its end, but for the blocks that `kept` finds in its result. */
export function withScope<T>(fn: () => T, kept: (result: T) => ReadonlySet<Block>): T {
  const room = heap();
  const scope: Scope = { made: [], heap: room, mark: room?.mark ?? 0 };
  let alive: ReadonlySet<Block> = new Set();
  try {
    const result = within(scope, fn);
    alive = kept(result);
    return result;
  } finally {
    for (const block of scope.made) {
      if (!alive.has(block)) block.drop();
      else {
        block.bringOut();
        open?.made.push(block);
      }
    }
    room?.release(scope.mark);
  }
}

/** Runs `fn` outside of all scopes, so that what it makes stays; `inside` runs a part of it in the scope of before. */
export function withoutScope<T>(fn: (inside: <R>(part: () => R) => R) => T): T {
  const before = open;
  return within(null, () => fn((part) => within(before, part)));
}
