// The shell's connection: a client, the events that it prints, and the watches that it knows to have set. A call that
// finds no server fails after one round, as zkCli's does; the connection itself keeps trying.

import { createClient, exponentialBackoff, ZkError } from '@corral/client';
import type { CallOptions, Client, ClientOptions, ClientState, WatchEvent } from '@corral/client';
import { ShellError, errorLine } from './shell-error.ts';
import { WatchBook } from './watch-book.ts';

export interface LinkOptions {
  readonly server: string;
  readonly sessionTimeout: number;
  readonly readOnly: boolean;
  readonly tls: ClientOptions['tls'];
}

/** Prints one line of a watch block. */
export type Announce = (state: string, type: string, path: string | null, zxid: bigint) => void;

const stateWords: Readonly<Record<ClientState, string>> = {
  connecting: 'CONNECTING',
  connected: 'CONNECTED',
  readonly: 'CONNECTEDREADONLY',
  suspended: 'CONNECTING',
  lost: 'CLOSED',
  closed: 'CLOSED',
};

const sessionEvents: Readonly<Partial<Record<ClientState, string>>> = {
  connected: 'SyncConnected',
  readonly: 'ConnectedReadOnly',
  suspended: 'Disconnected',
  lost: 'Expired',
};

const eventWords: Readonly<Record<WatchEvent['type'], string>> = {
  created: 'NodeCreated',
  deleted: 'NodeDeleted',
  changed: 'NodeDataChanged',
  children: 'NodeChildrenChanged',
  reset: 'None',
};

const noZxid = -1n;

export class Link {
  readonly client: Client;
  readonly server: string;
  readonly watches = new WatchBook();
  readonly #announce: Announce;
  readonly #pending = new Set<AbortController>();
  #refused = false;
  #ended = false;
  #lastEvent: WatchEvent | null = null;

  constructor(options: LinkOptions, announce: Announce) {
    this.server = options.server;
    this.#announce = announce;
    this.client = createClient(options.server, {
      sessionTimeout: options.sessionTimeout,
      readOnly: options.readOnly ? 'allow' : 'refuse',
      sessionRecovery: 'fail',
      retry: (attempt, random) => {
        if (attempt > 0) this.#roundFailed();
        return exponentialBackoff(attempt, random);
      },
      ...(options.tls === undefined ? {} : { tls: options.tls }),
    });
    this.client.on('state', (state, cause) => this.#stateChanged(state, cause));
  }

  get alive(): boolean {
    return this.client.state !== 'closed' && !this.#refused;
  }
  /** As it stands in the prompt. */
  get word(): string {
    return this.#refused ? 'AUTH_FAILED' : stateWords[this.client.state];
  }

  /** Runs calls of the client; what they are refused with becomes the shell's words. */
  async call<T>(path: string | null, work: (client: Client, options: CallOptions) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    this.#pending.add(controller);
    try {
      return await work(this.client, { signal: controller.signal });
    } catch (error) {
      if (ZkError.is(error)) throw new ShellError(errorLine(this.#refused ? 'AuthFailed' : error.code, path));
      if (controller.signal.aborted) throw new ShellError(errorLine('ConnectionLoss', path));
      throw error;
    } finally {
      this.#pending.delete(controller);
    }
  }

  /** Prints an event. Passed to every watch, so that the same event counts once however many watches it fires. */
  readonly listener = (event: WatchEvent): void => {
    this.watches.fired(event);
    if (event.type === 'reset' || isSame(this.#lastEvent, event)) return;
    this.#lastEvent = event;
    queueMicrotask(() => (this.#lastEvent = null));
    this.#announce('SyncConnected', eventWords[event.type], event.path, event.zxid ?? noZxid);
  };

  removed(types: readonly string[], path: string): void {
    for (const type of types) this.#announce('SyncConnected', type, path, noZxid);
  }

  /** Adds an identity. The server's refusal arrives later, as an event. */
  addAuth(scheme: string, auth: string): void {
    this.client.addAuth(scheme, auth).catch((error: unknown) => {
      if (!ZkError.is(error)) throw error;
      if (error.code !== 'AuthFailed') return;
      this.#refused = true;
      this.#announce('AuthFailed', 'None', null, noZxid);
      void this.client.close();
    });
  }

  /** Waits until a server has taken the session, however long that takes. */
  connected(): Promise<void> {
    return this.client.connect();
  }

  async close(): Promise<void> {
    await this.client.close();
  }

  #stateChanged(state: ClientState, cause: Error | null): void {
    if (this.#ended || this.#refused) return;
    this.#ended = state === 'lost' || state === 'closed';
    if (state === 'closed') {
      const word = ZkError.is(cause, 'AuthFailed') ? 'AuthFailed' : 'Closed';
      return this.#announce(word, 'None', null, noZxid);
    }
    const word = sessionEvents[state];
    if (word !== undefined) this.#announce(word, 'None', null, noZxid);
  }

  #roundFailed(): void {
    for (const controller of this.#pending) controller.abort();
  }
}

const isSame = (a: WatchEvent | null, b: WatchEvent): boolean =>
  a !== null && a.type === b.type && a.path === b.path && a.zxid === b.zxid;
