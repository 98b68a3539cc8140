/** A place where gradlet is meant to differ from PyTorch. */
export interface Deviation {
  readonly op: string;
  /** `output 0`, `gradient 0`, … */
  readonly part: string;
  /** Which elements, by the inputs there. */
  readonly when: (...inputs: number[]) => boolean;
  /** What gradlet gives there, before weights. */
  readonly ours: number;
  readonly why: string;
}

const one = (x: number): boolean => Math.abs(x) === 1;
const infinite = (x: number): boolean => Math.abs(x) === Number.POSITIVE_INFINITY;

function pow(part: string, base: number, exponent: number, ours: number): Deviation {
  const when = (x: number, p: number) => Object.is(x, base) && p === exponent;
  const why = 'C and IEEE 754 say so; for the exponents 0.5 and −0.5 PyTorch takes sqrt and rsqrt';
  return { op: 'pow', part, when, ours, why };
}

export const deviations: readonly Deviation[] = [
  { op: 'sign', part: 'output 0', when: Number.isNaN, ours: Number.NaN, why: 'NaN stays NaN, as in NumPy' },
  { op: 'abs', part: 'gradient 0', when: Number.isNaN, ours: Number.NaN, why: 'it is sign(x)' },
  ...['elu', 'selu'].map((op) => ({
    op,
    part: 'gradient 0',
    when: Number.isNaN,
    ours: Number.NaN,
    why: 'PyTorch gives NaN in its vector loop, but g in its scalar one',
  })),
  {
    op: 'gelu',
    part: 'output 0',
    when: (x) => x === Number.POSITIVE_INFINITY,
    ours: Number.POSITIVE_INFINITY,
    why: 'PyTorch gives ∞ in float64, but NaN in float32',
  },
  {
    op: 'gelu',
    part: 'gradient 0',
    when: (x) => Math.fround(x) === Math.fround(1e30),
    ours: 1,
    why: 'PyTorch computes x³ in float32, where it overflows',
  },
  {
    op: 'pow',
    part: 'gradient 0',
    when: (x, p) => one(x) && infinite(p),
    ours: Number.NaN,
    why: 'p · xᵖ⁻¹ with 1^∞ as in JavaScript; the limits from both sides differ',
  },
  pow('output 0', Number.NEGATIVE_INFINITY, 0.5, Number.POSITIVE_INFINITY),
  pow('gradient 0', Number.NEGATIVE_INFINITY, 0.5, 0),
  pow('gradient 0', -0, 0.5, Number.POSITIVE_INFINITY),
  pow('output 0', Number.NEGATIVE_INFINITY, -0.5, 0),
  pow('output 0', -0, -0.5, Number.POSITIVE_INFINITY),
  pow('gradient 0', Number.NEGATIVE_INFINITY, 1.5, Number.POSITIVE_INFINITY),
];
