// Fast leader election: how servers that have no leader agree on a candidate whose history is at least as long as that of
// a quorum. Every server first votes for itself, tells all voters, and takes over any better vote that it hears; when a
// quorum has cast the vote it holds, the election is decided. A round numbers the elections, so that votes of an earlier
// one do not count. The outcome is only a hint: discovery makes sure of it, so a wrong one costs time and nothing else.
//
// In every other state this machine answers those that are looking with the vote of the established leader. It knows
// neither connections (election-mesh.ts) nor what a role does (peer.ts).

import { ballotNone, sameMembers, zxidNone, zxidZero } from '@corral/protocol';
import type { Ballot, ElectionState, Notification } from '@corral/protocol';
import type { ElectionOptions, Reach } from './election-options.ts';
import { FailedCandidates } from './failed-candidates.ts';
import { HeardConfigs } from './heard-configs.ts';
import type { Proof } from './heard-configs.ts';
import { EmptyVoters, whyItWaits } from './new-ensemble.ts';
import type { Supporters } from './quorum.ts';
import { SplitVote, splitMs } from './split-vote.ts';
import { isBetter, isEqualVote, supportersIn } from './vote.ts';
import type { HeardVote, Vote } from './vote.ts';

/** A round further ahead than this was not reached by counting. */
const roundStepMax = 2 ** 32;
const roundMax = 2 ** 52;
/** Repeats of a vote, each after twice the time, before silence is worth a line. */
const patienceSteps = 8;
/** While looking, a server without a vote is answered no more often than this. */
const answerPauseMs = 20;
/** What an operator should look at. */
const differ = ': the server lines of the two may differ';
/** Senders remembered although no configuration names them. */
const sendersMax = 64;

export class Election {
  /** The logical clock: number of the last election this server took part in. In memory only; the others pull it up. */
  round = 0;
  readonly #o: ElectionOptions;
  readonly #configs: HeardConfigs;
  readonly #emptyVoters = new EmptyVoters();
  #isLooking = false;
  #isNewEnsemble = false;
  /** Role and vote of the present leadership, told to those that look for it. Undefined: there is none. */
  #settled: { readonly state: ElectionState; readonly vote: Vote; readonly isEstablished: boolean } | undefined;
  /** Members that asked and are told when the leadership is established. */
  readonly #askers = new Set<number>();
  /** When voters asked, by server. */
  readonly #lookedAt = new Map<number, number>();
  /** Whether this server was in a working ensemble before: then its connections are there already. */
  #wasEstablished = false;
  /** Elections since then. */
  #elections = 0;
  readonly #failed = new FailedCandidates();
  readonly #split: SplitVote;
  /** Who was heard to lead while this server saw no quorum for it. Looking again, it has led in vain. */
  readonly #heardLeading = new Set<number>();

  // Of one election.
  #own: Reach | undefined;
  /** Whether this server's vote counts. */
  #isCounted = false;
  #first: Vote | undefined;
  #proposal: Vote | undefined;
  /** Votes of this round. */
  readonly #received = new Map<number, HeardVote>();
  /** Votes of servers that have a leader, whatever the round. */
  readonly #outOfElection = new Map<number, HeardVote>();
  /** Who has taken part in this round and is connected to this server. */
  readonly #heard = new Set<number>();
  /** Who has been connected to this server, looking; once is enough to ask everybody soon. */
  readonly #met = new Set<number>();
  readonly #answered = new Map<number, number>();
  readonly #noted = new Set<number>();
  #waitMs = 0;
  #silenceAt = Infinity;
  #finalizeAt = Infinity;

