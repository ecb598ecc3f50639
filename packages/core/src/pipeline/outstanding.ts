// The tree as it will be when every write in flight is applied: requests are checked against this view, since they will
// be applied after those. Only paths with a change in flight are here; everything else is read from the tree.

import type { Acl, Zxid } from '@corral/protocol';
import type { DataTree } from '../tree/data-tree.ts';

/** What checks need to know of a node. Replaced, never changed, so that a failed multi can be undone. */
export interface PendingNode {
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

interface Entry {
  readonly node: PendingNode;
  readonly zxid: Zxid;
}

export class Outstanding {
  readonly #tree: DataTree;
  readonly #entries = new Map<string, Entry>();
  #journal: [path: string, before: Entry | undefined][] = [];
  #zxid = 0 as Zxid;

  constructor(tree: DataTree) {
    this.#tree = tree;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Starts a request: its changes will belong to this zxid. */
  begin(zxid: Zxid): void {
    this.#zxid = zxid;
    this.#journal = [];
  }

  /** Takes back everything since `begin`. */
  rollBack(): void {
    for (const [path, before] of this.#journal.reverse()) {
      if (before === undefined) this.#entries.delete(path);
      else this.#entries.set(path, before);
    }
    this.#journal = [];
  }

  /** Paths changed since `begin`. */
  touched(): string[] {
    return this.#journal.map(([path]) => path);
  }

  get(path: string): PendingNode | undefined {
    const entry = this.#entries.get(path);
    if (entry !== undefined) return entry.node.exists ? entry.node : undefined;
    const node = this.#tree.find(path);
    return node < 0 ? undefined : this.#view(node);
  }

  put(path: string, node: PendingNode): void {
    this.#journal.push([path, this.#entries.get(path)]);
    this.#entries.set(path, { node, zxid: this.#zxid });
  }

  /** The write with this zxid was applied: what it changed last is in the tree now. */
  applied(zxid: Zxid, touched: readonly string[]): void {
    for (const path of touched) if (this.#entries.get(path)?.zxid === zxid) this.#entries.delete(path);
  }

  /** Ephemerals a session will own once everything in flight is applied. */
  ephemeralsOf(session: bigint): string[] {
    const paths: string[] = [];
    for (const node of this.#tree.ephemeralsOf(session)) {
      const path = this.#tree.path(node);
      if (!this.#entries.has(path)) paths.push(path);
    }
    for (const [path, { node }] of this.#entries) if (node.exists && node.owner === session) paths.push(path);
    return paths;
  }

  #view(node: number): PendingNode {
    const n = this.#tree.nodes;
    return {
      exists: true,
      version: n.version[node]!,
      cversion: n.cversion[node]!,
      aversion: n.aversion[node]!,
      children: n.childCount[node]!,
      dataLength: Math.max(0, n.dataLength[node]!),
      owner: this.#tree.owner(node),
      acl: this.#tree.acl(node),
    };
  }
}
