// Broadcast, the leader's side, in three steps. Prepare: a transaction is proposed to every learner that has the history,
// and logged here. Accept: a server acknowledges it once it is durable there; this one counts like any other. Decide: when
// a quorum has accepted it and everything before it, it is committed, everywhere in the same order.

import {
  EnsembleConfigError,
  JuteWriter,
  beginPacket,
  endPacket,
  errorCodes,
  nextZxid,
  packetTypes,
  writeCommitAndActivate,
  writeInformAndActivate,
  writePacket,
} from '@corral/protocol';
import type { EnsembleConfig, Zxid } from '@corral/protocol';
import { epochStart } from './history.ts';
import { isFollowed } from './learner-link.ts';
import type { LearnerLink } from './learner-link.ts';
import { QuorumVerifier } from './quorum.ts';
import { nextConfig } from './reconfiguration.ts';
import type { ReconfigRequest } from './reconfiguration.ts';
import type { Ordering, Zab } from './zab.ts';

/** A sync that waits until a majority has answered a ping sent after it. */
interface Confirmation {
  readonly after: Zxid;
  readonly done: () => void;
  /** How many pings each learner must have answered; undefined until they are sent. */
  needed: Map<LearnerLink, number> | undefined;
}

/** A proposed configuration: everything from its transaction on needs quorums of both. */
interface PendingConfig {
  readonly zxid: Zxid;
  readonly config: EnsembleConfig;
}

const streamBytesMin = 4096;
const streamBytesKept = 1 << 20;

export class Broadcast implements Ordering {
  readonly #zab: Zab;
  readonly #learners: ReadonlyMap<number, LearnerLink>;
  readonly #handOver: (designated: number) => void;
  readonly epochStart: Zxid;
  /** What every follower gets, and what every observer gets, in order. */
  #toFollowers = new JuteWriter(streamBytesMin);
  #toObservers = new JuteWriter(streamBytesMin);
  /** Last proposal of this epoch, and the last that was reported to the trace. */
  #proposed: Zxid;
  #traced: Zxid;
  #ownAcked: Zxid;
  /** What this server's own disk is to confirm, and since when. */
  #owes: Zxid;
  #owesSince = Infinity;
  readonly #confirmations: Confirmation[] = [];
  #pending: PendingConfig | undefined;
  /** In the step under way. */
  #hasDecided = false;
  /** Nothing is decided any more: another server was designated to lead. */
  #isOver = false;

  constructor(
    zab: Zab,
    epoch: number,
    learners: ReadonlyMap<number, LearnerLink>,
    handOver: (designated: number) => void,
  ) {
    this.#zab = zab;
    this.#learners = learners;
    this.#handOver = handOver;
    this.epochStart = epochStart(epoch);
    this.#proposed = this.#traced = this.#ownAcked = this.#owes = this.epochStart;
  }

  get lastProposed(): Zxid {
    return this.#proposed;
  }