  constructor(options: ElectionOptions) {
    this.#o = options;
    this.#split = new SplitVote(options.sid, options.quorums);
    const proof = (sid: number): Proof => options.proof?.(sid) ?? 'none';
    this.#configs = new HeardConfigs(options.sid, proof, (from, reason) => {
      this.#noteOnce(from, `server ${from} sent a configuration that cannot be read: ${reason}`);
    });
  }

  get isLooking(): boolean {
    return this.#isLooking;
  }

  /** When the next tick is wanted. */
  get deadline(): number {
    return this.#isLooking ? Math.min(this.#silenceAt, this.#finalizeAt, this.#split.at) : Infinity;
  }

  /** When a voter was last heard to look for a leader while this server had one. */
  lookedAt(sid: number): number {
    return this.#lookedAt.get(sid) ?? -Infinity;
  }

  // What the owner tells.

  /** Starts an election. */
  look(now: number): void {
    this.round = Math.min(this.round + 1, roundMax);
    this.#isLooking = true;
    this.#elections++;
    this.#settled = undefined;
    this.#outOfElection.clear();
    this.#answered.clear();
    this.#met.clear();
    this.#heardLeading.clear();
    this.#noted.clear();
    this.#configs.clear();
    this.#waitMs = this.#o.minMs;
    this.#silenceAt = now + this.#waitMs;
    this.#vote();
    this.#startRound();
    this.#broadcast();
    this.#tryNewEnsemble(now);
    this.#check(now);
  }

  /** This server has entered a role, by the vote that was decided or, with another leader, by a reconfiguration. */
  settled(state: 'leading' | 'following' | 'observing', leader: number): void {
    this.#stopLooking();
    const decided = this.#settled?.vote;
    const vote = decided?.leader === leader ? decided : this.#designated(leader);
    this.#settled = { state, vote, isEstablished: false };
  }

  /** A quorum follows the leader, in this epoch. */
  established(epoch: number): void {
    if (this.#settled === undefined) return;
    const { state, vote } = this.#settled;
    this.#settled = { state, vote: { ...vote, peerEpoch: epoch }, isEstablished: true };
    this.#wasEstablished = true;
    this.#elections = 0;
    this.#failed.clear();
    for (const sid of [...this.#askers].sort((a, b) => a - b)) this.#answer(sid);
    this.#askers.clear();
  }

  /** The role has ended and the next election has not begun: there is nothing to tell. */
  left(): void {
    this.#settled = undefined;
  }

  /** The outcome of the election was of no use: the leader could not be reached, or it was and announced no epoch. */
  didNotLead(sid: number, wasReached: boolean, costMs: number, now: number): void {
    if (wasReached) this.#failed.unused(sid, costMs, now);
    else this.#failed.unreachable(sid, costMs, now);
  }

  /** A connection came up: the other end learns this server's vote of now. */
  connected(sid: number, now: number): void {
    this.#emptyVoters.connected(sid);
    if (!this.#o.quorums().isVoter(sid)) return;
    this.#answer(sid);
    if (!this.#isLooking || this.#met.has(sid)) return;
    this.#met.add(sid);
    this.#waitMs = this.#o.minMs;
    this.#silenceAt = Math.min(this.#silenceAt, now + this.#waitMs);
  }

  tick(now: number): void {
    if (!this.#isLooking) return;
    if (now >= this.#finalizeAt) return this.#decide(this.#proposal!);
    if (now >= this.#split.at) this.#endSplit(now);
    if (now < this.#silenceAt) return;
    this.#waitMs = Math.min(this.#waitMs * 2, this.#o.maxMs);
    this.#silenceAt = now + this.#waitMs;
    this.#broadcast();
    if (this.#isUnknown && this.#waitMs >= patienceSteps * this.#o.minMs) this.#noteWaiting();
  }

  /** Without this an operator who starts a new ensemble with one server missing would see nothing happen. */
  #noteWaiting(): void {
    const { sid, quorums } = this.#o;
    const missing = this.#emptyVoters.missing(quorums().voters, sid);
    this.#noteOnce(sid, whyItWaits((this.#own?.peerEpoch ?? 0) > 0, missing));
  }

  // What the others tell.

  /** `from` is the server at the other end of the connection; what it says is not to be trusted. */
  receive(from: number, notification: Notification, now: number): void {
    if (from === this.#o.sid) return;
    if (this.#isLooking && this.#takeConfig(from, notification, now)) return;
    if (!this.#o.quorums().isVoter(from)) return this.#answerNonVoter(from, now);
    this.#emptyVoters.heard(from, notification);
    if (!this.#isLooking) {
      if (notification.state !== 'looking') return;
      this.#lookedAt.set(from, now);
      return this.#asked(from);
    }
    this.#silenceAt = now + this.#waitMs;
    if (notification.state === 'looking') this.#hearLooking(from, notification, now);
    else if (notification.state !== 'observing') this.#hearSettled(from, notification, now);
  }

  /** A looking server that hears of a newer configuration brings it into force and starts again. */
  #takeConfig(from: number, { config: text }: Notification, now: number): boolean {
    const before = this.#o.quorums().committed;
    const config = this.#configs.newer(from, text, this.#o.quorums());
    if (config === undefined || !this.#o.newerConfig(config)) return false;
    const { committed } = this.#o.quorums();
    if (committed.version <= before.version || sameMembers(committed.config, before.config)) return false;
    this.look(now);
    return true;
  }

  #hearLooking(from: number, notification: Notification, now: number): void {
    if (notification.zxid === zxidNone) {
      if (this.#isCounted && notification.round <= this.round) this.#answer(from);
      return this.#tryNewEnsemble(now);
    }
    const vote = this.#voteIn(from, notification);
    if (vote === undefined || !this.#isPlausible(from, vote.round)) return;
    // Others do not hear the round of whoever names nobody, so they would never come to it: it comes to them.
    if (vote.round < this.round && this.#proposal !== undefined) {
      if (this.#isCounted) this.#answer(from);
      return;
    }
    const isNewRound = vote.round !== this.round;
    if (isNewRound) {
      if (this.#heardLeading.delete(from)) this.#failed.unused(from, 0, now);
      this.round = vote.round;
      this.#startRound();
    }
    this.#heard.add(from);
    if (this.#isCounted) this.#split.heard(from, now);
    this.#received.set(from, vote);
    if (this.#prefers(vote, now)) {
      const { leader, zxid, round, peerEpoch } = vote;
      this.#proposal = { leader, zxid, round, peerEpoch };
      this.#finalizeAt = Infinity;
      this.#broadcastVote();
    } else if (isNewRound) this.#broadcastVote();
    else if (this.#isCounted && this.#proposal !== undefined && isBetter(this.#proposal, vote, this.#weight)) {
      // It may have been elsewhere when this server's vote was sent to all.
      this.#answer(from);
    }
    this.#tryNewEnsemble(now);
    this.#check(now);
  }

  #hearSettled(from: number, notification: Notification, now: number): void {
    const vote = this.#voteIn(from, notification);
    if (vote === undefined) return;
    if (vote.state === 'leading' && vote.leader === from && !this.#heardLeading.has(from)) {
      this.#heardLeading.add(from);
      // Its followers tell this only to who asks, and it may need this server as well.
      this.#waitMs = this.#o.minMs;
      this.#silenceAt = now + this.#waitMs;
    }
    if (vote.round === this.round) {
      this.#received.set(from, vote);
      if (this.#isChosen(this.#received, vote, this.#ownVoteEquals(vote))) return this.#decide(vote);
    }
    this.#outOfElection.set(from, vote);
    if (!this.#isChosen(this.#outOfElection, vote, false)) return;
    if (vote.round >= 0 && this.#isPlausible(from, vote.round)) this.round = vote.round;
    this.#decide(vote);
  }

  /** Whether a quorum has this vote, and the leader itself says that it leads. */
  #isChosen(votes: ReadonlyMap<number, HeardVote>, vote: HeardVote, isOwn: boolean): boolean {
    const { sid } = this.#o;
    const isLeader =
      vote.leader === sid ? this.#isCounted && vote.round === this.round : votes.get(vote.leader)?.state === 'leading';
    const quorums = this.#o.quorums();
    // A proposed configuration that only this server may know of is no reason to stay away from whoever leads.
    const needed = vote.leader === sid ? quorums : quorums.committed;
    return isLeader && needed.isQuorum(supportersIn(votes, vote, sid, isOwn));
  }

  #ownVoteEquals(vote: HeardVote): boolean {
    const own = this.#proposal;
    return this.#isCounted && own !== undefined && isEqualVote({ ...own, state: 'looking', version: 2 }, vote);
  }

  /** The vote that a notification casts, if it is for somebody who can be elected. */
  #voteIn(from: number, notification: Notification): HeardVote | undefined {
    const { state, leader, zxid, round, peerEpoch, version } = notification;
    if (leader === undefined || zxid === undefined) return undefined;
    if (!this.#o.quorums().isVoter(leader)) {
      this.#noteOnce(from, `server ${from} votes for server ${leader}, which is no voter here${differ}`);
      return undefined;
    }
    return { state, leader, zxid, round, peerEpoch: peerEpoch ?? ballotNone, version };
  }

  /** Whether a round may become this server's; one absurdly high would leave no room to count on. */
  #isPlausible(from: number, round: number): boolean {
    if (round <= this.round + roundStepMax && round <= roundMax) return true;
    this.#noteOnce(from, `server ${from} claims election round ${round}, far from ${this.round}: its vote is ignored`);
    return false;
  }

  /** Whether this vote is taken over: a better one, or another when this server gave itself up. */
  #prefers(vote: Vote, now: number): boolean {
    const own = this.#proposal;
    if (!this.#isHeard(vote.leader) || this.#failed.isPassedOver(vote.leader, now)) return false;
    const isGivenUp = own !== undefined && this.#failed.isPassedOver(own.leader, now);
    return isBetter(vote, isGivenUp ? { ...own, leader: -1 } : own, this.#weight);
  }

  #isHeard(leader: number): boolean {
    if (leader === this.#o.sid) return this.#isCounted;
    return this.#failed.hearsayElects || this.#heard.has(leader);
  }

  readonly #weight = (sid: number): number => this.#o.quorums().weight(sid);

  // The own vote.

  /** The vote this server starts each round with. */
  #vote(): void {
    const { sid, ownVote } = this.#o;
    const quorums = this.#o.quorums();
    this.#own = ownVote() ?? (this.#isNewEnsemble ? { zxid: zxidZero, peerEpoch: 0 } : undefined);
    const isKnown = this.#own !== undefined && this.#own.zxid !== zxidNone;
    this.#isCounted = isKnown && quorums.isVoter(sid);
    this.#first =
      isKnown && quorums.committed.isVoter(sid) ? { leader: sid, round: this.round, ...this.#own! } : undefined;
  }

  #startRound(): void {
    this.#received.clear();
    this.#heard.clear();
    this.#finalizeAt = Infinity;
    if (this.#first !== undefined) this.#first = { ...this.#first, round: this.round };
    this.#proposal = this.#first;
  }

  /** A voter that cannot say what it has acknowledged: it takes no part, but may follow. */
  get #isUnknown(): boolean {
    return !this.#isCounted && this.#o.quorums().isVoter(this.#o.sid);
  }

  /** When all voters are empty, nothing can be lost: this server votes. */
  #tryNewEnsemble(now: number): void {
    const { voters } = this.#o.quorums();
    if (!this.#isUnknown || (this.#own?.peerEpoch ?? 0) > 0) return;
    if (this.#emptyVoters.missing(voters, this.#o.sid).length > 0) return;
    this.#isNewEnsemble = true;
    this.#o.note('info', 'all voters are empty: this is a new ensemble');
    this.#o.newEnsemble?.();
    const heard = this.#proposal;
    this.#own = { zxid: zxidZero, peerEpoch: 0 };
    this.#isCounted = true;
    this.#first = { leader: this.#o.sid, round: this.round, ...this.#own };
    this.#proposal = isBetter(this.#first, heard, this.#weight) ? this.#first : heard;
    this.#broadcast();
    this.#check(now);
  }

  #designated(leader: number): Vote {
    return { leader, zxid: this.#o.ownVote()?.zxid ?? zxidNone, round: ballotNone, peerEpoch: ballotNone };
  }

  // The decision.

  #check(now: number): void {
    if (!this.#isLooking || this.#proposal === undefined) return;
    const vote: HeardVote = { ...this.#proposal, state: 'looking', version: 2 };
    const supporters = supportersIn(this.#received, vote, this.#o.sid, this.#isCounted);
    if (!this.#o.quorums().isQuorum(supporters)) this.#finalizeAt = Infinity;
    else if (this.#isUnanimous(vote, supporters)) this.#decide(this.#proposal);
    else this.#finalizeAt = Math.min(this.#finalizeAt, now + this.#o.finalizeMs);
  }

  /**
   * Whether no better vote is to be expected: every voter has this one. When a leader is lost, whoever is not connected
   * is not waited for; at a cold start the connections are yet to come. After an election that came to nothing everybody
   * waits: a server that decides early and in vain would start round after round before the others have decided.
   */
  #isUnanimous(vote: Vote, supporters: Exclude<Supporters, ReadonlySet<number>>): boolean {
    if (this.#elections > 1) return false;
    const { sid, isConnected } = this.#o;
    const mayBeMissing = this.#wasEstablished && (vote.leader === sid || supporters(vote.leader));
    return this.#o
      .quorums()
      .voters.every((voter) => voter === sid || supporters(voter) || (mayBeMissing && !isConnected(voter)));
  }

  /**
   * The vote is split: this server gives up its candidate, which may be itself, when that alone hinders another or when it
   * is its turn. In a new round, because within one a vote only ever gets better.
   */
  #endSplit(now: number): void {
    const isTurn = this.#split.attempt(now);
    const own = this.#proposal;
    if (own === undefined || this.#finalizeAt !== Infinity) return;
    const other = this.#hindered(now);
    if (other === undefined && (!isTurn || own.leader === this.#o.sid)) return;
    this.#failed.notElected(own.leader, splitMs, now);
    if (other !== undefined) this.#failed.forgive(other, now);
    this.round = Math.min(this.round + 1, roundMax);
    this.#startRound();
    this.#broadcast();
  }

  /** A candidate that this server's vote alone is missing to, and whose history is no shorter than the one here. */
  #hindered(now: number): number | undefined {
    const least = this.#first && { ...this.#first, leader: -1 };
    for (const vote of this.#received.values()) {
      const { leader } = vote;
      if (!isBetter(vote, least, this.#weight) || !this.#isHeard(leader) || this.#failed.isOutOfReach(leader, now))
        continue;
      if (this.#o.quorums().isQuorum(supportersIn(this.#received, vote, this.#o.sid, true))) return leader;
    }
    return undefined;
  }

  #decide({ leader, zxid, round, peerEpoch }: Vote): void {
    const { sid } = this.#o;
    const vote = { leader, zxid, round, peerEpoch };
    // A voter to come, of which others have not heard, may not know that there is a leader; and it may be needed.
    const isLate = (voter: number): boolean => voter !== sid && this.#received.get(voter)?.leader !== sid;
    const late = leader === sid ? this.#o.quorums().voters.filter(isLate) : [];
    this.#stopLooking();
    const state = leader === sid ? 'leading' : this.#isCounted ? 'following' : 'observing';
    this.#settled = { state, vote, isEstablished: false };
    for (const voter of late) this.#answer(voter);
    this.#o.decided(vote);
  }

  #stopLooking(): void {
    this.#isLooking = false;
    this.#received.clear();
    this.#outOfElection.clear();
    this.#split.clear();
    this.#silenceAt = this.#finalizeAt = Infinity;
  }

  // Telling the others.

  #broadcast(): void {
    for (const sid of this.#o.quorums().voters) if (sid !== this.#o.sid) this.#answer(sid);
  }

  /** The vote has changed. Who has none that counts tells nobody: asking from time to time is enough. */
  #broadcastVote(): void {
    if (!this.#isUnknown) this.#broadcast();
  }

  #answer(to: number): void {
    const ballot = this.#ballot();
    if (ballot !== undefined) this.#o.send(to, { ...ballot, config: this.#o.quorums().committed.text });
  }

  /** A looking server wants to know who leads. */
  #asked(from: number): void {
    if (this.#settled?.isEstablished !== true && this.#o.quorums().knows(from)) this.#askers.add(from);
    this.#answer(from);
  }

  #answerNonVoter(from: number, now: number): void {
    if (!this.#o.quorums().knows(from)) this.#noteOnce(from, `server ${from} is in no configuration here${differ}`);
    if (this.#isLooking) {
      const last = this.#answered.get(from);
      if (last !== undefined && now - last < answerPauseMs) return;
      if (this.#answered.size >= sendersMax) this.#answered.clear();
      this.#answered.set(from, now);
    }
    this.#asked(from);
  }

  #ballot(): Ballot | undefined {
    const { round } = this;
    if (!this.#isLooking) return this.#settled && { state: this.#settled.state, ...this.#settled.vote };
    const quorums = this.#o.quorums();
    const { sid, peerType } = this.#o;
    if (this.#isUnknown) {
      return { state: 'looking', leader: sid, zxid: zxidNone, round, peerEpoch: this.#own?.peerEpoch ?? 0 };
    }
    if (this.#proposal !== undefined) return { state: 'looking', ...this.#proposal };
    const role = quorums.member(sid)?.role ?? peerType;
    const reach = role === 'observer' ? undefined : this.#own;
    return { state: 'looking', leader: undefined, zxid: reach?.zxid, round, peerEpoch: reach?.peerEpoch };
  }

  #noteOnce(from: number, message: string): void {
    if (this.#noted.has(from)) return;
    if (this.#noted.size >= sendersMax) this.#noted.clear();
    this.#noted.add(from);
    this.#o.note('warn', message);
  }
}
