import { JuteWriter, crc32, decodeText, encodeText } from '@corral/protocol';
import type { SessionId, Zxid } from '@corral/protocol';
import { describe, expect, test } from 'vitest';
import { SnapshotNode } from '../log/snapshot-node.ts';
import { ReferenceTree } from '../log/testing/reference-tree.ts';
import { nodeAt } from '../log/testing/sample.ts';
import type { Txn, TxnHeader } from '../log/txn.ts';
import { applyTxn } from '../pipeline/apply.ts';
import { RestoredState } from '../restored-state.ts';
import { plainOptions } from '../testing/memory-replica.ts';
import { nextHappening, randomOf } from '../testing/random-history.ts';
import type { Happening, HistoryOptions } from '../testing/random-history.ts';
import { dumpReference, dumpTree } from '../testing/tree-dump.ts';
import { FrozenTree } from './frozen-tree.ts';
import type { DataTree } from './data-tree.ts';

const options = { ...plainOptions, extendedTypes: true };
const seeds = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);
const open = [{ perms: 31, id: { scheme: 'world', id: 'anyone' } }];

/** Digest of a tree by its definition. */
function digestOf(tree: DataTree): bigint {
  let sum = 0n;
  const n = tree.nodes;
  for (let node = 0; node < n.used; node++) {
    const path = tree.path(node);
    if (!n.isLive(node) || path.startsWith('/zookeeper/')) continue;
    const w = new JuteWriter();
    w.raw(encodeText(path === '/' ? '' : path));
    w.raw(tree.data(node) ?? new Uint8Array(0));
    for (const column of [n.czxid, n.mzxid, n.pzxid, n.ctime, n.mtime]) w.longNumber(column[node]);
    for (const column of [n.version, n.cversion, n.aversion, n.ownerHigh, n.ownerLow]) w.int(column[node]);
    sum += BigInt(crc32(w.bytes, 0, w.length));
  }
  return BigInt.asUintN(64, sum);
}

/** The same tree in the reference's form. */
function referenceOf(tree: DataTree): ReferenceTree {
  const reference = new ReferenceTree();
  for (const [id, acl] of tree.acls.entries()) reference.acl(id, acl);
  const frozen = new FrozenTree(tree, (node) => reference.node(node));
  while (frozen.advance(100));
  reference.snapshotDone({ zxid: tree.lastZxid });
  return reference;
}

function historyOf(
  seed: number,
  count: number,
  historyOptions: HistoryOptions = {},
): { state: RestoredState; history: Happening[] } {
  const random = randomOf(seed);
  const state = RestoredState.fresh(options);
  const history: Happening[] = [];
  for (let i = 0; i < count; i++) {
    const happening = nextHappening(state.tree, random, historyOptions);
    history.push(happening);
    applyTxn(state, happening.header, happening.txn);
  }
  return { state, history };
}

test('the digest of a fresh tree is 1371985504', () => {
  const { tree } = RestoredState.fresh(options);
  expect(tree.digest.value).toBe(1371985504n);
  expect(digestOf(tree)).toBe(1371985504n);
});

describe('a history', () => {
  test.each(seeds(40))('leads to the tree and the digest of the reference (seed %i)', (seed) => {
    const random = randomOf(seed);
    const state = RestoredState.fresh(options);
    const reference = referenceOf(state.tree);
    for (let i = 0; i < 150; i++) {
      const { header, txn } = nextHappening(state.tree, random);
      applyTxn(state, header, txn);
      // The reference knows the root by its empty path only.
      reference.txn(header, 'path' in txn && txn.path === '/' ? { ...txn, path: '' } : txn);
    }
    expect(dumpTree(state.tree)).toEqual(dumpReference(reference));
    expect(state.tree.digest.value).toBe(BigInt.asUintN(64, reference.digest));
    expect(state.tree.digest.value).toBe(digestOf(state.tree));
    expectIndexes(state.tree);
  });

  test.each(seeds(40))('may be replayed over a snapshot that already holds part of it (seed %i)', (seed) => {
    const { state, history } = historyOf(seed, 120, { codes: [1] });
    const random = randomOf(seed + 1000);
    const startAt = random(history.length);
    const fuzzy = fuzzySnapshot(history, startAt, random);
    for (const { header, txn } of history.slice(startAt)) applyTxn(fuzzy, header, txn);
    expect(dumpTree(fuzzy.tree)).toEqual(dumpTree(state.tree));
    expect(fuzzy.tree.digest.value).toBe(state.tree.digest.value);
    expectIndexes(fuzzy.tree);
  });
});

