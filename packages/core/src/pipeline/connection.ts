// One client connection as the core sees it: what it is, who it is, and what it waits for. Replies leave in request
// order: while a write of the connection is in flight, everything behind it queues up here.

import type { Session } from '../sessions/session-table.ts';
import type { Identity } from '../acl/schemes.ts';
import type { Link } from '../effects.ts';
import type { DigestHalves } from '@corral/protocol';
import type { Txn, TxnHeader } from '../log/txn.ts';

/** A write between its proposal and its application: the transaction and whoever waits for the answer. */
export interface Write {
  readonly kind: 'write';
  /** Undefined for the server's own: expiry and reaping. */
  readonly connection: Connection | undefined;
  readonly xid: number;
  readonly opcode: number;
  readonly header: TxnHeader;
  readonly txn: Txn;
  /** Paths whose pending state this write changed. */
  readonly touched: readonly string[];
  /** Opcodes of a multi's parts, in order. */
  readonly partOpcodes: readonly number[] | undefined;
  readonly receivedAt: number;
  /** Of the tree behind this write, as it was told to others. */
  readonly digest: DigestHalves | undefined;
}

/** A request that has to wait for the writes before it. The frame is a copy. */
export interface DeferredFrame {
  readonly kind: 'frame';
  readonly bytes: Uint8Array;
  readonly identities: readonly Identity[];
  readonly receivedAt: number;
}
/** An answer that is known but must not overtake earlier ones. */
export interface DeferredError {
  readonly kind: 'error';
  readonly xid: number;
  readonly code: number;
}
/** The end of a session that no transaction ends: answered, then hung up. */
export interface Farewell {
  readonly kind: 'farewell';
  readonly xid: number;
}
/** A write that was sent to the leader: it is answered when its transaction comes back. */
export interface Forwarded {
  readonly kind: 'forwarded';
  readonly connection: Connection;
  readonly xid: number;
  readonly opcode: number;
  /** Opcodes of a multi's parts, in order. */
  readonly partOpcodes: readonly number[] | undefined;
  readonly receivedAt: number;
  /** Makes a local session known everywhere; the client does not wait for it. */
  readonly isUpgrade: boolean;
}
/** A sync waits for the leader; then it is answered like a read. */
export interface WaitingSync {
  readonly kind: 'sync';
  readonly frame: DeferredFrame;
  isDone: boolean;
}
export type Waiting = Write | Forwarded | WaitingSync | DeferredFrame | DeferredError | Farewell;

/** Whether everything behind it has to wait for something to arrive. */
export const blocks = (waiting: Waiting): boolean =>
  waiting.kind === 'write' || waiting.kind === 'forwarded' || (waiting.kind === 'sync' && !waiting.isDone);

export class Connection {
  readonly id: number;
  readonly link: Link;
  readonly address: string;
  readonly openedAt: number;
  /** Same moment in wall clock, for `cons`. */
  readonly openedWall: number;
  /** ending: its closeSession is in flight, nothing more is read. gone: hung up. */
  state: 'greeting' | 'open' | 'ending' | 'gone' = 'greeting';
  session: Session | undefined;
  /** Whether the client sent the read-only byte and expects it back. */
  knowsReadOnly = false;
  /** The leader is asked whether its session is alive: nothing is taken until it answers. */
  isRevalidating = false;
  /** Replaced, never changed, so that a request keeps those it arrived with. */
  identities: readonly Identity[];
  waiting: Waiting[] = [];
  /** Requests that are kept until their turn comes: each may be large, or have a large answer. */
  deferred = 0;
  /** Bytes of an incomplete frame, or of requests that may not be handled yet. */
  stash: Uint8Array | undefined;
  stashLength = 0;
  /** turn: it has used up what one turn of the loop has for everybody. */
  stalled: 'no' | 'outstanding' | 'output' | 'turn' = 'no';
  spent = 0;
  spentAt = 0;
  dirty = false;

  // For `cons` and its relatives.
  packetsReceived = 0;
  packetsSent = 0;
  lastOpcode = 0;
  lastXid = -1;
  lastZxid = -1;
  lastReplyAt = 0;
  lastLatency = 0;
  minLatency = Infinity;
  maxLatency = 0;
  totalLatency = 0;

  constructor(id: number, link: Link, address: string, now: number, wall: number) {
    this.id = id;
    this.link = link;
    this.address = address;
    this.openedAt = now;
    this.openedWall = wall;
    this.identities = [{ scheme: 'ip', id: address }];
  }

  /** Whether its requests are taken. */
  get isOpen(): boolean {
    return this.state === 'open' || this.state === 'greeting';
  }

  resetStats(): void {
    this.packetsReceived = this.packetsSent = 0;
    this.lastLatency = this.maxLatency = this.totalLatency = 0;
    this.minLatency = Infinity;
  }

  /** Keeps bytes[start, end) behind what is kept already. */
  keep(bytes: Uint8Array, start: number, end: number): void {
    const needed = this.stashLength + end - start;
    if (this.stash === undefined || this.stash.length < needed) {
      const grown = new Uint8Array(Math.max(needed, Math.min(2 * needed, 1 << 20)));
      if (this.stash !== undefined) grown.set(this.stash.subarray(0, this.stashLength));
      this.stash = grown;
    }
    this.stash.set(bytes.subarray(start, end), this.stashLength);
    this.stashLength = needed;
  }

  /** Drops the first `count` bytes that are kept. */
  consume(count: number): void {
    if (count >= this.stashLength) {
      this.stash = undefined;
      this.stashLength = 0;
    } else if (count > 0) {
      this.stash!.copyWithin(0, count, this.stashLength);
      this.stashLength -= count;
    }
  }
}
