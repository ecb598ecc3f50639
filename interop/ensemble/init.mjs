// What `corral init --ensemble` writes for separate machines works: the very files are run here, with only the addresses
// changed from three machines to three ports of this one.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { equal, truthy } from '../lib/checks.mjs';
import { run, start, stop } from '../lib/process.mjs';
import { freePort } from '../lib/server.mjs';

const corral = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'packages/cli/bin/corral.js');
const sids = [1, 2, 3, 4];

/** The configuration of one machine, for this machine. */
function moved(text, folder, ports, sid) {
  const place = (id) => {
    const { quorum, election, client } = ports[id - 1];
    return `127.0.0.1:${quorum}:${election}:${id === 4 ? 'observer' : 'participant'};127.0.0.1:${client}`;
  };
  return text
    .replace(/^dataDir=.*$/m, `dataDir=${join(folder, 'data')}`)
    .replace(/^server\.(\d)=.*$/gm, (_, id) => `server.${id}=${place(Number(id))}`)
    .replace(/^admin\.server.*\n/gm, '')
    .concat(`\nadmin.serverPort=${ports[sid - 1].admin}\n`);
}

export async function initialised({ checks }) {
  const dir = mkdtempSync(join(tmpdir(), 'corral-init-'));
  const children = [];
  try {
    const out = join(dir, 'out');
    const flags = ['--ensemble', '3', '--observers', '1', '--hosts', 'zk1,zk2,zk3,zk4', '--reconfig'];
    await run(process.execPath, [corral, 'init', '--dir', out, ...flags]);
    const ports = [];
    while (ports.length < sids.length)
      ports.push({
        quorum: await freePort(),
        election: await freePort(),
        client: await freePort(),
        admin: await freePort(),
      });
    for (const sid of sids) {
      const folder = join(out, `server-${sid}`);
      const file = join(folder, 'zoo.cfg');
      writeFileSync(file, moved(readFileSync(file, 'utf8'), folder, ports, sid));
      children.push(start(process.execPath, [corral, 'server', file], { cwd: folder, stdio: 'ignore' }));
    }
    await checks.check('init: the servers that were written become an ensemble', () => becomesOne(ports));
    await checks.check('init: a server is ready only while it is in step', () => isReady(ports, children));
  } finally {
    for (const child of children) await stop(child, 'SIGKILL');
    rmSync(dir, { recursive: true, force: true });
  }
}

async function becomesOne(ports) {
  const hosts = ports.map(({ client }) => `127.0.0.1:${client}`).join(',');
  let status = '';
  for (let tries = 0; tries < 40 && !/3 voters, 3 up.*1 observer, 1 up/.test(status); tries++) {
    await sleep(500);
    status = await run(process.execPath, [corral, '-s', hosts, 'cluster', 'status'], { allowFailure: true });
  }
  truthy(/3 voters, 3 up, survives 1 failure; 1 observer, 1 up/.test(status), status);
}

const probe = async ({ admin }) => (await fetch(`http://127.0.0.1:${admin}/readyz`)).status;

/** The admin server comes up a little after the client port. */
async function answered(port) {
  for (let tries = 0; tries < 50; tries++) {
    const status = await probe(port).catch(() => undefined);
    if (status !== undefined) return status;
    await sleep(100);
  }
  return probe(port);
}

async function isReady(ports, children) {
  for (const port of ports) equal(await answered(port), 200, 'readyz');
  await Promise.all([stop(children[0]), stop(children[1])]);
  let status = 200;
  for (let tries = 0; tries < 60 && status === 200; tries++) {
    await sleep(500);
    status = await probe(ports[2]);
  }
  equal(status, 503, 'readyz without a quorum');
}
