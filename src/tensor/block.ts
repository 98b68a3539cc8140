import { allocate, type DType, type TypedArray } from '../core/dtype.ts';
import { ValueError } from '../core/errors.ts';
import { heap, placeFor } from '../kernels/engine.ts';
import { type Heap, knownHeap } from '../kernels/wasm/heap.ts';

/** Where the numbers of a tensor, and of all views of it, are at the moment. */
export class Block {
  /** `null` once the scope has ended that it was made in. */
  numbers: TypedArray | null;
  /** Whether they stay where they are. */
  stays = false;

  constructor(numbers: TypedArray) {
    this.numbers = numbers;
  }

  /** @throws {@link ValueError} when the scope has ended that it was made in */
  get array(): TypedArray {
    return this.numbers ?? gone();
  }
}

/** Brings the numbers out of the memory of WebAssembly, where others come after them. */
export function bringOut(block: Block): void {
  const { array } = block;
  if (!knownHeap()?.addressOf(array)) return;
  block.numbers = allocate('float32', array.length);
  block.numbers.set(array);
}

/** Brings numbers that kernels will change again and again into their memory, unless someone outside may hold them. */
export function settle(block: Block, dtype: DType): void {
  if (block.stays) return;
  block.stays = true;
  const { array } = block;
  if (knownHeap()?.addressOf(array)) return;
  const place = placeFor(dtype, array.length);
  if (!place) return;
  place.set(array);
  block.numbers = place;
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

/** A block of new numbers, whatever they are: a kernel will write all of them. */
export const unset = (dtype: DType, size: number): Block =>
  made(inScope(dtype, size) ?? allocate(dtype, size));

/** A block of zeros. */
export const cleared = (dtype: DType, size: number): Block =>
  made(inScope(dtype, size)?.fill(0) ?? allocate(dtype, size));

/** An array of the scope that is open, if there is one, and room in it. */
const inScope = (dtype: DType, size: number): TypedArray | null =>
  (dtype === 'float32' && open?.heap?.temporary(size)) || null;

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

/** Whether a scope is open. */
export const isScoped = (): boolean => open !== null;

/** Runs `fn` in a scope: what was made inside is dropped at its end, but for the blocks that `fn` adds to those that are kept. */
export function withScope<T>(fn: (kept: Set<Block>) => T): T {
  const room = heap();
  const scope: Scope = { made: [], heap: room, mark: room?.next ?? 0 };
  const kept = new Set<Block>();
  try {
    return within(scope, () => fn(kept));
  } finally {
    for (const block of scope.made) {
      if (!kept.has(block)) block.numbers = null;
      else {
        bringOut(block);
        open?.made.push(block);
      }
    }
    if (room) room.next = scope.mark;
  }
}

/** Runs `fn` outside of all scopes, so that what it makes stays; `inside` runs a part of it in the scope of before. */
export function withoutScope<T>(fn: (inside: <R>(part: () => R) => R) => T): T {
  const before = open;
  return within(null, () => fn((part) => within(before, part)));
}
