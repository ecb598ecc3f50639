// The client as applications see it: one method per operation, promises only, no default that matches by accident.
// A method builds a call (requests.ts), the connection carries it, results.ts turns the answer into public shapes.

import { encodeText, systemPaths } from '@corral/protocol';
import { makeCall } from './call.ts';
import type { Clock } from './clock.ts';
import type { CallOptions, Connection } from './connection.ts';
import { ConnectError, ZkError } from './errors.ts';
import { createNode } from './create.ts';
import type { ParentOptions } from './create.ts';
import { EventQueue } from './event-queue.ts';
import { deleteNode, setData } from './idempotent.ts';
import type { RepeatOptions } from './idempotent.ts';
import { Multi, MultiRead } from './multi.ts';
import { createProtected } from './protected-create.ts';
import type { CreateOptions, VersionOptions } from './requests.ts';
import { fromWireAcl, toData, toNames, toStat, toText, toWireAcl, toWireVersion } from './results.ts';
import type { Acl, AclName, AclResult, Children, Created, Data, DataInput, Identity, Stat } from './results.ts';
import { Root } from './root.ts';
import type { SessionState } from './handshake.ts';
import type { ClientState } from './session-events.ts';
import type { Background, View } from './view.ts';
import { WatchStream } from './watch-stream.ts';
import type { WatchStreamOptions } from './watch-stream.ts';
import type { OneShotKind, PersistentKind, WatchListener, Watcher } from './watches.ts';
import { Watching } from './watching.ts';
import type { RemoveKind } from './watching.ts';

export type StatusEvent =
  | { readonly type: ClientState; readonly cause: Error | null }
  /** A new session began; `old` is null for the first one. Ephemerals of the old one are gone or will be. */
  | { readonly type: 'session'; readonly old: bigint | null; readonly new: bigint };

export interface SessionChange {
  readonly old: bigint | null;
  readonly new: bigint;
}
export interface ClientEvents {
  state: (state: ClientState, cause: Error | null) => void;
  session: (change: SessionChange) => void;
}

export interface WatchOption {
  /** Called once, for the first change after the answer. `signal` removes the watch as well. */
  readonly watch?: WatchListener;
}

/** What all scopes of one client share. */
export interface Shared {
  readonly connection: Connection;
  readonly clock: Clock;
  readonly background: Background;
  readonly listeners: { readonly [E in keyof ClientEvents]: Set<ClientEvents[E]> };
}

export class Client implements AsyncDisposable {
  readonly #shared: Shared;
  readonly #connection: Connection;
  readonly #watching: Watching;
  readonly #root: Root;
  readonly #view: View;

  /** Use `connect` or `createClient`. */
  constructor(shared: Shared, root: Root) {
    this.#shared = shared;
    this.#connection = shared.connection;
    this.#watching = new Watching(shared.connection);
    this.#root = root;
    this.#view = { ...shared, root };
  }

  // The connection and its session

  get state(): ClientState {
    return this.#connection.machine.state;
  }

  /** Id, password and negotiated timeout; null until the first session and after the loss of one. */
  get session(): SessionState | null {
    return this.#connection.machine.session;
  }

  /** Moment on the client's monotonic clock (`performance.now()`) until which the session is known to live. */
  get sessionDeadline(): number {
    return this.#connection.machine.deadline;
  }

  /** The client's time: what `sessionDeadline` is measured on. */
  get clock(): Clock {
    return this.#shared.clock;
  }

  /** Highest transaction this client has seen. */
  get lastZxid(): bigint {
    return this.#connection.machine.lastZxid;
  }

