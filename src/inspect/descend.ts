import { checkKeys, NonFiniteError, show, ValueError } from '../core/errors.ts';
import { type Tensor, tensor } from '../tensor/index.ts';
import { labelsOf, type OptimizerEntry } from './entries.ts';
import { notFinite, Training } from './training.ts';

/** A place on a {@link Surface}. */
export type SurfacePoint = readonly [x: number, y: number];

/** A function of two numbers, to watch optimizers go downhill on. {@link surfaces} has the well-known ones. */
export interface Surface {
  /** What it is called. */
  readonly name: string;
  /**
   * The height at (x, y), element by element: scalars for one point, shapes such as `[n]` and `[m, 1]` for a grid of
   * `[m, n]` points.
   */
  readonly f: (x: Tensor, y: Tensor) => Tensor;
  /** The part to draw, from … to along each axis. */
  readonly region: {
    /** From left to right. */
    readonly x: readonly [from: number, to: number];
    /** From bottom to top. */
    readonly y: readonly [from: number, to: number];
  };
  /** Where to start from to see what is special about it. */
  readonly start: SurfacePoint;
  /** Its lowest points, where they are single points; empty otherwise. */
  readonly minima: readonly SurfacePoint[];
}

/** What {@link descend} takes besides the surface and the optimizer. */
export interface DescendOptions {
  /** How many steps to take, ≥ 1. Default 100. */
  readonly steps?: number;
  /** Where to start. Default: the surface's own start. */
  readonly start?: SurfacePoint;
}

/** The way of an optimizer over a {@link Surface}. */
export interface Descent {
  /** The optimizer's name. */
  readonly label: string;
  /** The start and the point after every step. */
  readonly points: readonly SurfacePoint[];
  /** The height at each of them. */
  readonly values: readonly number[];
  /** Why it ended early: the height or the point was not finite. `null` when all steps were taken. */
  readonly diverged: NonFiniteError | null;
  /** The result in one line. */
  toString(): string;
}

/**
 * Lets an optimizer go downhill on a surface, in float64, with the gradients that `backward` finds.
 *
 * The point is one parameter `[x, y]`, so that clipping and whole-tensor rules see both coordinates together. A descent
 * ends early when the height or the point is no longer finite; both lists hold finite numbers only.
 *
 * @param surface - one of {@link surfaces}, or any `{ f, start }`
 * @param entry - see {@link OptimizerEntry}
 * @throws {@link ValueError} for an unknown optimizer or option, or one out of its range
 * @throws {@link NonFiniteError} when the height at the start is not finite
 * @example
 * ```ts
 * import { descend, surfaces } from 'gradlet';
 * const { points, values } = descend(surfaces.ravine, ['sgd', { lr: 0.05, momentum: 0.9 }], { steps: 200 });
 * points.length; // → 201
 * points[0]; // → [-8,1.5]
 * values.at(-1)! < 1e-4; // → true
 * ```
 */
export function descend(
  surface: Pick<Surface, 'f' | 'start'>,
  entry: OptimizerEntry,
  options: DescendOptions = {},
): Descent {
  checkKeys('descend', options, ['steps', 'start']);
  const { steps = 100, start = surface.start } = options;
  if (!Number.isInteger(steps) || steps < 1) {
    throw new ValueError('descend', 'steps must be a whole number ≥ 1', show(steps));
  }
  if (!Array.isArray(start) || start.length !== 2 || !start.every(Number.isFinite)) {
    throw new ValueError('descend', 'start must be two finite numbers', show(start));
  }
  const [label] = labelsOf('descend', [entry]) as [string];
  const point = tensor([...start], { dtype: 'float64', requiresGrad: true });
  const loss = (): Tensor => surface.f(point.slice(0), point.slice(1));
  const training = new Training('descend', () => ({ model: { parameters: () => [point] }, loss }), entry, 0);
  const points: SurfacePoint[] = [];
  const values: number[] = [];
  let diverged: NonFiniteError | null = null;
  try {
    for (let step = 0; step <= steps; step++) {
      const here = point.toArray() as unknown as SurfacePoint;
      if (!here.every(Number.isFinite)) throw notFinite('descend', 'point', show(here));
      if (step < steps) training.step(undefined);
      else training.measure(undefined);
      points.push(here);
      values.push(training.loss);
    }
  } catch (error) {
    if (!(error instanceof NonFiniteError) || points.length === 0) throw error;
    diverged = error;
  }
  return { label, points, values, diverged, toString: () => text(label, points, values, diverged) };
}

function text(
  label: string,
  points: readonly SurfacePoint[],
  values: readonly number[],
  diverged: Error | null,
) {
  const [from, to] = [0, -1].map((i) => `${values.at(i)!.toPrecision(3)} at ${showPoint(points.at(i)!)}`);
  const end = diverged ? `, then out: ${diverged.message}` : '';
  const steps = points.length - 1;
  return `${label}: from ${from} to ${to} in ${steps} step${steps === 1 ? '' : 's'}${end}`;
}

const showPoint = (point: SurfacePoint): string => `(${point.map((x) => x.toPrecision(3)).join(', ')})`;
