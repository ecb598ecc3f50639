import { zxidOf } from '@corral/protocol';
import type { Zxid } from '@corral/protocol';
import { expect, test } from 'vitest';
import { History, follows, isEpochStart } from './history.ts';
import { planSync } from './synchronisation.ts';

const payload = (): Uint8Array => new Uint8Array(10);

/** A history of transactions written as epoch.counter, behind `base`. */
function historyOf(base: Zxid, ...zxids: Zxid[]): History {
  const history = new History({ entries: 3, bytes: 1000 }, base);
  for (const zxid of zxids) history.append({ zxid, payload: payload() });
  return history;
}

const z = zxidOf;

test('zxids are dense inside an epoch and an epoch starts at one', () => {
  expect(follows(z(1, 2), z(1, 1))).toBe(true);
  expect(follows(z(1, 3), z(1, 1))).toBe(false);
  expect(follows(z(2, 1), z(1, 7))).toBe(true);
  expect(follows(z(2, 2), z(1, 7))).toBe(false);
  expect(follows(z(1, 1), z(2, 1))).toBe(false);
  expect(follows(z(0, 1), z(0, 0))).toBe(true);
  expect(isEpochStart(z(3, 0)) && !isEpochStart(z(3, 1))).toBe(true);
});

test('a hole or a step back is never appended', () => {
  const history = historyOf(z(1, 0), z(1, 1));
  expect(() => history.append({ zxid: z(1, 3), payload: payload() })).toThrow('does not follow');
  expect(() => history.append({ zxid: z(1, 1), payload: payload() })).toThrow('does not follow');
  expect(history.last).toBe(z(1, 1));
});

test('old decided entries are forgotten, undecided and needed ones never', () => {
  const history = historyOf(z(1, 0), z(1, 1), z(1, 2), z(1, 3), z(1, 4), z(1, 5));
  history.trim(z(1, 5));
  expect([history.base, history.length]).toEqual([z(1, 0), 5]);
  history.committed = z(1, 4);
  history.trim(z(1, 1));
  expect([history.base, history.length]).toEqual([z(1, 1), 4]);
  history.trim(z(1, 4));
  expect([history.base, history.length, history.at(0)?.zxid]).toEqual([z(1, 2), 3, z(1, 3)]);
});

test('cutting drops the tail', () => {
  const history = historyOf(z(1, 0), z(1, 1), z(1, 2), z(1, 3));
  history.cut(z(1, 1));
  expect([history.last, history.length]).toEqual([z(1, 1), 1]);
  history.append({ zxid: z(2, 1), payload: payload() });
  expect(history.continues(z(1, 1)) && !history.continues(z(1, 2))).toBe(true);
  history.cut(z(1, 0));
  expect([history.last, history.length]).toEqual([z(1, 0), 0]);
});

test('many entries come and go without the array growing for ever', () => {
  const history = historyOf(z(1, 0));
  for (let n = 1; n <= 5000; n++) {
    history.append({ zxid: z(1, n), payload: payload() });
    history.committed = z(1, n);
    history.trim(z(1, n));
  }
  expect([history.length, history.base, history.at(2)?.zxid, history.at(3), history.at(-1)]).toEqual([
    3,
    z(1, 4997),
    z(1, 5000),
    undefined,
    undefined,
  ]);
  expect(history.indexAfter(z(1, 4998))).toBe(1);
});

const window = (): History => historyOf(z(1, 4), z(1, 5), z(1, 6), z(3, 1), z(3, 2));

test.each([
  ['its end is ours', z(3, 2), { kind: 'DIFF', after: z(3, 2) }],
  ['its end is in the window', z(1, 6), { kind: 'DIFF', after: z(1, 6) }],
  ['its end is right before the window', z(1, 4), { kind: 'DIFF', after: z(1, 4) }],
  ['its end is before the window', z(1, 3), { kind: 'SNAP' }],
  ['it has nothing', z(0, 0), { kind: 'SNAP' }],
  ['it cannot say what it has', -1, { kind: 'SNAP' }],
  ['it has a tail of an old epoch between two of ours', z(1, 7), { kind: 'SNAP' }],
  ['it has a tail of an epoch we know nothing of', z(2, 1), { kind: 'SNAP' }],
  ['it stands where an epoch begins, inside the window', z(3, 0), { kind: 'DIFF', after: z(3, 0) }],
  ['it stands where a later epoch begins', z(4, 0), { kind: 'SNAP' }],
  ['it has a tail of the last epoch', z(3, 9), { kind: 'TRUNC', to: z(3, 2) }],
  ['it has a tail of a later epoch, so its history may differ before', z(4, 1), { kind: 'SNAP' }],
])('synchronisation when %s', (_, last, plan) => {
  expect(planSync(window(), last, z(3, 2))).toEqual(plan);
});

test.each([
  ['what it has is decided', z(1, 6), { kind: 'DIFF', after: z(1, 6) }],
  ['it ends where the decided history ends', z(3, 1), { kind: 'DIFF', after: z(3, 1) }],
  ['it has a proposal of this leader that is not decided', z(3, 2), { kind: 'TRUNC', to: z(3, 1) }],
  ['it has more of this epoch than this leader', z(3, 9), { kind: 'TRUNC', to: z(3, 1) }],
])('synchronisation while a proposal is in the balance when %s', (_, last, plan) => {
  expect(planSync(window(), last, z(3, 1))).toEqual(plan);
});

test('the first proposals of an epoch, not decided, are taken from a learner that comes back with them', () => {
  expect(planSync(window(), z(3, 2), z(1, 6))).toEqual({ kind: 'TRUNC', to: z(1, 6) });
  expect(planSync(window(), z(1, 9), z(1, 6))).toEqual({ kind: 'TRUNC', to: z(1, 6) });
  expect(planSync(window(), z(2, 9), z(1, 6))).toEqual({ kind: 'SNAP' });
});

test('two servers with nothing need nothing', () => {
  expect(planSync(historyOf(z(0, 0)), z(0, 0), z(0, 0))).toEqual({ kind: 'DIFF', after: 0 });
});
