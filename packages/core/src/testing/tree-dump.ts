// The whole of a tree in plain values, to compare one with another.

import { decodeText } from '@corral/protocol';
import type { Acl } from '@corral/protocol';
import type { ReferenceTree } from '../log/testing/reference-tree.ts';
import type { SnapshotNode } from '../log/snapshot-node.ts';
import type { DataTree } from '../tree/data-tree.ts';

export interface PlainNode {
  readonly data: string | null;
  readonly acl: readonly Acl[];
  readonly owner: bigint;
  readonly stat: readonly number[];
  readonly children: readonly string[];
}
export type PlainTree = Readonly<Record<string, PlainNode>>;

const hex = (bytes: Uint8Array | null): string | null =>
  bytes === null ? null : [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
const ownerOf = (high: number, low: number): bigint => (BigInt(high) << 32n) | BigInt(low >>> 0);
const inOrder = (nodes: Map<string, PlainNode>): PlainTree =>
  Object.fromEntries([...nodes].sort(([a], [b]) => (a < b ? -1 : 1)));

export function dumpTree(tree: DataTree): PlainTree {
  const n = tree.nodes;
  const nodes = new Map<string, PlainNode>();
  for (let node = 0; node < n.used; node++) {
    if (!n.isLive(node)) continue;
    const children: string[] = [];
    for (let child = n.firstChild[node]; child >= 0; child = n.nextSibling[child]!) children.push(tree.path(child));
    if (children.length !== n.childCount[node]) throw new Error('a node miscounts its children');
    const path = tree.path(node);
    if (tree.find(path) !== node) throw new Error('a node is not found by its path');
    nodes.set(path, {
      data: hex(tree.data(node)),
      acl: tree.acl(node),
      owner: ownerOf(n.ownerHigh[node], n.ownerLow[node]),
      stat: [n.czxid, n.mzxid, n.pzxid, n.ctime, n.mtime, n.version, n.cversion, n.aversion].map((c) => c[node]),
      children: children.sort(),
    });
  }
  if (nodes.size !== n.count) throw new Error('the tree miscounts its nodes');
  return inOrder(nodes);
}

export function dumpReference(tree: ReferenceTree): PlainTree {
  const nodes = new Map<string, PlainNode>();
  for (const [path, node] of tree.nodes) {
    const { czxid, mzxid, pzxid, ctime, mtime, version, cversion, aversion, acl, owner } = node;
    nodes.set(path === '' ? '/' : path, {
      data: hex(node.data),
      acl,
      owner,
      stat: [czxid, mzxid, pzxid, ctime, mtime, version, cversion, aversion],
      children: [...node.children].sort(),
    });
  }
  return inOrder(nodes);
}

/** Collects the nodes of a snapshot, which must come parents first and once each. */
export class SnapshotDump {
  readonly #nodes = new Map<string, PlainNode>();
  readonly #acl: (id: number) => readonly Acl[];

  constructor(acl: (id: number) => readonly Acl[]) {
    this.#acl = acl;
  }

  add(from: SnapshotNode): void {
    const path = decodeText(from.bytes, from.pathStart, from.pathEnd) || '/';
    if (this.#nodes.has(path)) throw new Error(`${path} comes twice`);
    const parent = this.#nodes.get(path.slice(0, path.lastIndexOf('/')) || '/');
    if (path !== '/' && parent === undefined) throw new Error(`${path} comes before its parent`);
    if (path !== '/') (parent!.children as string[]).push(path);
    const data = from.dataBytes.slice(from.dataStart, from.dataStart + Math.max(0, from.dataLength));
    const { czxid, mzxid, pzxid, ctime, mtime, version, cversion, aversion } = from;
    this.#nodes.set(path, {
      data: from.dataLength < 0 ? null : hex(data),
      acl: this.#acl(from.aclId),
      owner: ownerOf(from.ownerHigh, from.ownerLow),
      stat: [czxid, mzxid, pzxid, ctime, mtime, version, cversion, aversion],
      children: [],
    });
  }

  done(): PlainTree {
    for (const node of this.#nodes.values()) (node.children as string[]).sort();
    return inOrder(this.#nodes);
  }
}