  /**
   * What keeps this leader from having anything decided. It accepts proposals like its learners: when its disk does not
   * confirm them in time, it must not hinder a majority that can do without it.
   */
  get whyNothingIsDecided(): string | undefined {
    const { now, options, quorums } = this.#zab;
    const isLate = this.#owes > this.#ownAcked && now - this.#owesSince > options.syncLimitMs;
    const counts = !isLate || !quorums.isQuorum((sid) => sid !== options.sid);
    if (quorums.isQuorum((sid) => (sid === options.sid ? counts : isFollowed(this.#learners, sid)))) return undefined;
    return counts ? 'no quorum of followers is connected any more' : 'the disk here does not confirm in time';
  }

  get pendingSyncs(): number {
    return this.#confirmations.length;
  }

  // Prepare.

  begin(zxid: Zxid): JuteWriter {
    if (zxid !== nextZxid(this.#proposed)) throw new Error(`proposal ${zxid} does not follow ${this.#proposed}`);
    return this.#zab.batches.log(zxid);
  }

  end(zxid: Zxid, payload: Uint8Array): void {
    this.#proposed = zxid;
    this.#zab.history.append({ zxid, payload });
    this.#zab.stats.proposed(payload.length);
    writePacket(this.#toFollowers, packetTypes.proposal, zxid, payload);
    this.#zab.requestTurn();
  }

  plan(request: ReconfigRequest, expectedVersion: bigint, zxid: Zxid): EnsembleConfig | number {
    const { quorums, options } = this.#zab;
    const current = quorums.committed.config;
    if (this.#pending !== undefined || quorums.lastSeen !== undefined) return errorCodes.ReconfigInProgress;
    if (expectedVersion !== -1n && expectedVersion !== BigInt(current.version)) return errorCodes.BadVersion;
    try {
      const config = { ...nextConfig(current, request), version: zxid };
      const verifier = new QuorumVerifier(config);
      if (verifier.voters.length < (options.standaloneEnabled ? 2 : 1)) {
        throw new EnsembleConfigError('fewer than two voters would be left, and standaloneEnabled=true');
      }
      return verifier.isQuorum((sid) => sid === options.sid || isFollowed(this.#learners, sid))
        ? config
        : errorCodes.NewConfigNoQuorum;
    } catch (error) {
      if (!(error instanceof EnsembleConfigError)) throw error;
      this.#zab.note('warn', 'a reconfiguration was refused', { reason: error.message });
      return errorCodes.BadArguments;
    }
  }

  /** From the proposal `zxid` on, decisions need quorums of the present configuration and of this one. */
  reconfigure(zxid: Zxid, config: EnsembleConfig): void {
    this.#pending = { zxid, config };
    this.#zab.propose(config);
  }

  turn(): void {
    const { now, options } = this.#zab;
    if (this.#traced < this.#proposed) this.#zab.traced('proposed', options.sid, this.#traced, this.#proposed);
    this.#traced = this.#proposed;
    if (this.#owes <= this.#ownAcked) {
      this.#owes = this.#proposed;
      this.#owesSince = now;
    }
    for (const learner of this.#learners.values()) {
      if (!learner.isForwarded || learner.isObserver || learner.owes > learner.acked) continue;
      learner.owes = this.#proposed;
      learner.owesSince = now;
    }
    this.#pingForConfirmations();
    this.flushStreams();
  }

  // Accept.

  /** This server has everything up to zxid durably. */
  accepted(zxid: Zxid): void {
    if (zxid <= this.#ownAcked) return;
    this.#zab.traced('accepted', this.#zab.options.sid, this.#ownAcked, zxid);
    this.#ownAcked = zxid;
    if (zxid < this.#owes) this.#owesSince = this.#zab.now;
    this.decide();
  }

  /** A learner has. Acknowledgements of one connection arrive in order, so each stands for all before it. */
  acknowledged(learner: LearnerLink, zxid: Zxid): void {
    if (zxid <= learner.acked || zxid > this.#proposed) return;
    learner.acked = zxid;
    if (zxid < learner.owes) learner.owesSince = this.#zab.now;
  }

  // Decide.

  decide(): void {
    const { history } = this.#zab;
    if (this.#isOver) return;
    this.#traceAccepted();
    for (let target = this.#decidable(); target > history.committed; target = this.#decidable()) {
      const pending = this.#pending;
      // A new configuration changes who decides what follows it.
      let end = pending !== undefined && target >= pending.zxid ? pending.zxid : target;
      const asked = this.#confirmations[0]?.after;
      if (asked !== undefined && asked < end) {
        if (this.#isBehind(asked)) end = asked;
        else {
          this.#confirmedByWhatFollows();
          continue;
        }
      }
      // What is decided may be forgotten at once.
      const txn = end === pending?.zxid ? history.at(history.indexAfter(end) - 1)!.payload : undefined;
      this.#commit(end);
      if (pending === undefined || txn === undefined) continue;
      this.#pending = undefined;
      this.#activate(pending, txn);
      if (this.#isOver) return;
    }
    this.#answerConfirmations();
  }

  /** Acknowledgements come one by one and are remembered as they arrived: many at once. */
  #traceAccepted(): void {
    for (const learner of this.#learners.values()) {
      if (learner.acked <= learner.traced) continue;
      this.#zab.traced('accepted', learner.sid, learner.traced, learner.acked);
      learner.traced = learner.acked;
    }
  }

  /** The last proposal that the quorums have accepted. */
  #decidable(): Zxid {
    const { history, quorums } = this.#zab;
    const pending = this.#pending;
    if (this.#zab.has('lone-commit')) return this.#ownAcked > this.epochStart ? this.#ownAcked : history.committed;
    if (pending === undefined) return this.#highest((has) => quorums.isQuorum(has));
    if (this.#zab.has('A51')) return this.#highest((has) => quorums.committed.isQuorum(has));
    const old = this.#highest((has) => quorums.committed.isQuorum(has));
    if (old < pending.zxid) return old;
    const both = this.#highest((has) => quorums.isQuorum(has));
    return both >= pending.zxid ? both : (Math.max(history.committed, pending.zxid - 1) as Zxid);
  }

  /** The highest zxid that a quorum has accepted. */
  #highest(isQuorum: (has: (sid: number) => boolean) => boolean): Zxid {
    const { committed } = this.#zab.history;
    const marks = [this.#ownAcked];
    for (const learner of this.#learners.values()) if (learner.acked > committed) marks.push(learner.acked);
    marks.sort((a, b) => b - a);
    for (const mark of marks) {
      // Where the epoch begins is a place, not a proposal.
      if (mark <= committed || mark <= this.epochStart) break;
      if (isQuorum((sid) => this.#ackedBy(sid) >= mark)) return mark;
    }
    return committed;
  }

  #ackedBy(sid: number): number {
    if (sid === this.#zab.options.sid) return this.#ownAcked;
    for (const learner of this.#learners.values()) if (learner.sid === sid && learner.hasHistory) return learner.acked;
    return -1;
  }

  #commit(to: Zxid): void {
    const { history, app, options } = this.#zab;
    const from = history.committed;
    const needsObservers = this.#hasObservers();
    for (let i = history.indexAfter(from); i < history.length; i++) {
      const entry = history.at(i)!;
      if (entry.zxid > to) break;
      if (entry.zxid === this.#pending?.zxid) continue; // goes out with its own packet
      writePacket(this.#toFollowers, packetTypes.commit, entry.zxid);
      if (needsObservers) writePacket(this.#toObservers, packetTypes.inform, entry.zxid, entry.payload);
    }
    history.committed = to;
    this.#hasDecided = true;
    this.#zab.traced('decided', options.sid, from, to);
    app.decided(to);
    history.trim(this.#needed());
  }

  #hasObservers(): boolean {
    for (const learner of this.#learners.values()) if (learner.isObserver && learner.isForwarded) return true;
    return false;
  }

  /** Entries behind this one are still to be sent to somebody. */
  #needed(): Zxid {
    let needed = this.#zab.history.committed;
    for (const learner of this.#learners.values())
      if (learner.state === 'sending' && learner.cursor < needed) needed = learner.cursor;
    return needed;
  }

  // Reconfiguration.

  #activate({ zxid, config }: PendingConfig, txn: Uint8Array): void {
    const designated = this.#designate(config);
    const followers = this.#toFollowers;
    const frame = beginPacket(followers, packetTypes.commitAndActivate, zxid);
    writeCommitAndActivate(followers, designated);
    endPacket(followers, frame);
    const observers = this.#toObservers;
    const body = beginPacket(observers, packetTypes.informAndActivate, zxid);
    writeInformAndActivate(observers, { designatedLeader: designated, txn });
    endPacket(observers, body);
    this.flushStreams();
    this.#zab.activate(config);
    if (designated === this.#zab.options.sid) return;
    this.#isOver = true;
    this.#handOver(designated);
  }

  /** Who leads under the new configuration: this server while it can, else the voter that has accepted most. */
  #designate(config: EnsembleConfig): number {
    const { sid } = this.#zab.options;
    if (config.members.get(sid)?.role === 'participant') return sid;
    let best: LearnerLink | undefined;
    for (const learner of this.#learners.values()) {
      if (config.members.get(learner.sid)?.role !== 'participant' || !learner.isForwarded) continue;
      if (best === undefined || learner.acked > best.acked) best = learner;
    }
    return best?.sid ?? sid;
  }

  // Leadership confirmed: sync.

  confirm(done: () => void): void {
    if (this.#zab.has('A47')) return done();
    this.#confirmations.push({ after: this.#proposed, done, needed: undefined });
    this.#zab.requestTurn();
  }

  answerSync(learner: LearnerLink): void {
    this.sendTo(learner, (out) => writePacket(out, packetTypes.sync, 0 as Zxid));
  }

  /** A ping went out to all learners; it serves every confirmation that was asked for before. */
  #pingForConfirmations(): void {
    const waiting = this.#confirmations.filter(({ needed }) => needed === undefined);
    if (waiting.length === 0) return;
    const needed = this.ping();
    for (const confirmation of waiting) confirmation.needed = needed;
    this.#answerConfirmations();
  }

  /** Pings everybody; returns how many answers each will have given when it has answered this one. */
  ping(): Map<LearnerLink, number> {
    const answers = new Map<LearnerLink, number>();
    this.flushStreams();
    for (const learner of this.#learners.values()) {
      if (!learner.isForwarded) continue;
      this.#lookAtQueue(learner);
      writePacket(learner.out, packetTypes.ping, this.#proposed);
      answers.set(learner, ++learner.pings);
    }
    return answers;
  }

  #lookAtQueue(learner: LearnerLink): void {
    const { now, stats } = this.#zab;
    const { backlog } = learner.link;
    learner.queuedSince = backlog === 0 ? Infinity : Math.min(learner.queuedSince, now);
    stats.observe?.('learner_handler_qp_size', backlog, String(learner.sid));
    stats.observe?.('learner_handler_qp_time_ms', Math.max(0, now - learner.queuedSince), String(learner.sid));
  }

  ponged(learner: LearnerLink): void {
    learner.pongs++;
    this.#answerConfirmations();
  }

  /** Whether what a confirmation has to wait for is not committed yet. */
  #isBehind(after: Zxid): boolean {
    return after > this.#zab.history.committed && after > this.epochStart;
  }

  /**
   * A quorum has accepted what was proposed after the question, so this server led then: the pings are not waited for. The
   * answer goes out before the commit. Apache's followers match what comes against the oldest write or sync they have
   * forwarded, and after one in another order they answer no write and no sync any more.
   */
  #confirmedByWhatFollows(): void {
    this.#confirmations.shift()!.done();
  }

  #answerConfirmations(): void {
    const { quorums, options } = this.#zab;
    const isConfirmed = (needed: Map<LearnerLink, number>): boolean =>
      quorums.isQuorum((sid) => {
        if (sid === options.sid) return true;
        for (const [learner, count] of needed)
          if (learner.sid === sid && learner.hasHistory && learner.pongs >= count) return true;
        return false;
      });
    for (let first = this.#confirmations[0]; first?.needed !== undefined; first = this.#confirmations[0]) {
      if (this.#isBehind(first.after)) return;
      if (!isConfirmed(first.needed)) return;
      this.#confirmations.shift();
      first.done();
    }
  }

  // Sending.

  /** Writes a packet for one learner, behind everything that was broadcast before. */
  sendTo(learner: LearnerLink, write: (out: JuteWriter) => void): void {
    if (learner.isGone) return;
    if (learner.isForwarded) this.flushStreams();
    write(learner.out);
  }

  /** The history of a learner is complete from here on: the rest it gets with everybody. */
  joins(learner: LearnerLink): void {
    const { history } = this.#zab;
    this.flushStreams();
    if (learner.isObserver) return;
    for (let i = history.indexAfter(learner.cursor); i < history.length; i++) {
      const { zxid, payload } = history.at(i)!;
      writePacket(learner.out, packetTypes.proposal, zxid, payload);
    }
  }

  flushStreams(): void {
    const { durable } = this.#zab;
    const followers = detach(this.#toFollowers);
    const observers = detach(this.#toObservers);
    if (followers === undefined && observers === undefined) return;
    for (const learner of this.#learners.values()) {
      if (!learner.isForwarded) continue;
      const bytes = learner.isObserver ? observers : followers;
      if (bytes === undefined) continue;
      learner.flush(durable);
      learner.link.send(bytes, durable);
    }
  }

  /**
   * What is for one learner goes out with the step, and so does a decision, which others wait for and which comes once for
   * a whole batch. Proposals wait for the turn, to be sent together.
   */
  flush(): void {
    if (this.#hasDecided) this.flushStreams();
    this.#hasDecided = false;
    for (const learner of this.#learners.values()) learner.flush(this.#zab.durable);
  }
}

function detach(out: JuteWriter): Uint8Array | undefined {
  if (out.length === 0) return undefined;
  return out.detach(Math.min(Math.max(streamBytesMin, out.length), streamBytesKept));
}
