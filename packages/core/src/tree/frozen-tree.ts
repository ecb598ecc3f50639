// A snapshot of the tree as it was at one moment, written while the tree goes on changing. A node is written when the
// cursor reaches it or right before it changes for the first time, whichever is earlier, and its ancestors before it,
// since readers need parents first. So the result is exact, and nothing is copied up front but one bit a node.

import { SnapshotNode } from '../log/snapshot-node.ts';
import type { ChangeGuard, DataTree } from './data-tree.ts';

export class FrozenTree implements ChangeGuard {
  readonly #tree: DataTree;
  readonly #emit: (node: SnapshotNode) => void;
  /** 1 for nodes that are written or did not exist at the moment of the freeze. */
  readonly #done: Uint8Array;
  readonly #node = new SnapshotNode();
  #cursor = 0;

  /** A snapshot that was begun before this one and is not finished. */
  next: ChangeGuard | undefined;

  /** Freezes the tree; `emit` gets each node once, valid only during the call. */
  constructor(tree: DataTree, emit: (node: SnapshotNode) => void) {
    this.#tree = tree;
    this.next = tree.guard;
    this.#emit = emit;
    this.#done = new Uint8Array(tree.nodes.used);
    for (let node = 0; node < this.#done.length; node++) if (!tree.nodes.isLive(node)) this.#done[node] = 1;
    tree.guard = this;
  }

  beforeChange(node: number): void {
    this.next?.beforeChange(node);
    if (node < this.#done.length && this.#done[node] === 0) this.#write(node);
  }

  created(node: number): void {
    this.next?.created(node);
    if (node < this.#done.length) this.#done[node] = 1;
  }

  /** Writes up to `count` more nodes; false when all are written, which thaws the tree. */
  advance(count: number): boolean {
    const end = this.#done.length;
    for (let written = 0; written < count && this.#cursor < end; this.#cursor++) {
      if (this.#done[this.#cursor] !== 0) continue;
      this.#write(this.#cursor);
      written++;
    }
    if (this.#cursor < end) return true;
    this.thaw();
    return false;
  }

  /** Gives the snapshot up. */
  thaw(): void {
    if (this.#tree.guard === this) {
      this.#tree.guard = this.next;
      return;
    }
    for (let guard = this.#tree.guard; guard !== undefined; guard = guard.next)
      if (guard.next === this) guard.next = this.next;
  }

  #write(node: number): void {
    const missing = [node];
    const { parent } = this.#tree.nodes;
    for (let above = parent[node]; above >= 0 && this.#done[above] === 0; above = parent[above]!) missing.push(above);
    for (let i = missing.length - 1; i >= 0; i--) {
      const next = missing[i];
      this.#done[next] = 1;
      this.#emit(this.#fill(next));
    }
  }

  #fill(node: number): SnapshotNode {
    const n = this.#tree.nodes;
    const to = this.#node;
    to.bytes = n.slab.chunk(n.pathAddress[node]);
    to.pathStart = n.slab.offset(n.pathAddress[node]);
    to.pathEnd = to.pathStart + n.pathLength[node];
    to.dataBytes = n.slab.chunk(n.dataAddress[node]);
    to.dataStart = n.slab.offset(n.dataAddress[node]);
    to.dataLength = n.dataLength[node]!;
    to.aclId = n.aclId[node]!;
    to.czxid = n.czxid[node]!;
    to.mzxid = n.mzxid[node]!;
    to.pzxid = n.pzxid[node]!;
    to.ctime = n.ctime[node]!;
    to.mtime = n.mtime[node]!;
    to.version = n.version[node]!;
    to.cversion = n.cversion[node]!;
    to.aversion = n.aversion[node]!;
    to.ownerHigh = n.ownerHigh[node]!;
    to.ownerLow = n.ownerLow[node]!;
    return to;
  }
}
