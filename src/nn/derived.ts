import { checkKeys } from '../core/errors.ts';
import { Tensor } from '../tensor/index.ts';
import { Module } from './module.ts';
import { Buffer } from './parameter.ts';

/** A module without parameters: a function of `Inputs` with its options as fields. */
export type FunctionModule<Inputs extends readonly Tensor[], Options extends object> = Module &
  Readonly<Options> & {
    /** Computes the output from the inputs. */
    forward(...inputs: Inputs): Tensor;
  };

/** The class of a {@link FunctionModule}: its constructor takes the options, if there are any. */
export type FunctionModuleClass<Inputs extends readonly Tensor[], Options extends object> = new (
  ...options: keyof Options extends never ? [] : [options?: Partial<Options>]
) => FunctionModule<Inputs, Options>;

/**
 * A class of modules from a function: its options become fields, which are shown when it is printed.
 * Without `defaults`, the options are passed on as they come. Tensors among them are saved, as {@link Buffer}.
 */
export function moduleOf<Inputs extends readonly Tensor[], Options extends object>(
  name: string,
  fn: (...args: [...inputs: Inputs, options: Options]) => Tensor,
  defaults?: Options,
): FunctionModuleClass<Inputs, Options> {
  class Derived extends Module {
    readonly #keys: readonly string[];

    constructor(options: Partial<Options> = {}) {
      super();
      // without defaults the function checks the names; here only that they are options at all
      checkKeys(name, options, Object.keys(defaults ?? options ?? {}));
      const entries = Object.entries({ ...defaults, ...options });
      this.#keys = entries.map(([key]) => key);
      for (const [key, value] of entries) {
        const field = value instanceof Tensor ? new Buffer(value, { key: snakeCase(key) }) : value;
        Object.assign(this, { [key]: field });
      }
    }

    /** The options as they are now in the fields. */
    get #options(): [key: string, value: unknown][] {
      const fields = this as unknown as Record<string, unknown>;
      return this.#keys.map((key) => [key, fields[key]]);
    }

    forward(...inputs: Inputs): Tensor {
      return fn(...inputs, Object.fromEntries(this.#options) as Options);
    }

    override extraRepr(): string {
      return this.#options
        .map(([key, value]) => `${key}=${typeof value === 'string' ? `'${value}'` : value}`)
        .join(', ');
    }
  }
  Object.defineProperty(Derived, 'name', { value: name });
  return Derived as unknown as FunctionModuleClass<Inputs, Options>;
}

/** `posWeight` → `pos_weight`, as PyTorch calls it in state dicts. */
const snakeCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
