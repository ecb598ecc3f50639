// Every option of every recipe, and of every method of one, is looked at: what cannot be meant is refused at once.

import { json } from '@corral/client';
import type { Client } from '@corral/client';
import { startServer } from '@corral/testing';
import type { TestServer } from '@corral/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as recipes from './index.ts';
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

let server: TestServer;
let zk: Client;
beforeAll(async () => {
  server = await startServer({ leaks: 'ignore' });
  zk = await server.connect();
});
afterAll(() => server.close());

type Options = Record<string, unknown>;
type Make = (options: never) => unknown;

/** What no option with a number takes. */
const noNumbers = ['3', null, NaN, -1, {}, true];
const noCounts = [...noNumbers, 0, 1.5, Infinity, 2 ** 53];
const noSpans = [...noNumbers, Infinity, 1e13];
const noTexts = [3, null, {}, true];
const noFlags = ['yes', 1, null];
const noCodecs = ['json', null, {}, { encode: () => new Uint8Array() }];
const noLists = ['a', 3, null, {}];
const noBigints = [3, '3', null, NaN];
const noSignals = [true, 5000, null, {}, new AbortController()];
const noCallbacks = ['f', null, {}];
const noNames = ['Curator', 3, null];

const acl = { acl: [3, null, {}, true] };
const signal = { signal: noSignals };
const hold = { onSuspend: ['drop', 3, null] };
const line = { ...acl, ...hold, id: noTexts };
const names = { names: noNames };

interface Row {
  readonly make: Make;
  /** Options without which there is nothing to make. */
  readonly needed?: Options;
  readonly wrong: Readonly<Record<string, readonly unknown[]>>;
}

const made: Readonly<Record<string, Row>> = {
  lock: { make: (o) => lock(zk, '/o', o), wrong: { ...line, ...names } },
  lockAll: { make: (o) => lockAll(zk, ['/o'], o), wrong: { ...line, ...names, ...signal } },
  rwLock: { make: (o) => rwLock(zk, '/o', o), wrong: { ...line, ...names } },
  semaphore: { make: (o) => semaphore(zk, '/o', o), needed: { permits: 1 }, wrong: { ...line, permits: noCounts } },
  lease: { make: (o) => lease(zk, '/o', o), wrong: { ...acl, id: noTexts } },
  election: { make: (o) => election(zk, '/o', o), wrong: { ...line, ...names } },
  doubleBarrier: {
    make: (o) => doubleBarrier(zk, '/o', o),
    needed: { parties: 2 },
    wrong: { ...line, parties: noCounts },
  },
  counter: {
    make: (o) => counter(zk, '/o', o),
    wrong: { format: ['int', 3, null], initial: noBigints, attempts: noCounts },
  },
  ids: { make: (o) => ids(zk, '/o', o), wrong: { block: noCounts, first: noBigints } },
  rateLimiter: {
    make: (o) => rateLimiter(zk, '/o', o),
    needed: { limit: 1, perMs: 1 },
    wrong: { ...acl, limit: [...noNumbers, 0, Infinity], perMs: [...noNumbers, 0, Infinity], batch: noCounts },
  },
  once: { make: (o) => once(zk, '/o', o), wrong: acl },
  queue: {
    make: (o) => queue(zk, '/o', o),
    wrong: { ...acl, ...hold, codec: noCodecs, maxAttempts: noCounts, maxItems: noCounts, shards: noCounts },
  },
  persistentNode: {
    make: (o) => persistentNode(zk, '/o', '', o),
    wrong: { ...acl, mode: ['persistent', 3, null], onConflict: ['overwrite', 3, null] },
  },
  persistentTtlNode: {
    make: (o) => persistentTtlNode(zk, '/o', '', o),
    needed: { ttl: 1000 },
    wrong: { ...acl, ttl: noCounts },
  },
  group: { make: (o) => group(zk, '/o', o), wrong: { ...acl, ...names, codec: noCodecs } },
  services: { make: (o) => services(zk, '/o', o), wrong: acl },
  partitions: {
    make: (o) => partitions(zk, '/o', o),
    needed: { parts: ['a'], id: 'me' },
    wrong: { ...acl, ...hold, parts: noLists, id: noTexts, settleMs: noSpans },
  },
  treeCache: {
    make: (o) => treeCache(zk, '/o', o),
    wrong: { recursive: noFlags, filter: noCallbacks, data: ['all', 3, null], maxNodes: noCounts },
  },
  config: {
    make: (o) => config(zk, '/o', json(), o),
    wrong: { ...acl, ...signal, onInvalid: noCallbacks },
  },
  configSet: {
    make: (o) => configSet(zk, { a: { path: '/o', codec: json() } }, o),
    wrong: { ...signal, onInvalid: noCallbacks },
  },
  migrate: {
    make: (o) => migrate(zk, 'app', [step('1', (tx) => tx.create('/o'))], o),
    wrong: { ...signal, base: noTexts, dryRun: noFlags },
  },
};
/** What the package exports besides, and takes no options. */
const others = ['barrier', 'setAsyncStorage', 'step'];

