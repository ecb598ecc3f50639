// Work that is done once for a key, by whoever comes first; the others get its result. The result is written only while the
// lock is still held. Who vanished between the work and its result leaves a doubt, and the next caller is told of it.

import { ZkError, decodeData, json, kinds } from '@corral/client';
import type { Client, Codec } from '@corral/client';
import { AmbiguousError, isAmbiguous } from './errors.ts';
import { insist } from './kernel/insist.ts';
import { commitBelowContainers } from './kernel/parents.ts';
import type { AclOption, CallSignal } from './kernel/parents.ts';
import { patient } from './kernel/patience.ts';
import { join } from './kernel/paths.ts';
import { lock } from './lock.ts';
import type { HeldLock } from './lock.ts';
import { aclChecks, checkRecipe, checked, signalChecks, signalOf } from './kernel/options.ts';
import type { Checks } from './kernel/options.ts';

/** Options of `do`. */
export interface DoOptions<R> extends CallSignal {
  /** Milliseconds for which the result is kept; for ever unless given. */
  readonly ttl?: number | undefined;
  /** The work may be done twice without harm: a doubt is settled by doing it again. */
  readonly idempotent?: boolean | undefined;
  /** How results are written; JSON unless given. */
  readonly codec?: Codec<R> | undefined;
}

const resultBytesMax = 64 * 1024;

const doChecks: Checks<DoOptions<unknown>> = {
  ...signalChecks,
  ttl: kinds.count,
  idempotent: kinds.boolean,
  codec: kinds.codec,
};

/** Work done once for each key. Made by `once`. */
export class Once {
  /** Path of its node. */
  readonly path: string;
  readonly #zk: Client;
  readonly #options: AclOption;

  constructor(zk: Client, path: string, options: AclOption = {}) {
    checkRecipe('once', { zk, path, options }, aclChecks);
    this.#zk = zk;
    this.path = path;
    this.#options = options;
  }

  /** The result of `work` for this key, done now or before. Rejects with an AmbiguousError when nobody knows whether it was. */
  async do<R>(key: string, work: (held: HeldLock) => Promise<R> | R, options: DoOptions<R> = {}): Promise<R> {
    const { signal, codec = json<R>() } = checked('do', options, doChecks as Checks<DoOptions<R>>);
    const name = `k-${encodeURIComponent(key)}`;
    const done = join(join(this.path, 'done'), name);
    const stored = await this.#stored(done, codec, signal);
    if (stored !== null) return stored.value;
    return await lock(this.#zk, join(join(this.path, 'locks'), name), this.#options).run(
      async (held) => {
        const late = await this.#stored(done, codec, signal);
        return late === null ? await this.#work(name, done, held, work, options) : late.value;
      },
      { signal },
    );
  }

  async #work<R>(
    name: string,
    done: string,
    held: HeldLock,
    work: (held: HeldLock) => Promise<R> | R,
    options: DoOptions<R>,
  ): Promise<R> {
    const begun = join(join(this.path, 'begun'), name);
    const { ttl, idempotent = false, signal } = options;
    const codec = options.codec ?? json<R>();
    await this.#begin(begun, held, idempotent, signal);
    let result: R;
    try {
      result = await work(held);
    } catch (error) {
      // It says that it failed, which is no doubt: the next one may try.
      await this.#ignoringNoNode(() => held.guard(this.#zk.multi().delete(begun)).commit());
      throw error;
    }
    // Work that returns nothing is the usual case, and codecs have no word for that.
    const data = result === undefined ? null : codec.encode(result);
    if (data !== null && data.length > resultBytesMax)
      throw new RangeError(`a result of ${data.length} bytes is more than ${resultBytesMax}`);
    const { acl = 'open' } = this.#options;
    const mode = ttl === undefined ? { acl } : ({ acl, mode: 'ttl', ttl } as const);
    // What was done is written down for as long as the lock lasts.
    const zk = patient(this.#zk);
    const store = () =>
      commitBelowContainers(
        zk,
        join(this.path, 'done'),
        (tx) => held.guard(tx.create(done, data, mode).delete(begun)),
        { acl },
      );
    try {
      await insist(zk, store);
    } catch (error) {
      // After a lost answer it may be there already: nobody else can have written it while we hold the lock.
      if (!ZkError.is(error, 'NodeExists')) throw error;
    }
    return result;
  }

  /** Leaves a mark before the work begins. One that is there already is somebody's who vanished. */
  async #begin(begun: string, held: HeldLock, idempotent: boolean, signal?: AbortSignal): Promise<void> {
    const { acl = 'open' } = this.#options;
    const id = crypto.randomUUID();
    const mark = () =>
      commitBelowContainers(this.#zk, join(this.path, 'begun'), (tx) => held.guard(tx.create(begun, id, { acl })), {
        acl,
      });
    try {
      await insist(this.#zk, mark, signal);
    } catch (error) {
      if (isAmbiguous(error) || !ZkError.is(error, 'NodeExists')) throw error;
      const isOurs = (await this.#zk.getText(begun, { signal })) === id;
      if (!isOurs && !idempotent) throw new AmbiguousError(`${begun}: somebody began and left no result`);
    }
  }

  /** Forgets that somebody began, after a person has found out what became of it. */
  async settle(key: string, options: CallSignal = {}): Promise<void> {
    const signal = signalOf('settle', options);
    const begun = join(join(this.path, 'begun'), `k-${encodeURIComponent(key)}`);
    await this.#ignoringNoNode(() => insist(this.#zk, () => this.#zk.delete(begun, { signal }), signal));
  }

  async #ignoringNoNode(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!ZkError.is(error, 'NoNode')) throw error;
    }
  }

  async #stored<R>(path: string, codec: Codec<R>, signal?: AbortSignal): Promise<{ readonly value: R } | null> {
    try {
      const { data, hasData } = await this.#zk.get(path, { signal });
      return { value: hasData ? await decodeData(codec, data, path) : (undefined as R) };
    } catch (error) {
      if (ZkError.is(error, 'NoNode')) return null;
      throw error;
    }
  }
}

/** Work done once, with its results below a path. */
export const once = (zk: Client, path: string, options: AclOption = {}): Once => new Once(zk, path, options);
