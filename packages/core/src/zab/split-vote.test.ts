import type { Notification } from '@corral/protocol';
import { expect, test } from 'vitest';
import { configOf } from './testing/election-world.ts';
import { looks, open } from './testing/one-election.ts';
import type { Setting } from './testing/one-election.ts';

/** A server of five has heard these votes at 1 ms; from 2001 ms on they are a split vote. */
function split(setting: Setting, votes: readonly [from: number, vote: Notification][]) {
  const opened = open({ sid: 1, config: configOf(5), ...setting });
  const { election, take } = opened;
  election.look(0);
  for (const [from, vote] of votes) election.receive(from, vote, 1);
  take();
  election.tick(2000);
  take();
  const attempt = (now: number): string[] => {
    election.tick(now);
    return take().filter((line) => line.startsWith('2:'));
  };
  return { ...opened, attempt };
}

test('whose vote alone is missing to another candidate gives up its own, in a new round', () => {
  const { election, attempt, take } = split({}, [
    [2, looks(3)],
    [3, looks(3)],
    [5, looks(5)],
  ]);
  expect(attempt(2000)).toEqual([]);
  expect(attempt(2001)).toContain('2: looking 1/100 2');
  election.receive(5, looks(5, 100, 2), 2002);
  election.receive(2, looks(3, 100, 2), 2002);
  expect(take()).toEqual([]);
  election.receive(3, looks(3, 100, 2), 2003);
  expect(take()[0]).toBe('2: looking 3/100 2');
});

test('so does one that votes for itself, unless it has the longer history', () => {
  const votes: [number, Notification][] = [
    [2, looks(3)],
    [3, looks(3)],
  ];
  const { election, attempt, take } = split({ sid: 4 }, votes);
  expect(attempt(2001)).toContain('2: looking 4/100 2');
  election.receive(3, looks(3, 100, 2), 2002);
  expect(take()[0]).toBe('1: looking 3/100 2');
  const longer = split({ sid: 4, zxid: 101 }, votes);
  expect(longer.attempt(2001).some((line) => line.endsWith(' 2'))).toBe(false);
});

test('a candidate that could not be reached is not helped, however many vote for it', () => {
  const { election, take } = open({ sid: 4, config: configOf(5) });
  election.look(0);
  election.didNotLead(3, false, 60_000, 0);
  for (const from of [2, 3]) election.receive(from, looks(3), 1);
  take();
  for (const now of [2001, 4001, 6001]) election.tick(now);
  expect(election.round).toBe(1);
});

test('when nobody alone can end a split vote, one server after the other gives up its candidate', () => {
  const votes: [number, Notification][] = [
    [2, looks(2)],
    [3, looks(4)],
    [5, looks(5)],
  ];
  const turns = [1, 3].map((sid) => {
    const { election } = split({ sid }, votes);
    const rounds = [2001, 4001, 6001, 8001, 10_001].map((now) => (election.tick(now), election.round));
    return rounds.indexOf(2);
  });
  expect(turns).toEqual([1, 3]);
});
