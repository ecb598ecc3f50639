// One socket to another member of the ensemble: the host's side of a PeerLink. What is sent in one step of the replica
// leaves with one system call. TLS and SASL between members will be wrapped around the socket where it is made, in
// peer-network.ts; nothing here knows of them.

import type { Socket } from 'node:net';
import type { PeerLink } from '@corral/core';
import { plainAddress } from './client-connection.ts';

/** A member with more unread bytes than this is cut off, whatever the replica thinks of it. */
const backlogBytesMax = 256 << 20;
/** How long the other end may take to read the last bytes. */
const lingerMs = 2000;

export class PeerConnection implements PeerLink {
  readonly id: number;
  readonly socket: Socket;
  readonly address: string;
  #isClosing = false;
  #isCorked = false;

  constructor(id: number, socket: Socket) {
    this.id = id;
    this.socket = socket;
    this.address = `${plainAddress(socket.remoteAddress ?? '')}:${socket.remotePort ?? 0}`;
  }

  get backlog(): number {
    return this.socket.writableLength;
  }

  send(bytes: Uint8Array): void {
    const { socket } = this;
    if (this.#isClosing || socket.destroyed) return;
    if (!this.#isCorked) {
      this.#isCorked = true;
      socket.cork();
      process.nextTick(() => {
        this.#isCorked = false;
        socket.uncork();
      });
    }
    socket.write(bytes);
    if (socket.writableLength > backlogBytesMax) socket.destroy();
  }

  close(): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    const { socket } = this;
    socket.destroySoon();
    if (socket.destroyed) return;
    const timer = setTimeout(() => socket.destroy(), lingerMs);
    socket.once('close', () => clearTimeout(timer));
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }
}
