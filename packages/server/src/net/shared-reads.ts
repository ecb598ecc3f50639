// Sockets that read into one shared buffer instead of into new memory each time: what a socket delivers is handled before
// the next one delivers.

import { Socket } from 'node:net';
import type { OnReadOpts } from 'node:net';

/** The bytes are only borrowed. */
export type Received = (bytes: Uint8Array) => void;

/** For the options of a socket that is about to connect. */
export const readInto = (buffer: Uint8Array, received: Received): OnReadOpts => ({
  buffer,
  callback: (count, bytes) => {
    received(bytes.subarray(0, count));
    return true;
  },
});

/**
 * The same for a socket that was accepted, with `pauseOnConnect`; reading begins with `resume`. Node offers this for
 * sockets one opens, not for accepted ones, so the accepted handle moves into a new socket; should that ever fail to
 * work, ordinary 'data' events do the same.
 */
export function readAcceptedInto(buffer: Uint8Array, accepted: Socket, received: Received): Socket {
  const { _handle: handle } = accepted as Socket & { _handle?: unknown };
  if (handle === undefined || handle === null) {
    accepted.on('data', received);
    return accepted;
  }
  const options = { handle, onread: readInto(buffer, received) };
  const socket = new Socket(options as ConstructorParameters<typeof Socket>[0]);
  (accepted as { _handle?: unknown })._handle = null;
  return socket;
}
