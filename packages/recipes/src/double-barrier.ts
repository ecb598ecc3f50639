// A double barrier: nobody begins before everybody is there, and nobody goes on before everybody is done. It can be used
// again and again: every round has a number, kept in the root's data, and nodes of its own.
//
//   <path>                 number of the round
//   <path>/<round>                  version 0 until the round is full: joining checks that
//   <path>/<round>/ready            there when the round is full; its data lists the nodes of those that are in
//   <path>/<round>/m/<id>-<number>  one ephemeral node for each party, in the order in which they came

import { kinds, ZkError } from '@corral/client';
import type { Client } from '@corral/client';
import { LostError, isAmbiguous } from './errors.ts';
import { namesIn } from './kernel/children.ts';
import { Hold } from './kernel/hold.ts';
import { identityOf } from './kernel/identity.ts';
import { insist } from './kernel/insist.ts';
import type { LineOptions } from './kernel/line.ts';
import { abandon, abandonAttempt, findAttempt, ownNode, removeOwn } from './kernel/own-node.ts';
import type { OwnNode } from './kernel/own-node.ts';
import type { CallSignal } from './kernel/parents.ts';
import { patient } from './kernel/patience.ts';
import { join, nameOf, parentOf } from './kernel/paths.ts';
import { inOrder } from './kernel/sequence.ts';
import { Vigil } from './kernel/vigil.ts';
import { checkRecipe, lineChecks, signalOf } from './kernel/options.ts';
import type { Checks } from './kernel/options.ts';

/** Between the id of a party and the number of its node. */
const behindId = '-party-';

/** Options of a double barrier. */
export interface DoubleBarrierOptions extends LineOptions {
  /** How many must be there. */
  readonly parties: number;
}

interface Round {
  readonly number: number;
  /** Version of the root that holds the number. */
  readonly version: number;
  readonly path: string;
  readonly members: string;
}

const known: Checks<DoubleBarrierOptions> = { ...lineChecks, parties: kinds.count };

/** One party inside of the barrier. */
export class Entered implements AsyncDisposable {
  readonly #hold: Hold;
  readonly #leave: (signal: AbortSignal | undefined) => Promise<void>;

  constructor(hold: Hold, leave: (signal: AbortSignal | undefined) => Promise<void>) {
    this.#hold = hold;
    this.#leave = leave;
  }

  /** Aborts when the others cannot know any more that we are here. */
  get signal(): AbortSignal {
    return this.#hold.signal;
  }
  /** Throws a LostError once it is lost. Asks the clock itself: no timer fires while the event loop is blocked. */
  throwIfLost(): void {
    this.#hold.throwIfLost();
  }

  /** Adds to a transaction that it must not happen unless we are still inside. */
  guard: Hold['guard'] = (tx) => this.#hold.guard(tx);

  /** Says that we are done, and waits until everybody is. */
  async leave(options: CallSignal = {}): Promise<void> {
    const signal = signalOf('leave', options);
    await this.#leave(signal);
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.leave();
  }
}

/** A double barrier among all processes. Made by `doubleBarrier`. */
export class DoubleBarrier {
  /** Path of its node. */
  readonly path: string;
  /** Getting in takes no longer than a call may; whoever is in outlasts an outage. */
  readonly #caller: Client;
  readonly #zk: Client;
  readonly #options: DoubleBarrierOptions;

  constructor(zk: Client, path: string, options: DoubleBarrierOptions) {
    checkRecipe('a double barrier', { zk, path, options }, known, ['parties']);
    this.#caller = zk;
    this.#zk = patient(zk);
    this.path = path;
    this.#options = options;
  }

