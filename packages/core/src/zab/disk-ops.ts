// What a member has asked of its disk beside appending to the log, by number, until the answer comes. Numbers grow, and the
// disk takes one operation after the other: the highest that is done stands for all before it.

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
  readonly #pending = new Map<DiskOp, PendingOp>();

  /** A number for an operation that is awaited elsewhere. */
  next(): DiskOp {
    return ++this.#last;
  }

  start(record: () => void, then: () => void): DiskOp {
    this.#pending.set(++this.#last, { record, then });
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
}
