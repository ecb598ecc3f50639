// npm run bench:clients: Corral's client beside node-zookeeper-client and the native `zookeeper` package, each in a process
// of its own against the same server, in turns. The others are installed in a temporary folder.
//
//   node scripts/bench-clients.mjs [--rounds 3] [--seconds 3] [--home folder] [--write docs/client-benchmark.md] [--only corral,..]

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Server } from '../interop/lib/server.mjs';
import { readOptions } from './options.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const versions = { 'node-zookeeper-client': '1.1.3', zookeeper: '7.3.0' };
const operations = ['get', 'set', 'create'];
const inFlights = [1, 64, 1000];

const { values } = readOptions(import.meta.url, {
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '3' },
    home: { type: 'string' },
    only: { type: 'string' },
    write: { type: 'string' },
  },
});
const names = values.only?.split(',') ?? ['corral', ...Object.keys(versions)];

/** A folder that has the other clients. */
function install() {
  if (values.home !== undefined && existsSync(join(values.home, 'node_modules'))) return values.home;
  const home = values.home ?? mkdtempSync(join(tmpdir(), 'corral-bench-clients-'));
  writeFileSync(join(home, 'package.json'), '{ "private": true }');
  const packages = Object.entries(versions).map(([name, version]) => `${name}@${version}`);
  const args = ['install', '--no-audit', '--no-fund', '--no-package-lock', ...packages];
  execFileSync('npm', args, { cwd: home, stdio: ['ignore', 'ignore', 'inherit'] });
  return home;
}

function measure(name, address, home, operation, inFlight) {
  const script = join(here, '..', 'bench', 'clients', 'load.mjs');
  const args = [script, name, address, home, operation, String(inFlight), values.seconds];
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 120_000 });
  if (status !== 0) throw new Error(`${name} ${operation} ${inFlight}: ${stderr}`);
  return JSON.parse(stdout.trim().split('\n').at(-1));
}

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const runs = new Map();

function report() {
  const lines = [
    '| operation | in flight | client | operations/s | p50 ms | p99 ms | CPU of the client, µs per operation |',
    '| --- | ---: | --- | ---: | ---: | ---: | ---: |',
  ];
  for (const [key, list] of runs) {
    const [operation, inFlight, name] = key.split(' ');
    const of = (field, digits) => median(list.map((run) => run[field])).toFixed(digits);
    const rate = Number(of('rate', 0)).toLocaleString('en-US');
    const cells = [operation, inFlight, name, rate, of('p50Ms', 2), of('p99Ms', 2), of('cpuUs', 1)];
    lines.push(`| ${cells.join(' | ')} |`);
  }
  return lines.join('\n');
}

const home = install();
// On a disk in memory where there is one: it is the clients that are measured.
if (existsSync('/dev/shm')) process.env.TMPDIR = '/dev/shm';
const server = await Server.fresh('corral', { tickTime: 2000, preAllocSize: 65_536, snapCount: 100_000 });
try {
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const operation of operations) {
      for (const inFlight of inFlights) {
        for (const name of round % 2 === 0 ? names : [...names].reverse()) {
          const run = measure(name, server.connectString, home, operation, inFlight);
          const key = `${operation} ${inFlight} ${name}`;
          runs.set(key, [...(runs.get(key) ?? []), run]);
          console.error(`${round + 1}: ${key.padEnd(36)} ${Math.round(run.rate)}/s p99 ${run.p99Ms.toFixed(2)} ms`);
        }
      }
    }
  }
} finally {
  await server.close();
  if (values.home === undefined) rmSync(home, { recursive: true });
}

const table = report();
console.log(table);
if (values.write !== undefined) {
  const page = readFileSync(values.write, 'utf8');
  const facts = `Node ${process.versions.node}, ${availableParallelism()} cores, ${values.rounds} rounds of ${values.seconds} s`;
  const mark = /(<!-- figures -->)[\s\S]*(<!-- end -->)/;
  writeFileSync(values.write, page.replace(mark, `$1\n\n${facts}\n\n${table}\n\n$2`));
}
