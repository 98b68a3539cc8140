import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { ValueError } from '../../src/core/errors.ts';
import * as nn from '../../src/nn/index.ts';
import { ones, type Tensor, tensor } from '../../src/tensor/index.ts';
import { Pair } from '../support/pair.ts';

/** A module with something in every kind of place. */
class Zoo extends nn.Module {
  name = 'zoo';
  size = 3;
  options = { lr: 0.1, betas: [0.9, 0.99] };
  layers = [new nn.Linear(2, 2), [new nn.Linear(2, 1, { bias: false })]];
  heads = new Map<string, unknown>([['left', { deep: [new nn.BatchNorm(1)] }]]);
  scale = new nn.Parameter([1, 2]);
  plain = tensor([3], { requiresGrad: true });
  computed = this.plain.mul(2);
  constant = tensor([4]);
  none = null;
  readonly #hidden = new nn.Linear(2, 2);

  forward(x: Tensor): Tensor {
    return this.#hidden.forward(x);
  }
}

class Holder extends nn.Module {
  [field: string]: unknown;

  constructor(fields: Record<string, unknown>) {
    super();
    Object.assign(this, fields);
  }

  forward(): void {}
}

const names = (entries: readonly (readonly [string, unknown])[]): string[] => entries.map(([name]) => name);

describe('what a module finds in itself', () => {
  it('parameters in fields, arrays, maps and objects, with PyTorch’s names and order', () => {
    expect(names(new Zoo().namedParameters())).toEqual([
      'scale',
      'plain',
      'layers.0.weight',
      'layers.0.bias',
      'layers.1.0.weight',
      'heads.left.deep.0.weight',
      'heads.left.deep.0.bias',
    ]);
    const zoo = new Zoo();
    expect(zoo.parameters()).toEqual(zoo.namedParameters().map(([, p]) => p));
    expect(zoo.parameters()[0]).toBe(zoo.scale);
  });

  it('buffers, under their keys', () => {
    const zoo = new Zoo();
    expect(names(zoo.namedBuffers())).toEqual([
      'heads.left.deep.0.running_mean',
      'heads.left.deep.0.running_var',
      'heads.left.deep.0.num_batches_tracked',
    ]);
    expect(zoo.buffers()).toEqual(zoo.namedBuffers().map(([, b]) => b));
  });

  it('children and modules', () => {
    const zoo = new Zoo();
    expect(names(zoo.namedChildren())).toEqual(['layers.0', 'layers.1.0', 'heads.left.deep.0']);
    expect(zoo.children()).toEqual(zoo.namedChildren().map(([, c]) => c));
    const nested = new nn.Sequential(new nn.Sequential(new nn.ReLU()), new nn.Tanh());
    expect(names(nested.namedModules())).toEqual(['', '0', '0.0', '1']);
    expect(nested.modules()).toEqual([nested, nested[0], (nested[0] as nn.Sequential)[0], nested[1]]);
  });

  it('a layer added later', () => {
    const holder = new Holder({ layers: [] });
    expect(holder.parameters()).toEqual([]);
    (holder.layers as nn.Module[]).push(new nn.Linear(1, 1));
    expect(names(holder.namedParameters())).toEqual(['layers.0.weight', 'layers.0.bias']);
  });

  it('shared modules and parameters once, under the first name', () => {
    const shared = new nn.Linear(2, 2);
    const pair = new Pair(shared, new nn.Sequential(shared, new nn.Linear(2, 2)));
    expect(names(pair.namedParameters())).toEqual([
      'left.weight',
      'left.bias',
      'right.1.weight',
      'right.1.bias',
    ]);
    expect(names(pair.namedModules())).toEqual(['', 'left', 'right', 'right.1']);
    expect(names(new Pair(shared, shared).namedChildren())).toEqual(['left']);
    const tied = new Pair(new nn.Linear(2, 2), new nn.Linear(2, 2));
    (tied.right as nn.Linear).weight = (tied.left as nn.Linear).weight;
    expect(names(tied.namedParameters())).toEqual(['left.weight', 'left.bias', 'right.bias']);
  });

  it('cycles of modules and of arrays', () => {
    const list: unknown[] = [new nn.Linear(1, 1)];
    list.push(list);
    const holder = new Holder({ list });
    holder.parent = new Holder({ child: holder });
    expect(names(holder.namedParameters())).toEqual(['list.0.weight', 'list.0.bias']);
    expect(names(holder.namedModules())).toEqual(['', 'list.0', 'parent']);
    expect(Object.keys(holder.stateDict())).toEqual(['list.0.weight', 'list.0.bias']);
    holder.loadStateDict(holder.stateDict());
    holder.eval();
    expect(holder.modules().map((m) => m.training)).toEqual([false, false, false]);
    expect(String(holder)).toBe(
      'Holder(\n  (list.0): Linear(inFeatures=1, outFeatures=1, bias=true)\n  (parent): Holder(\n    (child): Holder(…)\n  )\n)',
    );
  });

  it('a clash of names, which is an error', () => {
    const holder = new Holder({ a: new nn.Parameter([1], { key: 'b' }), b: new nn.Parameter([1]) });
    expect(() => holder.parameters()).toThrow(
      new ValueError(
        'Holder',
        'every tensor must have a name of its own',
        'two called "b"',
        'Rename a field or key.',
      ),
    );
  });

  it('a training loop reaches parameters in arrays', () => {
    const zoo = new Zoo();
    (zoo.layers[0] as nn.Linear)
      .forward(ones([1, 2]))
      .sum()
      .backward();
    expect(zoo.parameters().filter((p) => p.grad)).toHaveLength(2);
    zoo.zeroGrad();
    expect(zoo.parameters().every((p) => p.grad === null)).toBe(true);
  });
});

