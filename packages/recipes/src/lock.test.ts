// What a lock promises when nothing goes wrong: who may come in, who may come in twice, and what others see.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DeadlockError, LostError } from './errors.ts';
import { setAsyncStorage } from './kernel/scope.ts';
import { lockAll } from './lock-all.ts';
import { lock } from './lock.ts';
import { rwLock } from './rw-lock.ts';
import { Stage } from './testing/stage.ts';

let stage: Stage;
beforeEach(async () => void (stage = await Stage.open()));
afterEach(() => stage[Symbol.asyncDispose]());

describe('a lock', () => {
  it('is entered again by run from inside of run, and left once', async () => {
    const { zk, other } = stage;
    await lock(zk, '/l').run(async (outer) => {
      await lock(zk, '/l').run((inner) => expect(inner).toBe(outer));
      expect(await lock(other, '/l').tryLock()).toBeNull();
      // The same place under another name.
      await lock(zk.scope('/l'), '/').run((inner) => expect(inner).toBe(outer));
    });
    expect(stage.below('/l')).toEqual([]);
  });

  it('is not waited for by the code that holds it', async () => {
    const { zk } = stage;
    await lock(zk, '/l').run(async () => {
      await expect(lock(zk, '/l').acquire()).rejects.toBeInstanceOf(DeadlockError);
      await expect(lock(zk, '/l').tryLock()).rejects.toBeInstanceOf(DeadlockError);
    });
  });

  it('is not entered again once it is lost', async () => {
    const { zk } = stage;
    await lock(zk, '/l').run(async (held) => {
      await stage.other.delete(held.path);
      await stage.server.clock.settle();
      await expect(lock(zk, '/l').run(() => undefined)).rejects.toBeInstanceOf(LostError);
    });
  });

  it('works where there is no AsyncLocalStorage', async () => {
    setAsyncStorage(null);
    try {
      expect(await lock(stage.zk, '/l').run(() => 'done')).toBe('done');
    } finally {
      setAsyncStorage(undefined);
    }
  });

  it('says who stands in line, and hears when somebody wants it', async () => {
    const { zk, other } = stage;
    const held = await lock(zk, '/l', { id: 'first', data: { role: 'api' } }).acquire();
    const waiting = lock(other, '/l', { id: 'second' }).acquire();
    await stage.server.clock.settle();
    expect((await lock(other, '/l').contenders()).map(({ id, data }) => [id, data])).toEqual([
      ['first', { role: 'api' }],
      ['second', undefined],
    ]);
    expect(await lock(other, '/l').requestRevoke()).toBe(true);
    await stage.server.clock.settle();
    expect(held.revokeRequested.aborted).toBe(true);
    // Being asked is not being robbed: it holds, and its guard still works.
    await held.guard(zk.multi().create('/x')).commit();
    await held.release();
    await (await waiting).release();
    expect(await lock(other, '/l').requestRevoke()).toBe(false);
  });

  it('keeps one deadline however often it is woken', async () => {
    const { zk, other } = stage;
    const held = await lock(other, '/l').acquire();
    const failure = lock(zk, '/l')
      .acquire({ signal: stage.limited(5000) })
      .catch((error: unknown) => error);
    for (let at = 1000; at < 5000; at += 1000) stage.after(at, () => other.set(held.path, String(at)));
    const begin = stage.server.clock.now();
    expect(await stage.until(failure)).toMatchObject({ name: 'TimeoutError' });
    expect(stage.server.clock.now() - begin).toBe(5000);
    await held.release();
  });

  it('waits for few answers: the line is asked for behind the create, and who is woken only looks at the line', async () => {
    const { zk, other, server } = stage;
    const asked: string[] = [];
    server.on((event) => {
      if (event.type === 'request' && event.session === zk.session!.id) asked.push(event.op);
    });
    const held = await lock(other, '/l').acquire();
    const answer = server.faults.inject({ op: 'create', when: 'afterApply', session: zk.session!.id, do: 'hold' });
    const waiting = lock(zk, '/l').acquire();
    await server.clock.settle();
    expect(asked.filter((op) => op !== 'ping')).toEqual(['create2', 'getChildren2']);
    answer.release();
    await server.clock.settle();
    asked.length = 0;
    const watch = server.faults.inject({ op: 'exists', session: zk.session!.id, do: 'hold' });
    await held.release();
    const next = await stage.until(waiting);
    expect(asked).toEqual(['getChildren2', 'exists']);
    watch.release();
    await next.release();
  });

  it('hears of a request to give it up that was written before it watches its node', async () => {
    const { zk, other, server } = stage;
    const watch = server.faults.inject({ op: 'exists', session: zk.session!.id, do: 'hold' });
    const held = await lock(zk, '/l').acquire();
    await watch.struck;
    expect(await lock(other, '/l').requestRevoke()).toBe(true);
    expect(held.revokeRequested.aborted).toBe(false);
    watch.release();
    await server.clock.settle();
    expect(held.revokeRequested.aborted).toBe(true);
    await held.release();
  });

  it('stands in one line with nodes of Curator and kazoo', async () => {
    const { zk, other } = stage;
    await other.create('/l/_c_0a4be0bd-9a4a-4c0f-8a6e-0123456789ab-lock-', '10.0.0.1', {
      mode: 'ephemeralSequential',
      parents: 'container',
    });
    expect(await lock(zk, '/l').tryLock()).toBeNull();
    expect((await lock(zk, '/l').contenders())[0].id).toBe('10.0.0.1');
    const kazoo = await other.create('/k/0a4be0bd9a4a4c0f8a6e0123456789ab__lock__', 'host', {
      mode: 'ephemeralSequential',
      parents: 'container',
    });
    expect(await lock(zk, '/k', { names: 'kazoo' }).tryLock()).toBeNull();
    await other.delete(kazoo.path);
    const held = await lock(zk, '/k', { names: 'kazoo' }).acquire();
    expect(held.path).toMatch(/__lock__0000000002$/);
    await held.release();
  });

  it('of several is had with all the others or not at all, in whatever order they are named', async () => {
    const { zk, other } = stage;
    const both = await Promise.all(
      [
        [zk, ['/a', '/b', '/a']],
        [other, ['/b', '/a']],
      ].map(async ([client, paths]) => {
        const held = await lockAll(client as typeof zk, paths as string[]);
        await held.guard((client as typeof zk).multi().check('/a', 'any')).commit();
        const token = held.token('/b');
        await held.release();
        return token;
      }),
    );
    expect(new Set(both).size).toBe(2);
    const blocker = await lock(other, '/b').acquire();
    await expect(stage.until(lockAll(zk, ['/a', '/b'], { signal: stage.limited(1000) }))).rejects.toMatchObject({
      name: 'TimeoutError',
    });
    expect(stage.below('/a')).toEqual([]);
    await blocker.release();
  });
});

