import type { TypedArray } from '../core/dtype.ts';
import { type Grid, inside, layOut, type Planes, planesOf, setTable, sizeOfPlanes, work } from './planes.ts';

/** How a window slides along an axis: output i sees the places `i·stride + k·dilation − before` of the input. */
export interface Slide {
  /** Of the input. */
  readonly size: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  /** Places of padding in front; behind, there is as much as is needed. */
  readonly before: number;
  /** Of the output. */
  readonly count: number;
}

/** y [batch, groups·outputs, …counts] from x [batch, groups·inputs, …sizes] and w [groups·outputs, inputs, …kernels]. */
export interface Convolution {
  readonly batch: number;
  readonly groups: number;
  readonly inputs: number;
  readonly outputs: number;
  readonly rows: Slide;
  readonly cols: Slide;
}

/** For each place of the kernel, in which plane and how far on a window sees it. */
interface Track {
  /** What the places of a plane leave when they are divided by the stride. */
  readonly phases: readonly number[];
  readonly taps: readonly { readonly plane: number; readonly shift: number }[];
  /** The largest shift. */
  readonly reach: number;
}

function trackOf({ kernel, stride, dilation }: Slide): Track {
  const places = Array.from({ length: kernel }, (_, k) => k * dilation);
  const phases = [...new Set(places.map((place) => place % stride))];
  const taps = places.map((place) => ({
    plane: phases.indexOf(place % stride),
    shift: Math.floor(place / stride),
  }));
  return { phases, taps, reach: taps.at(-1)!.shift };
}

/** What a window sees of x, laid out; and where it sees each of [inputs, …kernels]. */
export function seen(inputs: number, rows: Slide, cols: Slide): { planes: Planes; table: number[] } {
  const [down, along] = [trackOf(rows), trackOf(cols)];
  const grid = ({ size, stride, before, count }: Slide, { phases, reach }: Track): Grid => ({
    size,
    first: phases.map((phase) => phase - before),
    step: stride,
    count: count + reach,
  });
  const planes = planesOf(grid(rows, down), grid(cols, along));
  const table: number[] = [];
  for (let channel = 0; channel < inputs; channel++) {
    for (const r of down.taps) {
      for (const c of along.taps) {
        const plane = channel * planes.many + r.plane * along.phases.length + c.plane;
        table.push(plane * planes.step + r.shift * planes.cols.count + c.shift);
      }
    }
  }
  return { planes, table };
}

/** A part of the result: weighted sums of stretches of the planes. */
interface Pass {
  /** Where, from the first number of the planes, the result's first window lies. */
  readonly first: number;
  /** How much further each of the weighted numbers lies. */
  readonly table: readonly number[];
  readonly rows: number;
  readonly cols: number;
  /** Where the part stands in a channel of the result. */
  readonly to: number;
  readonly toRow: number;
  readonly toCol: number;
  /** The weights of a group, row by row. */
  weights(group: number): ArrayLike<number>;
}

