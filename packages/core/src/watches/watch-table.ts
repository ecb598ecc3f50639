// Who is to be told about which path. A registration is a few bits beside the number of a connection; the common case of
// one watcher on a path is a single number in a map, so a million watches are a million map entries and no objects.
//
// ZooKeeper thinks of two tables: "data" (one-shot data and exists watches, persistent, recursive) and "child" (one-shot
// child watches, persistent). A change consults the tables in a fixed order and a connection hears of it at most once
// per table.

import { PathLengths } from '@corral/protocol';

/** Kinds of registration, as bits. */
export const watchKinds = { data: 1, child: 2, persistent: 4, recursive: 8 } as const;
const { data, child, persistent, recursive } = watchKinds;
const allKinds = 15;
const dataTable = data | persistent | recursive;
const childTable = child | persistent;
const kindBits = 4;

/** What an entry takes besides its path, in bytes: measured, rounded up. */
const entryBytes = 100;

/** One connection, as the table knows it: by a number of its own, so that the connection's may be used again at once. */
interface Watcher {
  readonly id: number;
  readonly connection: number;
  /** Its connection is gone: it is told nothing, and is no longer counted. */
  isGone: boolean;
  readonly paths: Set<string>;
  bytes: number;
  dataCount: number;
  count: number;
}

/** Several watchers of one path: kinds by number. */
class Several extends Map<number, number> {
  /** How many of them are in the data table and still there. */
  dataCount = 0;
}

/** One watcher is `id << 4 | kinds`. */
type Watchers = number | Several;

export class WatchTable {
  readonly #byPath = new Map<string, Watchers>();
  readonly #byConnection = new Map<number, Watcher>();
  readonly #byId: (Watcher | undefined)[] = [];
  readonly #freeIds: number[] = [];
  /** Watchers whose connection is gone and whose entries are not all removed. */
  readonly #gone: Watcher[] = [];
  readonly #recursivePaths = new PathLengths();
  /** Registrations that sit in the data table, as the four-letter words count them. */
  dataCount = 0;
  /** Every registration, once per table. */
  count = 0;
  /** What all entries take, in bytes, as far as that can be told. */
  bytes = 0;
  /** Connections with a data watch, and paths that have one. */
  dataConnections = 0;
  dataPaths = 0;

  /** Adds kinds (bits of watchKinds) for a connection (a small non-negative number). */
  add(path: string, connection: number, kinds: number): void {
    const watcher = this.#byConnection.get(connection) ?? this.#introduce(connection);
    this.#set(path, watcher, this.#kinds(this.#byPath.get(path), watcher.id) | kinds);
  }

