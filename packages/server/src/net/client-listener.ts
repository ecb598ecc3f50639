// The client port: accepts connections within the limits, tells four-letter words from frames by the first four bytes,
// and hands everything else to whoever drives the replica.

import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { ClientConnection, plainAddress } from './client-connection.ts';
import { readAcceptedInto } from './shared-reads.ts';

export interface ListenerOptions {
  readonly host: string | undefined;
  readonly port: number;
  /** Connections the system keeps waiting; -1 leaves it to the system. */
  readonly backlog: number;
  /** Connections from one address and in all; 0 is no limit. */
  readonly perAddressMax: number;
  readonly totalMax: number;
  readonly keepAlive: boolean;
  /** Unread bytes after which a client is cut off. */
  readonly backlogBytesMax: number;
}

/** What happens on connections. Bytes are only borrowed. */
export interface ListenerEvents {
  opened(connection: ClientConnection): void;
  received(connection: ClientConnection, bytes: Uint8Array, start: number, end: number): void;
  drained(connection: ClientConnection): void;
  closed(connection: ClientConnection): void;
  refused(address: string, reason: string): void;
  /** Whether the first four bytes at `start` are a word that was answered or is being answered. */
  word(connection: ClientConnection, bytes: Uint8Array, start: number): boolean;
}

/** One buffer for all sockets. */
const readBufferBytes = 65536;

export class ClientListener {
  readonly #options: ListenerOptions;
  readonly #events: ListenerEvents;
  #server: Server;
  readonly #connections = new Map<number, ClientConnection>();
  readonly #perAddress = new Map<string, number>();
  readonly #freeIds: number[] = [];
  readonly #readBuffer = new Uint8Array(readBufferBytes);
  #nextId = 0;
  /** Connections turned away so far. */
  rejected = 0;

  constructor(options: ListenerOptions, events: ListenerEvents) {
    this.#options = options;
    this.#events = events;
    this.#server = this.#makeServer();
  }

  #makeServer(): Server {
    const server = createServer({ pauseOnConnect: true, noDelay: true, keepAlive: this.#options.keepAlive });
    server.on('connection', (socket) => this.#accept(socket));
    return server;
  }

  get connections(): ReadonlyMap<number, ClientConnection> {
    return this.#connections;
  }

  /** Starts to listen; resolves to the port. */
  listen(): Promise<number> {
    return this.#bind(this.#server, this.#options.host, this.#options.port);
  }

  /**
   * Listens at another address; connections stay. Rejects when that cannot be bound, and goes on at the old one. Only what
   * cannot be had beside the old address (another host and the same port may be so) is bound after that is closed.
   */
  async moveTo(host: string | undefined, port: number): Promise<number> {
    const before = this.#server;
    const bound = before.address() as AddressInfo | null;
    const next = this.#makeServer();
    if (bound !== null && bound.port === port) before.close();
    try {
      const actual = await this.#bind(next, host, port);
      this.#server = next;
      if (before.listening) before.close();
      return actual;
    } catch (error) {
      if (!before.listening && bound !== null) {
        this.#server = this.#makeServer();
        await this.#bind(this.#server, bound.address, bound.port);
      }
      throw error;
    }
  }

  #bind(server: Server, host: string | undefined, port: number): Promise<number> {
    const { backlog } = this.#options;
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen({ port, ...(host === undefined ? {} : { host }), ...(backlog > 0 ? { backlog } : {}) }, () => {
        server.off('error', reject);
        server.on('error', (error) => this.#events.refused('', error.message));
        resolve((server.address() as AddressInfo).port);
      });
    });
  }

  /** Accepts nobody any more. */
  stopAccepting(): void {
    this.#server.close();
  }

  /** Cuts every connection. */
  destroyAll(): void {
    for (const { socket } of this.#connections.values()) socket.destroy();
  }

  #accept(accepted: Socket): void {
    const address = plainAddress(accepted.remoteAddress ?? '');
    const reason = this.#refusal(address);
    if (reason !== undefined) {
      this.rejected++;
      this.#events.refused(address, reason);
      accepted.destroy();
      return;
    }
    const id = this.#freeIds.pop() ?? this.#nextId++;
    const first: { state: 'waiting' | 'frames' | 'word'; bytes: Uint8Array } = {
      state: 'waiting',
      bytes: new Uint8Array(0),
    };
    const socket = readAcceptedInto(this.#readBuffer, accepted, (bytes) => {
      if (first.state === 'frames') this.#events.received(connection, bytes, 0, bytes.length);
      else if (first.state === 'waiting') this.#firstBytes(connection, first, bytes);
    });
    const connection = new ClientConnection(id, socket, this.#options.backlogBytesMax);
    this.#connections.set(id, connection);
    this.#perAddress.set(address, (this.#perAddress.get(address) ?? 0) + 1);
    socket.on('error', () => socket.destroy()); // a reset says no more than the close that follows
    socket.on('drain', () => this.#events.drained(connection));
    socket.on('close', () => this.#closed(connection, address));
    this.#events.opened(connection);
    socket.resume();
  }

  #refusal(address: string): string | undefined {
    const { perAddressMax, totalMax } = this.#options;
    if (totalMax > 0 && this.#connections.size >= totalMax) return `maxCnxns: ${totalMax} connections are open`;
    const open = this.#perAddress.get(address) ?? 0;
    if (perAddressMax > 0 && open >= perAddressMax)
      return `maxClientCnxns: ${perAddressMax} connections from this address are open`;
    return undefined;
  }

  /** Until four bytes are here nobody knows what this connection is. */
  #firstBytes(
    connection: ClientConnection,
    first: { state: 'waiting' | 'frames' | 'word'; bytes: Uint8Array },
    bytes: Uint8Array,
  ): void {
    const all = first.bytes.length === 0 ? bytes : joined(first.bytes, bytes);
    if (all.length < 4) {
      first.bytes = joined(all, new Uint8Array(0));
      return;
    }
    first.bytes = new Uint8Array(0);
    first.state = this.#events.word(connection, all, 0) ? 'word' : 'frames';
    if (first.state === 'frames') this.#events.received(connection, all, 0, all.length);
  }

  #closed(connection: ClientConnection, address: string): void {
    this.#connections.delete(connection.id);
    const left = (this.#perAddress.get(address) ?? 1) - 1;
    if (left === 0) this.#perAddress.delete(address);
    else this.#perAddress.set(address, left);
    this.#events.closed(connection);
    this.#freeIds.push(connection.id);
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const all = new Uint8Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}
