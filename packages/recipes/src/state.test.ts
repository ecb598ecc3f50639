// What the recipes that share state promise when nothing goes wrong.

import { json } from '@corral/client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { configSet } from './config-set.ts';
import { config } from './config.ts';
import { counter } from './counter.ts';
import { services } from './discovery/services.ts';
import { AmbiguousError, ConflictError } from './errors.ts';
import { group } from './group.ts';
import { ids } from './ids.ts';
import { migrate, step } from './migrations.ts';
import { once } from './once.ts';
import { partitions } from './partitioner.ts';
import { persistentNode } from './persistent-node.ts';
import { persistentTtlNode } from './persistent-ttl-node.ts';
import { rateLimiter } from './rate-limiter.ts';
import { rendezvous } from './rendezvous.ts';
import { semaphore } from './semaphore.ts';
import { Stage } from './testing/stage.ts';
import { treeCache } from './tree-cache.ts';

let stage: Stage;
beforeEach(async () => void (stage = await Stage.open()));
afterEach(() => stage[Symbol.asyncDispose]());

const number = json<number>();
const bytes = async (path: string): Promise<number[]> => [...(await stage.other.get(path)).data];

describe('a semaphore', () => {
  it('can be made larger and smaller while it is used, and refuses what it can never give', async () => {
    const [mine, theirs] = [stage.zk, stage.other].map((client) => semaphore(client, '/s', { permits: 2 }));
    const held = await mine.acquire({ permits: 2 });
    const waiting = theirs.acquire();
    await stage.server.clock.settle();
    await mine.resize(3);
    const more = await waiting;
    await mine.resize(1);
    await held.release();
    expect(await mine.tryAcquire()).toBeNull();
    await more.release();
    await (await mine.acquire()).release();
    await expect(mine.acquire({ permits: 2 })).rejects.toBeInstanceOf(RangeError);
    // The size is everybody's: what somebody else says later does not count.
    expect(await semaphore(stage.other, '/s', { permits: 9 }).size()).toBe(1);
  });
});

describe('a counter', () => {
  it('begins with the bytes of Curator, and goes on from what Curator wrote', async () => {
    await stage.other.create('/n', new Uint8Array([0, 0, 0, 0, 0, 0, 0, 41]));
    expect(await counter(stage.zk, '/n').add(1n)).toEqual({ before: 41n, after: 42n });
    expect(await bytes('/n')).toEqual([0, 0, 0, 0, 0, 0, 0, 42]);
    await stage.other.create('/i', new Uint8Array([255, 255, 255, 254]));
    expect((await counter(stage.zk, '/i', { format: 'int32' }).add(1n)).after).toBe(-1n);
    expect(await bytes('/i')).toEqual([255, 255, 255, 255]);
    await counter(stage.zk, '/t', { format: 'text', initial: 5n }).add(-7n);
    expect(stage.text('/t')).toBe('-2');
  });

  it('counts every addition of many that race', async () => {
    const add = (n: number) => counter([stage.zk, stage.other][n % 2], '/n').add(1n);
    const changes = await stage.until(Promise.all(Array.from({ length: 40 }, (_, n) => add(n))));
    expect(new Set(changes.map(({ after }) => after)).size).toBe(40);
    expect(await counter(stage.zk, '/n').value()).toBe(40n);
  });

  it('is not sure of an addition whose mark is gone, with sixteen later ones or with its node', async () => {
    const lateAnswer = (meanwhile: () => Promise<unknown>): Promise<unknown> => {
      const cut = async (): Promise<void> => {
        await meanwhile();
        stage.server.dropConnection(stage.zk);
      };
      stage.server.faults.inject({ op: 'multi', session: stage.zk.session!.id, when: 'afterApply', do: cut });
      return stage.until(counter(stage.zk, '/n').add(1n));
    };
    const others = (times: number) => async (): Promise<void> => {
      for (let n = 0; n < times; n++) await counter(stage.other, '/n').add(1n);
    };
    expect(await lateAnswer(others(15))).toEqual({ before: 0n, after: 1n });
    const doubtful = { code: 'ConnectionLoss', ambiguous: true };
    await expect(lateAnswer(others(16))).rejects.toMatchObject(doubtful);
    await expect(
      lateAnswer(async () => {
        await stage.other.multi().delete('/n/marks').delete('/n').create('/n', new Uint8Array(8)).commit();
        await others(1)();
      }),
    ).rejects.toMatchObject(doubtful);
    expect(await counter(stage.zk, '/n').value()).toBe(1n);
  });

  it('refuses what is no number, and what does not fit', async () => {
    await stage.other.create('/n', 'abc');
    await expect(counter(stage.zk, '/n').value()).rejects.toBeInstanceOf(ConflictError);
    await expect(counter(stage.zk, '/n', { format: 'text' }).value()).rejects.toBeInstanceOf(ConflictError);
    const small = counter(stage.zk, '/i', { format: 'int32', initial: 0x7fffffffn });
    await expect(small.add(1n)).rejects.toBeInstanceOf(RangeError);
  });

  it('gives ids in blocks, to many at once', async () => {
    const [mine, theirs] = [ids(stage.zk, '/ids', { block: 10 }), ids(stage.other, '/ids', { block: 10 })];
    const taken = await stage.until(Promise.all(Array.from({ length: 60 }, (_, n) => [mine, theirs][n % 2].next())));
    expect(new Set(taken).size).toBe(60);
    expect(await counter(stage.zk, '/ids').value()).toBe(61n);
  });
});

