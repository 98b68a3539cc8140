import type { DType, TypedArray } from '../core/dtype.ts';
import type { Shape } from '../core/shape.ts';

/** Longer tensors show only this many elements at both ends of each axis. */
const EDGE = 3;
const SUMMARIZE_ABOVE = 1000;
const LINE_WIDTH = 80;

interface Printable {
  readonly shape: Shape;
  readonly size: number;
  readonly dtype: DType;
  readonly requiresGrad: boolean;
}

/** How every number of a tensor is written, so that columns line up: as NumPy and PyTorch do it. */
function formatter(values: readonly number[], dtype: DType): (x: number) => string {
  if (dtype === 'bool') return (x) => (x ? 'true' : 'false');
  if (dtype === 'int32') return String;
  const special = (x: number): string => (Number.isNaN(x) ? 'nan' : x > 0 ? 'inf' : '-inf');
  const finite = values.filter(Number.isFinite).map(Math.abs);
  const largest = finite.reduce((a, b) => Math.max(a, b), 0);
  const smallest = finite.reduce((a, b) => (b > 0 ? Math.min(a, b) : a), Number.POSITIVE_INFINITY);
  const whole = finite.every(Number.isInteger);
  const scientific = largest >= 1e8 || (!whole && (smallest < 1e-4 || largest / smallest > 1e5));
  const digits = scientific || whole ? 0 : fractionDigits(finite);
  return (x) => {
    if (!Number.isFinite(x)) return special(x);
    if (scientific) return x.toExponential(4);
    const sign = Object.is(x, -0) ? '-' : '';
    return sign + (whole ? `${x}.` : x.toFixed(digits));
  };
}

/** As few digits behind the point as show every number to four. */
function fractionDigits(values: readonly number[]): number {
  for (let digits = 1; digits < 4; digits++) {
    if (values.every((x) => Math.abs(Number(x.toFixed(digits)) - x) < 5e-6 * Math.max(1, x))) return digits;
  }
  return 4;
}

/** The positions along an axis that are shown; −1 stands for "…". */
function shown(size: number, summarize: boolean): number[] {
  if (!summarize || size <= 2 * EDGE) return Array.from({ length: size }, (_, i) => i);
  const edge = Array.from({ length: EDGE }, (_, i) => i);
  return [...edge, -1, ...edge.map((i) => size - EDGE + i)];
}

/** `tensor([[1., 2.], [3., 4.]])`: rows of a short tensor stand on one line, those of a longer one below each other. */
export function print(x: Printable, flat: TypedArray): string {
  const summarize = x.size > SUMMARIZE_ABOVE;
  const visible: number[] = [];
  const visit = (axis: number, from: number): void => {
    if (axis === x.shape.length) {
      visible.push(flat[from]!);
      return;
    }
    for (const i of shown(x.shape[axis]!, summarize)) if (i >= 0) visit(axis + 1, from * x.shape[axis]! + i);
  };
  if (x.size > 0) visit(0, 0);
  const format = formatter(visible, x.dtype);
  const texts = visible.map(format);
  const width = texts.reduce((most, t) => Math.max(most, t.length), 0);

  const build = (pad: number, indent: number, oneLine: boolean): string => {
    let next = 0;
    const block = (axis: number): string => {
      if (axis === x.shape.length) return texts[next++]!.padStart(pad);
      const parts = shown(x.shape[axis]!, summarize).map((i) => (i < 0 ? '...' : block(axis + 1)));
      const depth = x.shape.length - axis - 1;
      if (depth === 0) return `[${wrap(parts, indent + axis + 1, oneLine)}]`;
      const gap = oneLine ? ', ' : `,${'\n'.repeat(depth)}${' '.repeat(indent + axis + 1)}`;
      return `[${parts.join(gap)}]`;
    };
    return block(0);
  };
  const extras = [
    ...(x.size === 0 && x.shape.length > 1 ? [`shape=[${x.shape.join(', ')}]`] : []),
    ...(x.dtype === 'float32' ? [] : [`dtype=${x.dtype}`]),
    ...(x.requiresGrad ? ['requiresGrad=true'] : []),
  ].map((e) => `, ${e}`);
  const body = x.size === 0 ? '[]' : build(0, 0, true);
  const short = `tensor(${body}${extras.join('')})`;
  if (short.length <= LINE_WIDTH || x.shape.length === 0) return short;
  return `tensor(${build(width, 'tensor('.length, false)}${extras.join('')})`;
}

/** Breaks a long row of numbers into lines. */
function wrap(parts: readonly string[], indent: number, oneLine: boolean): string {
  if (oneLine) return parts.join(', ');
  const lines: string[] = [];
  let line = '';
  for (const part of parts) {
    if (line && indent + line.length + part.length + 3 > LINE_WIDTH) {
      lines.push(`${line},`);
      line = '';
    }
    line += line ? `, ${part}` : part;
  }
  return [...lines, line].join(`\n${' '.repeat(indent)}`);
}