/** ACL references, ephemerals, containers and byte counts as a scan of the tree finds them. */
function expectIndexes(tree: DataTree): void {
  const n = tree.nodes;
  const scan = { ephemeral: 0, container: 0, ttl: 0, persistent: 0 };
  let bytes = 0;
  const acls = new Set<number>();
  for (let node = 0; node < n.used; node++) {
    if (!n.isLive(node)) continue;
    const kind = tree.kind(node);
    scan[kind]++;
    bytes += n.pathLength[node] + Math.max(0, n.dataLength[node]);
    if (n.aclId[node] !== -1) acls.add(n.aclId[node]);
    if (kind === 'ephemeral') expect(tree.ephemeralsOf(tree.owner(node)).has(node)).toBe(true);
  }
  expect([tree.ephemeralCount, tree.containers.size, tree.ttls.size]).toEqual([
    scan.ephemeral,
    scan.container,
    scan.ttl,
  ]);
  expect(tree.dataBytes).toBe(bytes);
  expect(new Set(tree.acls.entries().map(([id]) => id))).toEqual(acls);
}

/** A snapshot as Apache writes it: each node as it is when the walk comes to it, while transactions go on. */
function fuzzySnapshot(
  history: readonly Happening[],
  startAt: number,
  random: (below: number) => number,
): RestoredState {
  const live = RestoredState.fresh(options);
  let applied = 0;
  const advance = (to: number): void => {
    for (; applied < to; applied++) applyTxn(live, history[applied].header, history[applied].txn);
  };
  advance(startAt);
  const into = new RestoredState(options);
  const ids = new Map<string, number>();
  const visit = (path: string): void => {
    if (random(3) === 0) advance(Math.min(history.length, applied + random(8)));
    const node = live.tree.find(path);
    if (node < 0) return;
    const acl = live.tree.acl(node);
    const key = JSON.stringify(acl);
    if (!ids.has(key)) {
      ids.set(key, ids.size + 1);
      into.acl(ids.size, acl);
    }
    into.node(copyOf(live.tree, node, ids.get(key)!));
    const children: string[] = [];
    const n = live.tree.nodes;
    for (let child = n.firstChild[node]; child >= 0; child = n.nextSibling[child]!)
      children.push(live.tree.path(child));
    for (const child of children) visit(child);
  };
  visit('/');
  into.snapshotDone({ zxid: (startAt === 0 ? 0 : history[startAt - 1].header.zxid) as Zxid });
  return into;
}

function copyOf(tree: DataTree, node: number, aclId: number): SnapshotNode {
  const n = tree.nodes;
  const copy = new SnapshotNode();
  const path = tree.path(node);
  copy.bytes = encodeText(path === '/' ? '' : path);
  copy.pathEnd = copy.bytes.length;
  copy.dataBytes = tree.data(node) ?? new Uint8Array(0);
  copy.dataLength = n.dataLength[node]!;
  copy.aclId = aclId;
  for (const name of ['czxid', 'mzxid', 'pzxid', 'ctime', 'mtime', 'version', 'cversion', 'aversion', 'ownerHigh', 'ownerLow'] as const)
    copy[name] = n[name][node]!; // prettier-ignore
  return copy;
}

