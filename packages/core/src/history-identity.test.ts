import { describe, expect, test } from 'vitest';
import { MemoryCluster, tickMs } from './testing/memory-cluster.ts';
import type { ClusterNode } from './testing/memory-cluster.ts';

const errors = (node: ClusterNode): string[] =>
  node.notes.filter(({ level }) => level === 'error').map(({ message }) => message);
const numberOf = (node: ClusterNode): number => node.peer.identity.told;
const write = (cluster: MemoryCluster, path: string): void => {
  cluster.elect().connect().create(path);
  cluster.pass(tickMs);
};
const childrenAt = (node: ClusterNode): string[] => node.connect().children('/').sort();

/** Takes the disk of a server that is down. */
function wipe(node: ClusterNode): void {
  node.files.content.clear();
}

/** An ensemble of three that has been through several epochs, all of them down. */
function used(): { cluster: MemoryCluster; nodes: ClusterNode[] } {
  const cluster = new MemoryCluster(3);
  cluster.start();
  const nodes = [...cluster.nodes.values()];
  for (const path of ['/old1', '/old2', '/old3']) {
    write(cluster, path);
    for (const node of nodes) node.stop();
    if (path !== '/old3') for (const node of nodes) node.restart();
  }
  return { cluster, nodes };
}

describe('the number of a history', () => {
  test('is one and the same for all members, through elections and restarts', () => {
    const cluster = new MemoryCluster(3);
    cluster.start();
    write(cluster, '/a');
    const nodes = [...cluster.nodes.values()];
    const [number] = nodes.map(numberOf);
    expect(number).toBeGreaterThan(0);
    expect(nodes.map(numberOf)).toEqual([number, number, number]);
    for (const node of nodes) {
      node.restart();
      write(cluster, `/n${node.sid}`);
    }
    cluster.pass(20 * tickMs);
    expect(nodes.map(numberOf)).toEqual([number, number, number]);
  });

  test('is told to a member whose disk was replaced', () => {
    const cluster = new MemoryCluster(3);
    cluster.start();
    write(cluster, '/a');
    const [first, second] = [...cluster.nodes.values()];
    first.stop();
    wipe(first);
    first.restart();
    write(cluster, '/b');
    cluster.pass(20 * tickMs);
    expect(numberOf(first)).toBe(numberOf(second));
  });
});

describe('an old member that returns to an ensemble begun anew by a majority', () => {
  function begunAnew(): { cluster: MemoryCluster; old: ClusterNode; anew: ClusterNode[] } {
    const { cluster, nodes } = used();
    const [one, two, old] = nodes;
    for (const node of [one, two]) {
      wipe(node);
      node.mayBegin = true;
      node.restart();
    }
    write(cluster, '/new');
    return { cluster, old, anew: [one, two] };
  }

  test('is kept out, keeps its data, and says why', () => {
    const { cluster, old, anew } = begunAnew();
    const files = new Map(old.files.content);
    old.restart();
    cluster.pass(200 * tickMs);
    expect(anew.map((node) => node.peer.isServing)).toEqual([true, true]);
    expect([old.peer.isServing, old.member.pipeline.ctx.tree.find('/old1') >= 0]).toEqual([false, true]);
    expect([...files.keys()].filter((name) => !old.files.content.has(name))).toEqual([]);
    expect([...errors(old), ...anew.flatMap(errors)].join()).toMatch(/ANOTHER HISTORY|NOT THE ONE OF ITS ENSEMBLE/);
    for (const node of anew) expect(childrenAt(node)).toEqual(['new', 'zookeeper']);
  });

  test('does not lead it either when all start together, though its epoch is higher', () => {
    const { cluster, old, anew } = begunAnew();
    for (const node of anew) node.stop();
    for (const node of [...anew, old]) node.restart();
    cluster.pass(200 * tickMs);
    expect(anew).toContain(cluster.leader);
    expect(old.peer.isServing).toBe(false);
    for (const node of anew) expect(childrenAt(node)).toEqual(['new', 'zookeeper']);
    expect(errors(old).join()).toMatch(/HAS ANOTHER HISTORY|NOT THE ONE OF ITS ENSEMBLE/);
  });

  test('with one of the others alone serves nobody: nobody can know which history is wanted', () => {
    const { cluster, old, anew } = begunAnew();
    anew[0].stop();
    anew[1].stop();
    anew[0].restart();
    old.restart();
    cluster.pass(200 * tickMs);
    expect(cluster.leader).toBe(undefined);
    anew[1].restart();
    cluster.pass(300 * tickMs);
    expect(anew).toContain(cluster.leader);
  });

  test('is a member again without its data', () => {
    const { cluster, old } = begunAnew();
    old.restart();
    cluster.pass(20 * tickMs);
    old.stop();
    wipe(old);
    old.restart();
    cluster.pass(40 * tickMs);
    expect(childrenAt(old)).toEqual(['new', 'zookeeper']);
  });
});
