import type { DType } from '../core/dtype.ts';
import type { Generator } from '../core/random.ts';
import type { Shape } from '../core/shape.ts';
import { zeros } from '../tensor/index.ts';
import { uniform } from './init.ts';
import { Parameter } from './parameter.ts';

/** Makes the parameters of a layer whose outputs are sums of `fanIn` products: from U(−1/√fanIn, 1/√fanIn). */
export function startFrom(
  fanIn: number,
  dtype: DType | undefined,
  generator: Generator | undefined,
): (shape: Shape) => Parameter {
  const high = 1 / Math.sqrt(fanIn);
  return (shape) => {
    const p = new Parameter(zeros(shape, { dtype }));
    uniform(p, { low: -high, high, generator });
    return p;
  };
}
