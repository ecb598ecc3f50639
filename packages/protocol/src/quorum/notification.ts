// The election port: the greeting with which a server opens a connection, and the notifications both ends send from then
// on. A notification is one vote with the state of its sender; who the sender is, the connection knows. Votes are
// counted elsewhere: here they are only read and written.

import { ProtocolError } from '../errors.ts';
import { JuteReader } from '../jute/reader.ts';
import { decodeText, encodeText } from '../jute/text.ts';
import type { JuteWriter } from '../jute/writer.ts';
import { epochMax, epochOf } from '../zxid.ts';
import type { Zxid } from '../zxid.ts';
import { bracketed, portOf, splitAtColons } from './host-port.ts';
import type { HostPort } from './host-port.ts';
import { readServerId, readUnlessNone, readZxid, writeUnlessNone } from './numbers.ts';

export const electionLimits = {
  /** Longest list of addresses in a greeting. */
  addressBytesMax: 2048,
  /** Longest notification, without its length. */
  notificationBytesMax: 0x80000,
} as const;

/** High halves are -1 for both: -65536 and -65535. */
const protocolLows = { v1: 0xffff0000, v2: 0xffff0001 } as const;
const initialHeadBytes = 20;

/**
 * The first bytes on an election connection, with at least one address unless legacy. `v1` carries one address, `v2` several; a `legacy` peer (before 3.5) sends
 * its id alone.
 */
export interface InitialMessage {
  readonly form: 'v1' | 'v2' | 'legacy';
  /** Undefined: an observer of old that has no id and must be given one for the time of the connection. */
  readonly sid: number | undefined;
  /** Where the sender listens for elections. Addresses that stand for all interfaces lead nowhere and are left out. */
  readonly addresses: readonly HostPort[];
}

/**
 * Reads the greeting at bytes[start, end); undefined when more bytes are needed. `consumed` is its length: what follows
 * belongs to SASL or is the first notification.
 */
export function parseInitialMessage(
  bytes: Uint8Array,
  start: number,
  end: number,
): (InitialMessage & { readonly consumed: number }) | undefined {
  if (end - start < 8) return undefined;
  const r = new JuteReader(bytes, start, end);
  const high = r.int();
  const low = r.int() >>> 0;
  if (high >= 0) {
    r.at = start;
    return { form: 'legacy', sid: readPeerId(r), addresses: [], consumed: 8 };
  }
  if (high !== -1 || (low !== protocolLows.v1 && low !== protocolLows.v2)) {
    throw new ProtocolError('the election greeting has an unknown version');
  }
  if (r.remaining < initialHeadBytes - 8) return undefined;
  const sid = readPeerId(r);
  const length = r.int();
  if (length < 1 || length > electionLimits.addressBytesMax) {
    throw new ProtocolError(`unreasonable length ${length} of election addresses`);
  }
  if (r.remaining < length) return undefined;
  const addresses = parseAddresses(decodeText(bytes, r.at, r.at + length));
  return { form: low === protocolLows.v1 ? 'v1' : 'v2', sid, addresses, consumed: initialHeadBytes + length };
}

export function writeInitialMessage(out: JuteWriter, { form, sid, addresses }: InitialMessage): void {
  if (form === 'legacy') return writePeerId(out, sid);
  out.int(-1);
  out.int(protocolLows[form]);
  writePeerId(out, sid);
  out.buffer(encodeText(addresses.map(({ host, port }) => `${bracketed(host)}:${port}`).join('|')));
}

/** Java's largest long is what observers without an id once used. */
function readPeerId(r: JuteReader): number | undefined {
  const start = r.at;
  if (r.int() === 0x7fffffff && r.int() === -1) return undefined;
  r.at = start;
  return readServerId(r);
}

function writePeerId(out: JuteWriter, sid: number | undefined): void {
  if (sid !== undefined) return out.longNumber(sid);
  out.int(0x7fffffff);
  out.int(-1);
}

function parseAddresses(text: string): HostPort[] {
  const addresses: HostPort[] = [];
  for (const part of text.split('|')) {
    const [host, portText, ...more] = splitAtColons(part) ?? [''];
    const port = portOf(portText, 0);
    if (host === '' || port === undefined || more.length > 0) throw new ProtocolError('malformed election address');
    if (!isWildcard(host)) addresses.push({ host, port });
  }
  return addresses;
}

