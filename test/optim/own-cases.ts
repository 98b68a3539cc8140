// The cases of the optimizer tests; a browser can read them, too.
import type * as rules from '../../src/optim/rules/index.ts';
import type { Tensor } from '../../src/tensor/index.ts';
import table from '../../src/testing/optimizer-cases.json' with { type: 'json' };

export type BuiltInName = (typeof rules)[keyof typeof rules]['rule']['name'];
export type Options = Readonly<Record<string, number | boolean | string>>;

/** Options of each optimizer's own, one list per case; an optimizer without cases does not compile. */
export const own: Record<BuiltInName, object[]> = table.own;

/** Options that all share. */
export const shared: readonly object[] = table.shared;

/** A step on the loss Σ grad · d + d² / 2, where d is the way from here: it has the given gradients here. */
export function stepBy(
  optimizer: { step(closure: () => number): number },
  params: readonly Tensor[],
  gradients: readonly Tensor[],
): void {
  const here = params.map((p) => p.detach().mul(1));
  optimizer.step(() => {
    const ways = params.map((p, i) => p.detach().sub(here[i]!));
    for (const [i, p] of params.entries()) p.grad = gradients[i]!.add(ways[i]!);
    return ways.reduce(
      (sum, way, i) =>
        sum +
        way
          .mul(gradients[i]!.add(way.div(2)))
          .sum()
          .item(),
      0,
    );
  });
}

/** `adam { amsgrad: true, clipNorm: 1 }` */
export function title(name: string, options: object): string {
  const texts = Object.entries(options).map(([key, value]) => `${key}: ${value}`);
  return `${name} { ${texts.join(', ')} }`;
}