describe('a persistent node', () => {
  it('comes back with the newest data when it is deleted, and under the next session', async () => {
    await using node = persistentNode(stage.zk, '/me', 'one');
    await node.ready;
    await node.set('two');
    await stage.other.delete('/me');
    await stage.server.clock.settle();
    expect(stage.text('/me')).toBe('two');
    stage.server.expireSession(stage.zk);
    await stage.calm();
    expect(stage.text('/me')).toBe('two');
  });

  it('waits for somebody else, takes over or fails, as it is told', async () => {
    const { path } = await stage.other.create('/me', 'theirs', { mode: 'ephemeral' });
    const failing = persistentNode(stage.zk, path, 'mine', { onConflict: 'fail' });
    await expect(failing.ready).rejects.toBeInstanceOf(ConflictError);
    await failing.close();
    const patient = persistentNode(stage.zk, path, 'mine');
    await stage.server.clock.settle();
    expect(stage.text(path)).toBe('theirs');
    await stage.other.delete(path);
    await patient.ready;
    expect(stage.text(path)).toBe('mine');
    await using robber = persistentNode(stage.other, path, 'robbed', { onConflict: 'takeOver' });
    await robber.ready;
    expect(stage.text(path)).toBe('robbed');
    await patient.close();
    expect(stage.text(path)).toBe('robbed');
  });

  it('with a time to live outlasts its owner by that, and no session', async () => {
    const node = persistentTtlNode(stage.zk, '/ttl/me', 'here', { ttl: 10_000 });
    await node.ready;
    await stage.server.clock.advance('5m');
    expect(stage.text('/ttl/me')).toBe('here');
    await node.close();
    await stage.zk.close();
    expect(stage.text('/ttl/me')).toBe('here');
    await stage.server.clock.advance('5m');
    expect(stage.text('/ttl/me')).toBeNull();
  });
});

describe('a group', () => {
  it('tells who joined and who left', async () => {
    const [mine, theirs] = [stage.zk, stage.other].map((client) => group<number>(client, '/g'));
    const a = await mine.join('a', 1);
    const seen: string[] = [];
    const watching = (async () => {
      for await (const { joined, left } of theirs.changes()) {
        seen.push([...joined.map(({ id }) => `+${id}`), ...left.map(({ id }) => `-${id}`)].join(' '));
        if (seen.length === 3) return;
      }
    })();
    await stage.server.clock.settle();
    const b = await theirs.join('b', 2);
    await stage.server.clock.settle();
    await a.close();
    await stage.until(watching);
    expect(seen).toEqual(['+a', '+b', '-a']);
    expect(await mine.members()).toMatchObject([{ id: 'b', data: 2 }]);
    await b.close();
  });

  it.each(['', 'a/b', '..'])('has no member called "%s": it would be no node of the group', async (id) => {
    await expect(group(stage.zk, '/p').join(id, null)).rejects.toThrow(RangeError);
    expect(await stage.zk.exists('/p')).toBeNull();
  });

  it("is kazoo's party when told to", async () => {
    await using me = await group(stage.zk, '/p', { names: 'kazoo' }).join('host-1', null);
    expect(me.path).toMatch(/^\/p\/[0-9a-f]{32}__party__$/);
    expect((await group(stage.other, '/p').members()).map(({ id }) => id)).toEqual(['host-1']);
  });
});

