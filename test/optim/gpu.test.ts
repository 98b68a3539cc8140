import { afterEach, describe, expect, it, vi } from 'vitest';
import { GpuDevice } from '../../src/kernels/gpu.ts';
import type { GpuMode } from '../../src/kernels/gpu-modes.ts';
import { Adam, type GpuOption, SGD } from '../../src/optim/index.ts';
import { type Tensor, tensor } from '../../src/tensor/index.ts';

function parameter(values = [1, 2]): Tensor {
  const p = tensor(values, { requiresGrad: true });
  p.grad = tensor(values);
  return p;
}

async function reason(promise: Promise<unknown>): Promise<string> {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  // by its name: what is loaded on demand has classes of its own once vi.resetModules was called
  expect((error as Error).name).toBe('ValueError');
  return (error as Error).message;
}

afterEach(() => {
  vi.restoreAllMocks();
  vi.doUnmock('gpu.js');
  vi.resetModules();
});

describe('the option gpu', () => {
  it.each<[GpuMode, GpuOption]>([
    ['webasm', { mode: 'webasm' }],
    ['cpu', { mode: 'cpu', threshold: 2 }],
  ])('forces %s', async (mode, gpu) => {
    const p = parameter();
    const optimizer = new SGD([p], { lr: 0.5, gpu });
    await optimizer.ready();
    optimizer.step();
    expect([optimizer.engineOf(p), p.toArray()]).toEqual([mode, [0.5, 1]]);
  });

  it('leaves small and float64 parameters to the loop', async () => {
    const [small, large] = [parameter([1]), parameter([1, 2, 3])];
    const double = tensor([1, 2, 3], { dtype: 'float64', requiresGrad: true });
    double.grad = large.grad;
    const optimizer = new SGD([small, large, double], { gpu: { mode: 'webasm', threshold: 3 } });
    await optimizer.stepAsync();
    expect([small, large, double].map((p) => optimizer.engineOf(p))).toEqual(['loop', 'webasm', 'loop']);
    expect(optimizer.engines()).toEqual([
      { name: '0', engine: 'loop', why: '1 numbers, and webasm pays from 3 on' },
      { name: '1', engine: 'webasm', why: '3 numbers, at least 3, on webasm' },
      { name: '2', engine: 'loop', why: 'a GPU computes in float32, and this is float64' },
    ]);
  });

  it('step says what to do where gpu.js is not loaded yet, and changes nothing', async () => {
    const p = parameter();
    const optimizer = new Adam([p], { gpu: { mode: 'webasm' } });
    expect(() => optimizer.step()).toThrow(
      'adam.step: gpu.js must be loaded first, got gpu.mode "webasm" that is not. Call `await optimizer.ready()` once before.',
    );
    expect(p.toArray()).toEqual([1, 2]);
    expect(optimizer.engines()[0]!.why).toBe('gpu.js is not loaded: call `await optimizer.ready()` once');
    await optimizer.stepAsync();
    expect(optimizer.engineOf(p)).toBe('webasm');
    optimizer.step();
    expect(optimizer.stateDict().groups[0]!.params[0]!.t).toBe(2);
  });

  it('says so where the backend is not to be had', async () => {
    const optimizer = new Adam([parameter()], { gpu: { mode: 'webgl2' } });
    const expected =
      'adam: gpu.js must be able to run on webgl2 here, got the error: A requested mode of "webgl2" and is not supported. ' +
      'Choose another mode, or set gpu to "off".';
    expect(await reason(optimizer.ready())).toBe(expected);
    expect(await reason(optimizer.stepAsync())).toBe(expected);
  });

  it('off, and auto for small parameters, load nothing', async () => {
    const open = vi.spyOn(GpuDevice, 'open');
    for (const gpu of ['off', 'auto'] as const) {
      const p = parameter();
      const optimizer = new SGD([p], { gpu });
      await optimizer.ready();
      await optimizer.stepAsync();
      expect(optimizer.engineOf(p)).toBe('loop');
      const why =
        gpu === 'off' ? 'gpu is "off"' : '2 numbers are too few for any GPU to pay; from 16384 on it may';
      expect(optimizer.engines()).toEqual([{ name: '0', engine: 'loop', why }]);
    }
    expect(open).not.toHaveBeenCalled();
  });

  it('says what to install where gpu.js is missing', async () => {
    vi.doMock('gpu.js', () => {
      throw new Error('Cannot find package');
    });
    const { GpuDevice: Fresh } = await import('../../src/kernels/gpu.ts');
    await expect(Fresh.open('adam', 'webasm')).rejects.toThrow(
      'adam: gpu.js must be installed, got no package of that name. Install it with `npm install gpu.js`, or set gpu to "off".',
    );
  });
});

describe('a backend of gpu.js', () => {
  it.each([
    ['a kernel that fell back to another backend', [1, 2], class Another {}],
    ['wrong results', [0, 0], Object],
  ])('counts only where it computes itself, and rightly: not %s', async (got, results, Kernel) => {
    class GPU {
      readonly Kernel = Kernel;
      createKernel = () => Object.assign(() => Float32Array.from(results), { kernel: {} });
    }
    vi.doMock('gpu.js', () => ({ GPU }));
    const { GpuDevice: Fresh } = await import('../../src/kernels/gpu.ts');
    await expect(Fresh.open('adam', 'webgl2')).rejects.toThrow(
      `adam: gpu.js must be able to run on webgl2 here, got ${got}. Choose another mode, or set gpu to "off".`,
    );
  });

  it('is opened once, and again when it was lost', async () => {
    const first = await GpuDevice.open('test', 'cpu');
    expect(await GpuDevice.open('test', 'cpu')).toBe(first);
    vi.spyOn(first, 'lost', 'get').mockReturnValue(true);
    expect(await GpuDevice.open('test', 'cpu')).not.toBe(first);
  });
});

describe('gpu.js kernels', () => {
  it('are not misled by a number that is whole at first', async () => {
    const p = parameter();
    const optimizer = new SGD([p], { lr: 1, gpu: { mode: 'webasm' } });
    await optimizer.ready();
    optimizer.step();
    optimizer.lr = 0.25;
    p.grad = tensor([4, 8]);
    optimizer.step();
    expect(p.toArray()).toEqual([-1, -2]);
  });
});
