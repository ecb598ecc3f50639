// One direction of a connection: the bytes that were sent and have not arrived.

import type { PacketName } from '@corral/protocol';
import type { Tap } from './packet-tap.ts';

/** election and quorum: between servers. client: from a client, which is no place of the network. */
export type NetPort = 'election' | 'quorum' | 'client';

/** What one side of a connection hears. Calls come from events, never from inside a call to the network. */
export interface End {
  /** Whether whoever asked for this connection is still there. */
  readonly isAlive: boolean;
  opened(connection: Connection): void;
  /** bytes[start, end) are only lent. */
  received(bytes: Uint8Array, start: number, end: number): void;
  drained(): void;
  closed(): void;
}

export interface Connection {
  readonly id: number;
  readonly port: NetPort;
  /** Numbers of servers; clients are negative. */
  readonly dialler: number;
  readonly acceptor: number;
  readonly toAcceptor: Pipe;
  readonly toDialler: Pipe;
}

export interface Hold {
  readonly from: number;
  readonly to: number;
  readonly name: PacketName | 'notification';
  /** How many of them still pass. */
  pass: number;
}

export class Pipe {
  readonly from: number;
  readonly to: number;
  receiver: End | undefined;
  connection: Connection | undefined;
  tap: Tap | undefined;
  /** The receiver knows of the connection. */
  isOpen = false;
  /** Nothing more will be sent; what waits still arrives, then the end. */
  isEnding = false;
  isScheduledToEnd = false;
  /** The receiver has heard the end, or is gone. */
  isOver = false;
  /** The receiver reads nothing at the moment. */
  isPaused = false;
  isScheduled = false;
  /** The sender lost its power: nobody will say goodbye. */
  isOrphan = false;
  /** Reset: what is in the way of other bytes does not hold up this. */
  isBroken = false;
  /** Bytes that have arrived so far. */
  delivered = 0;
  #chunks: Uint8Array[] = [];
  #first = 0;
  #waiting = 0;

  constructor(from: number, to: number) {
    this.from = from;
    this.to = to;
  }

  /** Bytes under way. */
  get waiting(): number {
    return this.#waiting;
  }

  get hasWork(): boolean {
    return !this.isOpen || this.#waiting > 0 || this.isEnding;
  }

  add(bytes: Uint8Array): void {
    this.#chunks.push(bytes);
    this.#waiting += bytes.length;
  }

  /** Forgets what is under way. */
  drop(): void {
    this.#chunks = [];
    this.#first = 0;
    this.#waiting = 0;
  }

  /** Takes `count` bytes into new memory, behind `margin` bytes that mean nothing. */
  take(count: number, margin: number, holds: readonly Hold[]): Uint8Array {
    const taken = new Uint8Array(margin + count).fill(0xdd, 0, margin);
    let at = margin;
    while (at < taken.length) {
      const chunk = this.#chunks[0];
      const part = chunk.subarray(this.#first, this.#first + taken.length - at);
      taken.set(part, at);
      at += part.length;
      this.#first += part.length;
      if (this.#first < chunk.length) continue;
      this.#chunks.shift();
      this.#first = 0;
    }
    this.#waiting -= count;
    this.delivered += count;
    this.#forgetSeen(holds);
    return taken;
  }

  #forgetSeen(holds: readonly Hold[]): void {
    const seen = this.tap?.seen;
    while (seen !== undefined && seen.length > 0 && seen[0].end <= this.delivered) {
      const { name } = seen.shift()!;
      for (const hold of holds) if (this.#isMeant(hold, name) && hold.pass > 0) hold.pass--;
    }
  }

  #isMeant({ name, from, to }: Hold, seen: string): boolean {
    return name === seen && from === this.from && (to === this.to || to === anyone);
  }

  /** Where the first packet begins that is held back; Infinity when none is. */
  heldAt(holds: readonly Hold[]): number {
    if (holds.length === 0 || this.tap === undefined) return Infinity;
    const passes = new Map(holds.map((hold) => [hold, hold.pass]));
    for (const { name, start } of this.tap.seen) {
      if (start < this.delivered) continue;
      for (const hold of holds) {
        if (!this.#isMeant(hold, name)) continue;
        const pass = passes.get(hold)!;
        if (pass <= 0) return start;
        passes.set(hold, pass - 1);
      }
    }
    return Infinity;
  }
}

/** In a hold: all receivers. */
export const anyone = -1000;
