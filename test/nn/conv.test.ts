import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { ShapeError, ValueError } from '../../src/core/errors.ts';
import { Generator } from '../../src/core/random.ts';
import { gradgradcheck } from '../../src/inspect/index.ts';
import { kernels, setKernels } from '../../src/kernels/engine.ts';
import * as nn from '../../src/nn/index.ts';
import { arange, contiguousData, grad, noGrad, ones, randn, tensor, zeros } from '../../src/tensor/index.ts';
import { expectClose } from '../support/close.ts';
import { expectError } from '../support/errors.ts';

const usual = kernels();
afterAll(() => setKernels(usual));

const generator = new Generator(7);
const image = (...shape: number[]) => randn(shape, { generator });

describe.each(['js', 'wasm'] as const)('convolution in %s', (engine) => {
  it('of a line is that of an image one pixel high', () => {
    setKernels(engine);
    const [x, w, b] = [image(2, 4, 9), image(6, 2, 3), image(6)];
    const options = { groups: 2, stride: 2, padding: 1, dilation: 2 };
    const tall = { groups: 2, stride: [1, 2], padding: [0, 1], dilation: [1, 2] };
    const y = nn.conv2d(x.unsqueeze(2), w.unsqueeze(2), b, tall);
    expectClose(nn.conv1d(x, w, b, options), y.squeeze(2), { rtol: 0, atol: 0 });
  });

  it('of one sample is that of a batch of one', () => {
    setKernels(engine);
    const [x, w] = [image(3, 5, 6), image(2, 3, 2, 2)];
    expectClose(nn.conv2d(x, w), nn.conv2d(x.unsqueeze(0), w).squeeze(0), { rtol: 0, atol: 0 });
    expect(nn.maxPool2d(x, 2).shape).toEqual([3, 2, 3]);
    expect(nn.avgPool1d(image(3, 5), 2).shape).toEqual([3, 2]);
  });

  it('takes inputs in any order of memory', () => {
    setKernels(engine);
    const x = image(6, 5, 3, 2);
    const turned = x.permute([3, 2, 1, 0]);
    const w = image(2, 3, 3, 4).transpose();
    const plain = (t: typeof x) => tensor(t.toArray());
    expectClose(nn.conv2d(turned, w), nn.conv2d(plain(turned), plain(w)), { rtol: 0, atol: 0 });
    expectClose(nn.maxPool2d(turned, 2), nn.maxPool2d(plain(turned), 2), { rtol: 0, atol: 0 });
    expectClose(
      nn.avgPool2d(turned.slice(null, [1, 3]), 2),
      nn.avgPool2d(plain(turned.slice(null, [1, 3])), 2),
    );
  });

  it('of 1 × 1 is a product of matrices', () => {
    setKernels(engine);
    const [x, w] = [image(2, 5, 3, 4), image(6, 5, 1, 1)];
    const product = w
      .reshape([6, 5])
      .matmul(x.reshape([2, 5, 12]))
      .reshape([2, 6, 3, 4]);
    expectClose(nn.conv2d(x, w), product, { rtol: 1e-5, atol: 1e-6 });
  });

  it('of an empty batch is empty, and gives gradients of zero', () => {
    setKernels(engine);
    const w = tensor(image(2, 3, 2, 2), { requiresGrad: true });
    const y = nn.avgPool2d(nn.maxPool2d(nn.conv2d(zeros([0, 3, 6, 6]), w), 2), 2);
    expect(y.shape).toEqual([0, 2, 1, 1]);
    y.sum().backward();
    expectClose(w.grad!, zeros([2, 3, 2, 2]));
  });

  it('notes nothing where gradients are off', () => {
    setKernels(engine);
    const conv = new nn.Conv2d(1, 2, 3);
    const x = tensor(image(1, 1, 6, 6), { requiresGrad: true });
    noGrad(() => {
      expect(conv.forward(x).requiresGrad).toBe(false);
      expect(nn.maxPool2d(x, 2).requiresGrad).toBe(false);
    });
    expect(nn.conv2d(x.detach(), ones([1, 1, 2, 2])).requiresGrad).toBe(false);
  });
});

