// Discovery, the leader's side: a new epoch, higher than any that a quorum has promised to take part in, and the
// assurance that nobody in that quorum knows a longer history than this leader. The epoch is durable here before anyone is
// told of it; a learner's promise is durable there before its ACKEPOCH leaves.

import { epochMax } from '@corral/protocol';
import type { Epoch, Zxid } from '@corral/protocol';

/**
 * How far a claimed epoch may be ahead of what this server has promised, to be counted at once. A voter is a few failed
 * elections ahead; one that is further takes several discoveries (epoch-claims.ts), and no stranger uses the epochs up.
 */
export const epochStepMax = 64;

export class Discovery {
  readonly #self: number;
  readonly #isQuorum: (has: (sid: number) => boolean) => boolean;
  readonly #start: number;
  #highest: number;
  readonly #followers = new Set<number>();
  readonly #promises = new Set<number>();
  /** Undefined until a quorum is there. */
  epoch: Epoch | undefined;
  isPromised = false;

  /** `start`: what this server has promised, or what it knows of others' promises. */
  constructor(self: number, start: number, isQuorum: (has: (sid: number) => boolean) => boolean) {
    this.#self = self;
    this.#isQuorum = isQuorum;
    this.#start = this.#highest = start;
    this.#followers.add(self);
    this.#promises.add(self);
  }

  /** Whether a claimed accepted epoch is near enough to be counted. */
  isPlausible(accepted: number): boolean {
    return accepted >= 0 && accepted <= this.#start + epochStepMax && accepted < epochMax;
  }

  /** A member connected that has promised `accepted`. True when the epoch is fixed by this. */
  followerInfo(sid: number, accepted: number): boolean {
    if (this.epoch !== undefined || this.#highest >= epochMax) return false;
    this.#highest = Math.max(this.#highest, accepted);
    this.#followers.add(sid);
    if (!this.#isQuorum((candidate) => this.#followers.has(candidate))) return false;
    this.epoch = (this.#highest + 1) as Epoch;
    return true;
  }

  /** Whether no epoch is left after what was promised. */
  get isUsedUp(): boolean {
    return this.epoch === undefined && this.#highest >= epochMax;
  }

  /** A member has promised the epoch just now. True when a quorum has by this. */
  ackEpoch(sid: number): boolean {
    if (this.isPromised) return false;
    this.#promises.add(sid);
    this.isPromised = this.#isQuorum((candidate) => this.#promises.has(candidate));
    return this.isPromised;
  }

  /** A member that has gone counts no more; `hasGreeted`, `hasPromised`: it has done so on another connection. */
  lost(sid: number, hasGreeted: boolean, hasPromised: boolean): void {
    if (sid === this.#self) return;
    if (this.epoch === undefined && !hasGreeted) this.#followers.delete(sid);
    if (!this.isPromised && !hasPromised) this.#promises.delete(sid);
  }
}

/** Whether a history (its epoch, its end) is ahead of another: such a server must not follow. */
export const isAhead = (epoch: number, zxid: number, ownEpoch: number, ownZxid: Zxid): boolean =>
  epoch > ownEpoch || (epoch === ownEpoch && zxid > ownZxid);
