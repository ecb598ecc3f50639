// npm run test:fuzz: damaged and random frames and handshakes against a real server process, while a healthy client
// works on. At the end the server must be alive, small, and the healthy client's data untouched.
//
//   node scripts/fuzz.mjs [--frames 200000] [--seed N] [--server corral|apache] [--attackers 10]

import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Attacker } from '../interop/fuzz/attacker.mjs';
import { Control } from '../interop/fuzz/control.mjs';
import { directed } from '../interop/fuzz/directed.mjs';
import { greedy } from '../interop/fuzz/greedy.mjs';
import { Random } from '../interop/fuzz/random.mjs';
import { Seeds, plant } from '../interop/fuzz/seeds.mjs';
import { Checks, truthy } from '../interop/lib/checks.mjs';
import { Server } from '../interop/lib/server.mjs';
import { Wire, op } from '../interop/lib/wire.mjs';
import { readOptions } from './options.mjs';

const { values } = readOptions(import.meta.url, {
  options: {
    server: { type: 'string', default: 'corral' },
    frames: { type: 'string', default: '200000' },
    seed: { type: 'string', default: `${Date.now() % 1_000_000_007}` },
    attackers: { type: 'string', default: '10' },
  },
});
const frames = Number(values.frames);
const seed = Number(values.seed);
const megabyte = 1024 * 1024;
const superCredential = 'super:fuzz-campaign';
const superDigest = `super:${createHash('sha1').update(superCredential).digest('base64')}`;

const checks = new Checks();
const server = await Server.fresh(values.server, { 'DigestAuthenticationProvider.superDigest': superDigest });
console.log(`seed ${seed}`);
try {
  await campaign();
} catch (error) {
  checks.record('the campaign ran to its end', false, error.stack);
} finally {
  if (checks.failed > 0) console.log(`       seed ${seed}; data and log are left in ${server.dir}`);
  await server.close({ keep: checks.failed > 0 });
}
checks.finish();

async function campaign() {
  const control = await Control.open(server.port, superCredential);
  const planter = await Wire.open(server.port);
  await plant(planter);
  await planter.close();
  control.start();
  const context = { server, port: server.port, control, apache: values.server === 'apache' };
  for (const [name, body] of Object.entries(directed)) await checks.check(`bad input: ${name}`, () => body(context));
  // The size to come back to is taken after a first part of the campaign, when the code is warm.
  await checks.check('a first part to warm up', () => attack(control, Math.round(frames / 20), seed));
  await settle(control);
  const warm = await server.usage();
  console.log(`       warm: ${Math.round(warm.rss / megabyte)} MB, ${warm.handles} handles`);
  await checks.check(`${frames} damaged frames`, () => attack(control, frames, seed + 1));
  await settle(control);
  for (const [name, body] of Object.entries(greedy)) {
    await checks.check(`greed: ${name}`, () => body(context));
    control.nameFailure(`during greed: ${name}`);
  }
  await judge(control, warm);
}

/** Runs the attackers until so many frames have been dealt with. */
async function attack(control, wanted, from) {
  const started = Date.now();
  const attackers = Array.from({ length: Number(values.attackers) }, (_, index) => {
    const random = new Random(from * 1000 + index);
    const seeds = new Seeds(random, values.server === 'apache' ? [op.createTtl] : []);
    return new Attacker({ port: server.port, random, seeds, protectedSession: control.wire.sessionId });
  });
  const sum = (key) => attackers.reduce((total, attacker) => total + attacker.stats[key], 0);
  const idle = { at: Date.now(), frames: 0 };
  const enough = () => {
    const done = sum('frames');
    if (done > idle.frames) Object.assign(idle, { at: Date.now(), frames: done });
    return done >= wanted || !server.alive() || Date.now() - idle.at > 30_000;
  };
  await Promise.all(attackers.map((attacker) => attacker.run(enough)));
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  const counts = ['frames', 'accepted', 'handshakes', 'connections', 'silent'].map((key) => `${sum(key)} ${key}`);
  console.log(`       ${counts.join(', ')} in ${seconds} s`);
  truthy(server.alive(), `the server died:\n${server.logTail()}`);
  truthy(sum('early') === 0, `${sum('early')} answers came before the answer to the handshake`);
  truthy(sum('frames') >= wanted, `only ${sum('frames')} of ${wanted} frames were dealt with`);
}

/** Lets sessions of the attackers expire and removes what they have left behind. */
async function settle(control) {
  await sleep(2500);
  const removed = await control.cleanUp();
  const planter = await Wire.open(server.port);
  await plant(planter);
  await planter.close();
  console.log(`       ${removed} nodes left behind were removed`);
}

async function judge(control, warm) {
  await checks.check('the healthy client never failed', async () => {
    truthy(!control.failure, control.failure);
    truthy(control.beats > 10, `only ${control.beats} beats`);
  });
  console.log(`       ${control.beats} beats of the healthy client, the slowest ${control.slowest} ms`);
  await checks.check('the server is alive', async () => truthy(server.alive(), server.logTail()));
  await checks.check("the healthy client's subtree is unchanged", () => control.checkTree());
  await checks.check('memory and handles are back near the start', async () => {
    await settle(control);
    const end = await lowest(warm);
    const text = `${Math.round(end.rss / megabyte)} MB, ${end.handles} handles`;
    console.log(`       end: ${text}`);
    const room = (values.server === 'apache' ? 400 : 150) * megabyte;
    truthy(end.rss <= warm.rss + room, `${text}; warm was ${Math.round(warm.rss / megabyte)} MB`);
    truthy(end.handles <= warm.handles + 5, `${text}; warm had ${warm.handles} handles`);
  });
  await control.stop();
  await control.wire.close();
}

/** Gives garbage collection up to 15 seconds to come near the warm size. */
async function lowest(warm) {
  let best = await server.usage();
  for (let tries = 0; tries < 30 && best.rss > warm.rss + 50 * megabyte; tries += 1) {
    await sleep(500);
    const now = await server.usage();
    if (now.rss < best.rss) best = now;
  }
  return { rss: best.rss, handles: (await server.usage()).handles };
}
