// Serialises a tree: as a snapshot file with its three seals, or as the bare stream that a leader sends to a follower
// which is too far behind. The caller pushes sessions, access lists and znodes, and drains chunks as they fill.

import { JuteWriter, records } from '@corral/protocol';
import type { Acl, SessionId, Zxid } from '@corral/protocol';
import { adler32 } from '@corral/protocol';
import type { SnapshotNode } from './snapshot-node.ts';

/** `ZKSN`. */
export const snapshotMagic = 0x5a4b534e;
const formatVersion = 2;
export const snapshotHeaderBytes = 16;
/** Version of the tree digest, as in transactions. */
export const treeDigestVersion = 2;
/** Ends the stream between servers. */
export const streamSignature = 'BenWasHere';

/** file: header, tree, seals. stream: tree and signature, as after a SNAP packet. */
export type SnapshotForm = 'file' | 'stream';

export interface SnapshotEnding {
  /** Zxid of the state that was written; with exact snapshots the one in the file name. */
  readonly zxid: Zxid;
  /** Tree digest of that state; left out when the server keeps none. */
  readonly digest?: bigint;
  /** Last zxid applied; left out for readers before 3.9 that keep no digest. */
  readonly lastZxid?: Zxid;
}

export class SnapshotWriter {
  readonly #form: SnapshotForm;
  readonly #chunkBytes: number;
  readonly #chunks: Uint8Array[] = [];
  readonly #w: JuteWriter;
  #checksum = 1;
  /** Bytes of the current chunk that are already in the checksum. */
  #summed = 0;
  #finished = false;

  constructor(form: SnapshotForm = 'file', chunkBytes: number = 256 * 1024) {
    this.#form = form;
    this.#chunkBytes = chunkBytes;
    this.#w = new JuteWriter(chunkBytes + chunkBytes / 4);
    if (form === 'file') {
      this.#w.int(snapshotMagic);
      this.#w.int(formatVersion);
      this.#w.longNumber(-1);
    }
  }

  /** Sessions with their timeouts, then the access lists that nodes refer to. Once, before the first node. */
  begin(
    sessions: Iterable<readonly [id: SessionId, timeoutMs: number]>,
    acls: Iterable<readonly [id: number, acl: readonly Acl[]]>,
  ): void {
    const w = this.#w;
    const sessionList = [...sessions];
    w.int(sessionList.length);
    for (const [id, timeoutMs] of sessionList) {
      w.long(id);
      w.int(timeoutMs);
    }
    const aclList = [...acls];
    w.int(aclList.length);
    for (const [id, acl] of aclList) {
      w.longNumber(id);
      records.aclVector.write(w, acl);
      this.#flushWhenFull();
    }
  }

  /** One znode; its parent must have come before. */
  node(node: SnapshotNode): void {
    const w = this.#w;
    const pathBytes = node.pathEnd - node.pathStart;
    const dataBytes = Math.max(node.dataLength, 0);
    w.reserve(pathBytes + dataBytes + 76);
    w.int(pathBytes);
    copy(w, node.bytes, node.pathStart, pathBytes);
    w.int(node.dataLength);
    copy(w, node.dataBytes, node.dataStart, dataBytes);
    w.longNumber(node.aclId);
    w.longNumber(node.czxid);
    w.longNumber(node.mzxid);
    w.longNumber(node.ctime);
    w.longNumber(node.mtime);
    w.int(node.version);
    w.int(node.cversion);
    w.int(node.aversion);
    w.int(node.ownerHigh);
    w.int(node.ownerLow);
    w.longNumber(node.pzxid);
    if (w.length >= this.#chunkBytes) this.#flush();
  }

  /** Everything after the last node. */
  finish(ending: SnapshotEnding): void {
    const w = this.#w;
    w.text('/');
    if (this.#form === 'stream') w.text(streamSignature);
    else {
      this.#seal();
      if (ending.digest !== undefined) {
        w.longNumber(ending.zxid);
        w.int(treeDigestVersion);
        w.long(ending.digest);
        this.#seal();
      }
      if (ending.lastZxid !== undefined) {
        w.longNumber(ending.lastZxid);
        this.#seal();
      }
    }
    this.#finished = true;
    this.#flush();
  }

  /** The next full chunk, which the caller owns; after `finish` also the rest. Undefined when there is none yet. */
  drain(): Uint8Array | undefined {
    return this.#chunks.shift();
  }

  #flushWhenFull(): void {
    if (this.#w.length >= this.#chunkBytes) this.#flush();
  }

  #flush(): void {
    this.#sum();
    if (this.#w.length === 0) return;
    this.#summed = 0;
    this.#chunks.push(this.#w.detach(this.#finished ? 0 : this.#chunkBytes + this.#chunkBytes / 4));
  }

  #sum(): void {
    if (this.#form === 'stream') return;
    this.#checksum = adler32(this.#w.bytes, this.#summed, this.#w.length, this.#checksum);
    this.#summed = this.#w.length;
  }

  /** A checksum of everything so far, earlier seals included. */
  #seal(): void {
    this.#sum();
    this.#w.int(0);
    this.#w.int(this.#checksum);
    this.#w.text('/');
  }
}

/** Copies into memory that was reserved before. */
function copy(w: JuteWriter, from: Uint8Array, start: number, count: number): void {
  const to = w.bytes;
  let at = w.length;
  if (count > 64) to.set(from.subarray(start, start + count), at);
  else for (let i = start; i < start + count; i++) to[at++] = from[i]!;
  w.length += count;
}
