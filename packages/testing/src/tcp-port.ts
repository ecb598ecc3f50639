// A TCP port for clients of other processes and languages, on the loopback interface. It keeps no process alive.

import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import type { Door } from './door.ts';

export class TcpPort {
  readonly #server: Server;
  readonly #door: Door;
  #sockets = new Set<Socket>();
  port = 0;

  constructor(door: Door) {
    this.#door = door;
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
    socket.on('data', (bytes: Uint8Array) => connection.received(bytes));
    socket.on('error', () => socket.destroy()); // a reset says no more than the close that follows
    socket.on('close', () => {
      this.#sockets.delete(socket);
      connection.hungUp();
    });
  }
}
