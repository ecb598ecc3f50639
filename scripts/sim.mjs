// npm run sim: many random runs of a simulated ensemble, under checkers that know more than any server. Every violation is
// printed at once with the command that shows it again; exit status 1 when there is one.
//
//   npm run sim -- --seeds 20000 [--from 1] [--jobs 2] [--defect A14]... [--knobs voters=5,...]

import { availableParallelism } from 'node:os';
import { SeedPool, ranges } from './simulation/pool.mjs';
import { readOptions } from './options.mjs';

const { values } = readOptions(import.meta.url, {
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    jobs: { type: 'string', default: `${availableParallelism()}` },
    defect: { type: 'string', multiple: true, default: [] },
    knobs: { type: 'string', default: '' },
  },
});
const seeds = Number(values.seeds);
const started = performance.now();
const linePauseMs = 60_000;
let nextLine = started + linePauseMs;
let ran = 0;
let violations = 0;

const pool = new SeedPool(Number(values.jobs));
const tasks = ranges(Number(values.from), seeds, 50, { knobs: values.knobs, defects: values.defect });
await pool.run(tasks, {
  violation({ verdict, message, again }) {
    violations += 1;
    clear();
    console.log(`${verdict}: ${message}\n  ${again}`);
  },
  done(_task, { seeds: count }) {
    ran += count;
    progress();
  },
});
await pool.close();
clear();
console.log(`${ran - violations} passed, ${violations} failed`);
console.log(summary());
process.exitCode = violations === 0 && ran === seeds ? 0 : 1;

/** On a terminal all the time, in a file now and then. */
function progress() {
  if (process.stdout.isTTY) return process.stdout.write(`\r\x1b[K${summary()}`);
  if (performance.now() < nextLine) return;
  nextLine = performance.now() + linePauseMs;
  console.log(summary());
}

function clear() {
  if (process.stdout.isTTY) process.stdout.write('\r\x1b[K');
}

function summary() {
  const seconds = (performance.now() - started) / 1000;
  return `${ran} seeds, ${violations} violations, ${(ran / seconds).toFixed(0)} seeds per second`;
}
