// A process of the soak: some contenders, each with a session of its own, each in every line at once.

import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { ZkError, connect } from '@corral/client';
import { doubleBarrier, election, lock, queue } from '@corral/recipes';
import { count, followConfig, readOrWrite, shareConfig, takePermits, write } from './sharing.mjs';

const over = new AbortController();
// Every contender of this process listens, in everything it does.
setMaxListeners(0, over.signal);
const now = () => performance.timeOrigin + performance.now();
const tell = (message) => process.send(message);

process.on('message', (message) => {
  if (message === 'stop') over.abort(new Error('the soak is over'));
  else run(message).then(finish, complain);
});

/** The channel drops what it has not written when it is closed: the last message says when it has written everything. */
function finish() {
  process.send({ kind: 'end' }, () => process.disconnect());
}

function complain(error) {
  tell({ kind: 'complaint', text: error?.stack ?? String(error) });
}

async function run({ contenders, ...rest }) {
  await Promise.all(contenders.map((contender) => contend({ ...contender, ...rest })));
}

async function contend({ id, group, servers, sessionTimeout, parties }) {
  const zk = await connect(servers, { sessionTimeout });
  reportWakeUps(zk);
  const jobs = queue(zk, '/soak/queue', { maxAttempts: 1000, maxItems: 100_000 });
  const members = doubleBarrier(zk, `/soak/barrier-${group}`, { parties });
  await Promise.all([
    again(() => hold(zk)),
    again(() => lead(zk)),
    produce(jobs, id),
    again(() => consume(jobs)),
    again(() => meet(zk, members, group, id)),
    again(() => takePermits(zk, tell, over.signal)),
    again(() => readOrWrite(zk, tell, over.signal)),
    again(() => count(zk, tell, over.signal)),
    again(() => shareConfig(zk, tell, over.signal)),
    followConfig(zk, id, tell, over.signal).catch(complain),
  ]);
  await zk.close();
}

/** Until the end; what a fault brings about is no reason to stop. */
async function again(work) {
  while (!over.signal.aborted) {
    try {
      await work();
    } catch (error) {
      const isExpected = over.signal.aborted || ZkError.is(error) || error?.name === 'LostError';
      if (!isExpected) complain(error);
      // A loop that fails at once must not keep the process from doing anything else.
      await sleep(20);
    }
  }
}

/** Tells of every deletion of a node that woke us up, other than of our own. */
function reportWakeUps(zk) {
  const get = zk.get.bind(zk);
  zk.get = (path, options) => {
    if (options?.watch === undefined || !/^\/soak\/(lock|election)\//.test(path)) return get(path, options);
    // A watch of an old session is set again under the new one; whoever waited stands in line anew by then.
    const session = zk.session?.id;
    const watch = (event) => {
      if (event.type === 'deleted' && zk.session?.id === session) tell({ kind: 'woken', path });
      options.watch(event);
    };
    return get(path, { ...options, watch });
  };
}

async function writeTwice(zk, of, held, token, pauseMs) {
  for (const ms of [pauseMs, 0]) {
    tell({ kind: 'write', of, token, zxid: await write(zk, `/soak/${of}-value`, held, token) });
    await sleep(ms);
  }
}

async function hold(zk) {
  await lock(zk, '/soak/lock').run((held) => writeTwice(zk, 'lock', held, held.token, 0), { signal: over.signal });
}

async function lead(zk) {
  const term = await election(zk, '/soak/election').campaign({ signal: over.signal });
  try {
    await writeTwice(zk, 'election', term, term.number, 50);
  } finally {
    await term.resign();
  }
}

async function produce(jobs, id) {
  for (let n = 0; !over.signal.aborted; n++) {
    const job = `${id}-${n}`;
    try {
      await jobs.put(job);
      tell({ kind: 'put', job, isSure: true });
    } catch (error) {
      if (!ZkError.is(error)) complain(error);
      tell({ kind: 'put', job, isSure: false });
    }
    await sleep(1000 + Math.random() * 2000);
  }
}

/** To the end and beyond, until everything that was put is taken. */
async function consume(jobs) {
  const end = new AbortController();
  const untilEmpty = async () => {
    await sleep(5000);
    while ((await jobs.size()) > 0) await sleep(500);
    end.abort();
  };
  over.signal.addEventListener('abort', () => untilEmpty().catch(complain), { once: true });
  for await (const message of jobs.consume({ signal: end.signal })) {
    await sleep(Math.random() * 20);
    try {
      await message.ack();
      tell({ kind: 'acked', job: message.value });
    } catch (error) {
      if (error?.name !== 'LostError' && !ZkError.is(error)) complain(error);
      tell({ kind: 'ack in doubt', job: message.value });
    }
  }
}

/** Proves that it is inside by a guarded write, and again as the last thing before it says that it is done. */
async function meet(zk, members, group, party) {
  const stay = { kind: 'barrier', group, party, arrived: now(), proofs: [], left: null };
  const prove = async (inside) => {
    const from = now();
    await write(zk, '/soak/barrier-value', inside, party);
    stay.proofs.push({ from, to: now() });
  };
  try {
    const inside = await members.enter({ signal: over.signal });
    await prove(inside);
    await sleep(Math.random() * 50);
    await prove(inside);
    await inside.leave({ signal: over.signal });
    stay.left = now();
  } finally {
    tell(stay);
  }
  await sleep(Math.random() * 100);
}
