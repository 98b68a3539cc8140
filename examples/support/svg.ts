import * as Plot from '@observablehq/plot';

/** What an `<svg>` element holds. */
type Drawn = ReturnType<typeof Plot.plot>;

/** The heading of a chart with such margins, and a line below it. */
export const headings = (heading: string, below: string, { left, top }: { left: number; top: number }) => [
  Plot.text([heading], {
    frameAnchor: 'top-left',
    dx: -left,
    dy: 6 - top,
    fontSize: 15,
    fontWeight: 600,
  }),
  Plot.text([below], { frameAnchor: 'top-left', dx: -left, dy: 26 - top, className: 'muted' }),
];

/** A drawing as the text of an `<svg>` element that has its style from the page around it. */
export function svgText(plot: Drawn): string {
  for (const style of plot.querySelectorAll('style')) style.remove();
  plot.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  plot.setAttribute('role', 'img');
  return compact(plot.outerHTML);
}

/** How far from a straight line points may lie, in pixels, and be left out. */
const BEND = 0.2;

/** Paths to a tenth of a pixel, without points in which they do not bend: a third of the text. */
export function compact(svg: string): string {
  return svg.replace(/(?<= d=")M[-+\d.e,MLZ]*/g, (path) =>
    path.replace(/M([^MZ]*)/g, (_, points: string) => {
      const all = points.split('L').map((point) => point.split(',').map(Number) as [number, number]);
      const kept = [0];
      for (let i = 1; i < all.length - 1; i++) {
        const last = kept.at(-1)!;
        const left = all.slice(last + 1, i + 1);
        if (left.some((point) => bend(all[last]!, point, all[i + 1]!) > BEND)) kept.push(i);
      }
      if (all.length > 1) kept.push(all.length - 1);
      return `M${kept.map((i) => all[i]!.map(tenths).join(',')).join('L')}`;
    }),
  );
}

const tenths = (x: number): number => Math.round(10 * x) / 10;

type Point = readonly [x: number, y: number];

/** How far `b` lies from the line from `a` to `c`; infinitely far when the way over `b` turns round. */
function bend([ax, ay]: Point, [bx, by]: Point, [cx, cy]: Point): number {
  const length = Math.hypot(cx - ax, cy - ay);
  const along = (bx - ax) * (cx - ax) + (by - ay) * (cy - ay);
  if (along < 0 || along > length ** 2) return Infinity;
  return length === 0 ? 0 : Math.abs((bx - ax) * (cy - ay) - (by - ay) * (cx - ax)) / length;
}
