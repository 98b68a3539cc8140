import type { Body } from './module.ts';
import { V128 } from './values.ts';

/**
 * A function of single numbers, four at a time. It means what `Math` means by it, for every single number: NaN, ±∞, the
 * sign of zero and denormal numbers too. What comes out in a lane depends on what goes into that lane only.
 */
export type Lanes = (body: Body, ...x: V128[]) => V128;

/*
 * The polynomials below are minimax fits by Lawson’s iteration, made for this file; arguments are reduced as in Cephes (exp) and
 * in FreeBSD's msun (log, log1p, sin, cos), of which no code is taken.
 *
 * Errors are in units in the last place (ulp) from the exact value: the worst of every 33rd single number, and for powers
 * of as many random pairs, with fused products or without. test/kernels/wasm/exhaustive.ts measures them.
 */

const SIGN = V128.bits(-(2 ** 31));
const SMALLEST_NORMAL = 2 ** -126;
/** 1.5 · 2²³ and 1.5 · 2⁵²: a number that they were added to ends in its whole part, in two's complement. */
const ROUND = 1.5 * 2 ** 23;
const ROUND_DOUBLE = 1.5 * 2 ** 52;

/** Σ c[k] xᵏ by Horner's rule. */
const polynomial = (x: V128, c: readonly number[]): V128 =>
  c.slice(0, -1).reduceRight((sum, term) => x.madd(sum, term), V128.of(c.at(-1)!));

/** Two halves as doubles, brought back together. */
function inDoubles(
  body: Body,
  x: readonly V128[],
  compute: (...half: V128[]) => readonly [V128, V128],
): [bits: V128, single: V128] {
  const low = compute(...x.map((a) => body.v128(a.promote())));
  const high = compute(...x.map((a) => body.v128(a.shuffle(a, [2, 3, 2, 3]).promote())));
  const bits = body.v128(low[0].shuffle(high[0], [0, 2, 4, 6]));
  return [bits, body.v128(low[1].demote().shuffle(high[1].demote(), [0, 1, 4, 5]))];
}

/** x = n ln 2 + r with |r| ≤ ½ ln 2, where |n| < 2⁹: bits that end in n, and eʳ − 1. */
function reduced(body: Body, x: V128): [n: V128, p: V128] {
  const bits = body.v128(x.madd(Math.LOG2E, ROUND));
  const n = body.v128(bits.sub(ROUND));
  // the first part of ln 2 has 9 bits, so its product with n is exact
  return [bits, expm1Small(body, n.nmadd(-2.1219444e-4, n.nmadd(0.693359375, x)))];
}

/** eʳ − 1 for |r| ≤ ½ ln 2. */
function expm1Small(body: Body, x: V128): V128 {
  const r = body.v128(x);
  const tail = polynomial(r, [0.5, 0.16666542, 0.0416662805, 0.00836671051, 0.00139466696]);
  return body.v128(r.mul(r).madd(tail, r));
}

/** x · 2ⁿ for −252 ≤ n ≤ 254, where bits end in n; in two steps, so that only the last one rounds. */
function scaled(body: Body, x: V128, bits: V128): V128 {
  const half = body.v128(bits.shrBits(1));
  const other = bits.subBits(half);
  return x.mul(half.shlBits(23).addBits(V128.of(1))).mul(other.shlBits(23).addBits(V128.of(1)));
}

/** 2ⁿ · x for −126 ≤ n + log₂ x ≤ 127 and a power x of two, where bits end in n. */
const power2 = (body: Body, bits: V128, x: number): V128 => body.v128(bits.shlBits(23).addBits(V128.of(x)));

/** 2ⁿ eʳ, where x = n ln 2 + r. Error 1.04 ulp. */
const exp: Lanes = (body, a) => {
  const x = body.v128(a.pmax(-104).pmin(89));
  const [n, p] = reduced(body, x);
  return scaled(body, p.add(1), n);
};

/** 2ⁿ p + (2ⁿ − 1); x itself where it is so small that n = 0 and p = x. Error 1.72 ulp. */
const expm1: Lanes = (body, a) => {
  const whole = body.v128(a);
  const x = body.v128(whole.pmax(-20).pmin(89));
  const [n, p] = reduced(body, x);
  // halved, as 2¹²⁸ is no single number
  const s = power2(body, n, 0.5);
  const y = s.madd(p, s.sub(0.5));
  return whole.where(whole.abs().lt(2 ** -25), y.add(y));
};

/** x = 2ᵏ (1 + f) with √½ ≤ 1 + f < √2, for positive numbers. */
function fraction(body: Body, x: V128): [k: V128, f: V128] {
  const root = V128.of(Math.SQRT1_2);
  const above = body.v128(x.subBits(root));
  const k = body.v128(above.shrBits(23).fromBits());
  return [
    k,
    body.v128(
      above
        .and(V128.bits(2 ** 23 - 1))
        .addBits(root)
        .sub(1),
    ),
  ];
}

