import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allocate, type DType, type TypedArray } from '../../src/core/dtype.ts';
import { type AnyRule, createOptimizer } from '../../src/optim/index.ts';
import * as rules from '../../src/optim/rules/index.ts';
import { contiguousData, tensor } from '../../src/tensor/index.ts';
import { literalCourse } from '../../src/testing/literal.ts';
import { type BuiltInName, cases, title } from './cases.ts';

const ruleOf = new Map(Object.values(rules).map(({ rule }): [string, AnyRule] => [rule.name, rule]));

/** Whether a vector is updated by lines, not by a function of the whole tensor. */
const hasLines = (name: string): boolean => {
  const rule = ruleOf.get(name)!;
  return 'lines' in rule || ('otherwise' in rule && rule.otherwise !== undefined);
};

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
  for (const { name, options } of cases.filter(({ name }) => hasLines(name))) {
    it(title(name, options), () => {
      fc.assert(
        fc.property(course, ({ dtype, rows }) => {
          const [p, ...gradients] = rows.map((row) => {
            const array = allocate(dtype, row.length);
            array.set(row);
            return array;
          }) as [TypedArray, ...TypedArray[]];
          expect(stepped(name, options, dtype, p, gradients)).toEqual(
            literalCourse(ruleOf.get(name)!, options, p, gradients),
          );
        }),
        { numRuns: 25 },
      );
    });
  }
});
