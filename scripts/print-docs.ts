// `npm run print:docs`: writes the pages of docs/ that are printed from the code.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { printedPages } from './pages/index.ts';

for (const { file, print } of printedPages) {
  writeFileSync(join(import.meta.dirname, '..', file), await print());
  console.log(`Printed ${file}.`);
}
