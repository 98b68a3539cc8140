import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createOptimizer, type OptimizerName } from '../../../src/optim/index.ts';
import {
  accumulate,
  ema,
  lookahead,
  type OptimizerLike,
  sam,
  swa,
  type Wrapper,
} from '../../../src/optim/wrappers/index.ts';
import { type Tensor, tensor } from '../../../src/tensor/index.ts';
import { expectClose } from '../../support/close.ts';
import { numbers, wraps } from './cases.ts';

interface Row {
  readonly wrapper: keyof typeof wraps;
  readonly args: Readonly<Record<string, unknown>> & { readonly flush?: readonly number[] };
  readonly inner: readonly [name: OptimizerName, options: object];
  readonly params: readonly (readonly number[])[];
  readonly averages: readonly (readonly number[] | null)[];
}

/** What PyTorch and optax compute, written and explained by test/reference/wrappers.py. */
const reference = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../reference/wrappers.json'), 'utf8'),
) as {
  readonly generated: string;
  readonly start: readonly number[];
  readonly slopes: readonly (readonly number[])[];
  readonly rows: readonly Row[];
};

const makers = {
  accumulate: (optimizer, { n, flush: _, ...options }) => accumulate(optimizer, n as number, options),
  ema,
  lookahead,
  sam,
  swa,
} satisfies Record<
  keyof typeof wraps,
  (optimizer: OptimizerLike, args: Readonly<Record<string, unknown>>) => Wrapper
>;

/** Two parameters of these numbers. */
function split(values: readonly number[], requiresGrad = false): Tensor[] {
  const options = { dtype: 'float64', requiresGrad } as const;
  const [c, d, e, f] = values.slice(3) as [number, number, number, number];
  return [
    tensor(values.slice(0, 3), options),
    tensor(
      [
        [c, d],
        [e, f],
      ],
      options,
    ),
  ];
}

describe(reference.generated, () => {
  it('has rows for every wrapper', () => {
    expect(new Set(reference.rows.map(({ wrapper }) => wrapper))).toEqual(new Set(Object.keys(wraps)));
  });

  const title = ({ wrapper, args, inner }: Row): string =>
    `${wrapper} ${JSON.stringify(args)} of ${inner[0]} ${JSON.stringify(inner[1])}`;
  it.each(reference.rows.map((row) => [title(row), row] as const))('%s', (_, row) => {
    const params = split(reference.start, true);
    const optimizer = makers[row.wrapper](
      createOptimizer(row.inner[0], params, row.inner[1] as never),
      row.args,
    );
    for (const [t, slopes] of reference.slopes.entries()) {
      optimizer.step(() => {
        optimizer.zeroGrad();
        const slope = split(slopes);
        const losses = params.map((p, i) => p.pow(4).div(4).add(p.mul(slope[i]!)).sum());
        losses[0]!.add(losses[1]!).backward();
      });
      if (row.args.flush?.includes(t + 1)) optimizer.flush();
      expectClose(numbers(params), row.params[t]!, { what: `parameters after step ${t + 1}` });
      const averages = numbers(optimizer.averages().values());
      expectClose(averages, row.averages[t] ?? [], { what: `averages after step ${t + 1}` });
    }
  });
});
