// Looks at a queue from outside: what is there, in the order of its going. Nothing is taken, nothing is made.

import { ZkError } from '@corral/client';
import type { Client, Codec } from '@corral/client';
import { namesIn } from '../kernel/children.ts';
import { join } from '../kernel/paths.ts';
import { compareItems, decodeEnvelope, parseItem } from './item.ts';
import type { ItemName } from './item.ts';
import type { Places } from './places.ts';

/** An item as it waits. */
export interface WaitingItem<T> {
  readonly name: string;
  /** Null when it cannot be read with the codec. */
  readonly value: T | null;
  /** How often it was handed out. */
  readonly attempts: number;
  readonly priority: number;
  /** Not before that, by the clock of the servers; null for at once. */
  readonly due: Date | null;
  /** Somebody has it in work. */
  readonly taken: boolean;
}

export async function waitingItems<T>(
  zk: Client,
  places: Places,
  codec: Codec<T>,
  limit: number,
  signal?: AbortSignal,
): Promise<WaitingItem<T>[]> {
  const taken = new Set(await namesIn(zk, places.taken, signal));
  const found: { readonly dir: string; readonly item: ItemName }[] = [];
  for (const dir of places.items) {
    for (const name of await namesIn(zk, dir, signal)) {
      const item = parseItem(name);
      if (item !== null) found.push({ dir, item });
    }
  }
  found.sort((a, b) => compareItems(a.item, b.item));
  const items: WaitingItem<T>[] = [];
  for (const { dir, item } of found) {
    if (items.length >= limit) break;
    const path = join(dir, item.name);
    try {
      const { attempts, payload } = decodeEnvelope((await zk.get(path, { signal })).data);
      const { name, priority } = item;
      const due = item.due === 0 ? null : new Date(item.due);
      items.push({ name, value: await decodeOrNull(codec, payload), attempts, priority, due, taken: taken.has(name) });
    } catch (error) {
      // Done in the meantime.
      if (!ZkError.is(error, 'NoNode')) throw error;
    }
  }
  return items;
}

/** One bad item must not hide the others from the person who looks for it. */
export async function decodeOrNull<T>(codec: Codec<T>, payload: Uint8Array): Promise<T | null> {
  try {
    return await codec.decode(payload);
  } catch {
    return null;
  }
}
