// The client's transport without a network: names lead to doors, bytes are handed over in later turns of the event loop.

import type { Link, LinkEvents, Target, Transport } from '@corral/client';
import type { Door } from './door.ts';
import type { ClientEnd, ServedConnection } from './served-connection.ts';
import type { Turns } from './time.ts';

/** A server that clients of this process can reach by name. */
export interface Reachable {
  readonly sid: number;
  readonly host: string;
  readonly door: Door;
}

export class InProcessNetwork {
  readonly #turns: Turns;
  readonly #servers: readonly Reachable[];
  /** Servers that a client cannot reach. */
  readonly #cuts = new Map<object, ReadonlySet<number>>();
  /** Connections under way to servers that do not answer. */
  #unanswered: (() => void)[] = [];

  constructor(turns: Turns, servers: readonly Reachable[]) {
    this.#turns = turns;
    this.#servers = servers;
  }

  transport(owner: object): Transport {
    return {
      resolve: async (host) => {
        if (this.#servers.some((server) => server.host === host)) return [host];
        throw new Error(`${host} is not a server of this test: ${this.#servers.map((each) => each.host).join(', ')}`);
      },
      open: (target, events) => this.#open(owner, target, events),
    };
  }

  #open(owner: object, { host }: Target, events: LinkEvents): Link {
    const end = new InProcessEnd(this.#turns, events);
    const server = this.#servers.find((each) => each.host === host)!;
    const dial = (): void => {
      if (end.isClosed) return;
      if (this.#isCut(owner, server.sid)) this.#unanswered.push(dial);
      else if (!server.door.isOpen) end.refused(new Error(`connect ECONNREFUSED ${host}`));
      else end.opened(server.door.accept(end, owner));
    };
    this.#turns.post(dial);
    return end;
  }

  #isCut(owner: object, sid: number): boolean {
    return this.#cuts.get(owner)?.has(sid) === true;
  }

  /** From now on this client does not reach these servers; nobody tells either side. */
  cut(owner: object, sids: readonly number[]): void {
    this.#cuts.set(owner, new Set(sids));
    this.#apply();
  }

  heal(): void {
    this.#cuts.clear();
    this.#apply();
  }

  #apply(): void {
    for (const { sid, door } of this.#servers) {
      for (const connection of [...door.connections]) {
        if (connection.owner === undefined) continue;
        if (this.#isCut(connection.owner, sid)) connection.hold('cut');
        else connection.unhold('cut');
      }
    }
    for (const dial of this.#unanswered.splice(0)) dial();
  }
}

class InProcessEnd implements Link, ClientEnd {
  readonly address = '127.0.0.1';
  readonly #turns: Turns;
  readonly #events: LinkEvents;
  #connection: ServedConnection | undefined;
  isClosed = false;

  constructor(turns: Turns, events: LinkEvents) {
    this.#turns = turns;
    this.#events = events;
  }

  opened(connection: ServedConnection): void {
    this.#connection = connection;
    this.#events.opened();
  }

  refused(cause: Error): void {
    this.isClosed = true;
    this.#events.closed(cause);
  }

  // The server's side.

  received(bytes: Uint8Array): void {
    this.#turns.post(() => {
      if (!this.isClosed) this.#events.received(bytes);
    });
  }

  closed(): void {
    this.#turns.post(() => {
      if (this.isClosed) return;
      this.isClosed = true;
      this.#events.closed(null);
    });
  }

  // The client's side.

  send(bytes: Uint8Array): void {
    const copy = bytes.slice();
    this.#turns.post(() => this.#connection?.received(copy));
  }

  close(): void {
    this.isClosed = true;
    this.#turns.post(() => this.#connection?.hungUp());
  }
}
