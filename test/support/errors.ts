import { expect } from 'vitest';
import { type GradletError, ValueError } from '../../src/core/errors.ts';

type ErrorClass = new (...args: never[]) => GradletError;

/** The message of the error of this class that `fn` throws. */
export function messageOf(fn: () => unknown, kind: ErrorClass = ValueError): string {
  try {
    fn();
  } catch (error) {
    expect(error).toBeInstanceOf(kind);
    return (error as Error).message;
  }
  throw new Error('nothing was thrown');
}

/** Calls `fn` and expects an error of exactly this class and text. */
export function expectError(fn: () => unknown, kind: ErrorClass, message: string): void {
  let thrown: unknown;
  try {
    fn();
  } catch (error) {
    thrown = error;
  }
  expect(thrown, `nothing was thrown instead of: ${message}`).toBeInstanceOf(kind);
  const error = thrown as GradletError;
  expect(error.message).toBe(message);
  expect(error.name).toBe(kind.name);
  expect(message.startsWith(`${error.where}: `), `where is ${error.where}`).toBe(true);
}
