// K3, K4 and K8: what somebody holds. A lock, a lease, a term of office: each is one or more ephemeral nodes of one
// session, and is lost the moment that nobody can prove that they are there.

import type { Client, Multi, Stat } from '@corral/client';
import { ZkError, onAbort } from '@corral/client';
import { LostError } from '../errors.ts';
import type { LossCause } from '../errors.ts';
import { removeOwn } from './own-node.ts';
import type { OwnNode } from './own-node.ts';
import { patient } from './patience.ts';
import { watchesOver } from './vigil.ts';

/** When something that is held is given up. */
export interface HoldOptions {
  /**
   * What a broken connection means. `lose`, the default: after two thirds of the session timeout without an answer the
   * hold is given up, well before the server can give it to somebody else. `keep`: only when the whole timeout is over.
   */
  readonly onSuspend?: 'lose' | 'keep' | undefined;
}

type State = 'unconfirmed' | 'held' | 'lost' | 'releasing' | 'released';

/** Something that is held: leave it with `release` or `await using`. */
export class Hold implements AsyncDisposable {
  /**
   * Fencing token: the zxid of the transaction that created the node. It grows with every holder, also when the parent was
   * deleted in between. Hand it to whatever can refuse a smaller one.
   */
  readonly token: bigint;
  /** The node that stands for it. */
  readonly path: string;
  /** Session that it lives with. */
  readonly session: bigint;
  /** Aborts when it is lost, with a LostError, and when it is released. */
  readonly signal: AbortSignal;
  readonly #zk: Client;
  readonly #paths: readonly string[];
  readonly #controller = new AbortController();
  readonly #watching = new AbortController();
  readonly #onSuspend: 'lose' | 'keep';
  readonly #stops: (() => void)[] = [];
  readonly #onChange: (() => void) | undefined;
  #cancelTimer: (() => void) | null = null;
  #state: State = 'unconfirmed';

  /** Counts from `confirm` or `confirmSeen` on. `onChange` hears of writes to the first node. */
  constructor(zk: Client, own: OwnNode | readonly OwnNode[], options: HoldOptions = {}, onChange?: () => void) {
    const nodes: readonly OwnNode[] = 'path' in own ? [own] : own;
    // Its looks wait out an outage: when the session is over, the deadline says so.
    this.#zk = patient(zk);
    this.#paths = nodes.map(({ path }) => path);
    this.path = nodes[0].path;
    this.session = nodes[0].session;
    this.token = nodes[0].czxid;
    this.signal = this.#controller.signal;
    this.#onSuspend = options.onSuspend ?? 'lose';
    this.#onChange = onChange;
  }

  /** Whether it is held now. */
  get state(): State {
    return this.#state;
  }

