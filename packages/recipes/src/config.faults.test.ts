// The fault matrix of configuration, cache, migrations, rate limiter, once and the partitioner.

import { json } from '@corral/client';
import { ZkError } from '@corral/client';
import { expect } from 'vitest';
import { configSet } from './config-set.ts';
import { config } from './config.ts';
import { AmbiguousError } from './errors.ts';
import { migrate, step } from './migrations.ts';
import { once } from './once.ts';
import { partitions } from './partitioner.ts';
import { rateLimiter } from './rate-limiter.ts';
import { matrix } from './testing/matrix.ts';
import { treeCache } from './tree-cache.ts';

const number = json<number>();
const isAmbiguous = (error: unknown): boolean => ZkError.is(error) && error.ambiguous;

matrix({
  recipe: 'config',
  operation: 'seed, update, see',
  run: async (stage) => {
    await using cfg = await config(stage.zk, '/cfg/n', number, { seed: 1, signal: stage.signal });
    await cfg.update((n) => n + 1, { signal: stage.signal });
    for await (const value of cfg.changes({ signal: stage.signal })) if (value === 2) break;
    stage.signal.throwIfAborted();
    expect(cfg.value).toBe(2);
  },
  mayFailWith: isAmbiguous,
  check: (stage, outcome) => {
    if (outcome === null) expect(stage.text('/cfg/n')).toBe('2');
  },
});

matrix({
  recipe: 'config set',
  operation: 'update two of three together, see',
  prepare: ({ server }) => server.seed({ '/cfg/a': '1', '/cfg/b': '1', '/cfg/c': '1' }),
  run: async ({ zk, signal }) => {
    const part = (name: string) => ({ path: `/cfg/${name}`, codec: number });
    await using set = await configSet(zk, { a: part('a'), b: part('b'), c: part('c') }, { signal });
    await set.update(({ a, b }) => ({ a: a + 1, b: b + 1 }), { signal });
    for await (const { a } of set.changes({ signal })) if (a === 2) break;
    signal.throwIfAborted();
    expect(set.values).toEqual({ a: 2, b: 2, c: 1 });
  },
  mayFailWith: isAmbiguous,
  check: (stage) => expect(stage.text('/cfg/a')).toBe(stage.text('/cfg/b')),
});

matrix({
  recipe: 'tree cache',
  operation: 'follow',
  prepare: ({ server }) => server.seed({ '/tree/a/b': '1', '/tree/c': '1' }),
  run: async (stage) => {
    await using cache = treeCache(stage.zk, '/tree');
    await cache.whenReady(stage.signal);
    await stage.other.multi().set('/tree/c', '2').delete('/tree/a/b').create('/tree/d', 'new').commit();
    const expected = ['/tree', '/tree/a', '/tree/c', '/tree/d'];
    for await (const batch of cache.batches({ signal: stage.signal })) {
      expect(batch.length).toBeGreaterThan(0);
      if (cache.get('/tree/d') !== null && cache.get('/tree/a/b') === null) break;
    }
    stage.signal.throwIfAborted();
    expect([...cache.tree().keys()]).toEqual(expected);
  },
  check: () => undefined,
});

matrix({
  recipe: 'migrations',
  operation: 'two steps',
  run: async ({ zk, signal }) => {
    const steps = [step('001', (tx) => tx.create('/app', 'x')), step('002', (tx) => tx.create('/app/v', '2'))];
    await migrate(zk, 'app', steps, { signal });
  },
  mayFailWith: isAmbiguous,
  check: async (stage, outcome) => {
    const done = stage.below('/migrations/app').filter((name) => name.startsWith('meta-'));
    expect(done).toHaveLength(stage.text('/app/v') === '2' ? 2 : 0);
    if (outcome === null) expect(stage.text('/app/v')).toBe('2');
    expect(stage.below('/migrations/app/lock')).toEqual([]);
  },
});

matrix({
  recipe: 'rate limiter',
  operation: 'take more than there is at once',
  run: async (stage) => {
    await using limiter = rateLimiter(stage.zk, '/limit', { limit: 10, perMs: 10_000, batch: 4 });
    const begin = stage.server.clock.now();
    for (let n = 0; n < 14; n++) await limiter.take(1, { signal: stage.signal });
    expect(stage.server.clock.now() - begin).toBeGreaterThan(3000);
  },
  requestsMax: 200,
  check: (stage) => {
    const { tokens } = JSON.parse(stage.text('/limit') || '{"tokens":0}') as { tokens: number };
    expect(tokens).toBeLessThanOrEqual(10);
  },
});

matrix({
  recipe: 'once',
  operation: 'do, and find it done',
  run: async ({ zk, signal, notes }) => {
    const work = () => {
      notes.set('count', ((notes.get('count') ?? 0) as number) + 1);
      return 'result';
    };
    expect(await once(zk, '/once').do('k', work, { signal })).toBe('result');
    expect(await once(zk, '/once').do('k', work, { signal })).toBe('result');
  },
  mayFailWith: (error) => error instanceof AmbiguousError || isAmbiguous(error),
  check: async ({ other, notes }) => {
    const count = (): number => (notes.get('count') ?? 0) as number;
    const before = count();
    expect(before).toBeLessThanOrEqual(1);
    const again = once(other, '/once').do('k', () => {
      notes.set('count', before + 1);
      return 'result';
    });
    const result = await again.catch((error: unknown) => error);
    // Done, and then its result is there; begun, and then that is said; or not begun.
    if (result instanceof AmbiguousError) expect(count()).toBeLessThanOrEqual(1);
    else expect([result, count()]).toEqual(['result', 1]);
  },
});

matrix({
  recipe: 'partitioner',
  operation: 'get all parts, and give them up',
  run: async ({ zk, signal }) => {
    const all = partitions(zk, '/parts', { parts: ['p1', 'p2'], id: 'me', settleMs: 100 });
    for await (const { parts } of all.assignments({ signal })) if (parts.size === 2) break;
    signal.throwIfAborted();
  },
  requestsMax: 120,
  check: (stage) => {
    const left = stage.below('/parts').filter((name) => /lock-|latch-|members\/./.test(name));
    expect(left).toEqual([]);
  },
});
