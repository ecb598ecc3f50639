// The row of the fault matrix that needs an ensemble: a follower that lags behind.

import type { Client } from '@corral/client';
import { startEnsemble } from '@corral/testing';
import type { TestEnsemble } from '@corral/testing';
import { describe, expect, it } from 'vitest';
import { counter } from './counter.ts';
import { doubleBarrier } from './double-barrier.ts';
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
