import { describe, expect, it } from 'vitest';
import { LineList, type Uniforms } from '../../src/formula/program.ts';
import { interpretUpdate, runUpdate, sumSquares } from '../../src/kernels/update.ts';

type Values = Readonly<Record<string, number>>;
type Lines = Record<string, (e: Values, u: Values) => number>;

const list = (lines: Lines, varying: string[] = [], norms: Record<string, string> = {}) =>
  new LineList('test', lines as never, { inputs: ['grad'], varying, norms });

/** The arrays after each run, by the loop and by the interpreter. */
function run(
  lines: LineList,
  start: Record<string, number | number[]>,
  steps: readonly Uniforms[],
): Record<string, number[][]>[] {
  const count = [Object.values(start)[0]!].flat().length;
  const engines = [
    (arrays: Record<string, Float64Array>, u: Uniforms) => {
      const program = lines.specialize(u);
      const { norms } = program;
      const squares = norms ? sumSquares(norms, count, arrays, norms.scalars(u)) : {};
      const roots = Object.entries(squares).map(([name, x]) => [name, Math.sqrt(x)]);
      runUpdate(program, count, arrays, program.scalars({ ...u, ...Object.fromEntries(roots) }));
    },
    (arrays: Record<string, Float64Array>, u: Uniforms) => interpretUpdate(lines, count, arrays, u),
  ];
  return engines.map((engine) => {
    const arrays = Object.fromEntries(
      Object.entries(start).map(([name, x]) => [name, Float64Array.from([x].flat())]),
    );
    const course: Record<string, number[][]> = Object.fromEntries(
      Object.keys(start).map((name) => [name, []]),
    );
    for (const uniforms of steps) {
      engine(arrays, uniforms);
      for (const [name, array] of Object.entries(arrays)) course[name]!.push([...array]);
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
    expect(loop).toEqual({ p: [[-18], [-35]], grad: [[3], [3]], sum: [[4], [7]], below: [[3], [3]] });
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
    expect(loop).toEqual({ p: [[-1], [-3], [-6]], grad: [[1], [1], [1]], m: [[1], [2], [3]] });
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
    expect(loop!.p).toEqual([[1], [0]]);
    expect(literal).toEqual(loop);
  });

  it('may walk arrays of different kinds', () => {
    const lines = list({ p: ({ p, grad }) => p! - grad! });
    const program = lines.specialize({});
    const p = Float32Array.of(1, 2);
    runUpdate(program, 2, { p, grad: Float64Array.of(0.5, 0.25) }, []);
    expect([...p]).toEqual([0.5, 1.75]);
  });

  it('finds the norm of a line, or of the old root, in a pass before', () => {
    const lines = list(
      {
        m: ({ m, grad }) => m! + grad!,
        r: ({ m }) => 2 * m!,
        p: ({ p, r }, { size, length }) => p! - (length! / size!) * r!,
      },
      [],
      { size: 'r', length: 'p' },
    );
    const { norms, kept } = lines.specialize({});
    expect([kept.toSorted(), [...norms!.outputs.keys()].sort()]).toEqual([
      ['m', 'p'],
      ['length', 'size'],
    ]);
    const start = { p: [3, 4], m: [1, 0], grad: [2, 2] };
    const [loop, literal] = run(lines, start, [{}, {}]);
    // r = (6, 4), so the first step is 5 / √52 · r
    expect(loop!.p![0]).toEqual([3, 4].map((p, i) => p - (5 / Math.sqrt(52)) * [6, 4][i]!));
    expect(literal).toEqual(loop);
    expect(list({ p: ({ p }) => p! }).specialize({}).norms).toBe(null);
  });

  it('keeps an array that never changes, and does not write it', () => {
    const lines = list({ start: ({ start }) => start!, p: ({ p, start }) => (p! + start!) / 2 });
    const { kept, outputs } = lines.specialize({});
    expect([kept.toSorted(), [...outputs.keys()]]).toEqual([['p', 'start'], ['p']]);
  });

  it('has as many ends as it is told', () => {
    const lines = new LineList(
      'test',
      { p: ({ p, grad }: Values) => p! - grad!, mean: ({ mean, p }: Values) => (mean! + p!) / 2 } as never,
      { inputs: ['grad'], roots: ['p', 'mean'] },
    );
    const [loop, literal] = run(lines, { p: 4, grad: 1, mean: 1 }, [{}]);
    expect(loop).toEqual({ p: [[3]], grad: [[1]], mean: [[2]] });
    expect(literal).toEqual(loop);
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
    expect(loop!.p).toEqual([[-1]]);
    expect(literal).toEqual(loop);
  });
});
