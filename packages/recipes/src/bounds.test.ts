// Without a server, what somebody waits for ends; what waits for others, and what goes on in the background, outlasts it.

import { startServer } from '@corral/testing';
import type { TestServer } from '@corral/testing';
import { ZkError, json } from '@corral/client';
import type { Client } from '@corral/client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { barrier, config, counter, doubleBarrier, election, group, ids, lease, lock, migrate, once } from './index.ts';
import { partitions, queue, rateLimiter, rwLock, semaphore, services, step, treeCache } from './index.ts';

let server: TestServer;
let zk: Client;
beforeEach(async () => {
  server = await startServer({ clock: 'virtual', leaks: 'ignore' });
  zk = await server.connect({ sessionTimeout: 60_000 });
});
afterEach(() => server.close());

const oneShots: Readonly<Record<string, (zk: Client) => Promise<unknown>>> = {
  'lock.acquire of a lock that nobody has': (client) => lock(client, '/r').acquire(),
  'lock.tryLock': (client) => lock(client, '/r').tryLock(),
  'lock.contenders': (client) => lock(client, '/r').contenders(),
  'rwLock.write': (client) => rwLock(client, '/r').write(),
  'semaphore.acquire': (client) => semaphore(client, '/r', { permits: 1 }).acquire(),
  'election.campaign': (client) => election(client, '/r').campaign(),
  'election.current': (client) => election(client, '/r').current(),
  'barrier.raise': (client) => barrier(client, '/r').raise(),
  'barrier.lift': (client) => barrier(client, '/r').lift(),
  'doubleBarrier.enter': (client) => doubleBarrier(client, '/r', { parties: 2 }).enter(),
  'queue.put': (client) => queue(client, '/r').put(1),
  'queue.put, delayed': (client) => queue(client, '/r').put(1, { delay: 5 }),
  'queue.size': (client) => queue(client, '/r').size(),
  'counter.add': (client) => counter(client, '/r').add(1n),
  'ids.next': (client) => ids(client, '/r').next(),
  'rateLimiter.take': (client) => rateLimiter(client, '/r', { limit: 5, perMs: 1000 }).take(),
  'once.do': (client) => once(client, '/r').do('a', () => 1),
  'lease.acquire': (client) => lease(client, '/r').acquire(1000),
  'group.join': (client) => group(client, '/r').join('me', null),
  'group.members': (client) => group(client, '/r').members(),
  'services.register': (client) => services(client, '/r').register({ name: 's' }),
  config: (client) => config(client, '/r', json<number>(), { seed: 1 }),
  migrate: (client) => migrate(client, 'app', [step('1', (tx) => tx.create('/m'))]),
};

describe('with no server there', () => {
  for (const [name, work] of Object.entries(oneShots)) {
    it(`${name} ends with OperationTimeout`, async () => {
      server.cutOff(zk);
      await server.clock.advance('1s');
      const end = await server.clock.until(
        work(zk).then(
          () => 'done',
          (error: unknown) => error,
        ),
        // A client that hears nothing needs some time to see that it is cut off.
        '90s',
      );
      expect(ZkError.is(end, 'OperationTimeout'), String(end)).toBe(true);
    });
  }
});

/** Loops, and what ends each of them. */
const loops: Readonly<Record<string, (zk: Client, signal: AbortSignal) => AsyncGenerator<unknown, void>>> = {
  'election.terms': (client, signal) => election(client, '/r').terms({ signal }),
  'election.observe': (client, signal) => election(client, '/r').observe({ signal }),
  'queue.consume': (client, signal) => queue(client, '/r').consume({ signal }),
  'group.changes': (client, signal) => group(client, '/r').changes({ signal }),
  'services.changes': (client, signal) => services(client, '/r').of('s').changes({ signal }),
  'treeCache.changes': (client, signal) => treeCache(client, '/r').changes({ signal }),
  'treeCache.batches': (client, signal) => treeCache(client, '/r').batches({ signal }),
  'partitions.assignments': (client, signal) =>
    partitions(client, '/r', { id: 'me', parts: ['a'] }).assignments({ signal }),
};

describe('a loop', () => {
  for (const [name, make] of Object.entries(loops)) {
    it(`over ${name} ends without an error when its signal aborts, also one that is aborted before`, async () => {
      const stop = new AbortController();
      const loop = (async () => {
        let rounds = 0;
        for await (const each of make(zk, stop.signal)) {
          if (each !== undefined) rounds += 1;
          // Work that goes on until it is told to stop.
          if (!stop.signal.aborted) await new Promise((resolve) => stop.signal.addEventListener('abort', resolve));
        }
        expect(rounds).toBeLessThan(3);
        return 'ended';
      })();
      await server.clock.advance('5s');
      stop.abort();
      expect(await server.clock.until(loop, '60s')).toBe('ended');
      expect(await server.clock.until(make(zk, stop.signal).next(), '60s')).toMatchObject({ done: true });
    });
  }

  it('of queue.process ends likewise', async () => {
    const stop = new AbortController();
    const working = queue(zk, '/r').process(() => undefined, { signal: stop.signal });
    await server.clock.advance('1s');
    stop.abort();
    expect(await server.clock.until(working, '60s')).toBeUndefined();
  });

  it('that waits for its turn outlasts an outage', async () => {
    const other = await server.connect({ sessionTimeout: 60_000 });
    const held = await server.clock.until(lock(other, '/r').acquire());
    const waiting = lock(zk, '/r').acquire();
    const terms = election(zk, '/e').terms();
    await server.clock.advance('1s');
    server.cutOff(zk);
    const term = terms.next();
    await server.clock.advance('30s');
    server.heal();
    await server.clock.until(held.release());
    (await server.clock.until(waiting, '60s')).throwIfLost();
    expect((await server.clock.until(term, '60s')).done).toBe(false);
  });
});

it('a hold is lost when its session is, not when a look takes longer than a call may', async () => {
  const quick = zk.scope('/', { callTimeout: 100 });
  const held = await server.clock.until(lock(quick, '/r', { onSuspend: 'keep' }).acquire());
  server.cutOff(zk);
  await server.clock.advance('10s');
  expect(held.signal.aborted).toBe(false);
  const asked = held.verify();
  await server.clock.advance('5s');
  expect(held.signal.aborted).toBe(false);
  server.heal();
  expect(await server.clock.until(asked, '60s')).toBe(true);
});
