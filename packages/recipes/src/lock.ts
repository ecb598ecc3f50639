// A lock: whoever is first in line holds it, in the order of arrival. Shares its line with Curator's InterProcessMutex and,
// with `names: 'kazoo'`, with kazoo's Lock.

import { ZkError } from '@corral/client';
import type { Client } from '@corral/client';
import { DeadlockError } from './errors.ts';
import { Hold } from './kernel/hold.ts';
import type { HoldOptions } from './kernel/hold.ts';
import type { Contender } from './kernel/identity.ts';
import { contendersOf, takeTurn, tryTurn } from './kernel/line.ts';
import type { LineOptions, LineSpec } from './kernel/line.ts';
import { lockNames, revokeMark } from './kernel/names.ts';
import type { Names } from './kernel/names.ts';
import type { OwnNode } from './kernel/own-node.ts';
import type { CallSignal } from './kernel/parents.ts';
import { join } from './kernel/paths.ts';
import { heldHere, runHolding } from './kernel/scope.ts';
import { checkRecipe, lineChecks, namesCheck, signalOf } from './kernel/options.ts';
import type { Checks } from './kernel/options.ts';

/** Options of a lock. */
export interface LockOptions extends LineOptions {
  /** Whose names the nodes have; Curator's unless given. */
  readonly names?: Names | undefined;
}

export const lockChecks: Checks<LockOptions> = { ...lineChecks, names: namesCheck };

/** A lock that is held. Leave it with `release` or `await using`. */
export class HeldLock extends Hold {
  /** Aborts when somebody asks for the lock with `requestRevoke`, or Curator's `Revoker`. Nobody is forced to obey. */
  readonly revokeRequested: AbortSignal;

  constructor(zk: Client, own: OwnNode, options: HoldOptions) {
    const asked = new AbortController();
    super(zk, own, options, () => {
      const seen = zk.get(own.path, { timeout: Infinity }).then(({ data }) => {
        if (new TextDecoder().decode(data) === revokeMark) asked.abort();
      });
      // Who cannot read the node will hear of its loss, if it is lost, from the hold itself.
      seen.catch((error: unknown) => {
        if (!ZkError.is(error)) throw error;
      });
    });
    this.revokeRequested = asked.signal;
  }
}

/** A lock among all processes. Made by `lock`. */
export class Lock {
  /** Path of its node. */
  readonly path: string;
  readonly #zk: Client;
  readonly #spec: LineSpec<HeldLock>;

  constructor(zk: Client, path: string, options: LockOptions = {}) {
    checkRecipe('a lock', { zk, path, options }, lockChecks);
    this.#zk = zk;
    this.path = path;
    this.#spec = {
      ...options,
      dir: path,
      names: lockNames(options.names),
      hold: (client, own) => new HeldLock(client, own, options),
    };
  }

  /**
   * Waits for the lock. A time limit is a signal: `AbortSignal.timeout(5000)`. When it aborts, this rejects at once, and the
   * place in line is removed right behind, in the background; with no server there it goes with the session.
   */
  async acquire(options: CallSignal = {}): Promise<HeldLock> {
    const signal = signalOf('acquire', options);
    this.#refuseSelf();
    return await takeTurn(this.#zk, this.#spec, signal);
  }

  /** Takes the lock if it is free; null otherwise. */
  async tryLock(options: CallSignal = {}): Promise<HeldLock | null> {
    const signal = signalOf('tryLock', options);
    this.#refuseSelf();
    return await tryTurn(this.#zk, this.#spec, signal);
  }

  /**
   * Runs `work` while holding the lock. Inside of it, `run` on the same lock goes on with the one that is held; it is the
   * only way in twice.
   */
  async run<R>(work: (held: HeldLock) => Promise<R> | R, options: CallSignal = {}): Promise<R> {
    const signal = signalOf('run', options);
    const outer = heldHere(this.#zk, this.#key) as HeldLock | undefined;
    if (outer !== undefined) {
      outer.throwIfLost();
      return await work(outer);
    }
    await using held = await this.acquire({ signal });
    return await runHolding(this.#zk, this.#key, held, () => work(held));
  }

  /** Everybody in line, the holder first. */
  async contenders(options: CallSignal = {}): Promise<Contender[]> {
    const signal = signalOf('contenders', options);
    return await contendersOf(this.#zk, this.path, this.#spec.names.bases, signal);
  }

  /** Asks the holder to give the lock up. False when nobody holds it. */
  async requestRevoke(options: CallSignal = {}): Promise<boolean> {
    const signal = signalOf('requestRevoke', options);
    const [holder] = await this.contenders({ signal });
    if (holder === undefined) return false;
    try {
      await this.#zk.set(join(this.path, holder.node), revokeMark, { signal });
      return true;
    } catch (error) {
      if (ZkError.is(error, 'NoNode')) return false;
      throw error;
    }
  }

  get #key(): string {
    return `lock ${this.#zk.fullPath(this.path)}`;
  }

  #refuseSelf(): void {
    if (heldHere(this.#zk, this.#key) === undefined) return;
    throw new DeadlockError(`${this.path} is held by the code that asks for it: use run() to go in again`);
  }
}

/** The lock at a path: `await using held = await lock(zk, '/locks/db').acquire()`. */
export const lock = (zk: Client, path: string, options: LockOptions = {}): Lock => new Lock(zk, path, options);
