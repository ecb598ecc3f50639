// The client as applications see it: one method per operation, promises only, no default that matches by accident. What a
// method does is in the file it calls; here is what it promises.

import type { Clock } from './clock.ts';
import type { Codec } from './codec.ts';
import type { CallOptions, Connection, ConnectionStats } from './connection.ts';
import { createNode } from './create.ts';
import type { ParentOptions } from './create.ts';
import { getConfig, reconfig } from './ensemble.ts';
import type { EnsembleConfiguration, MembershipChange } from './ensemble.ts';
import { toCredential } from './handshake.ts';
import type { SessionState } from './handshake.ts';
import { deleteNode, setData } from './idempotent.ts';
import type { RepeatOptions } from './idempotent.ts';
import type { ClientEvents, CloseOptions, ConnectLimits, Lifecycle, StatusEvent } from './lifecycle.ts';
import { makeCall } from './call.ts';
import { Multi, MultiRead } from './multi.ts';
import { checkMethod, checkNeeded } from './method-options.ts';
import { createProtected } from './protected-create.ts';
import * as reads from './reads.ts';
import type { WatchOption } from './reads.ts';
import type { CreateOptions, VersionOptions } from './requests.ts';
import { text } from './codec.ts';
import { toStat, toWireAcl, toWireVersion } from './results.ts';
import type { Acl, AclName, AclResult, Children, Created, Data, DataInput, Identity, Stat } from './results.ts';
import type { Root } from './root.ts';
import type { ClientState } from './session-events.ts';
import { update } from './update.ts';
import { deleteTree, ensurePath, putData } from './whole-paths.ts';
import type { EnsurePathOptions, PutOptions } from './whole-paths.ts';
import type { UpdateOptions } from './update.ts';
import type { Background, View } from './view.ts';
import { openWatchStream } from './open-watch-stream.ts';
import type { WatchStream, WatchStreamOptions } from './watch-stream.ts';
import type { PersistentKind, WatchEvent, WatchListener } from './watches.ts';
import type { RemoveKind, Watching } from './watching.ts';

/** What all scopes of one client share. */
export interface Shared {
  readonly connection: Connection;
  readonly clock: Clock;
  readonly lifecycle: Lifecycle;
  readonly watching: Watching;
  readonly background: Background;
}

/** What a view may set for the calls made through it. */
export interface ScopeOptions {
  /**
   * Milliseconds that a call waits for its answer when it names no `timeout` of its own; `Infinity` for no limit.
   * @default 15000
   */
  readonly callTimeout?: number | undefined;
  /** Whether `set` and `delete` that say nothing about it are sent again when their answer was lost; not unless given. */
  readonly idempotent?: boolean | undefined;
}

/** The options of a scope, complete. */
export interface Defaults extends ScopeOptions {
  readonly callTimeout: number;
}

/**
 * A client of the ensemble: one session, over as many connections as it takes. Made by `connect` or `createClient`.
 */
export class Client implements AsyncDisposable {
  readonly #shared: Shared;
  readonly #connection: Connection;
  readonly #view: View;
  readonly #defaults: Defaults;

  /** Use `connect` or `createClient`. */
  constructor(shared: Shared, root: Root, defaults: Defaults) {
    this.#shared = shared;
    this.#connection = shared.connection;
    this.#view = { ...shared, root, onState: (listener) => this.on('state', listener) };
    this.#defaults = defaults;
  }

  // The connection and its session

  /** Where the client stands with the servers now; `on('state')` tells every change. */
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

  /** Milliseconds that a call waits for its answer when it names no `timeout`; `Infinity` for no limit. */
  get callTimeout(): number {
    return this.#defaults.callTimeout;
  }

  /** Highest transaction this client has seen. */
  get lastZxid(): bigint {
    return this.#connection.machine.lastZxid;
  }

  /** Counts of this client's watches, calls and connections. */
  stats(): ConnectionStats {
    return this.#connection.stats;
  }

