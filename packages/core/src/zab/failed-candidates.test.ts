import { expect, test } from 'vitest';
import { FailedCandidates } from './failed-candidates.ts';

test('a candidate that cannot be reached rests twice as long each time, up to half a minute', () => {
  const failed = new FailedCandidates();
  const rests: number[] = [];
  for (let i = 0; i < 6; i++) {
    failed.unreachable(5, 0, 0);
    let now = 0;
    while (failed.isPassedOver(5, now)) now += 1000;
    rests.push(now / 1000);
  }
  expect(rests).toEqual([3, 6, 12, 24, 30, 30]);
  expect(failed.isPassedOver(4, 0)).toBe(false);
});

test('it rests at least as long as it has cost', () => {
  const failed = new FailedCandidates();
  failed.unreachable(5, 8000, 0);
  expect([failed.isPassedOver(5, 7999), failed.isPassedOver(5, 8000)]).toEqual([true, false]);
});

test('one that was reached and did not lead gets a second chance at once', () => {
  const failed = new FailedCandidates();
  failed.unused(5, 4000, 0);
  expect(failed.isPassedOver(5, 0)).toBe(false);
  failed.unused(5, 4000, 0);
  expect([failed.isPassedOver(5, 7999), failed.isPassedOver(5, 8000)]).toEqual([true, false]);
});

test('more votes bring back a candidate that found no quorum, and not one that cannot be reached', () => {
  const failed = new FailedCandidates();
  failed.notElected(4, 0, 0);
  failed.unreachable(5, 0, 0);
  expect([failed.isOutOfReach(4, 1), failed.isOutOfReach(5, 1), failed.isOutOfReach(5, 3000)]).toEqual([
    false,
    true,
    false,
  ]);
  failed.forgive(4, 1);
  failed.forgive(3, 1);
  expect([failed.isPassedOver(4, 1), failed.isPassedOver(3, 1)]).toEqual([false, false]);
  failed.notElected(4, 0, 1);
  expect(failed.isPassedOver(4, 6000)).toBe(true);
});

test('hearsay elects until two winners were out of reach or a vote was split, and again under a new leader', () => {
  const failed = new FailedCandidates();
  failed.unreachable(5, 0, 0);
  expect(failed.hearsayElects).toBe(true);
  failed.unreachable(4, 0, 0);
  expect(failed.hearsayElects).toBe(false);
  failed.clear();
  expect([failed.hearsayElects, failed.isPassedOver(5, 0)]).toEqual([true, false]);
  failed.notElected(3, 0, 0);
  expect(failed.hearsayElects).toBe(false);
});