describe('several locks at once', () => {
  it('are lost with any one of them, and guard with all', async () => {
    const { zk, other } = stage;
    await using all = await lockAll(zk, ['/a', '/b', '/c']);
    const guarded = all.guard(zk.multi().create('/value'));
    all.throwIfLost();
    const [{ node }] = await lock(other, '/b').contenders();
    await other.delete(`/b/${node}`);
    await expect(guarded.commit()).rejects.toMatchObject({ code: 'NoNode' });
    await stage.server.clock.settle();
    expect(all.signal.reason).toBeInstanceOf(LostError);
    expect(() => all.throwIfLost()).toThrow(LostError);
    expect(() => all.guard(zk.multi())).toThrow(LostError);
    expect(() => all.token('/d')).toThrow(TypeError);
  });

  it('are not handed out when one was lost while the others were waited for', async () => {
    const { zk, other } = stage;
    const blocker = await lock(other, '/b').acquire();
    const failure = lockAll(zk, ['/a', '/b']).catch((error: unknown) => error);
    await stage.server.clock.settle();
    const [{ node }] = await lock(other, '/a').contenders();
    await other.delete(`/a/${node}`);
    await blocker.release();
    expect(await stage.until(failure)).toBeInstanceOf(LostError);
    expect([stage.below('/a'), stage.below('/b')]).toEqual([[], []]);
  });
});

describe('a read/write lock', () => {
  it('lets readers share, and none overtake a writer that waits', async () => {
    const { zk, other } = stage;
    const [a, b] = [await rwLock(zk, '/rw').read(), await rwLock(other, '/rw').read()];
    const writing = rwLock(zk, '/rw').write();
    await stage.server.clock.settle();
    expect(await rwLock(other, '/rw').tryRead()).toBeNull();
    await a.release();
    await b.release();
    const write = await writing;
    expect(await rwLock(other, '/rw').tryWrite()).toBeNull();
    await write.release();
  });

  it('is handed from writer to reader before the writer behind can come in', async () => {
    const { zk, other } = stage;
    const write = await rwLock(zk, '/rw').write();
    let isIn = false;
    const next = rwLock(other, '/rw')
      .write()
      .then((held) => {
        isIn = true;
        return held;
      });
    await stage.server.clock.settle();
    const read = await write.downgrade();
    await stage.server.clock.settle();
    expect([isIn, write.state, read.token]).toEqual([false, 'released', write.token]);
    await read.release();
    const held = await next;
    expect(held.token).toBeGreaterThan(read.token);
    await held.release();
  });

  it('may be read by its writer, and not written by its reader', async () => {
    const rw = rwLock(stage.zk, '/rw');
    await rw.runWrite((outer) => rw.runRead((inner) => expect(inner).toBe(outer)));
    await rw.runRead(() => expect(rw.runWrite(() => undefined)).rejects.toBeInstanceOf(DeadlockError));
  });
});

it('a lock is lost at once when its client begins to close, and says why', async () => {
  const { zk } = stage;
  const held = await lock(zk, '/l').acquire();
  const waits = lock(zk, '/l2').acquire();
  await (await lock(stage.other, '/l2').tryLock())?.release();
  const closed = zk.close();
  expect(held.signal.aborted).toBe(true);
  expect(() => held.throwIfLost()).toThrow('its client was closed');
  await Promise.allSettled([stage.until(closed), waits]);
  await expect(lock(zk, '/l').acquire()).rejects.toMatchObject({ code: 'Closing' });
});