  /** Milliseconds from here to the server and back: the time of one small read. */
  async rtt(options: CallOptions = {}): Promise<number> {
    const request = { path: '/', watch: false };
    const started = this.#shared.clock.now();
    const call = makeCall('exists', { request, path: '/', map: () => undefined });
    await this.#connection.submit(call, this.#limited('rtt', options));
    return this.#shared.clock.now() - started;
  }

  /**
   * Waits until a server has taken the session.
   * @throws ConnectError which lists the cause for every address: `ConnectFailed` when all have refused, `OperationTimeout`
   * when some had not answered in time.
   */
  async connect(options: ConnectLimits = {}): Promise<void> {
    checkMethod('connect', options);
    await this.#shared.lifecycle.connect(options);
  }

  /** Ends the session and with it its ephemerals. Idempotent; calls in flight are answered first. */
  async close(options: CloseOptions = {}): Promise<void> {
    checkMethod('close', options);
    await this.#shared.lifecycle.close(options);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * Aborts with a ClosedError when the client begins to close, before its session has ended. Whatever lives with the
   * session, such as a lock, must not be relied upon from then on.
   */
  get closing(): AbortSignal {
    return this.#shared.lifecycle.closing;
  }

  /** Lets the process end although the client is open; it ends without closing the session then. */
  unref(): void {
    this.#connection.unref();
  }

  /** Calls back on every change; the result ends that. */
  on<E extends keyof ClientEvents>(event: E, listener: ClientEvents[E]): () => void {
    return this.#shared.lifecycle.emitter.on(event, listener);
  }

  /** The current state, then every change until the client is closed. */
  status(): AsyncIterableIterator<StatusEvent, undefined> {
    return this.#shared.lifecycle.status();
  }

  /** The server's path: chroot and scopes included. */
  fullPath(path: string): string {
    return this.#view.root.full(path);
  }

  /** True for a view of the same session. */
  shares(other: Client): boolean {
    return this.#shared === other.#shared;
  }

  /** A view below `path` on the same session; closing either closes both. */
  scope(path: string, options: ScopeOptions = {}): Client {
    checkMethod('scope', options);
    const { callTimeout = this.#defaults.callTimeout, idempotent = this.#defaults.idempotent } = options;
    return new Client(this.#shared, this.#view.root.below(path), { callTimeout, idempotent });
  }

  /** Adds an identity to this and every later connection. */
  addAuth(scheme: string, auth: Uint8Array | string): Promise<void> {
    return this.#connection.addAuth(toCredential(scheme, auth));
  }

  #limited<O extends CallOptions>(method: Parameters<typeof checkMethod>[0], options: O): O {
    checkMethod(method, options);
    return options.timeout === undefined ? { ...options, timeout: this.#defaults.callTimeout } : options;
  }

  #repeated<O extends RepeatOptions>(options: O): O {
    const { idempotent } = this.#defaults;
    return idempotent === undefined || options.idempotent !== undefined ? options : { ...options, idempotent };
  }

  // Reading

  /** Data and metadata. With a codec, `data` is what the codec makes of the bytes. */
  get(path: string, options?: CallOptions & WatchOption): Promise<Data>;
  get<T>(path: string, options: CallOptions & WatchOption & { readonly codec: Codec<T> }): Promise<Data<T>>;
  async get(
    path: string,
    options: CallOptions & WatchOption & { codec?: Codec<unknown> } = {},
  ): Promise<Data<unknown>> {
    const limited = this.#limited('get', options);
    if (options.codec === undefined) return await reads.getData(this.#view, path, limited);
    return await reads.getValue(this.#view, path, options.codec, limited);
  }

  /** The data as UTF-8 text; null reads as empty. */
  async getText(path: string, options: CallOptions & WatchOption = {}): Promise<string> {
    checkMethod('getText', options);
    return (await this.get(path, { ...options, codec: text })).data;
  }

  /** Null for a missing node, whose creation the watch then waits for. */
  async exists(path: string, options: CallOptions & WatchOption = {}): Promise<Stat | null> {
    return await reads.exists(this.#view, path, this.#limited('exists', options));
  }

  /**
   * Names of the children, in no order, and the Stat of the node.
   * @throws NoNodeError when the node is not there.
   */
  async children(path: string, options: CallOptions & WatchOption = {}): Promise<Children> {
    return await reads.getChildren(this.#view, path, this.#limited('children', options));
  }

  /**
   * The access control list. Hashes in it are masked for whoever has not the right ADMIN.
   * @throws NoNodeError when the node is not there.
   */
  async getAcl(path: string, options: CallOptions = {}): Promise<AclResult> {
    return await reads.getAcl(this.#view, path, this.#limited('getAcl', options));
  }

  /** Brings the server up to the leader's state: later reads of this client see at least that. */
  async sync(path = '/', options: CallOptions = {}): Promise<void> {
    return await reads.sync(this.#view, path, this.#limited('sync', options));
  }

  /** Paths of this session's ephemerals that start with `prefix`, as text: `/a` finds `/ab` too. None outside of a scope. */
  async ephemerals(prefix = '/', options: CallOptions = {}): Promise<string[]> {
    return await reads.ephemerals(this.#view, prefix, this.#limited('ephemerals', options));
  }

  /** Number of nodes below a node. */
  async countDescendants(path: string, options: CallOptions = {}): Promise<number> {
    return await reads.countDescendants(this.#view, path, this.#limited('countDescendants', options));
  }

  /** The identities the server knows this connection by. */
  async whoAmI(options: CallOptions = {}): Promise<Identity[]> {
    return await reads.whoAmI(this.#view, this.#limited('whoAmI', options));
  }

  // Writing

  /**
   * Creates a node. A `protected` one carries a mark in its name (`_c_<uuid>-` before it): after a broken link the client
   * looks for the node instead of failing with `ambiguous`. A node that is not there counts as never made, and is made
   * again: that is right as long as nobody else takes such nodes away before their maker knows of them. Ephemerals of a
   * lock are like that; an item that a consumer may have finished with meanwhile is not, and would come a second time.
   * Write a receipt in the same transaction for those, as the recipe `queue` does.
   */
  async create(
    path: string,
    data: DataInput = '',
    options: CreateOptions & ParentOptions & CallOptions & { readonly protected?: boolean | undefined } = {},
  ): Promise<Created> {
    const make = options.protected === true ? createProtected : createNode;
    return await make(this.#view, path, data, this.#limited('create', options));
  }

  /**
   * Replaces the data; whoever wrote last wins, unless a `version` is named.
   * @throws NoNodeError when the node is not there, BadVersionError when it has another version.
   */
  async set(path: string, data: DataInput, options: VersionOptions & RepeatOptions & CallOptions = {}): Promise<Stat> {
    return await setData(this.#view, path, data, this.#repeated(this.#limited('set', options)));
  }

  /**
   * Writes a node whether it is there or not: sets its data, or makes it, with `parents` also what is missing above it.
   * Whoever writes last wins.
   */
  async put(path: string, data: DataInput, options: PutOptions = {}): Promise<Stat> {
    return await putData(this.#view, path, data, this.#repeated(this.#limited('put', options)));
  }

  /** Makes a path and what is missing above it; nothing happens when it is there. */
  async ensurePath(path: string, options: EnsurePathOptions = {}): Promise<void> {
    await ensurePath(this.#view, path, this.#limited('ensurePath', options));
  }

  /** Reads, lets `change` make the new value, and writes it if nobody was faster; otherwise starts over. */
  async update<T>(
    path: string,
    codec: Codec<T>,
    change: (value: T, stat: Stat) => T | Promise<T>,
    options: UpdateOptions = {},
  ): Promise<Data<T>> {
    return await update(this.#view, path, codec, change, this.#limited('update', options));
  }

  /**
   * Deletes a node without children; any version of it, unless one is named.
   * @throws NoNodeError when it is not there, NotEmptyError when it has children, BadVersionError when it has another
   * version.
   */
  async delete(path: string, options: VersionOptions & RepeatOptions & CallOptions = {}): Promise<void> {
    return await deleteNode(this.#view, path, this.#repeated(this.#limited('delete', options)));
  }

  /**
   * Deletes a node and everything below it, and says how many nodes that were; none is no error. Not all at once: others
   * may see a part of it. `timeout` is for each request.
   */
  async deleteTree(path: string, options: CallOptions = {}): Promise<number> {
    return await deleteTree(this.#view, path, this.#limited('deleteTree', options));
  }

  /** Replaces the access control list. `version` is the one of the list, `stat.aversion`. */
  async setAcl(path: string, acl: AclName | readonly Acl[], options: VersionOptions & CallOptions = {}): Promise<Stat> {
    const limited = this.#limited('setAcl', options);
    const version = toWireVersion(options.version ?? 'any');
    const request = { path: this.#view.root.full(path), acl: toWireAcl(acl), version };
    const call = makeCall('setACL', { request, path, map: ({ stat }) => toStat(stat) });
    return await this.#connection.submit(call, limited);
  }

  // Several operations at once

  /** Builds a transaction: all of its operations happen or none. */
  multi(): Multi {
    return new Multi(this.#view.root, (call, options) =>
      this.#connection.submit(call, this.#limited('commit', options)),
    );
  }

  /** Builds one request of several reads. */
  read(): MultiRead {
    return new MultiRead(this.#view.root, (call, options) =>
      this.#connection.submit(call, this.#limited('commit', options)),
    );
  }

  // Watches

  /** The next creation, change or deletion of a node, over reconnects. */
  async changed(path: string, options: CallOptions = {}): Promise<WatchEvent> {
    checkMethod('changed', options);
    return await reads.changed(this.#view, path, options);
  }

  /** Events of a node, or with `recursive` of everything below it, too, until `signal` aborts or the loop ends. */
  watch(
    path: string,
    options: WatchStreamOptions & { readonly recursive?: boolean; readonly signal?: AbortSignal | undefined } = {},
  ): WatchStream {
    checkMethod('watch', options);
    return openWatchStream(this.#view, this.#shared.lifecycle.emitter, path, options);
  }

  /** A persistent watch with a callback, until `signal` aborts or `removeWatches`. */
  async addWatch(
    path: string,
    options: CallOptions & { readonly mode: PersistentKind; readonly listener: WatchListener },
  ): Promise<void> {
    checkNeeded('addWatch', options, 'mode', 'listener');
    const { mode: kind, listener } = options;
    await this.#view.watching.addPersistent(
      { root: this.#view.root, path, kind, listener },
      this.#limited('addWatch', options),
    );
  }

  /** Removes the watches of one kind, or `any`, from a path. */
  async removeWatches(path: string, options: CallOptions & { readonly kind: RemoveKind }): Promise<void> {
    checkNeeded('removeWatches', options, 'kind');
    await this.#view.watching.removeAll(this.#view.root, path, options.kind, this.#limited('removeWatches', options));
  }

  // The ensemble

  /** The ensemble's membership as text; the chroot does not apply. */
  async getConfig(options: CallOptions & WatchOption = {}): Promise<EnsembleConfiguration> {
    return await getConfig(this.#view, this.#limited('getConfig', options));
  }

  /** Changes the ensemble: `joining`/`leaving` servers or a whole new list of `members`. */
  async reconfig(change: MembershipChange, options: CallOptions = {}): Promise<EnsembleConfiguration> {
    return await reconfig(this.#view, change, this.#limited('reconfig', options));
  }
}
