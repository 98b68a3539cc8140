import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NonFiniteError, ValueError } from '../../src/core/errors.ts';
import { defaultGenerator, Generator } from '../../src/core/random.ts';
import {
  type DescendOptions,
  descend,
  gradcheck,
  type OptimizerEntry,
  type Surface,
  type SurfacePoint,
  surfaces,
} from '../../src/inspect/index.ts';
import { optimizerNames } from '../../src/optim/index.ts';
import { linspace, noGrad, randn, tensor } from '../../src/tensor/index.ts';
import { expectClose } from '../support/close.ts';
import { expectError } from '../support/errors.ts';

const { ravine, saddle, cliff, rosenbrock, beale, himmelblau } = surfaces;
const all = Object.entries(surfaces);

const number = (x: number, requiresGrad = false) => tensor(x, { dtype: 'float64', requiresGrad });
const heightAt = ({ f }: Surface, [x, y]: SurfacePoint): number =>
  noGrad(() => f(number(x), number(y)).item());

/** As published; the first three also at https://en.wikipedia.org/wiki/Test_functions_for_optimization. */
const PUBLISHED: Record<keyof typeof surfaces, (x: number, y: number) => number> = {
  rosenbrock: (x, y) => 100 * (y - x ** 2) ** 2 + (1 - x) ** 2,
  beale: (x, y) => (1.5 - x + x * y) ** 2 + (2.25 - x + x * y ** 2) ** 2 + (2.625 - x + x * y ** 3) ** 2,
  himmelblau: (x, y) => (x ** 2 + y - 11) ** 2 + (x + y ** 2 - 7) ** 2,
  saddle: (x, y) => x ** 2 / 2 + y ** 4 / 4 - y ** 2 / 2,
  ravine: (x, y) => x ** 2 / 10 + 5 * y ** 2,
  cliff: (x, y) => {
    const sigmoid = (a: number) => 1 / (1 + Math.exp(-a));
    let h = 0.5;
    for (let k = 0; k < 10; k++) h = x * sigmoid(h) + y;
    return (sigmoid(h) - 0.7) ** 2;
  },
};

describe.each(all)('%s', (name, surface) => {
  const { f, region, start, minima } = surface;
  const inside = ([x, y]: SurfacePoint) =>
    x >= region.x[0] && x <= region.x[1] && y >= region.y[0] && y <= region.y[1];
  const somewhere = fc.tuple(
    fc.double({ min: region.x[0], max: region.x[1], noNaN: true }),
    fc.double({ min: region.y[0], max: region.y[1], noNaN: true }),
  );

  it('has its name, and its start and minima on the map', () => {
    expect(surface.name).toBe(name);
    expect([start, ...minima].every(inside)).toBe(true);
  });

  it('has the values of the published formula', () => {
    fc.assert(
      fc.property(somewhere, ([x, y]) => {
        expectClose(heightAt(surface, [x, y]), PUBLISHED[name as keyof typeof PUBLISHED](x, y), {
          atol: 1e-12,
        });
      }),
    );
  });

  it('passes gradcheck', () => {
    const generator = new Generator(1);
    const along = ([from, to]: readonly [number, number], n: number) => {
      const x = randn([n], { dtype: 'float64', generator })
        .sigmoid()
        .mul(to - from)
        .add(from);
      return tensor(x, { requiresGrad: true });
    };
    const result = gradcheck(f, [along(region.x, 20), along(region.y, 20)]);
    expect(result.ok, String(result)).toBe(true);
  });

  it('is evaluated on a grid at once', () => {
    const x = linspace(...region.x, 3, { dtype: 'float64' });
    const y = linspace(...region.y, 4, { dtype: 'float64' });
    const grid = f(x, y.unsqueeze(1));
    expect(grid.shape).toEqual([4, 3]);
    expectClose(grid.slice(2, 1), heightAt(surface, [x.slice(1).item(), y.slice(2).item()]));
  });

  it('has no lower place than its minima, and no slope there', () => {
    for (const [x, y] of minima) {
      const at = [number(x, true), number(y, true)] as const;
      f(...at).backward();
      expectClose([at[0].grad!.item(), at[1].grad!.item()], [0, 0], { atol: 1e-12 });
    }
    const lowest = Math.min(...minima.map((point) => heightAt(surface, point)), Infinity);
    expect(lowest).toBeCloseTo({ saddle: -0.25, cliff: Infinity }[name] ?? 0, 15);
    fc.assert(
      fc.property(somewhere, (point) => minima.length === 0 || heightAt(surface, point) >= lowest - 1e-15),
    );
  });

  it('lets every optimizer go downhill', () => {
    for (const name of optimizerNames()) {
      const { values, diverged } = descend(surface, [name, { lr: 1e-4 }], { steps: 20 });
      expect(diverged, name).toBeNull();
      expect(values.at(-1), name).toBeLessThan(values[0]!);
    }
  });
});

