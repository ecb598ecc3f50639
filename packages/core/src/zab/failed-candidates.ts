// Candidates that were voted for in vain. A server that cannot be reached may still be heard, directly or from others, and
// would win every election with its long history or large id; so whoever has failed gets no vote for as long as that has
// cost, and twice as long each time it fails again. The servers find this out at different moments: because the times
// grow, there comes one at which all of a majority that can talk to each other do without it. A leader that is established
// makes all this forgotten; and one that a quorum follows is followed, whatever is remembered here.

/** The shortest time without votes. */
const restMinMs = 3000;
/** The longest: it may be the only one that can lead, once it is well again. */
const restMaxMs = 30_000;
/** After so many elections in a row whose winner could not be reached, hearsay does not elect. */
const unreachableMax = 2;

interface Failures {
  readonly times: number;
  /** It gets no vote before. */
  readonly until: number;
  /** The last time, it could not be reached. */
  readonly isOutOfReach: boolean;
}

export class FailedCandidates {
  #unreachable = 0;
  #wasSplit = false;
  readonly #failures = new Map<number, Failures>();

  clear(): void {
    this.#unreachable = 0;
    this.#wasSplit = false;
    this.#failures.clear();
  }

  /** It won, and could not be reached. */
  unreachable(sid: number, costMs: number, now: number): void {
    this.#unreachable++;
    this.#add(sid, costMs, now, true);
  }

  /** It won, was reached, and did not lead. Once that may be bad luck: a quorum came too late. */
  unused(sid: number, costMs: number, now: number): void {
    if (this.#failures.has(sid)) this.#add(sid, costMs, now);
    else this.#failures.set(sid, { times: 1, until: now, isOutOfReach: false });
  }

  /** The votes were split for so long, with this server's for it. */
  notElected(sid: number, costMs: number, now: number): void {
    this.#wasSplit = true;
    this.#add(sid, costMs, now);
  }

  /** It may be tried again at once: more servers vote for it now. */
  forgive(sid: number, now: number): void {
    const failures = this.#failures.get(sid);
    if (failures !== undefined) this.#failures.set(sid, { ...failures, until: now });
  }

  #add(sid: number, costMs: number, now: number, isOutOfReach = false): void {
    const times = (this.#failures.get(sid)?.times ?? 0) + 1;
    const restMs = Math.min(restMaxMs, Math.max(restMinMs, costMs) * 2 ** (times - 1));
    this.#failures.set(sid, { times, until: now + restMs, isOutOfReach });
  }

  isPassedOver(sid: number, now: number): boolean {
    return now < (this.#failures.get(sid)?.until ?? -Infinity);
  }

  /** Passed over, and for a reason that more votes for it do not change. */
  isOutOfReach(sid: number, now: number): boolean {
    return this.isPassedOver(sid, now) && this.#failures.get(sid)!.isOutOfReach;
  }

  /** Whether somebody may be voted for whom this server does not hear itself. */
  get hearsayElects(): boolean {
    return !this.#wasSplit && this.#unreachable < unreachableMax;
  }
}
