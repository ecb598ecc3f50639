// The ports between members: listens for elections and for learners in every role, and dials. Who may say what is the
// core's business; this file knows sockets, names and time limits. A peer that cannot be reached costs nobody else time:
// every dial is on its own.

import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import type { PeerAddress, PeerPort } from '@corral/core';
import type { KnownPeers } from './known-peers.ts';
import { PeerConnection } from './peer-connection.ts';
import { readAcceptedInto, readInto } from './shared-reads.ts';
import type { Received } from './shared-reads.ts';

export interface PeerEvents {
  opened(connection: PeerConnection, port: PeerPort, dial: number | undefined): void;
  /** The bytes are only borrowed. */
  received(connection: PeerConnection, bytes: Uint8Array): void;
  drained(connection: PeerConnection): void;
  closed(connection: PeerConnection): void;
  dialFailed(dial: number, reason: string): void;
  /** Too many connections, one from a strange address, or one that failed before it was anything. */
  refused(port: PeerPort, reason: string): void;
}

export interface PeerNetworkOptions {
  readonly electionTimeoutMs: number;
  readonly quorumTimeoutMs: number;
  readonly keepAlive: boolean;
  /** Tries to bind a port that is in use; 0 is without end. */
  readonly bindTries: number;
  /** Tries, one a second, to find the own name, which is not there yet when a pod starts for the first time. */
  readonly nameTries: number;
  readonly held: HeldPorts;
  readonly known: KnownPeers;
}

/**
 * Ports that were taken before the configuration was written, each by a server that listens and accepts nothing: whoever
 * listens first gets its socket. So no port that was free a moment ago is lost to somebody else.
 */
export type HeldPorts = Map<number, Server>;

/** Where a port between members is listened at. An undefined host is every interface. */
export interface ListenAddress {
  readonly port: PeerPort;
  readonly host: string | undefined;
  readonly number: number;
}

const keyOf = (port: PeerPort, host: string | undefined, number: number): string => `${port} ${host ?? '*'} ${number}`;

/** Connections that others have opened, on each port. */
const inboundMax = 256;
/** Callers that wait until the members' names are looked up; they take no place of a member. */
const waitingMax = 64;
/** Proposals of a thousand clients come as one read. */
const readBufferBytes = 256 * 1024;
const bindAgainMs = 1000;
const complaintPauseMs = 10_000;

/** A socket reads for a connection that is made only when the socket is open. */
class Reads {
  readonly #events: PeerEvents;
  connection: PeerConnection | undefined;

  constructor(events: PeerEvents) {
    this.#events = events;
  }

  readonly received: Received = (bytes) => {
    if (this.connection !== undefined) this.#events.received(this.connection, bytes);
  };
}

export class PeerNetwork {
  readonly #options: PeerNetworkOptions;
  readonly #events: PeerEvents;
  /** By port and address. */
  readonly #servers = new Map<string, Server>();
  readonly #connections = new Map<number, PeerConnection>();
  readonly #dialling = new Set<Socket>();
  readonly #inbound: Record<PeerPort, number> = { election: 0, quorum: 0 };
  readonly #complainedAt: Record<PeerPort, number> = { election: -Infinity, quorum: -Infinity };
  readonly #readBuffer = new Uint8Array(readBufferBytes);
  readonly #waiting = new Set<Socket>();
  #nextId = 0;
  #isClosed = false;
  /** Connections from addresses that are no member's. */
  strangersRefused = 0;

  constructor(options: PeerNetworkOptions, events: PeerEvents) {
    this.#options = options;
    this.#events = events;
  }

  get connections(): ReadonlyMap<number, PeerConnection> {
    return this.#connections;
  }

