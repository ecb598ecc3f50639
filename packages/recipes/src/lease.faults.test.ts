// What a lease promises, and its fault matrix.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConflictError, LostError } from './errors.ts';
import { lease } from './lease.ts';
import { matrix } from './testing/matrix.ts';
import { Stage } from './testing/stage.ts';

const path = '/leases/report';
const unlessAmbiguous = (error: unknown): void => {
  if ((error as { ambiguous?: boolean }).ambiguous !== true) throw error;
};

matrix({
  recipe: 'lease',
  operation: 'take, write under guard, give back',
  prepare: async ({ other }) => void (await other.create('/value', '0')),
  run: async ({ zk, signal }) => {
    const held = await lease(zk, path, { id: 'me' }).acquire(5000, { signal });
    await held!.guard(zk.multi().set('/value', 'written')).commit().catch(unlessAmbiguous);
    await held!.release({ signal });
  },
  // A release that was not carried out, and a call that nobody waited for, cost the rest of the time.
  check: async (stage, outcome) => {
    if (outcome !== null) await stage.server.clock.advance('5s');
    const next = await lease(stage.other, path, { id: 'other' }).acquire(1000);
    expect(next).not.toBeNull();
  },
});

matrix({
  recipe: 'lease',
  operation: 'find it taken, then over',
  prepare: async ({ other }) => void (await lease(other, path, { id: 'other' }).acquire(3000)),
  run: async (stage) => {
    const mine = lease(stage.zk, path, { id: 'me' });
    const first = await mine.acquire(1000, { signal: stage.signal });
    await new Promise<void>((resolve) => stage.after(4000, resolve));
    const second = await mine.acquire(1000, { signal: stage.signal });
    expect(second).not.toBeNull();
    // Nobody gets it early; a lost session may have taken its time to find out.
    if (first !== null) expect(first.until.getTime()).toBeLessThan(second!.until.getTime());
  },
  check: () => undefined,
});

describe('a lease', () => {
  let stage: Stage;
  beforeEach(async () => void (stage = await Stage.open()));
  afterEach(() => stage[Symbol.asyncDispose]());
  const both = () => [lease(stage.zk, path, { id: 'me' }), lease(stage.other, path, { id: 'other' })] as const;

  it('is had by one at a time, to its end by the servers and not a moment less', async () => {
    const [mine, theirs] = both();
    const held = (await mine.acquire(10_000))!;
    expect(await theirs.acquire(10_000)).toBeNull();
    expect(await theirs.holder()).toEqual({ id: 'me', until: new Date(held.until.getTime() + 1) });
    await stage.server.clock.advance('9999ms');
    expect([await theirs.acquire(10_000), held.signal.aborted]).toEqual([null, false]);
    await stage.server.clock.advance('2ms');
    expect(held.signal.reason).toBeInstanceOf(LostError);
    expect(await theirs.holder()).toBeNull();
    const next = (await theirs.acquire(10_000))!;
    expect(next.token).toBeGreaterThan(held.token);
    expect(await mine.acquire(10_000)).toBeNull();
  });

  it('is not taken from whoever was faster', async () => {
    const [mine, theirs] = both();
    await (await mine.acquire(1000))!.release();
    const overtake = async (): Promise<void> => void (await theirs.acquire(5000));
    stage.server.faults.inject({ session: stage.zk.session!.id, op: 'set', path, do: overtake });
    expect(await mine.acquire(5000)).toBeNull();
    expect((await mine.holder())?.id).toBe('other');
  });

  it('outlasts the session that took it', async () => {
    const [mine, theirs] = both();
    await mine.acquire(60_000);
    await stage.zk.close();
    await stage.server.clock.advance('59s');
    expect(await theirs.acquire(1000)).toBeNull();
    await stage.server.clock.advance('2s');
    expect(await theirs.acquire(1000)).not.toBeNull();
  });

  it('begins anew for the one who has it, and is free at once when it is given back', async () => {
    const [mine, theirs] = both();
    const first = (await mine.acquire(1000))!;
    const second = (await mine.acquire(20_000))!;
    await expect(first.guard(stage.zk.multi().create('/x')).commit()).rejects.toMatchObject({ code: 'BadVersion' });
    // What was given back is not the later one.
    await first.release();
    expect(await theirs.acquire(1000)).toBeNull();
    await second.release();
    expect(second.signal.aborted).toBe(true);
    expect(await theirs.acquire(1000)).not.toBeNull();
  });

  it('is over for its holder no later than for the others, however late the answer came', async () => {
    const [mine] = both();
    stage.server.faults.inject({ op: 'create', path, when: 'afterApply', do: { delay: '3s' } });
    const begin = stage.server.clock.now();
    const held = (await stage.until(mine.acquire(5000)))!;
    let end = 0;
    held.signal.addEventListener('abort', () => (end = stage.server.clock.now() - begin));
    await stage.server.clock.advance('5s');
    expect(end).toBe(5000);
  });

  it('is over on the first line after the process stood still for longer', async () => {
    const held = (await both()[0].acquire(5000))!;
    held.throwIfOver();
    stage.server.clock.jump('6s');
    expect(() => held.throwIfOver()).toThrow(LostError);
    expect(() => held.guard(stage.zk.multi())).toThrow(LostError);
  });

  it('refuses what is no lease, and no time at all', async () => {
    await stage.server.seed({ [path]: 'something else' });
    await expect(both()[0].acquire(1000)).rejects.toBeInstanceOf(ConflictError);
    await expect(both()[0].acquire(0)).rejects.toBeInstanceOf(RangeError);
  });
});
