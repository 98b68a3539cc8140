import { grad, gradcheck, noGrad, type Tensor, tensor, zeros } from 'gradlet';
import { describe, expectTypeOf, it } from 'vitest';

describe('tensors', () => {
  const x = tensor([1]);

  it('have every operation as a method', () => {
    expectTypeOf(x.tanh()).toEqualTypeOf<Tensor>();
    expectTypeOf(x.add(2)).toEqualTypeOf<Tensor>();
    expectTypeOf(x.concat([x], 0)).toEqualTypeOf<Tensor>();
    expectTypeOf(x.split(2)).toEqualTypeOf<Tensor[]>();
    expectTypeOf(x.backward()).toEqualTypeOf<void>();
    // @ts-expect-error misspelt
    x.tahn();
  });

  it('refuse misspelt options and values', () => {
    // @ts-expect-error the dtype is float32
    tensor([1], { dtype: 'float23' });
    // @ts-expect-error the option is requiresGrad
    zeros([1], { requireGrad: true });
    // @ts-expect-error the option is keepDims
    x.sum({ axis: 0, keepdim: true });
    // @ts-expect-error a shape is a list
    zeros(2, 3);
    // @ts-expect-error text is no data
    tensor('1');
    // @ts-expect-error arrays are wrapped with tensor()
    x.add([1]);
    // @ts-expect-error none or tanh
    x.gelu({ approximate: 'erf' });
  });

  it('cannot be written to by mistake', () => {
    // @ts-expect-error read-only
    x.shape = [2];
    // @ts-expect-error read-only
    x.shape[0] = 2;
    // @ts-expect-error a gradient is a tensor
    x.grad = 1;
  });
});

describe('grad', () => {
  const x = tensor(1, { requiresGrad: true });

  it('gives one tensor for one input and a list for a list', () => {
    expectTypeOf(grad(x.square(), x)).toEqualTypeOf<Tensor>();
    expectTypeOf(grad(x.square(), [x], { createGraph: true })).toEqualTypeOf<Tensor[]>();
  });

  it('may give null only where unused inputs are allowed', () => {
    expectTypeOf(grad(x.square(), x, { allowUnused: true })).toEqualTypeOf<Tensor | null>();
    expectTypeOf(grad(x.square(), [x], { allowUnused: true })).toEqualTypeOf<(Tensor | null)[]>();
  });
});

it('noGrad returns what the function returns', () => {
  expectTypeOf(noGrad(() => 1)).toEqualTypeOf<number>();
});

it('gradcheck takes functions of tensors', () => {
  gradcheck((a, b) => a.mul(b), [tensor([1]), tensor([2])]);
  // @ts-expect-error a number is no tensor
  gradcheck(() => 1, [tensor([1])]);
});
