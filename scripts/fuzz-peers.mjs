// npm run test:fuzz:peers: damaged conversations on the ports between the members of an ensemble, forged members among
// them, while clients write through every member; then a member that stands still under a heavy load. Nothing that was
// acknowledged may be lost, no session, no server; memory comes back.
//
//   node scripts/fuzz-peers.mjs [--messages 40000] [--seed N] [--attackers 6]

import { setTimeout as sleep } from 'node:timers/promises';
import { Ensemble } from '../interop/ensemble/ensemble.mjs';
import { sameTree } from '../interop/ensemble/tree.mjs';
import { Rover } from '../interop/faults/rover.mjs';
import { PeerAttacker } from '../interop/fuzz/peer-attacker.mjs';
import { PeerSeeds } from '../interop/fuzz/peer-seeds.mjs';
import { Random } from '../interop/fuzz/random.mjs';
import { Checks, truthy } from '../interop/lib/checks.mjs';
import { Wire, body, op } from '../interop/lib/wire.mjs';
import { readOptions } from './options.mjs';

const { values } = readOptions(import.meta.url, {
  options: {
    messages: { type: 'string', default: '40000' },
    seed: { type: 'string', default: `${Date.now() % 1_000_000_007}` },
    attackers: { type: 'string', default: '6' },
  },
});
const seed = Number(values.seed);
const megabyte = 1024 * 1024;
/** Damaged conversations leave nothing behind. */
const calmRoom = 150 * megabyte;
/** Under a load of large values a server grows to 700 MB before it collects its garbage; queues come on top of that. */
const loadedMax = 900 * megabyte;
const loadMs = 7000;
const settings = { initLimit: 10, syncLimit: 10, 'admin.enableServer': false };

const checks = new Checks();
const ensemble = await Ensemble.prepare(['corral', 'corral', 'corral'], { settings });
const { members } = ensemble;
console.log(`seed ${seed}`);
try {
  await campaign();
} catch (error) {
  checks.record('the campaign ran to its end', false, error.stack);
} finally {
  await ensemble.close({ keep: checks.failed > 0 });
}
checks.finish();

async function campaign() {
  await ensemble.start();
  const places = members.map(({ port }) => ({ host: '127.0.0.1', port }));
  const wire = await Wire.open(places[0].port);
  for (const path of ['/faults', '/faults/shared', '/faults/seq']) await wire.call(op.create, body.create(path, null));
  await wire.close();
  const rovers = [0, 1, 2].map(
    (index) => new Rover(index, places, { random: new Random(seed + index), perSecond: 100 }),
  );
  const roving = rovers.map((rover) => rover.run());
  await checks.check('a first part to warm up', () => attack(Number(values.messages) / 10, seed));
  const warm = await usage();
  await checks.check(`${values.messages} messages`, () => attack(Number(values.messages), seed + 1));
  await checks.check('memory and handles are back near the start', () => calm(warm));
  await checks.check('a member that stands still under load costs its leader a bounded amount of memory', () =>
    standstill(),
  );
  await checks.check('the ensemble is whole again', () => whole());
  await checks.check('no server has ended', () => {
    for (const member of members) truthy(member.running, `server ${member.sid} has ended:\n${member.logTail()}`);
  });
  for (const rover of rovers) rover.stop();
  await Promise.all(roving);
  await checks.check('no acknowledged write and no session of the clients is lost', () => settle(rovers));
  await checks.check('the trees of all servers are equal', () =>
    // Requests in the recorded conversations may have made nodes that nobody is allowed to read.
    sameTree(members, '/faults'),
  );
  for (const rover of rovers) rover.wire.drop();
}

