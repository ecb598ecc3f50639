// npm run sim:mutants: do the checkers bite? Puts each known defect back in and runs random seeds until one finds it. The
// table of docs/simulation-mutants.md says how many that took; exit status 1 when a defect takes three times as many, and over 1000.
//
//   npm run sim:mutants -- [--defect A14]... [--seeds 20000] [--write]

import { knownDefects } from '@corral/sim';
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { SeedPool } from './simulation/pool.mjs';
import { documented, tableOf, withTable } from './simulation/mutant-table.mjs';
import { readOptions } from './options.mjs';

/** Not found by random runs in thousands of seeds since refused servers rest; the scenario of that name notices it. */
const foundByScenarioOnly = new Set(['A10']);

const { values } = readOptions(import.meta.url, {
  options: {
    defect: {
      type: 'string',
      multiple: true,
      default: Object.keys(knownDefects).filter((name) => !foundByScenarioOnly.has(name)),
    },
    seeds: { type: 'string' },
    jobs: { type: 'string', default: `${availableParallelism()}` },
    write: { type: 'boolean', default: false },
  },
});
const page = fileURLToPath(new URL('../docs/simulation-mutants.md', import.meta.url));
const known = documented(readFileSync(page, 'utf8'));
const started = performance.now();
const rows = new Map();
let failed = 0;

const pool = new SeedPool(Number(values.jobs));
await pool.run(values.defect.map(task), {
  violation: () => undefined,
  done({ defects: [defect], to }, { seeds, found: [first] }) {
    const row = first && { seed: first.seed, verdict: first.verdict, rule: ruleOf(first.message) };
    if (row === undefined) failed += 1;
    else rows.set(defect, row);
    const result =
      row === undefined ? `NOT FOUND with ${seeds} seeds` : `seed ${row.seed}  ${row.verdict}  ${row.rule}`;
    console.log(`${defect.padEnd(20)}${result}${row === undefined && to > 2 ? `: ${knownDefects[defect]}` : ''}`);
  },
});
await pool.close();
if (values.write) writeFileSync(page, withTable(readFileSync(page, 'utf8'), tableOf(knownDefects, rows)));
console.log(`${values.defect.length} defects in ${((performance.now() - started) / 1000).toFixed(0)} s`);
console.log(`${values.defect.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

/** Seeds from the first on: three times as many as it took when the table was written, for a little change draws anew. */
function task(defect) {
  const bound = values.seeds === undefined ? Math.max(1000, 3 * (known.get(defect) ?? 5000)) : Number(values.seeds);
  return { from: 1, to: 1 + bound, knobs: '', defects: [defect], stopsAtFirst: true };
}

/** The name of the rule in `invariant 9 (commit rule): ...`. */
function ruleOf(message) {
  return /^invariant \d+ \(([^)]+)\)/.exec(message)?.[1] ?? message.split('\n')[0];
}
