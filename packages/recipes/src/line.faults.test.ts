// The rows of the fault matrix about standing in line: for every recipe whose parties do.

import type { Client } from '@corral/client';
import { describe, expect, it } from 'vitest';
import { election } from './election.ts';
import { LostError } from './errors.ts';
import { sequenceOf } from './kernel/sequence.ts';
import { lock } from './lock.ts';
import { rwLock } from './rw-lock.ts';
import { semaphore } from './semaphore.ts';
import { Stage, sessionTimeout } from './testing/stage.ts';

interface Line {
  readonly recipe: string;
  readonly dir: string;
  readonly base: string;
  readonly take: (
    zk: Client,
    signal?: AbortSignal,
  ) => Promise<{ readonly signal: AbortSignal; release(): Promise<void> }>;
}

const lines: readonly Line[] = [
  { recipe: 'lock', dir: '/l', base: 'lock-', take: (zk, signal) => lock(zk, '/l').acquire({ signal }) },
  {
    recipe: 'lock with the names of kazoo',
    dir: '/l',
    base: '__lock__',
    take: (zk, signal) => lock(zk, '/l', { names: 'kazoo' }).acquire({ signal }),
  },
  { recipe: 'write lock', dir: '/l', base: '__WRIT__', take: (zk, signal) => rwLock(zk, '/l').write({ signal }) },
  {
    recipe: 'election',
    dir: '/l',
    base: 'latch-',
    async take(zk, signal) {
      const term = await election(zk, '/l').campaign({ signal });
      return { signal: term.signal, release: () => term.resign() };
    },
  },
  {
    recipe: 'semaphore of one permit',
    dir: '/l/locks',
    base: 'lock-',
    take: (zk, signal) => semaphore(zk, '/l', { permits: 1 }).acquire({ signal }),
  },
];

/** Names in the line, first come first by their creation. */
const inLine = (stage: Stage, dir: string): string[] => stage.below(dir).filter((name) => !name.includes('/'));

