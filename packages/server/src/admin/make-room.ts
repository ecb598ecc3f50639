// A port for everybody is not closed by whoever holds all its connections: the oldest makes room for the newest.

import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Keeps at most `max` connections of a server; of those that wait for something the oldest goes first. */
export function makeRoom(server: Server, max: number): void {
  const open = new Set<Socket>();
  const answering = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.once('close', () => {
      open.delete(socket);
      answering.delete(socket);
    });
    if (open.size <= max) return;
    const idle = [...open].find((candidate) => candidate !== socket && !answering.has(candidate));
    (idle ?? [...open][0])?.destroy();
  });
  server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    answering.add(socket);
    response.once('close', () => answering.delete(socket));
  });
}
