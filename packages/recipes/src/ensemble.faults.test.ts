// The rows of the fault matrix that need many: a follower that lags behind, and two hundred contenders whose connections,
// sessions and servers come and go.

import type { Client } from '@corral/client';
import { ZkError } from '@corral/client';
import { startEnsemble, startServer } from '@corral/testing';
import type { TestEnsemble } from '@corral/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { counter } from './counter.ts';
import { doubleBarrier } from './double-barrier.ts';
import { LostError } from './errors.ts';
import { lock } from './lock.ts';
import { queue } from './queue/queue.ts';
import type { Queue } from './queue/queue.ts';
import { semaphore } from './semaphore.ts';

const sessionTimeout = 10_000;

describe('after a lost answer, at a follower that lags', () => {
  /**
   * The answer to the first write on such a path is lost, and the only server left to go to has not heard of it when the
   * client looks. `first` is done before, in peace.
   */
  async function play(
    path: RegExp,
    first: (zk: Client) => Promise<unknown>,
    operation: (zk: Client) => Promise<unknown>,
  ): Promise<TestEnsemble> {
    const ensemble = await startEnsemble({ size: 3, clock: 'virtual', leaks: 'ignore' });
    const { clock } = ensemble;
    // Quick to leave servers that it cannot reach: a follower may not lag for long.
    const zk = await clock.until(ensemble.connect({ sessionTimeout, attemptTimeout: 500 }));
    await clock.until(first(zk));
    await clock.advance('1s');
    const session = zk.session!.id;
    const home = ensemble.serverOf(zk)!;
    const late = ensemble.members.find((member) => member !== home && member !== ensemble.leader)!;
    const others = ensemble.members.filter((member) => member !== late);
    const fault = ensemble.faults.inject({ session, op: 'write', path, when: 'afterApply', do: 'disconnect' });
    void fault.struck.then(() => {
      ensemble.cutOff(zk, others);
      // Time enough to come here and look. Who has heard of the write by an event is not let in before, which is as good.
      clock.after(4000, () => late.catchUp());
    });
    let isHeld = false;
    ensemble.on((event) => {
      if (!isHeld && event.type === 'request' && event.session === session && /^(create|set|multi)/.test(event.op)) {
        isHeld = event.paths.some((each) => path.test(each));
        if (isHeld) late.lag('hold');
      }
    });
    await clock.until(operation(zk), '5m');
    expect(fault.hits).toHaveLength(1);
    expect(ensemble.serverOf(zk)).toBe(late);
    ensemble.heal();
    return ensemble;
  }

  it('a lock has one node', async () => {
    let path = '';
    const take = async (zk: Client): Promise<void> => void ({ path } = await lock(zk, '/l').acquire());
    await using ensemble = await play(/lock-/, (zk) => lock(zk, '/l').run(() => undefined), take);
    expect(Object.keys(ensemble.dump()).filter((each) => each.startsWith('/l/'))).toEqual([path]);
  });

  it('a semaphore has as many leases as were taken', async () => {
    const take = (zk: Client) => semaphore(zk, '/s', { permits: 3 }).acquire({ permits: 2 });
    await using ensemble = await play(/leases/, async (zk) => (await take(zk)).release(), take);
    expect(Object.keys(ensemble.dump()).filter((each) => each.startsWith('/s/leases/'))).toHaveLength(2);
  });

  it('a counter counts once', async () => {
    const add = (zk: Client) => counter(zk, '/n').add(1n);
    await using ensemble = await play(/^\/n$/, add, add);
    const zk = await ensemble.clock.until(ensemble.connect());
    expect(await ensemble.clock.until(counter(zk, '/n').value())).toBe(2n);
  });

  it('a double barrier has one node for each party', async () => {
    const enter = (zk: Client) => doubleBarrier(zk, '/b', { parties: 2 }).enter();
    const wait = async (zk: Client): Promise<void> => {
      void enter(zk);
      while ((await zk.exists('/b/0/m'))?.numChildren !== 1);
    };
    await using ensemble = await play(/\/m\//, wait, enter);
    expect(Object.keys(ensemble.dump()).filter((each) => each.startsWith('/b/0/m/'))).toHaveLength(2);
  });

  it('a queue has the item once', async () => {
    let jobs: Queue<string> | undefined;
    const put = (zk: Client) => (jobs ??= queue<string>(zk, '/q')).put('job');
    await using ensemble = await play(/items/, put, put);
    expect(Object.keys(ensemble.dump()).filter((each) => each.startsWith('/q/items/'))).toHaveLength(2);
  });
});

describe('two hundred contenders', () => {
  it('are let in one by one, in their order, and each release wakes one of them', async () => {
    await using server = await startServer({ clock: 'virtual', leaks: 'throw' });
    const { clock } = server;
    const clients = await Promise.all(Array.from({ length: 20 }, () => server.connect({ sessionTimeout })));
    const ownerOf = new Map<string, bigint>();
    const wakeUps = new Map<string, number>();
    server.faults.inject({
      op: 'watchEvent',
      times: Infinity,
      do: ({ paths: [path], session }) => {
        if (session !== ownerOf.get(path)) wakeUps.set(path, (wakeUps.get(path) ?? 0) + 1);
      },
    });
    const tokens: bigint[] = [];
    let inside = 0;
    const contend = async (client: Client): Promise<void> => {
      await using held = await lock(client, '/l').acquire();
      expect(++inside).toBe(1);
      ownerOf.set(held.path, held.session);
      tokens.push(held.token);
      await new Promise<void>((resolve) => clock.after(5, resolve));
      inside--;
    };
    await clock.until(Promise.all(Array.from({ length: 200 }, (_, n) => contend(clients[n % clients.length]))));
    expect(tokens).toHaveLength(200);
    expect(tokens).toEqual(tokens.toSorted((a, b) => (a < b ? -1 : 1)));
    // Ten contenders share a session, so a wake-up may go to the session that has released: at most one, then.
    expect(Math.max(...wakeUps.values())).toBe(1);
    await clock.settle();
    expect([Object.keys(server.dump()), server.watchers()]).toEqual([['/l'], []]);
    await Promise.all(clients.map((client) => client.close()));
  });

  const trouble = fc.record({
    at: fc.integer({ min: 0, max: 20_000 }),
    what: fc.constantFrom('drop', 'expire', 'kill', 'cut off'),
    whom: fc.nat({ max: 19 }),
  });

  it('write under guard in the order of their tokens, whatever is dropped, expired, cut off or killed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(trouble, { minLength: 5, maxLength: 15 }), async (plan) => {
        await using ensemble = await startEnsemble({ size: 3, clock: 'virtual', leaks: 'ignore' });
        const { clock } = ensemble;
        const clients = await clock.until(
          Promise.all(Array.from({ length: 20 }, () => ensemble.connect({ sessionTimeout }))),
        );
        await clock.until(clients[0].create('/value', ''));
        for (const { at, what, whom } of plan) clock.after(at, () => strike(ensemble, what, clients[whom], whom));
        const written: { readonly token: bigint; readonly zxid: bigint }[] = [];
        const contend = async (client: Client): Promise<void> => {
          for (;;) {
            try {
              await using held = await lock(client, '/l').acquire();
              await new Promise<void>((resolve) => clock.after(50, resolve));
              const tx = held.guard(client.multi().set('/value', String(held.token)));
              const [{ mzxid }] = (await tx.commit({ pin: held.session })) as unknown as [{ mzxid: bigint }];
              written.push({ token: held.token, zxid: mzxid });
              return;
            } catch (error) {
              if (!(error instanceof LostError) && !ZkError.is(error)) throw error;
            }
          }
        };
        await clock.until(Promise.all(Array.from({ length: 200 }, (_, n) => contend(clients[n % 20]))), '1h');
        written.sort((a, b) => (a.zxid < b.zxid ? -1 : 1));
        const tokens = written.map(({ token }) => token);
        expect(tokens).toHaveLength(200);
        expect(tokens).toEqual(tokens.toSorted((a, b) => (a < b ? -1 : 1)));
        ensemble.heal();
        await clock.advance('1m');
        expect(Object.keys(ensemble.dump()).filter((path) => path.startsWith('/l/'))).toEqual([]);
        expect(ensemble.watchers()).toEqual([]);
      }),
      { numRuns: 3, seed: 20260704, includeErrorInReport: true },
    );
  });
});

function strike(
  ensemble: TestEnsemble,
  what: 'drop' | 'expire' | 'kill' | 'cut off',
  client: Client,
  whom: number,
): void {
  const { clock } = ensemble;
  switch (what) {
    case 'drop':
      return ensemble.dropConnection(client);
    case 'expire':
      if (client.session !== null && ensemble.sessions().some(({ id }) => id === client.session?.id)) {
        ensemble.expireSession(client);
      }
      return;
    case 'cut off':
      ensemble.cutOff(client);
      return void clock.after(15_000, () => ensemble.heal());
    case 'kill': {
      const member = ensemble.members[whom % 3];
      // Two of three must stay.
      if (ensemble.members.some((each) => !each.isServing)) return;
      void member.kill();
      return void clock.after(3000, () => void member.start());
    }
  }
}