describe('Parameter and Buffer', () => {
  it('copy what they are given', () => {
    const source = tensor([
      [1, 2],
      [3, 4],
    ]);
    const p = new nn.Parameter(source.transpose());
    expect([p.toArray(), p.strides, p.requiresGrad, p.isLeaf]).toEqual([
      [
        [1, 3],
        [2, 4],
      ],
      [2, 1],
      true,
      true,
    ]);
    nn.init.zeros(p);
    expect(source.toArray()).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(new nn.Parameter(p.mul(2)).isLeaf).toBe(true);
  });

  it('take data and dtypes as tensor does', () => {
    expect(new nn.Parameter([[1], [2]], { dtype: 'float64' }).dtype).toBe('float64');
    expect(new nn.Parameter(new Float64Array(3)).dtype).toBe('float64');
    expect(new nn.Parameter([1], { requiresGrad: false }).requiresGrad).toBe(false);
    const b = new nn.Buffer(tensor([1, 2], { dtype: 'int32' }));
    expect([b.dtype, b.requiresGrad, b.toArray()]).toEqual(['int32', false, [1, 2]]);
  });

  it('refuse to train whole numbers', () => {
    expect(() => new nn.Parameter(tensor([1], { dtype: 'int32' }))).toThrow(
      new ValueError(
        'requiresGrad',
        'a gradient needs float32 or float64',
        'int32',
        "Use cast('float32') first.",
      ),
    );
  });
});

describe('freezing', () => {
  it('stops gradients and forgets no parameter, plain tensors included', () => {
    const zoo = new Zoo();
    const all = zoo.parameters();
    expect(zoo.requiresGrad(false)).toBe(zoo);
    expect(zoo.parameters()).toEqual(all);
    expect(all.every((p) => !p.requiresGrad)).toBe(true);
    expect((zoo.layers[0] as nn.Linear).forward(ones([1, 2])).requiresGrad).toBe(false);
    zoo.requiresGrad();
    expect(all.every((p) => p.requiresGrad)).toBe(true);
  });

  it('works on a part', () => {
    const model = new nn.Sequential(new nn.Linear(2, 2), new nn.Linear(2, 1));
    model[0]!.requiresGrad(false);
    model
      .forward(ones([1, 2]))
      .sum()
      .backward();
    expect(model.parameters().map((p) => p.grad !== null)).toEqual([false, false, true, true]);
  });
});

describe('apply', () => {
  it('calls children first, each module once', () => {
    const shared = new nn.ReLU();
    const model = new nn.Sequential(new nn.Sequential(shared, new nn.Tanh()), shared);
    const seen: nn.Module[] = [];
    expect(model.apply((m) => void seen.push(m))).toBe(model);
    expect(seen.map((m) => m.constructor.name)).toEqual(['ReLU', 'Tanh', 'Sequential', 'Sequential']);
    expect(seen.at(-1)).toBe(model);
  });
});

describe('printing', () => {
  it('shows the tree as PyTorch does', () => {
    const model = new nn.Sequential(
      new nn.Linear(4, 3),
      new nn.Sequential(new nn.BatchNorm1d(3, { momentum: null }), new nn.LeakyReLU()),
      new nn.LayerNorm([3], { bias: false }),
      new nn.Dropout(0.2),
      new nn.Softmax({ axis: 1 }),
    );
    const text = `Sequential(
  (0): Linear(inFeatures=4, outFeatures=3, bias=true)
  (1): Sequential(
    (0): BatchNorm1d(3, eps=0.00001, momentum=null, affine=true, trackRunningStats=true)
    (1): LeakyReLU(negativeSlope=0.01)
  )
  (2): LayerNorm([3], eps=0.00001, elementwiseAffine=true, bias=false)
  (3): Dropout(p=0.2)
  (4): Softmax(axis=1)
)`;
    expect(String(model)).toBe(text);
    expect(inspect(model)).toBe(text);
  });

  it('shows arrays, maps, options of one’s own, and shared modules each time', () => {
    class Own extends nn.Module {
      body = [new nn.ReLU()];
      again = this.body[0];
      forward(): void {}
      override extraRepr(): string {
        return 'depth=1';
      }
    }
    expect(String(new Own())).toBe('Own(\n  depth=1\n  (body.0): ReLU()\n  (again): ReLU()\n)');
    expect(String(new Holder({ only: new Own() }))).toBe(
      'Holder(\n  (only): Own(\n    depth=1\n    (body.0): ReLU()\n    (again): ReLU()\n  )\n)',
    );
    const nameless = new (class extends nn.Module {
      forward(): void {}
    })();
    expect(String(nameless)).toBe('Module()');
  });
});
