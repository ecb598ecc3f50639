// A lock that many readers share or one writer has. Both stand in one line: a reader waits for the nearest writer in front
// of it, a writer for whoever is directly in front, so writers do not starve. Shares its line with Curator's
// InterProcessReadWriteLock and, with `names: 'kazoo'`, with kazoo's ReadLock and WriteLock.

import { ZkError } from '@corral/client';
import type { Client } from '@corral/client';
import { DeadlockError } from './errors.ts';
import { Hold } from './kernel/hold.ts';
import type { Contender } from './kernel/identity.ts';
import { identityOf } from './kernel/identity.ts';
import { contendersOf, takeTurn, tryTurn } from './kernel/line.ts';
import type { LineOptions, LineSpec } from './kernel/line.ts';
import { protectedName, rwNames } from './kernel/names.ts';
import type { Names, RwNames } from './kernel/names.ts';
import { abandon } from './kernel/own-node.ts';
import type { OwnNode } from './kernel/own-node.ts';
import type { CallSignal } from './kernel/parents.ts';
import { join } from './kernel/paths.ts';
import { heldHere, runHolding } from './kernel/scope.ts';
import { formatSequence, sequenceOf } from './kernel/sequence.ts';
import type { Ranked } from './kernel/sequence.ts';
import { checkRecipe, lineChecks, namesCheck, signalOf } from './kernel/options.ts';
import type { Checks } from './kernel/options.ts';

/** Options of a read/write lock. */
export interface RwLockOptions extends LineOptions {
  readonly names?: Names | undefined;
}

type Kind = 'read' | 'write';

const known: Checks<RwLockOptions> = { ...lineChecks, names: namesCheck };

/** The lock as its writer holds it. */
export class HeldWrite extends Hold {
  readonly #zk: Client;
  readonly #own: OwnNode;
  readonly #names: RwNames;
  readonly #options: RwLockOptions;

  constructor(zk: Client, own: OwnNode, names: RwNames, options: RwLockOptions) {
    super(zk, own, options);
    this.#zk = zk;
    this.#own = own;
    this.#names = names;
    this.#options = options;
  }

