// The row of the fault matrix that needs many: two hundred contenders whose connections, sessions and servers come and go.

import type { Client } from '@corral/client';
import { ZkError } from '@corral/client';
import { startEnsemble, startServer } from '@corral/testing';
import type { TestEnsemble } from '@corral/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { counter } from './counter.ts';
import { election } from './election.ts';
import { LostError } from './errors.ts';
import type { Hold } from './kernel/hold.ts';
import { lock } from './lock.ts';
import { queue } from './queue/queue.ts';
import { rwLock } from './rw-lock.ts';
import { semaphore } from './semaphore.ts';

const sessionTimeout = 10_000;
const contenders = 200;
const sessions = 20;
const patienceMs = 120_000;
const each = Array.from({ length: contenders }, (_, n) => n);

/** What one at a time may have: its number in the order of all that ever had it, and a guard. */
interface Exclusive {
  readonly token: bigint;
  readonly guard: Hold['guard'];
  readonly leave: () => Promise<void>;
}
type Take = (zk: Client) => Promise<Exclusive>;
const exclusive = (held: Hold): Exclusive => ({
  token: held.token,
  guard: held.guard.bind(held),
  leave: () => held.release(),
});

const exclusives: Readonly<Record<string, Take>> = {
  lock: async (zk) => exclusive(await lock(zk, '/l').acquire()),
  'write lock': async (zk) => exclusive(await rwLock(zk, '/l').write()),
  'semaphore of one permit': async (zk) => exclusive(await semaphore(zk, '/l', { permits: 1 }).acquire()),
  async election(zk) {
    const term = await election(zk, '/l').campaign();
    return { token: term.number, guard: term.guard, leave: () => term.resign() };
  },
};

describe('two hundred contenders in peace', () => {
  it.each(['lock', 'write lock', 'election'])(
    'for a %s are let in one by one, in their order, and each release wakes one of them',
    async (recipe) => {
      await using server = await startServer({ clock: 'virtual', leaks: 'throw' });
      const { clock } = server;
      const clients = await Promise.all(Array.from({ length: sessions }, () => server.connect({ sessionTimeout })));
      const wakeUps = new Map<string, number>();
      let leaving: bigint | undefined;
      server.faults.inject({
        op: 'watchEvent',
        times: Infinity,
        do: ({ paths: [path], session }) => {
          if (session !== leaving) wakeUps.set(path, (wakeUps.get(path) ?? 0) + 1);
        },
      });
      const tokens: bigint[] = [];
      let inside = 0;
      const contend = async (client: Client): Promise<void> => {
        const held = await exclusives[recipe](client);
        expect(++inside).toBe(1);
        tokens.push(held.token);
        await new Promise<void>((resolve) => clock.after(5, resolve));
        inside--;
        leaving = client.session!.id;
        await held.leave();
      };
      await clock.until(Promise.all(each.map((n) => contend(clients[n % sessions]))));
      expect(tokens).toHaveLength(contenders);
      expect(tokens).toEqual(tokens.toSorted((a, b) => (a < b ? -1 : 1)));
      // Ten contenders share a session, so a wake-up may go to the session that has released: at most one, then.
      expect(Math.max(...wakeUps.values())).toBe(1);
      await clock.settle();
      expect([Object.keys(server.dump()), server.watchers()]).toEqual([['/l'], []]);
      await Promise.all(clients.map((client) => client.close()));
    },
  );
});

const trouble = fc.record({
  at: fc.integer({ min: 0, max: 20_000 }),
  what: fc.constantFrom('drop', 'lose an answer', 'expire', 'kill', 'cut off'),
  whom: fc.nat({ max: sessions - 1 }),
});
const plans = fc.array(trouble, { minLength: 5, maxLength: 15 });
const runs = { numRuns: 2, seed: 20260704, includeErrorInReport: true };

/** An ensemble in which everything goes wrong that is in the plan, and what must be true when it is over. */
async function play(
  plan: readonly { readonly at: number; readonly what: Trouble; readonly whom: number }[],
  story: (clients: readonly Client[], ensemble: TestEnsemble) => Promise<void>,
): Promise<void> {
  await using ensemble = await startEnsemble({ size: 3, clock: 'virtual', leaks: 'ignore' });
  const { clock } = ensemble;
  const connecting = Array.from({ length: sessions }, () => ensemble.connect({ sessionTimeout }));
  const clients = await clock.until(Promise.all(connecting));
  await clock.until(clients[0].create('/value', ''));
  for (const { at, what, whom } of plan) clock.after(at, () => strike(ensemble, what, clients[whom], whom));
  await clock.until(story(clients, ensemble), '1h');
  ensemble.heal();
  await clock.advance('1m');
  const ephemerals = Object.entries(ensemble.dump()).filter(([, { ephemeralOwner }]) => ephemeralOwner !== undefined);
  expect(ephemerals.map(([path]) => path).filter((path) => !path.startsWith('/q/producers/'))).toEqual([]);
  expect(ensemble.watchers()).toEqual([]);
}

/** Again until it works: what trouble brings about is no reason to give up. */
async function untilDone(work: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof LostError) && !ZkError.is(error)) throw error;
    }
  }
}

const pauseIn = (ensemble: TestEnsemble, ms: number): Promise<void> =>
  new Promise<void>((resolve) => ensemble.clock.after(ms, resolve));
const ascending = (a: bigint, b: bigint): number => (a < b ? -1 : 1);

