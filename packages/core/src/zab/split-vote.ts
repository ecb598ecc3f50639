// A split vote: a quorum takes part in an election and does not agree, because not all hear the same servers, or some know
// of a candidate that it cannot be reached. It may be anybody's candidate that stands in the way, and if all gave theirs up
// at once they would only change places; so first those act whose vote alone is missing to another candidate, and after
// them one server after the other.

import type { Quorums } from './quorum.ts';

/** Who agrees does so within a few round trips; after this the vote is taken for split, and after as long again still. */
export const splitMs = 2000;

export class SplitVote {
  readonly #self: number;
  readonly #quorums: () => Quorums;
  readonly #takePart = new Set<number>();
  #attempts = 0;
  /** When the next attempt is made to end it. */
  at = Infinity;

  constructor(self: number, quorums: () => Quorums) {
    this.#self = self;
    this.#quorums = quorums;
  }

  clear(): void {
    this.#takePart.clear();
    this.#attempts = 0;
    this.at = Infinity;
  }

  /** A server has voted, in whatever round. */
  heard(from: number, now: number): void {
    this.#takePart.add(from);
    const isQuorum = this.#quorums().isQuorum((sid) => sid === this.#self || this.#takePart.has(sid));
    if (this.at === Infinity && isQuorum) this.at = now + splitMs;
  }

  /** Another attempt: whether it is this server's turn to give up its candidate for no other reason. The first is nobody's. */
  attempt(now: number): boolean {
    const { voters } = this.#quorums();
    this.at = now + splitMs;
    return this.#attempts++ % (voters.length + 1) === voters.indexOf(this.#self) + 1;
  }
}
