// Whoever waits for others, and whatever goes on in the background, outlasts an outage longer than any call may take: with
// the session that lives on, and with the next one when it does not.

import { json, text } from '@corral/client';
import type { Client } from '@corral/client';
import { startServer } from '@corral/testing';
import type { TestServer } from '@corral/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { barrier, config, configSet, doubleBarrier, election, group, lock, partitions } from './index.ts';
import { persistentNode, persistentTtlNode, queue, rwLock, semaphore, services, treeCache } from './index.ts';

let server: TestServer;
let other: Client;
beforeEach(async () => {
  server = await startServer({
    clock: 'virtual',
    leaks: 'ignore',
    config: { tickTime: 1000, maxSessionTimeout: 600_000 },
  });
  other = await server.connect({ sessionTimeout: 600_000 });
});
afterEach(() => server.close());

/** What is being waited for before the outage, and what makes it happen after it. */
interface Wait {
  readonly begin: (zk: Client) => Promise<unknown>;
  /** Before `begin`; what it returns is called when the outage is over. */
  readonly prepare: (other: Client) => Promise<() => Promise<unknown>>;
}

/** The second thing that a loop yields. */
async function second<T>(loop: AsyncGenerator<T, void>): Promise<T> {
  await loop.next();
  const { value, done } = await loop.next();
  if (done === true) throw new Error('the loop has ended');
  return value;
}

const holder = async (held: Promise<{ release(): Promise<void> } | { resign(): Promise<void> }>) => {
  const it = await held;
  return () => ('release' in it ? it.release() : it.resign());
};

const waits: Readonly<Record<string, Wait>> = {
  'lock.acquire': { begin: (zk) => lock(zk, '/w').acquire(), prepare: (o) => holder(lock(o, '/w').acquire()) },
  'rwLock.read': { begin: (zk) => rwLock(zk, '/w').read(), prepare: (o) => holder(rwLock(o, '/w').write()) },
  'rwLock.write': { begin: (zk) => rwLock(zk, '/w').write(), prepare: (o) => holder(rwLock(o, '/w').read()) },
  'semaphore.acquire': {
    begin: (zk) => semaphore(zk, '/w', { permits: 1 }).acquire(),
    prepare: (o) => holder(semaphore(o, '/w', { permits: 1 }).acquire()),
  },
  'election.campaign': {
    begin: (zk) => election(zk, '/w').campaign(),
    prepare: (o) => holder(election(o, '/w').campaign()),
  },
  'election.run': {
    begin: (zk) => election(zk, '/w').run(() => 'led'),
    prepare: (o) => holder(election(o, '/w').campaign()),
  },
  'election.observe': {
    begin: (zk) => second(election(zk, '/w').observe()),
    prepare: (o) => holder(election(o, '/w').campaign()),
  },
  'barrier.wait': {
    begin: (zk) => barrier(zk, '/w').wait(),
    prepare: async (o) => {
      await barrier(o, '/w').raise();
      return () => barrier(o, '/w').lift();
    },
  },
  'doubleBarrier.enter': {
    begin: (zk) => doubleBarrier(zk, '/w', { parties: 2 }).enter(),
    prepare: (o) => Promise.resolve(() => doubleBarrier(o, '/w', { parties: 2 }).enter()),
  },
  'queue.consume': {
    begin: (zk) => queue(zk, '/w').consume().next(),
    prepare: (o) => Promise.resolve(() => queue(o, '/w').put(1)),
  },
  'group.changes': {
    begin: (zk) => second(group(zk, '/w').changes()),
    prepare: (o) => Promise.resolve(() => group(o, '/w').join('a', null)),
  },
  'services.changes': {
    begin: (zk) => second(services(zk, '/w').of('s').changes()),
    prepare: (o) => Promise.resolve(() => services(o, '/w').register({ name: 's' })),
  },
  'treeCache.batches': {
    begin: (zk) => second(treeCache(zk, '/w').batches()),
    prepare: async (o) => {
      await o.create('/w');
      return () => o.create('/w/a');
    },
  },
  'config.changes': {
    begin: async (zk) => second((await config(zk, '/w', json(), { seed: 1 })).changes()),
    prepare: (o) => Promise.resolve(() => o.set('/w', '2')),
  },
  'configSet.changes': {
    begin: async (zk) => second((await configSet(zk, { a: { path: '/w', codec: text } })).changes()),
    prepare: async (o) => {
      await o.create('/w', 'one');
      return () => o.set('/w', 'two');
    },
  },
  'partitions.assignments': {
    begin: (zk) =>
      partitions(zk, '/w', { id: 'me', parts: ['a'] })
        .assignments()
        .next(),
    prepare: async (o) => {
      const held = await lock(o, '/w/locks/a').acquire();
      return () => held.release();
    },
  },
};

/** What must be there again after the outage, by itself. */
const standing: Readonly<Record<string, { begin: (zk: Client) => Promise<unknown>; path: RegExp }>> = {
  persistentNode: { begin: (zk) => persistentNode(zk, '/s/n', 'x').ready, path: /^\/s\/n$/ },
  persistentTtlNode: { begin: (zk) => persistentTtlNode(zk, '/s', 'x', { ttl: 2000 }).ready, path: /^\/s$/ },
  'group.join': { begin: (zk) => group(zk, '/s').join('me', null), path: /^\/s\/me$/ },
  'services.register': { begin: (zk) => services(zk, '/s').register({ name: 'n', id: 'i' }), path: /^\/s\/n\/i$/ },
};

const outages: Readonly<Record<string, number>> = {
  'and its session lives on': 300_000,
  'and its session is lost': 10_000,
};

for (const [what, sessionTimeout] of Object.entries(outages)) {
  describe(`an outage of a minute, ${what}`, () => {
    for (const [name, { begin, prepare }] of Object.entries(waits)) {
      it(`does not end ${name}`, async () => {
        const zk = await server.connect({ sessionTimeout });
        const make = await server.clock.until(prepare(other), '1m');
        const waiting = begin(zk);
        waiting.catch(() => undefined);
        await server.clock.advance('2s');
        server.cutOff(zk);
        await server.clock.advance('60s');
        server.heal();
        await server.clock.advance('30s');
        const made = make();
        made.catch(() => undefined);
        expect(await server.clock.until(waiting, '5m')).not.toBe('nobody');
        await server.clock.until(made, '5m');
      });
    }
    for (const [name, { begin, path }] of Object.entries(standing)) {
      it(`does not end ${name}`, async () => {
        const zk = await server.connect({ sessionTimeout });
        await server.clock.until(begin(zk), '1m');
        server.cutOff(zk);
        await server.clock.advance('60s');
        server.heal();
        await server.clock.advance('60s');
        expect(Object.keys(server.dump()).filter((each) => path.test(each))).toHaveLength(1);
      });
    }
  });
}
