import { parseEnsembleConfig } from '@corral/protocol';
import type { EnsembleConfig } from '@corral/protocol';
import { expect, test } from 'vitest';
import { QuorumVerifier, Quorums } from './quorum.ts';
import { configOf, memberLine } from './testing/election-world.ts';

const groupsOf = (sids: readonly number[], ...lines: string[]): EnsembleConfig =>
  parseEnsembleConfig([...sids.map((sid) => memberLine(sid)), ...lines].join('\n'));

/** Every subset of the voters that is a quorum. */
function quorumsOf(verifier: { isQuorum(set: ReadonlySet<number>): boolean }, sids: readonly number[]): string[] {
  const found: string[] = [];
  for (let bits = 0; bits < 1 << sids.length; bits++) {
    const subset = sids.filter((_, i) => (bits & (1 << i)) !== 0);
    if (verifier.isQuorum(new Set(subset))) found.push(subset.join(''));
  }
  return found;
}

test('a majority is more than half of the voters; observers and strangers do not count', () => {
  const verifier = new QuorumVerifier(configOf(3, 2));
  expect([verifier.voters, verifier.observers]).toEqual([
    [1, 2, 3],
    [4, 5],
  ]);
  expect(quorumsOf(verifier, [1, 2, 3])).toEqual(['12', '13', '23', '123']);
  expect(verifier.isQuorum(new Set([1, 4, 5, 99]))).toBe(false);
  expect(verifier.isQuorum((sid) => sid > 1)).toBe(true);
  expect(new QuorumVerifier(configOf(4)).isQuorum(new Set([1, 2]))).toBe(false);
  expect(new QuorumVerifier(configOf(1)).isQuorum(new Set([1]))).toBe(true);
});

test('everyone who may vote weighs the same where there are no groups', () => {
  const verifier = new QuorumVerifier(configOf(3, 1));
  expect([1, 3, 4, 99].map((sid) => verifier.weight(sid))).toEqual([1, 1, 0, 0]);
});

test('groups: more than half of them, each by more than half of its weight', () => {
  const config = groupsOf([1, 2, 3, 4, 5, 6, 7, 8, 9], 'group.1=1:2:3', 'group.2=4:5:6', 'group.3=7:8:9', 'weight.4=3');
  const verifier = new QuorumVerifier(config);
  const isQuorum = (...sids: number[]): boolean => verifier.isQuorum(new Set(sids));
  expect(isQuorum(1, 2, 4)).toBe(true);
  expect(isQuorum(1, 2, 5, 6)).toBe(false);
  expect(isQuorum(1, 2, 3, 4)).toBe(true);
  expect(isQuorum(1, 4, 7)).toBe(false);
  expect(isQuorum(1, 2, 7, 9)).toBe(true);
  expect(isQuorum(1, 2, 3)).toBe(false);
  expect([verifier.weight(4), verifier.weight(5), verifier.weight(99)]).toEqual([3, 1, 0]);
});

test('servers and groups without weight decide nothing', () => {
  const config = groupsOf([1, 2, 3, 4], 'group.1=1:2:3', 'group.2=4', 'weight.3=0', 'weight.4=0');
  const verifier = new QuorumVerifier(config);
  expect(quorumsOf(verifier, [1, 2, 3, 4])).toEqual(['12', '123', '124', '1234']);
  expect([verifier.weight(3), verifier.weight(4)]).toEqual([0, 0]);
  const nobody = new QuorumVerifier(groupsOf([1, 2], 'group.1=1:2', 'weight.1=0', 'weight.2=0'));
  expect(nobody.isQuorum(new Set([1, 2]))).toBe(false);
});

test('during a reconfiguration a quorum is needed in both configurations', () => {
  const next = parseEnsembleConfig([3, 4, 5].map((sid) => memberLine(sid)).join('\n') + '\nversion=5');
  const quorums = new Quorums(configOf(3, 1), next);
  expect(quorums.voters).toEqual([1, 2, 3, 4, 5]);
  expect(quorumsOf(quorums, [1, 2, 3, 4, 5])).toEqual('134 234 1234 135 235 1235 1245 1345 2345 12345'.split(' '));
  expect([quorums.isVoter(4), quorums.isVoter(1), quorums.isVoter(9)]).toEqual([true, true, false]);
  expect([quorums.knows(4), quorums.knows(9)]).toEqual([true, false]);
  expect([quorums.member(4)?.role, quorums.member(5)?.role]).toEqual(['observer', 'participant']);
  expect([1, 4, 9].map((sid) => quorums.weight(sid))).toEqual([1, 1, 0]);
  expect(quorums.newest.version).toBe(5);
});

test('a last-seen configuration that is not newer counts for nothing', () => {
  expect(new Quorums(configOf(3, 0, 5), configOf(5, 0, 5)).lastSeen).toBeUndefined();
  expect(new Quorums(configOf(3)).newest.version).toBe(0);
});