describe('services', () => {
  it("are written as Curator's serializer does, field by field", async () => {
    const at = services(stage.zk, '/services');
    await using web = await at.register({ name: 'web', id: 'w1', address: '10.0.0.1', port: 80 });
    const { registrationTimeUTC, ...fields } = JSON.parse(stage.text('/services/web/w1')!) as Record<string, unknown>;
    expect(typeof registrationTimeUTC).toBe('number');
    expect(JSON.stringify(fields)).toBe(
      '{"name":"web","id":"w1","address":"10.0.0.1","port":80,"sslPort":null,"payload":null,"serviceType":"DYNAMIC","uriSpec":null}',
    );
    expect(await at.names()).toEqual(['web']);
    await web.update({ enabled: false });
    expect(stage.text('/services/web/w1')).toContain('"enabled":false');
    await web.close();
    await web.close();
  });

  it('and their instances have names of one step', async () => {
    const at = services(stage.zk, '/services');
    await expect(at.register({ name: 'web', id: 'host/1' })).rejects.toThrow(RangeError);
    await expect(at.register({ name: 'a/b' })).rejects.toThrow(RangeError);
    expect(() => at.of('a/b')).toThrow(RangeError);
    expect(await stage.zk.exists('/services')).toBeNull();
  });

  it('are picked in turn, stuck to, and left alone while they are down', async () => {
    const at = services(stage.zk, '/services');
    const registered = await Promise.all(['a', 'b', 'c'].map((id) => at.register({ name: 'web', id })));
    await using web = services(stage.other, '/services').of('web');
    await web.ready;
    const pick = async (strategy: 'roundRobin' | 'sticky'): Promise<string | undefined> =>
      (await web.pick(strategy))?.id;
    expect([await pick('roundRobin'), await pick('roundRobin'), await pick('roundRobin')].sort()).toEqual([
      'a',
      'b',
      'c',
    ]);
    const stuck = (await pick('sticky'))!;
    expect(await pick('sticky')).toBe(stuck);
    web.markDown({ id: stuck }, { ttl: 1000 });
    expect(await pick('sticky')).not.toBe(stuck);
    await stage.server.clock.advance(1001);
    expect(web.instances()).toHaveLength(3);
    expect((await web.pick((all) => all.at(-1) ?? null))?.id).toBe('c');
    await Promise.all(registered.map((one) => one.close()));
    await stage.server.clock.settle();
    expect(await web.pick('random')).toBeNull();
  });
});

describe('configuration', () => {
  it('keeps the last good value when somebody writes nonsense', async () => {
    const invalid: string[] = [];
    await using cfg = await config(stage.zk, '/cfg', number, { seed: 1, onInvalid: ({ name }) => invalid.push(name) });
    await stage.other.set('/cfg', '{');
    await stage.server.clock.settle();
    expect([cfg.value, invalid]).toEqual([1, ['InvalidDataError']]);
    await stage.other.set('/cfg', '7');
    await stage.server.clock.settle();
    expect([cfg.value, cfg.version]).toEqual([7, 2]);
  });

  it('counts every update of many that race', async () => {
    await using cfg = await config(stage.zk, '/cfg', number, { seed: 0 });
    await using theirs = await config(stage.other, '/cfg', number);
    await Promise.all(Array.from({ length: 10 }, (_, n) => [cfg, theirs][n % 2].update((value) => value + 1)));
    expect(stage.text('/cfg')).toBe('10');
  });

  it('of several nodes is never written over a change of one of them', async () => {
    await stage.server.seed({ '/a': '1', '/b': '1' });
    const part = (path: string) => ({ path, codec: number });
    await using set = await configSet(stage.zk, { a: part('/a'), b: part('/b') });
    let asked = 0;
    await set.update(async ({ a, b }) => {
      // What is written depends on the other one, which is changed meanwhile.
      if (++asked === 1) await stage.other.set('/b', '10');
      return { a: a + b };
    });
    expect([asked, stage.text('/a')]).toEqual([2, '11']);
    await set.update(async ({ a }) => {
      if (++asked === 3) await stage.other.set('/a', '100');
      return { a: a + 1 };
    });
    expect([asked, stage.text('/a')]).toEqual([4, '101']);
  });
});

