import { zxidOf } from '@corral/protocol';
import { expect, test } from 'vitest';
import { Discovery, epochStepMax, isAhead } from './discovery.ts';

const twoOfThree = (has: (sid: number) => boolean): boolean => [1, 2, 3].filter((sid) => has(sid)).length >= 2;

test('the new epoch is beyond every promise of a quorum', () => {
  const discovery = new Discovery(1, 4, twoOfThree);
  expect(discovery.followerInfo(1, 4)).toBe(false);
  expect(discovery.followerInfo(3, 9)).toBe(true);
  expect(discovery.epoch).toBe(10);
  expect(discovery.followerInfo(2, 20)).toBe(false);
  expect(discovery.epoch).toBe(10);
});

test('a server that has gone before the epoch was fixed does not count', () => {
  const discovery = new Discovery(1, 0, (has) => [1, 2, 3, 4, 5].filter((sid) => has(sid)).length >= 3);
  discovery.followerInfo(2, 0);
  discovery.lost(2, false, false);
  expect(discovery.followerInfo(3, 0)).toBe(false);
  expect(discovery.followerInfo(2, 0)).toBe(true);
});

test('the phase is over once, when a quorum has promised', () => {
  const discovery = new Discovery(1, 0, twoOfThree);
  discovery.followerInfo(2, 0);
  expect(discovery.isPromised).toBe(false);
  expect([discovery.ackEpoch(2), discovery.ackEpoch(3), discovery.isPromised]).toEqual([true, false, true]);
});

test('an absurd epoch is not believed: the ensemble would use up its epochs', () => {
  const discovery = new Discovery(1, 7, twoOfThree);
  expect(discovery.isPlausible(7 + epochStepMax)).toBe(true);
  expect(discovery.isPlausible(8 + epochStepMax)).toBe(false);
  expect(discovery.isPlausible(-1)).toBe(false);
});

test('a history is ahead by its epoch first, then by its end', () => {
  expect(isAhead(2, zxidOf(1, 1), 1, zxidOf(1, 5))).toBe(true);
  expect(isAhead(1, zxidOf(1, 6), 1, zxidOf(1, 5))).toBe(true);
  expect(isAhead(1, zxidOf(1, 5), 1, zxidOf(1, 5))).toBe(false);
  expect(isAhead(0, zxidOf(1, 6), 1, zxidOf(1, 5))).toBe(false);
});
