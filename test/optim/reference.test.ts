import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { DType } from '../../src/core/dtype.ts';
import { createOptimizer, type OptimizerName } from '../../src/optim/index.ts';
import { tensor } from '../../src/tensor/index.ts';
import { expectClose } from '../support/close.ts';
import { cases, type Options, title } from './cases.ts';

interface Course {
  by: string;
  params: number[][];
  norm?: number;
}

interface Reference {
  generated: string;
  recorded: number[];
  start: number[][];
  gradients: number[][][];
  rows: ({ name: OptimizerName; options: Options } & Record<'float64' | 'float32', Course>)[];
}

const file = new URL('../reference/optim.json', import.meta.url);
const reference: Reference = JSON.parse(readFileSync(file, 'utf8'));

function course(
  name: OptimizerName,
  options: Options,
  dtype: DType,
): { params: number[][]; norm: number | null } {
  const params = reference.start.map((p) => tensor(p, { dtype, requiresGrad: true }));
  const optimizer = createOptimizer(name, params, options as object);
  const recorded: number[][] = [];
  for (const [k, gradients] of reference.gradients.entries()) {
    for (const [i, p] of params.entries()) p.grad = tensor(gradients[i]!, { dtype });
    optimizer.step();
    if (reference.recorded.includes(k + 1))
      recorded.push(params.flatMap((p) => (p.toArray() as number[]).flat()));
  }
  return { params: recorded, norm: optimizer.gradNorm };
}

describe(`every optimizer and option against ${reference.generated}`, () => {
  it('there is a row for every case', () => {
    expect(reference.rows.map(({ name, options }) => ({ name, options }))).toEqual(cases);
    expect(reference.gradients.length).toBeGreaterThanOrEqual(10);
  });

  for (const row of reference.rows) {
    it(`${title(row.name, row.options)}, by ${row.float64.by}`, () => {
      const double = course(row.name, row.options, 'float64');
      expectClose(double.params, row.float64.params, { rtol: 1e-12 });
      if (row.float64.norm) expectClose(double.norm!, row.float64.norm, { rtol: 1e-12 });
      const single = course(row.name, row.options, 'float32');
      expectClose(single.params, row.float32.params, { rtol: 1e-5 });
    });
  }
});
