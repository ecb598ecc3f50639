// Connections to the leader port of a server that does not know yet whether it leads: whoever calls has heard of the
// outcome of the election first. They are kept, with what they say, until the role is decided. Strangers may call as well:
// a caller that says nothing is kept for a short time only, and when too many call, the oldest of these goes first.

import { copyBytes } from '@corral/protocol';
import type { PeerLink } from '../effects.ts';
import { admissionLimits } from './admission.ts';
import { greetingBytesMax } from './learner-link.ts';
import type { Role } from './zab.ts';

interface Caller {
  readonly link: PeerLink;
  readonly kept: Uint8Array[];
  bytes: number;
  readonly since: number;
}

const callersMax = 128;

export class Callers {
  /** In the order in which they came. */
  readonly #callers = new Map<number, Caller>();

  add(connection: number, link: PeerLink, now: number): void {
    if (this.#callers.size >= callersMax) this.#makeRoom();
    this.#callers.set(connection, { link, kept: [], bytes: 0, since: now });
  }

  #makeRoom(): void {
    const [oldest] = this.#callers.keys();
    const silent = [...this.#callers].find(([, { bytes }]) => bytes === 0)?.[0];
    this.#end(silent ?? oldest);
  }

  #end(connection: number): void {
    const caller = this.#callers.get(connection);
    this.#callers.delete(connection);
    caller?.link.close();
  }

  /** Keeps what a caller says; false when the connection is none of them. */
  received(connection: number, bytes: Uint8Array, start: number, end: number): boolean {
    const caller = this.#callers.get(connection);
    if (caller === undefined) return false;
    caller.bytes += end - start;
    if (caller.bytes > greetingBytesMax) this.#end(connection);
    else caller.kept.push(copyBytes(bytes, start, end));
    return true;
  }

  closed(connection: number): void {
    this.#callers.delete(connection);
  }

  /** This server leads: it hears them now. */
  introduceTo(role: Role): void {
    const callers = [...this.#callers];
    this.#callers.clear();
    for (const [connection, { link, kept }] of callers) {
      role.opened(connection, link, undefined);
      for (const bytes of kept) role.received(connection, bytes, 0, bytes.length);
    }
  }

  /** Ends those that have waited for longer than `waitMs`, or for long without a word. */
  dismissLate(now: number, waitMs: number): void {
    for (const [connection, { bytes, since }] of this.#callers) {
      const ms = bytes === 0 ? Math.min(waitMs, admissionLimits.greetingMs) : waitMs;
      if (now - since > ms) this.#end(connection);
    }
  }

  /** This server does not lead. */
  dismissAll(): void {
    for (const connection of [...this.#callers.keys()]) this.#end(connection);
  }
}
