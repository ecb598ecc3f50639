// What a member has asked of its disk beside appending to the log, by number, until the answer comes. Numbers grow, and the
// disk takes one operation after the other: the highest that is done stands for all before it. What an operation has made
// true stays true whatever role this server is in by then; how its role wanted to go on counts only while that role lasts.

import type { DiskOp } from '../effects.ts';

interface PendingOp {
  /** What is true from now on, whatever the role. */
  readonly record: () => void;
  /** How its role goes on, if it is still the same. */
  readonly then: () => void;
}

export class DiskOps {
  /** Last operation reported done, all before it included. */
  durable: DiskOp = 0;
  #last: DiskOp = 0;
  /** Counts the roles; what belongs to an earlier one is stale. */
  #term = 0;
  readonly #keepsStale: boolean;
  readonly #pending = new Map<DiskOp, PendingOp>();
  readonly #whenLogged: (() => void)[] = [];

  /** `keepsStale`: the defect A39. */
  constructor(keepsStale: boolean) {
    this.#keepsStale = keepsStale;
  }

  /** The next role: what the last one waits for does not come to it. */
  nextTerm(): void {
    this.#term++;
  }

  /** Skipped when the role has ended meanwhile. */
  inThisTerm(then: () => void): () => void {
    const term = this.#term;
    return () => {
      if (term === this.#term || this.#keepsStale) then();
    };
  }

  /** A number for an operation that is awaited elsewhere. */
  next(): DiskOp {
    return ++this.#last;
  }

  start(record: () => void, then: () => void = nothing): DiskOp {
    this.#pending.set(++this.#last, { record, then: this.inThisTerm(then) });
    return this.#last;
  }

  get areDone(): boolean {
    return this.#pending.size === 0;
  }

  finished(op: DiskOp): void {
    this.durable = Math.max(this.durable, op);
    const pending = this.#pending.get(op);
    this.#pending.delete(op);
    pending?.record();
    pending?.then();
  }

  /** `then` is called when the log is said to be on disk the next time. */
  whenLogged(then: () => void): void {
    this.#whenLogged.push(this.inThisTerm(then));
  }

  logged(): void {
    for (const then of this.#whenLogged.splice(0)) then();
  }
}

const nothing = (): void => undefined;
