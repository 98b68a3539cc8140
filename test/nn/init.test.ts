import { describe, expect, it } from 'vitest';
import { ShapeError, ValueError } from '../../src/core/errors.ts';
import { Generator, manualSeed } from '../../src/core/random.ts';
import { init, Linear, Parameter } from '../../src/nn/index.ts';
import { contiguousData, type Tensor, zeros } from '../../src/tensor/index.ts';
import { expectClose } from '../support/close.ts';

const n = 40_000;
const parameter = (shape: readonly number[]): Parameter => new Parameter(zeros(shape, { dtype: 'float64' }));
const seeded = (seed = 1): { generator: Generator } => ({ generator: new Generator(seed) });

interface Moments {
  readonly mean: number;
  readonly std: number;
  readonly min: number;
  readonly max: number;
  /** The fourth standardized moment: 3 for a normal distribution, 1.8 for a uniform one. */
  readonly kurtosis: number;
}

function momentsOf(t: Tensor): Moments {
  const values = Array.from(contiguousData(t));
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const moment = (k: number): number => values.reduce((a, b) => a + (b - mean) ** k, 0) / values.length;
  const std = Math.sqrt(moment(2));
  const [min, max] = values.reduce(([a, b], x) => [Math.min(a, x), Math.max(b, x)], [Infinity, -Infinity]);
  return { mean, std, min: min!, max: max!, kurtosis: moment(4) / std ** 4 };
}

/** Fails unless the numbers look uniform on [−bound, bound]. */
function expectUniform(t: Tensor, bound: number): void {
  const { mean, std, min, max, kurtosis } = momentsOf(t);
  expect(min).toBeGreaterThanOrEqual(-bound);
  expect(max).toBeLessThanOrEqual(bound);
  expect(Math.abs(mean)).toBeLessThan(0.02 * bound);
  expect(std / (bound / Math.sqrt(3))).toBeCloseTo(1, 1.7);
  expect(Math.abs(kurtosis - 1.8)).toBeLessThan(0.05);
}

/** Fails unless the numbers look normal with mean 0. */
function expectNormal(t: Tensor, wanted: number): void {
  const { mean, std, kurtosis } = momentsOf(t);
  expect(Math.abs(mean)).toBeLessThan(0.03 * wanted);
  expect(std / wanted).toBeCloseTo(1, 1.7);
  expect(Math.abs(kurtosis - 3)).toBeLessThan(0.15);
}

describe('every initialiser', () => {
  const all = {
    calculateGain: null,
    constant: (t) => init.constant(t, 3),
    eye: (t) => init.eye(t),
    kaimingNormal: (t) => init.kaimingNormal(t),
    kaimingUniform: (t) => init.kaimingUniform(t),
    normal: (t) => init.normal(t),
    ones: (t) => init.ones(t),
    orthogonal: (t) => init.orthogonal(t),
    truncNormal: (t) => init.truncNormal(t),
    uniform: (t) => init.uniform(t),
    xavierNormal: (t) => init.xavierNormal(t),
    xavierUniform: (t) => init.xavierUniform(t),
    zeros: (t) => init.zeros(t),
  } satisfies Record<keyof typeof init, ((t: Tensor) => Tensor) | null>;
  const rows = Object.entries<((t: Tensor) => Tensor) | null>(all).flatMap(([name, f]) =>
    f ? ([[name, f]] as const) : [],
  );

  it.each(rows)('%s overwrites a parameter without history, and returns it', (_, initialise) => {
    const { weight } = new Linear(3, 4);
    const before = weight.version;
    expect(initialise(weight)).toBe(weight);
    expect([weight.isLeaf, weight.requiresGrad, weight.shape, weight.dtype]).toEqual([
      true,
      true,
      [4, 3],
      'float32',
    ]);
    expect(weight.version).toBeGreaterThan(before);
  });

  it.each(rows)('%s follows manualSeed', (_, initialise) => {
    const draw = (): number[] => {
      manualSeed(3);
      return Array.from(contiguousData(initialise(parameter([3, 4]))));
    };
    expect(draw()).toEqual(draw());
  });

  it.each(rows)('%s refuses a computed tensor', (_, initialise) => {
    expect(() => initialise(parameter([3, 4]).mul(2))).toThrow(
      new ValueError(
        'assign',
        'only a leaf tensor can be overwritten',
        'the result of mul',
        'Use detach() first.',
      ),
    );
  });
});

