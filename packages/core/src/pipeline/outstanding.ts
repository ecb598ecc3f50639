// The tree as it will be when every write in flight is applied: requests are checked against this view, since they will
// be applied after those. Only paths with a change in flight are here; everything else is read from the tree.

import type { Acl, Zxid } from '@corral/protocol';
import type { DataTree } from '../tree/data-tree.ts';
import type { DigestHalves } from '@corral/protocol';
import { PendingDigest } from './pending-digest.ts';
import type { PendingStat, StoredOwner } from './pending-digest.ts';

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
  /** Missing while no digest is kept, and where nothing is in flight. */
  readonly stat: PendingStat | undefined;
  /** What the node adds to the digest of the tree; set once, when the change is put among those in flight. */
  contributes: number;
}

/** What a new node holds. */
export interface NewNode {
  readonly data: Uint8Array | null;
  /** Session that owns it as an ephemeral, else 0. */
  readonly owner: bigint;
  readonly acl: readonly Acl[];
  /** Marks of sessions, containers and times to live, as they are stored. */
  readonly storedOwner: StoredOwner | undefined;
}

export class Outstanding {
  readonly #tree: DataTree;
  readonly #changed = new Map<string, PendingNode>();
  // What the request that is being prepared has changed: paths, and what stood there before.
  #paths: string[] = [];
  #before: (PendingNode | undefined)[] = [];
  #zxid = 0 as Zxid;
  /** The digest of the tree behind everything in flight, if one is kept. */
  #digest: PendingDigest | undefined;

  constructor(tree: DataTree, keepsDigest = false) {
    this.#tree = tree;
    this.#digest = keepsDigest ? new PendingDigest(tree) : undefined;
  }

  get size(): number {
    return this.#changed.size;
  }

  /** Digest of the tree once everything prepared so far is applied. */
  get digest(): DigestHalves | undefined {
    return this.#digest?.halves;
  }

  /** It was wrong, so no more of it is told. */
  distrustDigest(): void {
    this.#digest = undefined;
  }

  /** Starts a request: its changes will belong to this zxid and have this time. */
  begin(zxid: Zxid, time: number): void {
    this.#zxid = zxid;
    this.#paths = [];
    this.#before = [];
    this.#digest?.begin(time);
  }

  /** Takes back everything since `begin`. */
  rollBack(): void {
    for (let i = this.#paths.length - 1; i >= 0; i--) {
      const before = this.#before[i];
      if (before === undefined) this.#changed.delete(this.#paths[i]);
      else this.#changed.set(this.#paths[i], before);
    }
    this.#paths = [];
    this.#before = [];
    this.#digest?.rollBack();
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
  add(path: string, { data, owner, acl, storedOwner }: NewNode): void {
    const zxid = this.#zxid;
    const dataLength = data?.length ?? 0;
    const stat = this.#digest?.created(path, data, zxid, storedOwner);
    this.#put(path, pending(zxid, true, 0, 0, 0, 0, dataLength, owner, acl, stat));
  }

  /** The node is gone. */
  remove(path: string, node: PendingNode): void {
    const { version, cversion, aversion, dataLength, owner, acl } = node;
    this.#put(path, pending(this.#zxid, false, version, cversion, aversion, 0, dataLength, owner, acl, undefined));
  }

  /** A child came or went; `creates` is the parent's counter after that. */
  setChildren(path: string, node: PendingNode, children: number, creates: number): void {
    const { version, aversion, dataLength, owner, acl } = node;
    const zxid = this.#zxid;
    // After 2^31 creates the counter of the tree stands still, and this view of it does not.
    if (creates < node.cversion) this.distrustDigest();
    const before = this.#statOf(path, node);
    const stat = before && this.#digest?.childrenChanged(before, zxid);
    this.#put(path, pending(zxid, true, version, creates, aversion, children, dataLength, owner, acl, stat));
  }

  setData(path: string, node: PendingNode, version: number, data: Uint8Array | null): void {
    const { cversion, aversion, children, owner, acl } = node;
    const zxid = this.#zxid;
    const before = this.#statOf(path, node);
    const stat = before && this.#digest?.written(path, before, data, zxid);
    this.#put(path, pending(zxid, true, version, cversion, aversion, children, data?.length ?? 0, owner, acl, stat));
  }

  setAcl(path: string, node: PendingNode, aversion: number, acl: readonly Acl[]): void {
    const { version, cversion, children, dataLength, owner } = node;
    const stat = this.#statOf(path, node);
    this.#put(path, pending(this.#zxid, true, version, cversion, aversion, children, dataLength, owner, acl, stat));
  }

  #statOf(path: string, node: PendingNode): PendingStat | undefined {
    return this.#digest && (node.stat ?? this.#digest.statOf(path));
  }

  #put(path: string, node: PendingNode): void {
    const before = this.#changed.get(path);
    this.#paths.push(path);
    this.#before.push(before);
    this.#changed.set(path, node);
    const digest = this.#digest;
    if (digest === undefined) return;
    const contributed = before === undefined ? digest.contributed(path) : before.contributes;
    const { stat, version, cversion, aversion } = node;
    node.contributes = digest.replace(path, contributed, stat, version, cversion, aversion);
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
    return pending(
      0 as Zxid,
      true,
      n.version[node],
      n.cversion[node],
      n.aversion[node],
      n.childCount[node],
      Math.max(0, n.dataLength[node]),
      this.#tree.owner(node),
      this.#tree.acl(node),
      undefined,
    );
  }
}

/** One shape for all of them: this is on the path of every write. */
const pending = (
  zxid: Zxid,
  exists: boolean,
  version: number,
  cversion: number,
  aversion: number,
  children: number,
  dataLength: number,
  owner: bigint,
  acl: readonly Acl[],
  stat: PendingStat | undefined,
): PendingNode => ({
  zxid,
  exists,
  version,
  cversion,
  aversion,
  children,
  dataLength,
  owner,
  acl,
  stat,
  contributes: 0,
});
