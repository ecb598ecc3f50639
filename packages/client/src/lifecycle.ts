// The life of a client, the same for all of its scopes: waiting for a connection, telling of every change, ending it.

import { onAbort } from './abort.ts';
import type { Clock } from './clock.ts';
import type { CallOptions, Connection, ConnectionListeners } from './connection.ts';
import { ConnectError, ZkError, makeError } from './errors.ts';
import { checkLimit } from './check-options.ts';
import { EventQueue } from './event-queue.ts';
import { guarded } from './guarded.ts';
import { isRefusal } from './refusals.ts';
import type { ClientState } from './session-events.ts';
import type { Background } from './view.ts';

/** A session that began, and the one before it. */
export interface SessionChange {
  readonly old: bigint | null;
  readonly new: bigint;
}
/** The next attempt to reach a server. */
export interface Reconnecting {
  /** Rounds over all servers since the last good connection. */
  readonly attempt: number;
  /** Milliseconds until the next one. */
  readonly delay: number;
  readonly cause: Error | null;
}
/** A watch stream whose reader did not keep up. */
export interface SlowStream {
  /** Path of the watch whose loop did not keep up. */
  readonly path: string;
  /** Events that its `reset` stands for. */
  readonly dropped: number;
}

/** What `on` listens to. */
export interface ClientEvents {
  state: (state: ClientState, cause: Error | null) => void;
  session: (change: SessionChange) => void;
  reconnecting: (next: Reconnecting) => void;
  slow: (stream: SlowStream) => void;
}

/** What `status` yields. */
export type StatusEvent =
  | { readonly type: ClientState; readonly cause: Error | null }
  /** A new session began; `old` is null for the first one. Ephemerals of the old one are gone or will be. */
  | ({ readonly type: 'session' } & SessionChange)
  | ({ readonly type: 'reconnecting' } & Reconnecting)
  /** A watch stream ran over: events were replaced by a `reset`. */
  | ({ readonly type: 'slow' } & SlowStream);

/** How long `connect` tries. */
export interface ConnectLimits {
  /** Milliseconds until `connect` gives up. */
  readonly timeout?: number | undefined;
  /** Gives up when it aborts. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Gives up as soon as every server has refused once: nothing listens there, there is no such host, its certificate will
   * not do. Servers that are silent or look for a leader are waited for all the same.
   */
  readonly failFast?: boolean | undefined;
}

/** Options of `close`. */
export interface CloseOptions extends CallOptions {
  /** Waits for all calls made so far, also for those that wait for a connection; `timeout` and `signal` end that. */
  readonly drain?: boolean | undefined;
}

const closedBy = (cause: Error | null): Error => makeError('Closing', { op: 'connect', cause });

/** Status events that a loop may leave unread; the oldest go first. */
const statusMax = 1000;

