import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allocate, type DType, type TypedArray } from '../../src/core/dtype.ts';
import type { Uniforms } from '../../src/formula/program.ts';
import { interpretUpdate } from '../../src/kernels/update.ts';
import { clipScale } from '../../src/optim/clip.ts';
import { CompiledRule } from '../../src/optim/compiled.ts';
import { createOptimizer, type GpuOption } from '../../src/optim/index.ts';
import type { StepScalars } from '../../src/optim/rule.ts';
import * as rules from '../../src/optim/rules.ts';
import { sharedScalars } from '../../src/optim/shared-lines.ts';
import { contiguousData, type Tensor, tensor } from '../../src/tensor/index.ts';
import { expectClose } from '../support/close.ts';
import { type BuiltInName, cases, type Options, title } from './cases.ts';

const compiled = new Map(
  Object.values(rules).map(({ rule }) => [rule.name as string, new CompiledRule(rule as never)]),
);

/** The course of one parameter by the definition: every line of the rule called literally, all of them kept. */
function interpreted(
  name: BuiltInName,
  options: Options,
  p: TypedArray,
  gradients: TypedArray[],
): TypedArray[] {
  const { defaults, lines } = compiled.get(name)!;
  const { list, ownPull, rule } = lines!;
  const { clipNorm, clipValue: value, ...own } = options;
  const clipValue = (value as number | undefined) ?? Infinity;
  const settings: Uniforms = { ...defaults, ...own };
  const arrays: Record<string, TypedArray> = { p: p.slice(), p0: p.slice() };
  for (const line of Object.keys(rule.lines)) {
    const initial = rule.initial?.[line] as ((e: object, s: object) => number) | undefined;
    arrays[line] = p.map((x) => initial?.({ p: x }, settings) ?? 0);
  }
  let perStep: StepScalars = {};
  return gradients.map((grad, k) => {
    perStep = lines!.scalarsAt(k + 1, settings, perStep);
    const norm = Math.sqrt([...grad].reduce((sum, g) => sum + g * g, 0));
    const scale = clipNorm === undefined ? 1 : clipScale(norm, clipNorm as number);
    const shared = sharedScalars(settings, { ownPull, clipScale: scale, clipValue });
    interpretUpdate(list, p.length, { ...arrays, grad }, { ...settings, ...perStep, ...shared });
    return arrays.p!.slice();
  });
}

function stepped(
  name: BuiltInName,
  options: object,
  dtype: DType,
  p: TypedArray,
  gradients: TypedArray[],
): TypedArray[] {
  const param = tensor(p, { dtype, requiresGrad: true });
  const optimizer = createOptimizer(name, [param], options);
  return gradients.map((grad) => {
    param.grad = tensor(grad, { dtype });
    optimizer.step();
    return contiguousData(param).slice();
  });
}

const values = fc.oneof(
  { weight: 20, arbitrary: fc.double({ min: -1e3, max: 1e3, noNaN: true }) },
  { weight: 4, arbitrary: fc.constantFrom(0, -0, 1, -1, 1e-30, -1e-30) },
  { weight: 1, arbitrary: fc.constantFrom(NaN, Infinity, -Infinity, 1e38, 5e-324) },
);

const course = fc.record({
  dtype: fc.constantFrom<DType>('float32', 'float64'),
  rows: fc
    .integer({ min: 1, max: 5 })
    .chain((size) =>
      fc.array(fc.array(values, { minLength: size, maxLength: size }), { minLength: 2, maxLength: 6 }),
    ),
});

describe('the compiled loop computes what the lines say, bit for bit', () => {
  for (const { name, options } of cases) {
    it(title(name, options), () => {
      fc.assert(
        fc.property(course, ({ dtype, rows }) => {
          const [p, ...gradients] = rows.map((row) => {
            const array = allocate(dtype, row.length);
            array.set(row);
            return array;
          }) as [TypedArray, ...TypedArray[]];
          expect(stepped(name, options, dtype, p, gradients)).toEqual(
            interpreted(name, options, p, gradients),
          );
        }),
        { numRuns: 25 },
      );
    });
  }
});

describe('gpu.js on WebAssembly agrees with the loop within 2e-5 · max(1, |p|)', () => {
  const size = 24;
  const wave = (k: number): Float32Array =>
    Float32Array.from({ length: size }, (_, i) => 1.5 * Math.sin(i * 1.7 + k * k));
  const gradients = [1, 2, 3, 4].map(wave);
  gradients[0]![5] = 0;

  async function run(
    name: BuiltInName,
    options: object,
    gpu: GpuOption,
  ): Promise<{ p: Tensor; engine: unknown }> {
    const p = tensor(wave(0), { requiresGrad: true });
    const optimizer = createOptimizer(name, [p], { ...options, gpu });
    await optimizer.ready();
    for (const g of gradients) {
      p.grad = tensor(g);
      optimizer.step();
    }
    return { p, engine: optimizer.engineOf(p) };
  }

  for (const { name, options } of cases) {
    it(title(name, options), async () => {
      const loop = await run(name, options, 'off');
      const gpu = await run(name, options, { mode: 'webasm' });
      expect([loop.engine, gpu.engine]).toEqual(['loop', 'webasm']);
      expectClose(gpu.p, loop.p, { rtol: 2e-5, atol: 2e-5 });
    });
  }
});
