// Bytes that clients make the server hold: requests that have not arrived completely, and answers that are not read. One
// connection holds a few megabytes at most; many of them, from one machine or from all, would use up the memory. Beyond a
// limit for all together the greediest is cut off: its session lives on, and everybody else is served.

import type { Connection } from './connection.ts';

const noLimit = 0;

/** Bytes by connection, in the order in which they began to hold some. */
class Holdings {
  readonly byConnection = new Map<Connection, number>();
  total = 0;

  set(connection: Connection, bytes: number): void {
    const before = this.byConnection.get(connection) ?? 0;
    if (before === bytes) return;
    this.total += bytes - before;
    if (bytes === 0) this.byConnection.delete(connection);
    else this.byConnection.set(connection, bytes);
  }
}

export class ClientMemory {
  readonly #inputMax: number;
  readonly #outputMax: number;
  readonly #input = new Holdings();
  readonly #output = new Holdings();

  /** 0 is no limit. */
  constructor(inputMax: number, outputMax: number) {
    this.#inputMax = inputMax;
    this.#outputMax = outputMax;
  }

  get inputBytes(): number {
    return this.#input.total;
  }

  get outputBytes(): number {
    return this.#output.total;
  }

  /** Clients that leave their answers unread are to wait sooner than usual. */
  get isOutputScarce(): boolean {
    return this.#outputMax !== noLimit && this.#output.total > this.#outputMax / 2;
  }

  /** A connection holds other bytes of requests than before. */
  kept(connection: Connection): void {
    this.#input.set(connection, connection.stash?.length ?? 0);
  }

  /** The network has taken some of the answers of a connection, or not. */
  sent(connection: Connection): void {
    this.#output.set(connection, connection.link.backlog);
  }

  forget(connection: Connection): void {
    this.#input.set(connection, 0);
    this.#output.set(connection, 0);
  }

  /** Who has to go, one at a time; undefined when there is room. */
  tooGreedy(): Connection | undefined {
    return this.#slowestSender() ?? this.#slowestReader();
  }

  /** Of the address that holds most, the one whose request has been on its way for longest. */
  #slowestSender(): Connection | undefined {
    if (this.#inputMax === noLimit || this.#input.total <= this.#inputMax) return undefined;
    const byAddress = new Map<string, { bytes: number; readonly oldest: Connection }>();
    for (const [connection, bytes] of this.#input.byConnection) {
      const held = byAddress.get(connection.address);
      if (held === undefined) byAddress.set(connection.address, { bytes, oldest: connection });
      else held.bytes += bytes;
    }
    return largest(byAddress.values(), ({ bytes }) => bytes)?.oldest;
  }

  /** What the network has taken since is seen only now. */
  #slowestReader(): Connection | undefined {
    if (this.#outputMax === noLimit || this.#output.total <= this.#outputMax) return undefined;
    for (const connection of [...this.#output.byConnection.keys()]) this.sent(connection);
    if (this.#output.total <= this.#outputMax) return undefined;
    return largest(this.#output.byConnection.entries(), ([, bytes]) => bytes)?.[0];
  }
}

function largest<T>(items: Iterable<T>, size: (item: T) => number): T | undefined {
  let found: T | undefined;
  for (const item of items) if (found === undefined || size(item) > size(found)) found = item;
  return found;
}
