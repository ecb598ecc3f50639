// What stands in the data of a QuorumPacket, type by type. Readers take the packet's `data` and answer with values, or
// with views where the content is opaque here (a client's request, a transaction). Writers append to a packet begun with
// `beginPacket`. Bytes behind the last field known are ignored, as Apache's servers do: a later release may add some.

import { ProtocolError } from '../errors.ts';
import { JuteReader } from '../jute/reader.ts';
import { decodeText, encodeText } from '../jute/text.ts';
import type { JuteWriter } from '../jute/writer.ts';
import { epochMax, zxidZero } from '../zxid.ts';
import type { Epoch, SessionId, Zxid } from '../zxid.ts';
import { readServerId, readZxid } from './numbers.ts';

/** Version of the handshake with leaderInfo and ackEpoch; a peer that names a lower one is older than 3.4. */
export const learnerProtocolVersion = 0x10000;
/** What a peer speaks that does not say. */
const oldestProtocolVersion = 1;

const touchBytes = 12;
const maxHistoryId = 1n << 53n;

function open(data: Uint8Array | null, bytesMin: number, what: string): JuteReader {
  if (data === null || data.length < bytesMin) {
    throw new ProtocolError(`${what} needs ${bytesMin} bytes of data, got ${data?.length ?? 'none'}`);
  }
  return new JuteReader(data);
}

const rest = (data: Uint8Array, at: number): Uint8Array => data.subarray(at);

/** followerInfo, observerInfo: who has connected. */
export interface LearnerInfo {
  readonly sid: number;
  readonly protocolVersion: number;
  /** Version of the configuration the learner runs with. */
  readonly configVersion: Zxid;
}

/** Older peers leave out the configuration (12 bytes) or everything but their id (8 bytes). */
export function readLearnerInfo(data: Uint8Array | null): LearnerInfo {
  const r = open(data, 8, 'the greeting of a learner');
  const sid = readServerId(r);
  const protocolVersion = r.remaining >= 4 ? r.int() : oldestProtocolVersion;
  const configVersion = r.remaining >= 8 ? readZxid(r) : zxidZero;
  return { sid, protocolVersion, configVersion };
}

export function writeLearnerInfo(out: JuteWriter, info: LearnerInfo): void {
  out.longNumber(info.sid);
  out.int(info.protocolVersion);
  out.longNumber(info.configVersion);
}

/** leaderInfo: the handshake version of the leader. */
export function readLeaderInfo(data: Uint8Array | null): number {
  return open(data, 4, 'leaderInfo').int();
}

export function writeLeaderInfo(out: JuteWriter, protocolVersion: number = learnerProtocolVersion): void {
  out.int(protocolVersion);
}

/** ackEpoch: the epoch the learner has followed last; undefined when it had promised this very epoch before. */
export function readAckEpoch(data: Uint8Array | null): Epoch | undefined {
  const epoch = open(data, 4, 'ackEpoch').int();
  if (epoch === -1) return undefined;
  if (epoch < 0 || epoch > epochMax) throw new ProtocolError(`epoch out of range: ${epoch}`);
  return epoch as Epoch;
}

export function writeAckEpoch(out: JuteWriter, currentEpoch: Epoch | undefined): void {
  out.int(currentEpoch ?? -1);
}

/**
 * What follows in an ackEpoch of servers that keep it: the number of their history, 0 for none. Undefined when it does not.
 */
export function readHistoryId(data: Uint8Array | null): number | undefined {
  if (data === null || data.length < 12) return undefined;
  const r = new JuteReader(data, 4);
  const id = r.long();
  return id > -maxHistoryId && id < maxHistoryId ? Number(id) : undefined;
}

export function writeHistoryId(out: JuteWriter, id: number): void {
  out.long(BigInt(id));
}

/** newLeader: the configuration as text. None, or a single byte, comes from peers that know no reconfiguration. */
export function readNewLeader(data: Uint8Array | null): string | undefined {
  return data === null || data.length <= 1 ? undefined : decodeText(data, 0, data.length);
}

export function writeNewLeader(out: JuteWriter, config: string): void {
  out.raw(encodeText(config));
}

/** revalidate, asked by a learner: is this session alive? */
export interface RevalidateRequest {
  readonly session: SessionId;
  readonly timeoutMs: number;
}

