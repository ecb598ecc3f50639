// A semaphore: so many permits, and who wants some stands in line for them. Only the head of the line looks at the leases
// that are out, and takes all it asked for in one transaction. Nodes are those of Curator's InterProcessSemaphoreV2:
// `locks` is the line, `leases` has a node for each permit. The number of permits is the data of the root.

import { kinds, ZkError } from '@corral/client';
import type { Client, Created } from '@corral/client';
import { LostError, isAmbiguous } from './errors.ts';
import { Hold } from './kernel/hold.ts';
import { identityOf } from './kernel/identity.ts';
import type { Contender } from './kernel/identity.ts';
import { insist } from './kernel/insist.ts';
import { contendersOf, takeTurn, tryTurn } from './kernel/line.ts';
import type { LineOptions, LineSpec } from './kernel/line.ts';
import { lockNames, protectedName } from './kernel/names.ts';
import { abandonAttempt, abandonAll, findAttempt, ownNode } from './kernel/own-node.ts';
import type { OwnNode } from './kernel/own-node.ts';
import { commitBelowContainers } from './kernel/parents.ts';
import type { CallSignal } from './kernel/parents.ts';
import { patient } from './kernel/patience.ts';
import { join, nameOf } from './kernel/paths.ts';
import { Vigil } from './kernel/vigil.ts';
import { checkCount, checkRecipe, checked, lineChecks, signalChecks, signalOf } from './kernel/options.ts';
import type { Checks } from './kernel/options.ts';

/** Options of a semaphore. */
export interface SemaphoreOptions extends LineOptions {
  /** How many permits there are, for the one who uses the path first; later it is the root's data that counts. */
  readonly permits: number;
}
/** How many permits to take. */
export interface AcquireOptions extends CallSignal {
  /** How many to take, all at once; one unless given. */
  readonly permits?: number | undefined;
}

const base = 'lease-';

const known: Checks<SemaphoreOptions> = { ...lineChecks, permits: kinds.count };
const acquireChecks: Checks<AcquireOptions> = { ...signalChecks, permits: kinds.count };

/** Permits that all processes share. Made by `semaphore`. */
export class Semaphore {
  /** Path of its node. */
  readonly path: string;
  readonly #zk: Client;
  readonly #options: SemaphoreOptions;
  readonly #line: LineSpec;
  readonly #leases: string;

  constructor(zk: Client, path: string, options: SemaphoreOptions) {
    checkRecipe('a semaphore', { zk, path, options }, known, ['permits']);
    this.#zk = zk;
    this.path = path;
    this.#options = options;
    this.#leases = join(path, 'leases');
    const dir = join(path, 'locks');
    this.#line = { ...options, dir, names: lockNames(), hold: (client, own) => new Hold(client, own, options) };
  }

