// The fault matrix of the read/write lock.

import { expect } from 'vitest';
import { rwLock } from './rw-lock.ts';
import type { HeldWrite } from './rw-lock.ts';
import { matrix } from './testing/matrix.ts';
import type { Stage } from './testing/stage.ts';

const path = '/rw';

async function isFree(stage: Stage): Promise<void> {
  expect(stage.below(path)).toEqual([]);
  await (await rwLock(stage.other, path).write()).release();
}

matrix({
  recipe: 'rw lock',
  operation: 'read beside a reader',
  prepare: async (stage) => void stage.notes.set('held', await rwLock(stage.other, path).read()),
  run: async ({ zk, signal }) => {
    await using held = await rwLock(zk, path).read({ signal });
    expect(held.state).toBe('held');
  },
  check: async (stage) => {
    await (stage.notes.get('held') as HeldWrite).release();
    await isFree(stage);
  },
});

for (const kind of ['read', 'write'] as const) {
  matrix({
    recipe: 'rw lock',
    operation: `${kind} after a writer`,
    prepare: async (stage) => void stage.notes.set('held', await rwLock(stage.other, path).write()),
    run: async (stage) => {
      const first = stage.notes.get('held') as HeldWrite;
      stage.after(1000, () => first.release());
      await using held = await rwLock(stage.zk, path)[kind]({ signal: stage.signal });
      expect(first.state).toBe('released');
      expect(held.token).toBeGreaterThan(first.token);
    },
    check: isFree,
  });
}

matrix({
  recipe: 'rw lock',
  operation: 'downgrade',
  run: async ({ zk, signal }) => {
    await using write = await rwLock(zk, path).write({ signal });
    await using read = await write.downgrade({ signal });
    expect(read.token).toBe(write.token);
  },
  check: isFree,
});