describe('replaying', () => {
  const session = 0x77n as SessionId;
  const header = (zxid: number): TxnHeader => ({ clientId: session, cxid: 0, zxid: zxid as Zxid, time: zxid });
  const create = (path: string, parentCversion: number, code: 1 | 15 = 1): Txn =>
    ({ kind: 'create', code, path, data: null, acl: open, ephemeral: false, parentCversion, ttlMs: 0 }); // prettier-ignore
  const after = (...txns: (readonly [zxid: number, txn: Txn])[]): DataTree => {
    const state = RestoredState.fresh(options);
    for (const [zxid, txn] of txns) applyTxn(state, header(zxid), txn);
    return state.tree;
  };
  const statOf = (tree: DataTree, path: string): readonly number[] => dumpTree(tree)[path].stat;

  test('a create of what exists keeps the node, takes its ACL, and raises the parent for type 1 only', () => {
    const other = [{ perms: 1, id: { scheme: 'world', id: 'anyone' } }];
    for (const code of [1, 15] as const) {
      const again = { ...create('/a', 9, code), acl: other } as Txn;
      const tree = after([1, create('/a', 1)], [2, again]);
      expect(tree.acl(tree.find('/a'))).toEqual(other);
      expect(statOf(tree, '/a').slice(0, 3)).toEqual([1, 1, 1]);
      const root = tree.nodes;
      expect([root.cversion[0], root.pzxid[0]]).toEqual(code === 1 ? [9, 2] : [1, 1]);
    }
  });

  test('what does not fit is ignored', () => {
    const tree = after(
      [1, create('/missing/child', 1)],
      [2, { kind: 'setData', code: 5, path: '/missing', data: null, version: 3 }],
      [3, { kind: 'setAcl', path: '/missing', acl: open, version: 3 }],
      [4, { kind: 'delete', code: 2, path: '/missing/child' }],
      [5, { kind: 'multi', parts: [create('/a', 1), { kind: 'error', code: -101 }] as never }],
      [6, { kind: 'error', code: -110 }],
    );
    expect(Object.keys(dumpTree(tree))).toEqual(['/', '/zookeeper', '/zookeeper/config', '/zookeeper/quota']);
    expect(tree.lastZxid).toBe(6);
  });

  test("a delete of what is gone still moves its parent's pzxid, forwards only", () => {
    const gone: Txn = { kind: 'delete', code: 2, path: '/a/gone' };
    expect(statOf(after([1, create('/a', 1)], [5, gone]), '/a')[2]).toBe(5);
    const close: Txn = { kind: 'closeSession', paths: ['/a/gone'] };
    expect(statOf(after([1, create('/a', 1)], [5, close]), '/a')[2]).toBe(5);
    expect(statOf(after([7, create('/a', 1)], [5, gone]), '/a')[2]).toBe(7);
  });

  test('a parentCversion of -1 stands for one more', () => {
    const tree = after([1, create('/a', -1)], [2, create('/b', -1)]);
    expect(tree.nodes.cversion[0]).toBe(2);
  });

  test('nodes created after a deletion they were found under come back with their parents', () => {
    // The snapshot held the second /a with a child already when the deletion of the first one is replayed.
    const tree = after(
      [8, create('/a', 2)],
      [9, create('/a/b', 1)],
      [5, { kind: 'delete', code: 2, path: '/a' }],
      [8, create('/a', 2)],
      [9, create('/a/b', 1)],
    );
    expect(dumpTree(tree)['/a']?.children).toEqual(['/a/b']);
    expect(tree.digest.value).toBe(digestOf(tree));
  });
});

test('paths and data of a node are copies that its later changes do not touch', () => {
  const { state } = historyOf(3, 60);
  const { tree } = state;
  const node = tree.find('/');
  const before = tree.data(node);
  tree.nodes.setData(node, encodeText('something else'), 0, 14);
  expect(before === null ? '' : decodeText(before, 0, before.length)).not.toBe('something else');
});

test('a node whose permissions are not in the snapshot is nobody’s until the log brings them', () => {
  const state = new RestoredState(plainOptions);
  for (const path of ['', '/late', '/lost']) {
    const node = nodeAt(path, 5);
    node.aclId = path === '' ? -1 : 7;
    state.node(node);
  }
  state.snapshotDone({ zxid: 4 as Zxid });
  expect(state.tree.acl(state.tree.find('/late'))).toEqual([]);
  expect(state.tree.acls.missing).toBe(2);
  const create = { kind: 'create', code: 1, path: '/late', data: null, acl: open, ephemeral: false } as const;
  const header = { clientId: 0n as SessionId, cxid: 0, zxid: 5 as Zxid, time: 0 };
  state.txn(header, { ...create, parentCversion: 1, ttlMs: 0 });
  expect(state.tree.acl(state.tree.find('/late'))).toEqual(open);
  expect(state.tree.acls.missing).toBe(1);
  const impossible = nodeAt('/odd', 5);
  impossible.aclId = -7;
  expect(() => state.node(impossible)).toThrow('no ACL -7');
});
