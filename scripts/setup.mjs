// Runs before `npm start` and `npm test`: installs what is missing and compiles what has changed. Says what it does,
// and nothing when there is nothing to do.

import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const at = (...parts) => join(root, ...parts);
const modified = (path) => (existsSync(path) ? statSync(path).mtimeMs : 0);

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  fail(`Corral needs Node 20.19 or newer; this is ${process.versions.node}`);
}

// npm writes this file last, so an installation that was interrupted counts as missing.
const installed = modified(at('node_modules', '.package-lock.json'));
if (installed < modified(at('package-lock.json'))) {
  step('Installing packages (npm ci)', 'npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
}
if (!existsSync(at('packages', 'server', 'dist', 'index.js'))) console.log('Compiling ...');
step('', process.execPath, [at('node_modules', 'typescript', 'bin', 'tsc'), '-b']);

function step(title, command, args) {
  if (title !== '') console.log(`${title} ...`);
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  if (error !== undefined) fail(`${command} could not be run: ${error.message}`);
  if (status !== 0) fail(`${title === '' ? 'Compiling' : title} failed`);
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