/** From channels that are laid out in planes to others, by passes. */
function mixed(
  out: TypedArray,
  x: TypedArray,
  w: TypedArray,
  bias: TypedArray | null,
  { batch, groups }: Convolution,
  from: number,
  to: number,
  planes: Planes,
  passes: readonly Pass[],
): void {
  const wide = planes.cols.count;
  const image = from * planes.rows.size * planes.cols.size;
  const result = out.length / (batch * groups);
  const round = ({ rows, cols }: Pass): number => ((rows - 1) * wide + cols + 3) & ~3;
  const most = (f: (pass: Pass) => number): number => Math.max(0, ...passes.map(f));
  const taps = most(({ table }) => table.length);
  const laidOut = sizeOfPlanes(planes, from);
  const summed = to * most(round);
  work([out, x, w], {
    products: batch * groups * to * passes.reduce((sum, pass) => sum + pass.table.length * round(pass), 0),
    numbers: out.length + x.length + w.length,
    batch,
    sizes: (samples) => [
      samples * laidOut,
      samples * result,
      to,
      samples * image,
      samples * summed,
      taps * passes.length,
      to * taps * passes.length,
    ],
    run(shop, laid, made, start, raw, sums, tables, weights) {
      const { numbers, samples } = shop;
      numbers.fill(0, laid, raw);
      // a pass that makes all there is, with nothing between its rows, need not be copied
      const [only] = passes;
      const every = only && only.rows * only.cols;
      const direct = only?.cols === wide && round(only) === every && to * every === result;
      passes.forEach(({ table }, i) => {
        setTable(shop, tables + i * taps, table);
      });
      for (let group = 0; group < groups; group++) {
        passes.forEach((pass, i) => {
          numbers.set(pass.weights(group), weights + i * to * taps);
        });
        if (bias) numbers.set(bias.subarray(group * to, group * to + to), start);
        for (let sample = 0; sample < batch; sample += samples) {
          const some = Math.min(samples, batch - sample);
          const placeOf = (i: number): number => (sample + i) * groups + group;
          for (let i = 0; i < some; i++) {
            const at = placeOf(i) * image;
            numbers.set(x.subarray(at, at + image), raw + i * image);
            shop.task();
            const source = layOut(shop, raw + i * image, laid + i * laidOut, from, planes);
            passes.forEach((pass, k) => {
              const { first, table, rows, cols, toRow, toCol } = pass;
              const n = round(pass);
              const product = direct ? made + i * result : sums + i * summed;
              shop.mix(
                product,
                source + first,
                tables + k * taps,
                weights + k * to * taps,
                start,
                to,
                n,
                table.length,
              );
              if (direct) return;
              const into = made + i * result + pass.to;
              shop.copy(product, [n, wide, 1], into, [result / to, toRow, toCol], to, rows, cols);
            });
          }
          if (!shop.finish()) return false;
          for (let i = 0; i < some; i++) {
            const at = made + i * result;
            out.set(numbers.subarray(at, at + result), placeOf(i) * result);
          }
        }
      }
      return true;
    },
  });
}

/** y = bias + w ∗ x. */
export function convolve(
  y: TypedArray,
  x: TypedArray,
  w: TypedArray,
  bias: TypedArray | null,
  c: Convolution,
): void {
  if (y.length === 0) return;
  const { inputs, outputs, rows, cols } = c;
  const { planes, table } = seen(inputs, rows, cols);
  const each = outputs * table.length;
  const pass: Pass = {
    first: 0,
    table,
    rows: rows.count,
    cols: cols.count,
    to: 0,
    toRow: cols.count,
    toCol: 1,
    weights: (group) => w.subarray(group * each, group * each + each),
  };
  mixed(y, x, w, bias, c, inputs, outputs, planes, [pass]);
}

