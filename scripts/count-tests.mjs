// The last line of .ci/run: tests from vitest's reports `<folder>/<step>.json`, and one failure more for every failed
// step (named by the further arguments) that has no failed test to show. Exits with 1 on any failure.
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

const [folder, ...failedSteps] = process.argv.slice(2);
let passed = 0;
let failed = 0;
const explained = new Set();
for (const file of readdirSync(folder)) {
  const { numPassedTests, numFailedTests } = JSON.parse(readFileSync(join(folder, file), 'utf8'));
  passed += numPassedTests;
  failed += numFailedTests;
  if (numFailedTests > 0) explained.add(basename(file, '.json'));
}
failed += failedSteps.filter((step) => !explained.has(step)).length;
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
