// The unit of the leader port: everything a leader and its learners say to each other is a QuorumPacket. What stands in
// `data` depends on the type and is read by bodies.ts. A packet has no length in front: where it ends is only known from
// the lengths inside it, and behind a snap packet a raw snapshot follows that is no packet at all.

import { ProtocolError } from '../errors.ts';
import { copyBytes } from '../jute/bytes.ts';
import { JuteReader } from '../jute/reader.ts';
import type { Infer } from '../jute/record.ts';
import type { JuteWriter } from '../jute/writer.ts';
import { limits } from '../limits.ts';
import type { idRecord } from '../records.ts';
import type { Zxid } from '../zxid.ts';
import { isWireZxid } from './numbers.ts';

export const packetTypes = {
  /** learner to leader: a client's write or sync; carries the client's identities */
  request: 1,
  /** leader to follower: a transaction to log and acknowledge */
  proposal: 2,
  /** learner to leader: logged up to here; also answers newLeader and upToDate */
  ack: 3,
  /** leader to follower: the proposal with this zxid may be applied */
  commit: 4,
  /** both ways: the learner's answer lists the sessions that were active */
  ping: 5,
  /** learner asks whether a session that moved to it is alive, leader answers */
  revalidate: 6,
  /** leader to learner: the oldest sync asked for on this connection is answered */
  sync: 7,
  /** leader to observer: a committed transaction */
  inform: 8,
  /** leader to follower: commit of a reconfiguration, with the leader that shall follow */
  commitAndActivate: 9,
  /** leader to learner: the history is complete; carries the configuration */
  newLeader: 10,
  /** follower to leader: its first packet, with the epoch it has promised */
  followerInfo: 11,
  /** leader to learner: go live */
  upToDate: 12,
  /** leader to learner: keep your state, what is missing follows */
  diff: 13,
  /** leader to learner: cut your log back to this zxid */
  trunc: 14,
  /** leader to learner: a snapshot follows as a raw stream */
  snap: 15,
  /** observer to leader: its first packet */
  observerInfo: 16,
  /** leader to learner: the new epoch */
  leaderInfo: 17,
  /** learner to leader: the new epoch is promised; carries the last epoch followed */
  ackEpoch: 18,
  /** leader to observer: inform of a reconfiguration */
  informAndActivate: 19,
  /**
   * An extension that learners of other make skip. Leader to learner: send no more requests, or, when the learner has
   * answered that it does not: my term is over, this server leads the next epoch. Learner to leader: none will follow.
   */
  handOver: 64,
  /** Another extension. Learner to leader: behind the transaction `zxid` my tree has another digest than yours. */
  differs: 65,
  /** Another. Leader to learner: the number of the history (as zxid), and one byte that says what of it. */
  historyId: 66,
} as const;
export type PacketName = keyof typeof packetTypes;

/** Names by type. A type that is missing here is from another release: it is skipped, not refused. */
export const packetNames: ReadonlyMap<number, PacketName> = new Map(
  (Object.keys(packetTypes) as PacketName[]).map((name) => [packetTypes[name], name]),
);

/** One identity of a client's connection. */
export type Id = Infer<typeof idRecord>;

export interface QuorumPacket {
  readonly type: number;
  /** `zxidNone` where the type has no use for it. */
  readonly zxid: Zxid;
  readonly data: Uint8Array | null;
  /** Null in everything but requests: an empty list and none are not the same to a leader. */
  readonly authinfo: readonly Id[] | null;
}

/** Type, zxid and the length of the data. */
const headBytes = 16;
/** The least an identity takes: two empty strings. */
const idBytesMin = 8;
/** A carry buffer above this is given back once its packet is read. */
const carryKeptBytesMax = 1 << 18;
const noBytes = new Uint8Array(0);

const readId = (r: JuteReader): Id => ({ scheme: r.text(), id: r.text() });
const writeId = (out: JuteWriter, { scheme, id }: Id): void => {
  out.text(scheme);
  out.text(id);
};

export function writePacket(
  out: JuteWriter,
  type: number,
  zxid: Zxid,
  data: Uint8Array | null = null,
  authinfo: readonly Id[] | null = null,
): void {
  out.int(type);
  out.longNumber(zxid);
  out.buffer(data);
  out.vector(authinfo, writeId);
}

/** Starts a packet whose data is written in place, without an array of its own; returns what `endPacket` needs. */
export function beginPacket(out: JuteWriter, type: number, zxid: Zxid): number {
  out.int(type);
  out.longNumber(zxid);
  return out.beginFrame();
}

export function endPacket(out: JuteWriter, at: number, authinfo: readonly Id[] | null = null): void {
  out.endFrame(at);
  out.vector(authinfo, writeId);
}

/**
 * Finds the packets in a stream of bytes that is cut anywhere. Usage: `push` what came, then `next` until it answers
 * undefined, then push again. Packets that lie within one chunk are read where they are; of a packet that is spread over
 * several, exactly its own bytes are gathered. What a packet holds is valid until the next call of `push` or `next`.
 *
 * After a snap packet call `takeRest` instead of `next`, and `push` what is left when the snapshot has ended. After a
 * ProtocolError the stream cannot be resumed: nobody knows where the next packet begins.
 */
export class PacketReader {
  readonly #fieldBytesMax: number;
  readonly #reader: JuteReader;
  #chunk: Uint8Array = noBytes;
  #at = 0;
  #end = 0;
  /** The beginning of a packet that is not complete yet; it comes before the chunk. */
  #carry: Uint8Array = noBytes;
  #carryAt = 0;
  #carryEnd = 0;
  /** Bytes that the current packet has at least, by the lengths seen so far: they are never looked at twice. */
  #wanted = headBytes;
  #part: 'head' | 'ids' | 'strings' | 'rest' = 'head';
  /** Strings of authinfo whose length has not been seen. */
  #strings = 0;

