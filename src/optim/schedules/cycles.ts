import { show, ValueError } from '../../core/errors.ts';
import { checkValue, domainOf } from '../hyperparameters.ts';
import { checkReturned, functionDomain, nonNegative, readOptions, wholeFrom1 } from './options.ts';
import { halfCosine, mix, type Schedule } from './schedule.ts';

const positive = domainOf('(0, ∞)', 1);

/** Options of {@link oneCycle}. */
export interface OneCycleOptions {
  /** The value in between, in [0, ∞). Default: the base. */
  readonly peak?: number;
  /** The value at step 0, in [0, ∞). Default `peak / divFactor`. */
  readonly start?: number;
  /** The value at the last step, in [0, ∞). Default `start / finalDivFactor`. */
  readonly end?: number;
  /** In (0, ∞). Default 25. */
  readonly divFactor?: number;
  /** In (0, ∞). Default 1e4. */
  readonly finalDivFactor?: number;
  /** The share of steps from `start` to `peak`, in [0, 1], and in [0, 0.5] for three phases. Default 0.3. */
  readonly pctStart?: number;
  /** The shape of each phase: half a cosine or a straight line. Default `'cosine'`. */
  readonly anneal?: 'cosine' | 'linear';
  /** Whether to go from `peak` back to `start`, in as many steps, before going to `end`. Default false. */
  readonly threePhase?: boolean;
}

/**
 * One large swing: from `start` to `peak` and on to `end`, far below. PyTorch's `OneCycleLR`, with the base as `max_lr`.
 *
 * A phase goes from $a$ to $b$ along half a cosine, or a straight line, where $x$ is the share of it that lies behind:
 *
 * $$b + \frac{1}{2} (a - b) (1 + \cos \pi x) \quad \text{or} \quad a + (b - a) x$$
 *
 * The first ends at step $p = \mathrm{pctStart} \cdot \mathrm{totalSteps} - 1$, be it whole or not, the last at
 * `totalSteps − 1`, and with `threePhase` the way back to `start` at $2p$. When the training goes on, the value stays the
 * last one, where PyTorch raises an error.
 *
 * The same with `start` and `end` above `peak` gives the momentum that PyTorch cycles along, low while the learning rate is
 * high.
 *
 * @param totalSteps - how many steps the training takes, a whole number ≥ 1
 * @throws {@link ValueError} for `totalSteps` or an option that is unknown or out of its range
 * @paper Smith and Topin, Super-convergence: Very fast training of neural networks using large learning rates, 2018, https://arxiv.org/abs/1708.07120
 * @example
 * ```ts
 * import { schedules } from 'gradlet';
 * const lr = schedules.oneCycle(8, { pctStart: 0.5 });
 * schedules.preview(lr, 9).map((x) => Number(x.toFixed(2))); // → [0.04,0.28,0.76,1,0.85,0.5,0.15,0,0]
 * const momentum = schedules.oneCycle(8, { start: 0.95, peak: 0.85, end: 0.95, pctStart: 0.5 });
 * [momentum(0, 0.9), momentum(3, 0.9), momentum(7, 0.9)]; // → [0.95,0.85,0.95]
 * ```
 */
export function oneCycle(totalSteps: number, options: OneCycleOptions = {}): Schedule {
  const where = 'schedules.oneCycle';
  checkValue(where, 'totalSteps', totalSteps, wholeFrom1);
  const read = readOptions(where, options, {
    peak: [nonNegative, undefined],
    start: [nonNegative, undefined],
    end: [nonNegative, undefined],
    divFactor: [positive, 25],
    finalDivFactor: [positive, 1e4],
    pctStart: [domainOf('[0, 1]', 0), 0.3],
    anneal: [domainOf('cosine | linear', ''), 'cosine'],
    threePhase: [domainOf('false | true', false), false],
  });
  const { pctStart, threePhase } = read;
  if (threePhase && pctStart > 0.5)
    throw new ValueError(where, 'pctStart must be in [0, 0.5] for three phases', show(pctStart));
  const rise = pctStart * totalSteps - 1;
  const ends = threePhase ? [rise, 2 * rise, totalSteps - 1] : [rise, totalSteps - 1];
  const remaining = read.anneal === 'cosine' ? halfCosine : (x: number) => 1 - x;
  return (t, base) => {
    const { peak = base, start = peak / read.divFactor, end = start / read.finalDivFactor } = read;
    const levels = threePhase ? [start, peak, start, end] : [start, peak, end];
    const at = Math.min(t, totalSteps - 1);
    const phase = ends.findIndex((last) => at <= last);
    const from = phase === 0 ? 0 : ends[phase - 1]!;
    const length = ends[phase]! - from;
    return mix(levels[phase + 1]!, levels[phase]!, length > 0 ? remaining((at - from) / length) : 0);
  };
}

