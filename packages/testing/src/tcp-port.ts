// A TCP port for clients of other processes and languages, on the loopback interface. It keeps no process alive.

import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import type { Door } from './door.ts';

export class TcpPort {
  readonly #server: Server;
  readonly #door: Door;
  readonly #srvr: (() => string) | undefined;
  #sockets = new Set<Socket>();
  port = 0;

  /** `srvr` answers the word of that name; without it words are for whoever is behind the door. */
  constructor(door: Door, srvr?: () => string) {
    this.#door = door;
    this.#srvr = srvr;
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
    this.#server.unref();
  }

  /** Takes a port that is free, or the one it had before. */
  listen(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ port: this.port, host: '127.0.0.1' }, () => {
        this.#server.off('error', reject);
        this.port = (this.#server.address() as AddressInfo).port;
        resolve(this.port);
      });
    });
  }

  /** The port stays its own: while it is closed, connections are refused. */
  close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #accept(socket: Socket): void {
    if (!this.#door.isOpen) return void socket.destroy();
    socket.unref();
    this.#sockets.add(socket);
    const connection = this.#door.accept({
      address: '127.0.0.1',
      received: (bytes) => socket.write(bytes),
      closed: () => socket.destroySoon(),
    });
    let isFirst = true;
    socket.on('data', (bytes: Uint8Array) => {
      const isWord = isFirst && this.#srvr !== undefined && Buffer.from(bytes).toString('latin1').trim() === 'srvr';
      isFirst = false;
      if (isWord) socket.end(this.#srvr?.());
      else connection.received(bytes);
    });
    socket.on('error', () => socket.destroy()); // a reset says no more than the close that follows
    socket.on('close', () => {
      this.#sockets.delete(socket);
      connection.hungUp();
    });
  }
}
