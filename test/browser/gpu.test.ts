import { AdamW, calibrateGpu, createOptimizer, type Tensor, tensor } from 'gradlet';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { GpuDevice } from '../../src/kernels/gpu.ts';
import { type BuiltInName, own, shared, title } from '../optim/own-cases.ts';

const SIZE = 24;
const wave = (k: number, size = SIZE): Float32Array =>
  Float32Array.from({ length: size }, (_, i) => 1.5 * Math.sin(i * 1.7 + k * k + 0.4));

interface Steps {
  stepAsync(): Promise<void>;
  sync(): Promise<void>;
}

async function walk(p: Tensor, optimizer: Steps, steps = 4): Promise<Float32Array> {
  for (let k = 1; k <= steps; k++) {
    p.grad = tensor(wave(k, p.size));
    await optimizer.stepAsync();
  }
  return Float32Array.from(p.toArray() as number[]);
}

const parameter = (size = SIZE): Tensor => tensor(wave(0, size), { requiresGrad: true });
const worst = (found: Float32Array, expected: Float32Array): number =>
  Math.max(...found.map((x, i) => Math.abs(x - expected[i]!) / Math.max(1, Math.abs(expected[i]!))));

/** Whether the loop and the backend come to the same. */
async function agree(
  mode: 'webgl2' | 'webgpu',
  name: BuiltInName,
  options: object,
  steps?: number,
): Promise<void> {
  const [onLoop, onGpu] = [parameter(), parameter()];
  const expected = await walk(onLoop, createOptimizer(name, [onLoop], { ...options, gpu: 'off' }), steps);
  const gpu = createOptimizer(name, [onGpu], { ...options, gpu: { mode } });
  const found = await walk(onGpu, gpu, steps);
  expect(gpu.engineOf(onGpu)).toBe(mode);
  expect(worst(found, expected)).toBeLessThan(2e-5);
  await gpu.sync();
}

const all = Object.entries(own).flatMap(([name, list]) =>
  list.map((options) => ({ name: name as BuiltInName, options })),
);
const rules = all.filter(({ name }) => name !== 'adafactor' && name !== 'lbfgs');

for (const mode of ['webgl2', 'webgpu'] as const) {
  describe(`gpu.js on ${mode} agrees with the loop within 2e-5 · max(1, |p|)`, () => {
    for (const { name, options } of rules) {
      it(title(name, options), () => agree(mode, name, options));
    }
    for (const options of shared) {
      it(`adamw ${JSON.stringify(options)}`, () => agree(mode, 'adamw', options));
    }
    it('over 40 steps', () => agree(mode, 'nadam', { weightDecay: 0.1 }, 40));

    it('takes parameters of at least the threshold, and leaves small ones to the loop', async () => {
      const [small, large, larger] = [8, 2 ** 17, 2 ** 17 + 3].map(parameter) as [Tensor, Tensor, Tensor];
      const params = [small, large, larger];
      const optimizer = new AdamW(params, { gpu: { mode, threshold: 2 ** 16 } });
      const loop = params.map((p) => tensor(p, { requiresGrad: true }));
      const reference = new AdamW(loop, { gpu: 'off' });
      for (let k = 1; k <= 3; k++) {
        for (const p of [...params, ...loop]) p.grad = tensor(wave(k, p.size));
        await optimizer.stepAsync();
        reference.step();
      }
      expect(params.map((p) => optimizer.engineOf(p))).toEqual(['loop', mode, mode]);
      expect(optimizer.engines().map(({ engine }) => engine)).toEqual(['loop', mode, mode]);
      await optimizer.sync();
      const saved = optimizer.stateDict().groups[0]!.params;
      const expected = reference.stateDict().groups[0]!.params;
      for (const [k, p] of params.entries()) {
        const flat = (t: Tensor): Float32Array => Float32Array.from(t.toArray() as number[]);
        for (const [a, b] of [
          [p, loop[k]!],
          [saved[k]!.state.m!, expected[k]!.state.m!],
        ] as const) {
          const [x, y] = [flat(a), flat(b)];
          let off = 0;
          for (let i = 0; i < x.length; i++) off = Math.max(off, Math.abs(x[i]! - y[i]!));
          expect(off).toBeLessThan(2e-5);
        }
      }
    });

    it('tells what computes, and that it is no real GPU here', async () => {
      const { hardware, limit } = await GpuDevice.open('test', mode);
      expect(hardware.name).toMatch(/swiftshader/i);
      expect(hardware.real).toBe(false);
      expect(limit).toBeGreaterThan(2 ** 24);
    });
  });
}

