// Several locks at once. They are taken in the order of their paths: two callers that name the same locks in different
// orders do not wait for each other.

import { checkOptions, kinds } from '@corral/client';
import type { Client, Multi } from '@corral/client';
import type { CallSignal } from './kernel/parents.ts';
import { checked, signalChecks } from './kernel/options.ts';
import { lock, lockChecks } from './lock.ts';
import type { HeldLock, LockOptions } from './lock.ts';

/** Several locks that are held together. */
export class HeldLocks implements AsyncDisposable {
  /** Aborts when any of them is lost. */
  readonly signal: AbortSignal;
  readonly #held: ReadonlyMap<string, HeldLock>;

  constructor(held: ReadonlyMap<string, HeldLock>) {
    this.#held = held;
    this.signal = AbortSignal.any([...held.values()].map(({ signal }) => signal));
  }

  /** The fencing token of one of the locks. */
  token(path: string): bigint {
    const held = this.#held.get(path);
    if (held === undefined) throw new TypeError(`${path} is not among these locks`);
    return held.token;
  }

  /** Throws a LostError once it is lost. Asks the clock itself: no timer fires while the event loop is blocked. */
  throwIfLost(): void {
    for (const held of this.#held.values()) held.throwIfLost();
  }

  /** Adds to a transaction that it must not happen unless all of them are still held. */
  guard<R extends unknown[]>(tx: Multi<R>): Multi<[...R, ...null[]]> {
    for (const held of this.#held.values()) held.guard(tx);
    return tx as unknown as Multi<[...R, ...null[]]>;
  }

  /** Gives all of them up; the first failure is reported when every one was tried. */
  async release(): Promise<void> {
    const results = await Promise.allSettled([...this.#held.values()].map((held) => held.release()));
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }
}

/** Takes all of these locks, or none. */
export async function lockAll(
  zk: Client,
  paths: readonly string[],
  options: LockOptions & CallSignal = {},
): Promise<HeldLocks> {
  checkOptions('lockAll', { paths }, { paths: kinds.list });
  const { signal, ...rest } = checked('lockAll', options, { ...lockChecks, ...signalChecks });
  const held = new Map<string, HeldLock>();
  try {
    for (const path of [...new Set(paths)].sort()) held.set(path, await lock(zk, path, rest).acquire({ signal }));
    const all = new HeldLocks(held);
    all.throwIfLost();
    return all;
  } catch (error) {
    await Promise.allSettled([...held.values()].map((one) => one.release()));
    throw error;
  }
}
