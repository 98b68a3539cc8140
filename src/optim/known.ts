import { show, suggest, ValueError } from '../core/errors.ts';
import type { AnyOptimizerClass } from './define.ts';
import * as builtIns from './rules/index.ts';

/** The optimizers that can be had by their name. */
export const classes = new Map<string, AnyOptimizerClass>(
  Object.values<AnyOptimizerClass>(builtIns).map((known) => [known.rule.name, known]),
);

/** The optimizer of that name. */
export function knownClass(where: string, name: string): AnyOptimizerClass {
  const found = classes.get(name);
  if (found) return found;
  throw new ValueError(
    where,
    'the optimizer must be known',
    show(name),
    suggest(String(name), classes.keys()),
  );
}