async function attack(wanted, from) {
  const attackers = Array.from({ length: Number(values.attackers) }, (_, index) => {
    const random = new Random(from * 1000 + index);
    return new PeerAttacker({ members, random, seeds: new PeerSeeds(random) });
  });
  const sum = (key) => attackers.reduce((total, { stats }) => total + stats[key], 0);
  const started = Date.now();
  const enough = () => sum('messages') >= wanted || Date.now() - started > 300_000;
  await Promise.all(attackers.map((attacker) => attacker.run(enough)));
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  console.log(
    `       ${['messages', 'connections', 'cutOff'].map((key) => `${sum(key)} ${key}`).join(', ')} in ${seconds} s`,
  );
  truthy(sum('messages') >= wanted, `only ${sum('messages')} of ${wanted} messages were sent`);
  await whole();
}

async function whole() {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const modes = await Promise.all(members.map((member) => member.mode()));
    if (modes.filter((mode) => mode === 'leader').length === 1 && !modes.includes(null)) return;
    truthy(Date.now() < deadline, `not whole: ${modes.join(', ')}`);
    await sleep(50);
  }
}

/** A follower is stopped where it is while large values are written as fast as the others take them. */
async function standstill() {
  const leader = await ensemble.leader();
  const still = members.find((member) => member !== leader);
  const before = leader.logText().length;
  const frozen = still.logText().length;
  await still.freeze();
  await load(leader);
  still.thaw();
  // Until it has read what came meanwhile, it takes itself for a follower as before.
  const deadline = Date.now() + 30_000;
  while (!still.logText().slice(frozen).includes('following: established')) {
    truthy(Date.now() < deadline, 'the member that stood still does not come back');
    await sleep(50);
  }
  const line = new RegExp(`"sid":${still.sid},"address":"[^"]*","reason":"(silent for too long|it does not)[^"]*"`);
  const gone = line.exec(leader.logText().slice(before));
  truthy(gone !== null, 'the member that stood still was not cut off');
  console.log(`       cut off: ${gone[0]}`);
  const { rss } = await leader.usage();
  truthy(rss < loadedMax, `${mb(rss)} MB`);
}

/** Large values, as fast as they are taken, for longer than a silent member is waited for. */
async function load(leader) {
  const wires = await Promise.all(Array.from({ length: 4 }, () => Wire.open(leader.port)));
  const until = Date.now() + loadMs;
  let written = 0;
  await Promise.all(
    wires.map(async (wire, at) => {
      await wire.request(op.create, body.create(`/large${at}`, null));
      for (; Date.now() < until; written += 1)
        await wire.call(op.setData, body.setData(`/large${at}`, Buffer.alloc(200_000, written)));
      await wire.close();
    }),
  );
  const { rss } = await leader.usage();
  console.log(`       ${mb(written * 200_000)} MB written while a member stood still; the leader takes ${mb(rss)} MB`);
}

function mb(bytes) {
  return Math.round(bytes / megabyte);
}

async function settle(rovers) {
  for (const rover of rovers) {
    await rover.attach();
    await rover.settle();
    rover.hold();
  }
  const problems = rovers.flatMap((rover) => rover.problems);
  truthy(problems.length === 0, `${problems.length}: ${problems.slice(0, 4).join('; ')}`);
  const acked = rovers.reduce((sum, rover) => sum + rover.acked, 0);
  console.log(`       ${acked} writes acknowledged`);
  truthy(acked > 500, `only ${acked} writes were acknowledged`);
}

/** The largest of the servers, in memory and in handles. */
async function usage() {
  const all = await Promise.all(members.map((member) => member.usage()));
  return { rss: Math.max(...all.map(({ rss }) => rss)), handles: Math.max(...all.map(({ handles }) => handles)) };
}

async function calm(warm) {
  let end = await usage();
  for (let tries = 0; tries < 30 && end.rss > warm.rss + calmRoom; tries += 1) {
    await sleep(500);
    end = await usage();
  }
  const text = `${Math.round(end.rss / megabyte)} MB, ${end.handles} handles`;
  console.log(`       warm ${Math.round(warm.rss / megabyte)} MB, ${warm.handles} handles; end ${text}`);
  truthy(end.rss <= warm.rss + calmRoom, text);
  truthy(end.handles <= warm.handles + 20, text);
}
