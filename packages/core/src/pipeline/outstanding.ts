// The tree as it will be when every write in flight is applied: requests are checked against this view, since they will
// be applied after those. Only paths with a change in flight are here; everything else is read from the tree.

import type { Acl, Zxid } from '@corral/protocol';
import type { DataTree } from '../tree/data-tree.ts';

/** What checks need to know of a node. Replaced, never changed, so that a failed multi can be undone. */
export interface PendingNode {
  /** The write in flight that changed it last; 0 when none did. */
  readonly zxid: Zxid;
  readonly exists: boolean;
  readonly version: number;
  /** Creates so far: the next sequence number. */
  readonly cversion: number;
  readonly aversion: number;
  readonly children: number;
  readonly dataLength: number;
  /** Session that owns an ephemeral, else 0. */
  readonly owner: bigint;
  readonly acl: readonly Acl[];
}

export class Outstanding {
  readonly #tree: DataTree;
  readonly #changed = new Map<string, PendingNode>();
  // What the request that is being prepared has changed: paths, and what stood there before.
  #paths: string[] = [];
  #before: (PendingNode | undefined)[] = [];
  #zxid = 0 as Zxid;

  constructor(tree: DataTree) {
    this.#tree = tree;
  }

  get size(): number {
    return this.#changed.size;
  }

  /** Starts a request: its changes will belong to this zxid. */
  begin(zxid: Zxid): void {
    this.#zxid = zxid;
    this.#paths = [];
    this.#before = [];
  }

  /** Takes back everything since `begin`. */
  rollBack(): void {
    for (let i = this.#paths.length - 1; i >= 0; i--) {
      const before = this.#before[i];
      if (before === undefined) this.#changed.delete(this.#paths[i]);
      else this.#changed.set(this.#paths[i], before);
    }
    this.begin(this.#zxid);
  }

  /** Paths changed since `begin`. */
  touched(): readonly string[] {
    return this.#paths;
  }

  get(path: string): PendingNode | undefined {
    const changed = this.#changed.get(path);
    if (changed !== undefined) return changed.exists ? changed : undefined;
    const node = this.#tree.find(path);
    return node < 0 ? undefined : this.#view(node);
  }

  /** A new node. */
  add(path: string, dataLength: number, owner: bigint, acl: readonly Acl[]): void {
    const zxid = this.#zxid;
    this.#put(path, { zxid, exists: true, version: 0, cversion: 0, aversion: 0, children: 0, dataLength, owner, acl });
  }

  /** The node is gone. */
  remove(path: string, node: PendingNode): void {
    const { version, cversion, aversion, dataLength, owner, acl } = node;
    const zxid = this.#zxid;
    this.#put(path, { zxid, exists: false, version, cversion, aversion, children: 0, dataLength, owner, acl });
  }

  /** A child came or went; `creates` is the parent's counter after that. */
  setChildren(path: string, node: PendingNode, children: number, creates: number): void {
    const { version, aversion, dataLength, owner, acl } = node;
    const zxid = this.#zxid;
    this.#put(path, { zxid, exists: true, version, cversion: creates, aversion, children, dataLength, owner, acl });
  }

  setData(path: string, node: PendingNode, version: number, dataLength: number): void {
    const { cversion, aversion, children, owner, acl } = node;
    this.#put(path, { zxid: this.#zxid, exists: true, version, cversion, aversion, children, dataLength, owner, acl });
  }

  setAcl(path: string, node: PendingNode, aversion: number, acl: readonly Acl[]): void {
    const { version, cversion, children, dataLength, owner } = node;
    this.#put(path, { zxid: this.#zxid, exists: true, version, cversion, aversion, children, dataLength, owner, acl });
  }

  #put(path: string, node: PendingNode): void {
    this.#paths.push(path);
    this.#before.push(this.#changed.get(path));
    this.#changed.set(path, node);
  }

  /** The write with this zxid was applied: what it changed last is in the tree now. */
  applied(zxid: Zxid, touched: readonly string[]): void {
    for (const path of touched) if (this.#changed.get(path)?.zxid === zxid) this.#changed.delete(path);
  }

  /** Ephemerals a session will own once everything in flight is applied. */
  ephemeralsOf(session: bigint): string[] {
    const paths: string[] = [];
    for (const node of this.#tree.ephemeralsOf(session)) {
      const path = this.#tree.path(node);
      if (!this.#changed.has(path)) paths.push(path);
    }
    for (const [path, node] of this.#changed) if (node.exists && node.owner === session) paths.push(path);
    return paths;
  }

  #view(node: number): PendingNode {
    const n = this.#tree.nodes;
    return {
      zxid: 0 as Zxid,
      exists: true,
      version: n.version[node],
      cversion: n.cversion[node],
      aversion: n.aversion[node],
      children: n.childCount[node],
      dataLength: Math.max(0, n.dataLength[node]),
      owner: this.#tree.owner(node),
      acl: this.#tree.acl(node),
    };
  }
}
