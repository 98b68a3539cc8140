import { conformancePage } from './conformance.ts';
import { optimizersPage } from './optimizers.ts';

/** A page that is printed from the code. */
export interface PrintedPage {
  /** Its path in the repository. */
  readonly file: string;
  readonly print: () => string | Promise<string>;
}

/** All pages that `npm run print:docs` writes. */
export const printedPages: readonly PrintedPage[] = [
  { file: 'docs/optimizers.md', print: optimizersPage },
  { file: 'docs/conformance.md', print: conformancePage },
];