describe('conv2d', () => {
  it('has derivatives of the third order', () => {
    const [x, w] = [image(1, 1, 3, 3), image(1, 1, 2, 2)].map((t) =>
      tensor(t, { dtype: 'float64', requiresGrad: true }),
    ) as [ReturnType<typeof image>, ReturnType<typeof image>];
    const slope = (a: typeof x, b: typeof w) =>
      grad(nn.conv2d(a, b, null, { padding: 1, stride: 2 }).pow(3).sum(), b, { createGraph: true });
    const result = gradgradcheck(slope, [x, w]);
    expect(result.ok, String(result)).toBe(true);
  });

  it('gives float64 for float64, and float32 for whole numbers', () => {
    const x = arange(16, { dtype: 'int32' }).reshape([1, 4, 4]);
    expect(nn.conv2d(x, ones([1, 1, 2, 2], { dtype: 'int32' })).dtype).toBe('float32');
    expect(nn.conv2d(x, ones([1, 1, 2, 2], { dtype: 'float64' })).dtype).toBe('float64');
    expect(nn.avgPool2d(x, 2).toArray()).toEqual([
      [
        [2.5, 4.5],
        [10.5, 12.5],
      ],
    ]);
    expect(nn.maxPool2d(x, 2)).toMatchObject({ dtype: 'int32' });
  });

  const [x, w] = [zeros([2, 4, 5, 6]), zeros([6, 4, 3, 3])];

  it('says what is wrong with tensors', () => {
    expectError(
      () => nn.conv2d(zeros([4, 5]), w),
      ShapeError,
      'conv2d: the input must be [batch, channels, height, width] or [channels, height, width], got shape [4, 5]. Add or drop axes with reshape.',
    );
    expectError(
      () => nn.conv1d(x, zeros([6, 4, 3])),
      ShapeError,
      'conv1d: the input must be [batch, channels, length] or [channels, length], got shape [2, 4, 5, 6]. Add or drop axes with reshape.',
    );
    expectError(
      () => nn.conv2d(x, zeros([6, 4, 3])),
      ShapeError,
      'conv2d: the weight must be [out, in / groups, height, width], none of them 0, got shape [6, 4, 3].',
    );
    expectError(
      () => nn.conv2d(x, zeros([6, 3, 3, 3])),
      ShapeError,
      'conv2d: the input must have 3 channels for a weight of [6, 3, 3, 3] and groups = 1, got shape [2, 4, 5, 6].',
    );
    expectError(
      () => nn.conv2d(x, w, zeros([4])),
      ShapeError,
      'conv2d: the bias must have shape [6], got [4].',
    );
    expectError(
      () => nn.conv2d(x, zeros([6, 4, 7, 3]), null, { padding: [0, 1] }),
      ShapeError,
      'conv2d: the kernel must fit into the input and its padding, got a kernel of [7, 3] for an input of [5, 6]. Use a smaller kernel, less dilation or more padding.',
    );
    expect(() => nn.conv2d([1] as never, w)).toThrow('conv2d: the input must be a tensor, got [1].');
    expect(() => nn.conv2d(x, w, { stride: 2 } as never)).toThrow(
      'conv2d: the bias must be a tensor, got { stride }.',
    );
  });

  it('says what is wrong with options', () => {
    const number = 'must be a whole number ≥ 1, or a list of 2, one for each axis';
    expectError(() => nn.conv2d(x, w, null, { stride: 0 }), ValueError, `conv2d: stride ${number}, got 0.`);
    expectError(
      () => nn.conv2d(x, w, null, { dilation: [1, 1.5] }),
      ValueError,
      `conv2d: dilation ${number}, got [1, 1.5].`,
    );
    expectError(
      () => nn.conv2d(x, w, null, { stride: [2] }),
      ValueError,
      `conv2d: stride ${number}, got [2].`,
    );
    expectError(
      () => nn.conv2d(x, w, null, { padding: -1 }),
      ValueError,
      "conv2d: padding must be a whole number ≥ 0, or a list of 2, one for each axis, or 'same' or 'valid', got -1.",
    );
    expectError(
      () => nn.conv2d(x, w, null, { padding: 'same', stride: 2 }),
      ValueError,
      "conv2d: stride must be 1 for padding 'same', got 2. Give the padding in numbers.",
    );
    expectError(
      () => nn.conv2d(x, w, null, { groups: 5 }),
      ValueError,
      'conv2d: groups must divide the 6 outputs, got 5.',
    );
    expectError(
      () => nn.conv2d(x, w, null, { groups: 0 }),
      ValueError,
      'conv2d: groups must be a whole number ≥ 1, got 0.',
    );
    // @ts-expect-error misspelt
    expect(() => nn.conv2d(x, w, null, { strides: 2 })).toThrow('Did you mean "stride"?');
  });
});

