import type { Tensor } from '../tensor/index.ts';
import type { UpdateEngine } from './engine.ts';
import type { StepScalars } from './rule.ts';

/** All that an optimizer remembers of one parameter. */
export interface ParamRecord {
  /** Its name in the model, or its place among the parameters. */
  readonly name: string;
  /** Steps taken. */
  t: number;
  /** What the rule's `perStep` returned in the last of them. */
  perStep: StepScalars;
  /** What is kept, by the names of lines or of a tensor rule's `initial`; each from the first step that reads it. */
  state: Record<string, Tensor>;
  engine: UpdateEngine | null;
}
