import type { SessionId } from '@corral/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SessionTable } from './session-table.ts';

const id = (n: number): SessionId => BigInt(n) as SessionId;
const ids = (table: SessionTable): number[] => table.expire().map((session) => Number(session.id));

/** Advances in half ticks, as a host does that is not late. */
function pass(table: SessionTable, from: number, to: number): number[] {
  const expired: number[] = [];
  for (let now = from; now < to;) {
    now = Math.min(now + 500, to);
    table.observe(now);
    expired.push(...ids(table));
  }
  return expired;
}

describe('a session', () => {
  test('ends between its timeout and one tick later', () => {
    const table = new SessionTable(1000);
    table.observe(0);
    table.add(id(1), 2500);
    expect(pass(table, 0, 2500)).toEqual([]);
    expect(pass(table, 2500, 3000)).toEqual([1]);
  });

  test('that is touched lives on from there', () => {
    const table = new SessionTable(1000);
    table.observe(0);
    const session = table.add(id(1), 2000);
    for (let now = 0; now < 60_000; now += 1900) {
      table.touch(session);
      expect(pass(table, now, now + 1900)).toEqual([]);
    }
    expect(pass(table, 60_800, 64_000)).toEqual([1]);
  });

  test('that came back with a shorter timeout ends by that one', () => {
    const table = new SessionTable(1000);
    table.observe(0);
    table.add(id(1), 40_000);
    table.add(id(1), 2000);
    expect(pass(table, 0, 3000)).toEqual([1]);
  });

  test('that came back with a longer timeout ends by that one', () => {
    const table = new SessionTable(1000);
    table.observe(0);
    table.add(id(1), 2000);
    table.add(id(1), 10_000);
    expect(pass(table, 0, 10_000)).toEqual([]);
    expect(pass(table, 10_000, 11_000)).toEqual([1]);
  });

  test('expires once, stays in the table until it is removed, and is closing meanwhile', () => {
    const table = new SessionTable(1000);
    table.observe(0);
    table.add(id(1), 2000);
    pass(table, 0, 5000);
    expect(table.get(id(1))?.closing).toBe(true);
    expect(pass(table, 5000, 9000)).toEqual([]);
    table.remove(id(1));
    expect(table.get(id(1))).toBeUndefined();
    expect(table.size).toBe(0);
  });

  test('that is closing by itself does not expire as well', () => {
    const table = new SessionTable(1000);
    table.observe(0);
    table.add(id(1), 2000).closing = true;
    expect(pass(table, 0, 9000)).toEqual([]);
  });
});

describe('a session whose end was begun and never decided', () => {
  const begun = {
    'its time was up': (table: SessionTable) => pass(table, 0, 3000),
    'its client said so': (table: SessionTable) => (table.get(id(1))!.closing = true),
    'its client said so, and then its time was up': (table: SessionTable) => {
      table.get(id(1))!.closing = true;
      pass(table, 0, 6000);
    },
  };

  test.each(Object.entries(begun))('ends in the next term of the same server: %s', (_, begin) => {
    const table = new SessionTable(1000);
    table.observe(0);
    table.add(id(1), 2000).persisted = true;
    begin(table);
    table.restart();
    table.observe(0); // the next time is counted from here
    expect(pass(table, 0, 2000)).toEqual([]);
    expect(pass(table, 2000, 4000)).toEqual([1]);
  });

  test('has its full time again when its client comes back in the next term', () => {
    const table = new SessionTable(1000);
    table.observe(0);
    table.add(id(1), 2000).persisted = true;
    pass(table, 0, 3000);
    table.restart();
    table.touch(table.get(id(1))!);
    expect(pass(table, 3000, 5000)).toEqual([]);
    expect(pass(table, 5000, 6000)).toEqual([1]);
  });
});

describe('a pause of the process', () => {
  test('counts as one tick, however long it was (A42)', () => {
    const table = new SessionTable(1000);
    table.observe(0);
    table.add(id(1), 4000);
    table.observe(3_600_000);
    expect(ids(table)).toEqual([]);
    expect(table.clock).toBe(1000);
    expect(pass(table, 3_600_000, 3_603_000)).toEqual([]);
    expect(pass(table, 3_603_000, 3_604_000)).toEqual([1]);
  });

  test('and a clock that goes backwards does not end anything', () => {
    const table = new SessionTable(1000);
    table.observe(1_000_000);
    table.add(id(1), 2000);
    table.observe(0);
    expect(table.clock).toBe(0);
    expect(ids(table)).toEqual([]);
  });
});

test('sessions are shown by the moment they would end at', () => {
  const table = new SessionTable(1000);
  table.observe(0);
  table.add(id(1), 4000);
  table.add(id(2), 2000);
  table.add(id(3), 4999);
  expect(table.buckets()).toEqual([
    { at: 3000, sessions: [2n] },
    { at: 5000, sessions: [1n, 3n] },
  ]);
});

type Step =
  | { readonly kind: 'add'; readonly id: number; readonly timeout: number }
  | { readonly kind: 'touch' | 'remove'; readonly id: number }
  | { readonly kind: 'pass'; readonly ms: number };
const someId = fc.integer({ min: 1, max: 6 });
const someStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('add' as const), id: someId, timeout: fc.integer({ min: 1, max: 9000 }) }),
  fc.record({ kind: fc.constantFrom('touch' as const, 'remove' as const), id: someId }),
  { arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 1400 }) }), weight: 3 },
);

test('whatever happens, a session expires exactly when the tick after its deadline is reached', () => {
  fc.assert(
    fc.property(fc.array(someStep, { maxLength: 60 }), (steps) => {
      const table = new SessionTable(1000);
      const ends = new Map<number, { timeout: number; at: number }>();
      let now = 0;
      table.observe(now);
      for (const step of steps) {
        if (step.kind === 'pass') {
          table.observe((now += step.ms));
          const due = [...ends].filter(([, { at }]) => at <= now).map(([key]) => key);
          expect(ids(table).sort()).toEqual(due.sort());
          for (const key of due) {
            ends.delete(key);
            table.remove(id(key));
          }
          continue;
        }
        const known = ends.get(step.id);
        if (step.kind === 'remove') {
          table.remove(id(step.id));
          ends.delete(step.id);
          continue;
        }
        const timeout = step.kind === 'add' ? step.timeout : known?.timeout;
        if (timeout === undefined) continue;
        if (step.kind === 'add') table.add(id(step.id), timeout);
        else table.touch(table.get(id(step.id))!);
        ends.set(step.id, { timeout, at: (Math.floor((now + timeout) / 1000) + 1) * 1000 });
      }
      expect(table.size).toBe(ends.size);
    }),
    { numRuns: 300 },
  );
});
