// A planned change of leader, or of epoch, as the clients of the servers see it: nothing.

import { errorCodes } from '@corral/protocol';
import { describe, expect, test } from 'vitest';
import { MemoryCluster, tickMs } from './testing/memory-cluster.ts';
import type { ClusterNode } from './testing/memory-cluster.ts';
import { open } from './testing/memory-replica.ts';
import type { Leader } from './zab/leader.ts';
import type { TestClient } from './testing/memory-replica.ts';

interface World {
  readonly cluster: MemoryCluster;
  readonly leader: ClusterNode;
  /** One of each server, the leader's first. */
  readonly clients: TestClient[];
}

function started(observers = 0, ensemble: ClusterNode['ensemble'] = {}): World {
  const cluster = new MemoryCluster(3, observers);
  for (const node of cluster.nodes.values()) node.ensemble = ensemble;
  cluster.start();
  const leader = cluster.elect();
  const others = [...cluster.nodes.values()].filter((node) => node !== leader);
  return { cluster, leader, clients: [leader, ...others].map((node) => node.connect()) };
}

/** The leader gives way; returns who leads then. */
function handOver({ cluster, leader }: World): ClusterNode {
  leader.member.handOver({ now: cluster.now, wall: 0 }, 10 * tickMs);
  const next = cluster.elect();
  expect(next).not.toBe(leader);
  return next;
}

const submitCreate = (client: TestClient, path: string): number =>
  client.submit('create', { path, data: null, acl: open, flags: 0 });

