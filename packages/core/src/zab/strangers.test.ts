// Anybody who reaches the ports between members can say anything there. What must hold: a leader that has its quorum goes
// on leading, followers go on following, elections come to an end, epochs stay few, and nothing a stranger says is written.

import { packetTypes } from '@corral/protocol';
import { describe, expect, test } from 'vitest';
import { MemoryCluster, tickMs } from '../testing/memory-cluster.ts';
import type { ClusterNode } from '../testing/memory-cluster.ts';
import { admissionLimits } from './admission.ts';
import { EpochClaims } from './epoch-claims.ts';
import { Stranger } from './testing/stranger.ts';

const initLimitMs = 10 * tickMs;

interface World {
  readonly cluster: MemoryCluster;
  readonly leader: ClusterNode;
  readonly followers: readonly ClusterNode[];
}

function established(): World {
  const cluster = new MemoryCluster(3);
  cluster.start();
  const leader = cluster.elect();
  cluster.pass(2 * tickMs);
  return { cluster, leader, followers: [...cluster.nodes.values()].filter((node) => node !== leader) };
}

const endings = (node: ClusterNode): string[] =>
  node.notes.map(({ message }) => message).filter((message) => message.includes(' ends: '));
const isUndisturbed = ({ cluster, leader }: World): void => {
  for (const node of cluster.nodes.values()) expect(endings(node)).toEqual([]);
  expect(cluster.leader).toBe(leader);
  expect(leader.peer.epochs.accepted).toBe(1);
};

describe('an established leader', () => {
  test.each([2, 50, 70_000, 2 ** 21 - 1])('stays when a voter is said to have promised epoch %i', (epoch) => {
    const world = established();
    for (let i = 0; i < 30; i++) {
      for (const sid of [1, 2, 3, 77]) new Stranger(world.leader, 'quorum').claim(sid, epoch);
      world.cluster.pass(tickMs);
    }
    isUndisturbed(world);
  });

  test('tells who claims a later epoch which one it leads, as Apache does', () => {
    const { cluster, leader, followers } = established();
    followers[0].stop();
    const stranger = new Stranger(leader, 'quorum');
    stranger.claim(followers[0].sid, 9);
    cluster.settle();
    expect(stranger.heard).toEqual([{ type: packetTypes.leaderInfo, epoch: 1 }]);
    expect(cluster.leader).toBe(leader);
  });

  test('keeps the connection of a follower that answers, whoever greets in its name', () => {
    const world = established();
    const strangers = world.followers.map(({ sid }) => {
      const stranger = new Stranger(world.leader, 'quorum');
      stranger.claim(sid, 0);
      return stranger;
    });
    world.cluster.pass(4 * tickMs);
    expect(strangers.map(({ isClosed }) => isClosed)).toEqual([true, true]);
    isUndisturbed(world);
  });

  test('lets a follower in again whose former connection is dead without a word', () => {
    const { cluster, leader, followers } = established();
    const [follower] = followers;
    follower.isUp = false; // no power: nobody says goodbye
    cluster.pass(tickMs / 4);
    const again = new Stranger(leader, 'quorum');
    again.claim(follower.sid, 1);
    cluster.pass(3 * tickMs);
    expect(again.isClosed).toBe(false);
    expect(again.heard.map(({ type }) => type)).toEqual([packetTypes.leaderInfo]);
  });

  test('begins a new epoch for a voter that has waited long', () => {
    const { cluster, leader, followers } = established();
    const voter = followers[0];
    voter.stop();
    voter.files.writeDurably('/data/acceptedEpoch', new TextEncoder().encode('7'));
    voter.start();
    cluster.pass(2 * initLimitMs);
    expect([cluster.leader, leader.peer.epochs.accepted]).toEqual([leader, 1]);
    cluster.pass(4 * initLimitMs);
    expect(cluster.leader).toBe(leader);
    expect([...cluster.nodes.values()].map(({ peer }) => [peer.isServing, peer.epochs.accepted])).toEqual([[true, 8], [true, 8], [true, 8]]); // prettier-ignore
  });

  test('does not do so for a voter that nobody hears on the election port', () => {
    const { cluster, leader, followers } = established();
    followers[0].stop();
    for (let passed = 0; passed < 5 * initLimitMs; passed += tickMs) {
      new Stranger(leader, 'quorum').claim(followers[0].sid, 7);
      new Stranger(leader, 'election').greet(followers[0].sid);
      cluster.pass(tickMs);
    }
    expect([cluster.leader, leader.peer.epochs.accepted]).toEqual([leader, 1]);
  });
});

