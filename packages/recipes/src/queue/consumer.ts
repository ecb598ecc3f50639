// Finds items that are due and nobody has, and takes one. Watching costs one watch for each folder, however many items
// come and go.

import { ZkError } from '@corral/client';
import type { Client } from '@corral/client';
import { isAmbiguous, isLostRace } from '../errors.ts';
import { Directory } from '../kernel/directory.ts';
import { Hold } from '../kernel/hold.ts';
import type { HoldOptions } from '../kernel/hold.ts';
import { ownNode } from '../kernel/own-node.ts';
import type { OwnNode } from '../kernel/own-node.ts';
import { join } from '../kernel/paths.ts';
import { Vigil } from '../kernel/vigil.ts';
import { compareItems, decodeEnvelope, encodeEnvelope, parseItem } from './item.ts';
import type { ItemName } from './item.ts';
import { bury } from './message.ts';
import type { Delivery, QueueContext } from './message.ts';

interface Candidate {
  readonly dir: string;
  readonly item: ItemName;
}

/** With others at work, one of so many is tried first, so that not everybody tries the same. */
const spreadMax = 100;

export class Consumer implements AsyncDisposable {
  readonly #context: QueueContext;
  readonly #options: HoldOptions;
  readonly #vigil: Vigil;
  readonly #items: readonly Directory[];
  readonly #taken: Directory;
  /** Items that another call of this consumer is just trying to take. */
  readonly #claiming = new Set<string>();
  readonly #parsed = new Map<string, ItemName | null>();
  #stopTimer: () => void = () => undefined;

  constructor(context: QueueContext, options: HoldOptions, signal?: AbortSignal) {
    const { zk, places } = context;
    this.#context = context;
    this.#options = options;
    this.#vigil = new Vigil(zk, places.root, signal);
    const watch = (path: string): Directory => new Directory(zk, path, this.#vigil.ring, this.#vigil.signal);
    this.#items = places.items.map(watch);
    this.#taken = watch(places.taken);
  }

  /** Waits for an item and takes it. One call at a time. */
  async take(): Promise<Delivery> {
    for (;;) {
      const delivery = await this.#tryTake();
      if (delivery !== null) return delivery;
      await this.#vigil.rung();
      for (const directory of [...this.#items, this.#taken]) directory.throwIfFailed();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#vigil[Symbol.dispose]();
    await Promise.all([...this.#items, this.#taken].map((directory) => directory[Symbol.asyncDispose]()));
  }

  async #tryTake(): Promise<Delivery | null> {
    const free = await this.#free();
    while (free.length > 0) {
      const spread = Math.min(spreadMax, this.#taken.names.size + 1, free.length);
      const [{ dir, item }] = free.splice(Math.floor(this.#context.zk.clock.random() * spread), 1);
      this.#claiming.add(item.name);
      try {
        const delivery = await this.#claim(dir, item);
        if (delivery !== null) return delivery;
      } finally {
        this.#claiming.delete(item.name);
      }
    }
    return null;
  }

  /** Items that can be taken now, the first one first; sets a timer for the next that will be due. */
  async #free(): Promise<Candidate[]> {
    const waiting: Candidate[] = [];
    for (const { path: dir, names } of this.#items) {
      for (const name of names) {
        if (this.#taken.names.has(name) || this.#claiming.has(name)) continue;
        const item = this.#parse(name);
        if (item !== null) waiting.push({ dir, item });
      }
    }
    this.#stopTimer();
    // The clock is only asked when something is delayed: asking it costs a write.
    const now = waiting.some(({ item }) => item.due > 0) ? await this.#context.now() : 0;
    const next = Math.min(...waiting.filter(({ item }) => item.due > now).map(({ item }) => item.due));
    if (next !== Infinity) this.#stopTimer = this.#vigil.ringAfter(next - now);
    return waiting.filter(({ item }) => item.due <= now).sort((a, b) => compareItems(a.item, b.item));
  }

  /** Names are read once, however often the list is looked through. */
  #parse(name: string): ItemName | null {
    let item = this.#parsed.get(name);
    if (item === undefined) {
      const known = this.#items.reduce((sum, { names }) => sum + names.size, 0);
      if (this.#parsed.size > 2 * known) this.#parsed.clear();
      item = parseItem(name);
      this.#parsed.set(name, item);
    }
    return item;
  }

  /** Takes an item. Null when somebody else was faster, or it has failed too often. */
  async #claim(dir: string, { name }: ItemName): Promise<Delivery | null> {
    const { zk, acl, places, maxAttempts } = this.#context;
    const path = join(dir, name);
    try {
      const { data, stat } = await zk.get(path, { signal: this.#vigil.signal });
      const envelope = decodeEnvelope(data);
      const { version } = stat;
      if (envelope.attempts >= maxAttempts) {
        // Its consumers vanished one after the other. If one has it still, the check of the version says so.
        if ((await zk.exists(join(places.taken, name))) !== null) return null;
        await bury(zk.multi(), places, { dir, name, version, envelope }, acl).commit();
        return null;
      }
      const next = { ...envelope, attempts: envelope.attempts + 1 };
      const own = await this.#commit(path, name, encodeEnvelope(next), version);
      if (own === null) return null;
      const hold = new Hold(zk, own, this.#options);
      if (await hold.confirm(this.#vigil.signal).catch((error: unknown) => this.#giveBack(hold, error))) {
        return { dir, name, version: (version + 1) | 0, envelope: next, hold };
      }
      hold.abandon();
      return null;
    } catch (error) {
      if (isLostRace(error) || ZkError.is(error, 'ConnectionLoss')) return null;
      throw error;
    }
  }

  #giveBack(hold: Hold, error: unknown): never {
    hold.abandon();
    throw error;
  }

  /** Our node in `taken`; null when it was not made. */
  async #commit(path: string, name: string, data: Uint8Array, version: number): Promise<OwnNode | null> {
    const { zk, acl, places } = this.#context;
    const { signal } = this.#vigil;
    const claim = join(places.taken, name);
    const id = crypto.randomUUID();
    const session = zk.session?.id;
    const tx = zk.multi().create(claim, id, { mode: 'ephemeral', acl }).set(path, data, { version });
    try {
      const [{ stat }] = await tx.commit({ signal });
      return ownNode(places.taken, name, stat);
    } catch (error) {
      if (!isAmbiguous(error)) throw error;
      const found = await findClaim(zk, places.taken, name, id).catch(() => null);
      if (signal.aborted || found?.session !== session) {
        removeClaim(zk, places.taken, name, id);
        signal.throwIfAborted();
        return null;
      }
      return found;
    }
  }
}

async function findClaim(zk: Client, dir: string, name: string, id: string): Promise<OwnNode | null> {
  try {
    await zk.sync(dir);
    const { data, stat } = await zk.get(join(dir, name));
    return new TextDecoder().decode(data) === id ? ownNode(dir, name, stat) : null;
  } catch (error) {
    if (ZkError.is(error, 'NoNode')) return null;
    throw error;
  }
}

/** In the background: a claim that may have been made and that nobody will use. */
function removeClaim(zk: Client, dir: string, name: string, id: string): void {
  const remove = async (): Promise<void> => {
    for (;;) {
      try {
        const found = await findClaim(zk, dir, name, id);
        if (found !== null) await zk.delete(found.path, { pin: found.session });
        return;
      } catch (error) {
        if (!ZkError.is(error, 'ConnectionLoss') || zk.state === 'closed') throw error;
      }
    }
  };
  remove().catch((error: unknown) => {
    // Its session is over, or the client is closed: then it goes by itself.
    if (!ZkError.is(error)) throw error;
  });
}
