// Who is to be told about which path. A registration is a few bits beside the number of a connection; the common case of
// one watcher on a path is a single number in a map, so a million watches are a million map entries and no objects.
//
// ZooKeeper thinks of two tables: "data" (one-shot data and exists watches, persistent, recursive) and "child" (one-shot
// child watches, persistent). A change consults the tables in a fixed order and a connection hears of it at most once
// per table.

/** Kinds of registration, as bits. */
export const watchKinds = { data: 1, child: 2, persistent: 4, recursive: 8 } as const;
const { data, child, persistent, recursive } = watchKinds;
const allKinds = 15;
const dataTable = data | persistent | recursive;
const childTable = child | persistent;
const kindBits = 4;

/** One watcher is `connection << 4 | kinds`; several are a map from connection to kinds. */
type Watchers = number | Map<number, number>;

export class WatchTable {
  readonly #byPath = new Map<string, Watchers>();
  readonly #byConnection = new Map<number, Set<string>>();
  #recursiveCount = 0;
  /** Registrations that sit in the data table, as the four-letter words count them. */
  dataCount = 0;
  /** Every registration, once per table. */
  count = 0;

  /** Adds kinds (bits of watchKinds) for a connection (a small non-negative number). */
  add(path: string, connection: number, kinds: number): void {
    const before = this.kindsOf(path, connection);
    this.#set(path, connection, before | kinds);
  }

  /** Removes kinds; false when none of them was registered. */
  remove(path: string, connection: number, kinds: number): boolean {
    const before = this.kindsOf(path, connection);
    if ((before & kinds) === 0) return false;
    this.#set(path, connection, before & ~kinds);
    return true;
  }

  kindsOf(path: string, connection: number): number {
    const watchers = this.#byPath.get(path);
    if (watchers === undefined) return 0;
    if (typeof watchers !== 'number') return watchers.get(connection) ?? 0;
    return watchers >>> kindBits === connection ? watchers & allKinds : 0;
  }

  /** Forgets a connection. */
  removeConnection(connection: number): void {
    for (const path of [...(this.#byConnection.get(connection) ?? [])]) this.#set(path, connection, 0);
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
    const above = table === dataTable && this.#recursiveCount > 0;
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
    const tell = (connection: number, kinds: number): void => {
      if ((kinds & table) === 0) return;
      const oneShot = table & (data | child);
      if ((kinds & oneShot) !== 0) this.#set(path, connection, kinds & ~oneShot);
      if (heard?.has(connection)) return;
      heard?.add(connection);
      deliver(connection);
    };
    if (typeof watchers === 'number') tell(watchers >>> kindBits, watchers & allKinds);
    else for (const [connection, kinds] of [...watchers]) tell(connection, kinds);
  }

  #fireAbove(path: string, heard: Set<number>, deliver: (connection: number) => void): void {
    for (let cut = path.lastIndexOf('/'); cut >= 0; cut = cut === 0 ? -1 : path.lastIndexOf('/', cut - 1)) {
      const ancestor = cut === 0 ? '/' : path.slice(0, cut);
      if (ancestor === path) return;
      const watchers = this.#byPath.get(ancestor);
      if (watchers === undefined) continue;
      for (const [connection, kinds] of entriesOf(watchers)) {
        if ((kinds & recursive) === 0 || heard.has(connection)) continue;
        heard.add(connection);
        deliver(connection);
      }
    }
  }

  #set(path: string, connection: number, kinds: number): void {
    const watchers = this.#byPath.get(path);
    const before = this.kindsOf(path, connection);
    if (before === kinds) return;
    this.#countChange(before, kinds);
    this.#store(path, watchers, connection, kinds);
    const paths = this.#byConnection.get(connection);
    if (kinds === 0) {
      paths?.delete(path);
      if (paths?.size === 0) this.#byConnection.delete(connection);
    } else if (paths === undefined) this.#byConnection.set(connection, new Set([path]));
    else if (before === 0) paths.add(path);
  }

  #store(path: string, watchers: Watchers | undefined, connection: number, kinds: number): void {
    const packed = connection * 16 + kinds;
    if (watchers === undefined) {
      this.#byPath.set(path, packed);
    } else if (typeof watchers !== 'number') {
      if (kinds !== 0) watchers.set(connection, kinds);
      else if (watchers.delete(connection) && watchers.size === 0) this.#byPath.delete(path);
    } else if (watchers >>> kindBits !== connection) {
      this.#byPath.set(path, new Map([[watchers >>> kindBits, watchers & allKinds], [connection, kinds]])); // prettier-ignore
    } else if (kinds === 0) this.#byPath.delete(path);
    else this.#byPath.set(path, packed);
  }

  #countChange(before: number, after: number): void {
    const tables = (kinds: number): number =>
      ((kinds & dataTable) !== 0 ? 1 : 0) + ((kinds & childTable) !== 0 ? 1 : 0);
    this.count += tables(after) - tables(before);
    this.dataCount += ((after & dataTable) !== 0 ? 1 : 0) - ((before & dataTable) !== 0 ? 1 : 0);
    this.#recursiveCount += ((after & recursive) >> 3) - ((before & recursive) >> 3);
  }

  /** Every registration. */
  *all(): IterableIterator<{ readonly path: string; readonly connection: number; readonly kinds: number }> {
    for (const [path, watchers] of this.#byPath)
      for (const [connection, kinds] of entriesOf(watchers)) yield { path, connection, kinds };
  }

  /** Data-table registrations, path by path, for `wchp` and `wchc`. */
  *dataWatches(): IterableIterator<{ path: string; connections: number[] }> {
    for (const [path, watchers] of this.#byPath) {
      const entries = [...entriesOf(watchers)];
      const connections = entries.filter(([, kinds]) => (kinds & dataTable) !== 0).map(([connection]) => connection);
      if (connections.length > 0) yield { path, connections };
    }
  }
}

const entriesOf = (watchers: Watchers): Iterable<[number, number]> =>
  typeof watchers === 'number' ? [[watchers >>> kindBits, watchers & allKinds]] : watchers;
