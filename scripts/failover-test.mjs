// npm run test:failover: how long nothing can be written when the leader is killed, and when it is told to stop as in a
// rolling restart - three servers of Corral and three of Apache, in turns, on this machine.
//
//   node scripts/failover-test.mjs [--rounds 7]
//
// One connection to every server tries a small write again and again; the time runs from the signal to the first write
// that was begun after it and accepted.

import { setTimeout as sleep } from 'node:timers/promises';
import { Ensemble } from '../interop/ensemble/ensemble.mjs';
import { Probes } from '../interop/faults/probe.mjs';
import { Checks } from '../interop/lib/checks.mjs';
import { Wire, body, op } from '../interop/lib/wire.mjs';
import { readOptions } from './options.mjs';

const { values } = readOptions(import.meta.url, { options: { rounds: { type: 'string', default: '7' } } });
const rounds = Number(values.rounds);
const ways = { 'kill -9 of the leader': 'SIGKILL', 'stop of the leader (SIGTERM)': 'SIGTERM' };
const timing = { tickTime: 2000, initLimit: 10, syncLimit: 5 };
const acceptedMs = 60_000;
/** Corral's time for Apache's, at most. */
const ratioMax = 0.7;

const checks = new Checks();
const times = { corral: {}, apache: {} };
for (const kind of ['corral', 'apache']) {
  await checks.check(`${kind}: ${rounds} times each`, () => measure(kind));
}
for (const way of Object.keys(ways)) {
  const [corral, apache] = [median(times.corral[way]), median(times.apache[way])];
  const text = `${corral} ms, Apache ${apache} ms`;
  console.log(`       ${way}, median until a write is accepted: Corral ${text}`);
  checks.record(`${way}: at most ${ratioMax} of Apache's time`, corral <= ratioMax * apache, text);
}
checks.finish();

async function measure(kind) {
  const ensemble = await Ensemble.prepare([kind, kind, kind], { settings: { ...timing, 'admin.enableServer': false } });
  try {
    await ensemble.start();
    const places = ensemble.members.map(({ address, port }) => ({ host: address, port }));
    const wire = await Wire.open(places[0].port);
    await wire.call(op.create, body.create('/faults', null));
    await wire.close();
    const probes = new Probes(places, { everyMs: 5 });
    for (const [way, signal] of Object.entries(ways)) {
      times[kind][way] = [];
      for (let round = 0; round < rounds; round += 1) times[kind][way].push(await once(ensemble, probes, signal));
      console.log(`       ${kind}, ${way}: ${times[kind][way].join(', ')} ms`);
    }
    await probes.stop();
  } finally {
    await ensemble.close();
  }
}

async function once(ensemble, probes, signal) {
  await probes.accepted(acceptedMs);
  await sleep(500);
  const leader = await ensemble.leader();
  const accepted = probes.accepted(acceptedMs);
  const stopped = leader.stop(signal);
  const time = await accepted;
  await stopped;
  await sleep(500);
  await leader.start();
  return time;
}

function median(list) {
  const sorted = [...list].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}
