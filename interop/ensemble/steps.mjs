// Steps that the ensemble scenarios share: writing a known amount, checking that a member serves, leaving a proposal on
// one server alone, and reading from the logs how a learner was brought up to date.

import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { equal } from '../lib/checks.mjs';
import { Wire, body, op } from '../lib/wire.mjs';

let written = 0;

/** Writes this many transactions of several kinds through a member, in a session that is closed again. */
export async function write(member, count) {
  const wire = await Wire.open(member.port);
  const folder = `/w${++written}`;
  await wire.call(op.create, body.create(folder, Buffer.from(`${count}`)));
  const jobs = [];
  for (let at = 0; at < count; at += 1) {
    const path = `${folder}/n${at - (at % 4)}`;
    if (at % 4 === 0) jobs.push(wire.call(op.create, body.create(path, Buffer.from(`${at}`))));
    else if (at % 4 === 1) jobs.push(wire.call(op.setData, body.setData(path, Buffer.from('changed'), 0)));
    else if (at % 4 === 2) jobs.push(wire.call(op.multi, body.multi(batch(path))));
    // A write that fails is a transaction too.
    else jobs.push(wire.request(op.create, body.create(path, null)));
    if (jobs.length === 100) await Promise.all(jobs.splice(0));
  }
  await Promise.all(jobs);
  await wire.close();
}

const batch = (path) => [
  [op.create, body.create(`${path}/a`, null)],
  [op.setData, body.setData(path, Buffer.from('twice'), 1)],
  [op.create, body.create(`${path}/s-`, Buffer.from('x'), 2)],
];

/** Writes of every kind of node once, so that trees have something to differ in. */
export async function writeKinds(member) {
  const wire = await Wire.open(member.port);
  const mixed = [
    { perms: 31, scheme: 'world', id: 'anyone' },
    { perms: 31, scheme: 'digest', id: 'ann:7RJfAeIvrl4zdj6sS2fXrQHDvHM=' },
  ];
  await wire.call(op.create, body.create('/kinds', null));
  await wire.call(op.create, body.create('/kinds/empty', Buffer.alloc(0)));
  await wire.call(op.create, body.create('/kinds/large', Buffer.alloc(300_000, 0x5a)));
  await wire.call(op.create, body.create('/kinds/日本-ü-€', Buffer.from('データ')));
  await wire.call(op.create, body.create('/kinds/acl', null, 0, mixed));
  await wire.call(op.setAcl, body.setAcl('/kinds/acl', mixed.slice(0, 1), 0));
  await wire.call(op.createContainer, body.create('/kinds/container', null, 4));
  await wire.call(op.create, body.create('/kinds/container/kid', null));
  await wire.call(op.createTtl, body.createTtl('/kinds/ttl', null, 5, 86_400_000));
  await wire.call(op.create, body.create('/kinds/short', null, 1));
  const quota = '/zookeeper/quota/kinds';
  await wire.call(op.create, body.create(quota, null));
  await wire.call(op.create, body.create(`${quota}/zookeeper_limits`, Buffer.from('count=100000,bytes=-1')));
  await wire.call(op.create, body.create(`${quota}/zookeeper_stats`, Buffer.from('count=0,bytes=0')));
  await wire.close();
}

/** A session at every member writes its own node and, after a sync, reads what all the others wrote. */
export async function allServe(members) {
  const folder = `/all${++written}`;
  const wires = [];
  try {
    for (const member of members) wires.push(await Wire.open(member.port));
    await wires[0].call(op.create, body.create(folder, null));
    await Promise.all(
      wires.map(async (wire, at) => {
        await wire.call(op.sync, body.path('/'));
        await wire.call(op.create, body.create(`${folder}/${at}`, Buffer.from(`${at}`)));
        await wire.call(op.create, body.create(`${folder}/e${at}`, null, 1));
      }),
    );
    for (const wire of wires) {
      await wire.call(op.sync, body.path('/'));
      const kids = (await wire.call(op.getChildren, body.pathWatch(folder))).vector((r) => r.text());
      equal(kids.length, 2 * members.length, `children of ${folder}`);
    }
  } finally {
    for (const wire of wires) await wire.close();
  }
}

/**
 * Leaves a proposal in the log of the leader alone: everybody else is frozen before it is made and killed before they
 * can read it. All members that run are killed; the leader's session outlives this by its long timeout.
 */
export async function leaveProposal(leader, others) {
  const marker = `only-on-${leader.sid}-${++written}`;
  const wire = await Wire.open(leader.port, { timeout: 40_000 });
  await level([leader, ...others]);
  for (const other of others) await other.freeze();
  wire.request(op.create, body.create(`/${marker}`, Buffer.from(marker))).catch(() => {});
  try {
    await logged(leader, marker);
  } finally {
    await leader.stop('SIGKILL');
    wire.drop();
    for (const other of others) await other.stop('SIGKILL');
  }
  return `/${marker}`;
}

/** Waits until all of them have applied the same transactions. */
async function level(members) {
  for (let tries = 0; tries < 150; tries += 1) {
    const texts = await Promise.all(members.map((member) => member.word('srvr')));
    if (new Set(texts.map((text) => /^Zxid: (\S+)/m.exec(text)?.[1])).size === 1) return;
    await sleep(20);
  }
  throw new Error('the servers do not come to the same zxid');
}

/** Waits until the text stands in the member's transaction log. */
async function logged(member, text) {
  const folder = join(member.dataDir, 'version-2');
  for (let tries = 0; tries < 150; tries += 1) {
    for (const name of readdirSync(folder)) {
      if (name.startsWith('log.') && readFileSync(join(folder, name)).includes(text)) return;
    }
    await sleep(20);
  }
  throw new Error(`server ${member.sid} did not log ${text}`);
}

const kinds = { diff: 'DIFF', snapshot: 'SNAP' };

/** How the learner was first brought up to date since it started: what an Apache server on either side says about it. */
export function syncedBy(learner, leader, leaderLogMark) {
  const [text, pattern] =
    learner.kind === 'corral'
      ? [leader.logText(leaderLogMark), /Sending (DIFF|TRUNC|snapshot) /g]
      : [learner.logText(), /Getting a (diff|snapshot)|(Truncating log)/g];
  const said = [...text.matchAll(pattern)][0];
  if (!said) return 'nothing in the log';
  return kinds[said[1]] ?? said[1] ?? 'TRUNC';
}
