import { show, ValueError } from './errors.ts';

const ARRAYS = {
  bool: Uint8Array,
  int32: Int32Array,
  float32: Float32Array,
  float64: Float64Array,
} as const;

/** The kind of number a tensor holds: `float32` (the default), `float64`, `int32` or `bool` (0 and 1). */
export type DType = keyof typeof ARRAYS;

/** The typed arrays that hold a tensor's numbers. */
export type TypedArray = Float32Array | Float64Array | Int32Array | Uint8Array;

/** From narrow to wide: mixing two dtypes gives the later one. */
const ORDER = Object.keys(ARRAYS) as DType[];

/** Arrays of at most this many bytes lie inside of their object, in V8. */
const INSIDE = 64;
/** Larger ones, up to this, are cut from slabs: one of their own takes a microsecond to make, a cut 1/20 of that. */
const LARGEST_CUT = 4096;
const SLAB = 32768;
let slab = new ArrayBuffer(0);
let used = 0;

/** A new array of zeros. */
export function allocate(dtype: DType, size: number): TypedArray {
  const Kind = ARRAYS[dtype];
  const bytes = size * Kind.BYTES_PER_ELEMENT;
  if (!(bytes > INSIDE && bytes <= LARGEST_CUT)) return new Kind(size);
  if (used + bytes > slab.byteLength) {
    slab = new ArrayBuffer(SLAB);
    used = 0;
  }
  const array = new Kind(slab, used, size);
  used += (bytes + 15) & ~15;
  return array;
}

export function isFloat(dtype: DType): boolean {
  return dtype === 'float32' || dtype === 'float64';
}

/** bool < int32 < float32 < float64: the wider of two dtypes. */
export function promote(a: DType, b: DType): DType {
  return a === b || ORDER.indexOf(a) > ORDER.indexOf(b) ? a : b;
}

export function checkDType(where: string, dtype: DType): DType {
  if (!Object.hasOwn(ARRAYS, dtype)) {
    throw new ValueError(where, `dtype must be one of ${ORDER.join(', ')}`, show(dtype));
  }
  return dtype;
}

/**
 * The dtype whose numbers are held by arrays of this kind; undefined for a kind that tensors do not hold as it is.
 * Bytes may be anything, pixels say, so a `Uint8Array` is not taken for bool.
 */
export function dtypeOf(array: ArrayBufferView): DType | undefined {
  return ORDER.find((d) => d !== 'bool' && array.constructor === ARRAYS[d]);
}

/** Numbers in a new array of the given kind; for bool everything but 0 is 1. */
export function converted(values: ArrayLike<number | boolean>, dtype: DType): TypedArray {
  const array = allocate(dtype, values.length);
  if (dtype === 'bool') for (let i = 0; i < array.length; i++) array[i] = Number(Number(values[i]) !== 0);
  else array.set(values as ArrayLike<number>);
  return array;
}
