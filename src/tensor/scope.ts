import { show, ValueError } from '../core/errors.ts';
import { atOnce } from '../core/waiting.ts';
import { type Block, withScope } from './block.ts';
import { Tensor } from './tensor.ts';

/**
 * Runs `fn`, such as a training step, and takes back the memory of every tensor made in it, at once and without the garbage
 * collector: they lie side by side in the memory of WebAssembly, where kernels need not copy them. What `fn` returns is
 * copied out. Nothing has to be disposed of without it, either: it saves time.
 *
 * Tensors of before, such as parameters, may be used and changed inside. So may optimizers: what they remember stays.
 * Gradients made inside belong to it: read them inside, or return them, and set them to `null` before the next `backward`.
 *
 * @param fn - a synchronous function
 * @returns what `fn` returns: numbers, tensors, or arrays, maps and plain objects of them
 * @throws {@link ValueError} when a tensor that was made inside and not returned is read afterwards, or `fn` returns a promise
 * @example
 * ```ts
 * import { createOptimizer, nn, scope, tensor } from 'gradlet';
 * const model = new nn.Linear(2, 1);
 * const optimizer = createOptimizer('adam', model);
 * const [x, y] = [tensor([[0, 1], [1, 0]]), tensor([[1], [0]])];
 * const step = () => scope(() => {
 *   optimizer.zeroGrad();
 *   const loss = nn.mseLoss(model.forward(x), y);
 *   loss.backward();
 *   optimizer.step();
 *   return loss.item();
 * });
 * step() > step(); // → true
 * ```
 */
export function scope<T>(fn: () => T): T {
  if (typeof fn !== 'function') {
    throw new ValueError('scope', 'what runs inside must be a function', show(fn), 'Write scope(() => …).');
  }
  return withScope((kept) => {
    const whatToDo = 'Put every await outside, and scope around the computations between them.';
    const result = atOnce('scope', 'the function', fn(), whatToDo);
    collect(result, kept, new Set());
    return result;
  });
}

/** The blocks of all tensors in arrays, maps and plain objects. */
function collect(value: unknown, found: Set<Block>, seen: Set<object>): void {
  if (typeof value !== 'object' || value === null || seen.has(value)) return;
  seen.add(value);
  if (value instanceof Tensor) found.add(value.block);
  else if (Array.isArray(value) || value instanceof Set) for (const v of value) collect(v, found, seen);
  else if (value instanceof Map) for (const pair of value) collect(pair, found, seen);
  else if (isPlain(value)) for (const v of Object.values(value)) collect(v, found, seen);
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}
