import { CHART_STYLE, colorOf, dashOf } from './palette.ts';

/** Text as it may stand in HTML and SVG. */
export const markup = (text: string) => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

/** A short piece of a curve, to stand before its name. */
export const sample = (i: number) =>
  `<path d="M0,6H22" stroke="${colorOf(i)}" stroke-width="3" stroke-dasharray="${dashOf(i)}" fill="none"></path>`;

/** The same as an image in a line of text. */
export const swatch = (i: number) => `<svg width="22" height="12" aria-hidden="true">${sample(i)}</svg>`;

/** What each curve is called, for a page; `after` is HTML that follows. */
export const legendList = (names: readonly string[], after = '') =>
  `<ul aria-label="Legend">${names.map((name, i) => `<li>${swatch(i)} ${markup(name)}</li>`).join('')}${after}</ul>`;

/** A table for a page, of cells that are HTML. */
export const table = (
  columns: readonly string[],
  rows: readonly (readonly string[])[],
) => `<div class="scroll">
<table>
<thead><tr>${columns.map((column) => `<th scope="col">${column}</th>`).join('')}</tr></thead>
<tbody>
${rows.map((cells) => `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`).join('\n')}
</tbody>
</table>
</div>`;

const PAGE_STYLE = `
body { margin: 0 auto; max-width: 64rem; padding: 1.5rem; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 0; }
p, figcaption { color: var(--muted); margin: 0.25rem 0 1rem; max-width: 48rem; }
figure { margin: 0; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)); gap: 1rem; }
.charts.small { grid-template-columns: repeat(auto-fit, minmax(min(18rem, 100%), 1fr)); }
.charts svg { width: 100%; height: auto; }
ul { display: flex; flex-wrap: wrap; gap: 0.25rem 1.25rem; list-style: none; margin: 0 0 0.75rem; padding: 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 1.5rem 0 0.5rem; }
th, td { border-bottom: 1px solid var(--line); padding: 0.35rem 1rem 0.35rem 0; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
th { color: var(--muted); font-weight: 600; }
code { font-family: ui-monospace, monospace; }
`;

/** An HTML page that needs nothing from elsewhere. */
export const page = (title: string, body: string) => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} – gradlet</title>
<style>${CHART_STYLE}${PAGE_STYLE}</style>
</head>
<body>
<main>
<h1>${title}</h1>
${body}
</main>
</body>
</html>
`;

const MARGIN = 20;

export interface PictureOptions {
  readonly title: string;
  /** What a screen reader says of it. */
  readonly description: string;
  /** Lines below the title. */
  readonly text: readonly string[];
  /** Names of curves. */
  readonly legend: readonly string[];
  /** Further entries of the legend: SVG of 22 × 12 pixels, and a name. */
  readonly signs?: readonly (readonly [svg: string, name: string])[];
  /** Rows of charts, each chart the text of an `<svg>` element. */
  readonly rows: readonly (readonly string[])[];
  /** Width and height of a chart. */
  readonly chart: readonly [width: number, height: number];
}

/** How wide each of so many charts in a row is, on a picture of 960 pixels. */
export const chartWidth = (count: number) => (WIDTH - (count + 1) * MARGIN) / count;

const WIDTH = 960;

/** Charts with a title and a legend as one SVG file. */
export function picture({
  title,
  description,
  text,
  legend,
  signs = [],
  rows,
  chart,
}: PictureOptions): string {
  const [width, height] = chart;
  let x = MARGIN;
  let y = 50 + 18 * text.length;
  const entries = [...legend.map((name, i) => [sample(i), name] as const), ...signs].map(([svg, name]) => {
    const room = 54 + 6.5 * name.length;
    if (x + room > WIDTH - MARGIN) {
      x = MARGIN;
      y += 22;
    }
    x += room;
    return `<g transform="translate(${x - room},${y})">${svg}<text x="28" y="10">${markup(name)}</text></g>`;
  });
  const top = entries.length > 0 ? y + 30 : y + 8;
  const bottom = top + rows.length * (height + MARGIN) - MARGIN / 2;
  const placed = rows.flatMap((charts, row) =>
    charts.map((svg, column) =>
      svg.replace(
        '<svg ',
        `<svg x="${MARGIN + column * (width + MARGIN)}" y="${top + row * (height + MARGIN)}" `,
      ),
    ),
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${bottom}" width="${WIDTH}" height="${bottom}" role="img" aria-label="${description}">
<style>${CHART_STYLE}</style>
<rect width="${WIDTH}" height="${bottom}" rx="8" style="fill: var(--paper)"/>
<text x="${MARGIN}" y="30" font-size="18" font-weight="600">${title}</text>
${text.map((line, i) => `<text x="${MARGIN}" y="${52 + 18 * i}" class="muted">${line}</text>`).join('\n')}
${entries.join('\n')}
${placed.join('\n')}
</svg>
`;
}
