// The fault matrix of the semaphore.

import { expect } from 'vitest';
import type { Hold } from './kernel/hold.ts';
import { semaphore } from './semaphore.ts';
import { matrix } from './testing/matrix.ts';
import type { Stage } from './testing/stage.ts';

const path = '/sem';

/** Every permit is there again. */
async function isFree(stage: Stage): Promise<void> {
  const all = semaphore(stage.other, path, { permits: 3 });
  expect(await all.holders()).toEqual([]);
  const held = await all.acquire({ permits: 3 });
  expect(await all.holders()).toHaveLength(3);
  await held.release();
}

matrix({
  recipe: 'semaphore',
  operation: 'take two of three permits',
  run: async ({ zk, signal }) => {
    await using held = await semaphore(zk, path, { permits: 3 }).acquire({ permits: 2, signal });
    expect(held.state).toBe('held');
  },
  check: isFree,
});

matrix({
  recipe: 'semaphore',
  operation: 'wait until enough permits come back',
  prepare: async (stage) =>
    void stage.notes.set('held', await semaphore(stage.other, path, { permits: 3 }).acquire({ permits: 2 })),
  run: async (stage) => {
    const first = stage.notes.get('held') as Hold;
    stage.after(1000, () => first.release());
    await using held = await semaphore(stage.zk, path, { permits: 3 }).acquire({ permits: 2, signal: stage.signal });
    expect(held.state).toBe('held');
    expect(first.state).toBe('released');
  },
  check: isFree,
});

matrix({
  recipe: 'semaphore',
  operation: 'try when there are too few',
  prepare: async (stage) =>
    void stage.notes.set('held', await semaphore(stage.other, path, { permits: 3 }).acquire({ permits: 2 })),
  run: async ({ zk, signal }) => {
    expect(await semaphore(zk, path, { permits: 3 }).tryAcquire({ permits: 2, signal })).toBeNull();
  },
  check: async (stage) => {
    await (stage.notes.get('held') as Hold).release();
    await isFree(stage);
  },
});

matrix({
  recipe: 'semaphore',
  operation: 'resize',
  run: ({ zk, signal }) => semaphore(zk, path, { permits: 3 }).resize(5, { signal }),
  check: async ({ other }, outcome) => {
    const size = await semaphore(other, path, { permits: 3 }).size();
    if (outcome === null) expect(size).toBe(5);
    else expect([3, 5]).toContain(size);
  },
});
