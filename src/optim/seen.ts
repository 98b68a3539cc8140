import { allocate, type DType, type TypedArray } from '../core/dtype.ts';
import { LineList, type Uniforms } from '../formula/program.ts';
import { runUpdate } from '../kernels/update.ts';
import { linesBefore } from './shared-lines.ts';

const { p0, penalty, g } = linesBefore;

/** From the gradient that `backward` left to the one that a rule without lines sees. */
export const linesOfGradient = new LineList('g', { p0, penalty, g }, { inputs: ['p', 'grad'] });

/** What is known of one parameter: its numbers, its gradient, and its first numbers where decay pulls towards them. */
export interface Given {
  p: TypedArray;
  grad: TypedArray;
  p0?: TypedArray;
}

/** The gradient that a rule without lines sees. */
export function seenGradient(arrays: Given, dtype: DType, uniforms: Uniforms): TypedArray {
  const program = linesOfGradient.specialize(uniforms);
  const g = allocate(dtype, arrays.p.length);
  runUpdate(program, g.length, { ...arrays, g }, program.scalars(uniforms));
  return g;
}
