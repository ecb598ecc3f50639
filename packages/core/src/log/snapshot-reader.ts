// Reads a snapshot as it streams by, a million znodes a second: one reused node object, paths and data as views. Nothing
// is trusted before the seals fit, so the sink must be a tree that can be thrown away.

import { JuteReader, ProtocolError, decodeText, isSafeZxid, records } from '@corral/protocol';
import type { Acl, SessionId, Zxid } from '@corral/protocol';
import { adler32 } from '@corral/protocol';
import { SnapshotNode } from './snapshot-node.ts';
import { snapshotHeaderBytes, snapshotMagic, streamSignature } from './snapshot-writer.ts';
import type { SnapshotForm } from './snapshot-writer.ts';

export interface SnapshotSink {
  session(id: SessionId, timeoutMs: number): void;
  acl(id: number, acl: readonly Acl[]): void;
  /** Valid during the call only. */
  node(node: SnapshotNode): void;
}

export interface SnapshotSummary {
  readonly sessions: number;
  readonly nodes: number;
  readonly bytes: number;
  /** Digest of the tree once replay has reached `zxid`; a zxid of 0 means none. */
  readonly digest?: { readonly zxid: Zxid; readonly version: number; readonly value: bigint };
  /** Last zxid applied when the snapshot was complete. */
  readonly lastZxid?: Zxid;
}

/** Stored part of a node behind path and data: ACL id and persisted Stat. */
const nodeTailBytes = 68;
const sealBytes = 13;
const digestSectionBytes = 20 + sealBytes;
const lastZxidSectionBytes = 8 + sealBytes;
/** No path and no data is longer; a length above is damage. Waiting for so many bytes would only fill memory. */
const fieldBytesMax = 1 << 28;
const twoTo32 = 4294967296;
/** High half of the largest zxid or time that a number holds exactly. */
const safeHighMax = 2 ** 21;
const slash = 0x2f;

type Part = 'header' | 'sessionCount' | 'sessions' | 'aclCount' | 'acls' | 'nodes' | 'seal' | 'sections' | 'done';

export class SnapshotReader {
  readonly #sink: SnapshotSink;
  readonly #form: SnapshotForm;
  readonly #node = new SnapshotNode();
  #buffer: Uint8Array = new Uint8Array(0);
  #at = 0;
  #end = 0;
  /** Bytes of the buffer that are already in the checksum. */
  #summed = 0;
  #checksum = 1;
  #part: Part;
  /** Sessions or access lists still to come. */
  #left = 0;
  #sessions = 0;
  #nodes = 0;
  #bytes = 0;

  constructor(sink: SnapshotSink, form: SnapshotForm = 'file') {
    this.#sink = sink;
    this.#form = form;
    this.#part = form === 'file' ? 'header' : 'sessionCount';
  }

