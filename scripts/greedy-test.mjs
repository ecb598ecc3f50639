// npm run test:greedy: clients that want too much of everything, operation by operation, word by word, command by command.
// The event loop of the server must not stand still for long, its memory must not rise far, others must be served.
//
//   node scripts/greedy-test.mjs [--only 'multi,auth,word,command'] [--ensemble]
//
// With --ensemble there are three servers: the greedy clients are at the leader, the modest one at a follower, and the loops
// of all three count.
//
// What is measured is processor time of the server's main thread, not time on the clock: a busy machine does not count.

import { opcodes } from '../packages/protocol/dist/index.js';
import { wordNames } from '../packages/server/dist/admin/four-letter.js';
import { Ensemble } from '../interop/ensemble/ensemble.mjs';
import { Campaign } from '../interop/greedy/campaign.mjs';
import { command, operations, word } from '../interop/greedy/forms.mjs';
import { Probe, ProbedServer } from '../interop/greedy/probed-server.mjs';
import { Checks, equal } from '../interop/lib/checks.mjs';
import { readOptions } from './options.mjs';

const { values } = readOptions(import.meta.url, {
  options: { only: { type: 'string' }, ensemble: { type: 'boolean', default: false } },
});
const only = values.only?.split(',');
const wanted = (name) => only === undefined || only.includes(name);
const checks = new Checks();
const settings = { snapCount: 1_000_000 };
const { probes, close } = await (values.ensemble ? threeServers() : oneServer());
try {
  await run();
} catch (error) {
  checks.record('the campaign ran to its end', false, error.stack);
} finally {
  await close();
}
checks.finish();

async function oneServer() {
  const server = await ProbedServer.fresh('corral', settings);
  return { probes: [server.probe], close: () => server.close() };
}

async function threeServers() {
  const ensemble = await Ensemble.prepare(['corral', 'corral', 'corral'], { settings });
  const probes = ensemble.members.map((member) => new Probe(member));
  for (const member of ensemble.members) member.isNew();
  await ensemble.start();
  const leader = await ensemble.leader();
  probes.sort((a, b) => Number(b.server === leader) - Number(a.server === leader));
  return { probes, close: () => ensemble.close() };
}

async function run() {
  await checks.check('every operation has a greedy form', () => {
    const missing = Object.keys(opcodes).filter((name) => !(operations[name]?.length > 0));
    equal(missing, [], 'operations without one');
  });
  const campaign = new Campaign(probes, checks);
  await campaign.begin();
  const factors = probes.map(({ slowness }) => slowness.toFixed(1));
  console.log(`       this machine takes ${factors.join(', ')} times what it takes the reference`);
  for (const [name, forms] of Object.entries(operations).filter(([name]) => wanted(name)))
    for (const form of forms) await campaign.form(name, form);
  if (wanted('word')) for (const name of wordNames) await campaign.form('word', word(name));
  if (wanted('command')) for (const name of await commandNames()) await campaign.form('command', command(name));
  await campaign.end();
}

/** Those that the server itself names. */
async function commandNames() {
  const page = await (await fetch(`http://127.0.0.1:${probes[0].server.adminPort}/commands`)).text();
  return [...page.matchAll(/href="\/commands\/([a-z_]+)"/g)].map(([, name]) => name);
}
