// The fault matrix of the barrier and the double barrier.

import { expect } from 'vitest';
import { barrier } from './barrier.ts';
import { doubleBarrier } from './double-barrier.ts';
import { matrix } from './testing/matrix.ts';

matrix({
  recipe: 'barrier',
  operation: 'raise and lift',
  run: async ({ zk, signal }) => {
    await barrier(zk, '/gate').raise({ signal });
    await barrier(zk, '/gate').raise({ signal });
    await barrier(zk, '/gate').lift({ signal });
    await barrier(zk, '/gate').lift({ signal });
  },
  check: async ({ other }, outcome) => {
    if (outcome === null) expect(await other.exists('/gate')).toBeNull();
  },
});

matrix({
  recipe: 'barrier',
  operation: 'wait',
  prepare: ({ other }) => barrier(other, '/gate').raise(),
  run: async (stage) => {
    let isLifted = false;
    stage.after(1000, () => {
      isLifted = true;
      return barrier(stage.other, '/gate').lift();
    });
    await barrier(stage.zk, '/gate').wait({ signal: stage.signal });
    expect(isLifted).toBe(true);
  },
  check: async ({ other }) => expect(await other.exists('/gate')).toBeNull(),
});

matrix({
  recipe: 'double barrier',
  operation: 'enter and leave with another party',
  run: async (stage) => {
    const { zk, other } = stage;
    const signal = stage.limited(30_000);
    let isOtherIn = false;
    let isOtherDone = false;
    const partner = (async () => {
      const inside = await doubleBarrier(other, '/round', { parties: 2 }).enter({ signal });
      isOtherIn = true;
      await new Promise<void>((resolve) => stage.after(1000, resolve));
      isOtherDone = true;
      await inside.leave({ signal });
    })().catch(() => undefined);
    try {
      const inside = await doubleBarrier(zk, '/round', { parties: 2 }).enter({ signal });
      // Both counted each other: the partner is in, or about to read that it is.
      expect(stage.text('/round/0/ready') ?? stage.text('/round')).not.toBeNull();
      await inside.leave({ signal });
      expect([isOtherIn, isOtherDone]).toEqual([true, true]);
    } catch (error) {
      stage.controller.abort(error);
      throw error;
    } finally {
      await partner;
    }
  },
  // Whose session ends when the round is full has left it: the others go on, and nobody is left for the next one.
  mayFailWith: (error, fault) => fault.name.includes('expires') && error instanceof DOMException,
  check: async (stage) => {
    // The next round is clean: nobody of the last one is counted.
    const enter = (client: typeof stage.zk) => doubleBarrier(client, '/round', { parties: 2 }).enter();
    const third = await stage.server.connect();
    const [a, b] = await Promise.all([enter(stage.other), enter(third)]);
    await Promise.all([a.leave(), b.leave()]);
    await third.close();
  },
});