const isWildcard = (host: string): boolean => host === '0.0.0.0' || /^[0:]*:[0:]*$/.test(host);

const electionStates = ['looking', 'following', 'leading', 'observing'] as const;
export type ElectionState = (typeof electionStates)[number];

/** What a server tells the others. */
export interface Ballot {
  /** Of the sender. */
  readonly state: ElectionState;
  /** Undefined: the sender has no vote of its own (an observer, a joiner). */
  readonly leader: number | undefined;
  /** Last zxid of the proposed leader; -1 where its history is not known. */
  readonly zxid: Zxid | undefined;
  /** The sender's logical clock; `ballotNone` when its vote is not the outcome of an election. */
  readonly round: number;
  /** Current epoch of the proposed leader; `ballotNone` after a reconfiguration handed leadership over. */
  readonly peerEpoch: number | undefined;
}

/** A vote that was set without an election, at start or by a reconfiguration, has this round; seen on real servers. */
export const ballotNone = -1;

export interface Notification extends Ballot {
  /** 0 stands for the two short forms of old releases. */
  readonly version: number;
  /** The sender's committed configuration; absent before version 2. May be anything: see `parseEnsembleConfig`. */
  readonly config: string | undefined;
}

/** The version that is written. */
export const notificationVersion = 2;
/** Without peerEpoch; and with it, but four bytes that mean nothing where later forms have the version. */
const shortFormBytes = 28;
const middleFormBytes = 40;

/**
 * Where the frame at bytes[start, end) ends: its notification is bytes[start + 4, answer). Undefined when more bytes are
 * needed.
 */
export function notificationEnd(bytes: Uint8Array, start: number, end: number): number | undefined {
  if (end - start < 4) return undefined;
  const length = new JuteReader(bytes, start, end).int();
  if (length < 1 || length > electionLimits.notificationBytesMax) {
    throw new ProtocolError(`unreasonable length ${length} of a notification`);
  }
  return end - start - 4 >= length ? start + 4 + length : undefined;
}

/** Reads a notification, given without its length. Throws ProtocolError on one that must be dropped. */
export function readNotification(message: Uint8Array): Notification {
  if (message.length < shortFormBytes)
    throw new ProtocolError(`a notification of ${message.length} bytes is too short`);
  const r = new JuteReader(message, 0, message.length, electionLimits.notificationBytesMax);
  const state = electionStates[readStateIndex(r)];
  const leader = readUnlessNone(r, readServerId);
  const zxid = readUnlessNone(r, readZxid);
  const round = readRound(r);
  if (message.length === shortFormBytes) {
    const peerEpoch = zxid === undefined ? undefined : epochOf(zxid);
    return { state, leader, zxid, round, peerEpoch, version: 0, config: undefined };
  }
  const peerEpoch = readUnlessNone(r, readPeerEpoch);
  const version = message.length === middleFormBytes ? 0 : r.int();
  return { state, leader, zxid, round, peerEpoch, version, config: version > 1 ? readConfig(r) : undefined };
}

/** Appends a notification as a frame, length included, in the form that every server since 3.5 understands. */
export function writeNotification(out: JuteWriter, ballot: Ballot & { readonly config: string }): void {
  const frame = out.beginFrame();
  out.int(electionStates.indexOf(ballot.state));
  writeUnlessNone(out, ballot.leader);
  writeUnlessNone(out, ballot.zxid);
  out.longNumber(ballot.round);
  writeUnlessNone(out, ballot.peerEpoch);
  out.int(notificationVersion);
  out.text(ballot.config);
  out.endFrame(frame);
}

function readStateIndex(r: JuteReader): number {
  const index = r.int();
  if (index < 0 || index >= electionStates.length) throw new ProtocolError(`unknown election state ${index}`);
  return index;
}

function readRound(r: JuteReader): number {
  const round = r.longNumber();
  if (!Number.isSafeInteger(round) || round < ballotNone)
    throw new ProtocolError(`election round out of range: ${round}`);
  return round;
}

function readPeerEpoch(r: JuteReader): number {
  const epoch = r.longNumber();
  if (epoch < ballotNone || epoch > epochMax) throw new ProtocolError(`epoch out of range: ${epoch}`);
  return epoch;
}

function readConfig(r: JuteReader): string {
  const config = r.text();
  if (config === null) throw new ProtocolError('a notification with a negative configuration length');
  return config;
}
