import { openAcl } from '@corral/protocol';
import type { SessionId, Zxid } from '@corral/protocol';
import { describe, expect, test } from 'vitest';
import { applyTxn } from '../pipeline/apply.ts';
import { RestoredState } from '../restored-state.ts';
import { plainOptions } from '../testing/memory-replica.ts';
import { liveNodes, nextHappening, randomOf } from '../testing/random-history.ts';
import { SnapshotDump, dumpTree } from '../testing/tree-dump.ts';
import { FrozenTree } from './frozen-tree.ts';

function stateAfter(random: (below: number) => number, count: number): RestoredState {
  const state = RestoredState.fresh({ ...plainOptions, extendedTypes: true });
  for (let i = 0; i < count; i++) change(state, random);
  return state;
}

function change(state: RestoredState, random: (below: number) => number): void {
  const { header, txn } = nextHappening(state.tree, random);
  applyTxn(state, header, txn);
}

describe('a snapshot that is written while the tree changes', () => {
  const seeds = Array.from({ length: 60 }, (_, i) => i + 1);
  test.each(seeds)('is the tree at the moment of the freeze, parents first (seed %i)', (seed) => {
    const random = randomOf(seed);
    const state = stateAfter(random, 20 + random(150));
    const { tree } = state;
    for (const path of ['/q', '/zookeeper/quota/q', '/zookeeper/quota/q/zookeeper_limits', '/zookeeper/quota/q/zookeeper_stats']) {
      const header = { clientId: 1n, cxid: 0, zxid: tree.lastZxid + 1, time: 1 } as Parameters<typeof applyTxn>[1];
      const acl = [{ perms: 31, id: { scheme: 'world', id: 'anyone' } }];
      applyTxn(state, header, { kind: 'create', code: 1, path, data: null, acl, ephemeral: false, parentCversion: -1, ttlMs: 0 });
    } // prettier-ignore
    const acls = new Map(tree.acls.entries());
    const expected = dumpTree(tree);
    const dump = new SnapshotDump((id) => (id === -1 ? tree.acls.get(-1) : acls.get(id)!));
    const frozen = new FrozenTree(tree, (node) => dump.add(node));
    for (let goesOn = true; goesOn;) {
      for (let i = random(6); i > 0; i--) change(state, random);
      goesOn = frozen.advance(1 + random(4));
    }
    expect(dump.done()).toEqual(expected);
    expect(tree.guard).toBeUndefined();
  });

  test('is complete when every node changes or goes before the cursor reaches it', () => {
    const state = stateAfter(randomOf(5), 120);
    const { tree } = state;
    const expected = dumpTree(tree);
    const acls = new Map(tree.acls.entries());
    const dump = new SnapshotDump((id) => (id === -1 ? tree.acls.get(-1) : acls.get(id)!));
    const frozen = new FrozenTree(tree, (node) => dump.add(node));
    const random = randomOf(9);
    for (let i = 0; i < 600; i++) change(state, random);
    for (let left = [...liveNodes(tree)]; left.length > 4; left = [...liveNodes(tree)]) {
      for (const node of left) {
        const path = tree.path(node);
        if (path.startsWith('/zookeeper') || path === '/' || tree.nodes.childCount[node] > 0) continue;
        const header = { clientId: 1n, cxid: 0, zxid: tree.lastZxid + 1, time: 1 } as Parameters<typeof applyTxn>[1];
        applyTxn(state, header, { kind: 'delete', code: 2, path });
      }
    }
    while (frozen.advance(3));
    expect(dump.done()).toEqual(expected);
  });

  test('several at a time, begun and given up in any order, do not disturb each other', () => {
    const { tree } = stateAfter(randomOf(1), 20);
    const counts = [0, 0, 0];
    const [first, second, third] = counts.map((_, i) => new FrozenTree(tree, () => counts[i]++));
    const before = tree.nodes.count;
    second.thaw();
    tree.apply(
      { clientId: 1n as SessionId, cxid: 1, zxid: 1000 as Zxid, time: 0 },
      {
        kind: 'create',
        code: 1,
        path: '/later',
        data: null,
        acl: openAcl,
        ephemeral: false,
        parentCversion: -1,
        ttlMs: 0,
      },
    );
    while (first.advance(1));
    while (third.advance(1));
    second.thaw();
    expect([tree.guard, counts[0], counts[2]]).toEqual([undefined, before, before]);
  });
});
