// Claims of epochs that a leader cannot grant. A voter that has promised a later epoch may not follow a leader of an
// earlier one. It comes back into the ensemble with the next discovery, which goes beyond its promise; but whoever reaches
// the port can claim to be that voter, so a claim by itself ends no leadership and moves no epoch far:
//
// - a leader that has its quorum goes on leading. When a voter has been waiting outside for long, by its claims and by its
//   votes on the election port, the leader begins a new epoch in the manner of a hand-over, which clients do not notice;
// - the new epoch goes as far as the claims say, by limited steps: after as many discoveries as it takes, the voter is in.
//
// A leader that finds no quorum takes the claims into its next discovery for the same reason.

import { epochMax } from '@corral/protocol';

/** How far a claim takes the epoch in one discovery. */
const stepMax = 1024;
/** In units of initLimit: how long a voter has to wait outside, and how long a claim is remembered. */
const patience = 3;
const memory = 6;
/** Between two epochs that are begun for the sake of a claim, in units of initLimit; each time twice as long. */
const pauseMin = 30;
const pauseMax = 7200;

interface Claim {
  accepted: number;
  readonly since: number;
  last: number;
}

export class EpochClaims {
  readonly #unitMs: number;
  readonly #claims = new Map<number, Claim>();
  /** The next discovery begins here. */
  #floor = 0;
  #notBefore = -Infinity;
  #pause = pauseMin;

  constructor(initLimitMs: number) {
    this.#unitMs = initLimitMs;
  }

  /** Somebody says that it is voter `sid` and has promised the epoch `accepted`. */
  heard(sid: number, accepted: number, now: number): void {
    if (accepted >= epochMax) return;
    const claim = this.#claims.get(sid);
    if (claim === undefined || now - claim.last > memory * this.#unitMs)
      return void this.#claims.set(sid, { accepted, since: now, last: now });
    claim.accepted = accepted;
    claim.last = now;
  }

  /** The voter follows the leader: it waits for nothing. */
  isIn(sid: number): void {
    this.#claims.delete(sid);
    if (this.#claims.size === 0) this.#floor = 0;
  }

  /** The voter for whose sake an established leader should begin a new epoch now. `lookedAt`: when it last looked for one. */
  due(now: number, lookedAt: (sid: number) => number): number | undefined {
    if (this.#claims.size === 0 || now < this.#notBefore) return undefined;
    const patienceMs = patience * this.#unitMs;
    for (const [sid, { since, last }] of this.#claims) {
      if (now - last > patienceMs) this.#claims.delete(sid);
      else if (now - since >= patienceMs && lookedAt(sid) > since && now - lookedAt(sid) < patienceMs) return sid;
    }
    return undefined;
  }

  /** The next discovery begins where the claims are, as far as a step goes beyond the epoch `accepted` here or the last step. */
  adopt(accepted: number): void {
    let claimed = 0;
    for (const claim of this.#claims.values()) claimed = Math.max(claimed, claim.accepted);
    this.#floor = Math.min(claimed, Math.max(accepted, this.#floor) + stepMax);
  }

  /** A new epoch is begun for a claim: the next one has to wait. */
  granted(now: number): void {
    this.#notBefore = now + this.#pause * this.#unitMs;
    this.#pause = Math.min(this.#pause * 2, pauseMax);
  }

  /** Where a discovery begins at least. */
  floor(now: number): number {
    for (const [sid, { last }] of this.#claims) if (now - last > memory * this.#unitMs) this.#claims.delete(sid);
    if (this.#claims.size === 0) this.#floor = 0;
    return this.#floor;
  }
}