describe('two hundred contenders, whatever is dropped, expired, cut off or killed', () => {
  it.each(Object.entries(exclusives))(
    'for a %s write under guard in the order of their tokens',
    async (_, take) => {
      const story = async (clients: readonly Client[], ensemble: TestEnsemble): Promise<void> => {
        const written: { readonly token: bigint; readonly zxid: bigint }[] = [];
        const contend = (client: Client): Promise<void> =>
          untilDone(async () => {
            const held = await take(client);
            try {
              await pauseIn(ensemble, 50);
              const [{ mzxid }] = await held.guard(client.multi().set('/value', String(held.token))).commit();
              written.push({ token: held.token, zxid: mzxid });
            } finally {
              await held.leave();
            }
          });
        await Promise.all(each.map((n) => contend(clients[n % sessions])));
        const tokens = written.toSorted((a, b) => ascending(a.zxid, b.zxid)).map(({ token }) => token);
        expect(tokens).toHaveLength(contenders);
        expect(tokens).toEqual(tokens.toSorted(ascending));
      };
      await fc.assert(
        fc.asyncProperty(plans, (plan) => play(plan, story)),
        runs,
      );
    },
    patienceMs,
  );

  it(
    'for three permits never hold more than three',
    async () => {
      const story = async (clients: readonly Client[], ensemble: TestEnsemble): Promise<void> => {
        // A lease is there from its own transaction to that of a write under its guard.
        const steps: { readonly zxid: bigint; readonly by: number }[] = [];
        const contend = (client: Client, permits: number): Promise<void> =>
          untilDone(async () => {
            await using held = await semaphore(client, '/s', { permits: 3 }).acquire({ permits });
            await pauseIn(ensemble, 100);
            const [{ mzxid }] = await held.guard(client.multi().set('/value', '')).commit();
            steps.push({ zxid: held.token, by: permits }, { zxid: mzxid, by: -permits });
          });
        await Promise.all(each.map((n) => contend(clients[n % sessions], 1 + (n % 2))));
        let out = 0;
        let most = 0;
        for (const { by } of steps.toSorted((a, b) => ascending(a.zxid, b.zxid))) most = Math.max(most, (out += by));
        expect([steps.length, out, most]).toEqual([2 * contenders, 0, 3]);
      };
      await fc.assert(
        fc.asyncProperty(plans, (plan) => play(plan, story)),
        runs,
      );
    },
    patienceMs,
  );

  it(
    'for the items of a queue lose none and acknowledge none twice',
    async () => {
      const story = async (clients: readonly Client[], ensemble: TestEnsemble): Promise<void> => {
        const end = new AbortController();
        const jobs = clients.map((client) => queue<string>(client, '/q', { maxAttempts: 1000 }));
        const [sure, acked, inDoubt]: string[][] = [[], [], []];
        const consume = async (at: number): Promise<void> => {
          for await (const message of jobs[at].consume({ signal: end.signal })) {
            await pauseIn(ensemble, 50);
            const list = await message.ack().then(
              () => acked,
              () => inDoubt,
            );
            list.push(message.value);
          }
        };
        // Every attempt puts a value of its own: what became of one in doubt is not asked for.
        const put = async (n: number): Promise<void> => {
          let attempt = 0;
          // So that something goes wrong while they are put.
          await pauseIn(ensemble, 100 * n);
          return untilDone(async () => {
            const value = `${n}, attempt ${++attempt}`;
            await jobs[n % sessions].put(value);
            sure.push(value);
          });
        };
        const consuming = clients.map((_, at) => consume(at).catch((error: unknown) => error));
        await Promise.all(each.map(put));
        await untilDone(async () => {
          while ((await jobs[0].size()) > 0) await pauseIn(ensemble, 1000);
        });
        end.abort(new Error('all are taken'));
        expect(new Set(await Promise.all(consuming))).toEqual(new Set([undefined]));
        expect(acked.length).toBe(new Set(acked).size);
        expect([sure.length, sure.filter((value) => !acked.includes(value) && !inDoubt.includes(value))]).toEqual([
          contenders,
          [],
        ]);
      };
      await fc.assert(
        fc.asyncProperty(plans, (plan) => play(plan, story)),
        runs,
      );
    },
    patienceMs,
  );

  it(
    'for a counter count once each',
    async () => {
      const story = async (clients: readonly Client[], ensemble: TestEnsemble): Promise<void> => {
        const results: bigint[] = [];
        let inDoubt = 0n;
        const add = async (n: number): Promise<void> => {
          // Ten at once.
          await pauseIn(ensemble, 1000 * Math.floor(n / 10));
          try {
            results.push((await counter(clients[n % sessions], '/n').add(1n)).after);
          } catch {
            inDoubt++;
          }
        };
        await Promise.all(each.map(add));
        const value = await counter(clients[0], '/n').value();
        expect(new Set(results).size).toBe(results.length);
        expect(BigInt(results.length) <= value && value <= BigInt(results.length) + inDoubt).toBe(true);
      };
      await fc.assert(
        fc.asyncProperty(plans, (plan) => play(plan, story)),
        runs,
      );
    },
    patienceMs,
  );
});

type Trouble = 'drop' | 'lose an answer' | 'expire' | 'kill' | 'cut off';

function strike(ensemble: TestEnsemble, what: Trouble, client: Client, whom: number): void {
  const { clock } = ensemble;
  switch (what) {
    case 'drop':
      return ensemble.dropConnection(client);
    case 'lose an answer': {
      if (client.session === null) return;
      const lost = { session: client.session.id, op: 'write', when: 'afterApply', do: 'disconnect' } as const;
      return void ensemble.faults.inject(lost);
    }
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
