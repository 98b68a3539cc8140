import * as Plot from '@observablehq/plot';
import type { Curve, Watched, WatchOptions } from '../surfaces.ts';
import { type ChartOptions, chart, logAxis } from './curves.ts';
import { map, STEPS_PER_DOT } from './maps.ts';
import { chartWidth, legendList, markup, page, picture, swatch, table } from './page.ts';
import { percent } from './progress.ts';

type Size = readonly [width: number, height: number];

const sized = ([width, height]: Size) => ({ width, height });

const round = (fill: string, stroke: string, r: number) =>
  `<circle cx="11" cy="6" r="${r}" fill="${fill}" stroke="${stroke}" stroke-width="1.5"></circle>`;

/** The signs on the maps, as large as samples of curves. */
const SIGNS = [
  [round('var(--paper)', 'var(--ink)', 4.5), 'start'],
  [round('var(--ink)', 'none', 2), `${STEPS_PER_DOT} steps more`],
  [round('var(--ink)', 'var(--paper)', 5), 'end'],
  ['<path d="M7,2l8,8m0,-8l-8,8" stroke="var(--ink)" stroke-width="2" fill="none"></path>', 'lowest point'],
] as const;

const ENDS = [SIGNS[0], SIGNS[2]] as const;

const signList = (signs: typeof SIGNS | typeof ENDS) =>
  signs
    .map(([svg, name]) => `<li><svg width="22" height="12" aria-hidden="true">${svg}</svg> ${name}</li>`)
    .join('');

const walkMaps = ({ walks }: Watched, size: Size) =>
  walks.map(({ surface, title, lesson, ways }) =>
    map(surface, ways, { title, subtitle: lesson, ...sized(size) }),
  );

function clippingMaps({ cliff: surface, clipping }: Watched, size: Size): string[] {
  const [unclipped, clipped] = clipping;
  const inside = (value: number, [from, to]: readonly [number, number]) => value >= from && value <= to;
  const thrown = unclipped.points.findIndex(
    ([x, y]) => !inside(x, surface.region.x) || !inside(y, surface.region.y),
  );
  const endOf = (values: readonly number[]) => values.at(-1)!.toPrecision(1);
  return [
    map(surface, [unclipped], {
      title: 'Without clipping',
      subtitle: `step ${thrown} throws it off, to stay at f = ${endOf(unclipped.values)}`,
      ...sized(size),
    }),
    map(surface, [clipped], {
      title: 'With clipNorm 0.1',
      subtitle: `it walks along the foot, and ends at f = ${endOf(clipped.values)}`,
      ...sized(size),
    }),
  ];
}

const curvesOf = (curves: readonly Curve[], key: 'losses' | 'accuracies') =>
  curves.map((curve) => ({ name: markup(curve.name), values: curve[key] }));

const lossChart = (title: string, curves: readonly Curve[], size: Size) =>
  chart(curvesOf(curves, 'losses'), {
    title,
    yLabel: 'cross-entropy, logarithmic',
    y: logAxis(curves.flatMap(({ losses }) => losses)),
    smooth: 1,
    endLabels: true,
    ...sized(size),
  });

/** Charts that cut off what is too high to be of interest. */
const CUT = { smooth: 1, endLabels: false, clip: true } satisfies Partial<ChartOptions>;

function rateCharts({ found, rates }: Watched, size: Size): string[] {
  const { lrs, losses, smoothed, suggestion } = found;
  const range = chart([{ name: 'smoothed', values: smoothed, at: lrs }], {
    title: 'lrFind',
    yLabel: 'loss, while the learning rate grows from batch to batch',
    x: {
      type: 'log',
      domain: [lrs[0]!, 10],
      label: 'learning rate',
      ticks: [1e-7, 1e-5, 1e-3, 0.1, 10],
      tickFormat: (lr: number) => (lr < 1e-3 ? lr.toExponential() : String(lr)),
    },
    y: { domain: [0, 1.3 * losses[0]!], ticks: 6 },
    ...CUT,
    marks: [
      Plot.ruleX([suggestion!], { stroke: 'var(--curve-1)', strokeWidth: 3 }),
      Plot.text([`suggestion: ${suggestion!.toPrecision(2)}`], {
        x: [suggestion!],
        frameAnchor: 'bottom',
        textAnchor: 'end',
        dx: -8,
        dy: -10,
      }),
      Plot.dot(losses, {
        x: (_, k) => lrs[k]!,
        y: (loss: number) => loss,
        r: 1.8,
        fill: 'var(--muted)',
        clip: true,
      }),
    ],
    ...sized(size),
  });
  return [range, lossChart('Training at four learning rates', rates, size)];
}