describe('a hand-over', () => {
  test('leaves every client where it is, with its session and its watches', () => {
    const world = started(1);
    const { clients } = world;
    for (const client of clients) client.exists('/a', true);
    handOver(world);
    expect(clients.map(({ isClosed }) => isClosed)).toEqual([false, false, false, false]);
    expect(clients[1].create('/a').err).toBe(0);
    world.cluster.pass(tickMs);
    expect(clients.map((client) => client.events())).toEqual([['created /a'], ['created /a'], ['created /a'], ['created /a']]); // prettier-ignore
    for (const [i, client] of clients.entries()) expect(client.create(`/e${i}`, { flags: 1 }).err).toBe(0);
    world.cluster.pass(20 * tickMs);
    expect(clients[0].children('/')).toEqual(['a', 'e0', 'e1', 'e2', 'e3', 'zookeeper']);
  });

  test('needs no election', () => {
    const world = started();
    const before = [...world.cluster.nodes.values()].map(({ peer }) => peer.stats.elections);
    handOver(world);
    expect([...world.cluster.nodes.values()].map(({ peer }) => peer.stats.elections)).toEqual(before);
  });

  test('answers a request that comes in the middle of it, under the next leader, after those before it', () => {
    const world = started();
    const { cluster, leader, clients } = world;
    leader.isDiskHeld = true;
    for (const node of cluster.nodes.values()) node.isDiskHeld = true;
    for (const [i, client] of clients.entries()) submitCreate(client, `/before-${i}`);
    cluster.settle();
    leader.member.handOver({ now: cluster.now, wall: 0 }, 10 * tickMs);
    cluster.settle();
    for (const [i, client] of clients.entries()) submitCreate(client, `/during-${i}`);
    cluster.settle();
    expect(leader.member.isMakingWay).toBe(true);
    for (const node of cluster.nodes.values()) node.releaseDisk();
    expect(cluster.elect()).not.toBe(leader);
    for (const client of clients) {
      const replies = client.replies();
      expect(replies.map(({ err }) => err)).toEqual([0, 0]);
      expect(replies.map(({ zxid }) => Math.floor(zxid / 2 ** 32))).toEqual([1, 2]);
    }
  });

  // One of the pairs has the successor in it, whoever that is, at either end.
  const moves: [from: number, to: number][] = [[0, 1], [1, 0], [1, 2], [2, 1], [2, 0], [0, 2]]; // prettier-ignore
  test.each(moves)('does not give a session back to the server that its client has left: %i to %i', (from, to) => {
    const world = started();
    const { cluster, leader, clients } = world;
    const nodes = [leader, ...[...cluster.nodes.values()].filter((node) => node !== leader)];
    const old = clients[from];
    const moved = nodes[to].open();
    moved.greet({ sessionId: old.session, password: old.welcome!.password });
    expect(moved.greeting()?.sessionId).toBe(old.session);
    handOver(world);
    // It was on its way all the time; its client knows nothing of it any more.
    submitCreate(old, '/ghost');
    cluster.settle();
    expect(old.isClosed).toBe(true);
    expect(moved.exists('/ghost').err).toBe(errorCodes.NoNode);
    expect(moved.create('/own').err).toBe(0);
  });

  test('shows nobody what is not decided yet', () => {
    const world = started();
    const { cluster, leader, clients } = world;
    const others = [...cluster.nodes.values()].filter((node) => node !== leader);
    clients[0].exists('/undecided', true);
    for (const node of others) node.isDiskHeld = true;
    submitCreate(clients[1], '/undecided');
    cluster.settle();
    leader.member.makeWay('a new epoch', 'self');
    for (let ms = 0; ms < 5 * tickMs; ms += tickMs / 2) cluster.pass(tickMs / 2);
    expect([leader.peer.state, leader.peer.isServing]).toEqual(['leading', false]);
    const before = clients[0].link.arrived.length;
    for (const node of others) node.releaseDisk();
    const { role } = leader.peer;
    while ((role as Leader).phase === 'discovery') expect(cluster.advance()).toBe(true);
    expect([leader.peer.isServing, leader.member.applied]).toEqual([false, leader.peer.history.last]);
    expect([clients[0].link.arrived.length, clients[0].isClosed]).toEqual([before, true]);
  });

  test('takes new clients in the middle of it', () => {
    const world = started();
    const { cluster, leader } = world;
    for (const node of cluster.nodes.values()) node.isDiskHeld = true;
    submitCreate(world.clients[0], '/before');
    cluster.settle();
    leader.member.handOver({ now: cluster.now, wall: 0 }, 10 * tickMs);
    cluster.settle();
    const late = [...cluster.nodes.values()].map((node) => node.open());
    for (const client of late) client.greet({});
    cluster.settle();
    expect(late.map((client) => client.greeting())).toEqual([undefined, undefined, undefined]);
    for (const node of cluster.nodes.values()) node.releaseDisk();
    cluster.elect();
    expect(late.map((client) => client.greeting()?.sessionId)).not.toContain(undefined);
    expect(late.map((client) => client.isClosed)).toEqual([false, false, false]);
  });

  test('sends the clients away when the successor does not lead', () => {
    const world = started();
    const { cluster, leader, clients } = world;
    leader.member.handOver({ now: cluster.now, wall: 0 }, 10 * tickMs);
    while (leader.member.isMakingWay && cluster.advance());
    for (const node of cluster.nodes.values()) if (node !== leader) cluster.cut(leader.sid, node.sid);
    cluster.drop(leader.sid);
    cluster.settle();
    expect(clients[0].isClosed).toBe(false);
    cluster.pass(6 * tickMs);
    expect(clients[0].isClosed).toBe(true);
  });

  test('does not wait for a learner that does not answer', () => {
    const world = started();
    const { cluster, leader, clients } = world;
    const [deaf] = [...cluster.nodes.values()].filter((node) => node !== leader);
    deaf.isHeld = true;
    leader.member.handOver({ now: cluster.now, wall: 0 }, 10 * tickMs);
    cluster.pass(2 * tickMs);
    deaf.isHeld = false;
    const next = cluster.elect();
    expect([leader, deaf]).not.toContain(next);
    expect([clients[0].isClosed, clients[2].isClosed]).toEqual([false, false]);
    expect(clients[2].create('/a').err).toBe(0);
  });
});

describe('a counter that is used up', () => {
  test('costs no client its connection, and the leader stays the same', () => {
    const world = started(1, { counterMax: 20 });
    const { cluster, leader, clients } = world;
    const epoch = leader.peer.epochs.current;
    for (let i = 0; i < 30; i++)
      for (const [j, client] of clients.entries()) expect(client.create(`/n${i}-${j}`).err).toBe(0);
    cluster.pass(tickMs);
    expect(leader.peer.state).toBe('leading');
    expect(leader.peer.epochs.current).toBeGreaterThan(epoch + 4);
    expect(clients.map(({ isClosed }) => isClosed)).toEqual([false, false, false, false]);
    expect(clients[0].children('/')).toHaveLength(121);
  });
});