describe('a tree cache', () => {
  it('keeps what it is asked to keep, and tells what was replaced', async () => {
    await stage.server.seed({ '/t/a/deep': 'x', '/t/skip/me': 'x', '/t/b': '1' });
    await using cache = treeCache(stage.zk, '/t', { filter: (path) => path !== '/t/skip' });
    await cache.ready;
    expect([...cache.tree().keys()]).toEqual(['/t', '/t/a', '/t/a/deep', '/t/b']);
    expect(cache.children('/t')).toEqual(['a', 'b']);
    const changes: string[] = [];
    const watching = (async () => {
      for await (const { type, path } of cache.changes()) {
        changes.push(`${type} ${path}`);
        if (path === '/t/end') return;
      }
    })();
    await stage.server.clock.settle();
    changes.length = 0;
    await stage.other.multi().delete('/t/b').create('/t/b', '2').set('/t/a', 'new').commit();
    await stage.server.clock.settle();
    await stage.other.create('/t/end');
    await stage.until(watching);
    expect(changes.sort()).toEqual(['added /t/end', 'changed /t/a', 'replaced /t/b']);
  });

  it('finds after a reconnect what it missed, and says that it is stale until then', async () => {
    await stage.server.seed({ '/t/a': '1', '/t/b': '1' });
    await using cache = treeCache(stage.zk, '/t');
    await cache.ready;
    stage.server.cutOff(stage.zk);
    await stage.server.clock.advance('9s');
    expect(cache.stale).toBe(true);
    await stage.other.multi().delete('/t/a').set('/t/b', '2').create('/t/c').commit();
    expect(cache.children('/t')).toEqual(['a', 'b']);
    stage.server.heal();
    await stage.calm();
    expect([cache.stale, cache.children('/t')]).toEqual([false, ['b', 'c']]);
    expect(new TextDecoder().decode(cache.get('/t/b')!.data)).toBe('2');
  });

  it('fails rather than grow without end', async () => {
    await stage.server.seed({ '/t/a': '', '/t/b': '', '/t/c': '' });
    await using cache = treeCache(stage.zk, '/t', { maxNodes: 2 });
    await expect(cache.ready).rejects.toBeInstanceOf(RangeError);
  });
});

describe('migrations', () => {
  const first = step('001', (tx) => tx.create('/app', 'x'));
  const second = step('002', (tx) => tx.set('/app', 'y'));

  it('are done once, in order, and told of before', async () => {
    expect(await migrate(stage.zk, 'app', [first], { dryRun: true })).toEqual({
      steps: ['001'],
      changes: ['create /app'],
    });
    expect(await stage.other.exists('/app')).toBeNull();
    await migrate(stage.zk, 'app', [first]);
    expect((await migrate(stage.other, 'app', [first, second])).steps).toEqual(['002']);
    expect((await migrate(stage.zk, 'app', [first, second])).steps).toEqual([]);
    expect(stage.text('/app')).toBe('y');
  });

  it('go on from wherever the tree is, in the order of their numbers', async () => {
    const many = Array.from({ length: 12 }, (_, n) => step(`${n}`, (tx) => tx.create(`/app${n}`)));
    await migrate(stage.zk, 'app', many.slice(0, 11));
    expect((await migrate(stage.other, 'app', many)).steps).toEqual(['11']);
    expect((await migrate(stage.zk, 'app', many)).steps).toEqual([]);
  });

  it('fail when a step cannot be done, and leave nothing of the others behind', async () => {
    await stage.other.create('/app', 'made by hand');
    const before = step('000', (tx) => tx.create('/before'));
    await expect(migrate(stage.zk, 'app', [before, first])).rejects.toMatchObject({ code: 'NodeExists', path: '/app' });
    expect(await stage.other.exists('/before')).toBeNull();
    expect((await migrate(stage.zk, 'app', [before, first], { dryRun: true })).steps).toEqual(['000', '001']);
  });

  it('are refused when two steps have one id', async () => {
    await expect(migrate(stage.zk, 'app', [first, second, first])).rejects.toThrow('two steps have the id 001');
  });

  it('know a step by its bytes, too', async () => {
    const bytes = (byte: number) => step('001', (tx) => tx.create('/app', new Uint8Array([byte])));
    await migrate(stage.zk, 'app', [bytes(1)]);
    await expect(migrate(stage.zk, 'app', [bytes(2)])).rejects.toBeInstanceOf(ConflictError);
  });

  it('that are too large for one transaction are refused before anything is sent', async () => {
    const huge = ['a', 'b'].map((name) => step(name, (tx) => tx.create(`/${name}`, 'x'.repeat(600_000))));
    await expect(migrate(stage.zk, 'app', huge)).rejects.toThrow(/maxRequestBytes/);
    expect(await stage.other.exists('/a')).toBeNull();
    expect((await migrate(stage.zk, 'app', [huge[0]])).steps).toEqual(['a']);
  });

  it('are refused when a step was changed, or when the program is older than the tree', async () => {
    await migrate(stage.zk, 'app', [first, second]);
    const changed = step('001', (tx) => tx.create('/app', 'other'));
    await expect(migrate(stage.zk, 'app', [changed, second])).rejects.toBeInstanceOf(ConflictError);
    await expect(migrate(stage.zk, 'app', [first])).rejects.toThrow(/older/);
  });
});

