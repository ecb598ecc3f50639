// Between a term that has ended as planned and the next one: clients' connections wait, and go on only under the leader
// that was announced, in the very next epoch. The successor takes over which server each session is at.

import type { Epoch, HandOver } from '@corral/protocol';

type Owners = HandOver['owners'];

/** How long clients' connections are kept without a leader. */
const keptMsMax = 1000;

export class Succession {
  readonly #keptMs: number;
  #announced: { readonly over: HandOver; readonly epoch: Epoch } | undefined;
  /** When it is given up; Infinity while there is none. */
  deadline = Infinity;

  constructor(syncLimitMs: number) {
    this.#keptMs = Math.min(keptMsMax, syncLimitMs);
  }

  get isPending(): boolean {
    return this.#announced !== undefined;
  }

  /** The term of `epoch` is over. */
  announce(over: HandOver, epoch: Epoch, now: number): void {
    this.#announced = { over, epoch };
    this.deadline = now + this.#keptMs;
  }

  /** A role begins: where the sessions are, if it is the one that was announced. */
  take(leader: number, epoch: number, now: number): Owners | undefined {
    const { over, epoch: ended } = this.#announced ?? {};
    const isInTime = now < this.deadline;
    this.#forget();
    if (over === undefined || ended === undefined || !isInTime) return undefined;
    return leader === over.successor && epoch === ended + 1 ? over.owners : undefined;
  }

  /** True once, when nobody leads as was announced. */
  hasFailed(now: number): boolean {
    if (now < this.deadline) return false;
    this.#forget();
    return true;
  }

  #forget(): void {
    this.#announced = undefined;
    this.deadline = Infinity;
  }
}