const lazily = {
  lock: () => lock(zk, '/o'),
  rw: () => rwLock(zk, '/o'),
  semaphore: () => semaphore(zk, '/o', { permits: 1 }),
  lease: () => lease(zk, '/o'),
  election: () => election(zk, '/o'),
  barrier: () => barrier(zk, '/o'),
  double: () => doubleBarrier(zk, '/o', { parties: 1 }),
  counter: () => counter(zk, '/o'),
  limiter: () => rateLimiter(zk, '/o', { limit: 5, perMs: 1 }),
  queue: () => queue<number>(zk, '/o'),
  group: () => group(zk, '/o'),
  services: () => services(zk, '/o'),
  cache: () => treeCache(zk, '/o'),
};

const methods: Readonly<Record<string, Row>> = {
  'Lock.acquire': { make: (o) => lazily.lock().acquire(o), wrong: signal },
  'Lock.tryLock': { make: (o) => lazily.lock().tryLock(o), wrong: signal },
  'Lock.run': { make: (o) => lazily.lock().run(() => 1, o), wrong: signal },
  'Lock.contenders': { make: (o) => lazily.lock().contenders(o), wrong: signal },
  'Lock.requestRevoke': { make: (o) => lazily.lock().requestRevoke(o), wrong: signal },
  'RwLock.read': { make: (o) => lazily.rw().read(o), wrong: signal },
  'RwLock.write': { make: (o) => lazily.rw().write(o), wrong: signal },
  'RwLock.tryRead': { make: (o) => lazily.rw().tryRead(o), wrong: signal },
  'RwLock.tryWrite': { make: (o) => lazily.rw().tryWrite(o), wrong: signal },
  'RwLock.runRead': { make: (o) => lazily.rw().runRead(() => 1, o), wrong: signal },
  'RwLock.runWrite': { make: (o) => lazily.rw().runWrite(() => 1, o), wrong: signal },
  'RwLock.contenders': { make: (o) => lazily.rw().contenders(o), wrong: signal },
  'Semaphore.acquire': { make: (o) => lazily.semaphore().acquire(o), wrong: { ...signal, permits: noCounts } },
  'Semaphore.tryAcquire': { make: (o) => lazily.semaphore().tryAcquire(o), wrong: { ...signal, permits: noCounts } },
  'Semaphore.holders': { make: (o) => lazily.semaphore().holders(o), wrong: signal },
  'Semaphore.size': { make: (o) => lazily.semaphore().size(o), wrong: signal },
  'Semaphore.resize': { make: (o) => lazily.semaphore().resize(2, o), wrong: signal },
  'Lease.acquire': { make: (o) => lazily.lease().acquire(1000, o), wrong: signal },
  'Lease.holder': { make: (o) => lazily.lease().holder(o), wrong: signal },
  'Election.campaign': { make: (o) => lazily.election().campaign(o), wrong: signal },
  'Election.terms': { make: (o) => lazily.election().terms(o).next(), wrong: signal },
  'Election.run': { make: (o) => lazily.election().run(() => 1, o), wrong: signal },
  'Election.current': { make: (o) => lazily.election().current(o), wrong: signal },
  'Election.candidates': { make: (o) => lazily.election().candidates(o), wrong: signal },
  'Election.observe': { make: (o) => lazily.election().observe(o).next(), wrong: signal },
  'Barrier.raise': { make: (o) => lazily.barrier().raise(o), wrong: signal },
  'Barrier.lift': { make: (o) => lazily.barrier().lift(o), wrong: signal },
  'Barrier.wait': { make: (o) => lazily.barrier().wait(o), wrong: signal },
  'DoubleBarrier.enter': { make: (o) => lazily.double().enter(o), wrong: signal },
  'Counter.value': { make: (o) => lazily.counter().value(o), wrong: signal },
  'Counter.add': { make: (o) => lazily.counter().add(1n, o), wrong: signal },
  'Counter.update': { make: (o) => lazily.counter().update((n) => n, o), wrong: signal },
  'Ids.next': { make: (o) => ids(zk, '/o').next(o), wrong: signal },
  'RateLimiter.take': { make: (o) => lazily.limiter().take(1, o), wrong: signal },
  'RateLimiter.tryTake': { make: (o) => lazily.limiter().tryTake(1, o), wrong: signal },
  'Once.do': {
    make: (o) => once(zk, '/o').do('a', () => 1, o),
    wrong: { ...signal, ttl: noCounts, idempotent: noFlags, codec: noCodecs },
  },
  'Once.settle': { make: (o) => once(zk, '/o').settle('a', o), wrong: signal },
  'Queue.put': {
    make: (o) => lazily.queue().put(1, o),
    wrong: { ...signal, priority: [...noNumbers, 1.5, 1000], delay: noSpans, key: noTexts },
  },
  'Queue.putAll': {
    make: (o) => lazily.queue().putAll([1], o),
    wrong: { ...signal, priority: [...noNumbers, 1.5, 1000], delay: noSpans },
  },
  'Queue.consume': { make: (o) => lazily.queue().consume(o).next(), wrong: { ...signal, concurrency: noCounts } },
  'Queue.process': { make: (o) => lazily.queue().process(() => 1, o), wrong: { ...signal, concurrency: noCounts } },
  'Queue.size': { make: (o) => lazily.queue().size(o), wrong: signal },
  'Queue.peek': { make: (o) => lazily.queue().peek(o), wrong: { ...signal, limit: noNumbers } },
  'Queue.deadLetters': { make: (o) => lazily.queue().deadLetters(o), wrong: signal },
  'Queue.revive': { make: (o) => lazily.queue().revive('a', o), wrong: signal },
  'Group.join': { make: (o) => lazily.group().join('me', null, o), wrong: signal },
  'Group.members': { make: (o) => lazily.group().members(o), wrong: signal },
  'Group.changes': { make: (o) => lazily.group().changes(o).next(), wrong: signal },
  'Services.register': { make: (o) => lazily.services().register({ name: 's' }, o), wrong: signal },
  'Services.names': { make: (o) => lazily.services().names(o), wrong: signal },
  'Services.of': { make: (o) => lazily.services().of('s', o), wrong: { payloads: ['json', null, {}] } },
  'TreeCache.changes': { make: (o) => lazily.cache().changes(o).next(), wrong: signal },
  'TreeCache.batches': { make: (o) => lazily.cache().batches(o).next(), wrong: signal },
  'Partitions.assignments': {
    make: (o) =>
      partitions(zk, '/o', { parts: ['a'], id: 'me' })
        .assignments(o)
        .next(),
    wrong: signal,
  },
};

