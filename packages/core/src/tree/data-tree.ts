// The replicated tree: applies transactions, answers queries, keeps what depends on the nodes (ephemerals by session,
// containers, quotas, digest) in step. It knows nothing of requests, connections or logs.
//
// Applying is idempotent, so a log may be replayed over a snapshot that already holds part of its effects.

import { JuteWriter, ProtocolError, decodeText, encodeText, openAcl, perms, systemPaths } from '@corral/protocol';
import type { Acl, Zxid } from '@corral/protocol';
import type { CreateTxn, SetAclTxn, SetDataTxn, SingleTxn, TxnHeader } from '../log/txn.ts';
import type { SnapshotNode } from '../log/snapshot-node.ts';
import { AclTable } from './acl-table.ts';
import { NodeStore } from './node-store.ts';
import { ownerKind, sessionOfOwner, storedOwner, ttlOf } from './owner.ts';
import type { OwnerKind, OwnerOptions } from './owner.ts';
import { QuotaKeeper } from './quota-keeper.ts';
import { TreeDigest } from './tree-digest.ts';
import { writeStat } from './stat.ts';

/** Hears of changes in the order they happen; `acl` is that of the node concerned at that moment. */
export interface TreeListener {
  created(path: string, acl: readonly Acl[]): void;
  deleted(path: string, acl: readonly Acl[]): void;
  changed(path: string, acl: readonly Acl[]): void;
  childrenChanged(path: string, acl: readonly Acl[]): void;
  softQuotaExceeded(path: string): void;
}

/** Is told of a node right before it changes, so that a snapshot being written can set the old state aside. */
export interface ChangeGuard {
  beforeChange(node: number): void;
  created(node: number): void;
  /** The guard that was set before this one and is told as well. */
  next: ChangeGuard | undefined;
}

export interface TreeOptions extends OwnerOptions {
  readonly hashSeed: number;
}

const emptyBytes = new Uint8Array(0);
const readOnlyAcl: readonly Acl[] = [{ perms: perms.read, id: { scheme: 'world', id: 'anyone' } }];

export class DataTree {
  readonly nodes: NodeStore;
  readonly acls = new AclTable();
  readonly quotas: QuotaKeeper;
  readonly digest: TreeDigest;
  readonly containers = new Set<number>();
  readonly ttls = new Set<number>();
  readonly #ephemerals = new Map<bigint, Set<number>>();
  readonly #options: OwnerOptions;
  readonly #pathScratch = new JuteWriter(256);
  /** Zxid of the last transaction applied. */
  lastZxid = 0 as Zxid;
  /** Bytes of all paths and data, for `approximate_data_size`. */
  dataBytes = 0;
  ephemeralCount = 0;
  listener: TreeListener | undefined;
  guard: ChangeGuard | undefined;

  constructor(options: TreeOptions) {
    this.#options = options;
    this.nodes = new NodeStore(options.hashSeed);
    this.digest = new TreeDigest(this.nodes);
    this.quotas = new QuotaKeeper({
      nodes: this.nodes,
      find: (path) => this.find(path),
      path: (node) => this.path(node),
      text: (node) => this.#text(node),
      writeText: (node, text) => this.#writeText(node, text),
      softQuotaExceeded: (path) => this.listener?.softQuotaExceeded(path),
    });
  }

  /** The nodes every tree starts with. */
  addSystemNodes(): void {
    this.#addSystemNode('', -1, openAcl);
    this.#addSystemNode(systemPaths.zookeeper, 0, openAcl);
    this.#addSystemNode(systemPaths.quota, this.find(systemPaths.zookeeper), openAcl);
    this.ensureConfigNode();
  }

  /** Trees of old servers lack the configuration node. */
  ensureConfigNode(): void {
    const parent = this.find(systemPaths.zookeeper);
    if (parent < 0 || this.find(systemPaths.config) >= 0) return;
    const node = this.#addSystemNode(systemPaths.config, parent, readOnlyAcl);
    this.nodes.aversion[node] = -1;
  }