describe('options of initialisers', () => {
  it('must be known', () => {
    // @ts-expect-error PyTorch's name
    expect(() => init.uniform(parameter([1]), { a: 1 })).toThrow(
      new ValueError('init.uniform', 'every option must be known', '"a"', 'Known: low, high, generator.'),
    );
    // @ts-expect-error misspelt
    expect(() => init.kaimingNormal(parameter([1, 1]), { nonLinearity: 'relu' })).toThrow('"nonlinearity"?');
    // @ts-expect-error misspelt
    expect(() => init.xavierUniform(parameter([1, 1]), { gains: 1 })).toThrow('Did you mean "gain"?');
    // @ts-expect-error misspelt
    expect(() => init.orthogonal(parameter([1, 1]), { gains: 1 })).toThrow('Did you mean "gain"?');
    // @ts-expect-error misspelt
    expect(() => init.normal(parameter([1]), { sd: 1 })).toThrow('Did you mean "std"?');
    // @ts-expect-error misspelt
    expect(() => init.truncNormal(parameter([1]), { sd: 1 })).toThrow('Did you mean "std"?');
  });
});

describe('plain fillings', () => {
  it('constant, zeros, ones, eye', () => {
    expect(init.constant(parameter([2]), 2.5).toArray()).toEqual([2.5, 2.5]);
    expect(init.ones(parameter([2])).toArray()).toEqual([1, 1]);
    expect(init.zeros(init.ones(parameter([2]))).toArray()).toEqual([0, 0]);
    expect(init.eye(parameter([2, 3])).toArray()).toEqual([
      [1, 0, 0],
      [0, 1, 0],
    ]);
    expect(() => init.eye(parameter([2]))).toThrow(
      new ShapeError('init.eye', 'the tensor must have two axes', 'shape [2]'),
    );
  });
});

describe('uniform and normal', () => {
  it('uniform fills [low, high)', () => {
    expectUniform(init.uniform(parameter([n]), { low: -2, high: 2, ...seeded() }), 2);
    const { min, max } = momentsOf(init.uniform(parameter([n]), seeded()));
    expect([min >= 0 && min < 0.01, max < 1 && max > 0.99]).toEqual([true, true]);
    expect(() => init.uniform(parameter([1]), { low: 2 })).toThrow(
      new ValueError('init.uniform', 'low must not exceed high', '2 and 1'),
    );
  });

  it('normal has the mean and the standard deviation', () => {
    expectNormal(init.normal(parameter([n]), seeded()), 1);
    const { mean, std } = momentsOf(init.normal(parameter([n]), { mean: 5, std: 0.1, ...seeded() }));
    expect(mean).toBeCloseTo(5, 2);
    expect(std).toBeCloseTo(0.1, 2);
    expect(init.normal(parameter([2]), { mean: 1, std: 0 }).toArray()).toEqual([1, 1]);
    expect(() => init.normal(parameter([1]), { std: -1 })).toThrow(
      new ValueError('init.normal', 'std must be a number ≥ 0', '-1'),
    );
  });
});

describe('truncNormal', () => {
  // moments computed with scipy.stats.truncnorm of SciPy 1.17
  it.each([
    { low: -2, high: 2, mean: 0, std: 0.8796256610342398 },
    { low: 0.5, high: 1.5, mean: 0.9206446052220357, std: 0.27738438662341547 },
    { low: 4, high: 100, mean: 4.2256071444894765, std: 0.2160389742555691 },
    { low: -100, high: 100, mean: 0, std: 1 },
  ])('has the right moments on [$low, $high]', ({ low, high, mean, std }) => {
    const found = momentsOf(init.truncNormal(parameter([n]), { low, high, ...seeded() }));
    expect(found.min).toBeGreaterThanOrEqual(low);
    expect(found.max).toBeLessThanOrEqual(high);
    expect(Math.abs(found.mean - mean)).toBeLessThan((5 * std) / Math.sqrt(n));
    expect(Math.abs(found.std / std - 1)).toBeLessThan(0.03);
  });

  it('takes bounds as values, not in standard deviations', () => {
    const found = momentsOf(
      init.truncNormal(parameter([n]), { mean: 10, std: 0.02, low: 9.98, high: 10.02, ...seeded() }),
    );
    expect([found.min >= 9.98, found.max <= 10.02]).toEqual([true, true]);
    expect(found.std / 0.02).toBeCloseTo(0.5396, 1.7);
  });

  it('says what is wrong', () => {
    expect(() => init.truncNormal(parameter([1]), { std: 0 })).toThrow(
      new ValueError('init.truncNormal', 'std must be > 0', '0'),
    );
    expect(() => init.truncNormal(parameter([1]), { low: 2, high: 2 })).toThrow(
      new ValueError('init.truncNormal', 'low must be below high', '2 and 2'),
    );
  });
});