/** What the work throws or rejects with; `accepted` when it does neither soon. */
async function refusalOf(work: () => unknown): Promise<unknown> {
  try {
    await work();
    return 'accepted';
  } catch (error) {
    return error;
  }
}

const isRefusal = (error: unknown): boolean => error instanceof TypeError || error instanceof RangeError;

describe('the table', () => {
  it('has every recipe that the package exports', () => {
    const functions = Object.entries(recipes).filter(
      ([name, value]) => typeof value === 'function' && !/^[A-Z]/.test(name),
    );
    expect(functions.map(([name]) => name).filter((name) => !(name in made) && !others.includes(name))).toEqual([]);
  });

  it('has every method of a recipe, but those without options', () => {
    const without = /^(constructor|close|release|throwIf.*|whenReady)$/;
    const all = Object.values(lazily).flatMap((make) => {
      const recipe = make();
      const prototype = Object.getPrototypeOf(recipe) as object;
      return Object.getOwnPropertyNames(prototype)
        .filter((name) => typeof Object.getOwnPropertyDescriptor(prototype, name)?.value === 'function')
        .filter((name) => !without.test(name))
        .map((name) => `${recipe.constructor.name}.${name}`);
    });
    const lookups = ['TreeCache.get', 'TreeCache.children', 'TreeCache.entries', 'TreeCache.tree'];
    expect(all.filter((name) => !(name in methods) && !lookups.includes(name))).toEqual([]);
  });
});

