// Nothing that goes wrong in the background escapes: every failure has somebody who holds its promise, or is dealt with. A
// stray rejection would end the whole process of whoever uses a recipe.

import { json, text } from '@corral/client';
import type { Client } from '@corral/client';
import { startServer } from '@corral/testing';
import type { TestServer } from '@corral/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  barrier,
  config,
  configSet,
  counter,
  doubleBarrier,
  election,
  group,
  ids,
  lease,
  lock,
  lockAll,
} from './index.ts';
import { migrate, once, partitions, persistentNode, persistentTtlNode, queue, rateLimiter, rwLock } from './index.ts';
import { semaphore, services, step, treeCache } from './index.ts';

const sessionTimeout = 10_000;

let server: TestServer;
let zk: Client;
let stray: unknown[];
const note = (error: unknown): void => void stray.push(error);

beforeEach(async () => {
  stray = [];
  process.on('unhandledRejection', note).on('uncaughtException', note);
  server = await startServer({ clock: 'virtual', leaks: 'ignore', config: { tickTime: 1000 } });
  zk = await server.connect({ sessionTimeout });
});
afterEach(async () => {
  await server.close();
  process.off('unhandledRejection', note).off('uncaughtException', note);
});

/** Reads a loop until it ends, and keeps what it fails with. */
async function drain(loop: AsyncGenerator<unknown, void>): Promise<void> {
  while ((await loop.next()).done !== true);
}

/** What a program starts and then goes on with other things. The promise is the only one that anybody holds. */
const work: Readonly<Record<string, (client: Client) => Promise<unknown>>> = {
  lock: (client) => lock(client, '/r').acquire(),
  'lock.run': (client) => lock(client, '/r').run(() => new Promise(() => undefined)),
  lockAll: (client) => lockAll(client, ['/r/a', '/r/b']),
  'lock.tryLock': (client) => lock(client, '/r').tryLock(),
  'rwLock.read': (client) => rwLock(client, '/r').read(),
  'rwLock.write, then downgrade': async (client) => (await rwLock(client, '/r').write()).downgrade(),
  semaphore: (client) => semaphore(client, '/r', { permits: 1 }).acquire(),
  lease: (client) => lease(client, '/r').acquire(5000),
  'election.terms': async (client) => {
    for await (const { signal } of election(client, '/r').terms()) {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    }
  },
  'election.run': (client) => election(client, '/r').run(() => new Promise(() => undefined)),
  'election.observe': (client) => drain(election(client, '/r').observe()),
  barrier: async (client) => {
    await barrier(client, '/r').raise();
    await barrier(client, '/r').wait();
  },
  doubleBarrier: (client) => doubleBarrier(client, '/r', { parties: 2 }).enter(),
  counter: (client) => counter(client, '/r').add(1n),
  ids: (client) => ids(client, '/r').next(),
  rateLimiter: async (client) => {
    const limiter = rateLimiter(client, '/r', { limit: 2, perMs: 60_000 });
    await limiter.take(2);
    await limiter.take(2);
  },
  once: (client) => once(client, '/r').do('a', () => new Promise(() => undefined)),
  'queue.put': (client) => queue(client, '/r').put(1, { delay: 5, key: 'a' }),
  'queue.consume': async (client) => {
    const jobs = queue(client, '/r');
    await jobs.put(1);
    await drain(jobs.consume());
  },
  'queue.process': async (client) => {
    const jobs = queue(client, '/r');
    await jobs.put(1);
    await jobs.process(() => new Promise(() => undefined));
  },
  'group.join': (client) => group(client, '/r').join('me', null),
  'group.changes': (client) => drain(group(client, '/r').changes()),
  'services.register': (client) => services(client, '/r').register({ name: 's' }),
  'services.of': (client) => drain(services(client, '/r').of('s').changes()),
  'services.of, unread': (client) => Promise.resolve(services(client, '/r').of('s')),
  partitions: (client) => drain(partitions(client, '/r', { id: 'me', parts: ['a', 'b'] }).assignments()),
  persistentNode: (client) => Promise.resolve(persistentNode(client, '/r/n', 'x')),
  'persistentNode, sequential': (client) =>
    Promise.resolve(persistentNode(client, '/r/n', 'x', { mode: 'ephemeralSequential' })),
  persistentTtlNode: (client) => Promise.resolve(persistentTtlNode(client, '/r', 'x', { ttl: 1000 })),
  treeCache: (client) => Promise.resolve(treeCache(client, '/r')),
  config: (client) => config(client, '/r', json(), { seed: 1 }),
  configSet: (client) => configSet(client, { a: { path: '/r', codec: text } }),
  migrate: (client) => migrate(client, 'app', [step('1', (tx) => tx.create('/r'))]),
};

/** What goes wrong, from one moment on. */
const faults: Readonly<Record<string, (client: Client) => void | Promise<void>>> = {
  'the connection is cut for longer than the session lives, and comes back': async (client) => {
    server.cutOff(client);
    await server.clock.advance('60s');
    server.heal();
  },
  'the session expires': (client) => server.expireSession(client),
  'the client is closed': async (client) => {
    await server.clock.until(client.close());
  },
  'the client is closed while it is cut off': async (client) => {
    server.cutOff(client);
    await server.clock.advance('1s');
    await server.clock.until(client.close(), '2m');
  },
  'every request is refused': (client) => {
    server.faults.inject({ session: client.session!.id, times: Infinity, do: { error: 'NoAuth' } });
  },
  'all nodes are deleted by somebody': async () => {
    const other = await server.connect({ sessionTimeout });
    await server.clock.until(other.deleteTree('/r'));
    await server.clock.until(other.close());
  },
  'every node is overwritten with nonsense': async () => {
    const other = await server.connect({ sessionTimeout });
    for (const path of Object.keys(server.dump()).filter((each) => each.startsWith('/r'))) {
      await server.clock.until(other.set(path, '{').catch(() => undefined));
    }
    await server.clock.until(other.close());
  },
};

describe('a failure in the background never escapes', () => {
  for (const [name, start] of Object.entries(work)) {
    for (const [fault, strike] of Object.entries(faults)) {
      it(`of ${name}, when ${fault}`, async () => {
        for (const moment of ['0s', '1s'] as const) {
          const client = await server.connect({ sessionTimeout });
          // The caller has a handle, and looks at it much later.
          const held = start(client);
          held.catch(() => undefined);
          await server.clock.advance(moment);
          await strike(client);
          await server.clock.advance('60s');
          server.faults.clear();
          await server.clock.until(client.close(), '2m');
          await server.clock.until(zk.deleteTree('/r'), '2m');
          await server.clock.advance('30s');
        }
        // Node tells of stray rejections between two turns of its loop.
        await new Promise((resolve) => setImmediate(resolve));
        expect(stray.map(String)).toEqual([]);
      });
    }
  }
});
