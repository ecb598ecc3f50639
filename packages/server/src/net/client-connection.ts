// One client's socket: the host's side of a connection (Link). Replies gather in one buffer and leave with one write;
// when the network took them at once, the buffer is used again.

import type { Socket } from 'node:net';
import { JuteWriter } from '@corral/protocol';
import type { Link } from '@corral/core';

const firstCapacity = 1024;
/** A larger buffer is not kept for an idle connection. */
const keptCapacity = 65536;
/** How long a client may take to read the last bytes after the server has hung up. */
const lingerMs = 5000;

export class ClientConnection implements Link {
  readonly id: number;
  readonly socket: Socket;
  /** Literal address without port. */
  readonly address: string;
  readonly port: number;
  readonly out = new JuteWriter(firstCapacity);
  isHungUp = false;
  #backlogMax: number;

  /** A client with more than `backlogMax` unread bytes is cut off. */
  constructor(id: number, socket: Socket, backlogMax: number) {
    this.id = id;
    this.socket = socket;
    this.address = plainAddress(socket.remoteAddress ?? '');
    this.port = socket.remotePort ?? 0;
    this.#backlogMax = backlogMax;
  }

  /** `127.0.0.1:53852`, `[::1]:53852`. */
  get endpoint(): string {
    return this.address.includes(':') ? `[${this.address}]:${this.port}` : `${this.address}:${this.port}`;
  }

  get backlog(): number {
    return this.socket.writableLength;
  }

  flush(): void {
    const { out, socket } = this;
    if (out.length === 0) return;
    if (socket.destroyed) return out.clear();
    socket.write(out.view());
    if (socket.writableLength > 0) {
      out.detach(firstCapacity);
      if (socket.writableLength > this.#backlogMax) socket.destroy();
    } else if (out.bytes.length > keptCapacity) out.detach(firstCapacity);
    else out.clear();
  }

  close(): void {
    if (this.isHungUp) return;
    this.isHungUp = true;
    this.flush();
    this.socket.destroySoon();
    if (this.socket.destroyed || this.socket.writableLength === 0) return;
    const timer = setTimeout(() => this.socket.destroy(), lingerMs);
    this.socket.once('close', () => clearTimeout(timer));
  }

  cut(): void {
    this.isHungUp = true;
    this.out.clear();
    this.socket.destroy();
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }
}

/** An IPv4 address that came in through an IPv6 socket is an IPv4 address. */
export const plainAddress = (address: string): string =>
  address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