describe('calculateGain', () => {
  it('gives PyTorch’s gains', () => {
    const gains = (['linear', 'sigmoid', 'tanh', 'relu', 'leakyRelu', 'selu'] as const).map((name) =>
      init.calculateGain(name),
    );
    expectClose(gains, [1, 1, 5 / 3, Math.SQRT2, Math.sqrt(2 / 1.0001), 0.75]);
    expectClose(init.calculateGain('leakyRelu', 0.5), Math.sqrt(1.6));
  });

  it('says what is wrong', () => {
    expect(() => init.calculateGain('swish' as never)).toThrow(
      new ValueError(
        'init.calculateGain',
        'nonlinearity must be one of "linear", "sigmoid", "tanh", "relu", "leakyRelu", "selu"',
        '"swish"',
      ),
    );
  });
});

describe('Kaiming and Xavier', () => {
  // [out, in, kernel]: fanIn 50 · 2, fanOut 200 · 2
  const shape = [200, 50, 2, 2];
  const fanIn = 200;
  const fanOut = 800;

  it('kaimingUniform: bound = gain √(3 / fan)', () => {
    expectUniform(init.kaimingUniform(parameter(shape), seeded()), Math.sqrt(6 / fanIn));
    expectUniform(
      init.kaimingUniform(parameter(shape), { mode: 'fanOut', ...seeded() }),
      Math.sqrt(6 / fanOut),
    );
    expectUniform(
      init.kaimingUniform(parameter(shape), { nonlinearity: 'linear', ...seeded() }),
      Math.sqrt(3 / fanIn),
    );
    // a = √5 gives 1/√fanIn, the default of Linear
    expectUniform(
      init.kaimingUniform(parameter(shape), { a: Math.sqrt(5), ...seeded() }),
      Math.sqrt(1 / fanIn),
    );
  });

  it('kaimingNormal: std = gain / √fan', () => {
    expectNormal(init.kaimingNormal(parameter(shape), seeded()), Math.sqrt(2 / fanIn));
    expectNormal(
      init.kaimingNormal(parameter(shape), { mode: 'fanOut', nonlinearity: 'tanh', ...seeded() }),
      5 / 3 / Math.sqrt(fanOut),
    );
  });

  it('xavierUniform: bound = gain √(6 / (fanIn + fanOut))', () => {
    expectUniform(init.xavierUniform(parameter(shape), seeded()), Math.sqrt(6 / (fanIn + fanOut)));
    expectUniform(
      init.xavierUniform(parameter(shape), { gain: 2, ...seeded() }),
      2 * Math.sqrt(6 / (fanIn + fanOut)),
    );
  });

  it('xavierNormal: std = gain √(2 / (fanIn + fanOut))', () => {
    expectNormal(init.xavierNormal(parameter(shape), seeded()), Math.sqrt(2 / (fanIn + fanOut)));
    expectNormal(
      init.xavierNormal(parameter(shape), { gain: 3, ...seeded() }),
      3 * Math.sqrt(2 / (fanIn + fanOut)),
    );
  });

  it('say what is wrong', () => {
    for (const name of [
      'kaimingUniform',
      'kaimingNormal',
      'xavierUniform',
      'xavierNormal',
      'orthogonal',
    ] as const) {
      expect(() => init[name](parameter([3]))).toThrow(
        new ShapeError(
          `init.${name}`,
          'the tensor must have at least two axes',
          'shape [3]',
          'Use uniform or normal.',
        ),
      );
    }
    expect(() => init.kaimingNormal(parameter([3, 3]), { mode: 'fan_in' as never })).toThrow(
      new ValueError('init.kaimingNormal', 'mode must be one of "fanIn", "fanOut"', '"fan_in"'),
    );
  });
});

describe('orthogonal', () => {
  const identity = (size: number): Tensor => init.eye(parameter([size, size]));

  it.each([[[3, 7]], [[7, 3]], [[5, 5]], [[1, 1]], [[4, 2, 3]], [[60, 40]]])(
    'has orthonormal rows or columns: %j',
    (shape) => {
      const w = init.orthogonal(parameter(shape), { gain: 2, ...seeded() }).detach();
      const flat = w.reshape([shape[0]!, -1]);
      const [rows, cols] = flat.shape as [number, number];
      const product = rows <= cols ? flat.matmul(flat.transpose()) : flat.transpose().matmul(flat);
      expectClose(product, identity(Math.min(rows, cols)).mul(4).detach(), { atol: 1e-13 });
    },
  );

  it('turns every way: determinants of both signs', () => {
    const signs = new Set(
      Array.from({ length: 20 }, (_, seed) => {
        const [[a, b], [c, d]] = init.orthogonal(parameter([2, 2]), seeded(seed)).toArray() as [
          [number, number],
          [number, number],
        ];
        return Math.sign(a * d - b * c);
      }),
    );
    expect(signs).toEqual(new Set([1, -1]));
  });
});
