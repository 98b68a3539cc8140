import { describe, expect, it } from 'vitest';
import { concat, noGrad, ones, stack, type Tensor, tensor } from '../../src/tensor/index.ts';
import { collectGarbage } from '../support/collect.ts';

const leaf = (): Tensor =>
  tensor(
    [
      [1.5, 2, 3],
      [4, 5, 6.5],
    ],
    { requiresGrad: true },
  );
const index = tensor(
  [
    [0, 1],
    [2, 2],
  ],
  { dtype: 'int32' },
);

/** Operations whose derivative does not need the numbers they were given. */
const FORGETFUL: Readonly<Record<string, (h: Tensor) => Tensor>> = {
  'add a number': (h) => h.add(1),
  'add a tensor': (h) => h.add(ones([2, 3])),
  sub: (h) => h.sub(1),
  'mul by a number': (h) => h.mul(3),
  'mul by a constant': (h) => h.mul(ones([3])),
  'div by a number': (h) => h.div(2),
  neg: (h) => h.neg(),
  exp: (h) => h.exp(),
  expm1: (h) => h.expm1(),
  sqrt: (h) => h.sqrt(),
  rsqrt: (h) => h.rsqrt(),
  reciprocal: (h) => h.reciprocal(),
  tanh: (h) => h.tanh(),
  sigmoid: (h) => h.sigmoid(),
  relu: (h) => h.relu(),
  where: (h) => h.detach().gt(2).where(h, 0),
  matmul: (h) => h.matmul(ones([3, 2])),
  sum: (h) => h.sum(),
  mean: (h) => h.mean(0),
  cumsum: (h) => h.cumsum(0),
  softmax: (h) => h.softmax(),
  logSoftmax: (h) => h.logSoftmax(),
  concat: (h) => concat([h, h]),
  stack: (h) => stack([h, h]),
  clone: (h) => h.clone(),
  cast: (h) => h.cast('float64'),
  gather: (h) => h.gather(1, index),
  indexSelect: (h) => h.indexSelect(0, [1, 1]),
  pad: (h) =>
    h.pad([
      [1, 1],
      [0, 0],
    ]),
  // views share the storage, so a copy of the view comes after
  reshape: (h) => h.reshape([6]).clone(),
  flatten: (h) => h.flatten().clone(),
  permute: (h) => h.permute([1, 0]).clone(),
  transpose: (h) => h.transpose().clone(),
  squeeze: (h) => h.squeeze().clone(),
  unsqueeze: (h) => h.unsqueeze(0).clone(),
  expand: (h) => h.expand([2, 2, 3]).clone(),
  slice: (h) => h.slice(0).clone(),
  flip: (h) => h.flip(0).clone(),
  split: (h) => h.split(1)[0]!.clone(),
};

/** Whether the numbers of a tensor are gone, of which `use` keeps only its result. */
async function freed(use: (x: Tensor) => [WeakRef<object>, unknown]): Promise<boolean> {
  const [numbers, kept] = use(leaf());
  await collectGarbage();
  const gone = numbers.deref() === undefined;
  // the result lives to the end of the test
  expect(kept).toBeDefined();
  return gone;
}

describe('the graph keeps no numbers that its derivatives do not need', () => {
  it.each(Object.entries(FORGETFUL))('%s', async (_, op) => {
    const gone = await freed((x) => {
      const h = x.mul(2);
      return [new WeakRef(h.storage), op(h)];
    });
    expect(gone).toBe(true);
  });

  it('keeps those it needs, until backward', async () => {
    const build = (x: Tensor): [WeakRef<object>, Tensor] => {
      const h = x.mul(2);
      return [new WeakRef(h.storage), h.square().sum()];
    };
    expect(await freed(build)).toBe(false);
    expect(
      await freed((x) => {
        const [numbers, y] = build(x);
        y.backward();
        return [numbers, y];
      }),
    ).toBe(true);
  });

  it('keeps nothing in noGrad', async () => {
    const gone = await freed((x) =>
      noGrad(() => {
        const h = x.mul(2);
        return [new WeakRef(h.storage), h.square()];
      }),
    );
    expect(gone).toBe(true);
  });

  it('lets go of gradients on their way', async () => {
    const gone = await freed((x) => {
      let seen: WeakRef<object> | undefined;
      const h = x.mul(2);
      h.registerHook((g) => {
        seen = new WeakRef(g.storage);
        return undefined;
      });
      const y = h.exp().sum();
      y.backward();
      return [seen!, y];
    });
    expect(gone).toBe(true);
  });
});

describe('views share storage', () => {
  it.each<[string, (x: Tensor) => Tensor, number[]]>([
    ['transpose', (x) => x.transpose(), [2, 1]],
    ['permute', (x) => x.permute([1, 0]), [2, 1]],
    ['reshape of contiguous numbers', (x) => x.reshape([3, 2]), [2, 1]],
    ['flatten', (x) => x.flatten(), [5]],
    ['slice', (x) => x.slice(1, [null, null, -1]), [0]],
    ['flip', (x) => x.flip([0, 1]), [0, 0]],
    ['unsqueeze', (x) => x.unsqueeze(0), [0, 1, 2]],
    ['squeeze', (x) => x.unsqueeze(0).squeeze(), [1, 2]],
    ['expand', (x) => x.unsqueeze(0).expand([4, 2, 3]), [3, 1, 2]],
    ['split', (x) => x.split(1)[1]!, [0, 2]],
    ['detach', (x) => x.detach(), [1, 2]],
  ])('%s', (_, view, place) => {
    const x = tensor([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    const y = view(x);
    x.data.set(1, 2, 60);
    expect(y.data.get(...place)).toBe(60);
    y.data.set(...place, 7);
    expect(x.data.get(1, 2)).toBe(7);
  });

  it.each<[string, (x: Tensor) => Tensor]>([
    ['clone', (x) => x.clone()],
    ['reshape of a transposed tensor', (x) => x.transpose().reshape([6])],
    ['tensor of a tensor', (x) => tensor(x)],
    ['cast', (x) => x.cast('float64')],
    ['neg', (x) => x.neg()],
  ])('but %s copies', (_, copy) => {
    const x = tensor([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    const y = copy(x);
    const before = y.toArray();
    x.data.set(0, 0, 100);
    expect(y.toArray()).toEqual(before);
  });

  it('the gradient of an expanded view adds up, that of a reversed one is put back in order', () => {
    const x = tensor([[1, 2, 3]], { requiresGrad: true });
    x.expand([4, 3]).sum().backward();
    expect(x.grad!.toArray()).toEqual([[4, 4, 4]]);
    x.grad = null;
    x.slice(0, [null, null, -2])
      .mul(tensor([10, 20]))
      .sum()
      .backward();
    expect(x.grad!.toArray()).toEqual([[20, 0, 10]]);
  });
});
