import {
  Adam,
  defineOptimizer,
  describeOptimizers,
  type OptimizerDescription,
  type OptimizerName,
} from 'gradlet';
import { describe, expectTypeOf, test } from 'vitest';

describe('describeOptimizers', () => {
  test('knows the options of an optimizer, by name and by class', () => {
    for (const { defaults, ranges } of [describeOptimizers('adam'), describeOptimizers(Adam)]) {
      expectTypeOf(defaults.beta1).toEqualTypeOf<number>();
      expectTypeOf(defaults.amsgrad).toEqualTypeOf<boolean>();
      expectTypeOf(defaults.decay).toEqualTypeOf<'coupled' | 'decoupled'>();
      expectTypeOf(ranges.epsRoot).toEqualTypeOf<string>();
      // @ts-expect-error adam has no rho
      ranges.rho;
      // @ts-expect-error a description, not the rule
      defaults.beta1 = 1;
    }
  });

  test('knows those of an optimizer of one’s own', () => {
    const Mine = defineOptimizer({
      name: 'mine',
      paper: '',
      defaults: { lr: 1, bend: 2 },
      lines: { delta: ({ g }, { bend }) => bend * g },
    });
    expectTypeOf(describeOptimizers(Mine).defaults.bend).toEqualTypeOf<number>();
    expectTypeOf(describeOptimizers(Mine).ranges.bend).toEqualTypeOf<string>();
  });

  test('knows of all what they share', () => {
    expectTypeOf(describeOptimizers()).toEqualTypeOf<OptimizerDescription[]>();
    expectTypeOf(describeOptimizers()[0]!.defaults.lr).toEqualTypeOf<number>();
    const name = 'sgd' as OptimizerName;
    expectTypeOf(describeOptimizers(name).memory.kept).toEqualTypeOf<readonly string[]>();
    // @ts-expect-error unknown
    describeOptimizers('adm');
  });
});