  /** Waits until as many parties have come as there must be. */
  async enter(options: CallSignal = {}): Promise<Entered> {
    const signal = signalOf('enter', options);
    for (let zk = this.#caller; ; zk = this.#zk) {
      const round = await this.#currentRound(zk, signal);
      const own = await this.#join(round, signal);
      if (own === null) {
        await this.#roundOver(round, signal);
        continue;
      }
      try {
        const hold = await this.#untilReady(round, own, signal);
        if (hold === 'surplus') {
          await removeOwn(this.#zk, own);
          await this.#roundOver(round, signal);
        } else if (hold !== null) return new Entered(hold, (leaving) => this.#leave(round, own, hold, leaving));
      } catch (error) {
        abandon(this.#zk, own);
        throw error;
      }
      // Our place went with its session: come in again.
    }
  }

  async #currentRound(zk: Client, signal?: AbortSignal): Promise<Round> {
    for (;;) {
      try {
        const { data, stat } = await zk.get(this.path, { signal });
        const number = Number(new TextDecoder().decode(data) || '0');
        const path = join(this.path, String(number));
        return { number, version: stat.version, path, members: join(path, 'm') };
      } catch (error) {
        if (!ZkError.is(error, 'NoNode')) throw error;
      }
      await this.#ignoring(
        ['NodeExists'],
        () => this.#zk.create(this.path, '0', { parents: 'container', signal }),
        signal,
      );
    }
  }

  /** Our node in this round; null when the round is full already, or over. */
  async #join(round: Round, signal?: AbortSignal): Promise<OwnNode | null> {
    const { acl = 'open' } = this.#options;
    const data = JSON.stringify(identityOf(this.#options));
    for (;;) {
      const id = crypto.randomUUID();
      const before = this.#zk.session?.id ?? null;
      try {
        const tx = this.#zk.multi().check(round.path, 0);
        const mode = 'ephemeralSequential';
        const [, made] = await tx.create(join(round.members, id + behindId), data, { mode, acl }).commit({ signal });
        return ownNode(round.members, nameOf(made.path), made.stat);
      } catch (error) {
        if (ZkError.is(error, 'BadVersion')) return null;
        if (ZkError.is(error, 'NoNode')) {
          if (!(await this.#open(round, signal))) return null;
        } else if (isAmbiguous(error)) {
          const found = await this.#findOwn(round, id, before ?? this.#zk.session?.id ?? null, signal);
          if (found !== null) return found;
        } else if (!ZkError.is(error, 'SessionExpired')) throw error;
      }
    }
  }

  async #findOwn(
    { members }: Round,
    id: string,
    session: bigint | null,
    signal?: AbortSignal,
  ): Promise<OwnNode | null> {
    try {
      signal?.throwIfAborted();
      const [found] = await findAttempt(this.#zk, members, id, signal);
      if (found?.session === this.#zk.session?.id) return found ?? null;
      abandonAttempt(this.#zk, members, id, session);
      return null;
    } catch (thrown) {
      abandonAttempt(this.#zk, members, id, session);
      throw thrown;
    }
  }

  /** Makes the nodes of a round; false when it is not the current one any more. */
  async #open(round: Round, signal?: AbortSignal): Promise<boolean> {
    const { acl = 'open' } = this.#options;
    const tx = this.#zk.multi().check(this.path, round.version);
    tx.create(round.path, '', { acl }).create(round.members, '', { acl });
    let isCurrent = true;
    await this.#ignoring(
      ['NodeExists', 'BadVersion', 'NoNode'],
      async () => {
        try {
          await tx.commit({ signal });
        } catch (error) {
          if (!ZkError.is(error, 'NodeExists')) isCurrent = isAmbiguous(error);
          throw error;
        }
      },
      signal,
    );
    return isCurrent;
  }

  /** Waits until the round is full. `surplus` when it is full without us, null when our session was lost on the way. */
  async #untilReady(round: Round, own: OwnNode, signal?: AbortSignal): Promise<Hold | 'surplus' | null> {
    using vigil = new Vigil(this.#zk, this.path, signal);
    const ready = join(round.path, 'ready');
    const hold = new Hold(this.#zk, own, this.#options);
    for (;;) {
      if (this.#zk.session?.id !== own.session) return null;
      // The watch comes first: whoever fills the round between the two looks is heard.
      if ((await this.#zk.exists(ready, { watch: vigil.ring, signal: vigil.signal })) !== null) break;
      const { children } = await this.#zk.children(round.members, { signal: vigil.signal });
      if (!children.includes(own.name)) {
        if (this.#zk.session?.id !== own.session) return null;
        throw new LostError(own.path, 'deleted', 'its node was deleted while it waited');
      }
      const first = inOrder(children, [behindId]).slice(0, this.#options.parties);
      if (first.length < this.#options.parties) await vigil.rung();
      else
        await this.#fill(
          round,
          first.map(({ name }) => name),
          vigil.signal,
        );
    }
    if (!(await this.#isAmongThem(ready, own, vigil.signal))) return 'surplus';
    if (await hold.confirm(vigil.signal)) return hold;
    if (this.#zk.session?.id !== own.session) return null;
    throw hold.signal.reason;
  }

  async #isAmongThem(ready: string, own: OwnNode, signal: AbortSignal): Promise<boolean> {
    try {
      const { data } = await this.#zk.get(ready, { signal });
      return (JSON.parse(new TextDecoder().decode(data)) as unknown[]).includes(own.name);
    } catch (error) {
      // Those that were in have left again: they would not have gone without us.
      if (ZkError.is(error, 'NoNode')) return false;
      throw error;
    }
  }

  /** Declares the round full with these parties, if they are all still there. */
  async #fill(round: Round, first: readonly string[], signal: AbortSignal): Promise<void> {
    const { acl = 'open' } = this.#options;
    const tx = this.#zk.multi();
    for (const name of first) tx.check(join(round.members, name), 'any');
    tx.set(round.path, '', { version: 0 }).create(join(round.path, 'ready'), JSON.stringify(first), { acl });
    await this.#ignoring(['NoNode', 'BadVersion', 'NodeExists'], () => tx.commit({ signal }), signal);
  }

  async #leave(round: Round, own: OwnNode, hold: Hold, signal?: AbortSignal): Promise<void> {
    try {
      using vigil = new Vigil(this.#zk, this.path, signal);
      for (;;) {
        const names = await this.#members(round, vigil.signal);
        const [first] = names;
        const isIn = names.includes(own.name) && hold.state === 'held';
        if (isIn && names.length > 1 && first === own.name) {
          // The first one stays to the end, so that everybody else has only one node to watch.
          await this.#untilGone(join(round.members, names.at(-1)!), vigil);
          continue;
        }
        if (isIn) await hold.release();
        if (names.length === 0 || (isIn && names.length === 1)) return await this.#close(round, vigil.signal);
        if (first !== own.name) await this.#untilGone(join(round.members, first), vigil);
      }
    } finally {
      hold.abandon();
    }
  }

  async #members(round: Round, signal: AbortSignal): Promise<string[]> {
    return (await namesIn(this.#zk, round.members, signal)).toSorted();
  }

  async #untilGone(path: string, vigil: Vigil): Promise<void> {
    try {
      await this.#zk.get(path, { watch: vigil.ring, signal: vigil.signal });
    } catch (error) {
      if (ZkError.is(error, 'NoNode')) return;
      throw error;
    }
    await vigil.rung();
  }

  /** Waits until a full round is over; ends it if nobody in it is left to do that. */
  async #roundOver(round: Round, signal?: AbortSignal): Promise<void> {
    using vigil = new Vigil(this.#zk, this.path, signal);
    for (;;) {
      try {
        const { children } = await this.#zk.children(round.members, { watch: vigil.ring, signal: vigil.signal });
        if (children.length === 0) return await this.#close(round, vigil.signal);
      } catch (error) {
        if (ZkError.is(error, 'NoNode')) return;
        throw error;
      }
      await vigil.rung();
    }
  }

  /** Removes the nodes of a round that everybody has left, and begins the next one. */
  async #close(round: Round, signal: AbortSignal): Promise<void> {
    const close = () => {
      const tx = this.#zk.multi().set(this.path, String(round.number + 1), { version: round.version });
      for (const path of [join(round.path, 'ready'), round.members, parentOf(round.members)]) tx.delete(path);
      return tx.commit({ signal });
    };
    await this.#ignoring(['NotEmpty', 'NoNode', 'BadVersion'], close, signal);
  }

  async #ignoring(
    codes: readonly ('NodeExists' | 'NoNode' | 'BadVersion' | 'NotEmpty')[],
    work: () => Promise<unknown>,
    signal?: AbortSignal,
  ): Promise<void> {
    try {
      await insist(this.#zk, work, signal);
    } catch (error) {
      if (!codes.some((code) => ZkError.is(error, code))) throw error;
    }
  }
}

/** The double barrier at a path. */
export const doubleBarrier = (zk: Client, path: string, options: DoubleBarrierOptions): DoubleBarrier =>
  new DoubleBarrier(zk, path, options);