describe('silent connections', () => {
  test('keep no follower out, however many there are and whenever they come', () => {
    const { cluster, leader, followers } = established();
    const silent: Stranger[] = [];
    const flood = (node: ClusterNode): void => {
      for (let i = 0; i < 3 * admissionLimits.greetingsMax; i++) silent.push(new Stranger(node, 'quorum'));
    };
    flood(leader);
    expect(silent.filter(({ isClosed }) => !isClosed).length).toBe(admissionLimits.greetingsMax);
    followers[0].restart();
    for (let i = 0; i < 10; i++) {
      flood(leader);
      cluster.pass(tickMs);
    }
    expect(followers[0].peer.isServing).toBe(true);
    leader.stop();
    for (let i = 0; i < 40 && cluster.leader === undefined; i++) {
      for (const node of followers) flood(node);
      cluster.pass(tickMs);
    }
    expect(cluster.leader).toBeDefined();
  });

  test('end soon, at a leader and at a server that looks for one', () => {
    for (const node of [established().leader, alone()]) {
      const silent = new Stranger(node, 'quorum');
      node.cluster.pass(Math.min(admissionLimits.greetingMs, initLimitMs) + 3 * tickMs);
      expect(silent.isClosed).toBe(true);
    }
  });

  test('may not send much before they have said who they are', () => {
    for (const node of [established().leader, alone()]) {
      const stranger = new Stranger(node, 'quorum');
      const head = new Uint8Array(16);
      new DataView(head.buffer).setInt32(12, 1_000_000);
      stranger.say(head);
      for (let i = 0; i < 5; i++) stranger.say(new Uint8Array(1000));
      expect(stranger.isClosed).toBe(true);
    }
  });
});

function alone(): ClusterNode {
  const cluster = new MemoryCluster(3);
  cluster.start(1);
  cluster.pass(tickMs);
  return cluster.node(1);
}

describe('epochs', () => {
  test('are not used up by claims during elections', () => {
    const { cluster } = established();
    for (let round = 0; round < 10; round++) {
      const { leader } = cluster;
      leader?.stop();
      for (let i = 0; i < 100 && (cluster.leader === undefined || i < 5); i++) {
        const accepted = Math.max(...[...cluster.nodes.values()].map(({ peer }) => peer.epochs.accepted));
        for (const node of cluster.nodes.values()) {
          if (!node.isUp || node.peer.isServing) continue;
          for (const sid of [1, 2, 3]) new Stranger(node, 'quorum').claim(sid, accepted + 60_000);
        }
        cluster.pass(tickMs / 4);
      }
      expect(cluster.leader).toBeDefined();
      leader?.start();
      cluster.pass(10 * tickMs);
    }
    for (const { peer } of cluster.nodes.values()) expect(peer.epochs.accepted).toBeLessThan(1000);
  });

  test('go to a voter that is far ahead and needed, in as many steps as it takes', () => {
    const cluster = new MemoryCluster(3);
    cluster.start();
    cluster.elect();
    cluster.pass(2 * tickMs);
    for (const node of cluster.nodes.values()) node.stop();
    cluster.node(1).files.writeDurably('/data/acceptedEpoch', new TextEncoder().encode('5000'));
    cluster.start(1, 2);
    for (let i = 0; i < 600 && cluster.leader === undefined; i++) cluster.pass(tickMs);
    expect(cluster.leader).toBeDefined();
    expect(cluster.node(1).peer.epochs.accepted).toBeLessThan(5000 + 3000);
  });
});

describe('claims of epochs', () => {
  const heard = (sid: number, claims: EpochClaims, from: number, to: number): void => {
    for (let now = from; now <= to; now += 500) claims.heard(sid, 9, now);
  };

  test('are granted rarely, and ever more rarely', () => {
    const claims = new EpochClaims(1000);
    const granted: number[] = [];
    for (let now = 0; now < 1_000_000; now += 500) {
      claims.heard(3, 9, now);
      if (claims.due(now, () => now) === undefined) continue;
      granted.push(now);
      claims.granted(now);
    }
    expect(granted).toEqual([3000, 33_000, 93_000, 213_000, 453_000, 933_000]);
  });

  test('of a voter that has come in, or has not claimed for long, count no more', () => {
    const claims = new EpochClaims(1000);
    heard(3, claims, 0, 5000);
    expect(claims.due(5000, () => 5000)).toBe(3);
    expect(claims.due(5000, () => -Infinity)).toBeUndefined();
    expect(claims.due(20_000, () => 20_000)).toBeUndefined();
    heard(3, claims, 20_000, 25_000);
    claims.isIn(3);
    expect(claims.due(25_000, () => 25_000)).toBeUndefined();
  });
});
