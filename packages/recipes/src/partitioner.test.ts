// What members that share parts may rely on, whatever the coordinator writes and whenever it changes.

import type { Client } from '@corral/client';
import { ZkError } from '@corral/client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LostError } from './errors.ts';
import { lock } from './lock.ts';
import { partitions } from './partitioner.ts';
import type { Part } from './partitioner.ts';
import { rendezvous } from './rendezvous.ts';
import { Stage } from './testing/stage.ts';

const root = '/parts';
const parts = Array.from({ length: 8 }, (_, n) => `p${n}`);

let stage: Stage;
beforeEach(async () => void (stage = await Stage.open()));
afterEach(() => stage[Symbol.asyncDispose]());

/** A member and what it has. While it is busy, its loop does not come back for more. */
class Member {
  readonly id: string;
  readonly has = new Map<string, Part>();
  readonly log: string[] = [];
  readonly stop = new AbortController();
  readonly end: Promise<unknown>;
  #busy: Promise<void> = Promise.resolve();

  constructor(zk: Client, id: string, settleMs = 100) {
    this.id = id;
    this.end = this.#run(zk, settleMs).catch((error: unknown) => error);
  }

  /** Until the result is called. */
  beBusy(): () => void {
    let done: () => void = () => undefined;
    this.#busy = new Promise<void>((resolve) => (done = resolve));
    return done;
  }

  async #run(zk: Client, settleMs: number): Promise<void> {
    const shared = partitions(zk, root, { parts, id: this.id, settleMs });
    for await (const { gained, lost } of shared.assignments({ signal: this.stop.signal })) {
      for (const { name } of gained) this.log.push(`+${name}`);
      for (const part of gained) this.has.set(part.name, part);
      for (const name of lost) this.log.push(`-${name}`);
      await this.#busy;
      for (const name of lost) if (gained.every((part) => part.name !== name)) this.has.delete(name);
    }
  }
}

interface Assigned {
  readonly epoch: number;
  readonly map: Record<string, string>;
}
const assigned = (): Assigned => JSON.parse(stage.text(`${root}/assign`)!) as Assigned;
const allOf = (...members: Member[]): string[] => members.flatMap(({ has }) => [...has.keys()]).sort();
const coordinatorsOf = ({ session }: Client): string[] =>
  Object.entries(stage.server.dump())
    .filter(([path, node]) => path.startsWith(`${root}/coordinator/`) && node.ephemeralOwner === session?.id)
    .map(([path]) => path);

async function end(...members: Member[]): Promise<void> {
  for (const { stop } of members) stop.abort(new Error('over'));
  expect(await stage.until(Promise.all(members.map((member) => member.end)))).toEqual(members.map(() => undefined));
}

describe('a part that goes to another member', () => {
  it('is over at once for the one that had it, and taken only when that one has come back', async () => {
    const a = new Member(stage.zk, 'a');
    await stage.calm();
    const before = new Map(a.has);
    expect([...before.keys()].sort()).toEqual(parts);
    const comeBack = a.beBusy();
    const b = new Member(stage.other, 'b');
    await stage.calm();
    const going = parts.filter((name) => rendezvous(parts, ['a', 'b'])[name] === 'b');
    expect(going.length).toBeGreaterThan(0);
    for (const [name, { signal, lock: held }] of before) {
      expect([name, signal.aborted, held.state]).toEqual([name, going.includes(name), 'held']);
      if (signal.aborted) expect(signal.reason).toBeInstanceOf(LostError);
    }
    expect([...b.has.keys()]).toEqual([]);
    comeBack();
    await stage.calm();
    expect([...b.has.keys()].sort()).toEqual(going);
    expect(allOf(a, b)).toEqual(parts);
    await end(a, b);
    expect(stage.below(`${root}/locks`).filter((name) => name.includes('lock-'))).toEqual([]);
  });

  it('is not waited for any longer by a member that was to have it', async () => {
    const held = await lock(stage.other, `${root}/locks/p0`).acquire();
    const a = new Member(stage.zk, 'a');
    await stage.calm();
    expect([...a.has.keys()].sort()).toEqual(parts.slice(1));
    const mine = { ...assigned().map, p0: 'somebody' };
    await stage.other.set(`${root}/assign`, JSON.stringify({ epoch: 9, map: mine }));
    await stage.calm();
    expect((await lock(stage.other, `${root}/locks/p0`).contenders()).length).toBe(1);
    await held.release();
    await stage.calm();
    expect([...a.has.keys()].sort()).toEqual(parts.slice(1));
    await end(a);
  });
});

describe('a part whose lock is deleted', () => {
  it('is lost for its member, and taken again because the map says so', async () => {
    const a = new Member(stage.zk, 'a');
    await stage.calm();
    const { signal, lock: held } = a.has.get('p3')!;
    a.log.length = 0;
    await stage.other.delete(held.path);
    await stage.calm();
    expect([a.log, signal.aborted]).toEqual([['-p3', '+p3'], true]);
    expect(a.has.get('p3')!.signal.aborted).toBe(false);
    await end(a);
  });

  it('ends the loop when it may not be taken at all', async () => {
    stage.server.faults.inject({ path: `${root}/locks/p2/*`, op: 'write', times: Infinity, do: { error: 'NoAuth' } });
    const a = new Member(stage.zk, 'a');
    await stage.calm();
    expect(ZkError.is(await stage.until(a.end), 'NoAuth')).toBe(true);
  });
});

describe('the map', () => {
  it('is written once for members that come one soon after the other, and once more for each change', async () => {
    const a = new Member(stage.zk, 'a', 5000);
    await stage.server.clock.advance('3s');
    expect(stage.text(`${root}/assign`)).toBeNull();
    const b = new Member(stage.other, 'b', 5000);
    await stage.calm();
    expect(assigned()).toEqual({ epoch: 1, map: rendezvous(parts, ['a', 'b']) });
    await end(b);
    await stage.calm();
    expect(assigned()).toEqual({ epoch: 2, map: rendezvous(parts, ['a']) });
    await end(a);
  });

  it('is not written by a coordinator that is one no longer', async () => {
    const a = new Member(stage.zk, 'a');
    await stage.calm();
    const [coordinator] = coordinatorsOf(stage.zk);
    const newer = { epoch: 7, map: rendezvous(parts, ['a', 'b']) };
    stage.server.faults.inject({
      session: stage.zk.session!.id,
      op: 'set',
      path: `${root}/assign`,
      do: async () => {
        await stage.other.delete(coordinator);
        await stage.other.set(`${root}/assign`, JSON.stringify(newer));
      },
    });
    const b = new Member(stage.other, 'b');
    await stage.calm();
    expect(assigned()).toEqual(newer);
    // Who lost the office stands for it again.
    expect([coordinatorsOf(stage.zk).length, coordinatorsOf(stage.other).length]).toEqual([1, 1]);
    await end(a, b);
  });
});
