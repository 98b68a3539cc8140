import { describe, expect, it } from 'vitest';
import { LineList, type Uniforms } from '../../src/formula/program.ts';
import { interpretUpdate, runUpdate } from '../../src/kernels/update.ts';

type Values = Readonly<Record<string, number>>;
type Lines = Record<string, (e: Values, u: Values) => number>;

const list = (lines: Lines, varying: string[] = []) =>
  new LineList('test', lines as never, ['grad'], varying);

/** The arrays after each run, by the loop and by the interpreter. */
function run(
  lines: LineList,
  start: Record<string, number>,
  steps: readonly Uniforms[],
): Record<string, number[]>[] {
  const engines = [
    (arrays: Record<string, Float64Array>, u: Uniforms) => {
      const program = lines.specialize(u);
      runUpdate(program, 1, arrays, program.scalars(u));
    },
    (arrays: Record<string, Float64Array>, u: Uniforms) => interpretUpdate(lines, 1, arrays, u),
  ];
  return engines.map((engine) => {
    const arrays = Object.fromEntries(Object.entries(start).map(([name, x]) => [name, Float64Array.of(x)]));
    const course: Record<string, number[]> = Object.fromEntries(Object.keys(start).map((name) => [name, []]));
    for (const uniforms of steps) {
      engine(arrays, uniforms);
      for (const [name, array] of Object.entries(arrays)) course[name]!.push(array[0]!);
    }
    return course;
  });
}

describe('a list of lines', () => {
  it('keeps a line that is read at or above its own place, and no other', () => {
    const lines = list({
      sum: ({ grad, sum }) => grad! + sum!,
      twice: ({ sum }) => 2 * sum!,
      above: ({ below, twice }) => below! + twice!,
      below: ({ grad }) => grad!,
      p: ({ p, above }) => p! - above!,
    });
    expect([...lines.specialize({}).outputs.keys()].sort()).toEqual(['below', 'p', 'sum']);
    const [loop, literal] = run(lines, { p: 0, grad: 3, sum: 1, below: 10 }, [{}, {}]);
    expect(loop).toEqual({ p: [-18, -35], grad: [3, 3], sum: [4, 7], below: [3, 3] });
    expect(literal).toEqual(loop);
  });

  it('leaves out lines that the last one does not need', () => {
    const { outputs, arrays } = list({
      lost: ({ lost, grad }) => lost! + grad!,
      p: ({ p }) => p! / 2,
    }).specialize({});
    expect([...outputs.keys()]).toEqual(['p']);
    expect(arrays).toEqual(['p']);
  });

  it('decides a condition on uniforms before the loop, and drops what only the other branch reads', () => {
    const lines = list({
      most: ({ most, grad }) => Math.max(most!, grad!),
      p: ({ p, grad, most }, { useMost }) => p! - (useMost ? most! : grad!),
    });
    expect(lines.specialize({ useMost: false }).arrays).toEqual(['p', 'grad']);
    expect([...lines.specialize({ useMost: true }).outputs.keys()].sort()).toEqual(['most', 'p']);
    expect(lines.specialize({ useMost: true })).toBe(lines.specialize({ useMost: 1 }));
  });

  it('keeps up what only a later run reads, where the condition varies', () => {
    const lines = list(
      {
        m: ({ m, grad }, { first }) => (first ? grad! : m! + grad!),
        p: ({ p, m, grad }, { first }) => p! - (first ? grad! : m!),
      },
      ['first'],
    );
    const [loop, literal] = run(lines, { p: 0, grad: 1, m: 100 }, [
      { first: true },
      { first: false },
      { first: false },
    ]);
    expect(loop).toEqual({ p: [-1, -3, -6], grad: [1, 1, 1], m: [1, 2, 3] });
    expect(literal).toEqual(loop);
  });

  it('computes what depends on uniforms only once per run, in doubles', () => {
    const lines = list({ p: ({ p }, { beta, t }) => (1 - beta! ** t!) * p! + beta! + (1 - beta! ** t!) });
    const program = lines.specialize({ beta: 0.9, t: 1 });
    expect(program.scalars({ beta: 0.9, t: 2 })).toEqual([1 - 0.9 ** 2, 0.9]);
  });

  it('leaves a condition on elements in the loop', () => {
    const lines = list({ p: ({ p, grad }, { up }) => (up && grad! > 0 ? p! + 1 : p! - 1) });
    const [loop, literal] = run(lines, { p: 0, grad: 1 }, [{ up: true }, { up: false }]);
    expect(loop!.p).toEqual([1, 0]);
    expect(literal).toEqual(loop);
  });

  it('may walk arrays of different kinds', () => {
    const lines = list({ p: ({ p, grad }) => p! - grad! });
    const program = lines.specialize({});
    const p = Float32Array.of(1, 2);
    runUpdate(program, 2, { p, grad: Float64Array.of(0.5, 0.25) }, []);
    expect([...p]).toEqual([0.5, 1.75]);
  });

  it('survives long chains of shared names', () => {
    const names = Array.from({ length: 60 }, (_, k) => `x${k}`);
    const lines = Object.fromEntries(
      names.map((name, k) => {
        const before = k === 0 ? 'grad' : names[k - 1]!;
        return [name, new Function(`return ({ ${before} }) => 0.25 * ${before} + 0.25 * ${before}`)()];
      }),
    );
    const all = list({ ...lines, p: ({ p, x59 }) => p! - x59! });
    const [loop, literal] = run(all, { p: 0, grad: 2 ** 60 }, [{}]);
    expect(loop!.p).toEqual([-1]);
    expect(literal).toEqual(loop);
  });
});
