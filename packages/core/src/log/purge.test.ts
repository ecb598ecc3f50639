import fc from 'fast-check';
import type { Zxid } from '@corral/protocol';
import { expect, test } from 'vitest';
import { logsAfter } from './file-names.ts';
import type { NamedFile } from './file-names.ts';
import { decidePurge } from './purge.ts';

const logs = (...zxids: number[]): NamedFile[] => zxids.map((zxid) => ({ name: `log.${zxid}`, zxid: zxid as Zxid }));
const snapshots = (...zxids: number[]): (NamedFile & { valid: boolean })[] =>
  zxids.map((zxid) => ({ name: `snapshot.${Math.abs(zxid)}`, zxid: Math.abs(zxid) as Zxid, valid: zxid >= 0 }));

test('the newest snapshots stay, and the logs from the oldest of them on', () => {
  const decision = decidePurge({ snapshots: snapshots(0, 10, 20, 30), logs: logs(1, 11, 18, 25, 31), keep: 2 });
  // log.18 holds what follows snapshot 20.
  expect(decision).toEqual({ snapshots: ['snapshot.0', 'snapshot.10'], logs: ['log.1', 'log.11'] });
});

test('a snapshot that does not verify never counts as one that is kept', () => {
  const decision = decidePurge({ snapshots: snapshots(0, 10, 20, -30), logs: logs(1, 5, 21, 31), keep: 2 });
  expect(decision).toEqual({ snapshots: ['snapshot.0'], logs: ['log.1'] });
});

test('with too few good ones nothing is deleted', () => {
  expect(decidePurge({ snapshots: snapshots(0, -10, -20), logs: logs(1, 11), keep: 2 })).toEqual({
    snapshots: [],
    logs: [],
  });
  expect(decidePurge({ snapshots: [], logs: logs(1), keep: 3 })).toEqual({ snapshots: [], logs: [] });
});

test('every log that any kept good snapshot needs is kept', () => {
  const zxids = fc.uniqueArray(fc.nat(50), { maxLength: 10 }).map((list) => list.sort((a, b) => a - b));
  fc.assert(
    fc.property(zxids, zxids, fc.infiniteStream(fc.boolean()), fc.integer({ min: 1, max: 4 }), (s, l, good, keep) => {
      const all = s.map((zxid) => ({ ...snapshots(zxid)[0], valid: good.next().value === true }));
      const decision = decidePurge({ snapshots: all, logs: logs(...l), keep });
      const left = all.filter((snapshot) => snapshot.valid && !decision.snapshots.includes(snapshot.name));
      expect(left.length).toBeGreaterThanOrEqual(Math.min(keep, all.filter((snapshot) => snapshot.valid).length));
      for (const { zxid } of left) {
        for (const needed of logsAfter(logs(...l), zxid)) expect(decision.logs).not.toContain(needed.name);
      }
    }),
  );
});
