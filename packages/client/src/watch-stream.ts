// `for await (const event of client.watch(path))`: a persistent watch as a bounded stream. A slow loop sees fewer events,
// never stale ones: of one path only the newest event waits, and a buffer that runs over becomes one `reset`.

import { EventQueue } from './event-queue.ts';
import type { ClientState } from './session-events.ts';
import type { WatchEvent, WatchEventType } from './watches.ts';

/** Options of `watch`. */
export interface WatchStreamOptions {
  /** `false` delivers every event; by default the newest of a path takes the place of one that still waits. */
  readonly coalesce?: boolean | undefined;
  /** Events that may wait before they collapse into a `reset`; 10000 unless given. */
  readonly bufferMax?: number | undefined;
}

/** An event as a loop over `watch` gets it. */
export interface StreamEvent extends Omit<WatchEvent, 'type'> {
  /** `suspended`: the connection is away, what the loop knows may be out of date; a `reset` follows when it is back. */
  readonly type: WatchEventType | 'suspended';
}

const defaultBufferMax = 10_000;

/** The events of a persistent watch, for `for await`. Ends with its signal, or when the loop is left. */
export class WatchStream implements AsyncIterable<StreamEvent> {
  /** Resolves when the server has set the watch: changes from here on are seen. */
  readonly ready: Promise<void>;
  readonly #queue: EventQueue<StreamEvent>;
  readonly #path: string;
  readonly #coalesce: boolean;
  readonly #bufferMax: number;
  readonly #parts: StreamParts;
  #set = false;
  #away = false;

  constructor(path: string, options: WatchStreamOptions, parts: StreamParts) {
    this.#path = path;
    this.#coalesce = options.coalesce ?? true;
    this.#bufferMax = options.bufferMax ?? defaultBufferMax;
    this.#parts = parts;
    this.#queue = new EventQueue(() => parts.stop());
    this.ready = parts.start(this).then(() => void (this.#set = true));
    // A consumer that never looks at `ready` meets the same error in its loop.
    this.ready.catch((error: unknown) => this.#queue.fail(error));
  }

  /** For the client: adds an event. */
  push(event: WatchEvent): void {
    const key = this.#coalesce ? keyOf(event) : {};
    if (this.#queue.size < this.#bufferMax || this.#queue.waiting(key) !== undefined) {
      return this.#queue.push(event, key);
    }
    const dropped = this.#queue.size + 1;
    this.#queue.clear();
    this.#mark('reset');
    this.#parts.slow({ path: this.#path, dropped });
  }

  /** Tells the loop that what it knows may be out of date, and when to look again. */
  stateChanged(state: ClientState): void {
    if (state === 'closed') return this.close();
    if (!this.#set) return;
    const away = state !== 'connected' && state !== 'readonly';
    if (away && !this.#away) this.#mark('suspended');
    if (!away && this.#away) this.#mark('reset');
    this.#away = away;
  }

  #mark(type: 'suspended' | 'reset'): void {
    this.#queue.push({ type, path: this.#path, zxid: null }, 'mark');
  }

  /** Ends the stream and removes the watch. Idempotent. */
  close(): void {
    this.#queue.end();
    this.#parts.stop();
  }

  [Symbol.asyncIterator](): AsyncIterator<StreamEvent, undefined> {
    return this.#queue;
  }
}

export interface StreamParts {
  start(stream: WatchStream): Promise<void>;
  stop(): void;
  slow(stream: { readonly path: string; readonly dropped: number }): void;
}

/** News of a node and of its children are two things. */
const keyOf = ({ type, path }: WatchEvent): string => (type === 'children' ? `children ${path}` : `node ${path}`);
