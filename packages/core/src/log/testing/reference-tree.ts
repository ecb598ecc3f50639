// The replay rules in their plainest form: a map of nodes, a sum over all of them. Slow and easy to check by eye, it is
// the oracle for the real tree and verifies the digests of recorded transactions on the way.

import { JuteWriter, ProtocolError, decodeText, encodeText } from '@corral/protocol';
import type { Acl, SessionId } from '@corral/protocol';
import { crc32 } from '@corral/protocol';
import type { RecoveryTarget } from '../recovery.ts';
import type { SnapshotNode } from '../snapshot-node.ts';
import type { CreateTxn, SingleTxn, Txn, TxnDigest, TxnHeader } from '../txn.ts';

export interface ReferenceNode {
  data: Uint8Array | null;
  acl: readonly Acl[];
  czxid: number;
  mzxid: number;
  ctime: number;
  mtime: number;
  version: number;
  /** Stored form. */
  cversion: number;
  aversion: number;
  /** Stored 64 bits, signed. */
  owner: bigint;
  pzxid: number;
  readonly children: Set<string>;
}

export type OwnerKind = 'persistent' | 'ephemeral' | 'container' | 'ttl';
const containerOwner = -(2n ** 63n);
const ttlMark = 0xffn << 56n;
const open: readonly Acl[] = [{ perms: 31, id: { scheme: 'world', id: 'anyone' } }];
const quotaRoot = '/zookeeper/quota';

export function ownerKind(owner: bigint): OwnerKind {
  if (owner === 0n) return 'persistent';
  if (owner === containerOwner) return 'container';
  return (BigInt.asUintN(64, owner) & ttlMark) === ttlMark ? 'ttl' : 'ephemeral';
}

/** The root has the empty path. */
const parentOf = (path: string): string => path.slice(0, path.lastIndexOf('/'));

export class ReferenceTree implements RecoveryTarget {
  readonly nodes = new Map<string, ReferenceNode>();
  readonly sessions = new Map<SessionId, number>();
  digest = 0n;
  lastZxid = 0;
  digestsChecked = 0;
  readonly digestMismatches: number[] = [];
  readonly #acls = new Map<number, readonly Acl[]>();
  /** A snapshot's digest becomes comparable when replay reaches its zxid; until then the tree may be fuzzy. */
  #pending: { zxid: number; value: bigint } | undefined;

  session(id: SessionId, timeoutMs: number): void {
    this.sessions.set(id, timeoutMs);
  }

  acl(id: number, acl: readonly Acl[]): void {
    this.#acls.set(id, acl);
  }

  node(node: SnapshotNode): void {
    const path = decodeText(node.bytes, node.pathStart, node.pathEnd);
    const acl = node.aclId === -1 ? open : this.#acls.get(node.aclId);
    if (acl === undefined) throw new ProtocolError(`no ACL ${node.aclId}`);
    const data = node.dataLength < 0 ? null : node.dataBytes.slice(node.dataStart, node.dataStart + node.dataLength);
    const owner = (BigInt(node.ownerHigh) << 32n) | BigInt(node.ownerLow >>> 0);
    const { czxid, mzxid, ctime, mtime, version, cversion, aversion, pzxid } = node;
    const stat = { czxid, mzxid, ctime, mtime, version, cversion, aversion, pzxid };
    if (path !== '') this.#get(parentOf(path)).children.add(path);
    this.nodes.set(path, { data, acl, ...stat, owner, children: new Set() });
  }

  snapshotDone(snapshot: Parameters<RecoveryTarget['snapshotDone']>[0]): void {
    this.lastZxid = snapshot.zxid;
    for (const path of this.nodes.keys()) this.#add(path, 1n);
    for (const path of this.nodes.keys()) {
      if (path.startsWith(`${quotaRoot}/`) && path.endsWith('/zookeeper_limits')) {
        this.#recount(path.slice(quotaRoot.length, -'/zookeeper_limits'.length));
      }
    }
    const digest = snapshot.digest;
    if (digest === undefined || digest.zxid === 0) return;
    if (digest.zxid > snapshot.zxid) this.#pending = digest;
    else if (digest.zxid === snapshot.zxid) this.#compare(digest.zxid, digest.value);
  }

  txn(header: TxnHeader, txn: Txn, digest?: TxnDigest): void {
    this.#apply(header, txn);
    this.lastZxid = header.zxid;
    if (this.#pending !== undefined) {
      if (header.zxid < this.#pending.zxid) return;
      if (header.zxid === this.#pending.zxid) this.#compare(header.zxid, this.#pending.value);
      this.#pending = undefined;
    } else if (digest?.version === 2) this.#compare(header.zxid, digest.value);
  }

  #compare(zxid: number, value: bigint): void {
    this.digestsChecked += 1;
    if (BigInt.asUintN(64, value) !== BigInt.asUintN(64, this.digest)) this.digestMismatches.push(zxid);
  }

  #apply(header: TxnHeader, txn: Txn): void {
    switch (txn.kind) {
      case 'createSession':
        this.sessions.set(header.clientId, txn.timeoutMs);
        return;
      case 'closeSession':
        this.sessions.delete(header.clientId);
        for (const path of txn.paths ?? []) this.#delete(path, header.zxid);
        for (const [path, node] of [...this.nodes]) {
          const owned = node.owner === header.clientId && ownerKind(node.owner) === 'ephemeral';
          if (owned) this.#delete(path, header.zxid);
        }
        return;
      case 'multi':
        if (txn.parts.some((part) => part.kind === 'error')) return;
        for (const part of txn.parts) this.#applySingle(header, part);
        return;
      default:
        this.#applySingle(header, txn);
    }
  }

