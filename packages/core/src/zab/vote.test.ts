import type { ElectionState, Zxid } from '@corral/protocol';
import { expect, test } from 'vitest';
import { isBetter, isEqualVote } from './vote.ts';
import type { HeardVote } from './vote.ts';

const vote = (leader: number, zxid: number, peerEpoch: number, round = 1): HeardVote => {
  return { leader, zxid: zxid as Zxid, peerEpoch, round, state: 'looking', version: 2 };
};
const as = (state: ElectionState, of: HeardVote, version = 2): HeardVote => ({ ...of, state, version });
const one = (): number => 1;

test('votes are ordered by epoch, then zxid, then server id; the round does not matter', () => {
  const ascending = [vote(9, 9, 1, 9), vote(1, 1, 2), vote(2, 1, 2), vote(1, 2, 2, 0), vote(1, 0, 3)];
  ascending.forEach((a, i) => ascending.forEach((b, j) => expect([i, j, isBetter(a, b, one)]).toEqual([i, j, i > j])));
});

test('any candidate with weight is better than none, and one without weight never wins', () => {
  expect(isBetter(vote(1, 0, 0), undefined, one)).toBe(true);
  const weight = (sid: number): number => (sid === 3 ? 0 : 1);
  expect(isBetter(vote(3, 9, 9), undefined, weight)).toBe(false);
  expect(isBetter(vote(3, 9, 9), vote(1, 0, 0), weight)).toBe(false);
});

test('looking votes are equal in all numbers, the others in leader and epoch', () => {
  const base = vote(3, 10, 2, 4);
  for (const other of [vote(2, 10, 2, 4), vote(3, 11, 2, 4), vote(3, 10, 1, 4), vote(3, 10, 2, 5)]) {
    expect(isEqualVote(base, other)).toBe(false);
    expect(isEqualVote(base, as('following', other))).toBe(false);
  }
  expect(isEqualVote(base, as('leading', base))).toBe(true);
  const following = as('following', base);
  expect(isEqualVote(following, as('leading', vote(3, 99, 2, 7)))).toBe(true);
  expect(isEqualVote(following, as('leading', vote(3, 10, 3, 4)))).toBe(false);
  expect(isEqualVote(following, as('leading', vote(2, 10, 2, 4)))).toBe(false);
});

test('the votes of old releases are compared by leader alone', () => {
  const old = as('following', vote(3, 1, 1), 0);
  expect(isEqualVote(old, as('leading', vote(3, 2, 2)))).toBe(true);
  expect(isEqualVote(old, as('following', vote(3, 1, 2), 0))).toBe(false);
});
