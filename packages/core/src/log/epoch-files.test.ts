import { encodeText, zxidOf } from '@corral/protocol';
import { beforeEach, expect, test } from 'vitest';
import { restoreEpochs } from './epoch-files.ts';
import type { EpochNumbers } from './epoch-files.ts';
import { RecoveryRefused } from './recovery-refused.ts';
import { MemoryFiles } from './testing/memory-files.ts';

const dir = 'data';
let files: MemoryFiles;
beforeEach(() => {
  files = new MemoryFiles();
});
const put = (name: string, text: string): Map<string, Uint8Array> =>
  files.content.set(`${dir}/${name}`, encodeText(text));
const restore = (epoch: number, counter: number, isEmpty = false): EpochNumbers =>
  restoreEpochs(files, dir, zxidOf(epoch, counter), isEmpty);

test('what is read is made durable, for the next thing said rests on it', () => {
  put('acceptedEpoch', '7');
  put('currentEpoch', '6');
  expect(restore(6, 3)).toMatchObject({ accepted: 7, current: 6, isUnknown: false });
  expect([...files.synced].sort()).toEqual([dir, `${dir}/acceptedEpoch`, `${dir}/currentEpoch`]);
});

test('data that was never a member of an ensemble counts from the epoch of its last transaction, from now on', () => {
  expect(restore(3, 9)).toMatchObject({ accepted: 3, current: 3, isUnknown: false });
  put('acceptedEpoch', '4');
  expect(restore(3, 9)).toMatchObject({ accepted: 4, current: 3, isUnknown: false });
});

test('a server that stopped in its first synchronisation has no vote, however much of the history it got', () => {
  expect(restore(0, 0, true)).toMatchObject({ accepted: 0, current: 0, isUnknown: true });
  expect(files.list(dir)).toEqual([]);
  put('acceptedEpoch', '1');
  expect(restore(0, 0, true)).toMatchObject({ accepted: 1, current: 0, isUnknown: true });
  expect(restore(1, 4)).toMatchObject({ accepted: 1, current: 0, isUnknown: true });
  put('currentEpoch', '1');
  expect(restore(1, 4)).toMatchObject({ accepted: 1, current: 1, isUnknown: false });
});

test('without its history a server has no vote, whatever epochs it knows', () => {
  put('acceptedEpoch', '3');
  put('currentEpoch', '3');
  expect(restore(0, 0, true)).toMatchObject({ accepted: 3, current: 3, isUnknown: true });
});

test('a current epoch below the last transaction is an interrupted synchronisation, and kept', () => {
  put('acceptedEpoch', '5');
  put('currentEpoch', '3');
  expect(restore(5, 2)).toMatchObject({ accepted: 5, current: 3, isUnknown: false });
});

test('an accepted epoch below what the server knows is a lost promise', () => {
  put('acceptedEpoch', '3');
  put('currentEpoch', '4');
  expect(() => restore(3, 1)).toThrow(RecoveryRefused);
  put('currentEpoch', '3');
  expect(() => restore(4, 1)).toThrow(/below epoch 4 of the last transaction/);
});

test('a file that holds no epoch is refused', () => {
  for (const text of ['', '-1', 'seven', '99999999999', '2097152']) {
    put('acceptedEpoch', text);
    expect(() => restore(0, 0), JSON.stringify(text)).toThrow(/is no epoch/);
  }
});
