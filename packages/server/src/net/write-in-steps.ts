// A long answer, written as the caller takes it: a million watches as text are a second of work and a hundred megabytes.

import { once } from 'node:events';
import type { Socket } from 'node:net';

/** Pieces that are put together before others get their turn. */
const piecesPerStep = 2000;
const bytesPerStep = 65536;

/** The pieces put together, as far as one step goes. */
function* steps(pieces: Iterable<string>): Generator<string> {
  let text = '';
  let count = 0;
  for (const piece of pieces) {
    text += piece;
    if (++count < piecesPerStep && text.length < bytesPerStep) continue;
    yield text;
    text = '';
    count = 0;
  }
  yield text;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** For who pulls: others get their turn between two steps. */
export async function* inSteps(pieces: Iterable<string>): AsyncGenerator<string> {
  for (const text of steps(pieces)) {
    if (text !== '') yield text;
    await turn();
  }
}

/** Writes all pieces and ends the connection; stops when it breaks. A short answer is written before this returns. */
export async function writeInSteps(socket: Socket, pieces: Iterable<string>): Promise<void> {
  let before = '';
  for (const text of steps(pieces)) {
    if (before !== '') {
      if (socket.write(before)) await turn();
      else await Promise.race([once(socket, 'drain').catch(() => undefined), once(socket, 'close')]);
      if (socket.destroyed) return;
    }
    before = text;
  }
  socket.write(before);
  socket.destroySoon();
}
