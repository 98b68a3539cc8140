import type * as rules from '../../src/optim/rules.ts';
import table from '../reference/optim-cases.json' with { type: 'json' };

/** The optimizers of rules.ts; `OptimizerName` may hold plug-ins of examples too. */
export type BuiltInName = (typeof rules)[keyof typeof rules]['rule']['name'];

/** Options of a test case. */
export type Options = Readonly<Record<string, number | boolean | string>>;

/** Options of each optimizer's own, one list per case; an optimizer without cases does not compile. */
const own: Record<BuiltInName, object[]> = table.own;

/** Every optimizer with every combination of its own options and the shared ones. */
export const cases = Object.entries(own).flatMap(([name, list]) =>
  list.flatMap((mine) =>
    table.shared.map((more) => ({ name: name as BuiltInName, options: { ...mine, ...more } as Options })),
  ),
);

/** `adam { amsgrad: true, clipNorm: 1 }` */
export function title(name: string, options: Options): string {
  const texts = Object.entries(options).map(([key, value]) => `${key}: ${value}`);
  return `${name} { ${texts.join(', ')} }`;
}
