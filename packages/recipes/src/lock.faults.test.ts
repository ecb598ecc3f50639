// The fault matrix of lock.

import { expect } from 'vitest';
import { lock } from './lock.ts';
import type { HeldLock } from './lock.ts';
import { matrix } from './testing/matrix.ts';
import type { Stage } from './testing/stage.ts';

const path = '/locks/db';

/** Nobody is left in line, and the lock can be had. */
async function isFree(stage: Stage): Promise<void> {
  expect(stage.below(path)).toEqual([]);
  await (await lock(stage.other, path).acquire()).release();
}

matrix({
  recipe: 'lock',
  operation: 'acquire, write under guard, release',
  prepare: async ({ other }) => void (await other.create('/value', '0')),
  run: async ({ zk, signal }) => {
    await using held = await lock(zk, path).acquire({ signal });
    await held.guard(zk.multi().set('/value', 'written')).commit().catch(unlessAmbiguous);
  },
  check: isFree,
});

const unlessAmbiguous = (error: unknown): void => {
  if ((error as { ambiguous?: boolean }).ambiguous !== true) throw error;
};

matrix({
  recipe: 'lock',
  operation: 'wait for a holder',
  prepare: async (stage) => void stage.notes.set('held', await lock(stage.other, path).acquire()),
  run: async (stage) => {
    const first = stage.notes.get('held') as HeldLock;
    stage.after(1000, () => first.release());
    await using held = await lock(stage.zk, path).acquire({ signal: stage.signal });
    expect(first.state).toBe('released');
    expect(held.token).toBeGreaterThan(first.token);
  },
  check: isFree,
});

matrix({
  recipe: 'lock',
  operation: 'try a lock that is held',
  prepare: async (stage) => void stage.notes.set('held', await lock(stage.other, path).acquire()),
  run: async ({ zk, signal }) => {
    expect(await lock(zk, path).tryLock({ signal })).toBeNull();
  },
  check: async (stage) => {
    await (stage.notes.get('held') as HeldLock).release();
    await isFree(stage);
  },
});

matrix({
  recipe: 'lock',
  operation: 'try a lock that is free',
  run: async ({ zk, signal }) => {
    const held = await lock(zk, path).tryLock({ signal });
    expect(held).not.toBeNull();
    await held!.release();
  },
  check: isFree,
});
