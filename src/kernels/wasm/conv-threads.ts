import { type SpaceWork, sizeOfSpace, workIn } from '../planes.ts';
import { convModule, NAMES, tools } from './conv.ts';
import { CALL_BYTES, type Pool } from './pool.ts';

/** Tasks for each thread, so that none waits long for the last. */
const TASKS = 4;
/** Calls of a task, at most. */
const CALLS = 1024;

/**
 * Does the work by all threads of the pool, bit by bit as by one: every sum is added up in the same order.
 *
 * @returns whether it was possible; `null` where a worker is lost, and the pool with it
 */
export function workInThreads(pool: Pool, threads: number, work: SpaceWork): boolean | null {
  const { heap } = pool;
  const parts = TASKS * threads;
  const samples = Math.min(work.batch, parts);
  const size = sizeOfSpace(work, samples);
  if (!heap.has(4 * size + CALL_BYTES * CALLS * parts + 2 ** 16)) return false;
  const first = pool.load(convModule);
  const { mark, numbers, whole } = heap;
  const start = heap.scratch(4 * size) >> 2;
  const calls = heap.mark;
  const call = Object.fromEntries(
    NAMES.map((name, k) => [name, (...parameters: number[]) => pool.call(first + k, ...parameters)]),
  ) as Parameters<typeof tools>[0];
  const done = workIn(
    {
      numbers,
      whole,
      start,
      unit: 4,
      samples,
      parts,
      task: () => pool.task(),
      finish() {
        pool.post();
        const ended = pool.finish();
        heap.release(calls);
        return ended;
      },
      free: () => heap.release(mark),
      ...tools(call),
    },
    work,
  );
  return done || null;
}
