// The instances of one service, as a list that keeps itself up to date, and ways to choose one.

import { checkOptions, kinds } from '@corral/client';
import type { Client } from '@corral/client';
import { Bell } from '../kernel/bell.ts';
import type { CallSignal } from '../kernel/parents.ts';
import { quietly, whileServed } from '../kernel/patience.ts';
import { nameOf } from '../kernel/paths.ts';
import { abortable } from '../kernel/vigil.ts';
import { TreeCache } from '../tree-cache.ts';
import type { CacheChange } from '../tree-cache.ts';
import { decodeInstance } from './instance.ts';
import type { Instance, PayloadCodec } from './instance.ts';
import { checked, signalOf } from '../kernel/options.ts';

/** How `pick` chooses. */
export type Strategy<P> =
  | 'roundRobin'
  | 'random'
  /** The same one as last time, as long as it is there. */
  | 'sticky'
  | ((instances: readonly Instance<P>[]) => Instance<P> | null);

const defaultDownMs = 30_000;

const strategies = kinds.either(kinds.oneOf('roundRobin', 'random', 'sticky'), kinds.callback);

/** The instances of one service, kept up to date. Made by `of`. */
export class ServiceView<P> implements AsyncDisposable {
  /** Resolves when the instances were read once; before that the list is empty. */
  readonly ready: Promise<void>;
  readonly #zk: Client;
  readonly #path: string;
  readonly #cache: TreeCache;
  readonly #payloads: PayloadCodec<P> | undefined;
  /** By the names of their nodes, which are their ids. */
  readonly #instances = new Map<string, Instance<P>>();
  readonly #bell = new Bell();
  readonly #downUntil = new Map<string, number>();
  readonly #done: Promise<void>;
  #turn = 0;
  #last: string | null = null;

  constructor(zk: Client, path: string, payloads?: PayloadCodec<P>) {
    this.#zk = zk;
    this.#path = path;
    this.#payloads = payloads;
    this.#cache = new TreeCache(zk, path, { recursive: false });
    let isRead: () => void = () => undefined;
    const read = new Promise<void>((resolve) => (isRead = resolve));
    this.#done = this.#follow(isRead);
    this.ready = Promise.race([read, this.#done.then(() => this.#cache.ready)]);
    this.ready.catch(() => undefined);
    this.#done.catch(() => undefined);
  }

  /** Instances that take work: enabled, and not marked down. */
  instances(): Instance<P>[] {
    const now = this.#zk.clock.now();
    return [...this.#instances.values()]
      .filter(({ id, enabled }) => enabled !== false && (this.#downUntil.get(id) ?? -Infinity) <= now)
      .sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** One of them; null when there is none. */
  async pick(strategy: Strategy<P> = 'roundRobin', options: CallSignal = {}): Promise<Instance<P> | null> {
    const signal = signalOf('pick', options);
    checkOptions('pick', { strategy }, { strategy: strategies });
    await whileServed(this.#zk, this.#path, signal, (inner) => abortable(this.ready, inner));
    const instances = this.instances();
    const picked = typeof strategy === 'function' ? strategy(instances) : this.#choose(strategy, instances);
    this.#last = picked?.id ?? null;
    return picked;
  }

  /** Leaves an instance alone for some time: it is registered, but we could not reach it. */
  markDown({ id }: Pick<Instance, 'id'>, options: { readonly ttl?: number } = {}): void {
    const { ttl = defaultDownMs } = checked('markDown', options, { ttl: kinds.limit });
    this.#downUntil.set(id, this.#zk.clock.now() + ttl);
  }

  /** The instances now, then after every change. */
  changes(options: CallSignal = {}): AsyncGenerator<readonly Instance<P>[], void> {
    const signal = signalOf('changes', options);
    return quietly(signal, this.#changes(signal));
  }

  async *#changes(signal: AbortSignal | undefined): AsyncGenerator<readonly Instance<P>[], void> {
    await abortable(this.ready, signal);
    yield* this.#bell.each(this.#zk, this.#path, signal, () => [this.instances()]);
  }

  /** Ends it; nothing of it goes on in the background. */
  async close(): Promise<void> {
    await this.#cache.close();
    await this.#done;
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #choose(strategy: Exclude<Strategy<P>, (...args: never[]) => unknown>, instances: readonly Instance<P>[]) {
    if (instances.length === 0) return null;
    switch (strategy) {
      case 'roundRobin':
        return instances[this.#turn++ % instances.length];
      case 'random':
        return instances[Math.floor(this.#zk.clock.random() * instances.length)];
      case 'sticky':
        return instances.find(({ id }) => id === this.#last) ?? instances[0];
    }
  }

  async #follow(isRead: () => void): Promise<void> {
    try {
      await this.#cache.ready;
      for await (const changes of this.#cache.batches()) {
        await Promise.all(changes.map((change) => this.#apply(change)));
        isRead();
        this.#bell.ring();
      }
    } finally {
      this.#bell.finish();
    }
  }

  async #apply({ path, node }: CacheChange): Promise<void> {
    if (path === this.#path) return;
    const instance = node === null ? null : await decodeInstance<P>(node.data, this.#payloads);
    const id = nameOf(path);
    if (instance !== null) this.#instances.set(id, instance);
    else if (this.#instances.delete(id)) this.#downUntil.delete(id);
  }
}
