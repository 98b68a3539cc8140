import type { IrisOptions, OptimizerRun } from '../iris.ts';
import { type ChartOptions, chart, logAxis } from './curves.ts';
import { CHART_STYLE, colorOf, dashOf } from './palette.ts';
import { percent } from './progress.ts';

const markup = (text: string) => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

/** The two charts: loss and accuracy over epochs. */
function charts(
  runs: readonly OptimizerRun[],
  epochs: number,
  width: number,
  height: number,
): [string, string] {
  const smooth = Math.max(1, Math.round(epochs / 50));
  const averaged = smooth > 1 ? `, mean of ${smooth} epochs` : '';
  const draw = (key: 'losses' | 'accuracies', options: Omit<ChartOptions, 'width' | 'height' | 'smooth'>) => {
    const curves = runs.map((run) => ({ name: markup(run.name), values: run[key] }));
    return chart(curves, { width, height, smooth, ...options });
  };
  const losses = runs.flatMap((run) => run.losses);
  const lowest = Math.min(...runs.flatMap((run) => run.accuracies));
  return [
    draw('losses', {
      title: 'Training loss',
      yLabel: `mean squared error, logarithmic${averaged}`,
      y: logAxis(losses),
      endLabels: true,
    }),
    draw('accuracies', {
      title: 'Test accuracy',
      yLabel: `share of the 30 test flowers${averaged}`,
      y: {
        domain: [Math.floor(5 * lowest) / 5, 1],
        tickFormat: (share: number) => `${Math.round(100 * share)} %`,
        ticks: 6,
      },
      endLabels: false,
    }),
  ];
}

export const countOptimizers = (count: number) => `${count} optimizer${count === 1 ? '' : 's'}`;

const heading = (count: number) => `${countOptimizers(count)} on Fisher’s irises`;

const setup = ({ epochs, lr, seed }: IrisOptions) => [
  `One dense layer 4 → 3 with softmax, mean squared error, batches of 32, learning rate ${lr}, ${epochs} epochs.`,
  `All start from the same weights and see the same batches (seed ${seed}).`,
];

/** A short piece of a curve, to stand before its name. */
const sample = (i: number) =>
  `<path d="M0,6H22" stroke="${colorOf(i)}" stroke-width="3" stroke-dasharray="${dashOf(i)}" fill="none"></path>`;

/** Both charts and a legend as one SVG file. */
export function irisPicture(runs: readonly OptimizerRun[], options: IrisOptions): string {
  const width = 960;
  const margin = 20;
  const [loss, accuracy] = charts(runs, options.epochs, (width - 3 * margin) / 2, 340);
  let x = margin;
  let y = 86;
  const legend = runs.map(({ name }, i) => {
    const room = 46 + 8 * name.length;
    if (x + room > width - margin) {
      x = margin;
      y += 22;
    }
    x += room;
    return `<g transform="translate(${x - room},${y})">${sample(i)}<text x="28" y="10">${markup(name)}</text></g>`;
  });
  const top = y + 30;
  const height = top + 340 + margin / 2;
  const at = (svg: string, left: number) => svg.replace('<svg ', `<svg x="${left}" y="${top}" `);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${heading(runs.length)}: training loss and test accuracy">
<style>${CHART_STYLE}</style>
<rect width="${width}" height="${height}" rx="8" style="fill: var(--paper)"/>
<text x="${margin}" y="30" font-size="18" font-weight="600">${heading(runs.length)}</text>
${setup(options)
  .map((text, i) => `<text x="${margin}" y="${52 + 18 * i}" class="muted">${text}</text>`)
  .join('\n')}
${legend.join('\n')}
${at(loss, margin)}
${at(accuracy, width / 2 + margin / 2)}
</svg>
`;
}

const PAGE_STYLE = `
body { margin: 0 auto; max-width: 64rem; padding: 1.5rem; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0; }
p, figcaption { color: var(--muted); margin: 0.25rem 0 1rem; max-width: 48rem; }
figure { margin: 0; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)); gap: 1rem; }
.charts svg { width: 100%; height: auto; }
ul { display: flex; flex-wrap: wrap; gap: 0.25rem 1.25rem; list-style: none; margin: 0 0 0.75rem; padding: 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 1.5rem 0 0.5rem; }
th, td { border-bottom: 1px solid var(--line); padding: 0.35rem 1rem 0.35rem 0; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
th { color: var(--muted); font-weight: 600; }
code { font-family: ui-monospace, monospace; }
`;

/** The comparison as one HTML page that needs nothing from elsewhere. */
export function irisPage(runs: readonly OptimizerRun[], options: IrisOptions): string {
  const published = runs.some(({ publishedSeconds }) => publishedSeconds !== undefined);
  const swatch = (i: number) => `<svg width="22" height="12" aria-hidden="true">${sample(i)}</svg>`;
  const rows = runs.map((run, i) => {
    const cells = [
      `${swatch(i)} ${markup(run.name)}`,
      run.losses.at(-1)!.toFixed(4),
      percent(run.accuracies.at(-1)!),
      `${run.seconds.toFixed(2)} s`,
      ...(published
        ? [run.publishedSeconds === undefined ? '' : `${run.publishedSeconds.toFixed(2)} s`]
        : []),
    ];
    return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`;
  });
  const columns = [
    'Optimizer',
    'Final loss',
    'Test accuracy',
    'Time here',
    ...(published ? ['Published time'] : []),
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${heading(runs.length)} – gradlet</title>
<style>${CHART_STYLE}${PAGE_STYLE}</style>
</head>
<body>
<main>
<h1>${heading(runs.length)}</h1>
<p>${setup(options).join(' ')}</p>
<figure>
<ul aria-label="Legend">${runs.map(({ name }, i) => `<li>${swatch(i)} ${markup(name)}</li>`).join('')}</ul>
<div class="charts">
${charts(runs, options.epochs, 490, 360).join('\n')}
</div>
<figcaption>Strong lines are means over some epochs, faint ones the single epochs. Thin lines lie over thick ones, so that curves that coincide can all be seen.</figcaption>
</figure>
<div class="scroll">
<table>
<thead><tr>${columns.map((column) => `<th scope="col">${column}</th>`).join('')}</tr></thead>
<tbody>
${rows.join('\n')}
</tbody>
</table>
</div>
${published ? '<p>Published times are of TensorFlow 2 on its author’s machine: they show the order of magnitude, not a race.</p>' : ''}
<p>Made by <code>npm start</code>. Others: <code>npm start -- --optimizers adamw,nadam --epochs 100</code></p>
</main>
</body>
</html>
`;
}
