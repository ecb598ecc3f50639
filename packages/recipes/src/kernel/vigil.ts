// How recipes wait. A vigil hears of everything that may matter (a watch that fires, a new session, a moment that has
// come) as one kind of ring, and its owner looks at the real state again after each: no recipe believes an event.

import { onAbort } from '@corral/client';
import type { Client } from '@corral/client';
import { closedError } from '../errors.ts';

/** Ends watches that nobody waits for any more. One for all: an error of its own for each would cost more than a request. */
export const watchesOver = new Error('nobody waits for this any more');

export class Vigil implements Disposable {
  /** Ends the reads and watches of this vigil: the caller gave up, the client is closed, or it is over. */
  readonly signal: AbortSignal;
  /** To be given to reads as their watch. */
  readonly ring = (): void => {
    this.#rung = true;
    this.#wake?.();
  };
  readonly #zk: Client;
  readonly #controller = new AbortController();
  readonly #stops: (() => void)[] = [];
  #rung = false;
  #wake: (() => void) | null = null;

  constructor(zk: Client, path: string, caller?: AbortSignal) {
    caller?.throwIfAborted();
    if (zk.closing.aborted) throw closedError(path);
    this.#zk = zk;
    this.signal = this.#controller.signal;
    this.#stops.push(
      onAbort(caller, () => this.#controller.abort(caller?.reason)),
      zk.on('session', this.ring),
      onAbort(zk.closing, () => this.#controller.abort(closedError(path))),
    );
    this.signal.addEventListener('abort', () => this.#wake?.());
  }

  /** Rings after so many milliseconds; the result takes that back. */
  ringAfter(ms: number): () => void {
    const cancel = this.#zk.clock.after(ms, this.ring);
    this.#stops.push(cancel);
    return cancel;
  }

  /** Waits for a ring since the last one. Rejects when the caller gives up or the client is closed. */
  async rung(): Promise<void> {
    this.signal.throwIfAborted();
    if (!this.#rung) await new Promise<void>((resolve) => (this.#wake = resolve));
    this.signal.throwIfAborted();
    this.#rung = false;
  }

  [Symbol.dispose](): void {
    for (const stop of this.#stops.splice(0)) stop();
    this.#controller.abort(watchesOver);
  }
}

/** Waits; rejects when the signal aborts or the client is closed. */
export async function pause(zk: Client, ms: number, signal?: AbortSignal): Promise<void> {
  using vigil = new Vigil(zk, '/', signal);
  const until = zk.clock.now() + ms;
  vigil.ringAfter(ms);
  while (zk.clock.now() < until) await vigil.rung();
}

/** The promise, or the signal's reason if that comes first. */
export async function abortable<T>(promise: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (signal === undefined) return await promise;
  signal.throwIfAborted();
  let stop: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = onAbort(signal, () => reject(signal.reason));
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    stop();
  }
}