for (const [name, { make, needed = {}, wrong }] of Object.entries({ ...made, ...methods })) {
  describe(name, () => {
    for (const [option, values] of Object.entries(wrong)) {
      it(`refuses what cannot be meant by ${option}`, async () => {
        for (const value of values) {
          const refusal = await refusalOf(() => make({ ...needed, [option]: value } as never));
          expect(isRefusal(refusal), `${option}: ${String(value)}: ${String(refusal)}`).toBe(true);
          expect((refusal as Error).message).toContain(option);
        }
      });
    }

    it('refuses an option that it does not have, and what are no options', async () => {
      for (const options of [{ ...needed, nonsense: 1 }, { ...needed, timeout: 5 }, null, 5, 'x']) {
        const refusal = await refusalOf(() => make(options as never));
        expect(isRefusal(refusal), `${JSON.stringify(options)}: ${String(refusal)}`).toBe(true);
      }
    });

    if (Object.keys(needed).length > 0) {
      it('names the option that is missing', async () => {
        for (const option of Object.keys(needed)) {
          const refusal = await refusalOf(() => make({ ...needed, [option]: undefined } as never));
          expect(isRefusal(refusal) && (refusal as Error).message, String(refusal)).toContain(option);
        }
      });
    }
  });
}

describe('an argument', () => {
  const wrong: Readonly<Record<string, () => unknown>> = {
    'a path that is none': () => lock(zk, 'o'),
    'no path': () => lock(zk, undefined as never),
    'no client': () => lock('/o' as never, '/o'),
    'a path that ends in a slash': () => queue(zk, '/o/'),
    'a share of a permit': () => lazily.semaphore().resize(0.5),
    'a negative number of tokens': () => lazily.limiter().take(-1),
    'no token': () => lazily.limiter().tryTake(0),
    'an endless lease': () => lazily.lease().acquire(Infinity),
    'a lease of text': () => lazily.lease().acquire('5s' as never),
    'a number for a bigint': () => lazily.counter().add(1 as never),
    'items that are no list': () => lazily.queue().putAll(1 as never),
    'locks that are no list': () => lockAll(zk, '/o' as never),
    'a port beyond all ports': () => lazily.services().register({ name: 's', port: 65_536 }),
    'a misspelt field of an instance': () => lazily.services().register({ name: 's', adress: 'x' } as never),
    'a strategy that is none': () =>
      lazily
        .services()
        .of('s')
        .pick('fastest' as never),
    'a codec that is none': () => config(zk, '/o', {} as never),
    'a part without a codec': () => configSet(zk, { a: { path: '/o' } } as never),
    'a migration whose name is a path': () => migrate(zk, 'a/b', []),
    'a time of a mark that is none': () => lazily.services().of('s').markDown({ id: 'a' }, { ttl: NaN }),
  };
  for (const [what, work] of Object.entries(wrong)) {
    it(`is refused: ${what}`, async () => expect(isRefusal(await refusalOf(work)), what).toBe(true));
  }
});