it('surfaces have the values that are known of them', () => {
  expectClose(heightAt(rosenbrock, [-1.2, 1]), 24.2);
  expectClose(heightAt(beale, [1, 1]), 14.203125);
  expectClose(heightAt(himmelblau, [0, 0]), 170);
  expect(heightAt(himmelblau, [-0.270845, -0.923039]).toFixed(3)).toBe('181.617'); // its local maximum
});

describe('the lessons', () => {
  const last = (surface: Surface, entry: OptimizerEntry, options?: DescendOptions): SurfacePoint =>
    descend(surface, entry, options).points.at(-1)!;
  const norm = ([x, y]: SurfacePoint) => Math.hypot(x, y);

  it('in the ravine SGD swings with each step, and momentum ends closer', () => {
    const steps = 60;
    const swinging = descend(ravine, ['sgd', { lr: 0.19 }], { steps }).points;
    expect(swinging.every(([, y], i) => i === 0 || Math.sign(y) === -Math.sign(swinging[i - 1]![1]))).toBe(
      true,
    );
    // the limit is 2 / 10, by the curvature across
    expect(norm(last(ravine, ['sgd', { lr: 0.201 }], { steps: 600 }))).toBeGreaterThan(100);
    for (const lr of [0.01, 0.02, 0.05, 0.1, 0.15]) {
      const momentum = norm(last(ravine, ['sgd', { lr, momentum: 0.9 }], { steps }));
      expect(momentum, `lr ${lr}`).toBeLessThan(norm(last(ravine, ['sgd', { lr }], { steps })) / 2);
    }
  });

  it('at the saddle SGD stalls, and adaptive methods leave', () => {
    const options = { steps: 60 };
    const [x, y] = last(saddle, ['sgd', { lr: 0.1 }], options);
    expect(Math.hypot(x, y)).toBeLessThan(0.05);
    for (const name of ['adagrad', 'rmsprop', 'adam', 'nadam'] as const) {
      expect(last(saddle, [name, { lr: 0.1 }], options)[1], name).toBeGreaterThan(0.9);
    }
  });

  it('the cliff throws SGD onto a plateau for good, and clipping saves the run', () => {
    const thrown = descend(cliff, ['sgd', { lr: 5 }], { steps: 300 });
    const clipped = descend(cliff, ['sgd', { lr: 5, clipNorm: 0.1 }], { steps: 300 });
    expect(thrown.diverged).toBeNull();
    expect(norm(thrown.points.at(-1)!)).toBeGreaterThan(20);
    expect(thrown.values.at(-1)).toBeGreaterThan(0.08);
    expect(thrown.points.at(-1)![0] - thrown.points.at(-100)![0]).toBeLessThan(1e-3);
    expect(clipped.values.at(-1)).toBeLessThan(0.01);
    const inside = ([x, y]: SurfacePoint) => x > 2 && x < 7 && y > -3.5 && y < 0;
    expect(clipped.points.slice(0, 61).every(inside)).toBe(true);
    expect(Math.min(...thrown.values.slice(9))).toBeGreaterThan(0.08);
  });

  it('on Himmelblau’s function methods end in different minima', () => {
    expectClose(last(himmelblau, ['sgd', { lr: 0.01 }]), himmelblau.minima[0]!, { atol: 1e-3 });
    expectClose(last(himmelblau, ['sgd', { lr: 0.01, momentum: 0.9 }]), himmelblau.minima[3]!, { atol: 0.1 });
  });

  it('along Rosenbrock’s valley and over Beale’s plains adaptive methods get further than SGD at its best', () => {
    const best = (surface: Surface, rates: readonly number[]) =>
      Math.min(
        ...rates
          .map((lr) => descend(surface, ['sgd', { lr }], { steps: 100 }))
          .map(({ diverged, values }) => (diverged ? Infinity : values.at(-1)!)),
      );
    const adam = (surface: Surface, lr: number) =>
      descend(surface, ['adam', { lr }], { steps: 100 }).values.at(-1)!;
    expect(adam(rosenbrock, 0.5)).toBeLessThan(best(rosenbrock, [1e-3, 1.5e-3, 2e-3, 3e-3]));
    expect(adam(beale, 0.5)).toBeLessThan(best(beale, [0.01, 0.02, 0.03, 0.04]) / 10);
  });
});