export function readRevalidateRequest(data: Uint8Array | null): RevalidateRequest {
  const r = open(data, 12, 'revalidate');
  return { session: r.long() as SessionId, timeoutMs: r.int() };
}

export function writeRevalidateRequest(out: JuteWriter, { session, timeoutMs }: RevalidateRequest): void {
  out.long(session);
  out.int(timeoutMs);
}

/** revalidate, answered by the leader. */
export interface RevalidateReply {
  readonly session: SessionId;
  readonly valid: boolean;
}

export function readRevalidateReply(data: Uint8Array | null): RevalidateReply {
  const r = open(data, 9, 'the answer to revalidate');
  return { session: r.long() as SessionId, valid: r.bool() };
}

export function writeRevalidateReply(out: JuteWriter, { session, valid }: RevalidateReply): void {
  out.long(session);
  out.bool(valid);
}

/** ping, answered by a learner: a session that was active since the last one. */
export interface Touch {
  readonly session: SessionId;
  readonly timeoutMs: number;
}

export function readTouches(data: Uint8Array | null): Touch[] {
  if (data === null) return [];
  if (data.length % touchBytes !== 0) throw new ProtocolError(`a list of sessions of ${data.length} bytes is ragged`);
  const r = new JuteReader(data);
  const touches: Touch[] = [];
  while (r.remaining > 0) touches.push({ session: r.long() as SessionId, timeoutMs: r.int() });
  return touches;
}

export function writeTouches(out: JuteWriter, touches: Iterable<Touch>): void {
  for (const { session, timeoutMs } of touches) {
    out.long(session);
    out.int(timeoutMs);
  }
}

/** request: what a client sent to the learner, to be answered through the log. */
export interface ForwardedRequest {
  readonly session: SessionId;
  /** The client's xid; 0 where the server itself asks. */
  readonly cxid: number;
  readonly opcode: number;
  /** The client's request without its header, unchanged. A view when read. */
  readonly body: Uint8Array;
}

export function readRequest(data: Uint8Array | null): ForwardedRequest {
  const r = open(data, 16, 'a request');
  return { session: r.long() as SessionId, cxid: r.int(), opcode: r.int(), body: rest(r.bytes, r.at) };
}

export function writeRequest(out: JuteWriter, { session, cxid, opcode, body }: ForwardedRequest): void {
  out.long(session);
  out.int(cxid);
  out.int(opcode);
  out.raw(body);
}

/** commitAndActivate: the server that shall lead once the new configuration is active. */
export function readCommitAndActivate(data: Uint8Array | null): number {
  return readServerId(open(data, 8, 'commitAndActivate'));
}

export function writeCommitAndActivate(out: JuteWriter, designatedLeader: number): void {
  out.longNumber(designatedLeader);
}

/** informAndActivate: the same, with the transaction itself. */
export interface InformAndActivate {
  readonly designatedLeader: number;
  /** A view when read. */
  readonly txn: Uint8Array;
}

export function readInformAndActivate(data: Uint8Array | null): InformAndActivate {
  const r = open(data, 8, 'informAndActivate');
  return { designatedLeader: readServerId(r), txn: rest(r.bytes, r.at) };
}

export function writeInformAndActivate(out: JuteWriter, { designatedLeader, txn }: InformAndActivate): void {
  out.longNumber(designatedLeader);
  out.raw(txn);
}

/** handOver, of a leader whose term is over. */
export interface HandOver {
  /** Who leads the next epoch. */
  readonly successor: number;
  /** At which server the client of each session is; given to the successor. */
  readonly owners: ReadonlyMap<SessionId, number>;
}

/** Undefined: the term is not over yet, but no more requests are taken. */
export function readHandOver(data: Uint8Array | null): HandOver | undefined {
  if (data === null || data.length === 0) return undefined;
  const r = open(data, 8, 'handOver');
  const successor = readServerId(r);
  const owners = new Map<SessionId, number>();
  while (r.remaining > 0) owners.set(r.long() as SessionId, readServerId(r));
  return { successor, owners };
}

export function writeHandOver(out: JuteWriter, { successor, owners }: HandOver): void {
  out.longNumber(successor);
  for (const [session, sid] of owners) {
    out.long(session);
    out.longNumber(sid);
  }
}
