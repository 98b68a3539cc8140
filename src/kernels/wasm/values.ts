/** Bytes of WebAssembly, as they are written. */
export type Code = number[];

/** An unsigned number in LEB128. */
export function unsigned(code: Code, n: number): void {
  let rest = n;
  while (rest > 127) {
    code.push((rest & 127) | 128);
    rest >>>= 7;
  }
  code.push(rest);
}

/** A signed number in LEB128. */
function signed(code: Code, n: number): void {
  let rest = n;
  while (rest < -64 || rest > 63) {
    code.push((rest & 127) | 128);
    rest >>= 7;
  }
  code.push(rest & 127);
}

const single = new Float32Array(1);
const bytes = new Uint8Array(single.buffer);

function float(code: Code, x: number): void {
  single[0] = x;
  code.push(...bytes);
}

function simd(code: Code, op: number): void {
  code.push(0xfd);
  unsigned(code, op);
}

export type Emit = (code: Code) => void;

/** A value: what puts it on the stack. */
export abstract class Value {
  readonly emit: Emit;

  constructor(emit: Emit) {
    this.emit = emit;
  }
}

/** One way of computing a value from others, where numbers stand for constants. */
export const operation =
  (put: Emit, ...operands: readonly Value[]): Emit =>
  (code) => {
    for (const operand of operands) operand.emit(code);
    put(code);
  };
export const plain = (op: number) => (code: Code) => code.push(op);
export const wide = (op: number) => (code: Code) => simd(code, op);
/** Alignment (a hint) and offset of a memory access. */
export const memory = (put: Emit, offset: number) => (code: Code) => {
  put(code);
  code.push(2);
  unsigned(code, offset);
};

export const toI32 = (x: I32 | number): I32 => (typeof x === 'number' ? I32.of(x) : x);
export const toF32 = (x: F32 | number): F32 => (typeof x === 'number' ? F32.of(x) : x);
export const toV128 = (x: V128 | number): V128 => (typeof x === 'number' ? V128.of(x) : x);

type Binary<Table, Self> = { readonly [K in keyof Table]: (x: Self | number) => Self };
type Unary<Table, Self> = { readonly [K in keyof Table]: () => Self };

/** Operations on whole numbers; comparisons take them as unsigned. */
const I32_BINARY = {
  add: 0x6a,
  sub: 0x6b,
  mul: 0x6c,
  and: 0x71,
  shl: 0x74,
  shr: 0x76,
  eq: 0x46,
  lt: 0x49,
  gt: 0x4b,
  ge: 0x4f,
} as const;

const F32_BINARY = { add: 0x92, sub: 0x93, mul: 0x94, div: 0x95, min: 0x96, max: 0x97 } as const;

/**
 * Operations lane by lane. `min` and `max` are NaN where one is, as `Math.min`; `pmin`, which is `x < this ? x : this`,
 * and `pmax` are faster. Names with `Bits` take lanes as whole numbers.
 */
const V128_BINARY = {
  add: 228,
  sub: 229,
  mul: 230,
  div: 231,
  min: 232,
  max: 233,
  pmin: 234,
  pmax: 235,
  eq: 65,
  ne: 66,
  lt: 67,
  gt: 68,
  le: 69,
  ge: 70,
  and: 78,
  andNot: 79,
  or: 80,
  xor: 81,
  addBits: 174,
  subBits: 177,
} as const;

/** Operations on two doubles in the place of four single numbers. */
const DOUBLES_BINARY = {
  addDoubles: 240,
  subDoubles: 241,
  mulDoubles: 242,
  divDoubles: 243,
  pminDoubles: 246,
  pmaxDoubles: 247,
} as const;

/**
 * `nearest` takes halves to even numbers; `toBits` cuts off, and holds to what a whole number can be. `promote` makes
 * doubles of lanes 0 and 1; `demote` gives them back, with 0 in lanes 2 and 3.
 */
const V128_UNARY = {
  not: 77,
  neg: 225,
  abs: 224,
  sqrt: 227,
  ceil: 103,
  floor: 104,
  trunc: 105,
  nearest: 106,
  toBits: 248,
  fromBits: 250,
  promote: 95,
  demote: 94,
} as const;

export interface I32 extends Binary<typeof I32_BINARY, I32> {}

/** A whole number of 32 bits, or an address. */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: the methods come from the table.
export class I32 extends Value {
  static of(n: number): I32 {
    return new I32((code) => {
      code.push(0x41);
      signed(code, n | 0);
    });
  }

  /** The number at this address. */
  f32(offset = 0): F32 {
    return new F32(operation(memory(plain(0x2a), offset), this));
  }