  /**
   * K3: the nodes exist and belong to this session, which is still the client's; from here on their deletion is noticed.
   * A node of a dying session that the new one still sees grants nothing.
   */
  async confirm(signal?: AbortSignal): Promise<boolean> {
    signal?.throwIfAborted();
    const forget = onAbort(signal, () => this.#watching.abort(watchesOver));
    try {
      const stats = await Promise.all(this.#paths.map((path) => this.#look(path)));
      signal?.throwIfAborted();
      if (this.#lossNow() === null && !stats.every((stat) => this.#isOurs(stat))) this.lose('deleted');
    } catch (error) {
      this.#end();
      signal?.throwIfAborted();
      throw error;
    } finally {
      forget();
    }
    return this.#begin();
  }

  /**
   * The same for whoever has just seen its nodes in a list: they had been made under this session, so that was the look.
   * Waiting for another one would cost an answer and prove no more; what happens from the list on is noticed as ever.
   */
  confirmSeen(): boolean {
    const isHeld = this.#begin();
    if (isHeld) for (const path of this.#paths) this.#keepLooking(path);
    return isHeld;
  }

  #begin(): boolean {
    if (this.#state !== 'unconfirmed') return false;
    this.#state = 'held';
    this.#stops.push(
      this.#zk.on('state', () => this.#check()),
      this.#zk.on('session', () => this.#check()),
      onAbort(this.#zk.closing, () => this.#check()),
    );
    this.#check();
    return this.state === 'held';
  }

  /** Throws unless it is held. Asks the clock itself: no timer fires while the event loop is blocked. */
  throwIfLost(): void {
    this.#check();
    this.signal.throwIfAborted();
  }

  /**
   * Asks a server whether it is still held. For whoever had a guarded write fail: the answer to that may come before the
   * signal aborts.
   */
  async verify(): Promise<boolean> {
    if (this.#state !== 'held') return false;
    try {
      // Behind the deadline there is nothing left to ask for.
      const timeout = Math.max(0, this.#deadline() - this.#zk.clock.now());
      const stats = await Promise.all(this.#paths.map((path) => this.#zk.exists(path, { timeout })));
      if (!stats.every((stat) => this.#isOurs(stat))) this.lose('deleted');
    } catch (error) {
      if (!ZkError.is(error)) throw error;
      // Whoever cannot ask has the clock left.
    }
    this.#check();
    return this.state === 'held';
  }

  /** Adds to a transaction that it must not happen unless this is still held. */
  guard<R extends unknown[]>(tx: Multi<R>): Multi<[...R, null]> {
    this.throwIfLost();
    return tx.check(this.path, 'any');
  }

  /**
   * Gives it up. Resolves when the nodes are gone or their session is; rejects when the server refuses, and may be called
   * again then.
   */
  async release(): Promise<void> {
    if (this.#state === 'released') return;
    this.#state = 'releasing';
    this.#controller.abort(new LostError(this.path, 'released'));
    await Promise.all(this.#paths.map((path) => removeOwn(this.#zk, { path, session: this.session })));
    this.#state = 'released';
    this.#end();
  }

  /** Gives it up with a transaction of the caller's that deletes the nodes. */
  async releaseWith(commit: () => Promise<unknown>): Promise<void> {
    this.throwIfLost();
    this.#state = 'releasing';
    await commit();
    this.#state = 'released';
    this.#end();
    this.#controller.abort(new LostError(this.path, 'released'));
  }

  /** Gives it up in the background. */
  abandon(): void {
    this.release().catch((error: unknown) => {
      this.#end();
      if (!ZkError.is(error)) throw error;
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }

  /** It is not ours any more. */
  lose(cause: LossCause, why?: string): void {
    if (this.#state !== 'held' && this.#state !== 'unconfirmed') return;
    this.#state = 'lost';
    this.#end();
    this.#controller.abort(new LostError(this.path, cause, why));
  }

  async #look(path: string): Promise<Stat | null> {
    return await this.#zk.exists(path, { signal: this.#watching.signal, watch: () => this.#touched(path) });
  }

  #isOurs(stat: Stat | null): boolean {
    return stat !== null && stat.ephemeralOwner === this.session;
  }

  /** An event is a reason to look, not news by itself: the watch is set again with the look. */
  #touched(path: string): void {
    if (this.#state === 'held' || this.#state === 'unconfirmed') this.#keepLooking(path);
  }

  #keepLooking(path: string): void {
    this.#look(path).then(
      (stat) => {
        if (!this.#isOurs(stat)) this.lose('deleted');
        // Written to since it was made, perhaps before the first watch was set.
        else if (path === this.path && stat?.version !== 0) this.#onChange?.();
      },
      (error: unknown) => {
        if (this.#watching.signal.aborted) return;
        this.lose('deleted', ZkError.is(error) ? error.message : 'its node cannot be read');
      },
    );
  }

  #check(): void {
    if (this.#state !== 'held') return;
    const why = this.#lossNow();
    if (why !== null) return this.lose('session', why);
    this.#cancelTimer?.();
    this.#cancelTimer = this.#zk.clock.after(this.#deadline() - this.#zk.clock.now(), () => this.#check());
  }

  #lossNow(): string | null {
    if (this.#zk.closing.aborted) return 'its client was closed';
    if (this.#zk.session?.id !== this.session) return 'its session is over';
    return this.#zk.clock.now() < this.#deadline() ? null : 'no server has confirmed its session in time';
  }

  /** Moment from which the session cannot be trusted. */
  #deadline(): number {
    const { state, session, sessionDeadline } = this.#zk;
    if (this.#onSuspend === 'keep' || state === 'connected' || state === 'readonly') return sessionDeadline;
    return sessionDeadline - (session?.timeoutMs ?? 0) / 3;
  }

  #end(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    for (const stop of this.#stops.splice(0)) stop();
    this.#watching.abort(watchesOver);
  }
}
