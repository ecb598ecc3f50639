// npm run bench:recipes: Corral's lock beside kazoo's and Curator's, each against the same Corral server and the same Apache
// server, and how long an ensemble for a test takes until its first write, beside Curator's TestingCluster. In turns, in
// processes of their own.
//
//   node scripts/bench-recipes.mjs [--rounds 3] [--seconds 1.5] [--write docs/recipes-benchmark.md]

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { apacheClasspath, apacheVersion, ensureApache } from '../interop/apache.mjs';
import { installPython, paths } from '../interop/lib/install.mjs';
import { run, start } from '../interop/lib/process.mjs';
import { Server } from '../interop/lib/server.mjs';
import { compile, curatorClasspath, installCurator } from '../interop/recipes/install.mjs';
import { readOptions } from './options.mjs';

const programs = join(dirname(fileURLToPath(import.meta.url)), '..', 'bench', 'recipes');
const contenders = [1, 8];
const { values } = readOptions(import.meta.url, {
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '1.5' },
    write: { type: 'string' },
  },
});
const rounds = Number(values.rounds);

// On a disk in memory where there is one: it is the recipes that are measured.
if (existsSync('/dev/shm')) process.env.TMPDIR = '/dev/shm';

const java = (name) => ['java', ['-Xmx256m', `-Djava.io.tmpdir=${tmpdir()}`, '-cp', curatorClasspath(), name]];
const locks = {
  corral: [process.execPath, [join(programs, 'lock.mjs')]],
  kazoo: [paths.python, [join(programs, 'lock.py')]],
  curator: java('LockLoad'),
};
const warmStarts = 5;
const clusters = {
  'Corral `startEnsemble({ size: 3 })`': [process.execPath, [join(programs, 'ensemble.mjs'), 'memory']],
  'Corral, files and sockets': [process.execPath, [join(programs, 'ensemble.mjs'), 'files']],
  'Curator `TestingCluster(3)`': java('ClusterStart'),
};

/** Apache's server with the compiler that it has by itself: it is not started for a moment only. */
class BenchServer extends Server {
  command(config) {
    if (this.kind === 'corral') return super.command(config);
    const main = 'org.apache.zookeeper.server.quorum.QuorumPeerMain';
    return ['java', ['-Xmx512m', '-cp', apacheClasspath(), main, config]];
  }
}

/** Values by name, of all rounds. */
class Figures {
  #lists = new Map();

  add(name, value) {
    this.#lists.set(name, [...(this.#lists.get(name) ?? []), value]);
  }

  median(name) {
    const sorted = this.#lists.get(name).toSorted((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)];
  }
}

async function install() {
  await ensureApache();
  await installPython();
  await installCurator();
  for (const name of ['LockLoad', 'ClusterStart']) await compile(name, join(programs, `${name}.java`));
}

async function measureLocks(servers, figures) {
  for (let round = 0; round < rounds; round++) {
    for (const server of round % 2 === 0 ? servers : servers.toReversed()) {
      for (const [name, [command, args]] of Object.entries(locks)) {
        const output = await run(command, [...args, server.connectString, values.seconds, ...contenders.map(String)]);
        for (const line of output.split('\n').filter((each) => each.startsWith('{'))) {
          const { contenders: size, rate, cpuUs } = JSON.parse(line);
          figures.add(`${server.kind} ${size} ${name} rate`, rate);
          figures.add(`${server.kind} ${size} ${name} cpu`, cpuUs);
          console.error(`${round + 1}: ${server.kind}, ${size} with ${name}: ${Math.round(rate)}/s`);
        }
      }
    }
  }
}

/** The first is timed from here, with the start of the process; the others by the process itself. */
async function measureClusters(figures) {
  for (let round = 0; round < rounds; round++) {
    for (const [name, [command, args]] of Object.entries(clusters)) {
      const [cold, ...warm] = await startsOf(command, [...args, String(1 + warmStarts)]);
      figures.add(`${name} cold`, cold);
      for (const ms of warm) figures.add(`${name} warm`, ms);
      console.error(`${round + 1}: ${name}: ${Math.round(cold)} ms, then ${warm.map(Math.round).join(', ')} ms`);
    }
  }
}

function startsOf(command, args) {
  return new Promise((resolve, reject) => {
    const begin = performance.now();
    const child = start(command, args);
    let [output, cold, stderr] = ['', 0, ''];
    child.stdout.on('data', (chunk) => {
      output += chunk;
      if (cold === 0 && output.includes('\n')) cold = performance.now() - begin;
    });
    child.stderr.on('data', (chunk) => (stderr = (stderr + chunk).slice(-2000)));
    const timer = setTimeout(() => child.kill('SIGKILL'), 120_000);
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(timer);
      if (code !== 0) reject(new Error(`${command} ${args.at(-2)} ended with ${code}: ${stderr}`));
      else resolve([cold, ...output.trim().split('\n').slice(1).map(Number)]);
    });
  });
}

const table = (rows) => rows.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
const whole = (value) => Math.round(value).toLocaleString('en-US');

function lockTable(servers, figures) {
  const rows = [
    ['server', 'contenders', "Corral's `lock`", "kazoo's `Lock`", "Curator's `InterProcessMutex`"],
    ['---', '---:', '---:', '---:', '---:'],
  ];
  for (const { kind } of servers) {
    for (const size of contenders) {
      const cell = (name) => {
        const of = (what) => whole(figures.median(`${kind} ${size} ${name} ${what}`));
        return `${of('rate')} (${of('cpu')} µs)`;
      };
      rows.push([kind === 'apache' ? 'Apache' : 'Corral', size, ...Object.keys(locks).map(cell)]);
    }
  }
  return table(rows);
}

function clusterTable(figures) {
  const row = (name) => [name, ...['cold', 'warm'].map((what) => whole(figures.median(`${name} ${what}`)))];
  const head = [
    ['three servers', 'new process, ms', 'same process, ms'],
    ['---', '---:', '---:'],
  ];
  return table([...head, ...Object.keys(clusters).map(row)]);
}

await install();
const figures = new Figures();
const settings = { tickTime: 2000, preAllocSize: 65_536, 'znode.container.checkIntervalMs': 60_000 };
const servers = [];
try {
  for (const kind of ['corral', 'apache']) servers.push(await BenchServer.fresh(kind, settings));
  await measureLocks(servers, figures);
} finally {
  for (const server of servers) await server.close();
}
await measureClusters(figures);

const facts = `Node ${process.versions.node}, Apache ${apacheVersion()}, ${availableParallelism()} cores, ${rounds} rounds of ${values.seconds} s`;
const report = `${facts}\n\n${lockTable(servers, figures)}\n\n${clusterTable(figures)}`;
console.log(report);
if (values.write !== undefined) {
  const page = readFileSync(values.write, 'utf8');
  const mark = /(<!-- figures -->)[\s\S]*(<!-- end -->)/;
  writeFileSync(values.write, page.replace(mark, `$1\n\n${report}\n\n$2`));
}
