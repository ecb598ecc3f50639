// A copy of a subtree that keeps itself up to date. An event only says which node to read again. Servers replay nothing for
// a persistent watch after a reconnect, so then everything is read again and compared.

import { kinds, ZkError } from '@corral/client';
import type { Client, Stat, WatchStream } from '@corral/client';
import { toError } from './errors.ts';
import { Bell } from './kernel/bell.ts';
import { namesIn } from './kernel/children.ts';
import type { CallSignal } from './kernel/parents.ts';
import { patient, quietly } from './kernel/patience.ts';
import { join, nameOf, parentOf } from './kernel/paths.ts';
import { Vigil, abortable } from './kernel/vigil.ts';
import { checkRecipe, signalOf } from './kernel/options.ts';
import type { Checks } from './kernel/options.ts';

/** Options of a tree cache. */
export interface CacheOptions {
  /** Whether to look below the children of the root, too; true unless given. */
  readonly recursive?: boolean | undefined;
  /** False for nodes that shall not be kept, together with all that is below them. */
  readonly filter?: ((path: string) => boolean) | undefined;
  /** `skip` keeps the stats only. */
  readonly data?: 'keep' | 'skip' | undefined;
  /** The cache fails rather than grow beyond this; 100000 unless given. */
  readonly maxNodes?: number | undefined;
}

/** A node as the cache has it. */
export interface CachedNode {
  readonly data: Uint8Array;
  readonly stat: Stat;
}

/** A node that has changed; null when it is gone. */
export interface CacheChange {
  /** `replaced`: deleted and created again since the last look. */
  readonly type: 'added' | 'changed' | 'replaced' | 'removed';
  readonly path: string;
  /** Null for a removed node. */
  readonly node: CachedNode | null;
}

const defaultMaxNodes = 100_000;
const readsInFlightMax = 256;
const noData = new Uint8Array(0);

const known: Checks<CacheOptions> = {
  recursive: kinds.boolean,
  filter: kinds.callback,
  data: kinds.oneOf('keep', 'skip'),
  maxNodes: kinds.count,
};

/** A copy of a subtree, kept up to date. Made by `treeCache`. */
export class TreeCache implements AsyncDisposable {
  /** Path of its node. */
  readonly path: string;
  /** Resolves when the whole subtree was read once; rejects when it cannot be. */
  readonly ready: Promise<void>;
  readonly #zk: Client;
  readonly #options: CacheOptions;
  readonly #nodes = new Map<string, CachedNode>();
  readonly #names = new Map<string, Set<string>>();
  readonly #bell = new Bell();
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;
  readonly #dirty = new Set<string>();
  /** What each loop over `changes` has not looked at yet. */
  readonly #unseen = new Set<Set<string>>();
  #mustScan = true;
  #isFresh = false;
  /** Connections are counted: what was read over an older one may be old. */
  #resets = 0;