describe('descend', () => {
  it('gives the start and the point after every step, with their heights', () => {
    const { label, points, values, diverged } = descend(ravine, ['sgd', { lr: 0.1 }], {
      steps: 2,
      start: [1, 1],
    });
    expect([label, diverged]).toEqual(['sgd', null]);
    expect(points[0]).toEqual([1, 1]);
    expectClose(points as never, [
      [1, 1],
      [0.98, 0],
      [0.9604, 0],
    ]);
    expectClose(values as never, [5.1, 0.098 * 0.98, 0.1 * 0.9604 ** 2]);
    expect(descend(ravine, 'sgd').points).toHaveLength(101);
    expect(descend(ravine, 'sgd').points[0]).toEqual(ravine.start);
  });

  it('works in float64', () => {
    const [, [x]] = descend(ravine, ['sgd', { lr: 1e-12 }], { steps: 1, start: [1, 0] }).points as [
      SurfacePoint,
      SurfacePoint,
    ];
    expect(1 - x).toBeCloseTo(2e-13, 16);
  });

  it('takes a function of one’s own', () => {
    const bowl = { f: ravine.f, start: [1, 2] } as const;
    expect(descend(bowl, 'adam').points[0]).toEqual([1, 2]);
  });

  it('is clipped by the norm of both coordinates together', () => {
    const plane = { f: (x, y) => x.mul(3).add(y.mul(4)), start: [0, 0] } satisfies Pick<
      Surface,
      'f' | 'start'
    >;
    expectClose(descend(plane, ['sgd', { lr: 1, clipNorm: 1 }], { steps: 1 }).points[1]!, [-0.6, -0.8], {
      rtol: 1e-6,
    });
  });

  it('ends when the height or the point is not finite, with finite numbers only', () => {
    const far = descend(ravine, ['sgd', { lr: 100 }], { steps: 1000 });
    expect(far.points.length).toBeLessThan(1000);
    expect(far.values).toHaveLength(far.points.length);
    expect([...far.values, ...far.points.flat()].every(Number.isFinite)).toBe(true);
    expect(far.diverged).toBeInstanceOf(NonFiniteError);
    expect(far.diverged!.message).toBe(
      'descend: the loss must be finite, got Infinity. Lower the learning rate, or clip the gradients with clipNorm.',
    );
    const flat = { f: (x, y) => x.mul(1e200).add(y).sigmoid(), start: [1e-200, 0] } satisfies Pick<
      Surface,
      'f' | 'start'
    >;
    const off = descend(flat, ['sgd', { lr: 1e200 }], { steps: 5 });
    expect(off.points).toEqual([[1e-200, 0]]);
    expect(off.diverged!.message).toMatch(
      /^descend: the point must be finite, got \[-Infinity, -[\d.e+]+\]\. Lower the learning rate, or clip the gradients with clipNorm\.$/,
    );
  });

  it('checks the height of the last point, too', () => {
    const edge = { f: (x, y) => x.log().add(y.mul(0)), start: [1, 0] } satisfies Pick<Surface, 'f' | 'start'>;
    const { points, diverged } = descend(edge, ['sgd', { lr: 2 }], { steps: 1 });
    expect(points).toEqual([[1, 0]]);
    expect(diverged!.message).toMatch(/^descend: the loss must be finite, got NaN\./);
  });

  it('prints in one line', () => {
    expect(String(descend(ravine, ['sgd', { lr: 0.1 }], { steps: 1, start: [1, 1] }))).toBe(
      'sgd: from 5.10 at (1.00, 1.00) to 0.0960 at (0.980, 0.00) in 1 step',
    );
    expect(String(descend(ravine, ['sgd', { lr: 100 }], { steps: 1000 }))).toMatch(
      /^sgd: from 17\.6 at \(-8\.00, 1\.50\) to [\d.e+]+ at \(.*\) in \d+ steps, then out: descend: the loss must be finite, /,
    );
  });

  it('leaves the random numbers of the caller alone', () => {
    const before = defaultGenerator.state;
    descend(ravine, 'adam');
    expect(defaultGenerator.state).toEqual(before);
  });

  it('refuses what makes no sense', () => {
    const refuse = (message: string, options: object, entry: unknown = 'sgd', surface: object = ravine) =>
      expectError(() => descend(surface as Surface, entry as OptimizerEntry, options), ValueError, message);
    refuse('descend: every option must be known, got "step". Did you mean "steps"? Known: steps, start.', {
      step: 1,
    });
    refuse('descend: steps must be a whole number ≥ 1, got 0.', { steps: 0 });
    refuse('descend: start must be two finite numbers, got [1].', { start: [1] });
    refuse('descend: start must be two finite numbers, got [1, NaN].', { start: [1, Number.NaN] });
    refuse('descend: start must be two finite numbers, got undefined.', {}, 'sgd', { f: ravine.f });
    refuse(
      'descend: an optimizer must be a name, [name, options], a class or { name, create }, got 1.',
      {},
      1,
    );
    refuse('descend: the loss must be a tensor with one element, got 1.', {}, 'sgd', {
      f: () => 1,
      start: [0, 0],
    });
    expectError(
      () => descend({ f: (x) => x.log(), start: [-1, 0] }, 'sgd'),
      NonFiniteError,
      'descend: the loss must be finite, got NaN. Lower the learning rate, or clip the gradients with clipNorm.',
    );
  });
});
