// A queue that hands every item out until somebody says that it is done. Items have priorities, may be delayed, may carry a
// key that keeps equal ones out, and become dead letters after too many attempts.
//
//   <path>/items      one node for each item, in the order of priority and arrival
//   <path>/taken      an ephemeral node for each item that somebody has
//   <path>/keys       keys of items that are there
//   <path>/dead       items that failed too often
//   <path>/producers  what each producer did last, see producer.ts

import { ZkError, checkOptions, json, kinds } from '@corral/client';
import type { Client, Codec } from '@corral/client';
import { QueueFullError } from '../errors.ts';
import { namesIn } from '../kernel/children.ts';
import type { HoldOptions } from '../kernel/hold.ts';
import { insist } from '../kernel/insist.ts';
import type { AclOption, CallSignal } from '../kernel/parents.ts';
import { patient, quietly } from '../kernel/patience.ts';
import { join } from '../kernel/paths.ts';
import { ServerTime } from '../kernel/server-time.ts';
import { abortable } from '../kernel/vigil.ts';
import { Consumer } from './consumer.ts';
import { decodeEnvelope, encodeEnvelope, isPriority, itemBase, keyName, parseItem } from './item.ts';
import { Message } from './message.ts';
import type { QueueContext } from './message.ts';
import { Places } from './places.ts';
import { Producer } from './producer.ts';
import { decodeOrNull, waitingItems } from './waiting.ts';
import type { WaitingItem } from './waiting.ts';
import { aclChecks, checkRecipe, checked, holdChecks, signalChecks, signalOf } from '../kernel/options.ts';
import type { Checks } from '../kernel/options.ts';

/** Options of a queue. */
export interface QueueOptions<T> extends AclOption, HoldOptions {
  /** How items are written; JSON unless given. */
  readonly codec?: Codec<T> | undefined;
  /** Hand-overs after which an item is a dead letter; 5 unless given. */
  readonly maxAttempts?: number | undefined;
  /** Items that may wait in one shard; 10000 unless given. */
  readonly maxItems?: number | undefined;
  /** Folders to spread the items over; everybody must name the same number. 1 unless given. */
  readonly shards?: number | undefined;
}

/** Options of `put`. */
export interface PutOptions extends CallSignal {
  /** 0 to 999, smaller ones come first; 100 unless given. */
  readonly priority?: number | undefined;
  /** Milliseconds, by the servers' clock, before it is handed out. */
  readonly delay?: number | undefined;
  /** As long as an item with this key is there, no other one is added. */
  readonly key?: string | undefined;
}

/** Options of `consume` and `process`. */
export interface ConsumeOptions extends CallSignal {
  /** How many may be in work at the same time; 1 unless given. */
  readonly concurrency?: number | undefined;
}

export interface PeekOptions extends CallSignal {
  /** How many at most; all of them unless given. */
  readonly limit?: number | undefined;
}

/** An item that failed too often. */
export interface DeadLetter<T> {
  readonly name: string;
  /** Null when it cannot be read with the codec, which may be why it is here. */
  readonly value: T | null;
  readonly attempts: number;
}

const defaults = { maxAttempts: 5, maxItems: 10_000, priority: 100 } as const;

const known: Checks<QueueOptions<unknown>> = {
  ...aclChecks,
  ...holdChecks,
  codec: kinds.codec,
  maxAttempts: kinds.count,
  maxItems: kinds.count,
  shards: kinds.count,
};
const putAllChecks: Checks<Omit<PutOptions, 'key'>> = {
  ...signalChecks,
  priority: { ...kinds.count, expected: 'an integer from 0 to 999', accepts: isPriority },
  delay: kinds.span,
};
const putChecks: Checks<PutOptions> = { ...putAllChecks, key: kinds.text };
const consumeChecks: Checks<ConsumeOptions> = { ...signalChecks, concurrency: kinds.count };
const peekChecks: Checks<PeekOptions> = { ...signalChecks, limit: kinds.most };

/** A queue among all processes. Made by `queue`. */
export class Queue<T> {
  /** Path of its node. */
  readonly path: string;
  readonly #zk: Client;
  readonly #codec: Codec<T>;
  readonly #options: QueueOptions<T>;
  readonly #places: Places;
  /** For what somebody waits for. */
  readonly #time: ServerTime;
  readonly #context: QueueContext;
  readonly #producer: Producer;
  #created: Promise<void> | null = null;