/** The same for denormal numbers, too. */
function fractionOfAny(body: Body, x: V128): [k: V128, f: V128] {
  const tiny = body.v128(x.lt(SMALLEST_NORMAL));
  const [k, f] = fraction(body, body.v128(x.mul(V128.of(2 ** 23).where(tiny, 1))));
  return [body.v128(k.sub(tiny.and(23))), f];
}

/**
 * k ln 2 + ln(1 + f) + c = k ln 2 + f − (f²/2 − (s (f²/2 + R(s²)) + c)), where s = f / (2 + f) and R(s²) = 2
 * artanh(s) / s − 2.
 */
function logarithm(body: Body, k: V128, f: V128, c?: V128): V128 {
  const s = body.v128(f.div(f.add(2)));
  const z = body.v128(s.mul(s));
  const square = body.v128(f.mul(f).mul(0.5));
  const rest = z.madd(polynomial(z, [0.666667759, 0.399774432, 0.29874596]), square);
  // the first part of ln 2 has 17 bits, so its product with k is exact, but for denormal numbers
  const low = k.mul(9.0580006145e-6);
  const sum = s.madd(rest, c ? low.add(c) : low);
  return k.madd(0.69313812256, f.sub(square.sub(sum)));
}

/** All bits set, which is NaN, where the mask is not. */
const nanUnless = (valid: V128): V128 => valid.not();

/** Error 0.79 ulp. */
const log: Lanes = (body, a) => {
  const x = body.v128(a);
  const y = logarithm(body, ...fractionOfAny(body, x)).or(nanUnless(x.ge(0)));
  const infinite = V128.of(Number.NEGATIVE_INFINITY).where(x.eq(0), y);
  return x.where(x.eq(Number.POSITIVE_INFINITY), infinite);
};

/** ln u + (x − (u − 1)) / u for the rounded sum u = 1 + x; from x itself where u is near 1. Error 0.83 ulp. */
const log1p: Lanes = (body, a) => {
  const x = body.v128(a);
  const u = body.v128(x.add(1));
  const [k, g] = fraction(body, u);
  const near = body.v128(k.eq(0));
  const f = body.v128(x.where(near, g));
  const lost = x.sub(u.sub(1)).div(u).andNot(near);
  const y = logarithm(body, k, f, lost)
    .or(x.and(SIGN))
    .or(nanUnless(x.ge(-1)));
  const infinite = V128.of(Number.NEGATIVE_INFINITY).where(x.eq(-1), y);
  return x.where(x.eq(Number.POSITIVE_INFINITY), infinite);
};

/**
 * With e = e^−|x| and q = e / (1 + e): 1 − q for positive numbers, and e − e q = q, which is closer, for negative
 * ones. Error 1.77 ulp.
 */
const sigmoid: Lanes = (body, a) => {
  const x = body.v128(a);
  const e = body.v128(exp(body, x.or(SIGN)));
  const top = body.v128(e.where(x.lt(0), 1));
  return top.nmadd(e.div(e.add(1)), top);
};

/**
 * max(x, 0) + ln(1 + e), where e = e^−|x|: ln(1 + f) for f = e, and ln 2 + ln(1 + f) for f = (e − 1) / 2 where e >
 * √2 − 1. Error 1.68 ulp.
 */
const softplus: Lanes = (body, a) => {
  const x = body.v128(a);
  const e = body.v128(exp(body, x.or(SIGN)));
  const big = body.v128(e.gt(Math.SQRT2 - 1));
  const f = body.v128(e.sub(1).mul(0.5).where(big, e));
  return x.pmax(0).add(logarithm(body, body.v128(big.and(1)), f));
};

/** x + x³ P(x²) for |x| < 0.55, else 1 − 2e / (1 + e) with e = e^−2|x|. Error 1.51 ulp. */
const tanh: Lanes = (body, a) => {
  const x = body.v128(a);
  const size = body.v128(x.abs());
  const [n, p] = reduced(body, body.v128(size.mul(-2).pmax(-40)));
  const s = power2(body, n, 1);
  const e = body.v128(s.madd(p, s));
  const large = V128.of(1).sub(e.add(e).div(e.add(1)));
  const z = body.v128(x.mul(x));
  const c = [-0.333333164, 0.13332586, -0.0538523085, 0.021071678, -0.00627423916];
  const small = size.mul(z).madd(polynomial(z, c), size);
  return small.where(size.lt(0.55), large).or(x.and(SIGN));
};

/** x + x P(x²) for |x| < 0.875, else 1 − e^−Q(|x|), which is 1 from 4 on. Error 1.16 ulp. */
const erf: Lanes = (body, a) => {
  const x = body.v128(a);
  const t = body.v128(x.abs().pmin(4));
  const rate = [1.1285255, 0.635680437, 0.105312094, -0.0229223836, 0.00322512374, -0.000215224994];
  const [n, p] = reduced(body, body.v128(t.neg().mul(polynomial(t, rate))));
  const s = power2(body, n, 1);
  const large = s.nmadd(p, V128.of(1).sub(s)).or(x.and(SIGN));
  const z = body.v128(x.mul(x));
  const c = [0.128379151, -0.376125515, 0.112824552, -0.0267914627, 0.00503218081, -0.000620325271];
  return x.madd(polynomial(z, c), x).where(t.lt(0.875), large);
};

