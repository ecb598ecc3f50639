// A learner as its leader sees it: one connection, who is at the other end, and how far it has come.

import { JuteWriter, PacketReader, ProtocolError, limits, zxidZero } from '@corral/protocol';
import type { Zxid } from '@corral/protocol';
import type { DiskOp, PeerLink, SnapshotSource } from '../effects.ts';

/** A greeting takes less than a hundred bytes, and nothing follows it before an answer. */
export const greetingBytesMax = 4096;

/**
 * greeting: has not said who it is. waiting: says it is a server that is connected already. promised: waits for the epoch to be fixed. informed: was told the epoch. acknowledged:
 * waits until a quorum has accepted the epoch. sending: its history is on the way. synchronised: has all of it and gets
 * every proposal. serving: was told that the leader is established.
 */
export type LearnerState =
  'greeting' | 'waiting' | 'promised' | 'informed' | 'acknowledged' | 'sending' | 'synchronised' | 'serving' | 'gone';

export class LearnerLink {
  readonly connection: number;
  readonly link: PeerLink;
  readonly reader: PacketReader;
  /** Packets for this learner alone, in their place before whatever is broadcast next. */
  readonly out = new JuteWriter(256);
  state: LearnerState = 'greeting';
  sid = -1;
  isObserver = false;
  /** It has promised a later epoch than the leader's, by what it says: it may hear which one that is, and no more. */
  isBeyond = false;
  /** The end of its history when it connected. */
  lastZxid = zxidZero;
  /** The epoch and the number of that history; undefined for a server that keeps no such number. */
  currentEpoch = -1;
  historyId: number | undefined;
  /** Whether it has acknowledged NEWLEADER. */
  hasHistory = false;
  /** Highest proposal of this epoch that it has accepted. */
  acked: Zxid = zxidZero;
  /** The same, as far as the trace has it. */
  traced: Zxid = zxidZero;
  /** Last transaction it was sent, while its history is on the way. */
  cursor = zxidZero;
  snapshot: SnapshotSource | undefined;
  /** How it was synchronised. */
  sync: 'none' | 'DIFF' | 'TRUNC' | 'SNAP' = 'none';
  /** Silence or slowness beyond this moment ends the connection. */
  deadline: number;
  /** Since when it owes an acknowledgement, and for what. */
  owesSince = Infinity;
  owes: Zxid = zxidZero;
  /** Since when something waits to be sent, as far as the pings have seen it. */
  queuedSince = Infinity;
  pings = 0;
  pongs = 0;
  readonly since: number;
  #received = 0;

  constructor(connection: number, link: PeerLink, now: number, deadline: number) {
    this.connection = connection;
    this.link = link;
    this.reader = new PacketReader(limits.learnerFieldBytesMax);
    this.since = now;
    this.deadline = deadline;
  }

  /** Whether it gets what is broadcast. */
  get isForwarded(): boolean {
    return this.state === 'synchronised' || this.state === 'serving';
  }

  get isGone(): boolean {
    return this.state === 'gone';
  }

  /** Takes what it says: next to nothing until it has said who it is. Throws ProtocolError. */
  push(bytes: Uint8Array, start: number, end: number): void {
    this.#received += end - start;
    if ((this.state === 'greeting' || this.state === 'waiting') && this.#received > greetingBytesMax)
      throw new ProtocolError('it says more than who it is, before it has an answer');
    this.reader.push(bytes, start, end);
  }

  /** Sends what is written for it. */
  flush(durable: DiskOp): void {
    if (this.out.length > 0 && this.state !== 'gone') this.link.send(this.out.detach(256), durable);
  }
}

/** Whether a server has its leader's history and acknowledges its proposals; who is to become a voter only observes. */
export function isFollowed(learners: ReadonlyMap<number, LearnerLink>, sid: number): boolean {
  for (const learner of learners.values())
    if (learner.sid === sid && learner.hasHistory && !learner.isObserver) return true;
  return false;
}
