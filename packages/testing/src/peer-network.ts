// The network between members, without sockets: bytes arrive in order in later turns of the event loop. A cut keeps them
// on their way, as TCP does, and delivers them when it heals.

import type { PeerAddress, PeerLink, PeerPort } from '@corral/core';
import { Lane } from './lane.ts';
import type { Machine } from './machine.ts';
import type { Time } from './time.ts';

/** A member that cannot be reached is given up after this time. */
const dialTimeoutMs = 500;

export const hostOf = (sid: number): string => `member${sid}`;

/** One member's end of a connection. */
class End {
  readonly sid: number;
  readonly machine: Machine;
  readonly connection: number;
  /** What is on its way to this end. */
  readonly incoming: Lane;
  other: End = this;
  isClosed = false;
  /** The other end has seen a backlog, and waits for its end. */
  isAwaited = false;

  constructor(
    sid: number,
    machine: Machine,
    connection: number,
    arrived: (end: End, piece: Uint8Array | null) => void,
  ) {
    this.sid = sid;
    this.machine = machine;
    this.connection = connection;
    this.incoming = new Lane((piece) => arrived(this, piece));
  }
}

export class PeerNetwork {
  readonly #time: Time;
  readonly #machines = new Map<number, Machine>();
  /** The ends of all connections that are not closed. */
  readonly #ends = new Set<End>();
  #groupOf = new Map<number, number>();
  #connections = 0;

  constructor(time: Time) {
    this.#time = time;
  }

  add(sid: number, machine: Machine): void {
    this.#machines.set(sid, machine);
  }

  // Faults.

  /** Servers of different groups do not reach each other. */
  partition(groups: readonly (readonly number[])[]): void {
    this.#groupOf = new Map(groups.flatMap((sids, group) => sids.map((sid) => [sid, group] as const)));
    for (const { sid, other, incoming } of this.#ends) {
      if (this.#isCut(sid, other.sid)) incoming.hold('cut');
      else incoming.release('cut');
    }
  }

  #isCut(a: number, b: number): boolean {
    return this.#groupOf.get(a) !== this.#groupOf.get(b);
  }

  /** A process has ended: its system says goodbye for it. */
  ended(sid: number): void {
    for (const end of [...this.#ends]) {
      if (end.sid !== sid) continue;
      this.#post(end, null);
      end.incoming.clear();
      this.#close(end);
    }
  }

  // Connections.

  dial(from: number, dial: number, port: PeerPort, { host }: PeerAddress): void {
    const to = [...this.#machines.keys()].find((sid) => hostOf(sid) === host) ?? 0;
    const dialler = this.#machines.get(from)!;
    const acceptor = this.#machines.get(to);
    const { life } = dialler;
    this.#time.turns.post(() => {
      if (life !== dialler.life) return;
      const failed = (reason: string): void => dialler.feed({ kind: 'dialFailed', dial, reason });
      if (this.#isCut(from, to)) this.#time.later(dialTimeoutMs, () => life === dialler.life && failed('no answer'));
      else if (acceptor?.isUp !== true) failed('connection refused');
      else this.#connect([from, dialler, dial], [to, acceptor], port);
    });
  }

  #connect(
    [from, dialler, dial]: readonly [number, Machine, number],
    [to, acceptor]: readonly [number, Machine],
    port: PeerPort,
  ): void {
    const arrived = (end: End, piece: Uint8Array | null): void => this.#arrived(end, piece);
    const a = new End(from, dialler, ++this.#connections, arrived);
    const b = new End(to, acceptor, ++this.#connections, arrived);
    a.other = b;
    b.other = a;
    this.#ends.add(a).add(b);
    acceptor.feed({ kind: 'peerOpened', connection: b.connection, link: this.#link(b), port, dial: undefined });
    dialler.feed({ kind: 'peerOpened', connection: a.connection, link: this.#link(a), port, dial });
  }

  #arrived(end: End, piece: Uint8Array | null): void {
    const { machine, connection, other } = end;
    if (end.isClosed) return;
    if (piece === null) {
      this.#close(end);
      return machine.feed({ kind: 'peerClosed', connection });
    }
    machine.input({ kind: 'peerReceived', connection, bytes: piece, start: 0, end: piece.length });
    if (!end.isAwaited || end.incoming.bytes > 0) return;
    end.isAwaited = false;
    if (!other.isClosed) other.machine.feed({ kind: 'peerDrained', connection: other.connection });
  }

  #link(own: End): PeerLink {
    const { other, machine, connection } = own;
    return {
      address: hostOf(other.sid),
      get backlog() {
        const { bytes } = other.incoming;
        other.isAwaited ||= bytes > 0;
        return bytes;
      },
      send: (bytes) => this.#post(own, bytes.slice()),
      close: () => {
        if (own.isClosed) return;
        this.#post(own, null);
        this.#close(own);
        machine.feed({ kind: 'peerClosed', connection });
      },
      pause: () => own.incoming.hold('server'),
      resume: () => this.#time.turns.post(() => own.incoming.release('server')),
    };
  }

  /** Sends to the other end; null says that nothing more will come. */
  #post({ isClosed, sid, other }: End, piece: Uint8Array | null): void {
    if (isClosed) return;
    this.#time.turns.post(() => {
      if (other.isClosed) return;
      if (this.#isCut(sid, other.sid)) other.incoming.hold('cut');
      other.incoming.push(piece);
    });
  }

  #close(end: End): void {
    end.isClosed = true;
    this.#ends.delete(end);
  }
}