export class Emitter implements ConnectionListeners {
  readonly #listeners: { readonly [E in keyof ClientEvents]: Set<ClientEvents[E]> } = {
    state: new Set(),
    session: new Set(),
    reconnecting: new Set(),
    slow: new Set(),
  };

  on<E extends keyof ClientEvents>(event: E, listener: ClientEvents[E]): () => void {
    const listeners: Set<ClientEvents[E]> = this.#listeners[event];
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  state(state: ClientState, cause: Error | null): void {
    for (const listener of [...this.#listeners.state]) guarded(() => listener(state, cause));
  }
  session(old: bigint | null, current: bigint): void {
    for (const listener of [...this.#listeners.session]) guarded(() => listener({ old, new: current }));
  }
  reconnecting(next: Reconnecting): void {
    for (const listener of [...this.#listeners.reconnecting]) guarded(() => listener(next));
  }
  slow(stream: SlowStream): void {
    for (const listener of [...this.#listeners.slow]) guarded(() => listener(stream));
  }
}

export class Lifecycle {
  readonly emitter: Emitter;
  readonly #connection: Connection;
  readonly #clock: Clock;
  readonly #background: Background;
  readonly #closing = new AbortController();

  constructor(parts: { connection: Connection; clock: Clock; background: Background; emitter: Emitter }) {
    this.emitter = parts.emitter;
    this.#connection = parts.connection;
    this.#clock = parts.clock;
    this.#background = parts.background;
    this.emitter.on('state', (state, cause) => {
      if (state === 'closed') this.#closing.abort(closedBy(cause));
    });
  }

  /** Aborts as soon as the client begins to close, by itself too: the session still has to be ended then. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  get state(): ClientState {
    return this.#connection.machine.state;
  }

  async connect({ signal, timeout, failFast = false }: ConnectLimits): Promise<void> {
    signal?.throwIfAborted();
    if (timeout !== undefined) checkLimit('timeout', timeout);
    const limit = this.#limit({ signal, timeout });
    const stop = this.emitter.on('reconnecting', () => {
      if (failFast && this.#isRefused) limit.end();
    });
    try {
      const state = await this.#next(['connected', 'readonly', 'closed'], limit.signal);
      signal?.throwIfAborted();
      if (state === 'connected' || state === 'readonly') return;
      const code = state === null && !this.#isRefused ? 'OperationTimeout' : this.#closeCode();
      throw new ConnectError(code, this.#connection.failures(), this.#connection.cause);
    } finally {
      stop();
      limit.release();
    }
  }

  /** Every server has given an answer, and it was no. */
  get #isRefused(): boolean {
    const failures = this.#connection.failures();
    return failures.length > 0 && failures.every(({ cause }) => isRefusal(cause));
  }

  #closeCode(): 'AuthFailed' | 'ConnectFailed' {
    return ZkError.is(this.#connection.cause, 'AuthFailed') ? 'AuthFailed' : 'ConnectFailed';
  }

  async close({ drain, signal, timeout }: CloseOptions): Promise<void> {
    if (drain === true && this.state !== 'closed') {
      const limit = this.#limit({ signal, timeout });
      const quiet = Promise.all([this.#connection.idle(), this.#background.idle()]);
      await Promise.race([quiet, this.#next(['closed'], limit.signal)]);
      limit.release();
    }
    if (this.state === 'closed') return;
    const closed = this.#next(['closed'], new AbortController().signal);
    // First of all, so that nobody believes in a lock whose session is about to end.
    this.#closing.abort(closedBy(null));
    this.#connection.close();
    await closed;
  }

  /** A signal that aborts with the caller's, or when the time is over. */
  #limit({ signal, timeout }: CallOptions): { readonly signal: AbortSignal; end(): void; release(): void } {
    const over = new AbortController();
    if (signal?.aborted === true) over.abort();
    const forget = onAbort(signal, () => over.abort());
    const cancel = timeout === undefined ? undefined : this.#clock.after(timeout, () => over.abort());
    return {
      signal: over.signal,
      end: () => over.abort(),
      release() {
        forget();
        cancel?.();
      },
    };
  }

  /** The next of these states, the current one included; null when the signal aborts first. */
  #next(wanted: readonly ClientState[], signal: AbortSignal): Promise<ClientState | null> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve(null);
      if (wanted.includes(this.state)) return resolve(this.state);
      const stop = this.emitter.on('state', (state) => {
        if (wanted.includes(state)) finish(state);
      });
      const forget = onAbort(signal, () => finish(null));
      const finish = (state: ClientState | null): void => {
        stop();
        forget();
        resolve(state);
      };
    });
  }

  status(): AsyncIterableIterator<StatusEvent, undefined> {
    const stops: (() => void)[] = [];
    const queue = new EventQueue<StatusEvent>(() => stops.forEach((stop) => stop()), statusMax);
    queue.push({ type: this.state, cause: null });
    stops.push(
      this.emitter.on('session', (change) => queue.push({ type: 'session', ...change })),
      this.emitter.on('reconnecting', (next) => queue.push({ type: 'reconnecting', ...next })),
      this.emitter.on('slow', (stream) => queue.push({ type: 'slow', ...stream })),
      this.emitter.on('state', (type, cause) => {
        queue.push({ type, cause });
        if (type === 'closed') queue.end();
      }),
    );
    if (this.state === 'closed') queue.end();
    return queue;
  }
}