describe('auto', () => {
  it('does not take a software renderer for a GPU', async () => {
    const { mode, why } = await calibrateGpu();
    expect(mode).toBe(null);
    expect(why).toMatch(
      /^webgl2 here is .*SwiftShader.*, which is no GPU; webgpu here is .*swiftshader.*, which is no GPU$/,
    );
    const p = parameter(2 ** 15);
    const optimizer = createOptimizer('adam', [p]);
    await walk(p, optimizer, 2);
    expect(optimizer.engines()[0]).toMatchObject({ engine: 'loop', why });
  });
});

describe('a lost WebGL2 context', () => {
  afterEach(() => vi.restoreAllMocks());

  /** Every context that is made from now on. */
  function contexts(): Set<WebGL2RenderingContext> {
    const made = new Set<WebGL2RenderingContext>();
    for (const { prototype } of [HTMLCanvasElement, OffscreenCanvas]) {
      const original = prototype.getContext as (...args: unknown[]) => unknown;
      vi.spyOn(prototype, 'getContext').mockImplementation(function (this: unknown, ...args: unknown[]) {
        const context = original.apply(this, args);
        if (context instanceof WebGL2RenderingContext) made.add(context);
        return context as never;
      });
    }
    return made;
  }

  const lose = (all: Iterable<WebGL2RenderingContext>): void => {
    for (const gl of all) gl.getExtension('WEBGL_lose_context')?.loseContext();
  };

  it.each(['between steps', 'before the state is saved'])(
    '%s loses nothing of the training',
    async (when) => {
      const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
      const made = contexts();
      // the device of earlier tests, which has to be opened anew to be in our hands
      const old = await GpuDevice.open('test', 'webgl2');
      vi.spyOn(old, 'lost', 'get').mockReturnValue(true);
      const [onLoop, onGpu] = [parameter(), parameter()];
      const gpu = createOptimizer('adam', [onGpu], { gpu: { mode: 'webgl2' } });
      const loop = createOptimizer('adam', [onLoop], { gpu: 'off' });
      for (let k = 1; k <= 8; k++) {
        for (const [p, optimizer] of [
          [onGpu, gpu],
          [onLoop, loop],
        ] as const) {
          p.grad = tensor(wave(k));
          if (k === 5 && p === onGpu) lose(made);
          if (k === 5 && when !== 'between steps') optimizer.stateDict();
          await optimizer.stepAsync();
        }
      }
      expect(gpu.engineOf(onGpu)).toBe('loop');
      expect(gpu.engines()[0]!.why).toBe('the webgl2 device was lost');
      expect(warn).toHaveBeenCalledTimes(1);
      const numbers = (t: Tensor): Float32Array => Float32Array.from(t.toArray() as number[]);
      expect(worst(numbers(onGpu), numbers(onLoop))).toBeLessThan(2e-5);
      const [a, b] = [gpu, loop].map((optimizer) => optimizer.stateDict().groups[0]!.params[0]!.state) as [
        Record<string, Tensor>,
        Record<string, Tensor>,
      ];
      for (const name of ['m', 'v']) expect(worst(numbers(a[name]!), numbers(b[name]!))).toBeLessThan(2e-5);

      // a new optimizer gets a new context
      const again = parameter();
      const fresh = createOptimizer('adam', [again], { gpu: { mode: 'webgl2' } });
      await walk(again, fresh, 1);
      expect(fresh.engineOf(again)).toBe('webgl2');
    },
  );
});