  /**
   * Turns the write lock into a read lock without letting another writer in between: the reader takes the writer's own
   * place in the line. This lock is over then.
   */
  async downgrade(options: CallSignal = {}): Promise<Hold> {
    const signal = signalOf('downgrade', options);
    this.throwIfLost();
    const { dir, session } = this.#own;
    const sequence = sequenceOf(this.#own.name, this.#names.write.bases[0])!;
    const name = protectedName(crypto.randomUUID(), this.#names.read.own) + formatSequence(sequence);
    const path = join(dir, name);
    const data = JSON.stringify(identityOf(this.#options));
    await this.releaseWith(() => this.#replace(path, data));
    // The place in line is the writer's, and so is the token: whoever comes next has a higher one.
    const node = { dir, name, path, session, czxid: this.token };
    const read = new Hold(this.#zk, node, this.#options);
    try {
      if (!(await read.confirm(signal))) throw read.signal.reason;
      return read;
    } catch (error) {
      abandon(this.#zk, node);
      throw error;
    }
  }

  /** The reader's node for the writer's, once. */
  async #replace(path: string, data: string): Promise<void> {
    const { session } = this.#own;
    for (let isInDoubt = false; ; isInDoubt = true) {
      const tx = this.#zk.multi();
      tx.create(path, data, { mode: 'ephemeral', acl: this.#options.acl ?? 'open' }).delete(this.path);
      try {
        await tx.commit({ pin: session, timeout: Infinity });
        return;
      } catch (error) {
        // There already, after a lost answer: that was us, under the same session.
        if (isInDoubt && ZkError.is(error, 'NodeExists')) return;
        if (!ZkError.is(error, 'ConnectionLoss') || this.#zk.state === 'closed') throw error;
      }
    }
  }
}

/** A read/write lock among all processes. Made by `rwLock`. */
export class RwLock {
  /** Path of its node. */
  readonly path: string;
  readonly #zk: Client;
  readonly #specs: { readonly read: LineSpec; readonly write: LineSpec<HeldWrite> };

  constructor(zk: Client, path: string, options: RwLockOptions = {}) {
    checkRecipe('a read/write lock', { zk, path, options }, known);
    this.#zk = zk;
    this.path = path;
    const names = rwNames(options.names);
    const bases = [...names.write.bases, ...names.read.bases];
    const isWriter = ({ base }: Ranked): boolean => names.write.bases.includes(base);
    this.#specs = {
      read: {
        ...options,
        dir: path,
        names: { own: names.read.own, bases },
        blocker: (line, mine) => line.slice(0, mine).findLast(isWriter),
        hold: (client, own) => new Hold(client, own, options),
      },
      write: {
        ...options,
        dir: path,
        names: { own: names.write.own, bases },
        hold: (client, own) => new HeldWrite(client, own, names, options),
      },
    };
  }

  /** Waits until no writer is in front. */
  async read(options: CallSignal = {}): Promise<Hold> {
    const signal = signalOf('read', options);
    this.#refuseSelf('read');
    return await takeTurn(this.#zk, this.#specs.read, signal);
  }

  /** Waits until nobody is in front. */
  async write(options: CallSignal = {}): Promise<HeldWrite> {
    const signal = signalOf('write', options);
    this.#refuseSelf('write');
    return await takeTurn(this.#zk, this.#specs.write, signal);
  }

  /** Takes it for reading if no writer is in front; null otherwise. */
  async tryRead(options: CallSignal = {}): Promise<Hold | null> {
    const signal = signalOf('tryRead', options);
    this.#refuseSelf('read');
    return await tryTurn(this.#zk, this.#specs.read, signal);
  }

  /** Takes it for writing if nobody is in front; null otherwise. */
  async tryWrite(options: CallSignal = {}): Promise<HeldWrite | null> {
    const signal = signalOf('tryWrite', options);
    this.#refuseSelf('write');
    return await tryTurn(this.#zk, this.#specs.write, signal);
  }

  /** Runs `work` as one of the readers. Inside of a `run…` of this lock it goes on with what is held. */
  async runRead<R>(work: (held: Hold) => Promise<R> | R, options: CallSignal = {}): Promise<R> {
    return await this.#run('read', work, signalOf('runRead', options));
  }

  /** Runs `work` as the writer. Inside of `runRead` it throws: an upgrade would wait for itself. */
  async runWrite<R>(work: (held: Hold) => Promise<R> | R, options: CallSignal = {}): Promise<R> {
    return await this.#run('write', work, signalOf('runWrite', options));
  }

  /** Everybody in line, first come first. */
  async contenders(options: CallSignal = {}): Promise<Contender[]> {
    const signal = signalOf('contenders', options);
    return await contendersOf(this.#zk, this.path, this.#specs.read.names.bases, signal);
  }

  async #run<R>(kind: Kind, work: (held: Hold) => Promise<R> | R, signal?: AbortSignal): Promise<R> {
    const outer = this.#heldHere();
    if (outer !== undefined && (kind === 'read' || outer.kind === 'write')) {
      outer.hold.throwIfLost();
      return await work(outer.hold);
    }
    await using hold = kind === 'read' ? await this.read({ signal }) : await this.write({ signal });
    return await runHolding(this.#zk, this.#key, { kind, hold }, () => work(hold));
  }

  #refuseSelf(kind: Kind): void {
    const outer = this.#heldHere();
    if (outer === undefined) return;
    throw new DeadlockError(`${this.path} is held for ${outer.kind} by the code that asks for ${kind}`);
  }

  get #key(): string {
    return `rw ${this.#zk.fullPath(this.path)}`;
  }

  #heldHere(): { readonly kind: Kind; readonly hold: Hold } | undefined {
    return heldHere(this.#zk, this.#key) as { readonly kind: Kind; readonly hold: Hold } | undefined;
  }
}

/** The read/write lock at a path. */
export const rwLock = (zk: Client, path: string, options: RwLockOptions = {}): RwLock => new RwLock(zk, path, options);
