import type { TypedArray } from '../core/dtype.ts';
import type { Line, Uniforms } from '../formula/program.ts';
import type { OptimizerSettings } from './hyperparameters.ts';
import type { UpdateLine } from './rule.ts';

/** The scalars that come from the optimizer rather than from a rule. */
export interface SharedScalars {
  /** Whether regularization goes into the gradient that the rule sees. */
  readonly coupled: boolean;
  /** Whether regularization pulls at the parameter itself. */
  readonly decoupled: boolean;
  /** Whether the rule reads `pull` and takes it into its step by itself. */
  readonly ownPull: boolean;
  /** `l1` where it is soft-thresholded, else 0. */
  readonly threshold: number;
  /** What clipping by norm multiplies a gradient by; 1 leaves it. */
  readonly clipScale: number;
  /** The largest |gradient| of an element. */
  readonly clipValue: number;
}

interface Shared extends OptimizerSettings<{ lr: number }>, SharedScalars {}

/** Decides what can be decided once for a group of parameters. */
export function sharedScalars(
  settings: Uniforms,
  rest: Partial<Pick<SharedScalars, 'ownPull' | 'clipScale' | 'clipValue'>> = {},
): SharedScalars {
  const { weightDecay, l1, proximal, decay } = settings as object as Shared;
  const penalized = weightDecay !== 0 || (l1 !== 0 && !proximal);
  return {
    coupled: penalized && decay === 'coupled',
    decoupled: penalized && decay === 'decoupled',
    threshold: proximal ? l1 : 0,
    ownPull: false,
    clipScale: 1,
    clipValue: Infinity,
    ...rest,
  };
}

/** Where `towardInit` pulls to: the first value of the parameter. */
const p0: UpdateLine<'p0', Shared> = ({ p0 }) => p0;

/** The slope of what L2 and L1 regularization add to the loss; what is soft-thresholded instead is not in it. */
const penalty: UpdateLine<'p' | 'p0', Shared> = ({ p, p0 }, { weightDecay, l1, threshold, towardInit }) => {
  const away = towardInit ? p - p0 : p;
  const ridge = weightDecay === 0 ? 0 : weightDecay * away;
  return l1 === 0 || threshold !== 0 ? ridge : ridge + l1 * Math.sign(away);
};

/** What L2 and L1 regularization add to the loss: Σ weightDecay / 2 · (p − p0)² + l1 · |p − p0|, whose slope is `penalty`. */
export function penaltyOf(
  { p, p0 }: { readonly p: TypedArray; readonly p0?: TypedArray },
  settings: Uniforms,
): number {
  const { weightDecay, l1, towardInit } = settings as object as Shared;
  let sum = 0;
  for (let i = 0; i < p.length; i++) {
    const away = towardInit ? p[i]! - p0![i]! : p[i]!;
    sum += (weightDecay / 2) * away * away + l1 * Math.abs(away);
  }
  return sum;
}

/** From the gradient that `backward` left to the one that a rule sees. */
const g: UpdateLine<'grad' | 'penalty', Shared> = (
  { grad, penalty },
  { maximize, clipScale, clipValue, coupled },
) => {
  const downhill = maximize ? -grad : grad;
  const scaled = clipScale === 1 ? downhill : clipScale * downhill;
  const clipped = clipValue === Infinity ? scaled : Math.min(Math.max(scaled, -clipValue), clipValue);
  return coupled ? clipped + penalty : clipped;
};

const pull: UpdateLine<'penalty', Shared> = ({ penalty }, { decoupled }) => (decoupled ? penalty : 0);

/** How far a rule that says only where to wants to go. */
const step: UpdateLine<'delta', Shared> = ({ delta }, { lr }) => lr * delta;

const next: UpdateLine<'p' | 'p0' | 'pull' | 'step', Shared> = (
  { p, p0, pull, step },
  { lr, decoupled, ownPull, threshold, towardInit },
) => {
  const moved = (decoupled && !ownPull ? p - lr * pull : p) - step;
  const away = towardInit ? moved - p0 : moved;
  const shrunk = Math.abs(away) <= lr * threshold ? 0 : away - lr * threshold * Math.sign(away);
  return threshold === 0 ? moved : towardInit ? p0 + shrunk : shrunk;
};

const p: UpdateLine<'next', Shared> = ({ next }) => next;

type Lines = Readonly<Record<string, Line>>;

/** What runs before the lines of a rule, and gives them `g` and `pull`. */
export const linesBefore = { p0, penalty, g, pull } satisfies Lines;

/** From the direction `delta` of a rule to the new parameter. */
export const linesOfStep = { step, next, p } satisfies Lines;

/** The lines of a rule with the shared ones around them; those behind its step see the new parameter `next`. */
export function withSharedLines(lines: Lines): Lines {
  const entries = Object.entries(lines);
  const steps = entries.findLastIndex(([name]) => name === 'delta' || name === 'step') + 1;
  return {
    ...linesBefore,
    ...Object.fromEntries(entries.slice(0, steps)),
    ...('step' in lines ? { next } : { step, next }),
    ...Object.fromEntries(entries.slice(steps)),
    p,
  };
}
