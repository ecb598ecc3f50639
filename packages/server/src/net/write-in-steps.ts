// A long answer, written as the caller takes it: a million watches as text are a second of work and a hundred megabytes.

import { once } from 'node:events';
import type { Socket } from 'node:net';

/** Pieces that are put together before others get their turn. */
const piecesPerStep = 2000;
const bytesPerStep = 65536;

/** Writes all pieces and ends the connection; stops when it breaks. A short answer is written before this returns. */
export async function writeInSteps(socket: Socket, pieces: Iterable<string>): Promise<void> {
  let text = '';
  let count = 0;
  for (const piece of pieces) {
    text += piece;
    if (++count < piecesPerStep && text.length < bytesPerStep) continue;
    const isTaken = socket.write(text);
    text = '';
    count = 0;
    if (isTaken) await new Promise((resolve) => setImmediate(resolve));
    else await Promise.race([once(socket, 'drain').catch(() => undefined), once(socket, 'close')]);
    if (socket.destroyed) return;
  }
  socket.write(text);
  socket.destroySoon();
}