/** The gradient of x from that of y: along each axis, x at `a·stride + phase − before` was seen through the places of that phase. */
export function convolveBack(dx: TypedArray, g: TypedArray, w: TypedArray, c: Convolution): void {
  if (dx.length === 0) return;
  const { inputs, outputs, rows, cols } = c;
  const [down, along] = [trackOf(rows), trackOf(cols)];
  const grid = ({ size, stride, before, count }: Slide, { reach }: Track): Grid => ({
    size: count,
    first: [-reach],
    step: 1,
    count: Math.floor((size - 1 + before) / stride) + 1 + reach,
  });
  const planes = planesOf(grid(rows, down), grid(cols, along));
  const wide = planes.cols.count;
  const placesOf = ({ taps }: Track, plane: number): number[] =>
    taps.flatMap((tap, k) => (tap.plane === plane ? [k] : []));
  const passes: Pass[] = [];
  for (const [i, top] of down.phases.entries()) {
    for (const [j, left] of along.phases.entries()) {
      const stretch = ({ size, stride, before }: Slide, phase: number): [number, number] =>
        inside({ size, first: [], step: stride, count: Number.POSITIVE_INFINITY }, phase - before);
      const [r, bottom] = stretch(rows, top);
      const [q, right] = stretch(cols, left);
      if (r >= bottom || q >= right) continue;
      const [high, flat] = [placesOf(down, i), placesOf(along, j)];
      const table: number[] = [];
      for (let o = 0; o < outputs; o++) {
        for (const k of high) {
          for (const l of flat) {
            const [before, beside] = [down.reach - down.taps[k]!.shift, along.reach - along.taps[l]!.shift];
            table.push(o * planes.step + before * wide + beside);
          }
        }
      }
      passes.push({
        first: r * wide + q,
        table,
        rows: bottom - r,
        cols: right - q,
        to: (r * rows.stride + top - rows.before) * cols.size + q * cols.stride + left - cols.before,
        toRow: rows.stride * cols.size,
        toCol: cols.stride,
        weights(group) {
          const found = new Float64Array(inputs * table.length);
          let at = 0;
          for (let input = 0; input < inputs; input++) {
            for (let o = group * outputs; o < (group + 1) * outputs; o++) {
              const kernel = (o * inputs + input) * rows.kernel * cols.kernel;
              for (const k of high) for (const l of flat) found[at++] = w[kernel + k * cols.kernel + l]!;
            }
          }
          return found;
        },
      });
    }
  }
  mixed(dx, g, w, null, c, outputs, inputs, planes, passes);
}

/** The gradient of w from that of y. */
export function convolveWeight(dw: TypedArray, x: TypedArray, g: TypedArray, c: Convolution): void {
  const { batch, groups, inputs, outputs, rows, cols } = c;
  const { planes, table } = seen(inputs, rows, cols);
  const image = inputs * rows.size * cols.size;
  const result = outputs * rows.count * cols.count;
  const taps = table.length;
  // one long row where no numbers stand between rows
  const wide = planes.cols.count;
  const [high, flat] = wide === cols.count ? [1, rows.count * cols.count] : [rows.count, cols.count];
  const laidOut = sizeOfPlanes(planes, inputs);
  work([dw, x, g], {
    products: batch * groups * outputs * taps * high * flat,
    numbers: dw.length + x.length + g.length,
    batch,
    sizes: (samples) => [samples * laidOut, samples * image, samples * result, taps, 4 * outputs * taps],
    run(shop, laid, raw, gradient, places, sums) {
      const { numbers, samples, parts } = shop;
      numbers.fill(0, laid, raw);
      setTable(shop, places, table);
      // two rows are done at a time
      const rowsOfPart = 2 * Math.ceil(outputs / parts / 2);
      for (let group = 0; group < groups; group++) {
        numbers.fill(0, sums, sums + 4 * outputs * taps);
        for (let sample = 0; sample < batch; sample += samples) {
          const some = Math.min(samples, batch - sample);
          const sources: number[] = [];
          for (let i = 0; i < some; i++) {
            const place = (sample + i) * groups + group;
            numbers.set(x.subarray(place * image, place * image + image), raw + i * image);
            numbers.set(g.subarray(place * result, place * result + result), gradient + i * result);
            shop.task();
            sources.push(layOut(shop, raw + i * image, laid + i * laidOut, inputs, planes));
          }
          if (!shop.finish()) return false;
          for (let o = 0; o < outputs; o += rowsOfPart) {
            const count = Math.min(rowsOfPart, outputs - o);
            shop.task();
            sources.forEach((source, i) => {
              const from = gradient + i * result + (o * result) / outputs;
              shop.dots(sums + 4 * o * taps, from, source, places, count, taps, high, flat, wide);
            });
          }
          if (!shop.finish()) return false;
        }
        for (let i = 0, at = sums, to = group * outputs * taps; i < outputs * taps; i++, at += 4)
          dw[to + i] = numbers[at]! + numbers[at + 1]! + numbers[at + 2]! + numbers[at + 3]!;
      }
      return true;
    },
  });
}
