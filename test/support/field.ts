import type { Expr } from '../../src/formula/expr.ts';

const PRIME = 2n ** 61n - 1n;

const mod = (x: bigint): bigint => ((x % PRIME) + PRIME) % PRIME;

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  let square = mod(base);
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = mod(result * square);
    square = mod(square * square);
  }
  return result;
}

const inverse = (x: bigint): bigint => power(x, PRIME - 2n);

function rational(x: number): bigint {
  if (!Number.isFinite(x)) return 123456789n;
  const [digits, exponent] = x.toExponential().split('e') as [string, string];
  const [whole, part = ''] = digits.split('.') as [string, string?];
  const tens = Number(exponent) - part.length;
  const ten = power(10n, BigInt(Math.abs(tens)));
  return mod(BigInt(whole + part) * (tens < 0 ? inverse(ten) : ten));
}

/** A function of which nothing is known but that it is one. */
function anyFunction(name: string, args: readonly bigint[]): bigint {
  let mixed = 7n;
  for (const part of [...[...name].map((c) => BigInt(c.codePointAt(0)!)), ...args]) {
    mixed = power(mixed * 31n + part + 17n, 3n);
  }
  return mixed;
}

/**
 * The value of a tree in the field of the integers modulo a prime, where arithmetic is exact: trees that are equal by the
 * laws of algebra have the same value, and others hardly ever. Functions stand for any.
 */
export function evaluateInField(e: Expr, values: Readonly<Record<string, bigint>>): bigint {
  const go = (f: Expr): bigint => {
    if (f.op === 'number') return rational(f.value);
    if (f.op === 'name') return values[f.name]!;
    const [a, b, c] = f.args as [Expr, Expr, Expr];
    switch (f.op) {
      case '+':
        return mod(go(a) + go(b));
      case '-':
        return mod(go(a) - go(b));
      case '*':
        return mod(go(a) * go(b));
      case '/':
        return mod(go(a) * inverse(go(b)));
      case 'neg':
        return mod(-go(a));
      case '?:':
        return go(a) === 0n ? go(c) : go(b);
      case '&&':
        return go(a) !== 0n && go(b) !== 0n ? 1n : 0n;
      case '||':
        return go(a) !== 0n || go(b) !== 0n ? 1n : 0n;
      case '!':
        return go(a) === 0n ? 1n : 0n;
      case '===':
        return go(a) === go(b) ? 1n : 0n;
      case '!==':
        return go(a) === go(b) ? 0n : 1n;
      case '<':
        return go(a) < go(b) ? 1n : 0n;
      case '<=':
        return go(a) <= go(b) ? 1n : 0n;
      case '>':
        return go(a) > go(b) ? 1n : 0n;
      case '>=':
        return go(a) >= go(b) ? 1n : 0n;
      case 'max':
      case 'min':
        return f.args.map(go).reduce((x, y) => (x < y === (f.op === 'max') ? y : x));
      case '**': {
        const [base, exponent] = [go(a), go(b)];
        if (exponent < 100n) return power(base, exponent);
        return PRIME - exponent < 100n
          ? inverse(power(base, PRIME - exponent))
          : anyFunction('**', [base, exponent]);
      }
      default:
        return anyFunction(f.op, f.args.map(go));
    }
  };
  return go(e);
}
