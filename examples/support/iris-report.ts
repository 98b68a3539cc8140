import type { IrisOptions, OptimizerRun } from '../iris.ts';
import { type ChartOptions, chart, logAxis } from './curves.ts';
import { chartWidth, legendList, markup, page, picture, swatch, table } from './page.ts';
import { percent } from './progress.ts';

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

/** Both charts and a legend as one SVG file. */
export function irisPicture(runs: readonly OptimizerRun[], options: IrisOptions): string {
  const size = [chartWidth(2), 340] as const;
  return picture({
    title: heading(runs.length),
    description: `${heading(runs.length)}: training loss and test accuracy`,
    text: setup(options),
    legend: runs.map(({ name }) => name),
    rows: [charts(runs, options.epochs, ...size)],
    chart: size,
  });
}

/** The comparison as one HTML page that needs nothing from elsewhere. */
export function irisPage(runs: readonly OptimizerRun[], options: IrisOptions): string {
  const published = runs.some(({ publishedSeconds }) => publishedSeconds !== undefined);
  const rows = runs.map((run, i) => [
    `${swatch(i)} ${markup(run.name)}`,
    run.losses.at(-1)!.toFixed(4),
    percent(run.accuracies.at(-1)!),
    `${run.seconds.toFixed(2)} s`,
    ...(published ? [run.publishedSeconds === undefined ? '' : `${run.publishedSeconds.toFixed(2)} s`] : []),
  ]);
  const columns = [
    'Optimizer',
    'Final loss',
    'Test accuracy',
    'Time here',
    ...(published ? ['Published time'] : []),
  ];
  return page(
    heading(runs.length),
    `<p>${setup(options).join(' ')}</p>
<figure>
${legendList(runs.map(({ name }) => name))}
<div class="charts">
${charts(runs, options.epochs, 490, 360).join('\n')}
</div>
<figcaption>Strong lines are means over some epochs, faint ones the single epochs. Thin lines lie over thick ones, so that curves that coincide can all be seen.</figcaption>
</figure>
${table(columns, rows)}
${published ? '<p>Published times are of TensorFlow 2 on its author’s machine: they show the order of magnitude, not a race.</p>' : ''}
<p>Made by <code>npm start</code>. Others: <code>npm start -- --optimizers adamw,nadam --epochs 100</code></p>`,
  );
}
