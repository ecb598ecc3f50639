// `npm test`: types, import rules and all tests that need nothing but Node. The last line says how many passed and
// failed. Arguments go on to vitest: npm test -- packages/core.

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'corral-test-'));
const resultFile = join(folder, 'vitest.json');

const [types, imports] = await Promise.all([
  run('typescript/bin/tsc', ['-p', 'tsconfig.check.json']),
  run('dependency-cruiser/bin/dependency-cruise.mjs', ['--config', '.dependency-cruiser.cjs', 'packages', 'bench/src']),
]);
report('types', types);
report('import rules', imports);

const vitest = await run(
  'vitest/vitest.mjs',
  ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${resultFile}`, ...process.argv.slice(2)],
  'inherit',
);

const result = readResult();
let [passed, failed] = countTests(result);
for (const { code } of [types, imports]) {
  if (code === 0) passed += 1;
  else failed += 1;
}
// An error outside of any test fails the run without failing a test.
if (vitest.code !== 0 && failed === 0) failed = 1;
rmSync(folder, { recursive: true, force: true });
console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

/** What vitest wrote about the run; undefined when it did not come so far. */
function readResult() {
  try {
    return JSON.parse(readFileSync(resultFile, 'utf8'));
  } catch {
    return undefined;
  }
}

/** Counts, and says of each failure where it is: the full story may be thousands of lines above. */
function countTests(result) {
  if (result === undefined) return [0, 1];
  let broken = 0;
  for (const { name, status, assertionResults, message } of result.testResults) {
    const file = relative(root, name);
    // A file that could not be loaded has no tests to count.
    if (status === 'failed' && assertionResults.length === 0) {
      broken += 1;
      console.log(`FAILED ${file}: ${firstLine(message)}`);
    }
    for (const { status: outcome, fullName, failureMessages } of assertionResults)
      if (outcome === 'failed') console.log(`FAILED ${file}: ${fullName}: ${firstLine(failureMessages[0])}`);
  }
  return [result.numPassedTests, result.numFailedTests + broken];
}

function firstLine(text = '') {
  return text.split('\n', 1)[0];
}

function report(name, { code, output }) {
  if (code === 0) return console.log(`${name}: ok`);
  console.log(`${name}: FAILED\n${output}`);
}

/** Runs a tool of node_modules; its output is kept unless it is inherited. */
function run(tool, args, stdio = 'pipe') {
  const child = spawn(process.execPath, [join(root, 'node_modules', tool), ...args], {
    cwd: root,
    stdio: ['ignore', stdio, stdio],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (output += chunk));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, output })));
}