  /** Waits for the permits. They are given back together, with `release` or `await using`. */
  async acquire(options: AcquireOptions = {}): Promise<Hold> {
    const { permits = 1, signal } = checked('acquire', options, acquireChecks);
    await this.size({ signal });
    for (let zk = this.#zk; ; zk = patient(zk)) {
      const turn = await takeTurn(zk, this.#line, signal);
      try {
        const hold = await this.#takeWhenFree(turn, permits, 'wait', signal);
        if (hold !== null) return hold;
      } catch (error) {
        // The turn went with its session: stand in line again.
        if (!(error instanceof LostError) || error.cause !== 'session') throw error;
      } finally {
        turn.abandon();
      }
    }
  }

  /** Takes the permits if that many are free and nobody is in front; null otherwise. */
  async tryAcquire(options: AcquireOptions = {}): Promise<Hold | null> {
    const { permits = 1, signal } = checked('tryAcquire', options, acquireChecks);
    await this.size({ signal });
    const turn = await tryTurn(this.#zk, this.#line, signal);
    if (turn === null) return null;
    try {
      return await this.#takeWhenFree(turn, permits, 'give up', signal);
    } finally {
      turn.abandon();
    }
  }

  /** Everybody who has permits, once for each of them. */
  async holders(options: CallSignal = {}): Promise<Contender[]> {
    const signal = signalOf('holders', options);
    return await contendersOf(this.#zk, this.#leases, [base], signal);
  }

  /** The number of permits, free or not. */
  async size(options: CallSignal = {}): Promise<number> {
    const signal = signalOf('size', options);
    for (;;) {
      try {
        return sizeFrom((await this.#zk.get(this.path, { signal })).data) ?? this.#options.permits;
      } catch (error) {
        if (!ZkError.is(error, 'NoNode')) throw error;
      }
      const { acl = 'open', permits } = this.#options;
      try {
        await this.#zk.create(this.path, String(permits), { acl, parents: 'container', parentsAcl: acl, signal });
      } catch (error) {
        if (!ZkError.is(error, 'NodeExists') && !isAmbiguous(error)) throw error;
        signal?.throwIfAborted();
      }
    }
  }

  /** Changes the number of permits. With fewer of them, nothing is granted until enough have come back. */
  async resize(permits: number, options: CallSignal = {}): Promise<void> {
    const signal = signalOf('resize', options);
    checkCount('permits', permits);
    await this.size({ signal });
    await insist(this.#zk, () => this.#zk.set(this.path, String(permits), { signal }), signal);
  }

  async #takeWhenFree(
    turn: Hold,
    permits: number,
    otherwise: 'wait' | 'give up',
    signal?: AbortSignal,
  ): Promise<Hold | null> {
    const zk = otherwise === 'wait' ? patient(this.#zk) : this.#zk;
    using vigil = new Vigil(zk, this.path, signal);
    turn.signal.addEventListener('abort', vigil.ring, { once: true });
    while (!(await this.#areFree(zk, permits, vigil))) {
      if (otherwise === 'give up') return null;
      await vigil.rung();
      turn.throwIfLost();
    }
    const leases = await this.#createLeases(zk, turn, { permits, signal: vigil.signal });
    const hold = new Hold(this.#zk, leases, this.#options);
    try {
      if (await hold.confirm(vigil.signal)) return hold;
      throw hold.signal.reason;
    } catch (error) {
      abandonAll(this.#zk, leases);
      throw error;
    }
  }

  /** Looks at leases and size; the vigil hears when either changes. */
  async #areFree(zk: Client, permits: number, vigil: Vigil): Promise<boolean> {
    const watched = { watch: vigil.ring, signal: vigil.signal };
    const size = sizeFrom((await zk.get(this.path, watched)).data) ?? this.#options.permits;
    if (permits > size) throw new RangeError(`${permits} permits of ${this.path} cannot be had: there are ${size}`);
    return (await this.#count(zk, watched)) + permits <= size;
  }

  async #count(zk: Client, watched: { readonly watch: () => void; readonly signal: AbortSignal }): Promise<number> {
    try {
      return (await zk.children(this.#leases, watched)).children.length;
    } catch (error) {
      if (ZkError.is(error, 'NoNode')) return 0;
      throw error;
    }
  }

  /** All leases in one transaction, and only while it is our turn. */
  async #createLeases(
    zk: Client,
    turn: Hold,
    { permits, signal }: { readonly permits: number; readonly signal: AbortSignal },
  ): Promise<OwnNode[]> {
    const data = JSON.stringify(identityOf(this.#options));
    const { acl = 'open' } = this.#options;
    for (;;) {
      const id = crypto.randomUUID();
      const path = join(this.#leases, protectedName(id, base));
      const fill = (tx: ReturnType<Client['multi']>) => {
        for (let i = 0; i < permits; i++) tx.create(path, data, { mode: 'ephemeralSequential', acl });
        return turn.guard(tx);
      };
      try {
        const made: readonly unknown[] = await commitBelowContainers(zk, this.#leases, fill, { acl, signal });
        return (made as readonly (Created | null)[])
          .filter((created) => created !== null)
          .map((created) => ownNode(this.#leases, nameOf(created.path), created.stat));
      } catch (error) {
        if (!isAmbiguous(error)) throw error;
        try {
          signal.throwIfAborted();
          const found = await findAttempt(zk, this.#leases, id, signal);
          turn.throwIfLost();
          if (found.length > 0) return found;
        } catch (thrown) {
          abandonAttempt(this.#zk, this.#leases, id, turn.session);
          throw thrown;
        }
      }
    }
  }
}

function sizeFrom(data: Uint8Array): number | null {
  const text = new TextDecoder().decode(data);
  return /^\d+$/.test(text) ? Number(text) : null;
}

/** The semaphore at a path. */
export const semaphore = (zk: Client, path: string, options: SemaphoreOptions): Semaphore =>
  new Semaphore(zk, path, options);
