// Sets watches and takes them away: the registry on this side, the server's tables on the other, kept in step.

import { addWatchModes, watcherTypes } from '@corral/protocol';
import { onAbort } from './abort.ts';
import { makeCall } from './call.ts';
import type { CallOptions, Connection } from './connection.ts';
import { ZkError } from './errors.ts';
import type { Root } from './root.ts';
import { WatchChain } from './watch-chain.ts';
import type { OneShotKind, PersistentKind, WatchListener, Watcher } from './watches.ts';

/** Which watches to remove. */
export type RemoveKind = 'data' | 'children' | 'any' | PersistentKind;

/** Local kinds that share one table of the server. */
const localKinds: Readonly<Record<RemoveKind, readonly Watcher['kind'][]>> = {
  data: ['data', 'exists'],
  children: ['children'],
  persistent: ['persistent'],
  persistentRecursive: ['persistentRecursive'],
  any: ['data', 'exists', 'children', 'persistent', 'persistentRecursive'],
};

const tableOf = (kind: Watcher['kind']): RemoveKind => (kind === 'exists' ? 'data' : kind);

export interface PersistentWatch {
  readonly root: Root;
  readonly path: string;
  readonly kind: PersistentKind;
  readonly listener: WatchListener;
}

export class Watching {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** A one-shot watcher that lives until it fires or `signal` aborts. */
  oneShot(root: Root, path: string, kind: OneShotKind, listener: WatchListener, signal?: AbortSignal): Watcher {
    const watcher: Watcher = { path: root.full(path), kind, listener, root, armed: false, release: null };
    const { watches } = this.#connection.machine;
    watches.expect(watcher);
    const forgetSignal = onAbort(signal, () => this.remove(watcher));
    watcher.release = () => {
      forgetSignal();
      watches.unexpect(watcher);
    };
    return watcher;
  }

  /** Resolves, when the watch is set, with what takes it away again. */
  async addPersistent(wanted: PersistentWatch, options: CallOptions): Promise<() => void> {
    try {
      const watcher = await this.#add(wanted, options);
      return () => this.remove(watcher);
    } catch (error) {
      if (!ZkError.is(error, 'Unimplemented')) throw error;
      // Servers before 3.6 have one-shot watches only.
      return await this.#chain(wanted, options);
    }
  }

  async #add({ root, path, kind, listener }: PersistentWatch, options: CallOptions): Promise<Watcher> {
    const watcher: Watcher = { path: root.full(path), kind, listener, root, armed: false, release: null };
    const request = { path: watcher.path, mode: addWatchModes[kind] };
    const call = makeCall('addWatch', { request, path, map: () => undefined, watcher });
    this.#connection.machine.watches.add(watcher);
    try {
      await this.#connection.submit(call, options);
    } catch (error) {
      this.remove(watcher);
      throw error;
    }
    this.#removeOnAbort(watcher, options.signal);
    return watcher;
  }

  async #chain({ root, path, kind, listener }: PersistentWatch, { signal }: CallOptions): Promise<() => void> {
    const chain = new WatchChain(this.#connection, this, {
      path: root.full(path),
      recursive: kind === 'persistentRecursive',
      tell: (event) => listener({ ...event, path: root.local(event.path) }),
    });
    const forget = onAbort(signal, () => chain.stop());
    const stop = (): void => {
      forget();
      chain.stop();
    };
    await chain.start().catch((error: unknown) => {
      stop();
      throw error;
    });
    return stop;
  }

  /** Removes one watcher here, and on the server when nobody else needs its watch. */
  remove(watcher: Watcher): void {
    const { machine } = this.#connection;
    // A read that is given up may have set its watch all the same: its removal comes behind it, on the same connection.
    const isUnderWay = machine.watches.unexpect(watcher);
    watcher.release?.();
    if (!machine.watches.remove(watcher) && !isUnderWay) return;
    const table = tableOf(watcher.kind);
    const stillNeeded = machine.watches.has(watcher.path, localKinds[table]);
    // Without a connection there is nothing to remove: servers forget watches together with their connection.
    if (stillNeeded || (machine.state !== 'connected' && machine.state !== 'readonly')) return;
    this.#forget(watcher.path, table).catch((error: unknown) => {
      // The watch left behind costs at most one frame that nobody listens to; only a bug is worth a crash.
      if (!ZkError.is(error)) throw error;
    });
  }

  /** Removes all watchers of a kind on a path. Rejects with NoWatcher when there is none. */
  async removeAll(root: Root, path: string, kind: RemoveKind, options: CallOptions): Promise<void> {
    const full = root.full(path);
    this.#connection.machine.watches.removeAll(full, localKinds[kind]);
    await this.#forget(full, kind, options);
  }

  async #forget(path: string, kind: RemoveKind, options: CallOptions = {}): Promise<void> {
    const request = { path, type: watcherTypes[kind] };
    await this.#connection.submit(makeCall('removeWatches', { request, path, map: () => undefined }), options);
  }

  #removeOnAbort(watcher: Watcher, signal: AbortSignal | undefined): void {
    if (signal !== undefined) watcher.release = onAbort(signal, () => this.remove(watcher));
  }
}