  /** Takes the next bytes, of any number. Throws ProtocolError when they cannot be a snapshot. */
  push(chunk: Uint8Array): void {
    this.#bytes += chunk.length;
    this.#take(chunk);
    while (this.#step());
    this.#sum(this.#at);
  }

  /** A stream is complete when its signature has come; a file only ends where it ends. */
  get done(): boolean {
    return this.#part === 'done';
  }

  /** Bytes behind the signature of a stream: they belong to the packets that follow. */
  leftover(): Uint8Array {
    return this.#buffer.slice(this.#at, this.#end);
  }

  /** No more bytes will come. Throws ProtocolError unless a complete and well sealed snapshot was read. */
  finish(): SnapshotSummary {
    const counts = { sessions: this.#sessions, nodes: this.#nodes, bytes: this.#bytes };
    if (this.#part === 'done') return counts;
    if (this.#part !== 'sections') throw new ProtocolError('the snapshot ends too early');
    const rest = this.#end - this.#at;
    const hasDigest = rest === digestSectionBytes || rest === digestSectionBytes + lastZxidSectionBytes;
    const hasLastZxid = rest === lastZxidSectionBytes || rest === digestSectionBytes + lastZxidSectionBytes;
    if (rest !== 0 && !hasDigest && !hasLastZxid) throw new ProtocolError(`the snapshot ends with ${rest} odd bytes`);
    const digest = hasDigest ? this.#readDigest() : undefined;
    const lastZxid = hasLastZxid ? this.#readLastZxid() : undefined;
    return { ...counts, ...(digest && { digest }), ...(lastZxid !== undefined && { lastZxid }) };
  }

  #readDigest(): NonNullable<SnapshotSummary['digest']> {
    const r = new JuteReader(this.#buffer, this.#at, this.#end);
    const zxid = safeZxid(r.longNumber());
    const version = r.int();
    const value = BigInt.asUintN(64, r.long());
    this.#at = r.at;
    this.#seal();
    return { zxid, version, value };
  }

  #readLastZxid(): Zxid {
    const zxid = safeZxid(new JuteReader(this.#buffer, this.#at, this.#end).longNumber());
    this.#at += 8;
    this.#seal();
    return zxid;
  }

  /** Moves what is left to the front and puts the chunk behind it. */
  #take(chunk: Uint8Array): void {
    const left = this.#end - this.#at;
    const needed = left + chunk.length;
    const grown =
      needed > this.#buffer.length ? new Uint8Array(Math.max(needed, this.#buffer.length * 2)) : this.#buffer;
    if (grown !== this.#buffer) grown.set(this.#buffer.subarray(this.#at, this.#end));
    else grown.copyWithin(0, this.#at, this.#end);
    grown.set(chunk, left);
    this.#buffer = grown;
    this.#at = 0;
    this.#end = needed;
    this.#summed = 0;
  }

  /** Consumes one piece; false when more bytes are needed. */
  #step(): boolean {
    switch (this.#part) {
      case 'header':
        return this.#header();
      case 'sessionCount':
        return this.#count('sessions');
      case 'sessions':
        return this.#session();
      case 'aclCount':
        return this.#count('acls');
      case 'acls':
        return this.#acl();
      case 'nodes':
        return this.#readNodes();
      case 'seal':
        return this.#firstSeal();
      case 'sections':
        if (this.#end - this.#at > digestSectionBytes + lastZxidSectionBytes) {
          throw new ProtocolError('bytes behind the end of the snapshot');
        }
        return false;
      case 'done':
        return false;
    }
  }

  #header(): boolean {
    if (this.#end - this.#at < snapshotHeaderBytes) return false;
    if (this.#int(this.#at) !== snapshotMagic) throw new ProtocolError('this is not a snapshot');
    this.#at += snapshotHeaderBytes;
    this.#part = 'sessionCount';
    return true;
  }

  #count(next: 'sessions' | 'acls'): boolean {
    if (this.#end - this.#at < 4) return false;
    this.#left = this.#int(this.#at);
    if (this.#left < 0) throw new ProtocolError(`impossible number of ${next}`);
    this.#at += 4;
    this.#part = next;
    return true;
  }

  #session(): boolean {
    if (this.#left === 0) {
      this.#part = 'aclCount';
      return true;
    }
    if (this.#end - this.#at < 12) return false;
    const r = new JuteReader(this.#buffer, this.#at, this.#end);
    this.#sink.session(r.long() as SessionId, r.int());
    this.#at += 12;
    this.#left -= 1;
    this.#sessions += 1;
    return true;
  }

  #acl(): boolean {
    if (this.#left === 0) {
      this.#part = 'nodes';
      return true;
    }
    if (!this.#aclIsHere()) return false;
    const r = new JuteReader(this.#buffer, this.#at, this.#end, fieldBytesMax);
    const id = r.longNumber();
    this.#sink.acl(id, records.aclVector.read(r) ?? []);
    this.#at = r.at;
    this.#left -= 1;
    return true;
  }

  /** Whether a whole entry of the ACL table is in the buffer: id, count, then permissions and two strings each. */
  #aclIsHere(): boolean {
    let at = this.#at + 8;
    if (at + 4 > this.#end) return false;
    const count = this.#int(at);
    if (count < -1 || count > fieldBytesMax)
      throw new ProtocolError(`impossible number of entries in an ACL: ${count}`);
    at += 4;
    for (let field = 0; field < 2 * count; field++) {
      if (field % 2 === 0) at += 4;
      if (at + 4 > this.#end) return false;
      at += 4 + Math.max(this.#length(at), 0);
    }
    return at <= this.#end;
  }

  #length(at: number): number {
    const length = this.#int(at);
    if (length < -1 || length > fieldBytesMax) throw new ProtocolError(`unreasonable length ${length}`);
    return length;
  }

  /** All complete nodes in the buffer; true when the list has ended. */
  #readNodes(): boolean {
    const b = this.#buffer;
    const node = this.#node;
    node.bytes = b;
    node.dataBytes = b;
    const end = this.#end;
    for (;;) {
      const at = this.#at;
      if (at + 5 > end) return this.#endOfNodes();
      const pathLength = this.#length(at);
      if (pathLength < 0) throw new ProtocolError('a node without a path');
      if (pathLength === 1 && b[at + 4] === slash) return this.#endOfNodes();
      const dataAt = at + 4 + pathLength;
      if (dataAt + 4 > end) return false;
      const dataLength = this.#length(dataAt);
      const tailAt = dataAt + 4 + (dataLength > 0 ? dataLength : 0);
      if (tailAt + nodeTailBytes > end) return false;
      node.pathStart = at + 4;
      node.pathEnd = dataAt;
      node.dataStart = dataAt + 4;
      node.dataLength = dataLength;
      this.#readTail(node, tailAt);
      this.#at = tailAt + nodeTailBytes;
      this.#nodes += 1;
      this.#sink.node(node);
    }
  }

  #readTail(node: SnapshotNode, at: number): void {
    node.aclId = this.#long(at);
    node.czxid = this.#long(at + 8);
    node.mzxid = this.#long(at + 16);
    node.ctime = this.#long(at + 24);
    node.mtime = this.#long(at + 32);
    node.version = this.#int(at + 40);
    node.cversion = this.#int(at + 44);
    node.aversion = this.#int(at + 48);
    node.ownerHigh = this.#int(at + 52);
    node.ownerLow = this.#int(at + 56);
    node.pzxid = this.#long(at + 60);
  }

  /** The path `/` closes the list. In a stream the signature follows and nothing more. */
  #endOfNodes(): boolean {
    const signatureBytes = 4 + streamSignature.length;
    const needed = this.#form === 'stream' ? 5 + signatureBytes : 5;
    if (this.#end - this.#at < needed) return false;
    this.#at += 5;
    this.#part = 'seal';
    if (this.#form === 'file') return true;
    const start = this.#at + 4;
    const signature = decodeText(this.#buffer, start, start + streamSignature.length);
    const lengthFits = this.#int(this.#at) === streamSignature.length;
    if (!lengthFits || signature !== streamSignature) throw new ProtocolError('the snapshot stream has no signature');
    this.#at += signatureBytes;
    this.#part = 'done';
    return true;
  }

  #firstSeal(): boolean {
    if (this.#end - this.#at < sealBytes) return false;
    this.#seal();
    this.#part = 'sections';
    return true;
  }

  /** Compares everything before with the checksum that follows. */
  #seal(): void {
    this.#sum(this.#at);
    const at = this.#at;
    const marked = this.#int(at + 8) === 1 && this.#buffer[at + 12] === slash;
    if (!marked || this.#int(at) !== 0 || this.#int(at + 4) >>> 0 !== this.#checksum) {
      throw new ProtocolError('the checksum of the snapshot is wrong');
    }
    this.#at += sealBytes;
  }

  #sum(end: number): void {
    if (this.#form === 'file') this.#checksum = adler32(this.#buffer, this.#summed, end, this.#checksum);
    this.#summed = end;
  }

  #int(at: number): number {
    const b = this.#buffer;
    return (b[at] << 24) | (b[at + 1] << 16) | (b[at + 2] << 8) | b[at + 3];
  }

  #long(at: number): number {
    const high = this.#int(at);
    if (high >= safeHighMax || high < -safeHighMax) throw new ProtocolError('a number of a node is out of range');
    return high * twoTo32 + (this.#int(at + 4) >>> 0);
  }
}

function safeZxid(value: number): Zxid {
  if (!isSafeZxid(value)) throw new ProtocolError(`zxid out of range in a snapshot: ${value}`);
  return value;
}
