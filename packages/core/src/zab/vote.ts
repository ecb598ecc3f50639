// A vote says whom a server would follow and how far that candidate's history reaches. Votes are ordered, so that all
// servers that hear the same votes end with the same one; and they are compared for counting, more loosely once the
// voters have made up their minds.

import type { ElectionState, Zxid } from '@corral/protocol';

/** A vote for somebody. */
export interface Vote {
  readonly leader: number;
  /** End of the candidate's history. */
  readonly zxid: Zxid;
  /** The election it was cast in, by the voter's logical clock. */
  readonly round: number;
  /** The candidate's current epoch; the epoch of the leader once that is established. */
  readonly peerEpoch: number;
}

/** A vote as it was heard, with the state of the voter. */
export interface HeardVote extends Vote {
  readonly state: ElectionState;
  /** Of the message: 0 stands for old releases, which say less. */
  readonly version: number;
}

/**
 * Whether `vote` is to be preferred: the longer history wins, then the larger server id. A candidate without weight
 * never does. The round has no part in it: votes of different rounds are not compared.
 */
export function isBetter(vote: Vote, than: Vote | undefined, weight: (sid: number) => number): boolean {
  if (weight(vote.leader) === 0) return false;
  if (than === undefined) return true;
  if (vote.peerEpoch !== than.peerEpoch) return vote.peerEpoch > than.peerEpoch;
  if (vote.zxid !== than.zxid) return vote.zxid > than.zxid;
  return vote.leader > than.leader;
}

/** Who has cast an equal vote; `isOwn` says so for this server. */
export function supportersIn(
  votes: ReadonlyMap<number, HeardVote>,
  vote: HeardVote,
  self: number,
  isOwn: boolean,
): (sid: number) => boolean {
  return (sid) => {
    if (sid === self) return isOwn;
    const other = votes.get(sid);
    return other !== undefined && isEqualVote(other, vote);
  };
}

/**
 * Whether two votes count as the same. Among servers that follow or lead, zxid and round may differ: each has them from
 * the election it took part in.
 */
export function isEqualVote(a: HeardVote, b: HeardVote): boolean {
  if (a.leader !== b.leader) return false;
  if (a.state === 'looking' || b.state === 'looking') {
    return a.zxid === b.zxid && a.round === b.round && a.peerEpoch === b.peerEpoch;
  }
  return a.version > 0 !== b.version > 0 || a.peerEpoch === b.peerEpoch;
}
