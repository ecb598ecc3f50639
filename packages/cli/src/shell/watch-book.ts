// Which watches this shell has set and not yet seen fire: what `removewatches` may remove, and what it then prints.

import type { WatchEvent } from '@corral/client';

export type BookedKind = 'data' | 'children' | 'persistent' | 'persistentRecursive';
type Event = Pick<WatchEvent, 'type' | 'path'>;

/** What an event uses up. Persistent watches stay. */
const consumedBy: Readonly<Record<WatchEvent['type'], readonly BookedKind[]>> = {
  created: ['data'],
  changed: ['data'],
  deleted: ['data', 'children'],
  children: ['children'],
  reset: [],
};

const removedWords: Readonly<Record<BookedKind, string>> = {
  children: 'ChildWatchRemoved',
  data: 'DataWatchRemoved',
  persistent: 'PersistentWatchRemoved',
  persistentRecursive: 'PersistentWatchRemoved',
};
const order: readonly BookedKind[] = ['children', 'data', 'persistent', 'persistentRecursive'];

export class WatchBook {
  readonly #kinds = new Map<string, Set<BookedKind>>();

  add(path: string, kind: BookedKind): void {
    const kinds = this.#kinds.get(path);
    if (kinds === undefined) this.#kinds.set(path, new Set([kind]));
    else kinds.add(kind);
  }

  fired(event: Event): void {
    for (const kind of consumedBy[event.type]) this.#kinds.get(event.path)?.delete(kind);
  }

  has(path: string, wanted: readonly BookedKind[]): boolean {
    return wanted.some((kind) => this.#kinds.get(path)?.has(kind));
  }

  /** Forgets these kinds of a path; the types of the events that say so. */
  remove(path: string, wanted: readonly BookedKind[]): string[] {
    const kinds = this.#kinds.get(path);
    const gone = order.filter((kind) => wanted.includes(kind) && kinds?.delete(kind));
    return [...new Set(gone.map((kind) => removedWords[kind]))];
  }
}
