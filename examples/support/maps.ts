import * as Plot from '@observablehq/plot';
import { type Descent, linspace, noGrad, type Surface } from 'gradlet';
import { parseHTML } from 'linkedom';
import { colorOf, dashOf } from './palette.ts';
import { headings, svgText } from './svg.ts';

export interface MapOptions {
  readonly title: string;
  /** Below the title. */
  readonly subtitle: string;
  readonly width: number;
  readonly height: number;
}

const MARGIN = { left: 36, right: 10, top: 48, bottom: 24 };
/** Points of the grid along each axis. */
const GRID = 128;
/** Shares of the map below each contour line: the lowest heights are the most telling. */
const SHARES = [0.004, 0.015, 0.04, 0.08, 0.14, 0.22, 0.32, 0.44, 0.57, 0.71, 0.86];
/** A dot after so many steps. */
export const STEPS_PER_DOT = 10;

/** Heights at the points of a grid, row by row from the bottom. */
function heights({ f, region }: Surface): number[] {
  const axis = ([from, to]: readonly [number, number]) => linspace(from, to, GRID, { dtype: 'float64' });
  return noGrad(() => f(axis(region.x), axis(region.y).unsqueeze(1)).flatten().toArray()) as number[];
}

/** A map of a surface with the ways that optimizers took, as the text of an `<svg>` element. */
export function map(surface: Surface, ways: readonly Descent[], options: MapOptions): string {
  const { title, subtitle, width, height } = options;
  const { document } = parseHTML('<html><body></body></html>');
  const { x, y } = surface.region;
  const values = heights(surface);
  const sorted = values.toSorted((a, b) => a - b);
  const thresholds = SHARES.map((share) => sorted[Math.floor(share * sorted.length)]!);
  const at = { x: '0', y: '1', clip: true } as const;
  const ends = { ...at, stroke: 'var(--paper)', strokeWidth: 1.5, r: 5 } as const;
  const plot = Plot.plot({
    document,
    width,
    height,
    marginLeft: MARGIN.left,
    marginRight: MARGIN.right,
    marginTop: MARGIN.top,
    marginBottom: MARGIN.bottom,
    className: 'chart',
    ariaLabel: title,
    x: { domain: [...x], ticks: 5, tickSize: 0, label: null },
    y: { domain: [...y], ticks: 5, tickSize: 0, label: null },
    marks: [
      Plot.contour(values, {
        width: GRID,
        height: GRID,
        x1: x[0],
        x2: x[1],
        y1: y[0],
        y2: y[1],
        thresholds,
        fill: 'var(--height)',
        fillOpacity: 0.04,
        stroke: 'var(--height)',
        strokeOpacity: 0.3,
        strokeWidth: 0.6,
      }),
      Plot.frame({ stroke: 'var(--line)' }),
      ...ways.map(({ points }, i) =>
        Plot.line(points, {
          ...at,
          stroke: colorOf(i),
          strokeDasharray: dashOf(i),
          // thin lines over thick ones, so that ways that coincide can all be seen
          strokeWidth: 2.8 - (1.4 * i) / Math.max(1, ways.length - 1),
          className: 'curve',
        }),
      ),
      ...ways.map(({ points }, i) => {
        const some = points.filter((_, step) => step > 0 && step % STEPS_PER_DOT === 0);
        return Plot.dot(some, { ...at, r: 2, fill: colorOf(i) });
      }),
      ...ways.map(({ points }, i) => Plot.dot(points.slice(-1), { ...ends, fill: colorOf(i) })),
      Plot.dot([...surface.minima], { ...at, symbol: 'times', r: 5, stroke: 'var(--ink)', strokeWidth: 2 }),
      Plot.dot([surface.start], {
        ...ends,
        r: 4.5,
        fill: 'var(--paper)',
        stroke: 'var(--ink)',
        strokeWidth: 2,
      }),
      ...headings(title, subtitle, MARGIN),
    ],
  });
  return svgText(plot);
}
