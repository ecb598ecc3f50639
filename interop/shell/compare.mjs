// Apache's zkCli and `corral cli`, the same script typed into each, on either server: what they print on stdout and on
// stderr, and the code they end with, must be the same. Everything else about the two runs is made equal first: a server
// with nothing in it, one process per run.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { apacheClasspath } from '../apache.mjs';
import { ended, start } from '../lib/process.mjs';
import { Server } from '../lib/server.mjs';
import { normal } from './normal.mjs';

const script = readFileSync(fileURLToPath(new URL('script.txt', import.meta.url)), 'utf8');
const corralJs = fileURLToPath(new URL('../../packages/cli/bin/corral.js', import.meta.url));

const shells = {
  zkCli: ['java', ['-XX:TieredStopAtLevel=1', '-cp', apacheClasspath(), 'org.apache.zookeeper.ZooKeeperMain']],
  corral: [process.execPath, [corralJs, 'cli']],
};

/** One command on the command line, after a node /one was made. */
const single = [
  'ls /',
  'get /one',
  'get /nope',
  'create /one x',
  'create one',
  'get',
  'get -z',
  'foo',
  'quit',
  'close',
  'history',
  'printwatches',
  'redo 1',
  'setquota -n x /one',
  'deleteall /zookeeper',
  'delete /one -v 99',
];

export async function sameShell({ checks }) {
  for (const kind of ['apache', 'corral']) {
    await checks.check(`shell: ${script.trim().split('\n').length} commands on ${kind}'s server`, () =>
      sameScript(kind),
    );
    await sameCommands(kind, checks);
  }
}

async function sameScript(kind) {
  const runs = [];
  for (const shell of Object.keys(shells)) {
    const server = await Server.fresh(kind);
    try {
      runs.push(normal(await typed(shell, ['-server', server.connectString], script), server.connectString));
    } finally {
      await server.close();
    }
  }
  same(...runs);
}

async function sameCommands(kind, checks) {
  const server = await Server.fresh(kind);
  const at = ['-server', server.connectString];
  try {
    await typed('corral', [...at, 'create', '/one', 'x'], '');
    for (const command of single) {
      await checks.check(`shell: ${command}, on the command line, on ${kind}'s server`, async () => {
        const runs = [];
        for (const shell of Object.keys(shells)) {
          const run = await typed(shell, [...at, '-waitforconnection', ...command.split(' ')], '');
          runs.push(normal(run, server.connectString));
        }
        same(...runs);
      });
    }
  } finally {
    await server.close();
  }
}

export async function typed(shell, args, input) {
  const [command, first] = shells[shell];
  const child = start(command, [...first, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  const run = { out: '', err: '', code: null };
  child.stdout.on('data', (chunk) => (run.out += chunk));
  child.stderr.on('data', (chunk) => (run.err += chunk));
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  [run.code] = await ended(child);
  return run;
}

function same(wanted, got) {
  for (const part of ['out', 'err', 'events']) {
    const [left, right] = [wanted[part].split('\n'), got[part].split('\n')];
    const at = left.findIndex((line, index) => line !== right[index]);
    if (at >= 0 || left.length !== right.length) {
      const place = at < 0 ? left.length : at;
      const around = (lines) => lines.slice(Math.max(0, place - 3), place + 2).join('\n');
      throw new Error(`${part}, line ${place + 1}: zkCli\n${around(left)}\ncorral cli\n${around(right)}`);
    }
  }
  if (wanted.code !== got.code) throw new Error(`zkCli ends with ${wanted.code}, corral cli with ${got.code}`);
}
