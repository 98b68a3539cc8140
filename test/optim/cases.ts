import { readFileSync } from 'node:fs';
import type * as rules from '../../src/optim/rules/index.ts';
import table from '../../src/testing/optimizer-cases.json' with { type: 'json' };
import type { Reference } from '../../src/testing/reference.ts';

/** The optimizers of the rules; `OptimizerName` may hold plug-ins of examples too. */
export type BuiltInName = (typeof rules)[keyof typeof rules]['rule']['name'];

/** Options of a test case. */
export type Options = Readonly<Record<string, number | boolean | string>>;

/** Options of each optimizer's own, one list per case; an optimizer without cases does not compile. */
export const own: Record<BuiltInName, object[]> = table.own;

/** Options that all share. */
export const shared: readonly object[] = table.shared;

const file = new URL('../../src/testing/optimizers.json', import.meta.url);
export const reference: Reference = JSON.parse(readFileSync(file, 'utf8'));

/** Every optimizer with its own options and the shared ones: the rows of the reference. */
export const cases = reference.rows.map(({ name, options }) => ({ name: name as BuiltInName, options }));

/** `adam { amsgrad: true, clipNorm: 1 }` */
export function title(name: string, options: object): string {
  const texts = Object.entries(options).map(([key, value]) => `${key}: ${value}`);
  return `${name} { ${texts.join(', ')} }`;
}
