const TWO_OVER_SQRT_PI = 2 / Math.sqrt(Math.PI);

/**
 * erf(x) = 2/√π ∫₀ˣ e^(−t²) dt, to about 1e-15 relative.
 *
 * |x| < 2.5: the series 2/√π · e^(−x²) · Σ 2ⁿ x^(2n+1) / (2n+1)!!, whose terms all have one sign (DLMF 7.6.2).
 * Beyond: 1 − erfc(x) with the continued fraction of erfc (DLMF 7.9.1), 1 from |x| = 6 on.
 */
export function erf(x: number): number {
  const a = Math.abs(x);
  if (a < 2.5) {
    const square = x * x;
    let term = x;
    let sum = x;
    for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
      term *= (2 * square) / (2 * n + 1);
      sum += term;
    }
    return TWO_OVER_SQRT_PI * Math.exp(-square) * sum;
  }
  if (a >= 6) return Math.sign(x);
  if (Number.isNaN(x)) return x;
  let fraction = a;
  for (let n = 60; n >= 1; n--) fraction = a + n / 2 / fraction;
  return Math.sign(x) * (1 - Math.exp(-a * a) / (Math.sqrt(Math.PI) * fraction));
}

/** 1 / (1 + e⁻ˣ); the exponent is never positive, so nothing overflows. */
export function sigmoid(x: number): number {
  const e = Math.exp(-Math.abs(x));
  return (x < 0 ? e : 1) / (1 + e);
}

/** ln(1 + eˣ) = max(x, 0) + ln(1 + e^−|x|), which does not overflow. */
export function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}