  constructor(zk: Client, path: string, options: CacheOptions = {}) {
    checkRecipe('a tree cache', { zk, path, options }, known);
    this.#zk = patient(zk);
    this.path = path;
    this.#options = options;
    let settle: (error: Error | null) => void = () => undefined;
    this.ready = new Promise((resolve, reject) => {
      settle = (error) => (error === null ? resolve() : reject(error));
    });
    this.ready.catch(() => undefined);
    this.#done = this.#run(() => settle(null)).then(
      () => this.#finish(null, settle),
      (error: unknown) => this.#finish(toError(error), settle),
    );
  }

  /** True while the connection is away or what was missed is being read: values are old then. */
  get stale(): boolean {
    return !this.#isFresh || (this.#zk.state !== 'connected' && this.#zk.state !== 'readonly');
  }

  /** Number of nodes in the cache. */
  get size(): number {
    return this.#nodes.size;
  }

  /** A node as last seen; null when it is not there. */
  get(path: string): CachedNode | null {
    return this.#nodes.get(path) ?? null;
  }

  /** Names of the children, sorted. */
  children(path: string): string[] {
    return [...(this.#names.get(path) ?? [])].sort();
  }

  /** Everything that is kept, by path, parents first. */
  tree(): ReadonlyMap<string, CachedNode> {
    return new Map([...this.#nodes].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** What is there, then what changes. Changes of one node between two turns of the loop arrive as one. */
  async *changes(options: CallSignal = {}): AsyncGenerator<CacheChange, void> {
    for await (const batch of this.batches(options)) yield* batch;
  }

  /** The same, with everything that is seen at once in one list. */
  async *batches(options: CallSignal = {}): AsyncGenerator<readonly CacheChange[], void> {
    const signal = signalOf('batches', options);
    const known = new Map<string, Stat>();
    const unseen = new Set(this.#nodes.keys());
    this.#unseen.add(unseen);
    let isFirst = true;
    const look = (): (readonly CacheChange[])[] => {
      const changes = this.#compare(known, unseen);
      if (changes.length === 0 && !isFirst) return [];
      isFirst = false;
      return [changes];
    };
    try {
      yield* quietly(signal, this.#bell.each(this.#zk, this.path, signal, look));
    } finally {
      this.#unseen.delete(unseen);
    }
  }

  /** Waits for `ready`, or for the signal. */
  whenReady(signal?: AbortSignal): Promise<void> {
    return abortable(this.ready, signal);
  }

  /** Ends the watch. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #finish(error: Error | null, settle: (error: Error | null) => void): void {
    const failure = this.#stop.signal.aborted ? null : error;
    settle(failure ?? new Error(`the cache of ${this.path} is closed`));
    this.#bell.finish(failure);
  }

  async #run(ready: () => void): Promise<void> {
    using vigil = new Vigil(this.#zk, this.path, this.#stop.signal);
    const stream = this.#zk.watch(this.path, { recursive: true, signal: vigil.signal });
    let failure: { readonly error: unknown } | null = null;
    const listening = this.#listen(stream, vigil).catch((error: unknown) => {
      failure = { error };
      vigil.ring();
    });
    try {
      await abortable(stream.ready, vigil.signal);
      for (;;) {
        if (failure !== null) throw (failure as { readonly error: unknown }).error;
        await this.#catchUp(vigil.signal);
        if (this.#isFresh) ready();
        this.#bell.ring();
        if (this.#dirty.size === 0 && !this.#mustScan) await vigil.rung();
      }
    } finally {
      stream.close();
      await listening;
    }
  }

  async #listen(stream: WatchStream, vigil: Vigil): Promise<void> {
    for await (const { type, path } of stream) {
      if (type === 'reset') {
        this.#resets += 1;
        this.#mustScan = true;
        this.#isFresh = false;
      } else this.#dirty.add(path);
      vigil.ring();
    }
  }

  async #catchUp(signal: AbortSignal): Promise<void> {
    if (this.#mustScan) {
      this.#mustScan = false;
      const resets = this.#resets;
      await this.#scan(signal);
      this.#isFresh = resets === this.#resets;
    }
    const dirty = [...this.#dirty].filter((path) => this.#wants(path));
    this.#dirty.clear();
    await inParallel(dirty, async (path) => this.#apply(path, await this.#read(path, signal)));
  }

  /** Reads the whole subtree, level by level, and drops what is not there any more. */
  async #scan(signal: AbortSignal): Promise<void> {
    const seen = new Set<string>();
    for (let level = [this.path]; level.length > 0;) {
      const next: string[] = [];
      await inParallel(level, async (path) => {
        const node = await this.#read(path, signal);
        this.#apply(path, node);
        if (node === null) return;
        seen.add(path);
        if (node.stat.numChildren === 0 || !this.#looksBelow(path)) return;
        for (const name of await namesIn(this.#zk, path, signal)) {
          const child = join(path, name);
          if (this.#wants(child)) next.push(child);
        }
      });
      level = next;
    }
    for (const path of [...this.#nodes.keys()]) {
      // What appeared during the scan is in the list of nodes to read again.
      if (!seen.has(path)) this.#apply(path, null);
    }
  }

  #looksBelow(path: string): boolean {
    return this.#options.recursive !== false || path === this.path;
  }

  #wants(path: string): boolean {
    if (path === this.path) return true;
    if (this.#options.recursive === false && parentOf(path) !== this.path) return false;
    return this.#options.filter?.(path) !== false && this.#wants(parentOf(path));
  }

  async #read(path: string, signal: AbortSignal): Promise<CachedNode | null> {
    try {
      if (this.#options.data !== 'skip') return await this.#zk.get(path, { signal });
      const stat = await this.#zk.exists(path, { signal });
      return stat === null ? null : { data: noData, stat };
    } catch (error) {
      if (ZkError.is(error, 'NoNode')) return null;
      throw error;
    }
  }

  #apply(path: string, node: CachedNode | null): void {
    for (const unseen of this.#unseen) unseen.add(path);
    if (node === null) {
      this.#nodes.delete(path);
      this.#names.get(parentOf(path))?.delete(nameOf(path));
      return;
    }
    const old = this.#nodes.get(path);
    if (old !== undefined && isOlder(node.stat, old.stat)) return;
    this.#nodes.set(path, node);
    if (this.#nodes.size > (this.#options.maxNodes ?? defaultMaxNodes)) {
      throw new RangeError(`the cache of ${this.path} would hold more than ${this.#nodes.size - 1} nodes`);
    }
    if (path === this.path) return;
    const names = this.#names.get(parentOf(path));
    if (names === undefined) this.#names.set(parentOf(path), new Set([nameOf(path)]));
    else names.add(nameOf(path));
  }

  #compare(known: Map<string, Stat>, unseen: Set<string>): CacheChange[] {
    const changes: CacheChange[] = [];
    for (const path of unseen) {
      const old = known.get(path);
      const node = this.get(path);
      const type = changeOf(old, node?.stat);
      if (node === null) known.delete(path);
      else known.set(path, node.stat);
      if (type !== null) changes.push({ type, path, node });
    }
    unseen.clear();
    return changes;
  }
}

/** By transaction: a node that was deleted and created again has a version that says nothing. */
const isOlder = (a: Stat, b: Stat): boolean => a.czxid < b.czxid || (a.czxid === b.czxid && a.mzxid < b.mzxid);

function changeOf(old: Stat | undefined, now: Stat | undefined): CacheChange['type'] | null {
  if (now === undefined) return old === undefined ? null : 'removed';
  if (old === undefined) return 'added';
  if (old.czxid !== now.czxid) return 'replaced';
  return old.mzxid === now.mzxid ? null : 'changed';
}

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) await work(items[next++]);
  };
  await Promise.all(Array.from({ length: Math.min(readsInFlightMax, items.length) }, worker));
}

/** A cache of the subtree at a path. Ends with `close` or `await using`. */
export const treeCache = (zk: Client, path: string, options: CacheOptions = {}): TreeCache =>
  new TreeCache(zk, path, options);
