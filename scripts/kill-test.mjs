// npm run test:kill: a real server process is killed with -9 in the middle of a mixed load, again and again, and after
// every restart each acknowledged write must be there.
//
//   node scripts/kill-test.mjs [--rounds 25] [--server corral|apache] [--clients 8]
//
// --server ensemble:follower (or leader, observer) kills one member of an ensemble of four instead.

import { setTimeout as sleep } from 'node:timers/promises';
import { OneOf } from '../interop/ensemble/one-of.mjs';
import { Loader } from '../interop/kill/load.mjs';
import { verifyRound } from '../interop/kill/verify.mjs';
import { Checks } from '../interop/lib/checks.mjs';
import { Server } from '../interop/lib/server.mjs';
import { Wire, body, op } from '../interop/lib/wire.mjs';
import { readOptions } from './options.mjs';

/** Of acknowledged writes a second; four servers share the machine where one has it for itself. */
const requiredRates = { alone: 5000, ensemble: 500 };
const settings = { snapCount: 20_000, preAllocSize: 4096 };

const { values } = readOptions(import.meta.url, {
  options: {
    server: { type: 'string', default: 'corral' },
    rounds: { type: 'string', default: '25' },
    clients: { type: 'string', default: '8' },
  },
});
const rounds = Number(values.rounds);
const checks = new Checks();
const member = OneOf.parse(values.server);
const server = member ? await OneOf.fresh(member, settings) : await Server.fresh(values.server, settings);
const loaders = Array.from({ length: Number(values.clients) }, (_, index) => new Loader(server.port, index));
const totals = { acked: 0, milliseconds: 0, kept: 0, recoveries: [], sharedVersion: 0 };

try {
  await prepare();
  for (let round = 1; round <= rounds; round += 1) {
    if (!(await checks.check(`round ${round}`, () => oneRound(round)))) break;
  }
  checks.record(`${rounds} rounds were run`, totals.recoveries.length === rounds);
  const rate = Math.round((totals.acked * 1000) / totals.milliseconds);
  const range = `${Math.min(...totals.recoveries)} to ${Math.max(...totals.recoveries)} ms`;
  console.log(
    `       ${totals.acked} writes acknowledged, ${rate}/s under load, ${totals.kept} more kept from in flight`,
  );
  console.log(`       recovery ${range}`);
  const required = requiredRates[member ? 'ensemble' : 'alone'];
  checks.record(`at least ${required} writes/s`, rate >= required, `${rate}/s`);
} catch (error) {
  checks.record('the test ran to its end', false, error.stack);
} finally {
  for (const loader of loaders) loader.wire?.drop();
  if (checks.failed > 0) console.log(`       data and log are left in ${server.dir ?? server.ensemble.dir}`);
  await server.close({ keep: checks.failed > 0 });
}
checks.finish();

async function prepare() {
  const wire = await Wire.open(server.port);
  await wire.call(op.create, body.create('/kill', null));
  await wire.call(op.create, body.create('/kill/shared', null));
  await wire.close();
  for (const loader of loaders) {
    await loader.connect();
    await loader.prepare();
  }
}

async function oneRound(round) {
  await loaders[0].wire.call(op.create, body.create(`/kill/seq${round}`, null));
  const before = ackedSoFar();
  const started = Date.now();
  const ends = loaders.map((loader) => loader.run(round));
  await sleep(700 + Math.random() * 700);
  totals.milliseconds += Date.now() - started;
  await server.stop('SIGKILL');
  await Promise.all(ends);
  const acked = ackedSoFar() - before;
  totals.acked += acked;
  const down = Date.now();
  await server.start();
  totals.recoveries.push(Date.now() - down);
  await verify(round);
}

async function verify(round) {
  const sessions = await Promise.all(loaders.map((loader) => loader.connect().catch((error) => error.message)));
  const lost = sessions.filter((outcome) => outcome !== true);
  if (lost.length > 0) throw new Error(`${lost.length} sessions could not be taken up again: ${lost[0]}`);
  const { port } = server;
  const result = await verifyRound({ port, loaders, round, sharedBefore: totals.sharedVersion });
  totals.kept += result.kept;
  totals.sharedVersion = result.sharedVersion;
  for (const loader of loaders) loader.resume();
  if (result.problems.length > 0) throw new Error(result.problems.slice(0, 6).join('; '));
}

function ackedSoFar() {
  return loaders.reduce((sum, loader) => sum + loader.acked, 0);
}
