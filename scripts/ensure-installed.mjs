// Runs before `npm start`, `npm test` and the others: installs the packages when they are missing or older than
// package-lock.json, and otherwise leaves at once.
import { spawnSync } from 'node:child_process';
import { readFileSync, statSync, utimesSync } from 'node:fs';

const root = new URL('../', import.meta.url);
const { engines } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'));
const [minMajor, minMinor] = engines.node.match(/\d+/g).map(Number);
const [major, minor] = process.versions.node.split('.').map(Number);

if (major < minMajor || (major === minMajor && minor < minMinor)) {
  console.error(
    `gradlet: Node must be ${engines.node}, got ${process.versions.node}. Install a newer one from https://nodejs.org.`,
  );
  process.exit(1);
}

// npm writes this copy of the lock file into node_modules at the end of every install.
const lock = new URL('package-lock.json', root);
const installed = new URL('node_modules/.package-lock.json', root);

const modified = (file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs;
if (upToDate()) process.exit(0);

console.log('Installing what is missing (npm ci) …');
const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
  cwd: root,
  stdio: 'inherit',
  shell: process.platform === 'win32', // npm is npm.cmd there
});
if (status !== 0) {
  console.error('gradlet: npm ci failed, see its message above. Is the npm registry reachable?');
}
process.exit(status ?? 1);

function upToDate() {
  const lockTime = modified(lock);
  const installedTime = modified(installed);
  if (installedTime === undefined) return false;
  if (installedTime >= lockTime) return true;
  // A git checkout makes the lock file younger without a change: compare what they say.
  const packagesOf = (file) => {
    const { '': _root, ...packages } = JSON.parse(readFileSync(file, 'utf8')).packages;
    return packages;
  };
  const wanted = packagesOf(lock);
  const present = packagesOf(installed);
  const same = Object.entries(wanted).every(
    ([path, { version, optional, peer }]) => optional || peer || present[path]?.version === version,
  );
  if (same) utimesSync(installed, new Date(), new Date());
  return same;
}
