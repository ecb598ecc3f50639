// A persistent watch made of one-shot ones, for servers before 3.6. Every event is followed by a new look that sets the
// next watch; what changed is told by comparing what is seen with what was seen before. Several changes between two
// looks are told as one.

import { makeCall } from './call.ts';
import type { Connection } from './connection.ts';
import { ZkError } from './errors.ts';
import { toNames } from './results.ts';
import { Root } from './root.ts';
import type { NodeEventType, OneShotKind, WatchEvent, WatchListener, Watcher } from './watches.ts';

/** Where one-shot watchers come from. */
interface OneShots {
  oneShot(root: Root, path: string, kind: OneShotKind, listener: WatchListener, signal?: AbortSignal): Watcher;
}

interface Seen {
  readonly czxid: bigint;
  readonly mzxid: bigint;
}

const wholeTree = new Root('');

export class WatchChain {
  readonly #connection: Connection;
  readonly #watchers: OneShots;
  readonly #path: string;
  readonly #recursive: boolean;
  readonly #tell: WatchListener;
  readonly #over = new AbortController();
  /** By server path. */
  readonly #seen = new Map<string, Seen>();

  constructor(
    connection: Connection,
    watchers: OneShots,
    parts: { readonly path: string; readonly recursive: boolean; readonly tell: WatchListener },
  ) {
    this.#connection = connection;
    this.#watchers = watchers;
    this.#path = parts.path;
    this.#recursive = parts.recursive;
    this.#tell = parts.tell;
  }

  /** Resolves when everything that is there is watched. */
  start(): Promise<void> {
    return this.#look(this.#path, 'silent');
  }

  stop(): void {
    this.#over.abort();
  }

  /** Looks at a node, tells what became of it, and watches it and its children from now on. */
  async #look(path: string, news: 'silent' | 'told'): Promise<void> {
    const found = await this.#stat(path);
    const before = this.#seen.get(path);
    const replaced = found !== null && before !== undefined && found.czxid !== before.czxid;
    if (found === null || replaced) {
      if (before !== undefined) this.#event('deleted', path);
      this.#seen.delete(path);
      if (found === null) return;
    }
    this.#seen.set(path, found);
    if (before === undefined || replaced) {
      if (news === 'told') this.#event('created', path);
      await this.#list(path, news);
    } else if (found.mzxid !== before.mzxid) this.#event('changed', path);
  }

  /** A node's birth and its last change. The root of the chain is awaited when it is missing; others their parent tells. */
  async #stat(path: string): Promise<Seen | null> {
    const root = path === this.#path;
    const watcher = this.#watch(path, root ? 'exists' : 'data', () => this.#again(() => this.#look(path, 'told')));
    const details = { path, request: { path, watch: true }, watcher };
    const call = root
      ? makeCall('exists', { ...details, map: ({ stat }) => stat })
      : makeCall('getData', { ...details, map: ({ stat }) => stat });
    try {
      const { czxid, mzxid } = await this.#connection.submit(call, { signal: this.#over.signal });
      return { czxid, mzxid };
    } catch (error) {
      if (!root) watcher.release?.();
      if (ZkError.is(error, 'NoNode')) return null;
      throw error;
    }
  }

  async #list(path: string, news: 'silent' | 'told'): Promise<void> {
    const watcher = this.#watch(path, 'children', ({ type }) => {
      // The end of the node is told by its other watch.
      if (type !== 'children') return;
      if (!this.#recursive) this.#event('children', path);
      this.#again(() => this.#list(path, 'told'));
    });
    const request = { path, watch: true };
    const call = makeCall('getChildren', { path, request, watcher, map: ({ children }) => toNames(children) });
    let names: string[];
    try {
      names = await this.#connection.submit(call, { signal: this.#over.signal });
    } catch (error) {
      watcher.release?.();
      // Gone again, or not ours to see.
      if (ZkError.is(error, 'NoNode') || ZkError.is(error, 'NoAuth')) return;
      throw error;
    }
    if (!this.#recursive) return;
    const children = names.map((name) => (path === '/' ? `/${name}` : `${path}/${name}`));
    await Promise.all(children.filter((child) => !this.#seen.has(child)).map((child) => this.#look(child, news)));
  }

  #watch(path: string, kind: OneShotKind, listener: WatchListener): Watcher {
    return this.#watchers.oneShot(wholeTree, path, kind, listener, this.#over.signal);
  }

  #again(step: () => Promise<void>): void {
    step().catch((error: unknown) => {
      // The end of the chain or of the client, or a node that must not be read any more.
      if (!ZkError.is(error) && !this.#over.signal.aborted) throw error;
    });
  }

  #event(type: NodeEventType, path: string): void {
    const event: WatchEvent = { type, path, zxid: null };
    if (!this.#over.signal.aborted) this.#tell(event);
  }
}