  #addSystemNode(path: string, parent: number, acl: readonly Acl[]): number {
    const node = this.#add(path, parent);
    this.nodes.setData(node, emptyBytes, 0, 0);
    this.nodes.aclId[node] = this.acls.acquire(acl);
    this.digest.refresh(node);
    return node;
  }

  /** Index of a node, -1 when missing. `/` and the empty string are the root. */
  find(path: string): number {
    const bytes = this.#pathBytes(path);
    return this.nodes.find(bytes.bytes, 0, bytes.length);
  }

  #pathBytes(path: string): JuteWriter {
    const scratch = this.#pathScratch;
    scratch.clear();
    scratch.reserve(path.length);
    for (let i = 0; i < path.length; i++) {
      const unit = path.charCodeAt(i);
      if (unit >= 0x80) {
        scratch.clear();
        scratch.raw(encodeText(path));
        return scratch;
      }
      scratch.bytes[i] = unit;
    }
    scratch.length = path.length;
    return scratch;
  }

  acl(node: number): readonly Acl[] {
    return this.acls.get(this.nodes.aclId[node]);
  }

  kind(node: number): OwnerKind {
    return ownerKind(this.nodes.ownerHigh[node], this.nodes.ownerLow[node], this.#options);
  }

  /** Session that owns an ephemeral; 0 for every other node. */
  owner(node: number): bigint {
    if (this.kind(node) !== 'ephemeral') return 0n;
    return sessionOfOwner(this.nodes.ownerHigh[node], this.nodes.ownerLow[node]);
  }

  ttlMs(node: number): number {
    return ttlOf(this.nodes.ownerHigh[node], this.nodes.ownerLow[node]);
  }

  /** Path as text; `/` for the root. */
  path(node: number): string {
    const { slab, pathAddress, pathLength } = this.nodes;
    const length = pathLength[node];
    if (length === 0) return '/';
    const at = slab.offset(pathAddress[node]);
    return decodeText(slab.chunk(pathAddress[node]), at, at + length);
  }

  /** A copy of the data; null when null was stored. */
  data(node: number): Uint8Array | null {
    const { slab, dataAddress, dataLength } = this.nodes;
    const length = dataLength[node];
    if (length <= 0) return length < 0 ? null : emptyBytes;
    const at = slab.offset(dataAddress[node]);
    return slab.chunk(dataAddress[node]).slice(at, at + length);
  }

  writeStat(node: number, to: JuteWriter): void {
    writeStat(this.nodes, node, to, this.kind(node) === 'ephemeral');
  }

  /** Indexes of the ephemerals a session owns. */
  ephemeralsOf(session: bigint): ReadonlySet<number> {
    return this.#ephemerals.get(session) ?? new Set();
  }

  ephemeralOwners(): IterableIterator<[bigint, ReadonlySet<number>]> {
    return this.#ephemerals.entries();
  }

  /** Number of nodes below `node`. */
  descendants(node: number): number {
    const { firstChild, nextSibling, childCount } = this.nodes;
    if (node === 0) return this.nodes.count - 1;
    let count = childCount[node];
    const open = [firstChild[node]];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      for (let child = at; child >= 0; child = nextSibling[child]!) {
        if (childCount[child] === 0) continue;
        count += childCount[child];
        open.push(firstChild[child]);
      }
    }
    return count;
  }

  /** Applies one change; returns the node it concerns, or -1 when there is none (left). */
  apply(header: TxnHeader, txn: SingleTxn): number {
    switch (txn.kind) {
      case 'create':
        return this.#applyCreate(header, txn);
      case 'delete':
        return this.#applyDelete(header, txn.path);
      case 'setData':
        return this.#applySetData(header, txn);
      case 'setAcl':
        return this.#applySetAcl(txn);
      case 'check':
      case 'error':
        return -1;
    }
  }

  /** The transaction with this zxid is applied to its end. */
  completed(zxid: Zxid): void {
    this.quotas.settle();
    this.lastZxid = zxid;
  }

  /** Deletes the ephemerals of a session: those the leader listed first, in its order, then whatever is left. */
  closeSession(header: TxnHeader, paths: readonly string[] | null): void {
    for (const path of paths ?? []) this.#applyDelete(header, path);
    for (const node of [...this.ephemeralsOf(header.clientId)]) this.#applyDelete(header, this.path(node));
  }

  #applyCreate(header: TxnHeader, txn: CreateTxn): number {
    const parent = this.#parentOf(txn.path);
    if (parent < 0) return -1;
    const existing = this.find(txn.path);
    if (existing >= 0) {
      this.#replaceAcl(existing, txn.acl);
      if (txn.code === 1) this.#countCreate(parent, txn.parentCversion, header.zxid);
      return existing;
    }
    this.#countCreate(parent, txn.parentCversion, header.zxid);
    const node = this.#add(txn.path, parent);
    this.#fill(node, header, txn);
    this.#index(node);
    this.digest.refresh(node);
    this.quotas.created(txn.path, node);
    this.listener?.created(txn.path, txn.acl);
    this.listener?.childrenChanged(this.path(parent), this.acl(parent));
    return node;
  }

  #fill(node: number, header: TxnHeader, txn: CreateTxn): void {
    const n = this.nodes;
    n.setData(node, txn.data ?? emptyBytes, 0, txn.data === null ? -1 : txn.data.length);
    this.dataBytes += txn.data?.length ?? 0;
    n.aclId[node] = this.acls.acquire(txn.acl);
    n.czxid[node] = n.mzxid[node] = n.pzxid[node] = header.zxid;
    n.ctime[node] = n.mtime[node] = header.time;
    const owner = storedOwner(txn.code, txn.ttlMs, txn.ephemeral ? header.clientId : 0n);
    if (owner === undefined) return;
    n.ownerHigh[node] = owner.high;
    n.ownerLow[node] = owner.low;
  }

  /** Adds a node to the lists of its kind. */
  #index(node: number): void {
    switch (this.kind(node)) {
      case 'persistent':
        return;
      case 'container':
        this.containers.add(node);
        return;
      case 'ttl':
        this.ttls.add(node);
        return;
      case 'ephemeral': {
        const session = this.owner(node);
        const owned = this.#ephemerals.get(session);
        if (owned === undefined) this.#ephemerals.set(session, new Set([node]));
        else owned.add(node);
        this.ephemeralCount++;
      }
    }
  }

  #unindex(node: number): void {
    this.containers.delete(node);
    this.ttls.delete(node);
    if (this.kind(node) !== 'ephemeral') return;
    const session = this.owner(node);
    const owned = this.#ephemerals.get(session);
    if (owned?.delete(node)) this.ephemeralCount--;
    if (owned?.size === 0) this.#ephemerals.delete(session);
  }

  #add(path: string, parent: number): number {
    const scratch = this.#pathBytes(path);
    const node = this.nodes.add(parent, scratch.bytes, 0, scratch.length);
    this.guard?.created(node);
    this.dataBytes += scratch.length;
    return node;
  }

  #parentOf(path: string): number {
    const cut = path.lastIndexOf('/');
    return cut < 0 ? -1 : this.find(path.slice(0, cut));
  }

  /**
   * Raises the parent's count of creates, never beyond 2^31 - 1: what wraps there is smaller, so the count stands still and
   * the next sequential node has the name of the last one, as it does for Apache.
   */
  #countCreate(parent: number, parentCversion: number, zxid: Zxid): void {
    const n = this.nodes;
    const next = parentCversion === -1 ? (n.cversion[parent] + 1) | 0 : parentCversion;
    if (next <= n.cversion[parent]) return;
    this.guard?.beforeChange(parent);
    n.cversion[parent] = next;
    n.pzxid[parent] = zxid;
    this.digest.refresh(parent);
  }

  #applyDelete(header: TxnHeader, path: string): number {
    const n = this.nodes;
    const node = this.find(path);
    const parent = this.#parentOf(path);
    if (parent >= 0 && header.zxid > n.pzxid[parent]) {
      this.guard?.beforeChange(parent);
      n.pzxid[parent] = header.zxid;
    }
    if (node > 0) {
      // Children mean a replay: they are younger than this transaction, and their own will bring them back.
      for (let child = n.firstChild[node]; child >= 0; child = n.firstChild[node]!)
        this.#applyDelete(header, this.path(child));
      this.guard?.beforeChange(node);
      this.#remove(node, path);
    }
    if (parent >= 0) this.digest.refresh(parent);
    return -1;
  }

  #remove(node: number, path: string): void {
    const n = this.nodes;
    const acl = this.acl(node);
    const parent = n.parent[node];
    this.quotas.deleting(path, node);
    this.#unindex(node);
    this.digest.remove(node);
    this.dataBytes -= n.pathLength[node] + Math.max(0, n.dataLength[node]);
    this.acls.release(n.aclId[node]);
    n.remove(node);
    this.listener?.deleted(path, acl);
    this.listener?.childrenChanged(this.path(parent), this.acl(parent));
  }

  #applySetData(header: TxnHeader, txn: SetDataTxn): number {
    const n = this.nodes;
    const node = this.find(txn.path);
    if (node < 0) return -1;
    this.guard?.beforeChange(node);
    const added = (txn.data?.length ?? 0) - Math.max(0, n.dataLength[node]);
    n.setData(node, txn.data ?? emptyBytes, 0, txn.data === null ? -1 : txn.data.length);
    this.dataBytes += added;
    n.mzxid[node] = header.zxid;
    n.mtime[node] = header.time;
    n.version[node] = txn.version;
    this.digest.refresh(node);
    this.quotas.dataChanged(txn.path, node, added);
    this.listener?.changed(txn.path, this.acl(node));
    return node;
  }

  #applySetAcl(txn: SetAclTxn): number {
    const node = this.find(txn.path);
    if (node < 0) return -1;
    this.#replaceAcl(node, txn.acl);
    this.nodes.aversion[node] = txn.version;
    this.digest.refresh(node);
    return node;
  }

  #replaceAcl(node: number, acl: readonly Acl[]): void {
    this.guard?.beforeChange(node);
    const old = this.nodes.aclId[node];
    this.nodes.aclId[node] = this.acls.acquire(acl);
    this.acls.release(old);
  }

  #text(node: number): string {
    const data = this.data(node);
    return data === null ? '' : decodeText(data, 0, data.length);
  }

  #writeText(node: number, text: string): void {
    this.guard?.beforeChange(node);
    const bytes = encodeText(text);
    this.dataBytes += bytes.length - Math.max(0, this.nodes.dataLength[node]);
    this.nodes.setData(node, bytes, 0, bytes.length);
  }

  // Loading a snapshot: nodes come parents first.

  /** Adds a node of a snapshot. Throws ProtocolError when its parent is missing or its ACL impossible. */
  loadNode(from: SnapshotNode): void {
    const n = this.nodes;
    const { bytes, pathStart, pathEnd } = from;
    const parent = pathStart === pathEnd ? -1 : this.#loadParent(bytes, pathStart, pathEnd);
    this.acls.expect(from.aclId);
    const node = n.add(parent, bytes, pathStart, pathEnd);
    n.setData(node, from.dataBytes, from.dataStart, from.dataLength);
    this.dataBytes += pathEnd - pathStart + Math.max(0, from.dataLength);
    this.acls.retain(from.aclId);
    n.aclId[node] = from.aclId;
    n.czxid[node] = from.czxid;
    n.mzxid[node] = from.mzxid;
    n.pzxid[node] = from.pzxid;
    n.ctime[node] = from.ctime;
    n.mtime[node] = from.mtime;
    n.version[node] = from.version;
    n.cversion[node] = from.cversion;
    n.aversion[node] = from.aversion;
    n.ownerHigh[node] = from.ownerHigh;
    n.ownerLow[node] = from.ownerLow;
    if ((from.ownerHigh | from.ownerLow) !== 0) this.#index(node);
    this.digest.refresh(node);
  }

  #loadParent(bytes: Uint8Array, start: number, end: number): number {
    let cut = end - 1;
    while (cut > start && bytes[cut] !== 47) cut--;
    const parent = this.nodes.find(bytes, start, cut);
    if (parent < 0) throw new ProtocolError(`node ${decodeText(bytes, start, end)} comes before its parent`);
    return parent;
  }

  /** After the last node: unused ACLs go, quotas are taken up. */
  finishLoading(): void {
    this.acls.dropUnused();
    this.ensureConfigNode();
    this.quotas.loaded();
  }
}
