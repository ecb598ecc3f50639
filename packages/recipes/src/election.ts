// Leader election: candidates stand in line, the first one leads for a term. Shares its line with Curator's LeaderLatch.

import { ZkError } from '@corral/client';
import type { Client } from '@corral/client';
import type { Contender } from './kernel/identity.ts';
import { Hold } from './kernel/hold.ts';
import { contendersOf, takeTurn } from './kernel/line.ts';
import type { LineOptions, LineSpec } from './kernel/line.ts';
import { electionNames } from './kernel/names.ts';
import type { Names } from './kernel/names.ts';
import type { CallSignal } from './kernel/parents.ts';
import { patient, quietly } from './kernel/patience.ts';
import { join } from './kernel/paths.ts';
import { Vigil } from './kernel/vigil.ts';
import { checkRecipe, lineChecks, namesCheck, signalOf } from './kernel/options.ts';
import type { Checks } from './kernel/options.ts';

/** Options of an election. */
export interface ElectionOptions extends LineOptions {
  readonly names?: Names | undefined;
}

const known: Checks<ElectionOptions> = { ...lineChecks, names: namesCheck };

/** A term of office. `signal` aborts the moment that it is over; whoever leads must stop then. */
export class Term implements AsyncDisposable {
  readonly #hold: Hold;

  constructor(hold: Hold) {
    this.#hold = hold;
  }

  /** Grows with every term: a fencing token. */
  get number(): bigint {
    return this.#hold.token;
  }
  /** Aborts when the term is over. */
  get signal(): AbortSignal {
    return this.#hold.signal;
  }
  /** Throws a LostError once it is lost. Asks the clock itself: no timer fires while the event loop is blocked. */
  throwIfLost(): void {
    this.#hold.throwIfLost();
  }
  /** Adds to a transaction that it must not happen unless the term still lasts. */
  guard: Hold['guard'] = (tx) => this.#hold.guard(tx);

  /** Asks a server whether the term still lasts. */
  verify(): Promise<boolean> {
    return this.#hold.verify();
  }

  /** Steps down. */
  resign(): Promise<void> {
    return this.#hold.release();
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.resign();
  }
}

/** An election among all processes. Made by `election`. */
export class Election {
  /** Path of its node. */
  readonly path: string;
  readonly #zk: Client;
  readonly #spec: LineSpec;

  constructor(zk: Client, path: string, options: ElectionOptions = {}) {
    checkRecipe('an election', { zk, path, options }, known);
    this.#zk = zk;
    this.path = path;
    const names = electionNames(options.names);
    this.#spec = { ...options, dir: path, names, hold: (client, own) => new Hold(client, own, options) };
  }

  /** Waits until this candidate leads. */
  async campaign(options: CallSignal = {}): Promise<Term> {
    const signal = signalOf('campaign', options);
    return new Term(await takeTurn(this.#zk, this.#spec, signal));
  }

  /**
   * One term after the other. The candidate stands again only when the body of the loop is done with the last term, so
   * that work of an old term never runs beside that of a new one in this process. Ends when `signal` aborts.
   */
  terms(options: CallSignal = {}): AsyncGenerator<Term, void> {
    const signal = signalOf('terms', options);
    return quietly(signal, this.#terms(signal));
  }

  async *#terms(signal: AbortSignal | undefined): AsyncGenerator<Term, void> {
    for (;;) {
      await using term = new Term(await takeTurn(patient(this.#zk), this.#spec, signal));
      yield term;
    }
  }

  /** Leads with `work` whenever elected, until it returns while the term is its own. Returns what it returned. */
  async run<R>(work: (term: Term) => Promise<R> | R, options: CallSignal = {}): Promise<R> {
    const signal = signalOf('run', options);
    for (let zk = this.#zk; ; zk = patient(zk)) {
      await using term = new Term(await takeTurn(zk, this.#spec, signal));
      try {
        return await work(term);
      } catch (error) {
        // Work that was cut short by the end of its term is taken up again with the next one.
        if (signal?.aborted === true || (await term.verify())) throw error;
      }
    }
  }

  /** Who leads; null when nobody stands. */
  async current(options: CallSignal = {}): Promise<Contender | null> {
    const signal = signalOf('current', options);
    return (await this.candidates({ signal }))[0] ?? null;
  }

  /** Everybody who stands, the leader first. */
  async candidates(options: CallSignal = {}): Promise<Contender[]> {
    const signal = signalOf('candidates', options);
    return await contendersOf(this.#zk, this.path, this.#spec.names.bases, signal);
  }

  /** The leader now, then every other one; null while there is none. Ends when `signal` aborts. */
  observe(options: CallSignal = {}): AsyncGenerator<Contender | null, void> {
    const signal = signalOf('observe', options);
    return quietly(signal, this.#observe(signal));
  }

  async *#observe(signal: AbortSignal | undefined): AsyncGenerator<Contender | null, void> {
    using vigil = new Vigil(this.#zk, this.path, signal);
    let last: string | null | undefined;
    for (;;) {
      const leader = await this.#look(vigil);
      if ((leader?.node ?? null) !== last) {
        last = leader?.node ?? null;
        yield leader;
      }
      await vigil.rung();
    }
  }

  /** Finds the leader and watches what its end will be seen by: its node, or the line while that is empty. */
  async #look(vigil: Vigil): Promise<Contender | null> {
    const watched = { watch: vigil.ring, signal: vigil.signal };
    const zk = patient(this.#zk);
    const current = async (): Promise<Contender | null> =>
      (await contendersOf(zk, this.path, this.#spec.names.bases, vigil.signal))[0] ?? null;
    for (;;) {
      const leader = await current();
      try {
        if (leader !== null) {
          await zk.get(join(this.path, leader.node), watched);
          return leader;
        }
        const { children } = await zk.children(this.path, watched);
        if (children.length === 0) return null;
        if ((await current()) === null) return null;
      } catch (error) {
        if (!ZkError.is(error, 'NoNode')) throw error;
        // The line itself is not there: its creation is the next thing to hear of.
        if (leader === null && (await zk.exists(this.path, watched)) === null) return null;
      }
    }
  }
}

/** The election at a path: `for await (const term of election(zk, '/svc/leader').terms({ signal })) …`. */
export const election = (zk: Client, path: string, options: ElectionOptions = {}): Election =>
  new Election(zk, path, options);
