// npm run soak: recipes for minutes, with real processes. Fifty contenders in ten processes use a lock, an election, a
// queue, double barriers, a semaphore, a read/write lock, a counter and configuration on three servers, while servers are
// killed and started again and processes are stopped for longer than their sessions live. Then the books are checked.
//
//   node scripts/soak.mjs [--minutes 10] [--contenders 50] [--processes 10] [--seed N]
//
// The seed fixes which faults come in which order, not the timing of the processes.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { connect } from '@corral/client';
import { config, counter, queue } from '@corral/recipes';
import { Ensemble } from '../interop/ensemble/ensemble.mjs';
import { Checks, equal, truthy } from '../interop/lib/checks.mjs';
import { Books } from './soak/books.mjs';
import { paths, proofs, settings as configCodec } from './soak/sharing.mjs';
import { readOptions } from './options.mjs';

const { values } = readOptions(import.meta.url, {
  options: {
    minutes: { type: 'string', default: '10' },
    contenders: { type: 'string', default: '50' },
    processes: { type: 'string', default: '10' },
    seed: { type: 'string', default: `${Math.floor(Math.random() * 1e9)}` },
  },
});
const [minutes, contenders, processes] = ['minutes', 'contenders', 'processes'].map((name) => Number(values[name]));
const sessionTimeout = 4000;
const parties = 5;
const settings = { tickTime: 500, initLimit: 20, syncLimit: 8, 'admin.enableServer': false };
/** Between one fault and the next. */
const calmMs = [1500, 4000];
const endMs = 60_000;
/** From the end to the last change of the configuration. */
const lastWordMs = 5000;
/** Nodes below which nothing may be left. */
const emptied = [
  ...['lock', 'election', 'queue/taken', 'queue/items'],
  ...['semaphore/locks', 'semaphore/leases', 'rw', 'counter/lock'],
];

const random = generator(Number(values.seed));
console.log(`       seed ${values.seed}, ${minutes} minutes, ${contenders} contenders in ${processes} processes`);
const checks = new Checks();
const books = new Books(parties);
const ensemble = await Ensemble.prepare(['corral', 'corral', 'corral'], { settings });
const workers = [];
const faults = {};
try {
  for (const member of ensemble.members) member.isNew();
  await ensemble.start();
  const servers = ensemble.members.map(({ port }) => `127.0.0.1:${port}`).join(',');
  await prepare(servers);
  for (let n = 0; n < processes; n++) workers.push(await startWorker(n, servers));
  const end = performance.now() + minutes * 60_000;
  while (performance.now() < end) await strike();
  await Promise.all([...workers.map(stopWorker), sayLastWord(servers)]);
  await audit(servers);
} finally {
  for (const { child } of workers) child.kill('SIGKILL');
  await ensemble.close();
}
checks.finish();

async function prepare(servers) {
  const zk = await connect(servers, { sessionTimeout });
  for (const path of proofs) await zk.create(path, '', { parents: 'persistent' });
  await zk.close();
}

async function startWorker(n, servers) {
  const mine = Array.from({ length: contenders }, (_, at) => at).filter((at) => at % processes === n);
  const groups = mine.map((at) => Math.floor(at / parties));
  const script = fileURLToPath(new URL('soak/worker.mjs', import.meta.url));
  const child = fork(script, { serialization: 'advanced', stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  // What a process has told may still be under way when it is gone; the channel ends behind its last word.
  const worker = { child, ended: Promise.all([once(child, 'exit'), once(child, 'disconnect')]) };
  child.on('message', (message) => books.enter(message));
  child.on('exit', (code, signal) => {
    if (code !== 0 && signal !== 'SIGKILL') books.complain(`a process ended with ${signal ?? code}`);
  });
  child.send({ servers, sessionTimeout, parties, contenders: mine.map((id, at) => ({ id, group: groups[at] })) });
  return worker;
}

async function stopWorker({ child, ended }) {
  child.send('stop');
  const [how] = await Promise.race([ended, sleep(endMs, ['late'], { ref: false })]);
  if (how === 'late') books.complain('a process does not come to its end');
}

/** The change of the configuration that everybody must have seen in the end. */
async function sayLastWord(servers) {
  await sleep(lastWordMs);
  const zk = await connect(servers, { sessionTimeout });
  const cfg = await config(zk, paths.config, configCodec);
  await cfg.update(({ n }) => ({ n: n + 1, isLast: true }));
  await zk.close();
}

// Faults

async function strike() {
  await sleep(calmMs[0] + random() * (calmMs[1] - calmMs[0]));
  const kinds = {
    'a server is killed': killServer,
    'a process stands still': () => freezeFor(sessionTimeout * 0.4),
    'sessions expire': () => freezeFor(sessionTimeout * 1.6),
  };
  const names = Object.keys(kinds);
  const name = names[Math.floor(random() * names.length)];
  faults[name] = (faults[name] ?? 0) + 1;
  await kinds[name]();
}

async function killServer() {
  const member = ensemble.member(1 + Math.floor(random() * 3));
  await member.stop('SIGKILL');
  await sleep(500 + random() * 1500);
  await member.start();
}

async function freezeFor(ms) {
  const { child } = workers[Math.floor(random() * workers.length)];
  child.kill('SIGSTOP');
  await sleep(ms);
  child.kill('SIGCONT');
}

// The end

async function audit(servers) {
  const zk = await connect(servers, { sessionTimeout });
  await auditWith(zk);
  await zk.close();
  await checks.check('no watch is left behind', async () => {
    for (const member of ensemble.members) {
      const count = /zk_watch_count\s+(\d+)/.exec(await member.word('mntr'))?.[1];
      equal(count, '0', `watches at server ${member.sid}`);
    }
  });
  await checks.check('nobody complained', () => truthy(books.complaints.length === 0, books.complaints.join('; ')));
}

async function auditWith(zk) {
  const { text, counts } = books.summary();
  console.log(
    `       ${Object.entries(faults)
      .map(([name, n]) => `${name}: ${n}`)
      .join(', ')}`,
  );
  console.log(`       ${text}`);
  for (const [what, count] of Object.entries(counts)) checks.record(`${what} happened`, count > 0);
  for (const [name, check] of Object.entries(books.checks())) await checks.check(name, check);
  await checks.check('queue: nothing is lost', async () => {
    equal(await queue(zk, '/soak/queue').size(), 0, 'items that nobody took');
    equal((await queue(zk, '/soak/queue').deadLetters()).length, 0, 'dead letters');
    books.checkNothingIsLost();
  });
  await checks.check('counter: every addition counts once', async () => {
    console.log(`       (${books.countsInDoubt} additions in doubt)`);
    books.checkCounter(await counter(zk, paths.counter).value());
  });
  await checks.check('configuration: everybody followed it, and every change is in it', async () => {
    equal(books.configSeen.size, contenders, 'followers');
    const { data, stat } = await zk.get(paths.config, { codec: configCodec });
    equal(data.n, stat.version, 'changes that were made and changes that are there');
  });
  await checks.check('no node is left behind', async () => {
    // Sessions of processes that stood still at the end are given their time.
    await sleep(2 * sessionTimeout);
    for (const dir of emptied) {
      equal((await zk.exists(`/soak/${dir}`))?.numChildren ?? 0, 0, `nodes in /soak/${dir}`);
    }
    equal(await zk.ephemerals('/'), [], 'ephemerals of the last client');
  });
}

/** Mulberry32. */
function generator(seed) {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