  #applySingle(header: TxnHeader, txn: SingleTxn): void {
    switch (txn.kind) {
      case 'create':
        return this.#create(header, txn);
      case 'delete':
        return this.#delete(txn.path, header.zxid);
      case 'setData':
        return this.#change(txn.path, (node) => {
          const grown = (txn.data?.length ?? 0) - (node.data?.length ?? 0);
          Object.assign(node, { data: txn.data, mtime: header.time, mzxid: header.zxid, version: txn.version });
          this.#quota(txn.path, grown, 0);
        });
      case 'setAcl':
        return this.#change(txn.path, (node) => Object.assign(node, { acl: txn.acl, aversion: txn.version }));
      case 'check':
      case 'error':
        return;
    }
  }

  #change(path: string, change: (node: ReferenceNode) => void): void {
    const node = this.nodes.get(path);
    if (node === undefined) return;
    this.#add(path, -1n);
    change(node);
    this.#add(path, 1n);
  }

  #create(header: TxnHeader, txn: CreateTxn): void {
    const { zxid, time } = header;
    const parentPath = parentOf(txn.path);
    const parent = this.nodes.get(parentPath);
    if (parent === undefined) return;
    const cversion = txn.parentCversion === -1 ? parent.cversion + 1 : txn.parentCversion;
    const raise = (node: ReferenceNode): void => {
      if (cversion > node.cversion) Object.assign(node, { cversion, pzxid: zxid });
    };
    const existing = this.nodes.get(txn.path);
    if (existing !== undefined) {
      existing.acl = txn.acl;
      if (txn.code === 1) this.#change(parentPath, raise);
      return;
    }
    this.#change(parentPath, raise);
    parent.children.add(txn.path);
    const stat = {
      czxid: zxid,
      mzxid: zxid,
      ctime: time,
      mtime: time,
      version: 0,
      cversion: 0,
      aversion: 0,
      pzxid: zxid,
    };
    this.nodes.set(txn.path, {
      data: txn.data,
      acl: txn.acl,
      ...stat,
      owner: ownerOf(header, txn),
      children: new Set(),
    });
    this.#add(txn.path, 1n);
    if (txn.path.startsWith(`${quotaRoot}/`) && txn.path.endsWith('/zookeeper_stats')) {
      this.#recount(parentPath.slice(quotaRoot.length));
    }
    this.#quota(txn.path, txn.data?.length ?? 0, 1);
  }

  #delete(path: string, zxid: number): void {
    this.#change(parentOf(path), (parent) => {
      parent.children.delete(path);
      parent.pzxid = Math.max(parent.pzxid, zxid);
    });
    const node = this.nodes.get(path);
    if (node === undefined) return;
    this.#add(path, -1n);
    this.nodes.delete(path);
    this.#quota(path, -(node.data?.length ?? 0), -1);
  }

  #get(path: string): ReferenceNode {
    const node = this.nodes.get(path);
    if (node === undefined) throw new ProtocolError(`no node ${path}`);
    return node;
  }

  #add(path: string, sign: bigint): void {
    this.digest = BigInt.asIntN(64, this.digest + sign * nodeDigest(path, this.#get(path)));
  }

  /** Usage below a quota is kept by every replica in the data of a node, without a transaction. */
  #quota(path: string, bytes: number, count: number): void {
    let limited = path;
    while (limited !== '' && !this.nodes.has(`${quotaRoot}${limited}/zookeeper_limits`)) limited = parentOf(limited);
    const stats = limited === '' ? undefined : this.nodes.get(`${quotaRoot}${limited}/zookeeper_stats`);
    if (stats === undefined) return;
    const usage = parseUsage(stats.data ?? new Uint8Array(0));
    stats.data = usageText(usage.count + count, usage.bytes + bytes);
  }

  #recount(limited: string): void {
    const stats = this.nodes.get(`${quotaRoot}${limited}/zookeeper_stats`);
    if (stats === undefined) return;
    let count = 0;
    let bytes = 0;
    for (const [path, node] of this.nodes) {
      if (path !== limited && !path.startsWith(`${limited}/`)) continue;
      count += 1;
      bytes += node.data?.length ?? 0;
    }
    stats.data = usageText(count, bytes);
  }
}

function ownerOf(header: TxnHeader, txn: CreateTxn): bigint {
  if (txn.code === 19) return containerOwner;
  if (txn.code === 21) return BigInt.asIntN(64, ttlMark | BigInt(txn.ttlMs));
  return txn.ephemeral ? header.clientId : 0n;
}

function nodeDigest(path: string, node: ReferenceNode): bigint {
  if (path.startsWith('/zookeeper/')) return 0n;
  const w = new JuteWriter();
  w.raw(encodeText(path));
  if (node.data !== null) w.raw(node.data);
  for (const value of [node.czxid, node.mzxid, node.pzxid, node.ctime, node.mtime]) w.longNumber(value);
  for (const value of [node.version, node.cversion, node.aversion]) w.int(value);
  w.long(node.owner);
  return BigInt(crc32(w.bytes, 0, w.length));
}

function parseUsage(data: Uint8Array): { count: number; bytes: number } {
  const text = decodeText(data, 0, data.length);
  const field = (name: string): number => Number(new RegExp(`(?:^|[,;])${name}=(-?\\d+)`).exec(text)?.[1] ?? 0);
  return { count: field('count'), bytes: field('bytes') };
}

const usageText = (count: number, bytes: number): Uint8Array => encodeText(`count=${count},bytes=${bytes}`);
