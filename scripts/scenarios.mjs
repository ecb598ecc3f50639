// `npm run sim:scenarios`: runs the scenarios of packages/sim/scenarios, all or those whose names begin as the arguments
// say, on the virtual clock. --update records their transcripts anew; --verbose prints them.

import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = new URL('../packages/sim/scenarios/', import.meta.url);
const build = new URL('../packages/sim/dist/index.js', import.meta.url);
const options = process.argv.slice(2).filter((argument) => argument.startsWith('--'));
const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const unknown = options.find((option) => option !== '--update' && option !== '--verbose');
if (unknown !== undefined) {
  console.error(`unknown option ${unknown}\nnpm run sim:scenarios -- [--update] [--verbose] [NAME...]`);
  process.exit(2);
}
if (!existsSync(build)) {
  console.error(`${fileURLToPath(build)} is missing: run npm run build first`);
  process.exit(2);
}
const { runScenario } = await import(build.href);

const started = Date.now();
let [passed, failed, simulatedMs, events] = [0, 0, 0, 0];
for (const file of readdirSync(folder).sort()) {
  if (!file.endsWith('.scenario')) continue;
  const name = file.slice(0, -'.scenario'.length);
  if (wanted.length > 0 && !wanted.some((start) => name.startsWith(start))) continue;
  if (runOne(name)) passed++;
  else failed++;
}
const seconds = ((Date.now() - started) / 1000).toFixed(1);
console.log(
  `${passed} passed, ${failed} failed, ${events} events, ${Math.round(simulatedMs / 1000)} simulated seconds in ${seconds} s`,
);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;

function runOne(name) {
  const began = Date.now();
  const report = tryToRun(name);
  if (options.includes('--verbose')) console.log(report.transcript ?? '');
  simulatedMs += report.simulatedMs ?? 0;
  events += report.events ?? 0;
  const problem = report.failure ?? differenceOf(name, report.transcript);
  console.log(
    `${problem === undefined ? 'ok  ' : 'FAIL'} ${name} (${Date.now() - began} ms)${problem ? `\n     ${problem}` : ''}`,
  );
  return problem === undefined;
}

function tryToRun(name) {
  try {
    return runScenario(readFileSync(new URL(`${name}.scenario`, folder), 'utf8'));
  } catch (error) {
    if (error.name !== 'ScenarioError') throw error;
    return { failure: error.message };
  }
}

/** How what happened differs from what is recorded; with --update it is recorded. */
function differenceOf(name, transcript) {
  const file = new URL(`${name}.transcript`, folder);
  if (options.includes('--update')) {
    writeFileSync(file, transcript);
    return undefined;
  }
  const recorded = existsSync(file) ? readFileSync(file, 'utf8') : '';
  if (recorded === transcript) return undefined;
  const [was, is] = [recorded.split('\n'), transcript.split('\n')];
  const at = is.findIndex((line, i) => line !== was[i]);
  return `line ${at + 1} of its transcript was "${was[at] ?? ''}", is "${is[at] ?? ''}" (--update records it)`;
}
