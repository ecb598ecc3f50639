// The client's half of watches: who waits for which event. Servers keep watches per connection, so this registry is also
// the source from which they are set again after a reconnect. Paths here are the server's, chroot included.

import { eventTypes } from '@corral/protocol';
import type { EventType } from '@corral/protocol';
import type { Root } from './root.ts';

/** What servers tell. */
export type NodeEventType = 'created' | 'deleted' | 'changed' | 'children';
/** What an event tells; `reset`: look again, some events may have been missed. */
export type WatchEventType = NodeEventType | 'reset';

/** One event of a watch: what happened where, but not the data. */
export interface WatchEvent {
  /** `reset`: events may have been missed while the connection was away; look again. */
  readonly type: WatchEventType;
  readonly path: string;
  /** Transaction that fired the watch; null when the server does not tell (before 3.9, and after a reconnect). */
  readonly zxid: bigint | null;
}
/** Called with each event of a watch. */
export type WatchListener = (event: WatchEvent) => void;

/** `exists` is a data watch on a node that was missing. */
export type OneShotKind = 'data' | 'exists' | 'children';
/** Kinds of persistent watch. */
export type PersistentKind = 'persistent' | 'persistentRecursive';

export interface Watcher {
  readonly path: string;
  /** An `exists` watch that found its node becomes a `data` watch. */
  kind: OneShotKind | PersistentKind;
  readonly listener: WatchListener;
  /** Turns the server's path into the one the listener knows. */
  readonly root: Root;
  /** A persistent watch counts from the server's answer on; until then a reconnect repeats the request itself. */
  armed: boolean;
  /** Called when a one-shot watch has fired. */
  release: (() => void) | null;
}

/** Paths to set again on a new connection. */
export interface Rearm {
  readonly data: string[];
  readonly exists: string[];
  readonly children: string[];
  readonly persistent: string[];
  readonly persistentRecursive: string[];
}

const eventNames: Readonly<Record<EventType, NodeEventType>> = {
  [eventTypes.nodeCreated]: 'created',
  [eventTypes.nodeDeleted]: 'deleted',
  [eventTypes.nodeDataChanged]: 'changed',
  [eventTypes.nodeChildrenChanged]: 'children',
};
export const eventNameOf = (type: number): NodeEventType | undefined => eventNames[type as EventType];

/** Which one-shot watches an event uses up. */
const consumedBy: Readonly<Record<NodeEventType, readonly OneShotKind[]>> = {
  created: ['data', 'exists'],
  changed: ['data', 'exists'],
  deleted: ['data', 'exists', 'children'],
  children: ['children'],
};

type Table = Map<string, Set<Watcher>>;

export class WatchRegistry {
  readonly #tables: Readonly<Record<Watcher['kind'], Table>> = {
    data: new Map(),
    exists: new Map(),
    children: new Map(),
    persistent: new Map(),
    persistentRecursive: new Map(),
  };

  /** Watchers whose reads are under way: the server may have set their watches already. */
  readonly #awaited = new Set<Watcher>();

  get size(): number {
    let count = 0;
    for (const table of Object.values(this.#tables)) for (const watchers of table.values()) count += watchers.size;
    return count;
  }

  /** The same listener on the same path and kind counts once, however often it is registered. */
  add(watcher: Watcher): void {
    this.#awaited.delete(watcher);
    const table = this.#tables[watcher.kind];
    const watchers = table.get(watcher.path);
    if (watchers === undefined) table.set(watcher.path, new Set([watcher]));
    else if (![...watchers].some(({ listener }) => listener === watcher.listener)) watchers.add(watcher);
    else watcher.release?.();
  }

  /** Its read is under way. */
  expect(watcher: Watcher): void {
    this.#awaited.add(watcher);
  }

  /** Its read has failed, or nobody waits for it any more. False when it was not under way. */
  unexpect(watcher: Watcher): boolean {
    return this.#awaited.delete(watcher);
  }

  /** False when it was not registered (any more). */
  remove(watcher: Watcher): boolean {
    const table = this.#tables[watcher.kind];
    const watchers = table.get(watcher.path);
    if (watchers?.delete(watcher) !== true) return false;
    if (watchers.size === 0) table.delete(watcher.path);
    return true;
  }

  /** Drops every watcher of these kinds on a path and says how many there were. */
  removeAll(path: string, kinds: readonly Watcher['kind'][]): number {
    let count = 0;
    for (const kind of kinds) {
      count += this.#tables[kind].get(path)?.size ?? 0;
      this.#tables[kind].delete(path);
    }
    return count;
  }

  /** True when somebody needs such a watch, or soon will. */
  has(path: string, kinds: readonly Watcher['kind'][]): boolean {
    if (kinds.some((kind) => this.#tables[kind].has(path))) return true;
    return [...this.#awaited].some((watcher) => watcher.path === path && kinds.includes(watcher.kind));
  }

  /** The watchers that an event reaches; the one-shot ones are forgotten. */
  take(type: NodeEventType, path: string): Watcher[] {
    const taken: Watcher[] = [];
    for (const kind of consumedBy[type]) {
      taken.push(...(this.#tables[kind].get(path) ?? []));
      this.#tables[kind].delete(path);
    }
    taken.push(...(this.#tables.persistent.get(path) ?? []));
    if (type !== 'children') this.#addRecursive(path, taken);
    return taken;
  }

  #addRecursive(path: string, taken: Watcher[]): void {
    const table = this.#tables.persistentRecursive;
    if (table.size === 0) return;
    for (let base = path; ; base = base.slice(0, base.lastIndexOf('/'))) {
      taken.push(...(table.get(base === '' ? '/' : base) ?? []));
      if (base === '' || base === '/') return;
    }
  }

  /** Persistent watchers that the server knew: the ones that may have missed something. */
  armedPersistent(): Watcher[] {
    const armed: Watcher[] = [];
    for (const kind of ['persistent', 'persistentRecursive'] as const) {
      for (const watchers of this.#tables[kind].values()) armed.push(...[...watchers].filter((w) => w.armed));
    }
    return armed;
  }

  rearm(): Rearm {
    const pathsOf = (kind: PersistentKind): string[] =>
      [...this.#tables[kind]].filter(([, watchers]) => [...watchers].some((w) => w.armed)).map(([path]) => path);
    return {
      data: [...this.#tables.data.keys()],
      exists: [...this.#tables.exists.keys()],
      children: [...this.#tables.children.keys()],
      persistent: pathsOf('persistent'),
      persistentRecursive: pathsOf('persistentRecursive'),
    };
  }
}