  constructor(fieldBytesMax: number = limits.fieldBytesMax) {
    this.#fieldBytesMax = fieldBytesMax;
    this.#reader = new JuteReader(noBytes, 0, 0, fieldBytesMax);
  }

  /** Takes bytes[start, end), which must stay as they are until `next` has answered undefined. */
  push(bytes: Uint8Array, start = 0, end: number = bytes.length): void {
    if (this.#at < this.#end) this.#gather(this.#end - this.#at);
    this.#chunk = bytes;
    this.#at = start;
    this.#end = end;
  }

  /** The next complete packet, or undefined when more bytes are needed. Throws ProtocolError on what is no packet. */
  next(): QuorumPacket | undefined {
    while (this.#carryAt < this.#carryEnd) {
      if (this.#isComplete(this.#carry, this.#carryAt, this.#carryEnd)) {
        const at = this.#carryAt;
        this.#carryAt += this.#wanted;
        return this.#read(this.#carry, at);
      }
      const missing = this.#wanted - (this.#carryEnd - this.#carryAt);
      const count = Math.min(missing, this.#end - this.#at);
      if (count === 0) return undefined;
      this.#gather(count);
    }
    if (this.#isComplete(this.#chunk, this.#at, this.#end)) {
      const at = this.#at;
      this.#at += this.#wanted;
      return this.#read(this.#chunk, at);
    }
    this.#gather(this.#end - this.#at);
    return undefined;
  }

  /** Hands out a copy of the bytes that were not read, and forgets them. */
  takeRest(): Uint8Array {
    this.#gather(this.#end - this.#at);
    const rest = copyBytes(this.#carry, this.#carryAt, this.#carryEnd);
    this.#carryAt = this.#carryEnd;
    this.#expectHead();
    return rest;
  }

  #expectHead(): void {
    this.#wanted = headBytes;
    this.#part = 'head';
  }

  /** Moves bytes from the chunk to the carry buffer. */
  #gather(count: number): void {
    if (count === 0) return;
    this.#makeRoom(count);
    this.#carry.set(this.#chunk.subarray(this.#at, this.#at + count), this.#carryEnd);
    this.#carryEnd += count;
    this.#at += count;
  }

  #makeRoom(count: number): void {
    const have = this.#carryEnd - this.#carryAt;
    if (have === 0) {
      this.#carryAt = 0;
      this.#carryEnd = 0;
      if (this.#carry.length > carryKeptBytesMax) this.#carry = noBytes;
    }
    const needed = have + count;
    if (this.#carryEnd + count <= this.#carry.length) return;
    // Doubling what is really here, not what a length declares: memory is only given for bytes that were sent.
    const room = needed <= this.#carry.length ? this.#carry : new Uint8Array(Math.max(needed, 2 * have, 512));
    room.set(this.#carry.subarray(this.#carryAt, this.#carryEnd));
    this.#carry = room;
    this.#carryAt = 0;
    this.#carryEnd = have;
  }

  /** Whether bytes[at, end) hold the whole packet; then `#wanted` is its length. Goes on where the last call stopped. */
  #isComplete(bytes: Uint8Array, at: number, end: number): boolean {
    while (end - at >= this.#wanted) {
      const mark = at + this.#wanted - 4;
      switch (this.#part) {
        case 'head':
          if (!isWireZxid(intAt(bytes, at + 4), intAt(bytes, at + 8))) {
            throw new ProtocolError(`zxid out of range in a packet of type ${intAt(bytes, at)}`);
          }
          this.#wanted += this.#length(bytes, mark) + 4;
          this.#part = 'ids';
          break;
        case 'ids':
          this.#strings = 2 * this.#idCount(bytes, mark);
          if (this.#strings > 0) this.#wanted += 4;
          this.#part = this.#strings > 0 ? 'strings' : 'rest';
          break;
        case 'strings':
          this.#strings -= 1;
          this.#wanted += this.#length(bytes, mark) + (this.#strings > 0 ? 4 : 0);
          if (this.#strings === 0) this.#part = 'rest';
          if (this.#wanted > headBytes + 4 + 2 * this.#fieldBytesMax) {
            throw new ProtocolError('a packet with too many identities');
          }
          break;
        case 'rest':
          return true;
      }
    }
    return false;
  }

  #length(bytes: Uint8Array, at: number): number {
    const length = intAt(bytes, at);
    if (length < -1 || length > this.#fieldBytesMax) throw new ProtocolError(`unreasonable length ${length}`);
    return Math.max(length, 0);
  }

  #idCount(bytes: Uint8Array, at: number): number {
    const count = intAt(bytes, at);
    if (count < -1 || count * idBytesMin > this.#fieldBytesMax) {
      throw new ProtocolError(`unreasonable number of identities ${count}`);
    }
    return Math.max(count, 0);
  }

  /** Reads the packet that `#isComplete` has found. */
  #read(bytes: Uint8Array, at: number): QuorumPacket {
    const r = this.#reader.reset(bytes, at, at + this.#wanted);
    this.#expectHead();
    const type = r.int();
    const zxid = r.longNumber() as Zxid;
    const data = r.view();
    return { type, zxid, data, authinfo: r.vector(readId) };
  }
}

function intAt(b: Uint8Array, at: number): number {
  return (b[at] << 24) | (b[at + 1] << 16) | (b[at + 2] << 8) | b[at + 3];
}