/**
 * sin(x + turns · π/2). Error 1.57 ulp for |x| ≤ 2²⁸. Beyond, where single numbers lie five periods apart, the
 * reduced argument loses digits, and in the end all of them: results are then no more than numbers from −1 to 1.
 */
const wave =
  (turns: number): Lanes =>
  (body, a) => {
    const [n, rest] = inDoubles(body, [body.v128(a)], (x) => {
      const bits = body.v128(x.mulDoubles(2 / Math.PI).addDoubles(ROUND_DOUBLE));
      const n = body.v128(bits.subDoubles(ROUND_DOUBLE));
      // π/2 in parts of 25 and 53 bits
      const r = x
        .subDoubles(n.mulDoubles(1.5707963109016418))
        .subDoubles(n.mulDoubles(1.5893254773528196e-8));
      return [bits, r];
    });
    const quadrant = turns ? body.v128(n.addBits(V128.bits(turns))) : n;
    const r = body.v128(rest.pmax(-0.7854).pmin(0.7854));
    const z = body.v128(r.mul(r));
    const cubic = r.mul(z).madd(polynomial(z, [-0.166666552, 0.00833215844, -0.00019514958]), r);
    const sine = cubic.or(r.and(SIGN));
    const square = z.mul(z);
    const tail = polynomial(z, [0.0416666456, -0.0013887313, 2.44327857e-5]);
    const cosine = square.madd(tail, z.nmadd(0.5, 1));
    const odd = quadrant.shlBits(31).shrBits(31);
    return cosine.where(odd, sine).xor(quadrant.shrBits(1).shlBits(31));
  };

/**
 * 2^(y log₂ |x|), with y log₂ |x| in doubles; negative for an odd y, and NaN for a fraction, where x is negative.
 * Error 1.06 ulp.
 */
const pow: Lanes = (body, a, b) => {
  const infinity = V128.of(Number.POSITIVE_INFINITY);
  const x = body.v128(a);
  const y = body.v128(b);
  const size = body.v128(x.abs());
  const [exponent, f] = fractionOfAny(body, size);
  const finite = exponent.or(size.eq(size).not());
  const positive = infinity.where(size.eq(infinity), finite);
  const k = body.v128(infinity.neg().where(size.eq(0), positive));
  const [n, r] = inDoubles(body, [k, f, y], (k, f, y) => {
    const s = body.v128(f!.divDoubles(f!.addDoubles(2)));
    const z = body.v128(s.mulDoubles(s));
    const c = [2.885390081790274, 0.9617966731042977, 0.5770836310142181, 0.41166990617298493];
    const sum = [...c, 0.34078313772422875].reduceRight(
      (sum: V128 | null, term) => (sum ? z.mulDoubles(sum).addDoubles(term) : V128.doubles(term)),
      null,
    )!;
    const log2 = k!.addDoubles(s.mulDoubles(sum));
    const w = body.v128(y!.mulDoubles(log2).pmaxDoubles(-200).pminDoubles(200));
    const bits = body.v128(w.addDoubles(ROUND_DOUBLE));
    return [bits, w.subDoubles(bits.subDoubles(ROUND_DOUBLE)).mulDoubles(Math.LN2)];
  });
  const value = scaled(body, expm1Small(body, r).add(1), n);
  const whole = body.v128(y.trunc().eq(y));
  const half = body.v128(y.mul(0.5));
  const odd = half.trunc().ne(half).and(SIGN).and(x);
  const nan = x.lt(0).and(x.ne(infinity.neg())).andNot(whole);
  return V128.of(1).where(y.eq(0), value.xor(odd.and(whole)).or(nan));
};

/** Halves go up; what comes to zero keeps its sign. */
const round: Lanes = (body, a) => {
  const x = body.v128(a);
  const below = body.v128(x.floor());
  return below.add(x.sub(below).ge(0.5).and(1)).or(x.and(SIGN));
};

const sign: Lanes = (body, a) => {
  const x = body.v128(a);
  return x.and(SIGN).or(1).where(x.abs().gt(0), x);
};

export const LANES: Readonly<Record<string, Lanes>> = {
  abs: (_, x) => x.abs(),
  ceil: (_, x) => x.ceil(),
  cos: wave(1),
  erf,
  exp,
  expm1,
  floor: (_, x) => x.floor(),
  log,
  log1p,
  max: (_, x, y) => x.max(y!),
  min: (_, x, y) => x.min(y!),
  pow,
  round,
  sigmoid,
  sign,
  sin: wave(0),
  softplus,
  sqrt: (_, x) => x.sqrt(),
  tanh,
};
