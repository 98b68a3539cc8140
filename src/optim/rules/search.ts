import { builtInOf } from '../define.ts';
import type { SearchPoint } from '../rule.ts';
import { SearchPart } from '../search-part.ts';

const builtIn = builtInOf({ search: SearchPart });

/** Searches that hand over points and get back what the loss is there. */
type Looking<R> = Generator<Float64Array, R, SearchPoint>;

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

const largest = (x: Float64Array): number => x.reduce((most, one) => Math.max(most, Math.abs(one)), 0);

/** a + factor · b, a new vector. */
const plus = (a: Float64Array, factor: number, b: Float64Array): Float64Array =>
  a.map((one, i) => one + factor * b[i]!);

/** Where a line search stands: t along the direction, and what it saw there. */
interface OnLine {
  readonly t: number;
  readonly point: SearchPoint;
  /** g · direction */
  readonly slope: number;
}

/** The minimum of the cubic through two points and their slopes, within bounds. */
function cubicMinimum(a: OnLine, b: OnLine, [low, high]: readonly [number, number]): number {
  const [left, right] = a.t <= b.t ? [a, b] : [b, a];
  const d1 = a.slope + b.slope - (3 * (a.point.loss - b.point.loss)) / (a.t - b.t);
  const square = d1 * d1 - a.slope * b.slope;
  if (!(square >= 0)) return (low + high) / 2;
  const d2 = Math.sqrt(square);
  const share = (right.slope + d2 - d1) / (right.slope - left.slope + 2 * d2);
  return Math.min(Math.max(right.t - (right.t - left.t) * share, low), high);
}

const C1 = 1e-4;
const C2 = 0.9;
const SMALLEST_BRACKET = 1e-9;

/**
 * Looks along a direction for a point that meets the strong Wolfe conditions: the loss falls by C1 of what the slope
 * promised, and the slope to C2 of what it was. Nocedal and Wright, Numerical optimization, 2006, algorithms 3.5 and 3.6.
 */
function* strongWolfe(
  start: SearchPoint,
  direction: Float64Array,
  firstT: number,
  slope: number,
  most: number,
): Looking<{ readonly found: OnLine; readonly looks: number }> {
  const size = largest(direction);
  function* lookAt(t: number): Looking<OnLine> {
    const point = yield plus(start.x, t, direction);
    return { t, point, slope: dot(point.g, direction) };
  }
  const tooHigh = ({ t, point }: OnLine): boolean => point.loss > start.loss + C1 * t * slope;
  const flat = (at: OnLine): boolean => Math.abs(at.slope) <= -C2 * slope;

  const origin: OnLine = { t: 0, point: start, slope };
  let before = origin;
  let now = yield* lookAt(firstT);
  let looks = 0;
  let bracket: readonly [OnLine, OnLine] | null = null;
  for (; looks < most && !bracket; looks++) {
    if (tooHigh(now) || (looks > 1 && now.point.loss >= before.point.loss)) bracket = [before, now];
    else if (flat(now)) return { found: now, looks: looks + 1 };
    else if (now.slope >= 0) bracket = [before, now];
    if (bracket) break;
    const further = [now.t + 0.01 * (now.t - before.t), 10 * now.t] as const;
    const t = cubicMinimum(before, now, further);
    before = now;
    now = yield* lookAt(t);
  }
  let [low, high] = ordered(bracket ?? [origin, now]);
  let crept = false;
  while (looks < most && Math.abs(high.t - low.t) * size >= SMALLEST_BRACKET) {
    const [from, to] = [Math.min(low.t, high.t), Math.max(low.t, high.t)];
    let t = cubicMinimum(low, high, [from, to]);
    // close to an end twice in a row: away from it, so that the bracket shrinks
    const margin = 0.1 * (to - from);
    const close = Math.min(to - t, t - from) < margin;
    if (close && (crept || t >= to || t <= from)) {
      t = Math.abs(t - to) < Math.abs(t - from) ? to - margin : from + margin;
      crept = false;
    } else crept = close;
    const next = yield* lookAt(t);
    looks++;
    if (tooHigh(next) || next.point.loss >= low.point.loss) [low, high] = ordered([low, next]);
    else {
      if (flat(next)) return { found: next, looks: looks + 1 };
      if (next.slope * (high.t - low.t) >= 0) high = low;
      low = next;
    }
  }
  return { found: low, looks: looks + 1 };
}

/** The one with the lower loss first. */
const ordered = ([a, b]: readonly [OnLine, OnLine]): [OnLine, OnLine] =>
  a.point.loss <= b.point.loss ? [a, b] : [b, a];

/** −H g, where the pairs of moves and changes of the gradient make the inverse Hessian H out of scale · I. */
function quasiNewton(
  g: Float64Array,
  s: readonly Float64Array[],
  y: readonly Float64Array[],
  scale: number,
): Float64Array {
  let q: Float64Array = g.map((one) => -one);
  const a = new Map<number, number>();
  for (let i = s.length - 1; i >= 0; i--) {
    a.set(i, dot(s[i]!, q));
    q = plus(q, -a.get(i)!, y[i]!);
  }
  q = q.map((one) => scale * one);
  for (let i = 0; i < s.length; i++) q = plus(q, a.get(i)! - dot(y[i]!, q), s[i]!);
  return q;
}

