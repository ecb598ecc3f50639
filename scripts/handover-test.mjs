// npm run test:handover: what clients notice when another server comes to lead in good order - by the admin command, and
// because the counter of an epoch is used up. Three servers of Corral; at each of them one client that writes, one that
// reads, and idle ones that only ping. Told for each way: connections that were cut, requests that failed, and the
// longest time that reads and writes took to go on. It fails when a session is lost or an acknowledged write is missing.
//
//   node scripts/handover-test.mjs [--times 10] [--idle 20]

import { setTimeout as sleep } from 'node:timers/promises';
import { Ensemble } from '../interop/ensemble/ensemble.mjs';
import { HandoverClient } from '../interop/handover/client.mjs';
import { Checks, equal } from '../interop/lib/checks.mjs';
import { Wire, body, op } from '../interop/lib/wire.mjs';
import { readOptions } from './options.mjs';

const { values } = readOptions(import.meta.url, {
  options: { times: { type: 'string', default: '10' }, idle: { type: 'string', default: '20' } },
});
const [times, idle] = [Number(values.times), Number(values.idle)];
const timing = { tickTime: 2000, initLimit: 10, syncLimit: 5 };
const changeMs = 30_000;

const ways = {
  'hand-over by the admin command': {
    settings: { 'admin.enableServer': true },
    async change(ensemble) {
      const leader = await ensemble.leader();
      const url = `http://127.0.0.1:${leader.adminPort}/commands/hand_over`;
      const answer = await fetch(url, { method: 'POST', headers: { authorization: 'ip' } });
      if (!answer.ok) throw new Error(`hand_over: ${answer.status} ${await answer.text()}`);
    },
  },
  // The writes of the clients use the counter up: there is nothing to be done but to wait.
  'roll-over of the counter': { settings: { 'leader.epochTxnsMax': 1000 }, change: async () => undefined },
};

const checks = new Checks();
for (const [way, { settings, change }] of Object.entries(ways)) {
  await checks.check(`${way}, ${times} times`, () => run(way, settings, change));
}
checks.finish();

async function run(way, settings, change) {
  const ensemble = await Ensemble.prepare(['corral', 'corral', 'corral'], { settings: { ...timing, ...settings } });
  const clients = [];
  try {
    await ensemble.start();
    const ports = ensemble.members.map(({ port }) => port);
    const first = await Wire.open(ports[0]);
    await first.call(op.create, body.create('/handover', null));
    await first.close();
    for (const at of ports.keys()) {
      const rotated = [...ports.slice(at), ...ports.slice(0, at)];
      for (const kind of ['writer', 'reader', ...Array(idle).fill('idle')])
        clients.push(new HandoverClient(kind, rotated, `/handover/w${at}`));
    }
    await Promise.all(clients.map((client) => client.ready));
    await sleep(1000);
    for (const client of clients) client.forget();
    const epochs = await changes(ensemble, change);
    await Promise.all(clients.map((client) => client.stop()));
    report(way, clients, epochs);
    await verify(ensemble, clients);
  } finally {
    for (const client of clients) client.abort();
    await ensemble.close();
  }
}

/** Another epoch, so many times; returns how many there were. */
async function changes(ensemble, change) {
  const begun = await epochOf(ensemble);
  for (let now = begun; now < begun + times;) {
    await change(ensemble);
    const deadline = Date.now() + changeMs;
    const before = now;
    while ((now = await epochOf(ensemble)) <= before) {
      if (Date.now() > deadline) throw new Error(`epoch ${before} does not end`);
      await sleep(50);
    }
    await sleep(1000);
  }
  return (await epochOf(ensemble)) - begun;
}

/** Of the last transaction that a serving leader shows. */
async function epochOf(ensemble) {
  const leader = await ensemble.leader();
  const zxid = /^Zxid: 0x([0-9a-f]+)/m.exec(await leader.word('srvr'))?.[1];
  return zxid === undefined ? 0 : Number(BigInt(`0x${zxid}`) >> 32n);
}

function report(way, clients, epochs) {
  console.log(`       ${way}: ${epochs} new epochs`);
  for (const kind of ['writer', 'reader', 'idle']) {
    const of = clients.filter((client) => client.kind === kind);
    const sum = (name) => of.reduce((total, client) => total + client[name], 0);
    const longest = Math.round(Math.max(...of.map((client) => client.longestMs)));
    const pause = kind === 'idle' ? '' : `, longest pause ${longest} ms`;
    console.log(
      `       ${`${kind}s`.padEnd(8)} ${of.length} clients, ${sum('answered')} requests answered, ` +
        `${sum('cuts')} connections cut, ${sum('failed')} requests failed${pause}`,
    );
  }
}

/** Sessions are kept, and every server holds what was acknowledged and nothing that was never asked for. */
async function verify(ensemble, clients) {
  equal(clients.filter(({ isLost }) => isLost).length, 0, 'sessions that were lost');
  const writers = clients.filter(({ kind }) => kind === 'writer');
  equal(
    writers.every(({ answered }) => answered > 0),
    true,
    'every writer has written',
  );
  for (const { port, sid } of ensemble.members) {
    const wire = await Wire.open(port);
    await wire.call(op.sync, body.path('/handover'));
    for (const { path, acknowledged, asked } of writers) {
      const reader = await wire.call(op.getData, body.pathWatch(path));
      const value = Number(reader.bytes().toString());
      if (value < acknowledged || value > asked)
        throw new Error(
          `server ${sid}: ${path} has ${value}; ${acknowledged} was acknowledged, ${asked} the last asked`,
        );
    }
    await wire.close();
  }
}