describe.each(lines)('in the line of $recipe', ({ dir, base, take }) => {
  it('nobody gets in when the numbers are used up: those that follow could not be told apart', async () => {
    await using stage = await Stage.open();
    await stage.other.create(`${dir}/keeps`, '', { parents: 'container' });
    stage.server.setSequence(dir, 2147483647);
    await expect(stage.until(take(stage.zk))).rejects.toThrow('used up');
    await stage.calm();
    expect(inLine(stage, dir).filter((name) => sequenceOf(name, base) !== null)).toEqual([]);
  });

  it('order is kept across zero', async () => {
    await using stage = await Stage.open();
    // A node that stays keeps the container, and its counter.
    await stage.other.create(`${dir}/keeps`, '', { parents: 'container' });
    stage.server.setSequence(dir, -4);
    const clients = await Promise.all(Array.from({ length: 6 }, () => stage.server.connect({ sessionTimeout })));
    const order: number[] = [];
    let holding = 0;
    const waits: Promise<void>[] = [];
    for (const [n, client] of clients.entries()) {
      waits.push(
        take(client).then(async (held) => {
          expect(++holding).toBe(1);
          order.push(n);
          await new Promise<void>((resolve) => stage.after(1000, resolve));
          holding--;
          await held.release();
        }),
      );
      await stage.server.clock.settle();
    }
    const numbers = inLine(stage, dir).map((name) => sequenceOf(name, base));
    expect(numbers.some((number) => number !== null && number < 0)).toBe(true);
    await stage.until(Promise.all(waits));
    expect(order).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('a node of the last session that the new one still sees grants nothing', async () => {
    await using stage = await Stage.open();
    const { zk, other, server } = stage;
    const first = await stage.until(take(other));
    const waiting = take(zk);
    await server.clock.settle();
    const old = zk.session!.id;
    let expiredAt = Infinity;
    server.on((event) => {
      if (event.type === 'expired' && event.session === old) expiredAt = server.clock.now();
    });
    // The client gives its session up by its own clock; for the server it lives on for a moment.
    server.cutOff(zk);
    await server.clock.until(() => zk.state === 'lost', '1m');
    server.heal();
    await first.release();
    expect(expiredAt).toBe(Infinity);
    const held = await stage.until(waiting);
    expect(zk.session!.id).not.toBe(old);
    expect(server.clock.now()).toBeGreaterThanOrEqual(expiredAt);
    const owner = Object.entries(server.dump()).find(([, node]) => node.ephemeralOwner === zk.session!.id);
    expect(owner).toBeDefined();
    expect(held.signal.aborted).toBe(false);
    await held.release();
  });

  it('a waiter whose session expires stands again, once, at the end', async () => {
    await using stage = await Stage.open();
    const first = await stage.until(take(stage.other));
    const waiting = take(stage.zk);
    await stage.server.clock.settle();
    stage.server.expireSession(stage.zk);
    await stage.server.clock.advance('3s');
    const own = Object.entries(stage.server.dump()).filter(([, node]) => node.ephemeralOwner === stage.zk.session!.id);
    expect(own).toHaveLength(1);
    await first.release();
    await (await stage.until(waiting)).release();
  });

  describe('when an operator deletes the node', () => {
    /** Deletes the node of `zk`, when a request of it comes. */
    async function removeAt(stage: Stage, op: 'children' | 'exists', path: string): Promise<void> {
      const { zk, other, server } = stage;
      const session = zk.session!.id;
      await other.create(`${dir}/keeps`, '', { parents: 'container' });
      const removeOwn = async (): Promise<void> => {
        // What the server has read from other clients is done then.
        await other.sync('/');
        for (const [node, { ephemeralOwner }] of Object.entries(server.dump())) {
          if (ephemeralOwner === session && inLine(stage, dir).some((name) => node.endsWith(name)))
            await other.delete(node);
        }
      };
      server.faults.inject({ session, op, path, do: removeOwn });
    }

    it('before it was seen in the line, nothing is granted', async () => {
      await using stage = await Stage.open();
      await removeAt(stage, 'children', dir);
      await expect(stage.until(take(stage.zk))).rejects.toBeInstanceOf(LostError);
      await stage.calm();
      expect(stage.server.watchers()).toEqual([]);
    });

    it('before it is watched, what was granted is lost', async () => {
      await using stage = await Stage.open();
      await removeAt(stage, 'exists', `${dir}/*`);
      const taken = await stage.until(take(stage.zk).catch((error: unknown) => error));
      // A semaphore has its permits to take after its turn: there the loss comes first.
      if (!(taken instanceof LostError)) {
        const { signal } = taken as Awaited<ReturnType<Line['take']>>;
        await stage.server.clock.until(() => signal.aborted);
        expect(signal.reason).toBeInstanceOf(LostError);
      }
      await stage.calm();
      expect(stage.server.watchers()).toEqual([]);
    });
  });

  it('a predecessor that an operator deletes lets the next one in', async () => {
    await using stage = await Stage.open();
    const first = await stage.until(take(stage.other));
    const waiting = take(stage.zk);
    await stage.server.clock.settle();
    for (const [path, node] of Object.entries(stage.server.dump())) {
      if (node.ephemeralOwner === stage.other.session!.id) await stage.other.delete(path);
    }
    const held = await stage.until(waiting);
    expect(first.signal.aborted).toBe(true);
    await held.release();
  });

  it('a waiter whose node an operator deletes fails, and does not hang', async () => {
    await using stage = await Stage.open();
    const first = await stage.until(take(stage.other));
    const failure = take(stage.zk).catch((error: unknown) => error);
    await stage.server.clock.settle();
    for (const [path, node] of Object.entries(stage.server.dump())) {
      if (node.ephemeralOwner === stage.zk.session!.id) await stage.other.delete(path);
    }
    await first.release();
    expect(await stage.until(failure)).toBeInstanceOf(LostError);
  });

  it('a parent that an operator deletes is made again', async () => {
    await using stage = await Stage.open();
    await (await stage.until(take(stage.other))).release();
    for (const path of Object.keys(stage.server.dump()).reverse()) await stage.other.delete(path);
    await (await stage.until(take(stage.zk))).release();
  });

  it('a waiter that gives up leaves the line, and the one behind it waits on', async () => {
    await using stage = await Stage.open();
    const third = await stage.server.connect({ sessionTimeout });
    const first = await stage.until(take(stage.other));
    const second = take(stage.zk, stage.signal).catch((error: unknown) => error);
    await stage.server.clock.settle();
    const last = take(third);
    await stage.server.clock.settle();
    stage.controller.abort(new Error('enough'));
    expect(await stage.until(second)).toEqual(new Error('enough'));
    await stage.calm();
    expect(inLine(stage, dir).filter((name) => name.includes(base))).toHaveLength(dir === '/l/locks' ? 1 : 2);
    await first.release();
    await (await stage.until(last)).release();
  });
});