  #introduce(connection: number): Watcher {
    const id = this.#freeIds.pop() ?? this.#byId.length;
    const paths = new Set<string>();
    const watcher: Watcher = { id, connection, isGone: false, paths, bytes: 0, dataCount: 0, count: 0 };
    this.#byId[id] = watcher;
    this.#byConnection.set(connection, watcher);
    return watcher;
  }

  /** Removes kinds; false when none of them was registered. */
  remove(path: string, connection: number, kinds: number): boolean {
    const watcher = this.#byConnection.get(connection);
    const before = this.kindsOf(path, connection);
    if (watcher === undefined || (before & kinds) === 0) return false;
    this.#set(path, watcher, before & ~kinds);
    return true;
  }

  kindsOf(path: string, connection: number): number {
    const watcher = this.#byConnection.get(connection);
    return watcher === undefined ? 0 : this.#kinds(this.#byPath.get(path), watcher.id);
  }

  #kinds(watchers: Watchers | undefined, id: number): number {
    if (watchers === undefined) return 0;
    if (typeof watchers !== 'number') return watchers.get(id) ?? 0;
    return watchers >>> kindBits === id ? watchers & allKinds : 0;
  }

  /** What the entries of a connection take, in bytes. */
  bytesOf(connection: number): number {
    return this.#byConnection.get(connection)?.bytes ?? 0;
  }

  /** Registrations of a connection, once per table. */
  countOf(connection: number): number {
    return this.#byConnection.get(connection)?.count ?? 0;
  }

  /** Forgets a connection. Its entries are removed by `sweep`: there may be a million. */
  removeConnection(connection: number): void {
    const watcher = this.#byConnection.get(connection);
    if (watcher === undefined) return;
    this.#byConnection.delete(connection);
    watcher.isGone = true;
    this.count -= watcher.count;
    this.dataCount -= watcher.dataCount;
    if (watcher.dataCount > 0) this.dataConnections--;
    this.#gone.push(watcher);
  }

  /** Removes so many entries of connections that are gone; false when some are left. */
  sweep(entriesMax: number): boolean {
    let left = entriesMax;
    for (let watcher = this.#gone.at(-1); watcher !== undefined; watcher = this.#gone.at(-1)) {
      for (const path of watcher.paths) {
        if (left-- <= 0) return false;
        this.#set(path, watcher, 0);
      }
      this.#gone.pop();
      this.#byId[watcher.id] = undefined;
      this.#freeIds.push(watcher.id);
    }
    return true;
  }

  /** The node at path was created or its data changed: watchers of the path itself, then recursive ones above. */
  fireData(path: string, deliver: (connection: number) => void): void {
    this.#fire(path, dataTable, undefined, deliver);
  }

  /** The node at path is gone: data watchers, then child watchers that were not told yet. */
  fireDeleted(path: string, deliver: (connection: number) => void): void {
    if (this.#byPath.size === 0) return;
    const told = new Set<number>();
    this.#fire(path, dataTable, told, deliver);
    this.#fire(path, childTable, told, deliver);
  }

  /** The children of path changed. */
  fireChildren(path: string, deliver: (connection: number) => void): void {
    this.#fire(path, childTable, undefined, deliver);
  }

  #fire(path: string, table: number, told: Set<number> | undefined, deliver: (connection: number) => void): void {
    if (this.#byPath.size === 0) return;
    const watchers = this.#byPath.get(path);
    const above = table === dataTable && this.#recursivePaths.size > 0;
    if (watchers === undefined && !above) return;
    const heard = told ?? (above ? new Set<number>() : undefined);
    if (watchers !== undefined) this.#fireAt(path, watchers, table, heard, deliver);
    if (above) this.#fireAbove(path, heard!, deliver);
  }

  #fireAt(
    path: string,
    watchers: Watchers,
    table: number,
    heard: Set<number> | undefined,
    deliver: (connection: number) => void,
  ): void {
    const tell = (id: number, kinds: number): void => {
      const watcher = this.#byId[id];
      if ((kinds & table) === 0 || watcher === undefined || watcher.isGone) return;
      const oneShot = table & (data | child);
      if ((kinds & oneShot) !== 0) this.#set(path, watcher, kinds & ~oneShot);
      if (heard?.has(id)) return;
      heard?.add(id);
      deliver(watcher.connection);
    };
    if (typeof watchers === 'number') tell(watchers >>> kindBits, watchers & allKinds);
    else for (const [id, kinds] of [...watchers]) tell(id, kinds);
  }

  #fireAbove(path: string, heard: Set<number>, deliver: (connection: number) => void): void {
    for (const ancestor of this.#recursivePaths.candidates(path)) {
      if (ancestor.length === path.length) continue;
      const watchers = this.#byPath.get(ancestor);
      if (watchers === undefined) continue;
      for (const [id, kinds] of entriesOf(watchers)) {
        const watcher = this.#byId[id];
        if ((kinds & recursive) === 0 || heard.has(id) || watcher === undefined || watcher.isGone) continue;
        heard.add(id);
        deliver(watcher.connection);
      }
    }
  }

  #set(path: string, watcher: Watcher, kinds: number): void {
    const watchers = this.#byPath.get(path);
    const before = this.#kinds(watchers, watcher.id);
    if (before === kinds) return;
    this.#countChange(path, watcher, before, kinds);
    const isData = (kinds & dataTable) !== 0 ? 1 : 0;
    this.#store(path, watchers, watcher.id, kinds, isData - ((before & dataTable) !== 0 ? 1 : 0));
    const bytes = entryBytes + path.length;
    if (kinds === 0) {
      watcher.paths.delete(path);
      watcher.bytes -= bytes;
      this.bytes -= bytes;
    } else if (before === 0) {
      watcher.paths.add(path);
      watcher.bytes += bytes;
      this.bytes += bytes;
    }
  }

  #store(path: string, watchers: Watchers | undefined, id: number, kinds: number, dataAdded: number): void {
    const packed = id * 16 + kinds;
    const hadData = hasData(watchers);
    if (watchers === undefined) this.#byPath.set(path, packed);
    else if (typeof watchers !== 'number') {
      watchers.dataCount += dataAdded;
      if (kinds !== 0) watchers.set(id, kinds);
      else if (watchers.delete(id) && watchers.size === 0) this.#byPath.delete(path);
    } else if (watchers >>> kindBits !== id) {
      const several = new Several([[watchers >>> kindBits, watchers & allKinds], [id, kinds]]); // prettier-ignore
      several.dataCount = dataAdded + ((watchers & dataTable) !== 0 ? 1 : 0);
      this.#byPath.set(path, several);
    } else if (kinds === 0) this.#byPath.delete(path);
    else this.#byPath.set(path, packed);
    if (dataAdded !== 0) this.dataPaths += (hasData(this.#byPath.get(path)) ? 1 : 0) - (hadData ? 1 : 0);
  }

  #countChange(path: string, watcher: Watcher, before: number, after: number): void {
    if (((before ^ after) & recursive) !== 0) {
      if ((after & recursive) !== 0) this.#recursivePaths.add(path);
      else this.#recursivePaths.delete(path);
    }
    const tables = (kinds: number): number =>
      ((kinds & dataTable) !== 0 ? 1 : 0) + ((kinds & childTable) !== 0 ? 1 : 0);
    const added = tables(after) - tables(before);
    const dataAdded = ((after & dataTable) !== 0 ? 1 : 0) - ((before & dataTable) !== 0 ? 1 : 0);
    const hadData = watcher.dataCount > 0;
    watcher.count += added;
    watcher.dataCount += dataAdded;
    if (watcher.isGone) return;
    this.count += added;
    this.dataCount += dataAdded;
    if (hadData !== watcher.dataCount > 0) this.dataConnections += hadData ? -1 : 1;
  }

  /** Every registration. */
  *all(): IterableIterator<{ readonly path: string; readonly connection: number; readonly kinds: number }> {
    for (const [path, watchers] of this.#byPath)
      for (const [id, kinds] of entriesOf(watchers)) {
        const watcher = this.#byId[id];
        if (watcher?.isGone === false) yield { path, connection: watcher.connection, kinds };
      }
  }

  /** Data-table registrations, connection by connection, for `wchc`. Nothing is copied: a caller may take its time. */
  *dataWatchesByConnection(): IterableIterator<{ connection: number; paths: Iterable<string> }> {
    for (const watcher of this.#byConnection.values())
      if (watcher.dataCount > 0) yield { connection: watcher.connection, paths: this.#dataPathsOf(watcher) };
  }

  *#dataPathsOf(watcher: Watcher): Iterable<string> {
    for (const path of watcher.paths)
      if ((this.#kinds(this.#byPath.get(path), watcher.id) & dataTable) !== 0) yield path;
  }

  /** Data-table registrations, path by path, for `wchp`. */
  *dataWatches(): IterableIterator<{ path: string; connections: number[] }> {
    for (const [path, watchers] of this.#byPath) {
      const connections: number[] = [];
      for (const [id, kinds] of entriesOf(watchers)) {
        const watcher = this.#byId[id];
        if ((kinds & dataTable) !== 0 && watcher?.isGone === false) connections.push(watcher.connection);
      }
      if (connections.length > 0) yield { path, connections };
    }
  }
}

const hasData = (watchers: Watchers | undefined): boolean => {
  if (watchers === undefined) return false;
  return typeof watchers === 'number' ? (watchers & dataTable) !== 0 : watchers.dataCount > 0;
};

const entriesOf = (watchers: Watchers): Iterable<[number, number]> =>
  typeof watchers === 'number' ? [[watchers >>> kindBits, watchers & allKinds]] : watchers;
