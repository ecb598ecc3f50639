// `for await (const event of client.watch(path))`: a persistent watch as a bounded stream. A slow loop sees fewer events,
// never stale ones: repeats are merged, and a buffer that runs over becomes one `reset`.

import { EventQueue } from './event-queue.ts';
import type { WatchEvent } from './watches.ts';

export interface WatchStreamOptions {
  /** `off` delivers every event; by default one that waits already is not queued twice. */
  readonly merge?: 'repeats' | 'off';
  /** Events that may wait before they collapse into a `reset`; 10000 unless given. */
  readonly bufferMax?: number;
}

const defaultBufferMax = 10_000;

export class WatchStream implements AsyncIterable<WatchEvent> {
  /** Resolves when the server has set the watch: changes from here on are seen. */
  readonly ready: Promise<void>;
  readonly #queue: EventQueue<WatchEvent>;
  readonly #path: string;
  readonly #merge: boolean;
  readonly #bufferMax: number;
  readonly #stop: () => void;

  constructor(
    path: string,
    options: WatchStreamOptions,
    start: (stream: WatchStream) => Promise<void>,
    stop: () => void,
  ) {
    this.#path = path;
    this.#merge = options.merge !== 'off';
    this.#bufferMax = options.bufferMax ?? defaultBufferMax;
    this.#stop = stop;
    this.#queue = new EventQueue(stop);
    this.ready = start(this);
    // A consumer that never looks at `ready` meets the same error in its loop.
    this.ready.catch((error: unknown) => this.#queue.fail(error));
  }

  push(event: WatchEvent): void {
    const buffered = this.#queue.buffered;
    if (this.#merge && repeats(buffered, event)) return;
    if (buffered.length < this.#bufferMax) return this.#queue.push(event);
    this.#queue.replace([{ type: 'reset', path: this.#path, zxid: null }]);
  }

  /** Ends the stream and removes the watch. Idempotent. */
  close(): void {
    this.#queue.end();
    this.#stop();
  }

  [Symbol.asyncIterator](): AsyncIterator<WatchEvent, undefined> {
    return this.#queue;
  }
}

/** True when the last event that waits for this path says the same: whoever reads it will look at the node afterwards. */
function repeats(buffered: readonly WatchEvent[], event: WatchEvent): boolean {
  for (let at = buffered.length - 1; at >= 0; at--) {
    const waiting = buffered[at];
    if (waiting.path === event.path) return waiting.type === event.type;
  }
  return false;
}
