import { AdamW, createOptimizer, type Tensor, tensor } from 'gradlet';
import { describe, expect, it } from 'vitest';
import { cases, title } from '../optim/cases.ts';

const SIZE = 24;
const wave = (k: number, size = SIZE): Float32Array =>
  Float32Array.from({ length: size }, (_, i) => 1.5 * Math.sin(i * 1.7 + k * k + 0.4));

async function walk(
  p: Tensor,
  optimizer: { step(): void; ready(): Promise<void> },
  steps = 4,
): Promise<Float32Array> {
  await optimizer.ready();
  for (let k = 1; k <= steps; k++) {
    p.grad = tensor(wave(k, p.size));
    optimizer.step();
  }
  return Float32Array.from(p.toArray() as number[]);
}

describe('gpu.js on WebGL2 agrees with the loop within 2e-5 · max(1, |p|)', () => {
  for (const { name, options } of cases) {
    it(title(name, options), async () => {
      const [onLoop, onGpu] = [
        tensor(wave(0), { requiresGrad: true }),
        tensor(wave(0), { requiresGrad: true }),
      ];
      const gpu = createOptimizer(name, [onGpu], { ...options, gpu: { mode: 'webgl2' } } as object);
      const expected = await walk(
        onLoop,
        createOptimizer(name, [onLoop], { ...options, gpu: 'off' } as object),
      );
      const found = await walk(onGpu, gpu);
      expect(gpu.engineOf(onGpu)).toBe('webgl2');
      const worst = Math.max(
        ...found.map((x, i) => Math.abs(x - expected[i]!) / Math.max(1, Math.abs(expected[i]!))),
      );
      expect(worst).toBeLessThan(2e-5);
    });
  }

  it('takes parameters of at least the threshold, and leaves small ones to the loop', async () => {
    const [small, large] = [8, 2 ** 17].map((size) => tensor(wave(0, size), { requiresGrad: true })) as [
      Tensor,
      Tensor,
    ];
    const optimizer = new AdamW([small, large], { gpu: { mode: 'webgl2', threshold: 2 ** 16 } });
    for (const p of [small, large]) p.grad = tensor(wave(1, p.size));
    await optimizer.stepAsync();
    expect([small, large].map((p) => optimizer.engineOf(p))).toEqual(['loop', 'webgl2']);
    optimizer.step();
    expect(optimizer.stateDict().groups[0]!.params.map(({ t }) => t)).toEqual([2, 2]);
  });
});
