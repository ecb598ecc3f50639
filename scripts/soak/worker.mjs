// A process of the soak: some contenders, each with a session of its own, each in every line at once.

import { setTimeout as sleep } from 'node:timers/promises';
import { ZkError, connect } from '@corral/client';
import { doubleBarrier, election, lock, queue } from '@corral/recipes';

const over = new AbortController();
const now = () => performance.timeOrigin + performance.now();
const tell = (message) => process.send(message);

process.on('message', (message) => {
  if (message === 'stop') over.abort(new Error('the soak is over'));
  else run(message).then(() => process.disconnect(), complain);
});

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
    again(() => meet(members, group, id)),
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

async function write(zk, of, held, token) {
  const { signal } = held;
  const tx = zk.multi().set(`/soak/${of}-value`, String(token));
  const [{ mzxid }] = await held.guard(tx).commit({ signal });
  tell({ kind: 'write', of, token, zxid: mzxid });
}

async function hold(zk) {
  await lock(zk, '/soak/lock').run(
    async (held) => {
      await ensure(zk, '/soak/lock-value');
      await write(zk, 'lock', held, held.token);
      await write(zk, 'lock', held, held.token);
    },
    { signal: over.signal },
  );
}

async function lead(zk) {
  const term = await election(zk, '/soak/election').campaign({ signal: over.signal });
  try {
    await ensure(zk, '/soak/election-value');
    await write(zk, 'election', term, term.number);
    await sleep(50);
    await write(zk, 'election', term, term.number);
  } finally {
    await term.resign();
  }
}

async function ensure(zk, path) {
  try {
    await zk.create(path, '', { parents: 'persistent' });
  } catch (error) {
    if (!ZkError.is(error, 'NodeExists')) throw error;
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

async function meet(members, group, party) {
  const stay = { kind: 'barrier', group, party, arrived: now(), entered: null, left: null };
  try {
    const inside = await members.enter({ signal: over.signal });
    stay.entered = now();
    await sleep(Math.random() * 50);
    // The moment before it says that it is done: from then on the others may go.
    await inside.leave({ signal: over.signal });
  } finally {
    tell({ ...stay, left: now() });
  }
  await sleep(Math.random() * 100);
}
