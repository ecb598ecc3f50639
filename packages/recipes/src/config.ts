// Configuration that updates itself: one node, or several that change together. What cannot be read is reported, and the
// last good value stays.

import { ZkError, checkOptions, decodeData, kinds } from '@corral/client';
import type { Client, Codec } from '@corral/client';
import { isAmbiguous, toError } from './errors.ts';
import type { AclOption, CallSignal } from './kernel/parents.ts';
import { patient, quietly, whileServed } from './kernel/patience.ts';
import { Upkeep } from './kernel/upkeep.ts';
import { abortable } from './kernel/vigil.ts';
import type { Vigil } from './kernel/vigil.ts';
import { aclChecks, checkRecipe, signalChecks, signalOf } from './kernel/options.ts';
import type { Checks } from './kernel/options.ts';

/** Options of `config`. */
export interface ConfigOptions<T> extends AclOption, CallSignal {
  /** Value to create the node with when it is not there. Without one, `config` waits for somebody to create it. */
  readonly seed?: T | undefined;
  /** Called when somebody wrote what the codec refuses. */
  readonly onInvalid?: ((error: Error) => void) | undefined;
}

interface Seen<T> {
  readonly value: T;
  readonly version: number;
  readonly mzxid: bigint;
}

const known: Checks<ConfigOptions<unknown>> = {
  ...aclChecks,
  ...signalChecks,
  seed: kinds.anything,
  onInvalid: kinds.callback,
};

/** A value that follows a node. Made by `config`. */
export class Config<T> implements AsyncDisposable {
  /** Path of its node. */
  readonly path: string;
  readonly #zk: Client;
  readonly #codec: Codec<T>;
  readonly #options: ConfigOptions<T>;
  readonly #upkeep: Upkeep;
  #seen: Seen<T> | null = null;
  #invalidAt: bigint | null = null;

  /** Use `config`, which waits for the first value. */
  constructor(zk: Client, path: string, codec: Codec<T>, options: ConfigOptions<T>) {
    this.#zk = zk;
    this.path = path;
    this.#codec = codec;
    this.#options = options;
    this.#upkeep = new Upkeep(zk, path, async (vigil) => {
      if (await this.#look(vigil)) await vigil.rung();
    });
  }

  /** The last good value; there also while the connection is not. */
  get value(): T {
    return this.#current.value;
  }
  /** Version of the node that `value` is of. */
  get version(): number {
    return this.#current.version;
  }
  get #current(): Seen<T> {
    if (this.#seen === null) throw new Error(`${this.path} has not been read yet`);
    return this.#seen;
  }

  /** Replaces the value by what `change` makes of the newest one; asks again when somebody was faster. */
  async update(change: (value: T) => T | Promise<T>, options: CallSignal = {}): Promise<T> {
    const signal = signalOf('update', options);
    for (;;) {
      const { data, stat } = await this.#zk.get(this.path, { signal });
      const next = await change(await decodeData(this.#codec, data, this.path));
      try {
        const { version } = stat;
        await this.#zk.set(this.path, this.#codec.encode(next), { version, idempotent: true, signal });
        this.#upkeep.wake();
        return next;
      } catch (error) {
        if (isAmbiguous(error) || !ZkError.is(error, 'BadVersion')) throw error;
      }
    }
  }

  /** The value now, then every newer one. */
  async *changes(options: CallSignal = {}): AsyncGenerator<T, void> {
    const signal = signalOf('changes', options);
    let last = -1n;
    const look = (): T[] => {
      if (this.#seen === null || this.#seen.mzxid <= last) return [];
      last = this.#seen.mzxid;
      return [this.#seen.value];
    };
    yield* quietly(signal, this.#upkeep.bell.each(this.#zk, this.path, signal, look));
  }

  /** Waits for the first value. */
  async ready(signal?: AbortSignal): Promise<this> {
    for await (const _ of this.changes({ signal })) return this;
    signal?.throwIfAborted();
    throw this.#upkeep.failure ?? new Error(`${this.path} was closed`);
  }

  /** Ends it; nothing of it goes on in the background. */
  close(): Promise<void> {
    return this.#upkeep.end();
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Reads the node and watches it. False when it has to be looked at again at once. */
  async #look({ ring, signal }: Vigil): Promise<boolean> {
    const zk = patient(this.#zk);
    try {
      const { data, stat } = await zk.get(this.path, { watch: ring, signal });
      await this.#accept(data, stat.version, stat.mzxid);
      return true;
    } catch (error) {
      if (!ZkError.is(error, 'NoNode')) throw error;
    }
    const { seed, acl = 'open' } = this.#options;
    // A seed is for the first time only: what somebody deleted later is not brought back.
    if (seed === undefined || this.#seen !== null) {
      return (await zk.exists(this.path, { watch: ring, signal })) === null;
    }
    try {
      const parents = { parents: 'container', parentsAcl: acl } as const;
      await zk.create(this.path, this.#codec.encode(seed), { acl, ...parents, signal });
    } catch (error) {
      if (!ZkError.is(error, 'NodeExists') && !isAmbiguous(error)) throw error;
    }
    return false;
  }

  async #accept(data: Uint8Array, version: number, mzxid: bigint): Promise<void> {
    if (this.#seen !== null && mzxid <= this.#seen.mzxid) return;
    try {
      this.#seen = { value: await decodeData(this.#codec, data, this.path), version, mzxid };
      this.#upkeep.bell.ring();
    } catch (error) {
      if (this.#seen === null) throw error;
      if (this.#invalidAt !== mzxid) this.#options.onInvalid?.(toError(error));
      this.#invalidAt = mzxid;
    }
  }
}

/** The configuration at a path, when it has its first value: `cfg.value`, `cfg.update(fn)`, `cfg.changes()`. */
export async function config<T>(
  zk: Client,
  path: string,
  codec: Codec<T>,
  options: ConfigOptions<T> = {},
): Promise<Config<T>> {
  checkRecipe('config', { zk, path, options }, known as Checks<ConfigOptions<T>>);
  checkOptions('config', { codec }, { codec: kinds.codec });
  const made = new Config(zk, path, codec, options);
  try {
    return await whileServed(zk, path, options.signal, (signal) => abortable(made.ready(signal), signal));
  } catch (error) {
    await made.close();
    throw error;
  }
}
