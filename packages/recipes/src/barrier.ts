// A barrier: while its node exists, everybody waits.

import { ZkError } from '@corral/client';
import type { Client } from '@corral/client';
import { insist } from './kernel/insist.ts';
import type { CallSignal } from './kernel/parents.ts';
import { patient } from './kernel/patience.ts';
import { Vigil } from './kernel/vigil.ts';
import { checkRecipe, signalOf } from './kernel/options.ts';

/** A barrier among all processes. Made by `barrier`. */
export class Barrier {
  /** Path of its node. */
  readonly path: string;
  readonly #zk: Client;

  constructor(zk: Client, path: string) {
    checkRecipe('a barrier', { zk, path, options: {} }, {});
    this.#zk = zk;
    this.path = path;
  }

  /** From now on, `wait` waits. */
  async raise(options: CallSignal = {}): Promise<void> {
    const signal = signalOf('raise', options);
    await this.#set(() => this.#zk.create(this.path, '', { parents: 'container', signal }), 'NodeExists', signal);
  }

  /** Lets everybody pass. */
  async lift(options: CallSignal = {}): Promise<void> {
    const signal = signalOf('lift', options);
    await this.#set(() => this.#zk.delete(this.path, { signal }), 'NoNode', signal);
  }

  /** Waits until the barrier is lifted. Believes no event, only that the node is gone. */
  async wait(options: CallSignal = {}): Promise<void> {
    const signal = signalOf('wait', options);
    using vigil = new Vigil(this.#zk, this.path, signal);
    while (await this.#isUp(vigil)) await vigil.rung();
  }

  /** `get` and not `exists`: a barrier that is down needs no watch. */
  async #isUp({ ring, signal }: Vigil): Promise<boolean> {
    try {
      await patient(this.#zk).get(this.path, { watch: ring, signal });
      return true;
    } catch (error) {
      if (ZkError.is(error, 'NoNode')) return false;
      throw error;
    }
  }

  async #set(work: () => Promise<unknown>, already: 'NodeExists' | 'NoNode', signal?: AbortSignal): Promise<void> {
    try {
      await insist(this.#zk, work, signal);
    } catch (error) {
      if (!ZkError.is(error, already)) throw error;
    }
  }
}

/** The barrier at a path. */
export const barrier = (zk: Client, path: string): Barrier => new Barrier(zk, path);