describe('a rate limiter', () => {
  it('lets no more through than it may, over all processes', async () => {
    const options = { limit: 10, perMs: 10_000, batch: 1 };
    const limiters = [stage.zk, stage.other].map((client) => rateLimiter(client, '/r', options));
    let taken = 0;
    for (let n = 0; n < 20; n++) if (await stage.until(limiters[n % 2].tryTake())) taken++;
    expect(taken).toBe(10);
    await stage.server.clock.advance('3s');
    for (let n = 0; n < 20; n++) if (await stage.until(limiters[n % 2].tryTake())) taken++;
    expect(taken).toBe(13);
  });

  it('gives back what was not used', async () => {
    const options = { limit: 10, perMs: 1e9, batch: 10 };
    const first = rateLimiter(stage.zk, '/r', options);
    await first.take(3);
    expect(await rateLimiter(stage.other, '/r', options).tryTake()).toBe(false);
    await first.close();
    await rateLimiter(stage.other, '/r', options).take(7);
  });
});

describe('once', () => {
  it('does the work of a key once, and again when it failed', async () => {
    let count = 0;
    const work = (): number => ++count;
    const results = await Promise.all([stage.zk, stage.other].map((client) => once(client, '/o').do('k', work)));
    expect(results).toEqual([1, 1]);
    for (const client of [stage.zk, stage.other])
      expect(await once(client, '/o').do('void', () => undefined)).toBeUndefined();
    await expect(once(stage.zk, '/o').do('bad', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await once(stage.zk, '/o').do('bad', () => 'yes')).toBe('yes');
  });

  it('says when somebody began and vanished, unless the work may be done twice', async () => {
    const never = once(stage.zk, '/o').do('k', () => new Promise<string>(() => undefined));
    never.catch(() => undefined);
    await stage.server.clock.settle();
    await stage.zk.close();
    const again = once(stage.other, '/o');
    await expect(again.do('k', () => 'x')).rejects.toBeInstanceOf(AmbiguousError);
    expect(await again.do('k', () => 'twice', { idempotent: true })).toBe('twice');
    expect(await again.do('k', () => 'never')).toBe('twice');
  });
});

describe('partitions', () => {
  const parts = Array.from({ length: 12 }, (_, n) => `p${n}`);

  it('move only to or from the member that came or went', () => {
    const [two, three] = [rendezvous(parts, ['a', 'b']), rendezvous(parts, ['a', 'b', 'c'])];
    for (const part of parts) if (three[part] !== 'c') expect(three[part]).toBe(two[part]);
    expect(new Set(Object.values(three)).size).toBe(3);
  });

  it('are shared, held by one at a time, and taken over when a member goes', async () => {
    const holders = new Map<string, string>();
    const stops = { a: new AbortController(), b: new AbortController() };
    const run = async (id: 'a' | 'b'): Promise<void> => {
      const client = id === 'a' ? stage.zk : stage.other;
      const shared = partitions(client, '/parts', { parts, id, settleMs: 100 });
      for await (const { gained, lost } of shared.assignments({ signal: stops[id].signal })) {
        for (const name of lost) if (holders.get(name) === id) holders.delete(name);
        for (const { name } of gained) {
          expect(holders.get(name)).toBeUndefined();
          holders.set(name, id);
        }
      }
    };
    const running = [run('a'), run('b')].map((each) => each.catch((error: unknown) => error));
    await stage.calm();
    expect(holders.size).toBe(12);
    expect(new Set(holders.values())).toEqual(new Set(['a', 'b']));
    for (const [name, id] of [...holders]) if (id === 'b') holders.delete(name);
    stops.b.abort(new Error('gone'));
    await stage.calm();
    expect(new Set(holders.values())).toEqual(new Set(['a']));
    expect(holders.size).toBe(12);
    stops.a.abort(new Error('gone'));
    expect(await stage.until(Promise.all(running))).toEqual([undefined, undefined]);
  });
});
