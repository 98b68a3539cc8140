// Results as tables and pictures.
import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { chart, logAxis } from '../examples/support/curves.ts';
import { chartWidth, markup, picture } from '../examples/support/page.ts';
import { colorOf } from '../examples/support/palette.ts';
import { textTable } from '../examples/support/progress.ts';
import { svgText } from '../examples/support/svg.ts';
import { PYTORCH } from './engines.ts';

/** What an engine reached. */
export interface Reached {
  /** Median over rounds, in the workload's unit. */
  readonly figure: number;
  /** It computes something else: a figure for orientation, which is compared with no other. */
  readonly differs?: boolean;
  /** How many times as fast as gradlet, and as PyTorch in one thread: medians of what each round says. */
  readonly ofGradlet?: number;
  readonly ofPytorch?: number;
}

export interface Result {
  readonly group: string;
  readonly unit: string;
  readonly engines: Readonly<Record<string, Reached>>;
  /** Engines that cannot do it, and why. */
  readonly without: Readonly<Record<string, string>>;
}

export interface Results {
  readonly node: string;
  readonly processor: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly workloads: Readonly<Record<string, Result>>;
}

const SUPERSCRIPTS = '⁰¹²³⁴⁵⁶⁷⁸⁹';

/** Three digits, or all of those before the point. */
export function digits(x: number): string {
  if (x !== 0 && Math.abs(x) < 1e-3) {
    const power = Math.floor(Math.log10(Math.abs(x)));
    return `${(x / 10 ** power).toFixed(1)} · 10⁻${[...String(-power)].map((d) => SUPERSCRIPTS[+d]).join('')}`;
  }
  return x >= 100 ? String(Math.round(x)) : String(Number(x.toPrecision(3)));
}

const times = (ratio: number | undefined): string => (ratio === undefined ? '' : `${digits(ratio)}×`);

/** For the terminal. */
export function printed({ unit, engines, without }: Result): string {
  const rows = Object.entries(engines).map(([engine, { figure, differs, ofGradlet, ofPytorch }]) => [
    engine,
    `${differs ? '≠ ' : ''}${digits(figure)} ${unit}`,
    times(ofGradlet),
    times(ofPytorch),
  ]);
  const table = textTable(['engine', 'median', 'speed of gradlet’s', 'of PyTorch’s'], rows);
  const left = Object.entries(without).map(([engine, why]) => `  ${engine}: ${why}`);
  return [table.trimEnd(), ...left].join('\n');
}

function grouped(results: Results): Map<string, [name: string, result: Result][]> {
  const groups = new Map<string, [string, Result][]>();
  for (const entry of Object.entries(results.workloads)) {
    const { group } = entry[1];
    groups.set(group, [...(groups.get(group) ?? []), entry]);
  }
  return groups;
}

/** What an engine has in any workload of a group. */
const enginesOf = (entries: readonly [string, Result][]): string[] => [
  ...new Set(entries.flatMap(([, { engines }]) => Object.keys(engines))),
];

/** For a page: a table for each group, a row for each workload. */
export function written(results: Results): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  // of scaling there is a picture
  const groups = [...grouped(results)].filter(([group]) => !group.startsWith('Time of'));
  const tables = groups.map(([group, entries]) => {
    const engines = enginesOf(entries);
    const rows = entries.map(([name, { unit, engines: reached }]) => {
      const cells = engines.map((engine) => {
        const { figure, differs, ofPytorch } = reached[engine] ?? {};
        if (figure === undefined) return '–';
        const ratio = ofPytorch === undefined || engine === PYTORCH ? '' : ` (${times(ofPytorch)})`;
        return `${differs ? '≠ ' : ''}${digits(figure)}${ratio}`;
      });
      return line([name, unit, ...cells]);
    });
    const head = [line(['workload', 'unit', ...engines]), line(['---', '---', ...engines.map(() => '---:')])];
    return [`### ${group}`, '', ...head, ...rows].join('\n');
  });
  const versions = Object.entries(results.versions).map(([engine, version]) => `${engine} ${version}`.trim());
  return [
    `## Node ${results.node.split('.')[0]}`,
    `Node ${results.node}, ${results.processor}; ${versions.join('; ')}.`,
    ...tables,
  ].join('\n\n');
}