/**
 * L-BFGS: Newton's method with a Hessian that is guessed from the last moves, for losses that are the same at every look:
 * all data at once, no dropout.
 *
 * $$y_k = g_{k+1} - g_k, \qquad s_k = p_{k+1} - p_k, \qquad d = -H g, \qquad p \leftarrow p + t \, d$$
 *
 * $H$ is the inverse Hessian that the BFGS formula makes of the last `historySize` pairs $(s, y)$, starting from
 * $\frac{y^\top s}{y^\top y} I$. A step takes up to `maxIter` directions, and looks at the loss up to `maxEval` times. With
 * `lineSearch` `'none'`, $t$ = lr; with `'strongWolfe'`, which makes it reliable, $t$ is sought from lr on. The first
 * direction is $-g$, followed $\min(1, 1 / \lVert g \rVert_1) \cdot \mathrm{lr}$ far. It ends early where no element of the
 * gradient is above `toleranceGrad`, or neither a parameter nor the loss changes by more than `toleranceChange`.
 *
 * `step` wants a closure that returns the loss. All parameters make one vector; those without a gradient, and frozen ones,
 * stay, and where others take part than before, the search begins anew. `weightDecay` and `l1` become a part of the loss
 * (coupled, not proximal), and only they may differ from group to group. There is no clipping, which would hide the
 * curvature. If the closure throws, the parameters are what they were before the step.
 *
 * Defaults: lr 1, maxIter 20, maxEval 0 (5/4 of maxIter), toleranceGrad 1e-7, toleranceChange 1e-9, historySize 100,
 * lineSearch none.
 *
 * @paper Liu and Nocedal, On the limited memory BFGS method for large scale optimization, 1989, https://doi.org/10.1007/BF01589116
 * @differs PyTorch knows no weight decay here, takes one group only, moves parameters without a gradient along old directions, and keeps the numbers of its search in the parameters' dtype; here they are doubles.
 * @differs optax keeps 10 pairs, takes one direction per update, starts from $\min(1, 1 / \lVert g \rVert_2) I$, stores pairs of any sign, and has a line search of its own.
 * @differs Keras has no L-BFGS.
 * @example
 * ```ts
 * import { LBFGS, surfaces, tensor } from 'gradlet';
 * const x = tensor(-1.2, { dtype: 'float64', requiresGrad: true });
 * const y = tensor(1, { dtype: 'float64', requiresGrad: true });
 * const optimizer = new LBFGS([x, y], { maxIter: 100, lineSearch: 'strongWolfe' });
 * optimizer.step(() => {
 *   optimizer.zeroGrad();
 *   const loss = surfaces.rosenbrock.f(x, y);
 *   loss.backward();
 *   return loss;
 * });
 * [x.item(), y.item()].map((at) => at.toFixed(3)); // → ["1.000","1.000"]
 * ```
 */
export const LBFGS = builtIn({
  name: 'lbfgs',
  paper: 'https://doi.org/10.1007/BF01589116',
  defaults: {
    lr: 1,
    maxIter: 20,
    maxEval: 0,
    toleranceGrad: 1e-7,
    toleranceChange: 1e-9,
    historySize: 100,
    lineSearch: 'none',
  },
  // s and y are divided by √(yᵀs)
  initial: { scale: 1, move: [], gradient: [], s: [], y: [] },
  vectors: ({ historySize }) => ({ s: historySize, y: historySize }),
  *search(from, memory, options, along) {
    const { lr, maxIter, toleranceGrad, toleranceChange, historySize, lineSearch } = options;
    const mostLooks = options.maxEval || Math.floor((maxIter * 5) / 4);
    let { scale, move, gradient, s, y } = memory;
    let point = from;
    let looks = 1;
    if (largest(point.g) <= toleranceGrad) return { x: point.x, memory };
    for (let n = 1; ; n++) {
      const isFirst = move.length === 0;
      if (!isFirst) {
        const change = plus(point.g, -1, gradient[0]!);
        const curvature = dot(change, move[0]!);
        if (curvature > 1e-10) {
          const unit = 1 / Math.sqrt(curvature);
          s = [...s, move[0]!.map((x) => unit * x)].slice(-historySize);
          y = [...y, change.map((x) => unit * x)].slice(-historySize);
          scale = curvature / dot(change, change);
        }
      }
      const direction = quasiNewton(point.g, s, y, scale);
      const slope = dot(point.g, direction);
      let t = isFirst ? Math.min(1, 1 / point.g.reduce((sum, x) => sum + Math.abs(x), 0)) * lr : lr;
      gradient = [point.g];
      const { loss } = point;
      let { x } = point;
      if (slope <= -toleranceChange) {
        along(point, direction);
        if (lineSearch === 'strongWolfe') {
          const { found, ...line } = yield* strongWolfe(point, direction, t, slope, mostLooks - looks);
          ({ t, point } = found);
          ({ x } = point);
          looks += line.looks;
        } else {
          x = plus(x, t, direction);
          if (n < maxIter) {
            point = yield x;
            looks++;
          }
        }
      }
      move = [direction.map((one) => t * one)];
      if (
        slope > -toleranceChange ||
        n === maxIter ||
        looks >= mostLooks ||
        largest(point.g) <= toleranceGrad ||
        largest(move[0]!) <= toleranceChange ||
        Math.abs(point.loss - loss) < toleranceChange
      ) {
        return { x, memory: { scale, move, gradient, s, y } };
      }
    }
  },
  formula: {
    s: 'move',
    y: 'g - gradient',
    direction: '-(H(s, y) * g)',
    gradient: 'g',
    move: 'length * direction',
    p: 'p + move',
  },
});
