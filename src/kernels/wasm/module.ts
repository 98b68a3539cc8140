import {
  type Code,
  type Emit,
  F32,
  I32,
  memory,
  operation,
  plain,
  toF32,
  toI32,
  toV128,
  unsigned,
  V128,
  type Value,
  wide,
} from './values.ts';

/** The kinds of values: whole numbers and addresses, single numbers, and four numbers side by side. */
const TYPES = { i32: 0x7f, f32: 0x7d, v128: 0x7b } as const;
export type Type = keyof typeof TYPES;

const CLASSES = { i32: I32, f32: F32, v128: V128 } as const;
/** The values of a type. */
export type Of<T extends Type> = InstanceType<(typeof CLASSES)[T]>;

/** The body of a function: its locals, and what it does. */
export class Body {
  readonly code: Code = [];
  readonly types: Type[] = [];
  readonly #locals = new Map<Value, number>();
  readonly #params: number;

  constructor(params: readonly Value[]) {
    this.#params = params.length;
    for (const [k, param] of params.entries()) this.#locals.set(param, k);
  }

  #local<T extends Type>(type: T): Of<T> {
    const index = this.#params + this.types.push(type) - 1;
    const local = new CLASSES[type]((code) => {
      code.push(0x20);
      unsigned(code, index);
    }) as Of<T>;
    this.#locals.set(local, index);
    return local;
  }

  /** A variable, with its value where one is given. */
  i32(value?: I32 | number): I32 {
    const local = this.#local('i32');
    if (value !== undefined) this.set(local, toI32(value));
    return local;
  }

  f32(value?: F32 | number): F32 {
    const local = this.#local('f32');
    if (value !== undefined) this.set(local, toF32(value));
    return local;
  }

  v128(value?: V128 | number): V128 {
    const local = this.#local('v128');
    if (value !== undefined) this.set(local, toV128(value));
    return local;
  }

  set<V extends Value>(local: V, value: V): void {
    value.emit(this.code);
    this.code.push(0x21);
    unsigned(this.code, this.#locals.get(local)!);
  }

  inc(local: I32, by: I32 | number): void {
    this.set(local, local.add(by));
  }

  store(address: I32, value: F32 | V128, offset = 0): void {
    const put = value instanceof V128 ? wide(11) : plain(0x38);
    operation(memory(put, offset), address, value)(this.code);
  }

  /** Stores one of four numbers. */
  storeLane(address: I32, value: V128, lane: number, offset = 0): void {
    operation(memory(wide(90), offset), address, value)(this.code);
    this.code.push(lane);
  }

  if(condition: I32, then: () => void, otherwise?: () => void): void {
    condition.emit(this.code);
    this.code.push(0x04, 0x40);
    then();
    if (otherwise) {
      this.code.push(0x05);
      otherwise();
    }
    this.code.push(0x0b);
  }

  /** Runs at least once, and again while the condition holds that `body` returns. */
  repeat(body: () => I32): void {
    this.code.push(0x03, 0x40);
    body().emit(this.code);
    this.code.push(0x0d, 0, 0x0b);
  }

  while(condition: I32, body: () => void): void {
    this.if(condition, () =>
      this.repeat(() => {
        body();
        return condition;
      }),
    );
  }
}

interface Made {
  readonly name: string;
  readonly params: readonly Type[];
  readonly result: Type | null;
  readonly body: Body;
}

/** A module of functions over one memory, which it imports as `e.m`. */
export class WasmModule {
  readonly #functions: Made[] = [];

  /** Adds a function; it gives what `build` returns. */
  add<P extends Readonly<Record<string, Type>>>(
    name: string,
    params: P,
    build: (body: Body, params: { readonly [K in keyof P]: Of<P[K]> }) => I32 | F32 | undefined,
  ): this {
    const types = Object.values(params);
    const values = types.map((type, k) => {
      const get: Emit = (code) => {
        code.push(0x20);
        unsigned(code, k);
      };
      return new CLASSES[type](get);
    });
    const body = new Body(values);
    const names = Object.keys(params);
    const result = build(body, Object.fromEntries(values.map((value, k) => [names[k], value])) as never);
    result?.emit(body.code);
    this.#functions.push({
      name,
      params: types,
      result: result ? (result instanceof I32 ? 'i32' : 'f32') : null,
      body,
    });
    return this;
  }

  /** The module, for a memory that threads share or for one that they do not. */
  bytes(shared = false): Uint8Array<ArrayBuffer> {
    const made = this.#functions;
    const out: Code = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
    const section = (id: number, items: readonly Code[]): void => {
      const content: Code = [];
      unsigned(content, items.length);
      for (const item of items) for (const byte of item) content.push(byte);
      out.push(id);
      unsigned(out, content.length);
      for (const byte of content) out.push(byte);
    };
    const text = (word: string): Code => [word.length, ...Array.from(word, (c) => c.charCodeAt(0))];
    const types = (list: readonly Type[]): Code => [list.length, ...list.map((type) => TYPES[type])];
    const index = (k: number): Code => {
      const code: Code = [];
      unsigned(code, k);
      return code;
    };
    section(
      1,
      made.map(({ params, result }) => [0x60, ...types(params), ...types(result ? [result] : [])]),
    );
    // at least 1 page; what is shared has a largest size, too: 65536 pages in LEB128
    section(2, [[...text('e'), ...text('m'), 2, ...(shared ? [3, 1, 0x80, 0x80, 4] : [0, 1])]]);
    section(
      3,
      made.map((_, k) => index(k)),
    );
    section(
      7,
      made.map(({ name }, k) => [...text(name), 0, ...index(k)]),
    );
    section(
      10,
      made.map(({ body }) => {
        const code: Code = [];
        unsigned(code, body.types.length);
        for (const type of body.types) code.push(1, TYPES[type]);
        for (const byte of body.code) code.push(byte);
        code.push(0x0b);
        return [...index(code.length), ...code];
      }),
    );
    return new Uint8Array(out);
  }
}
