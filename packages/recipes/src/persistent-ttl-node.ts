// A node that outlives its session by a time to live: a container with a child that is touched again and again and goes
// away by itself when nobody does; then the container goes, too. As Curator's PersistentTtlNode.

import { kinds, ZkError } from '@corral/client';
import type { Client, DataInput } from '@corral/client';
import { insist } from './kernel/insist.ts';
import { commitBelowContainers } from './kernel/parents.ts';
import type { AclOption, CallSignal } from './kernel/parents.ts';
import { join, parentOf } from './kernel/paths.ts';
import { patient, whileServed } from './kernel/patience.ts';
import { Upkeep } from './kernel/upkeep.ts';
import type { Vigil } from './kernel/vigil.ts';
import { aclChecks, checkRecipe, signalOf } from './kernel/options.ts';
import type { Checks } from './kernel/options.ts';

/** Options of `persistentTtlNode`. */
export interface PersistentTtlNodeOptions extends AclOption {
  /** Milliseconds that the node stays after its owner is gone; at least, servers look only now and then. */
  readonly ttl: number;
}

const known: Checks<PersistentTtlNodeOptions> = { ...aclChecks, ttl: kinds.count };

/** A node with a time to live that is kept alive. Made by `persistentTtlNode`. */
export class PersistentTtlNode implements AsyncDisposable {
  /** Path of its node. */
  readonly path: string;
  /** Resolves when the node is there for the first time; rejects when it cannot be. */
  readonly ready: Promise<void>;
  /** For what somebody waits for; the upkeep has no limit. */
  readonly #caller: Client;
  readonly #zk: Client;
  readonly #options: PersistentTtlNodeOptions;
  readonly #upkeep: Upkeep;
  readonly #touch: string;
  #wanted: DataInput;
  #written: DataInput | undefined;

  constructor(zk: Client, path: string, data: DataInput, options: PersistentTtlNodeOptions) {
    checkRecipe('a persistent node', { zk, path, options }, known, ['ttl']);
    this.#caller = zk;
    this.#zk = patient(zk);
    this.path = path;
    this.#touch = join(path, 'touch');
    this.#options = options;
    this.#wanted = data;
    this.#upkeep = new Upkeep(zk, path, (vigil) => this.#step(vigil));
    this.ready = this.#untilWritten(undefined);
    this.ready.catch(() => undefined);
  }

  /** Changes the data now and for every node to come. */
  async set(data: DataInput, options: CallSignal = {}): Promise<void> {
    const signal = signalOf('set', options);
    this.#wanted = data;
    this.#upkeep.wake();
    await whileServed(this.#caller, this.path, signal, (inner) => this.#untilWritten(inner));
  }

  /** Stops touching the node: it goes away when its time is over. `now` removes it at once. */
  async close(when: 'later' | 'now' = 'later'): Promise<void> {
    if (when !== 'later' && when !== 'now') throw new TypeError(`close takes 'later' or 'now', not ${String(when)}`);
    await this.#upkeep.end();
    if (when === 'later' || this.#zk.state === 'closed') return;
    try {
      await insist(this.#caller, () => this.#caller.multi().delete(this.#touch).delete(this.path).commit());
    } catch (error) {
      if (!ZkError.is(error, 'NoNode')) throw error;
    }
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #untilWritten(signal: AbortSignal | undefined): Promise<void> {
    const look = (): true[] => (this.#written === this.#wanted ? [true] : []);
    for await (const _ of this.#upkeep.bell.each(this.#zk, this.path, signal, look)) return;
    throw new Error(`${this.path} was closed before it held its data`);
  }

  async #step(vigil: Vigil): Promise<void> {
    const data = this.#wanted;
    await insist(this.#zk, () => this.#keep(data, vigil.signal), vigil.signal);
    this.#written = data;
    this.#upkeep.bell.ring();
    const cancel = vigil.ringAfter(this.#options.ttl / 2);
    if (this.#written === this.#wanted) await vigil.rung();
    cancel();
  }

  /** Touches the child and writes the data if it is new; makes both if they are gone. */
  async #keep(data: DataInput, signal: AbortSignal): Promise<void> {
    const { ttl, acl = 'open' } = this.#options;
    for (;;) {
      try {
        const tx = this.#zk.multi().set(this.#touch, '');
        if (this.#written !== data) tx.set(this.path, data);
        await tx.commit({ signal });
        return;
      } catch (error) {
        if (!ZkError.is(error, 'NoNode')) throw error;
      }
      try {
        const touch = { mode: 'ttl', ttl, acl } as const;
        if ((await this.#zk.exists(this.path, { signal })) !== null) await this.#zk.create(this.#touch, '', touch);
        else {
          await commitBelowContainers(
            this.#zk,
            parentOf(this.path),
            (tx) => tx.create(this.path, data, { mode: 'container', acl }).create(this.#touch, '', touch),
            { acl, signal },
          );
        }
        this.#written = undefined;
      } catch (error) {
        if (!ZkError.is(error, 'NodeExists') && !ZkError.is(error, 'NoNode')) throw error;
      }
    }
  }
}

/** Keeps a node with a time to live alive until `close` or the end of `await using`. */
export const persistentTtlNode = (
  zk: Client,
  path: string,
  data: DataInput,
  options: PersistentTtlNodeOptions,
): PersistentTtlNode => new PersistentTtlNode(zk, path, data, options);
