// What contenders do with what several may have at once: permits of a semaphore, a read/write lock, a counter, and
// configuration. Whoever holds something proves it with guarded writes: at their transactions its node was there.

import { setTimeout as sleep } from 'node:timers/promises';
import { ZkError, json } from '@corral/client';
import { config, counter, rwLock, semaphore } from '@corral/recipes';

export const paths = {
  semaphore: '/soak/semaphore',
  rwLock: '/soak/rw',
  counter: '/soak/counter',
  config: '/soak/config',
};
/** Nodes that are written under guard; they are there from the beginning. */
export const proofs = ['lock', 'election', 'semaphore', 'rw', 'barrier'].map((of) => `/soak/${of}-value`);
export const permits = 4;
export const settings = json();
const seed = { n: 0, isLast: false };
const lastWordMs = 30_000;

/** Writes under guard; the transaction in which it happened. The node is one that nobody deletes. */
export async function write(zk, path, held, value) {
  const { signal } = held;
  const [{ mzxid }] = await held.guard(zk.multi().set(path, String(value))).commit({ signal });
  return mzxid;
}

/** Writes at the beginning and at the end of some work; tells of the transactions, whatever comes in between. */
async function prove(zk, path, held, told) {
  const zxids = [];
  try {
    zxids.push(await write(zk, path, held, held.token));
    await sleep(Math.random() * 30);
    zxids.push(await write(zk, path, held, held.token));
  } finally {
    if (zxids.length > 0) told(zxids[0], zxids.at(-1));
  }
}

export async function takePermits(zk, tell, signal) {
  const count = 1 + Math.floor(Math.random() * 2);
  const held = await semaphore(zk, paths.semaphore, { permits }).acquire({ permits: count, signal });
  try {
    // A lease is made when it is granted, so it is held from its own transaction on.
    await prove(zk, '/soak/semaphore-value', held, (_, to) => {
      tell({ kind: 'stay', of: 'semaphore', weight: count, from: held.token, to });
    });
  } finally {
    await held.release();
  }
}

export async function readOrWrite(zk, tell, signal) {
  const rw = rwLock(zk, paths.rwLock);
  const told = (weight) => (from, to) => tell({ kind: 'stay', of: 'rwLock', weight, from, to });
  const isWriter = Math.random() < 0.3;
  let held = isWriter ? await rw.write({ signal }) : await rw.read({ signal });
  try {
    await prove(zk, '/soak/rw-value', held, told(isWriter ? 'writer' : 'reader'));
    if (isWriter && Math.random() < 0.5) {
      held = await held.downgrade({ signal });
      await prove(zk, '/soak/rw-value', held, told('reader'));
    }
  } finally {
    await held.release();
  }
}

export async function count(zk, tell, signal) {
  await sleep(Math.random() * 500, undefined, { signal });
  try {
    const { after } = await counter(zk, paths.counter).add(1n);
    tell({ kind: 'counted', after });
  } catch (error) {
    if (ZkError.is(error) && error.ambiguous) tell({ kind: 'count in doubt' });
    throw error;
  }
}

/** Changes the configuration now and then, until the last word was said. */
export async function shareConfig(zk, tell, signal) {
  await sleep(1000 + Math.random() * 9000, undefined, { signal });
  const cfg = await config(zk, paths.config, settings, { seed, signal });
  try {
    await cfg.update(({ n }) => ({ n: n + 1, isLast: false }), { signal });
    tell({ kind: 'config changed' });
  } finally {
    await cfg.close();
  }
}

/** Follows the configuration to its last word, also when that is said after the end. */
export async function followConfig(zk, id, tell, signal) {
  const end = new AbortController();
  signal.addEventListener('abort', () => setTimeout(() => end.abort(new Error('no last word')), lastWordMs).unref());
  const seen = [];
  const cfg = await config(zk, paths.config, settings, { seed, signal: end.signal });
  try {
    for await (const { n, isLast } of cfg.changes({ signal: end.signal })) {
      seen.push({ n, version: cfg.version, isLast });
      if (isLast) break;
    }
  } finally {
    tell({ kind: 'config seen', id, seen });
    await cfg.close();
  }
}
