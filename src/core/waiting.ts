import { ValueError } from './errors.ts';

/** What comes at once, or later. */
export type Awaitable<T> = T | Promise<T>;

/**
 * A computation some of whose values may come later, written once for both: `yield* wait(value)` is the value. Run it with
 * {@link finishNow} or {@link finishLater}.
 */
export type Waiting<R> = Generator<unknown, R, unknown>;

/** The value, once it is there. */
export function* wait<T>(value: Awaitable<T>): Waiting<T> {
  return (yield value) as T;
}

/** Runs to the end at once; only for what waits for no promise. */
export function finishNow<R>(work: Waiting<R>): R {
  let next = work.next();
  while (!next.done) next = work.next(next.value);
  return next.value;
}

/** Runs to the end, and waits for every promise on the way. */
export async function finishLater<R>(work: Waiting<R>): Promise<R> {
  let next = work.next();
  while (!next.done) {
    let value: unknown;
    try {
      value = await next.value;
    } catch (error) {
      next = work.throw(error);
      continue;
    }
    next = work.next(value);
  }
  return next.value;
}

/** Runs `fn`, and then `restore`: also after a throw, and, when `fn` is async, once its promise has settled. */
export function thenRestore<T>(fn: () => T, restore: () => void): T {
  let result: T;
  try {
    result = fn();
  } catch (error) {
    restore();
    throw error;
  }
  if (result instanceof Promise) return result.finally(restore) as T;
  restore();
  return result;
}

/** The result of a function that must not be asynchronous. */
export function atOnce<T>(where: string, what: string, result: T, whatToDo: string): T {
  if (!(result instanceof Promise)) return result;
  result.catch(() => undefined);
  throw new ValueError(where, `${what} must be synchronous`, 'one that returns a promise', whatToDo);
}
