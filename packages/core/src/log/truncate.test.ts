import type { Zxid } from '@corral/protocol';
import { beforeEach, expect, test } from 'vitest';
import { recover } from './recovery.ts';
import type { RecoveryTarget } from './recovery.ts';
import { MemoryFiles } from './testing/memory-files.ts';
import { history, logOf, snapshotOf } from './testing/sample.ts';
import { truncateHistory } from './truncate.ts';

const dirs = { snapDir: 'data', logDir: 'data' };
const nothing: RecoveryTarget = {
  session: () => undefined,
  acl: () => undefined,
  node: () => undefined,
  snapshotDone: () => undefined,
  txn: () => undefined,
};
const lastZxid = (files: MemoryFiles): number => recover(files, dirs, () => nothing).lastZxid;

let files: MemoryFiles;
beforeEach(() => {
  files = new MemoryFiles();
  for (const zxid of [0, 4, 9]) files.writeDurably(`data/snapshot.${zxid}`, snapshotOf(zxid, []));
  files.writeDurably('data/log.1', logOf(history(5)));
  files.writeDurably('data/log.6', logOf(history(8).slice(5)));
  files.writeDurably('data/log.9', logOf(history(12).slice(8), 100));
});

test('the history ends where it is cut, and no snapshot beyond is left', () => {
  for (const zxid of [12, 11, 9, 8, 7, 5, 4, 3, 1]) {
    truncateHistory(files, dirs, zxid as Zxid);
    expect(lastZxid(files)).toBe(zxid);
  }
  expect(files.list('data').sort()).toEqual(['log.1', 'snapshot.0']);
});

test('a state that only a snapshot holds can be kept', () => {
  files.remove('data/log.6');
  files.remove('data/log.1');
  truncateHistory(files, dirs, 9 as Zxid);
  expect(lastZxid(files)).toBe(9);
});

test('cut behind a zxid that is not part of the history, it ends at the transaction before', () => {
  truncateHistory(files, dirs, 0x100000001 as Zxid);
  expect(lastZxid(files)).toBe(12);
  files.remove('data/log.9');
  files.writeDurably('data/log.100000001', logOf(history(2, 1), 100));
  truncateHistory(files, dirs, 12 as Zxid);
  expect(lastZxid(files)).toBe(9);
});

test('nothing is touched when no snapshot would be left', () => {
  files.remove('data/snapshot.0');
  const before = new Map(files.content);
  truncateHistory(files, dirs, 3 as Zxid);
  expect(files.content).toEqual(before);
});

test('interrupted after any step, a whole history is left', () => {
  for (let steps = 0; steps < 6; steps++) {
    const disk = new MemoryFiles();
    for (const [path, bytes] of files.content) disk.content.set(path, bytes);
    let left = steps;
    const step = (): void => {
      if (left-- === 0) throw new Error('power failure');
    };
    const failing = Object.create(disk) as MemoryFiles;
    failing.remove = (path) => (step(), disk.remove(path));
    failing.truncate = (path, size) => (step(), disk.truncate(path, size));
    for (const name of ['list', 'size', 'read'] as const) Object.assign(failing, { [name]: disk[name].bind(disk) });
    try {
      truncateHistory(failing, dirs, 3 as Zxid);
    } catch (error) {
      expect(error).toEqual(new Error('power failure'));
    }
    expect(lastZxid(disk)).toBeGreaterThanOrEqual(3);
  }
});
