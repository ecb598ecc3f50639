// Histories that could have happened: every transaction fits the state that the ones before it left, as a leader's do.

import type { Acl, SessionId, Zxid } from '@corral/protocol';
import type { SingleTxn, Txn, TxnHeader } from '../log/txn.ts';
import type { DataTree } from '../tree/data-tree.ts';

export interface Happening {
  readonly header: TxnHeader;
  readonly txn: Txn;
}

/** Small, fast numbers from a seed; good enough to mix cases. */
export function randomOf(seed: number): (below: number) => number {
  let state = seed * 2654435761 + 1;
  return (below) => {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9;
    const mixed = (state ^ (state >>> 13)) >>> 0;
    return mixed % below;
  };
}

const open: readonly Acl[] = [{ perms: 31, id: { scheme: 'world', id: 'anyone' } }];
const acls: readonly (readonly Acl[])[] = [
  open,
  [{ perms: 1, id: { scheme: 'world', id: 'anyone' } }],
  [{ perms: 31, id: { scheme: 'digest', id: 'ann:hash' } }],
];
const names = ['a', 'b', 'c', 'ä', '__proto__', 'longer-name-of-a-node'];
const sizes = [-1, 0, 1, 7, 8, 9, 100, 3000, 70_000];

export interface HistoryOptions {
  /** Create codes to draw from. */
  readonly codes?: readonly (1 | 15 | 19 | 21)[];
}

/** The next transaction, given the state it will be applied to. */
export function nextHappening(
  tree: DataTree,
  random: (below: number) => number,
  options: HistoryOptions = {},
): Happening {
  const zxid = (tree.lastZxid + 1) as Zxid;
  const clientId = BigInt(0x100 + random(3)) as SessionId;
  const header = { clientId, cxid: random(1000), zxid, time: 1_700_000_000_000 + zxid };
  const kind = random(20);
  if (kind === 0) {
    const paths = [...tree.ephemeralsOf(clientId)].map((node) => tree.path(node));
    return { header, txn: { kind: 'closeSession', paths: random(4) === 0 ? null : paths } };
  }
  return { header, txn: single(tree, random, options.codes ?? [1, 1, 15, 19, 21]) };
}

function single(tree: DataTree, random: (below: number) => number, codes: readonly (1 | 15 | 19 | 21)[]): SingleTxn {
  const live = [...liveNodes(tree)];
  const node = live[random(live.length)];
  const path = tree.path(node);
  const n = tree.nodes;
  const isSystem = path.startsWith('/zookeeper');
  switch (random(7)) {
    case 0:
      if (isSystem || path === '/' || n.childCount[node] > 0) break;
      return { kind: 'delete', code: random(2) === 0 ? 2 : 20, path };
    case 1:
      return { kind: 'setData', code: 5, path, data: someData(random), version: (n.version[node] + 1) | 0 };
    case 2:
      return { kind: 'setAcl', path, acl: acls[random(acls.length)], version: (n.aversion[node] + 1) | 0 };
    case 3:
      return { kind: 'error', code: -101 };
    default:
  }
  const child = `${path === '/' ? '' : path}/${names[random(names.length)]}`;
  if (isSystem || tree.kind(node) === 'ephemeral' || tree.find(child) >= 0 || child.split('/').length > 6)
    return { kind: 'setData', code: 5, path, data: someData(random), version: (n.version[node] + 1) | 0 };
  const code = codes[random(codes.length)];
  return {
    kind: 'create',
    code,
    path: child,
    data: someData(random),
    acl: acls[random(acls.length)],
    ephemeral: (code === 1 || code === 15) && random(4) === 0,
    parentCversion: (n.cversion[node] + 1) | 0,
    ttlMs: code === 21 ? 1 + random(100_000) : 0,
  };
}

export function* liveNodes(tree: DataTree): Generator<number> {
  for (let node = 0; node < tree.nodes.used; node++) if (tree.nodes.isLive(node)) yield node;
}

function someData(random: (below: number) => number): Uint8Array | null {
  const size = sizes[random(random(10) === 0 ? sizes.length : 7)];
  return size < 0 ? null : new Uint8Array(size).fill(1 + random(250));
}
