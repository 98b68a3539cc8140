import { readFileSync } from 'node:fs';
import type { Reference } from '../../src/testing/reference.ts';
import type { BuiltInName } from './own-cases.ts';

export { type BuiltInName, type Options, own, shared, stepBy, title } from './own-cases.ts';

const file = new URL('../../src/testing/optimizers.json', import.meta.url);
export const reference: Reference = JSON.parse(readFileSync(file, 'utf8'));

/** Every optimizer with its own options and the shared ones: the rows of the reference. */
export const cases = reference.rows.map(({ name, options }) => ({ name: name as BuiltInName, options }));
