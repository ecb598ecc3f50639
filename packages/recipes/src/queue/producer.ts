// Puts items in exactly once. After a lost answer it is no use to look for the item: somebody may have taken it and be done
// with it. So every put also writes its number into a node of this producer, in the same transaction; requests of one
// session are carried out in their order, and the number that is found there says which of them were.

import { ZkError } from '@corral/client';
import type { Acl, AclName, Client, Multi } from '@corral/client';
import { insist } from '../kernel/insist.ts';
import { timedOut } from '../kernel/patience.ts';
import { join } from '../kernel/paths.ts';

export class Producer {
  readonly #zk: Client;
  readonly #dir: string;
  readonly #acl: AclName | readonly Acl[];
  readonly #id = crypto.randomUUID();
  #last = 0;

  constructor(zk: Client, dir: string, acl: AclName | readonly Acl[]) {
    this.#zk = zk;
    this.#dir = dir;
    this.#acl = acl;
  }

  /**
   * Commits what `fill` adds, once. Rejects with an `ambiguous` error when the session ends before the answer: nothing can
   * tell then.
   */
  async commit(fill: (tx: Multi) => Multi<unknown[]>, signal?: AbortSignal): Promise<void> {
    for (;;) {
      const session = await this.#session(signal);
      const receipt = join(this.#dir, `${this.#id}-${session.toString(16)}`);
      const number = ++this.#last;
      const tx = fill(this.#zk.multi()).set(receipt, String(number));
      try {
        await tx.commit({ signal, pin: session });
        return;
      } catch (error) {
        if (isNever(error)) continue;
        if (ZkError.is(error, 'NoNode') && error.path === receipt) await this.#begin(receipt, session, signal);
        else if (!ZkError.is(error, 'ConnectionLoss') || !error.ambiguous) throw error;
        else if (await this.#happened(receipt, number, { session, doubt: error, signal })) return;
      }
    }
  }

  /** The session to put under; waits for one. */
  async #session(signal: AbortSignal | undefined): Promise<bigint> {
    for (;;) {
      signal?.throwIfAborted();
      const id = this.#zk.session?.id;
      if (id !== undefined) return id;
      await this.#zk.exists(this.#dir, { signal });
    }
  }

  /** Makes this producer's node for a session. */
  async #begin(path: string, session: bigint, signal: AbortSignal | undefined): Promise<void> {
    const options = { mode: 'ephemeral', acl: this.#acl, pin: session, signal } as const;
    try {
      await insist(
        this.#zk,
        () => (this.#zk.session?.id === session ? this.#zk.create(path, '0', options) : done),
        signal,
      );
    } catch (error) {
      if (!ZkError.is(error, 'NodeExists')) throw error;
    }
  }

  async #happened(
    path: string,
    number: number,
    {
      session,
      doubt,
      signal,
    }: { readonly session: bigint; readonly doubt: ZkError; readonly signal?: AbortSignal | undefined },
  ): Promise<boolean> {
    let last = 0;
    try {
      await this.#zk.sync(path, { signal });
      last = Number(await this.#zk.getText(path, { signal }));
    } catch (error) {
      signal?.throwIfAborted();
      if (ZkError.is(error, 'OperationTimeout')) throw timedOut(this.#zk, path, doubt);
      if (!ZkError.is(error, 'NoNode')) throw error;
    }
    if (this.#zk.session?.id !== session) throw doubt;
    return last >= number;
  }
}

const done = Promise.resolve(null);

/** The request did not get through, and never will. */
const isNever = (error: unknown): boolean =>
  ZkError.is(error) &&
  !error.ambiguous &&
  (error.code === 'SessionExpired' || error.code === 'SessionMoved' || error.code === 'ThrottledOp');
