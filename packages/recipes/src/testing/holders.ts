// Everything that can be held, for the rows of the fault matrix that begin where something is held already.

import type { Client } from '@corral/client';
import { doubleBarrier } from '../double-barrier.ts';
import { election } from '../election.ts';
import type { Hold } from '../kernel/hold.ts';
import { lock } from '../lock.ts';
import { queue } from '../queue/queue.ts';
import { rwLock } from '../rw-lock.ts';
import { semaphore } from '../semaphore.ts';

export interface AnyHeld {
  readonly signal: AbortSignal;
  throwIfLost(): void;
  readonly guard: Hold['guard'];
}

export interface Holder {
  readonly recipe: string;
  /** Where its own node is: the only ephemeral of the session below this path. */
  readonly path: string;
  readonly hold: (zk: Client, onSuspend?: 'lose' | 'keep') => Promise<AnyHeld>;
}

export const holders: readonly Holder[] = [
  { recipe: 'lock', path: '/l', hold: (zk, onSuspend) => lock(zk, '/l', { onSuspend }).acquire() },
  { recipe: 'read lock', path: '/rw', hold: (zk, onSuspend) => rwLock(zk, '/rw', { onSuspend }).read() },
  { recipe: 'write lock', path: '/rw', hold: (zk, onSuspend) => rwLock(zk, '/rw', { onSuspend }).write() },
  {
    recipe: 'downgraded lock',
    path: '/rw',
    hold: async (zk, onSuspend) => (await rwLock(zk, '/rw', { onSuspend }).write()).downgrade(),
  },
  {
    recipe: 'semaphore',
    path: '/s/leases',
    hold: (zk, onSuspend) => semaphore(zk, '/s', { permits: 1, onSuspend }).acquire(),
  },
  { recipe: 'election', path: '/e', hold: (zk, onSuspend) => election(zk, '/e', { onSuspend }).campaign() },
  {
    recipe: 'double barrier',
    path: '/b',
    hold: (zk, onSuspend) => doubleBarrier(zk, '/b', { parties: 1, onSuspend }).enter(),
  },
  {
    recipe: 'queue',
    path: '/q/taken',
    async hold(zk, onSuspend) {
      const work = queue(zk, '/q', { onSuspend });
      await work.put('job');
      const { value } = await work.consume()[Symbol.asyncIterator]().next();
      return value!;
    },
  },
];