/** Bars to how many times as fast as `base` each engine is, to the left where it is slower; by name of file. */
export function pictures(results: Results): Record<string, string> {
  const files: Record<string, string> = {};
  for (const [group, entries] of grouped(results)) {
    // scaling has a picture of its own, and sizes are no speeds
    if (group.startsWith('Time of') || entries[0]![1].unit === 'kB') continue;
    const engines = enginesOf(entries);
    const base = engines.includes(PYTORCH) ? PYTORCH : 'gradlet';
    const key = base === PYTORCH ? 'ofPytorch' : 'ofGradlet';
    const bars = entries.flatMap(([name, { engines: reached }]) =>
      engines.flatMap((engine) => {
        const ratio = reached[engine]?.[key];
        return ratio === undefined || engine === base ? [] : [{ name, engine, ratio }];
      }),
    );
    if (bars.length === 0) continue;
    const rows = engines.filter((wanted) => bars.some(({ engine }) => engine === wanted));
    const [width, height] = [chartWidth(1), 40 + entries.length * (rows.length * 14 + 12)];
    const left = 260;
    const ratios = [1, ...bars.map(({ ratio }) => ratio)];
    const plot = Plot.plot({
      document: parseHTML('<html><body></body></html>').document,
      width,
      height,
      marginLeft: left,
      marginTop: 8,
      marginRight: 50,
      marginBottom: 40,
      className: 'chart',
      ariaLabel: group,
      x: { ...logAxis([Math.min(...ratios) / 1.5, Math.max(...ratios) * 1.5]), label: null, grid: true },
      y: { domain: rows, label: null, tickSize: 0 },
      fy: { domain: entries.map(([name]) => name), label: null, axis: null },
      marks: [
        Plot.barX(bars, {
          fy: 'name',
          y: 'engine',
          x1: 1,
          x2: 'ratio',
          fill: (bar: { engine: string }) => colorOf(rows.indexOf(bar.engine)),
          insetTop: 1,
          insetBottom: 1,
        }),
        Plot.text(bars, {
          fy: 'name',
          y: 'engine',
          x: (bar: { ratio: number }) => Math.max(1, bar.ratio),
          text: (bar: { ratio: number }) => times(bar.ratio),
          textAnchor: 'start',
          dx: 4,
          fontSize: 10,
        }),
        Plot.ruleX([1]),
        Plot.text(
          entries.map(([name]) => ({ name })),
          { fy: 'name', text: 'name', frameAnchor: 'left', dx: -left, fontWeight: 600 },
        ),
      ],
    });
    files[`bench-${/\w+/.exec(group)![0].toLowerCase()}.svg`] = picture({
      title: markup(group),
      description: `${markup(group)}: speed of each engine, relative to ${base}`,
      text: [
        `How many times as fast as ${base}, on a logarithmic axis. Node ${results.node}, ${results.processor}`,
      ],
      legend: [],
      rows: [[svgText(plot)]],
      chart: [width, height],
    });
  }
  return { ...files, ...scalingPicture(results) };
}

/** Milliseconds of a training step against batch size, width and depth, all on logarithmic axes. */
function scalingPicture(results: Results): Record<string, string> {
  const groups = [...grouped(results)].filter(([group]) => group.startsWith('Time of'));
  if (groups.length === 0) return {};
  const engines = [...new Set(groups.flatMap(([, entries]) => enginesOf(entries)))];
  const [width, height] = [chartWidth(3), 300];
  const charts = groups.map(([group, entries]) => {
    const at = entries.map(([name]) => Number(name.split('/')[1]));
    const curves = engines.map((name) => {
      const known = entries.flatMap(([, { engines: reached }], i) =>
        reached[name] ? [[at[i]!, reached[name].figure] as const] : [],
      );
      return { name, at: known.map(([x]) => x), values: known.map(([, ms]) => ms) };
    });
    const of = group.replace('Time of a training step against ', '');
    return chart(curves, {
      title: group.replace('Time of a training step a', 'A'),
      yLabel: 'ms per training step',
      y: logAxis(curves.flatMap(({ values }) => values)),
      x: { ...logAxis(at), ticks: at.filter((_, i) => i % 2 === 0), label: of },
      width,
      height,
      smooth: 1,
      endLabels: false,
    });
  });
  return {
    'bench-scaling.svg': picture({
      title: 'Cost grows as the work grows',
      description: 'Time of a training step against batch size, width and depth',
      text: [
        'Multi-layer perceptrons with ReLU, cross-entropy and Adam; batch 64, width 128 and depth 4 where they do not vary.',
        `Both axes are logarithmic. Node ${results.node}, ${results.processor}`,
      ],
      legend: engines,
      rows: [charts],
      chart: [width, height],
    }),
  };
}