const raceCharts = ({ raced }: Watched, size: Size) => [
  lossChart('Training loss', raced, size),
  chart(curvesOf(raced, 'accuracies'), {
    title: 'Test accuracy',
    yLabel: 'share of the 359 test images',
    y: { domain: [0.85, 1], tickFormat: (share: number) => `${Math.round(100 * share)} %`, ticks: 4 },
    ...CUT,
    ...sized(size),
  }),
];

/** What the pictures and the page say of each part. */
function texts({ epochs, seed }: WatchOptions) {
  const network = `A network 64 → 32 → 10 on handwritten digits, batches of 32, ${epochs} epochs, seed ${seed}`;
  return {
    surfaces: {
      title: 'Five optimizers on six surfaces',
      text: [
        'All go from the same start, each with a learning rate for the surface. Valleys have the colour of the paper.',
      ],
    },
    clipping: {
      title: 'A cliff, and what clipping does',
      text: [
        'SGD with learning rate 5 on the error of a recurrent network with one unit, from the same start.',
      ],
    },
    rates: {
      title: 'Learning rates',
      text: [`${network}, SGD with momentum 0.9.`],
    },
    race: {
      title: 'A race',
      text: [
        `${network}: same weights, same batches.`,
        'Every optimizer has the learning rate that lrFind suggests for it.',
      ],
    },
  };
}

const withRates = (curves: readonly Curve[]) => curves.map(({ name, lr }) => `${name}, lr ${lr}`);

/** The pictures as SVG files, by their names. */
export function surfacesPictures(watched: Watched, options: WatchOptions): Record<string, string> {
  const three: Size = [chartWidth(3), 290];
  const two: Size = [chartWidth(2), 340];
  const maps = walkMaps(watched, three);
  const { surfaces, clipping, rates, race } = texts(options);
  const draw = (
    part: { readonly title: string; readonly text: readonly string[] },
    chart: Size,
    rows: string[][],
    legend: readonly string[],
    signs: typeof SIGNS | typeof ENDS | [] = [],
  ) => picture({ ...part, description: `${part.title}. ${part.text.join(' ')}`, legend, signs, rows, chart });
  return {
    'surfaces.svg': draw(surfaces, three, [maps.slice(0, 3), maps.slice(3)], watched.walkers, SIGNS),
    'clipping.svg': draw(clipping, two, [clippingMaps(watched, two)], ['sgd'], ENDS),
    'learning-rates.svg': draw(rates, two, [rateCharts(watched, two)], []),
    'race.svg': draw(race, two, [raceCharts(watched, two)], withRates(watched.raced)),
  };
}

/** Everything as one HTML page that needs nothing from elsewhere. */
export function surfacesPage(watched: Watched, options: WatchOptions): string {
  const { surfaces, clipping, rates, race } = texts(options);
  const two: Size = [490, 360];
  const section = (
    { title, text }: { readonly title: string; readonly text: readonly string[] },
    legend: string,
    charts: readonly string[],
    more = '',
    size = '',
  ) => `<h2>${title}</h2>
<p>${text.join(' ')}</p>
<figure>
${legend}
<div class="charts${size}">
${charts.join('\n')}
</div>
</figure>
${more}`;
  const lrs = watched.walkers.map((name, i) => [
    `${swatch(i)} ${name}`,
    ...watched.walks.map(({ rates }) => String(rates[i])),
  ]);
  const results = watched.raced.map(({ name, lr, losses, accuracies }, i) => [
    `${swatch(i)} ${name}`,
    String(lr),
    losses.at(-1)!.toPrecision(2),
    percent(accuracies.at(-1)!),
  ]);
  return page(
    'Watching optimizers',
    [
      section(
        surfaces,
        legendList(watched.walkers, signList(SIGNS)),
        walkMaps(watched, [310, 300]),
        table(['Learning rate', ...watched.walks.map(({ title }) => title)], lrs),
        ' small',
      ),
      section(clipping, legendList(['sgd'], signList(ENDS)), clippingMaps(watched, two)),
      section(rates, '', rateCharts(watched, two)),
      section(
        race,
        legendList(withRates(watched.raced)),
        raceCharts(watched, two),
        table(['Optimizer', 'Learning rate', 'Final loss', 'Test accuracy'], results),
      ),
      '<p>Made by <code>npm start -- surfaces</code>.</p>',
    ].join('\n'),
  );
}