  /** The whole number at this address. */
  i32(offset = 0): I32 {
    return new I32(operation(memory(plain(0x28), offset), this));
  }

  /** The four numbers from this address on. */
  v128(offset = 0): V128 {
    return new V128(operation(memory(wide(0), offset), this));
  }

  /** The number at this address, four times. */
  splat(offset = 0): V128 {
    return new V128(operation(memory(wide(9), offset), this));
  }

  toF32(): F32 {
    return new F32(operation(plain(0xb3), this));
  }
}

export interface F32 extends Binary<typeof F32_BINARY, F32> {}

/** A number of 32 bits. */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: the methods come from the table.
export class F32 extends Value {
  static of(x: number): F32 {
    return new F32((code) => {
      code.push(0x43);
      float(code, x);
    });
  }

  sqrt(): F32 {
    return new F32(operation(plain(0x91), this));
  }

  /** Four times. */
  splat(): V128 {
    return new V128(operation(wide(19), this));
  }
}

type V128Binary = typeof V128_BINARY & typeof DOUBLES_BINARY;

export interface V128 extends Binary<V128Binary, V128>, Unary<typeof V128_UNARY, V128> {}

/** Four numbers of 32 bits, or four masks that comparisons give: all bits set where they hold. */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: the methods come from the tables.
export class V128 extends Value {
  static of(x: number): V128 {
    return V128.lanes(Float32Array.of(x, x, x, x));
  }

  /** The same 32 bits four times. */
  static bits(n: number): V128 {
    return V128.lanes(Int32Array.of(n, n, n, n));
  }

  /** The same double twice. */
  static doubles(x: number): V128 {
    return V128.lanes(Float64Array.of(x, x));
  }

  static lanes(four: Float32Array | Int32Array | Float64Array): V128 {
    const raw = new Uint8Array(four.buffer, four.byteOffset, 16);
    return new V128((code) => {
      simd(code, 12);
      code.push(...raw);
    });
  }

  shlBits(by: number): V128 {
    return new V128(operation(wide(171), this, I32.of(by)));
  }

  /** Keeps the sign. */
  shrBits(by: number): V128 {
    return new V128(operation(wide(172), this, I32.of(by)));
  }

  /** Lane by lane `this` where the mask is set, else `other`. */
  where(mask: V128, other: V128 | number): V128 {
    return new V128(operation(wide(82), this, toV128(other), mask));
  }

  /** `this · x + y`, rounded once where the machine fuses it. */
  madd(x: V128 | number, y: V128 | number): V128 {
    if (fusing) return new V128(operation(wide(0x105), this, toV128(x), toV128(y)));
    return this.mul(x).add(y);
  }

  /** `y − this · x`, rounded once where the machine fuses it. */
  nmadd(x: V128 | number, y: V128 | number): V128 {
    if (fusing) return new V128(operation(wide(0x106), this, toV128(x), toV128(y)));
    return toV128(y).sub(this.mul(x));
  }

  /** Lanes 0 … 3 of this and 4 … 7 of the other, in this order. */
  shuffle(other: V128, order: readonly number[]): V128 {
    const choose: Emit = (code) => {
      simd(code, 13);
      for (const lane of order) for (let byte = 0; byte < 4; byte++) code.push(4 * lane + byte);
    };
    return new V128(operation(choose, this, other));
  }

  lane(k: number): F32 {
    const extract: Emit = (code) => {
      simd(code, 31);
      code.push(k);
    };
    return new F32(operation(extract, this));
  }
}

/** Attaches to a class the operations of a table that take one operand more. */
function attach<V extends Value>(
  type: new (emit: Emit) => V,
  table: Readonly<Record<string, number>>,
  put: (op: number) => Emit,
  read: ((x: V | number) => V) | null,
): void {
  for (const [name, op] of Object.entries(table)) {
    const value = function (this: V, x: V | number): V {
      return new type(operation(put(op), this, ...(read ? [read(x)] : [])));
    };
    Object.defineProperty(type.prototype, name, { value });
  }
}

attach(I32, I32_BINARY, plain, toI32);
attach(F32, F32_BINARY, plain, toF32);
attach(V128, V128_BINARY, wide, toV128);
attach(V128, DOUBLES_BINARY, wide, (x) => (typeof x === 'number' ? V128.doubles(x) : x));
attach(V128, V128_UNARY, wide, null);

/** Whether products and sums are fused: see {@link withFusing}. */
let fusing = false;

/** Runs `build` so that {@link V128.madd} rounds once, which only some machines can. */
export function withFusing<R>(on: boolean, build: () => R): R {
  const before = fusing;
  fusing = on;
  try {
    return build();
  } finally {
    fusing = before;
  }
}
