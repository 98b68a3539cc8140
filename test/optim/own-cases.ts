// The cases of the optimizer tests; a browser can read them, too.
import type * as rules from '../../src/optim/rules/index.ts';
import table from '../../src/testing/optimizer-cases.json' with { type: 'json' };

export type BuiltInName = (typeof rules)[keyof typeof rules]['rule']['name'];
export type Options = Readonly<Record<string, number | boolean | string>>;

/** Options of each optimizer's own, one list per case; an optimizer without cases does not compile. */
export const own: Record<BuiltInName, object[]> = table.own;

/** Options that all share. */
export const shared: readonly object[] = table.shared;

/** `adam { amsgrad: true, clipNorm: 1 }` */
export function title(name: string, options: object): string {
  const texts = Object.entries(options).map(([key, value]) => `${key}: ${value}`);
  return `${name} { ${texts.join(', ')} }`;
}