  stats(): { readonly watches: number; readonly waiting: number; readonly inFlight: number } {
    return { watches: this.#connection.machine.watches.size, ...this.#connection.machine.counts };
  }

  /** Waits until a server has taken the session. Rejects with a ConnectError that lists the cause for every address. */
  async connect(options: CallOptions = {}): Promise<void> {
    const { signal, timeout } = options;
    signal?.throwIfAborted();
    const giveUp = new AbortController();
    const onAbort = (): void => giveUp.abort();
    signal?.addEventListener('abort', onAbort, { once: true });
    const cancel = timeout === undefined ? undefined : this.#shared.clock.after(timeout, onAbort);
    try {
      const verdict = await this.#settled(giveUp.signal);
      signal?.throwIfAborted();
      if (verdict !== 'closed' && verdict !== null) return;
      const code = verdict === null ? 'OperationTimeout' : this.#closeCode();
      throw new ConnectError(code, this.#connection.failures(), this.#connection.cause);
    } finally {
      cancel?.();
      signal?.removeEventListener('abort', onAbort);
    }
  }

  #closeCode(): 'AuthFailed' | 'ConnectFailed' {
    return ZkError.is(this.#connection.cause, 'AuthFailed') ? 'AuthFailed' : 'ConnectFailed';
  }

  /** The next of connected, readonly, closed; null when the signal aborts first. */
  #settled(signal: AbortSignal): Promise<ClientState | null> {
    const settled = (state: ClientState): boolean => ['connected', 'readonly', 'closed'].includes(state);
    return new Promise((resolve) => {
      if (settled(this.state)) return resolve(this.state);
      const stop = this.on('state', (state) => {
        if (settled(state)) finish(state);
      });
      const onAbort = (): void => finish(null);
      const finish = (state: ClientState | null): void => {
        stop();
        signal.removeEventListener('abort', onAbort);
        resolve(state);
      };
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** Ends the session and with it its ephemerals. Idempotent; calls in flight are answered first. */
  async close(): Promise<void> {
    if (this.state === 'closed') return;
    await new Promise<void>((resolve) => {
      const stop = this.on('state', (state) => {
        if (state !== 'closed') return;
        stop();
        resolve();
      });
      this.#connection.close();
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Calls back on every change; the result ends that. */
  on<E extends keyof ClientEvents>(event: E, listener: ClientEvents[E]): () => void {
    const listeners: Set<ClientEvents[E]> = this.#shared.listeners[event];
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  /** The current state, then every change until the client is closed. */
  status(): AsyncIterableIterator<StatusEvent, undefined> {
    const stops: (() => void)[] = [];
    const queue = new EventQueue<StatusEvent>(() => stops.forEach((stop) => stop()));
    queue.push({ type: this.state, cause: null });
    stops.push(
      this.on('session', (change) => queue.push({ type: 'session', ...change })),
      this.on('state', (type, cause) => {
        queue.push({ type, cause });
        if (type === 'closed') queue.end();
      }),
    );
    if (this.state === 'closed') queue.end();
    return queue;
  }

  /** The server's path: chroot and scopes included. */
  fullPath(path: string): string {
    return this.#root.full(path);
  }

  /** True for a view of the same session. */
  shares(other: Client): boolean {
    return this.#shared === other.#shared;
  }

  /** A view below `path` on the same session; closing either closes both. */
  scope(path: string): Client {
    return new Client(this.#shared, this.#root.below(path));
  }

  /** Adds an identity to this and every later connection. */
  addAuth(scheme: string, auth: Uint8Array | string): Promise<void> {
    return this.#connection.addAuth({ scheme, auth: typeof auth === 'string' ? encodeText(auth) : auth });
  }

  // Nodes

  /**
   * Creates a node. A `protected` one carries a mark in its name (`_c_<uuid>-` before it): after a broken link the client
   * looks for the node instead of failing with `ambiguous`.
   */
  create(
    path: string,
    data: DataInput = '',
    options: CreateOptions & ParentOptions & CallOptions & { readonly protected?: boolean | undefined } = {},
  ): Promise<Created> {
    const make = options.protected === true ? createProtected : createNode;
    return make(this.#view, path, data, options);
  }

  async get(path: string, options: CallOptions & WatchOption = {}): Promise<Data> {
    const watcher = this.#watcher(path, 'data', options);
    const request = { path: this.#root.full(path), watch: watcher !== null };
    const call = makeCall('getData', { request, path, watcher, map: ({ data, stat }) => toData(data, stat) });
    return this.#watched(watcher, this.#connection.submit(call, options));
  }

  /** The data as UTF-8 text; null reads as empty. */
  async getText(path: string, options: CallOptions & WatchOption = {}): Promise<string> {
    return toText((await this.get(path, options)).data);
  }

  /** Null for a missing node, whose creation the watch then waits for. */
  async exists(path: string, options: CallOptions & WatchOption = {}): Promise<Stat | null> {
    const watcher = this.#watcher(path, 'exists', options);
    const request = { path: this.#root.full(path), watch: watcher !== null };
    const call = makeCall('exists', { request, path, watcher, map: ({ stat }) => toStat(stat) });
    try {
      return await this.#connection.submit(call, options);
    } catch (error) {
      if (ZkError.is(error, 'NoNode')) return null;
      watcher?.release?.();
      throw error;
    }
  }

  set(path: string, data: DataInput, options: VersionOptions & RepeatOptions & CallOptions = {}): Promise<Stat> {
    return setData(this.#view, path, data, options);
  }

  delete(path: string, options: VersionOptions & RepeatOptions & CallOptions = {}): Promise<void> {
    return deleteNode(this.#view, path, options);
  }

  async children(path: string, options: CallOptions & WatchOption = {}): Promise<Children> {
    const watcher = this.#watcher(path, 'children', options);
    const request = { path: this.#root.full(path), watch: watcher !== null };
    const map = (answer: {
      children: readonly (string | null)[] | null;
      stat: Parameters<typeof toStat>[0];
    }): Children => ({
      children: toNames(answer.children),
      stat: toStat(answer.stat),
    });
    const call = makeCall('getChildren2', { request, path, watcher, map });
    return this.#watched(watcher, this.#connection.submit(call, options));
  }

  async getAcl(path: string, options: CallOptions = {}): Promise<AclResult> {
    const request = { path: this.#root.full(path) };
    const call = makeCall('getACL', {
      request,
      path,
      map: ({ acl, stat }) => ({ acl: fromWireAcl(acl), stat: toStat(stat) }),
    });
    return this.#connection.submit(call, options);
  }

  /** `version` is the one of the list, `stat.aversion`. */
  async setAcl(path: string, acl: AclName | readonly Acl[], options: VersionOptions & CallOptions = {}): Promise<Stat> {
    const version = toWireVersion(options.version ?? 'any');
    const request = { path: this.#root.full(path), acl: toWireAcl(acl), version };
    return this.#connection.submit(makeCall('setACL', { request, path, map: ({ stat }) => toStat(stat) }), options);
  }

  /** Brings the server up to the leader's state: later reads of this client see at least that. */
  async sync(path = '/', options: CallOptions = {}): Promise<void> {
    const request = { path: this.#root.full(path) };
    return this.#connection.submit(makeCall('sync', { request, path, map: () => undefined }), options);
  }

  /** Paths of this session's ephemerals that start with `prefix`. */
  async ephemerals(prefix = '/', options: CallOptions = {}): Promise<string[]> {
    const map = ({ ephemerals }: { ephemerals: readonly (string | null)[] | null }): string[] =>
      toNames(ephemerals).map((path) => this.#root.local(path));
    const request = { prefixPath: this.#root.full(prefix) };
    return this.#connection.submit(makeCall('getEphemerals', { request, path: prefix, map }), options);
  }

  /** Number of nodes below a node. */
  async countDescendants(path: string, options: CallOptions = {}): Promise<number> {
    const request = { path: this.#root.full(path) };
    const call = makeCall('getAllChildrenNumber', { request, path, map: ({ totalNumber }) => totalNumber });
    return this.#connection.submit(call, options);
  }

  /** The identities the server knows this connection by. */
  async whoAmI(options: CallOptions = {}): Promise<Identity[]> {
    const map = ({
      clientInfo,
    }: {
      clientInfo: readonly { authScheme: string | null; user: string | null }[] | null;
    }) => (clientInfo ?? []).map(({ authScheme, user }) => ({ scheme: authScheme ?? '', user: user ?? '' }));
    return this.#connection.submit(makeCall('whoAmI', { request: {}, path: null, map }), options);
  }

  // Several operations at once

  /** Builds a transaction: all of its operations happen or none. */
  multi(): Multi {
    return new Multi(this.#root, (call, options) => this.#connection.submit(call, options));
  }

  /** Builds one request of several reads. */
  read(): MultiRead {
    return new MultiRead(this.#root, (call, options) => this.#connection.submit(call, options));
  }

  // Watches

  /** Events of a node, or with `recursive` of everything below it, too, until `signal` aborts or the loop ends. */
  watch(
    path: string,
    options: WatchStreamOptions & { readonly recursive?: boolean; readonly signal?: AbortSignal } = {},
  ): WatchStream {
    const kind = options.recursive === true ? 'persistentRecursive' : 'persistent';
    let watcher: Watcher | null = null;
    let stopped = false;
    const start = async (stream: WatchStream): Promise<void> => {
      const listener: WatchListener = (event) => stream.push(event);
      const added = await this.#watching.addPersistent(this.#root, path, kind, listener, {});
      watcher = added;
      if (stopped) this.#watching.remove(added);
    };
    const forgetClosed = this.on('state', (state) => {
      if (state === 'closed') stream.close();
    });
    const onAbort = (): void => stream.close();
    const stop = (): void => {
      stopped = true;
      forgetClosed();
      options.signal?.removeEventListener('abort', onAbort);
      if (watcher !== null) this.#watching.remove(watcher);
    };
    const stream = new WatchStream(path, options, start, stop);
    if (options.signal?.aborted === true) stream.close();
    else options.signal?.addEventListener('abort', onAbort, { once: true });
    return stream;
  }

  /** A persistent watch with a callback, until `signal` aborts or `removeWatches`. */
  async addWatch(
    path: string,
    options: CallOptions & { readonly mode: PersistentKind; readonly listener: WatchListener },
  ): Promise<void> {
    await this.#watching.addPersistent(this.#root, path, options.mode, options.listener, options);
  }

  /** Removes the watches of one kind, or `any`, from a path. */
  async removeWatches(path: string, options: CallOptions & { readonly kind: RemoveKind }): Promise<void> {
    await this.#watching.removeAll(this.#root, path, options.kind, options);
  }

  #watcher(path: string, kind: OneShotKind, options: CallOptions & WatchOption): Watcher | null {
    if (options.watch === undefined) return null;
    return this.#watching.oneShot(this.#root, path, kind, options.watch, options.signal);
  }

  /** A failed read sets no watch: stop listening to its signal. */
  async #watched<T>(watcher: Watcher | null, answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      watcher?.release?.();
      throw error;
    }
  }

  // The ensemble

  /** The ensemble's membership as text; the chroot does not apply. */
  async getConfig(options: CallOptions & WatchOption = {}): Promise<{ readonly config: string; readonly stat: Stat }> {
    const { data, stat } = await new Client(this.#shared, new Root('')).get(systemPaths.config, options);
    return { config: toText(data), stat };
  }

  /** Changes the ensemble: `joining`/`leaving` servers or a whole new list of `members`. */
  async reconfig(
    change: {
      readonly joining?: readonly string[];
      readonly leaving?: readonly string[];
      readonly members?: readonly string[];
      /** Only if the current configuration has this version. */
      readonly fromConfig?: bigint | 'any';
    },
    options: CallOptions = {},
  ): Promise<{ readonly config: string; readonly stat: Stat }> {
    const { joining, leaving, members, fromConfig = 'any' } = change;
    const request = {
      joiningServers: joining?.join(',') ?? null,
      leavingServers: leaving?.join(',') ?? null,
      newMembers: members?.join(',') ?? null,
      curConfigId: fromConfig === 'any' ? -1n : fromConfig,
    };
    const map = ({ data, stat }: { data: Uint8Array | null; stat: Parameters<typeof toStat>[0] }) => ({
      config: toText(data ?? new Uint8Array(0)),
      stat: toStat(stat),
    });
    return this.#connection.submit(makeCall('reconfig', { request, path: null, map }), options);
  }
}
