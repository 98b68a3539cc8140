import type { TypedArray } from '../core/dtype.ts';
import type { Uniforms } from '../formula/program.ts';
import { interpretUpdate } from '../kernels/update.ts';
import { clippedByUnit, clipScale, normOfSums, powerSum } from '../optim/clip.ts';
import { CompiledRule } from '../optim/compiled.ts';
import type { AnyRule, StepScalars } from '../optim/index.ts';
import { everyKind } from '../optim/kinds.ts';
import { sharedScalars } from '../optim/shared-lines.ts';
import type { RowOptions } from './reference.ts';

type Initial = (element: { p: number }, settings: Uniforms) => number;

/**
 * The course of a vector under a rule by its definition: every line called literally, and all of them kept. `null` for a
 * rule without lines.
 */
export function literalCourse(
  rule: AnyRule,
  options: RowOptions,
  start: TypedArray,
  gradients: readonly TypedArray[],
): TypedArray[] | null {
  const { defaults, lines } = new CompiledRule(rule, everyKind);
  if (!lines) return null;
  const { clipNorm, clipValue, clipAdaptive, ...own } = options;
  const settings: Uniforms = { ...defaults, ...own };
  const arrays: Record<string, TypedArray> = { p: start.slice(), p0: start.slice() };
  for (const name of Object.keys(lines.rule.lines)) {
    const initial = lines.rule.initial?.[name] as Initial | undefined;
    arrays[name] = start.map((p) => initial?.({ p }, settings) ?? 0);
  }
  let perStep: StepScalars = {};
  return gradients.map((given, k) => {
    const factor = clipAdaptive as number | undefined;
    const p = arrays.p!;
    const clipped = factor === undefined ? null : clippedByUnit(given, p, [p.length], { factor, eps: 1e-3 });
    const grad = clipped ?? given;
    const shared = sharedScalars(settings, {
      ownPull: lines.ownPull,
      clipScale:
        clipNorm === undefined ? 1 : clipScale(normOfSums([powerSum(grad, 2)], 2), clipNorm as number),
      clipValue: (clipValue as number | undefined) ?? Infinity,
    });
    perStep = lines.scalarsAt(k + 1, settings, perStep);
    interpretUpdate(lines.list, p.length, { ...arrays, grad }, { ...settings, ...perStep, ...shared });
    return p.slice();
  });
}