describe('Conv2d', () => {
  it('starts from U(−1/√n, 1/√n) for n numbers that make an output', () => {
    const { weight, bias } = new nn.Conv2d(50, 60, 2, { groups: 2, generator: new Generator(1) });
    for (const values of [contiguousData(weight), contiguousData(bias!)]) {
      const top = Math.max(...values.map(Math.abs));
      expect(top).toBeLessThanOrEqual(Math.fround(0.1));
      expect(top).toBeGreaterThan(0.095);
    }
  });

  it('prints its options, and has the names of PyTorch', () => {
    const layer = new nn.Conv1d(2, 4, 3, { padding: 'same', bias: false });
    expect(String(layer)).toBe(
      'Conv1d(2, 4, kernelSize=[3], stride=1, padding="same", dilation=1, groups=1, bias=false)',
    );
    expect(Object.keys(layer.stateDict())).toEqual(['weight']);
    expect(new nn.Conv2d(2, 4, [3, 2]).weight.shape).toEqual([4, 2, 3, 2]);
    expect(layer).toMatchObject({ inChannels: 2, outChannels: 4, stride: 1, padding: 'same', groups: 1 });
  });

  it('says what is wrong, in its own name', () => {
    expectError(
      () => new nn.Conv2d(3, 4, 3, { groups: 2 }),
      ValueError,
      'Conv2d: groups must divide inChannels and outChannels, got 2 for 3 and 4.',
    );
    expect(() => new nn.Conv2d(0, 4, 3)).toThrow('Conv2d: inChannels must be a whole number ≥ 1, got 0.');
    expect(() => new nn.Conv1d(1, 1.5, 3)).toThrow(
      'Conv1d: outChannels must be a whole number ≥ 1, got 1.5.',
    );
    expect(() => new nn.Conv2d(1, 1, [3, 3, 3])).toThrow('Conv2d: kernelSize must be a whole number ≥ 1');
    expect(() => new nn.Conv2d(1, 1, 3, { stride: -1 })).toThrow('Conv2d: stride must be');
    // @ts-expect-error misspelt
    expect(() => new nn.Conv2d(1, 1, 3, { pad: 1 })).toThrow('got "pad"');
    expect(() => new nn.Conv2d(3, 1, 3).forward(zeros([1, 2, 5, 5]))).toThrow(
      'Conv2d: the input must have 3 channels',
    );
  });
});

/** The mean of what each window of one plane sees, by the same rules as PyTorch. */
function averaged(plane: number[][], size: number[], stride: number[], padding: number[], counted: boolean) {
  const [high, wide] = [plane.length, plane[0]!.length];
  const places = (n: number, a: number) =>
    Array.from({ length: Math.floor((n + 2 * padding[a]! - size[a]!) / stride[a]!) + 1 }, (_, i) =>
      Array.from({ length: size[a]! }, (_, k) => i * stride[a]! + k - padding[a]!),
    );
  return places(high, 0).map((rows) =>
    places(wide, 1).map((cols) => {
      const seen = rows.flatMap((r) => cols.map((c) => plane[r]?.[c]));
      const values = seen.filter((x) => x !== undefined);
      return values.reduce((a, b) => a + b, 0) / (counted ? seen.length : values.length);
    }),
  );
}

