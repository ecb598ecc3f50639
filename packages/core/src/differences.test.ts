import { describe, expect, test } from 'vitest';
import { MemoryCluster, tickMs } from './testing/memory-cluster.ts';
import type { ClusterNode } from './testing/memory-cluster.ts';
import { open, textOf } from './testing/memory-replica.ts';

function started(voters = 3, observers = 0): { cluster: MemoryCluster; leader: ClusterNode; others: ClusterNode[] } {
  const cluster = new MemoryCluster(voters, observers);
  cluster.start();
  const leader = cluster.elect();
  const client = leader.connect();
  client.create('/a', { data: '1' });
  cluster.pass(tickMs);
  return { cluster, leader, others: [...cluster.nodes.values()].filter((node) => node !== leader) };
}

/** As a defect of software or memory would: the tree changes, and no transaction says so. */
function corrupt(node: ClusterNode): void {
  const { tree } = node.member.pipeline.ctx;
  const at = tree.find('/a');
  tree.nodes.version[at] += 1;
  tree.digest.refresh(at);
}

const states = (cluster: MemoryCluster): Set<string> =>
  new Set(
    [...cluster.nodes.values()].map(
      ({ member }) => `${member.applied}:${member.peer.state !== 'looking'}:${member.pipeline.ctx.tree.digest.value}`,
    ),
  );

const errors = (node: ClusterNode): string[] =>
  node.notes.filter(({ level }) => level === 'error').map(({ message }) => message);
const mismatches = (node: ClusterNode): number => node.member.pipeline.ctx.stats.digestMismatches;

describe('a member whose tree differs from its leader', () => {
  for (const [kind, observers, index] of [
    ['follower', 0, 0],
    ['observer', 1, 2],
  ] as const)
    test(`as a ${kind} is noticed at the next write, stops serving and is given the leader's tree`, () => {
      const { cluster, leader, others } = started(3, observers);
      const odd = others[index];
      const client = odd.connect();
      corrupt(odd);
      leader.connect().create('/b');
      cluster.pass(1);
      expect(mismatches(odd)).toBe(1);
      expect(errors(odd)).toEqual([expect.stringMatching(/^THE DATA OF THIS SERVER DIFFERS from its leader's/)]);
      expect(client.link.isClosed).toBe(true);
      cluster.pass(20 * tickMs);
      expect(cluster.leader).toBe(leader);
      expect(states(cluster).size).toBe(1);
      expect(errors(leader)).toEqual(['the data of a learner differs from the data of this leader']);
      expect(textOf(odd.connect().getData('/a').result.data ?? null)).toBe('1');
      leader.connect().create('/c');
      cluster.pass(tickMs);
      expect([mismatches(odd), states(cluster).size]).toEqual([1, 1]);
    });

  test('keeps what it had for a look', () => {
    const { cluster, leader, others } = started();
    corrupt(others[0]);
    leader.connect().create('/b');
    cluster.pass(20 * tickMs);
    const kept = [...others[0].files.content.keys()].filter((name) => name.includes('/differing-'));
    expect(kept.some((name) => name.includes('/log.'))).toBe(true);
  });

  test('has no vote until it is given another one', () => {
    const { cluster, leader, others } = started();
    const [odd, good] = others;
    const client = leader.connect();
    corrupt(odd);
    // It finds out while its leader goes: nobody is left who could give it the right tree, and it must not lead the others.
    client.submit('create', { path: '/b', data: null, acl: open, flags: 0 });
    cluster.settleUntil(() => odd.peer.isUnknown);
    leader.stop();
    good.stop();
    cluster.pass(20 * tickMs);
    expect([odd.peer.state, odd.peer.isUnknown]).toEqual(['looking', true]);
    good.restart();
    cluster.pass(40 * tickMs);
    expect(cluster.leader).toBe(undefined);
    leader.restart();
    cluster.pass(40 * tickMs);
    expect(cluster.leader).not.toBe(odd);
    expect(states(cluster).size).toBe(1);
  });

  test('which is the leader itself gives up its tree and its vote when a majority says so', () => {
    const { cluster, leader, others } = started();
    const client = leader.connect();
    for (const other of others) corrupt(other);
    client.submit('create', { path: '/b', data: null, acl: open, flags: 0 });
    cluster.pass(40 * tickMs);
    expect(errors(leader)).toContainEqual(expect.stringMatching(/^A MAJORITY OF THE VOTERS HAS OTHER DATA/));
    const { tree } = cluster.leader!.member.pipeline.ctx;
    expect(others).toContain(cluster.leader);
    expect(tree.nodes.version[tree.find('/a')]).toBe(1);
    expect(states(cluster).size).toBe(1);
    expect([...leader.files.content.keys()].some((name) => name.includes('/differing-'))).toBe(true);
  });

  test('steps down when its tree is not the one it told of, and is given that by the next leader', () => {
    const { cluster, leader } = started();
    corrupt(leader);
    leader.connect().submit('setData', { path: '/a', data: null, version: -1 });
    cluster.pass(40 * tickMs);
    expect(errors(leader)[0]).toMatch(/^the digest that was computed for a transaction is not that of the tree/);
    const next = cluster.elect();
    next.connect().create('/c');
    cluster.pass(40 * tickMs);
    expect(states(cluster).size).toBe(1);
  });

  test('again right after it was replaced goes on, and says so', () => {
    const { cluster, leader, others } = started();
    const [odd] = others;
    corrupt(odd);
    leader.connect().create('/b');
    cluster.pass(20 * tickMs);
    corrupt(odd);
    leader.connect().create('/c');
    leader.connect().create('/d');
    cluster.pass(tickMs);
    expect(odd.peer.isServing).toBe(true);
    expect(mismatches(odd)).toBeGreaterThan(1);
    expect(errors(odd).filter((message) => message.startsWith('THE DATA OF THIS SERVER DIFFERS AGAIN'))).toHaveLength(
      1,
    );
  });
});
