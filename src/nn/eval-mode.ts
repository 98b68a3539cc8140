import { thenRestore } from '../core/waiting.ts';
import type { Module } from './module.ts';

/** One call of {@link inMode} that is under way, and the mode in which it found a module. */
interface Stay {
  mode: boolean;
}

/** The calls under way on a module, the earliest first. */
const stays = new WeakMap<Module, Stay[]>();

function enter(module: Module): () => void {
  const stay: Stay = { mode: module.training };
  const all = stays.get(module) ?? [];
  stays.set(module, all);
  all.push(stay);
  return () => {
    const at = all.indexOf(stay);
    all.splice(at, 1);
    // a call that began later is still evaluating: it puts the mode back in our stead
    const later = all[at];
    if (later) later.mode = stay.mode;
    else module.training = stay.mode;
  };
}

/**
 * Runs `fn` with the model in evaluation mode, and gives every module its own mode back: also after a throw, and, when
 * `fn` is async, once its promise has settled. Calls may overlap.
 *
 * It does not stop recording: for that there is {@link noGrad}, around the synchronous parts.
 *
 * @returns what `fn` returns
 * @example
 * ```ts
 * import { nn, ones } from 'gradlet';
 * const model = new nn.Sequential(new nn.Linear(2, 2), new nn.Dropout(0.5));
 * nn.inEvalMode(model, () => model.forward(ones([1, 2])).shape); // → [1,2]
 * model.training; // → true
 * ```
 */
export function inEvalMode<T>(model: Module, fn: () => T): T {
  return inMode(model, false, fn);
}

/** Runs `fn` with the model in training or evaluation mode. @internal */
export function inMode<T>(model: Module, training: boolean, fn: () => T): T {
  const leave = model.modules().map(enter);
  const run = (): T => {
    if (training) model.train();
    else model.eval();
    return fn();
  };
  return thenRestore(run, () => {
    for (const back of leave) back();
  });
}