describe.each(['js', 'wasm'] as const)('the mean of windows in %s', (engine) => {
  it('is that of the numbers that they see', () => {
    setKernels(engine);
    const axis = fc
      .record({
        n: fc.integer({ min: 1, max: 13 }),
        size: fc.integer({ min: 1, max: 5 }),
        stride: fc.integer({ min: 1, max: 4 }),
        padding: fc.integer({ min: 0, max: 2 }),
      })
      .filter(({ n, size, padding }) => 2 * padding <= size && n + 2 * padding >= size);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 3 }), axis, axis, fc.boolean(), (planes, a, b, counted) => {
        const x = image(planes, a.n, b.n);
        const [stride, padding] = [
          [a.stride, b.stride],
          [a.padding, b.padding],
        ];
        const y = nn.avgPool2d(x, [a.size, b.size], { stride, padding, countIncludePad: counted });
        const wanted = (x.toArray() as number[][][]).map((plane) =>
          averaged(plane, [a.size, b.size], stride, padding, counted),
        );
        expectClose(y, wanted, { rtol: 1e-6, atol: 1e-6 });
      }),
      { numRuns: 100 },
    );
  });

  it('are of as many parts as are wanted, however they divide', () => {
    setKernels(engine);
    const size = fc.integer({ min: 1, max: 9 });
    fc.assert(
      fc.property(size, size, size, size, (height, width, high, wide) => {
        const x = image(2, height, width);
        const y = nn.adaptiveAvgPool2d(x, [high, wide]);
        const part = (i: number, n: number, of: number) =>
          [Math.floor((i * of) / n), Math.ceil(((i + 1) * of) / n)] as const;
        for (let i = 0; i < high; i++) {
          for (let j = 0; j < wide; j++) {
            const seen = x.slice(null, part(i, high, height), part(j, wide, width));
            expectClose(y.slice(null, i, j), seen.mean([1, 2]), { rtol: 1e-5, atol: 1e-6 });
          }
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('pools', () => {
  it('say what is wrong', () => {
    const x = zeros([1, 2, 6, 6]);
    for (const [name, pool, Pool] of [
      ['maxPool2d', nn.maxPool2d, nn.MaxPool2d],
      ['avgPool2d', nn.avgPool2d, nn.AvgPool2d],
    ] as const) {
      expectError(
        () => pool(x, [2, 3], { padding: [1, 2] }),
        ValueError,
        `${name}: padding must be at most half of kernelSize, got 2 for 3.`,
      );
      expect(() => pool(x, 7)).toThrow(`${name}: the kernel must fit into the input and its padding`);
      expect(() => pool(x, 0)).toThrow(`${name}: kernelSize must be a whole number ≥ 1`);
      expect(() => pool(x, 2, { stride: 0.5 })).toThrow(`${name}: stride must be a whole number ≥ 1`);
      expect(() => pool(zeros([6, 6]), 2)).toThrow(
        `${name}: the input must be [batch, channels, height, width]`,
      );
      const options = { ceil: true } as object;
      expect(() => pool(x, 2, options)).toThrow(`${name}: every option must be known, got "ceil"`);
      const where = Pool.name;
      expect(where.toLowerCase()).toBe(name.toLowerCase());
      expect(() => new Pool(2, options)).toThrow(`${where}: every option must be known, got "ceil"`);
      expect(() => new Pool(2, { padding: 2 })).toThrow(
        `${where}: padding must be at most half of kernelSize`,
      );
      expect(() => new Pool(2, 2 as never)).toThrow(`${where}: options must be an object, got 2`);
      expect(() => new Pool(-2)).toThrow(`${where}: kernelSize must be`);
    }
  });

  it('are printed with their options, which are their fields', () => {
    const pool = new nn.AvgPool2d(3, { countIncludePad: false });
    expect(String(pool)).toBe(
      'AvgPool2d(kernelSize=3, stride=3, padding=0, ceilMode=false, countIncludePad=false)',
    );
    expect(pool.kernelSize).toBe(3);
    expect(String(new nn.MaxPool1d(2, { stride: 1 }))).toBe(
      'MaxPool1d(kernelSize=2, stride=1, padding=0, ceilMode=false)',
    );
    expect(String(new nn.AdaptiveAvgPool2d([1, 2]))).toBe('AdaptiveAvgPool2d(outputSize=[1, 2])');
  });

  it('with adaptive windows say what is wrong', () => {
    const x = zeros([1, 2, 6, 6]);
    expect(() => nn.adaptiveAvgPool2d(x, 0)).toThrow(
      'adaptiveAvgPool2d: outputSize must be a whole number ≥ 1, or a list of 2, one for each axis, got 0.',
    );
    expect(() => new nn.AdaptiveAvgPool2d([1])).toThrow('AdaptiveAvgPool2d: outputSize must be');
    expect(() => nn.adaptiveAvgPool2d(zeros([1, 0, 6]), 1)).toThrow(
      'adaptiveAvgPool2d: the input must not be empty, got shape [1, 0, 6].',
    );
  });
});

describe('embedding', () => {
  const weight = () =>
    tensor(
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
      { requiresGrad: true },
    );
  const int = (values: number[]) => tensor(values, { dtype: 'int32' });

  it('adds up the gradients of a row that comes often, and leaves out that of paddingIdx', () => {
    const w = weight();
    const y = nn.embedding(int([2, 1, 2, 0]), w, { paddingIdx: 1 });
    expect(y.toArray()).toEqual([
      [5, 6],
      [3, 4],
      [5, 6],
      [1, 2],
    ]);
    y.square().sum().backward();
    expect(w.grad!.toArray()).toEqual([
      [2, 4],
      [0, 0],
      [20, 24],
    ]);
  });

  it('can be differentiated twice', () => {
    const w = tensor(weight().detach(), { dtype: 'float64', requiresGrad: true });
    const result = gradgradcheck((t) => nn.embedding(int([2, 1, 2]), t).pow(3), [w]);
    expect(result.ok, String(result)).toBe(true);
    const y = nn
      .embedding(int([2, 1, 2]), w, { paddingIdx: 2 })
      .square()
      .sum();
    const slope = grad(y, w, { createGraph: true });
    expect(grad(slope.sum(), w).toArray()).toEqual([
      [0, 0],
      [2, 2],
      [0, 0],
    ]);
  });

  it('as a layer starts from N(0, 1), with zeros for paddingIdx', () => {
    const layer = new nn.Embedding(200, 50, { paddingIdx: -1, generator: new Generator(1) });
    const values = Array.from(contiguousData(layer.weight));
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length;
    expect(Math.abs(mean)).toBeLessThan(0.03);
    expect(Math.abs(variance - 0.995)).toBeLessThan(0.03);
    expect(layer.weight.slice(-1).abs().sum().item()).toBe(0);
    expect(String(layer)).toBe('Embedding(200, 50, paddingIdx=-1)');
    expect(String(new nn.Embedding(3, 2))).toBe('Embedding(3, 2)');
  });

  it('says what is wrong', () => {
    expectError(
      () => nn.embedding(int([0, 3]), weight()),
      ValueError,
      'embedding: every index must be a whole number in 0 … 2, got 3.',
    );
    expect(() => nn.embedding(int([-1]), weight())).toThrow('0 … 2, got -1.');
    expectError(
      () => nn.embedding(tensor([0]), weight()),
      ValueError,
      "embedding: the indices must be int32, got float32. Use cast('int32').",
    );
    expectError(
      () => nn.embedding(int([0]), ones([3])),
      ShapeError,
      'embedding: the weight must be [rows, numbers of a row], got shape [3].',
    );
    expectError(
      () => nn.embedding(int([0]), weight(), { paddingIdx: 3 }),
      ValueError,
      'embedding: paddingIdx must be a whole number in −3 … 2, got 3.',
    );
    expect(() => new nn.Embedding(3, 2, { paddingIdx: 0.5 })).toThrow('Embedding: paddingIdx must be');
    expect(() => new nn.Embedding(0, 2)).toThrow('Embedding: numEmbeddings must be a whole number ≥ 1');
    expect(() => new nn.Embedding(2, 0)).toThrow('Embedding: embeddingDim must be a whole number ≥ 1');
    // @ts-expect-error misspelt
    expect(() => new nn.Embedding(2, 2, { paddingIndex: 1 })).toThrow('Did you mean "paddingIdx"?');
    expect(() => new nn.Embedding(2, 2).forward(tensor([0]))).toThrow('Embedding: the indices must be int32');
  });
});
