// Connections to the leader port of a server that does not know yet whether it leads: whoever calls has heard of the
// outcome of the election first. They are kept, with what they say, until the role is decided.

import { copyBytes } from '@corral/protocol';
import type { PeerLink } from '../effects.ts';
import type { Role } from './zab.ts';

interface Caller {
  readonly link: PeerLink;
  readonly kept: Uint8Array[];
  bytes: number;
  readonly since: number;
}

const callersMax = 64;
/** A greeting takes less than a hundred bytes, and nothing follows it before an answer. */
const bytesMax = 4096;

export class Callers {
  readonly #callers = new Map<number, Caller>();

  add(connection: number, link: PeerLink, now: number): void {
    if (this.#callers.size >= callersMax) return link.close();
    this.#callers.set(connection, { link, kept: [], bytes: 0, since: now });
  }

  /** Keeps what a caller says; false when the connection is none of them. */
  received(connection: number, bytes: Uint8Array, start: number, end: number): boolean {
    const caller = this.#callers.get(connection);
    if (caller === undefined) return false;
    caller.bytes += end - start;
    if (caller.bytes > bytesMax) {
      this.#callers.delete(connection);
      caller.link.close();
    } else caller.kept.push(copyBytes(bytes, start, end));
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

  /** Ends those that have waited since before `moment`; this server may not lead at all (Infinity). */
  dismiss(moment: number): void {
    for (const [connection, { link, since }] of this.#callers) {
      if (since >= moment) continue;
      this.#callers.delete(connection);
      link.close();
    }
  }
}