  /**
   * Listens at these addresses and no others. What is new is bound before anything is closed, and connections stay. Rejects
   * when an address cannot be bound: then all that was listened at before still is.
   */
  async moveTo(wanted: readonly ListenAddress[]): Promise<void> {
    const before = new Set(this.#servers.keys());
    const keys = new Set(wanted.map(({ port, host, number }) => keyOf(port, host, number)));
    try {
      for (const { port, host, number } of wanted)
        if (!before.has(keyOf(port, host, number))) await this.listen(port, host, number);
    } catch (error) {
      await this.#closeAllBut(before);
      throw error;
    }
    await this.#closeAllBut(keys);
  }

  async #closeAllBut(keys: ReadonlySet<string>): Promise<void> {
    for (const [key, server] of this.#servers) {
      if (keys.has(key)) continue;
      this.#servers.delete(key);
      server.close();
      // Its socket goes in the next turn; until then the address is not free.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Listens; rejects when the address cannot be bound, after some tries. An undefined host is every interface. */
  async listen(port: PeerPort, host: string | undefined, number: number): Promise<void> {
    const { bindTries, nameTries } = this.#options;
    for (let tries = 1; ; tries++) {
      try {
        return await this.#bind(port, host, number);
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        const isUnknown = code === 'ENOTFOUND' || code === 'EAI_AGAIN';
        const triesMax = isUnknown ? nameTries : bindTries;
        if ((code !== 'EADDRINUSE' && !isUnknown) || (triesMax > 0 && tries >= triesMax) || this.#isClosed) throw error;
        const reason = isUnknown ? `the own name ${host} cannot be resolved (${code})` : `port ${number} is in use`;
        this.#complain(port, `${reason}; trying again`);
        await new Promise((resolve) => setTimeout(resolve, bindAgainMs));
      }
    }
  }

  #bind(port: PeerPort, host: string | undefined, number: number): Promise<void> {
    const server = createServer({ pauseOnConnect: true, noDelay: true, keepAlive: this.#options.keepAlive });
    server.on('connection', (socket) => this.#accept(port, socket));
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      const held = this.#options.held.get(number);
      this.#options.held.delete(number);
      server.listen(held ?? { port: number, ...(host === undefined ? {} : { host }) }, () => {
        server.off('error', reject);
        server.on('error', (error) => this.#events.refused(port, error.message));
        if (this.#isClosed) server.close();
        this.#servers.set(keyOf(port, host, number), server);
        resolve();
      });
    });
  }

  /** Nothing is read before it is known who may speak. */
  #accept(port: PeerPort, accepted: Socket): void {
    const { known } = this.#options;
    const { remoteAddress = '' } = accepted;
    const isAdmitted = known.admits(remoteAddress);
    if (isAdmitted === true) return this.#admit(port, accepted);
    if (isAdmitted === false || this.#waiting.size >= waitingMax) return this.#refuse(port, accepted, remoteAddress);
    this.#waiting.add(accepted);
    accepted.on('error', () => accepted.destroy());
    void known.resolved(remoteAddress).then((isMember) => {
      this.#waiting.delete(accepted);
      accepted.removeAllListeners('error');
      if (isMember) this.#admit(port, accepted);
      else this.#refuse(port, accepted, remoteAddress);
    });
  }

  #refuse(port: PeerPort, accepted: Socket, address: string): void {
    accepted.destroy();
    this.strangersRefused++;
    this.#complain(
      port,
      `${address} is not the address of a member. If a member or a joining server calls from there, name it in quorum.allowedAddresses`,
    );
  }

  #complain(port: PeerPort, reason: string): void {
    const now = performance.now();
    if (now - this.#complainedAt[port] < complaintPauseMs) return;
    this.#complainedAt[port] = now;
    this.#events.refused(port, reason);
  }

  #admit(port: PeerPort, accepted: Socket): void {
    if (this.#isClosed || this.#inbound[port] >= inboundMax) {
      accepted.destroy();
      return this.#complain(port, `more than ${inboundMax} connections`);
    }
    this.#inbound[port]++;
    const reads = new Reads(this.#events);
    const socket = readAcceptedInto(this.#readBuffer, accepted, reads.received);
    socket.once('close', () => this.#inbound[port]--);
    this.#open(socket, reads, port, undefined);
    socket.resume();
  }

  /** Dials all addresses at once; the first connection wins. The names are resolved now, not earlier. */
  dial(dial: number, port: PeerPort, addresses: readonly PeerAddress[]): void {
    const timeoutMs = port === 'election' ? this.#options.electionTimeoutMs : this.#options.quorumTimeoutMs;
    const sockets = new Set<Socket>();
    let isDecided = false;
    const failed = (socket: Socket, reason: string): void => {
      sockets.delete(socket);
      this.#dialling.delete(socket);
      socket.destroy();
      if (isDecided || sockets.size > 0) return;
      isDecided = true;
      this.#events.dialFailed(dial, reason);
    };
    for (const { host, port: number } of addresses) {
      const reads = new Reads(this.#events);
      const onread = readInto(this.#readBuffer, reads.received);
      const { keepAlive } = this.#options;
      const socket = connect({ host, port: number, noDelay: true, keepAlive, onread });
      sockets.add(socket);
      this.#dialling.add(socket);
      const timer = setTimeout(() => failed(socket, `no answer within ${timeoutMs} ms`), timeoutMs);
      socket.once('close', () => clearTimeout(timer));
      socket.on('error', (error) => failed(socket, error.message));
      socket.once('connect', () => {
        clearTimeout(timer);
        this.#dialling.delete(socket);
        if (isDecided || this.#isClosed) return void socket.destroy();
        isDecided = true;
        for (const other of sockets) if (other !== socket) other.destroy();
        socket.removeAllListeners('error');
        this.#open(socket, reads, port, dial);
      });
    }
  }

  #open(socket: Socket, reads: Reads, port: PeerPort, dial: number | undefined): void {
    const connection = (reads.connection = new PeerConnection(++this.#nextId, socket));
    this.#connections.set(connection.id, connection);
    socket.on('error', () => socket.destroy()); // a reset says no more than the close that follows
    socket.on('drain', () => this.#events.drained(connection));
    socket.on('end', () => socket.destroy());
    socket.on('close', () => {
      this.#connections.delete(connection.id);
      this.#events.closed(connection);
    });
    this.#events.opened(connection, port, dial);
  }

  /** Ends everything at once. */
  close(): void {
    this.#isClosed = true;
    for (const server of this.#servers.values()) server.close();
    for (const socket of [...this.#dialling, ...this.#waiting]) socket.destroy();
    for (const { socket } of this.#connections.values()) socket.destroy();
  }
}