/** Options of {@link cyclic}. */
export interface CyclicOptions {
  /** The value at the top of the first cycle, in [0, ∞); below the base it is the bottom. */
  readonly max: number;
  /** Steps from the base to `max`, a whole number ≥ 1. Default 2000. */
  readonly stepSizeUp?: number;
  /** Steps from `max` back to the base, a whole number ≥ 1. Default `stepSizeUp`. */
  readonly stepSizeDown?: number;
  /**
   * The height of a cycle: always the same, half as high each time, or shrinking by `gamma` at every step. Default
   * `'triangular'`.
   */
  readonly mode?: 'triangular' | 'triangular2' | 'expRange';
  /** What `'expRange'` shrinks by at every step, in [0, ∞). Default 1. */
  readonly gamma?: number;
  /** The height as a function of your own, in place of `mode`; 1 reaches `max`. */
  readonly scale?: (x: number) => number;
  /** What `scale` is given: the number of the cycle, from 1 on, or the step, from 0 on. Default `'cycle'`. */
  readonly scaleMode?: 'cycle' | 'iterations';
}

/**
 * To and fro in straight lines between the base and `max`: PyTorch's `CyclicLR`, with the base as `base_lr`.
 *
 * $$\eta_t = \mathrm{base} + (\mathrm{max} - \mathrm{base}) \cdot \mathrm{height}_t \cdot \mathrm{scale}_t$$
 *
 * The height runs from 0 to 1 in `stepSizeUp` steps and back in `stepSizeDown`. The scale is 1, $2^{1 - \mathrm{cycle}}$ or
 * $\gamma^t$, as `mode` says. With `max` below the base it gives the momentum that PyTorch cycles inversely.
 *
 * @throws {@link ValueError} for an option that is unknown, out of its range, or of no effect beside the others, and at the
 * step where `scale` returns no number
 * @paper Smith, Cyclical learning rates for training neural networks, 2017, https://arxiv.org/abs/1506.01186
 * @example
 * ```ts
 * import { schedules } from 'gradlet';
 * const triangles = schedules.cyclic({ max: 9, stepSizeUp: 2, mode: 'triangular2' });
 * schedules.preview(triangles, 9, { base: 1 }); // → [1,5,9,5,1,3,5,3,1]
 * ```
 */
export function cyclic(options: CyclicOptions): Schedule {
  const where = 'schedules.cyclic';
  const read = readOptions(where, options, {
    max: [nonNegative],
    stepSizeUp: [wholeFrom1, 2000],
    stepSizeDown: [wholeFrom1, undefined],
    mode: [domainOf('triangular | triangular2 | expRange', ''), undefined],
    gamma: [nonNegative, undefined],
    scale: [functionDomain, undefined],
    scaleMode: [domainOf('cycle | iterations', ''), undefined],
  });
  checkTogether(where, read);
  const { max, stepSizeUp, stepSizeDown = stepSizeUp } = read;
  const size = stepSizeUp + stepSizeDown;
  const scale = scaleOf(where, read);
  return (t, base) => {
    const at = t % size;
    const height = at <= stepSizeUp ? at / stepSizeUp : (size - at) / stepSizeDown;
    return mix(base, max, height * scale(t, 1 + Math.floor(t / size)));
  };
}

/** Throws where PyTorch would not look at an option that was given. */
function checkTogether(where: string, { mode, gamma, scale, scaleMode }: Partial<CyclicOptions>): void {
  if (mode && scale)
    throw new ValueError(where, 'mode and scale must not both be given', 'both', 'Leave one out.');
  if (gamma !== undefined && mode !== 'expRange')
    throw new ValueError(where, 'gamma must come with mode "expRange"', `mode ${show(mode)}`);
  if (scaleMode && !scale) throw new ValueError(where, 'scaleMode must come with scale', 'scaleMode alone');
}

function scaleOf(
  where: string,
  { mode, gamma = 1, scale, scaleMode }: Partial<CyclicOptions>,
): (t: number, cycle: number) => number {
  if (scale) {
    return (t, cycle) => checkReturned(where, 'scale', scale(scaleMode === 'iterations' ? t : cycle), t);
  }
  if (mode === 'expRange') return (t) => gamma ** t;
  return mode === 'triangular2' ? (_, cycle) => 2 ** (1 - cycle) : () => 1;
}
