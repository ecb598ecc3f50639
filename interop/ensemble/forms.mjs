// The forms an ensemble is written in: IPv6 addresses, several addresses for one server, groups with weights. Three or
// five servers each, and what has to be killed to see that the form means what it says.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { run, start, stop } from '../lib/process.mjs';
import { freePort } from '../lib/server.mjs';

const corral = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'packages/cli/bin/corral.js');

/** `place` writes the line of a server; `killed` go then, and `still` must be said afterwards. */
const forms = {
  'IPv6 addresses in brackets': {
    place: (_, quorum, election, client) => `[::1]:${quorum}:${election};[::1]:${client}`,
    host: '[::1]',
    settled: /3 voters, 3 up, survives 1 failure/,
  },
  'two addresses for each server': {
    place: (id, quorum, election, client) =>
      `127.0.1.${id}:${quorum}:${election}|127.0.2.${id}:${quorum}:${election};127.0.0.1:${client}`,
    lines: ['multiAddress.enabled=true'],
    settled: /3 voters, 3 up, survives 1 failure/,
  },
  'weights: three of five votes are one server': {
    lines: ['group.1=1:2:3', 'weight.1=3', 'weight.2=1', 'weight.3=1'],
    settled: /3 voters, 3 up, survives no failure/,
    killed: [2, 3],
    still: /LEADER[\s\S]*3 voters, 1 up/,
  },
  'groups: a voter without weight never leads': {
    count: 5,
    lines: ['group.1=1:2:3', 'group.2=4:5', 'weight.1=1', 'weight.2=1', 'weight.3=1', 'weight.4=1', 'weight.5=0'],
    settled: /^4 .*LEADER[\s\S]*^5 .*follower[\s\S]*5 voters, 5 up/m,
    killed: [1],
    still: /LEADER[\s\S]*5 voters, 4 up/,
  },
};

const plain = (_, quorum, election, client) => `127.0.0.1:${quorum}:${election};127.0.0.1:${client}`;

export async function configurationForms({ checks }) {
  for (const [name, form] of Object.entries(forms)) await checks.check(`forms: ${name}`, () => means(form));
}

async function means({ place = plain, host = '127.0.0.1', lines = [], count = 3, settled, killed = [], still }) {
  const dir = mkdtempSync(join(tmpdir(), 'corral-forms-'));
  const children = [];
  try {
    const sids = Array.from({ length: count }, (_, at) => at + 1);
    const clients = [];
    const members = [];
    for (const sid of sids) {
      clients.push(await freePort());
      members.push(`server.${sid}=${place(sid, await freePort(), await freePort(), clients[sid - 1])}`);
    }
    for (const sid of sids) {
      const own = join(dir, `${sid}`);
      mkdirSync(own);
      writeFileSync(join(own, 'myid'), `${sid}\n`);
      const timing = ['tickTime=500', 'initLimit=10', 'syncLimit=4', 'admin.enableServer=false'];
      writeFileSync(join(own, 'zoo.cfg'), [`dataDir=${own}`, ...timing, ...lines, ...members, ''].join('\n'));
      children.push(start(process.execPath, [corral, 'server', join(own, 'zoo.cfg')], { cwd: own, stdio: 'ignore' }));
    }
    const hosts = (left) => left.map((sid) => `${host}:${clients[sid - 1]}`).join(',');
    await says(hosts(sids), settled);
    await Promise.all(killed.map((sid) => stop(children[sid - 1], 'SIGKILL')));
    if (still !== undefined) await says(hosts(sids.filter((sid) => !killed.includes(sid))), still);
  } finally {
    await Promise.all(children.map((child) => stop(child, 'SIGKILL')));
    rmSync(dir, { recursive: true, force: true });
  }
}

async function says(hosts, expected) {
  let text = '';
  for (let tries = 0; tries < 30; tries++) {
    text = await run(process.execPath, [corral, '-s', hosts, 'cluster', 'status'], { allowFailure: true });
    if (expected.test(text)) return;
    await sleep(500);
  }
  throw new Error(`cluster status should have said ${expected}: ${text}`);
}