  constructor(zk: Client, path: string, options: QueueOptions<T> = {}) {
    checkRecipe('a queue', { zk, path, options }, known as Checks<QueueOptions<T>>);
    this.#zk = zk;
    this.path = path;
    this.#options = options;
    this.#codec = options.codec ?? json<T>();
    this.#places = new Places(path, options.shards ?? 1);
    const timeOf = (client: Client): ServerTime =>
      new ServerTime(client, () => insist(client, () => client.set(path, '')));
    this.#time = timeOf(zk);
    // Consumers outlast an outage, and what they have is theirs for as long as their session.
    const inBackground = patient(zk);
    const time = timeOf(inBackground);
    const { acl = 'open', maxAttempts = defaults.maxAttempts } = options;
    this.#context = { zk: inBackground, places: this.#places, acl, maxAttempts, now: () => time.now() };
    this.#producer = new Producer(zk, this.#places.producers, acl);
  }

  /** Adds an item. False when one with the same key is there already. */
  async put(value: T, options: PutOptions = {}): Promise<boolean> {
    const { priority = defaults.priority, delay = 0, key, signal } = checked('put', options, putChecks);
    await this.#ensure();
    const base = itemBase(priority, delay > 0 ? (await this.#time.now()) + delay : 0);
    const dir = await this.#roomyShard(1, signal);
    const payload = this.#codec.encode(value);
    const data = encodeEnvelope({ attempts: 0, key: key ?? null, payload });
    const { acl } = this.#context;
    if (key !== undefined) return await this.#putUnique({ dir, base, data, key }, signal);
    const path = join(dir, `_c_${crypto.randomUUID()}-${base}`);
    await this.#producer.commit((tx) => tx.create(path, data, { mode: 'persistentSequential', acl }), signal);
    return true;
  }

  /** Adds all of them or none, in their order. */
  async putAll(values: readonly T[], options: Omit<PutOptions, 'key'> = {}): Promise<void> {
    const { priority = defaults.priority, delay = 0, signal } = checked('putAll', options, putAllChecks);
    checkOptions('putAll', { values }, { values: kinds.list });
    await this.#ensure();
    const base = itemBase(priority, delay > 0 ? (await this.#time.now()) + delay : 0);
    const dir = await this.#roomyShard(values.length, signal);
    const data = values.map((value) => encodeEnvelope({ attempts: 0, key: null, payload: this.#codec.encode(value) }));
    const { acl } = this.#context;
    const path = join(dir, `_c_${crypto.randomUUID()}-${base}`);
    await this.#producer.commit((tx) => {
      for (const each of data) tx.create(path, each, { mode: 'persistentSequential', acl });
      return tx;
    }, signal);
  }

  /**
   * The items one after the other. Settle each with `ack` or `nack`; leaving the loop gives back what is not settled.
   * Ends when `signal` aborts.
   */
  consume(options: ConsumeOptions = {}): AsyncGenerator<Message<T>, void> {
    const { concurrency = 1, signal } = checked('consume', options, consumeChecks);
    return quietly(signal, this.#consume(concurrency, signal));
  }

  async *#consume(concurrency: number, signal: AbortSignal | undefined): AsyncGenerator<Message<T>, void> {
    signal?.throwIfAborted();
    await abortable(this.#places.create(this.#context.zk, this.#context.acl), signal);
    const open = new Set<Message<T>>();
    await using consumer = new Consumer(this.#context, this.#options, signal);
    try {
      for (;;) {
        while (open.size >= concurrency) {
          await abortable(Promise.race([...open].map(({ settled }) => settled)), signal);
          for (const message of open) if (message.isSettled) open.delete(message);
        }
        const message = await this.#open(consumer);
        if (message === null) continue;
        open.add(message);
        yield message;
      }
    } finally {
      await Promise.allSettled([...open].filter(({ isSettled }) => !isSettled).map((message) => message.nack()));
    }
  }

  /** Works on items until the signal aborts: what returns is acknowledged, what throws is given back. */
  async process(work: (message: Message<T>) => unknown, options: ConsumeOptions = {}): Promise<void> {
    const handle = async (message: Message<T>): Promise<void> => {
      try {
        await work(message);
        if (!message.isSettled) await message.ack();
      } catch {
        // Whatever went wrong, the item comes again or becomes a dead letter; that is where to look.
        if (!message.isSettled) await message.nack().catch(() => undefined);
      }
    };
    for await (const message of this.consume(options)) void handle(message);
  }

  /** Items that are there, taken or not. */
  async size(options: CallSignal = {}): Promise<number> {
    const signal = signalOf('size', options);
    const lists = await Promise.all(this.#places.items.map((dir) => namesIn(this.#zk, dir, signal)));
    return lists.flat().filter((name) => parseItem(name) !== null).length;
  }

  /** The first items as they are, in the order in which they will be handed out; takes none. All of them without a limit. */
  async peek(options: PeekOptions = {}): Promise<WaitingItem<T>[]> {
    const { limit = Infinity, signal } = checked('peek', options, peekChecks);
    return await waitingItems(this.#zk, this.#places, this.#codec, limit, signal);
  }

  /** Items that failed too often. */
  async deadLetters(options: CallSignal = {}): Promise<DeadLetter<T>[]> {
    const signal = signalOf('deadLetters', options);
    const letters: DeadLetter<T>[] = [];
    for (const name of await namesIn(this.#zk, this.#places.dead, signal)) {
      if (parseItem(name) === null) continue;
      const path = join(this.#places.dead, name);
      const { attempts, payload } = decodeEnvelope((await this.#zk.get(path, { signal })).data);
      letters.push({ name, attempts, value: await decodeOrNull(this.#codec, payload) });
    }
    return letters;
  }

  /** Puts a dead letter back into the queue, as new. */
  async revive(name: string, options: CallSignal = {}): Promise<void> {
    const signal = signalOf('revive', options);
    const path = join(this.#places.dead, name);
    const { data, stat } = await this.#zk.get(path, { signal });
    const envelope = { ...decodeEnvelope(data), attempts: 0, key: null };
    const item = join(this.#places.items[0], name);
    const { acl } = this.#context;
    const tx = this.#zk.multi().delete(path, { version: stat.version });
    await tx.create(item, encodeEnvelope(envelope), { acl }).commit({ signal });
  }

  async #putUnique(
    {
      dir,
      base,
      data,
      key,
    }: { readonly dir: string; readonly base: string; readonly data: Uint8Array; readonly key: string },
    signal?: AbortSignal,
  ): Promise<boolean> {
    const marker = join(this.#places.keys, keyName(key));
    const path = join(dir, `_c_${crypto.randomUUID()}-${base}`);
    const { acl } = this.#context;
    try {
      await this.#producer.commit(
        (tx) => tx.create(marker, '', { acl }).create(path, data, { mode: 'persistentSequential', acl }),
        signal,
      );
      return true;
    } catch (error) {
      if (ZkError.is(error, 'NodeExists')) return false;
      throw error;
    }
  }

  async #roomyShard(count: number, signal?: AbortSignal): Promise<string> {
    const { items } = this.#places;
    const dir = items[Math.floor(this.#zk.clock.random() * items.length)];
    const max = this.#options.maxItems ?? defaults.maxItems;
    const waiting = (await this.#zk.exists(dir, { signal }))?.numChildren ?? 0;
    if (waiting + count > max) throw new QueueFullError(`${dir} holds ${waiting} items of at most ${max}`);
    return dir;
  }

  /** The next message; null for one that the codec refuses, which then is a dead letter after its attempts. */
  async #open(consumer: Consumer): Promise<Message<T> | null> {
    const delivery = await consumer.take();
    try {
      return new Message(this.#context, delivery, await this.#codec.decode(delivery.envelope.payload));
    } catch {
      await new Message(this.#context, delivery, null).nack().catch(() => undefined);
      return null;
    }
  }

  async #ensure(): Promise<void> {
    this.#created ??= this.#places.create(this.#zk, this.#context.acl).catch((error: unknown) => {
      this.#created = null;
      throw error;
    });
    await this.#created;
  }
}

/** The queue at a path. */
export const queue = <T = unknown>(zk: Client, path: string, options: QueueOptions<T> = {}): Queue<T> =>
  new Queue(zk, path, options);
