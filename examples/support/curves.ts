import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { colorOf, dashOf } from './palette.ts';
import { headings, svgText } from './svg.ts';

/** One line of a chart: a name and a value per epoch, or per place in `at`. */
export interface Curve {
  readonly name: string;
  readonly values: readonly number[];
  readonly at?: readonly number[];
}

export interface ChartOptions {
  readonly title: string;
  /** What stands on the vertical axis. */
  readonly yLabel: string;
  readonly y: Plot.ScaleOptions;
  /** What is not epochs on the horizontal axis. */
  readonly x?: Plot.ScaleOptions;
  readonly width: number;
  readonly height: number;
  /** Draws the mean of this many epochs, and the single values faintly behind it. */
  readonly smooth: number;
  /** Writes each curve's name at its end. */
  readonly endLabels: boolean;
  /** What lies below the curves. */
  readonly marks?: readonly Plot.Markish[];
  /** Cuts off what lies outside the axes. */
  readonly clip?: boolean;
}

const LEFT = 46;
const TOP = 54;
const BOTTOM = 40;
const LABEL_GAP = 15;

/** A line chart over epochs as the text of an `<svg>` element; colours come from the CSS variables of palette.ts. */
export function chart(curves: readonly Curve[], options: ChartOptions): string {
  const { title, yLabel, y, x, width, height, smooth, endLabels, marks = [], clip = false } = options;
  const { document } = parseHTML('<html><body></body></html>');
  const right = endLabels ? 24 + 8 * Math.max(...curves.map(({ name }) => name.length)) : 16;
  const means = curves.map(({ values }) => runningMean(values, smooth));
  const plot = Plot.plot({
    document,
    width,
    height,
    marginLeft: LEFT,
    marginRight: right,
    marginTop: TOP,
    marginBottom: BOTTOM,
    className: 'chart',
    ariaLabel: title,
    x: {
      label: 'epoch',
      labelAnchor: 'center',
      labelArrow: 'none',
      domain: [1, Math.max(2, ...means.map((values) => values.length))],
      ticks: 6,
      ...x,
    },
    y: { label: null, grid: true, tickSize: 0, ...y },
    marks: [
      ...marks,
      ...(smooth > 1
        ? curves.map((curve, i) => line(curve, i, { clip, strokeWidth: 1, className: 'faint' }))
        : []),
      ...means.map((values, i) =>
        line({ ...curves[i]!, values }, i, {
          clip,
          // thin lines over thick ones, so that curves that coincide can all be seen
          strokeWidth: means.length > 1 ? 3.4 - (1.8 * i) / (means.length - 1) : 2,
          strokeDasharray: dashOf(i),
          className: 'curve',
        }),
      ),
      ...headings(title, yLabel, { left: LEFT, top: TOP }),
    ],
  });
  if (endLabels) {
    const toPixel = plot.scale('y')!.apply;
    const ends = means.map((values) => {
      const end = toPixel(values.at(-1)!) as number;
      return Number.isFinite(end) ? end : TOP;
    });
    for (const [i, top] of spread(ends, LABEL_GAP, TOP, height - BOTTOM).entries()) {
      plot.insertAdjacentHTML('beforeend', endLabel(curves[i]!.name, i, width - right, ends[i]!, top));
    }
  }
  return svgText(plot);
}

const line = ({ values, at }: Curve, i: number, style: Plot.LineOptions) =>
  Plot.line(values, {
    x: (_, k) => at?.[k] ?? k + 1,
    y: (value: number) => value,
    stroke: colorOf(i),
    ...style,
  });

/** The name of a curve right of its end, joined to it by a fine line. */
function endLabel(name: string, i: number, x: number, from: number, to: number): string {
  const path = `M${x + 2},${from.toFixed(1)}L${x + 12},${to.toFixed(1)}`;
  return `<path d="${path}" stroke="${colorOf(i)}" stroke-width="1.5" fill="none"></path><text
    x="${x + 16}" y="${to.toFixed(1)}" dy="0.32em" text-anchor="start" font-size="12">${name}</text>`;
}

/** At each place the mean of this value and those before it, `window` together or as many as there are. */
export function runningMean(values: readonly number[], window: number): number[] {
  return values.map((_, i) => {
    const last = values.slice(Math.max(0, i + 1 - window), i + 1);
    return last.reduce((a, b) => a + b, 0) / last.length;
  });
}

/** Moves positions apart to at least `gap` (less where there is no room), as little as possible, inside `from … to`. */
export function spread(positions: readonly number[], gap: number, from: number, to: number): number[] {
  const room = Math.min(gap, (to - from) / Math.max(1, positions.length - 1));
  const order = positions.map((_, i) => i).sort((a, b) => positions[a]! - positions[b]! || a - b);
  // groups of labels that touch, each centred on the mean of what it labels
  const groups: { members: number[]; center: number }[] = [];
  const reach = ({ members }: { members: number[] }) => ((members.length - 1) * room) / 2;
  for (const i of order) {
    groups.push({ members: [i], center: positions[i]! });
    for (;;) {
      const last = groups.at(-1)!;
      last.center = Math.min(to - reach(last), Math.max(from + reach(last), last.center));
      const before = groups.at(-2);
      if (!before || last.center - reach(last) - before.center - reach(before) >= room - 1e-9) break;
      const members = [...before.members, ...last.members];
      const center = members.reduce((sum, m) => sum + positions[m]!, 0) / members.length;
      groups.splice(-2, 2, { members, center });
    }
  }
  const moved = [...positions];
  for (const { members, center } of groups) {
    for (const [k, m] of members.entries()) moved[m] = center + (k - (members.length - 1) / 2) * room;
  }
  return moved;
}

/** A logarithmic axis over what can stand on it, with ticks at powers of ten and, where there is room, 2 and 5 times them. */
export function logAxis(values: readonly number[]): Plot.ScaleOptions {
  const shown = values.filter((value) => value > 0 && value < Infinity);
  const low = shown.length ? Math.min(...shown) : 1;
  const high = Math.max(low, ...shown);
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
    for (const digit of high / low > 1000 ? [1] : [1, 2, 5]) ticks.push(Number(`${digit}e${power}`));
  }
  const inside = ticks.filter((tick) => tick >= low && tick <= high);
  return { type: 'log', domain: [low, high], ticks: inside, tickFormat: String };
}
