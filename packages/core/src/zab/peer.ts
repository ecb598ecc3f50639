// A member of the ensemble through its roles: looking for a leader, leading, following, observing. It owns what outlives a
// role: the history, the epochs, the configuration, the election. A role that ends leaves nothing running: its connections
// are closed, and the next one begins only when the disk has finished what the last one asked for.

import { formatZxid, zxidHex, zxidNone, zxidZero } from '@corral/protocol';
import type { EnsembleConfig, Epoch, Notification, Zxid } from '@corral/protocol';
import type { DiskOp, EnsembleHost, Entry, EnsembleInput, EnsembleNote, EpochFile } from '../effects.ts';
import { Configuration } from './configuration.ts';
import { DecisionTrace } from './decision-trace.ts';
import type { Step } from './decision-trace.ts';
import type { Defect } from './defects.ts';
import { Differences } from './differences.ts';
import { DiskOps } from './disk-ops.ts';
import { EpochClaims } from './epoch-claims.ts';
import { Election } from './election.ts';
import type { Reach } from './election-options.ts';
import { ElectionMesh } from './election-mesh.ts';
import type { HandOver } from './hand-over.ts';
import { HistoryIdentity } from './history-identity.ts';
import { History, Replacement } from './history.ts';
import { Leader } from './leader.ts';
import { Learner } from './learner.ts';
import { LogBatches } from './log-batches.ts';
import type { PeerParts, PeerState } from './peer-parts.ts';
import { PeerPorts } from './peer-ports.ts';
import { PeerStats } from './peer-stats.ts';
import type { Quorums } from './quorum.ts';
import { Refusals } from './refusals.ts';
import { RepeatedNotes } from './repeated-notes.ts';
import type { Vote } from './vote.ts';
import type { Application, EnsembleOptions, Epochs, IncomingSnapshot, RestoredHistory, Zab } from './zab.ts';

export class Peer implements Zab {
  readonly options: EnsembleOptions;
  readonly host: EnsembleHost;
  readonly app: Application;
  readonly history: History;
  readonly batches: LogBatches;
  readonly trace = new DecisionTrace();
  readonly epochs: Epochs;
  readonly #configuration: Configuration;
  now = 0;
  wall = 0;
  isUnknown: boolean;
  readonly replacement = new Replacement();
  readonly #frame: PeerParts['frame'];
  readonly #election: Election;
  readonly #mesh: ElectionMesh;
  #role: Leader | Learner | undefined;
  #state: PeerState = 'leaving';
  readonly #ops: DiskOps;
  #dials = 0;
  #turnRequested = false;
  readonly #ports: PeerPorts;
  /** Who leads next without an election: a reconfiguration said so. */
  #designated: number | undefined;
  readonly #refusals: Refusals;
  #lookingSince = 0;
  #restUntil = 0;
  #isReadOnly = false;
  /** Nothing is on disk: a snapshot has to come before the first log record. */
  #needsBase: boolean;
  readonly stats = new PeerStats();
  readonly claims: EpochClaims;
  readonly repeated = new RepeatedNotes((level, message, facts) => this.note(level, message, facts));
  readonly differences = new Differences(this);
  readonly identity: HistoryIdentity;
  leaderSid: number | undefined;

  constructor({ options, host, app, start, random, frame }: PeerParts) {
    this.options = options;
    this.host = host;
    this.app = app;
    this.epochs = { ...start.epochs };
    this.identity = new HistoryIdentity(this, start.epochs.historyId ?? 0, random);
    this.claims = new EpochClaims(options.initLimitMs);
    this.#refusals = new Refusals(random, options.initLimitMs);
    this.isUnknown = start.isUnknown && !this.has('A37');
    this.#needsBase = start.isEmpty;
    this.#frame = frame;
    this.#ops = new DiskOps(this.has('A39'));
    this.#configuration = new Configuration(options, (which, config) => this.#keepConfig(which, config));
    this.history = new History({ entries: options.commitLogCount, bytes: options.commitLogBytes });
    this.#restoreHistory(start.history);
    this.batches = new LogBatches(
      {
        append: (op, first, bytes, count) => host.append(op, first, bytes, count),
        requestTurn: () => this.requestTurn(),
      },
      () => this.#ops.next(),
      (zxid) => this.#accepted(zxid),
    );
    this.#mesh = new ElectionMesh({
      sid: options.sid,
      quorums: () => this.quorums,
      nextDial: () => this.nextDial(),
      dial: (dial, addresses) => host.dial(dial, 'election', addresses),
      isLooking: () => this.#election.isLooking,
      connected: (sid, now) => this.#election.connected(sid, now),
      durable: () => this.durable,
      message: (from, notification) => this.#heard(from, notification),
      random,
      note: (level, message, facts) => this.note(level, message, facts),
    });
    this.#ports = new PeerPorts({
      mesh: this.#mesh,
      role: () => this.#role,
      mayLead: () => this.#role === undefined || (this.#role instanceof Learner && this.#role.isEnding),
      waitMs: options.initLimitMs,
    });
    this.#election = new Election({
      sid: options.sid,
      quorums: () => this.quorums,
      peerType: options.peerType,
      ownVote: () => this.#ownVote(),
      minMs: options.electionMinMs,
      maxMs: options.electionMaxMs,
      finalizeMs: options.electionFinalizeMs,
      send: (to, notification) => this.#mesh.send(to, notification, this.now),
      isConnected: (sid) => this.#mesh.isConnected(sid),
      decided: (vote) => this.#elected(vote),
      newEnsemble: () => (this.isUnknown = false),
      proof: (sid) => this.#mesh.proofOf(sid),
      newerConfig: (config) => this.#heardOf(config),
      note: (level, message, facts) => this.note(level, message, facts),
    });
  }

  /** Nothing on disk is known to be decided: even a snapshot may come from a leader that was never established. */
  #restoreHistory({ base, entries }: RestoredHistory): void {
    this.history.reset(base);
    for (const entry of entries) this.history.append(entry);
  }

  // Facts.

  get state(): PeerState {
    return this.#state;
  }

  /** The present role. */
  get role(): Leader | Learner | undefined {
    return this.#role;
  }

  get isServing(): boolean {
    return this.#role?.isServing ?? false;
  }

  get isReadOnly(): boolean {
    return this.#isReadOnly;
  }

  get #isDiskIdle(): boolean {
    return this.batches.idle && this.#ops.areDone;
  }

  /** True when the disk has nothing to do and everything that was proposed is decided. */
  get isSettled(): boolean {
    return this.#isDiskIdle && (!this.isServing || this.history.committed === this.history.last);
  }

  has(defect: Defect): boolean {
    return this.options.defects?.has(defect) === true;
  }

  /** Last disk operation reported done. */
  get durable(): DiskOp {
    return this.#ops.durable;
  }

  get end(): Zxid {
    return this.has('A13') ? this.app.applied : this.history.last;
  }

  /** A server that may have lost something says so by -1; one that has a part of a history says that it is not new. */
  #ownVote(): Reach | undefined {
    const { history, epochs, isUnknown } = this;
    if (!isUnknown) return { zxid: this.end, peerEpoch: epochs.current };
    if (history.last === zxidZero && epochs.current === 0) return undefined;
    return { zxid: zxidNone, peerEpoch: Math.max(1, epochs.current) };
  }

  // Life.

  start(): void {
    this.app.configured(this.quorums.committed.config);
    this.#look();
  }

  #look(): void {
    this.#state = 'looking';
    this.leaderSid = undefined;
    this.#lookingSince = this.now;
    this.stats.elections++;
    this.repeated.try(this.now, 'info', 'looking for a leader', this.#refusals.count);
    this.#mesh.configured(this.now);
    this.#election.look(this.now);
  }

  #elected(vote: Vote): void {
    this.stats.observe?.('election_time', this.now - this.#lookingSince);
    this.#begin(vote.leader);
  }

  #begin(leader: number): void {
    const { sid, peerType } = this.options;
    if (this.#isReadOnly) {
      this.#isReadOnly = false;
      this.app.stop();
    }
    this.#ops.nextTerm();
    this.leaderSid = leader;
    // Who votes in the present configuration or in the next one acknowledges: decisions need majorities of both.
    const isObserver = !this.quorums.isVoter(sid) && (this.quorums.knows(sid) || peerType === 'observer');
    if (leader === sid) {
      if (this.has('A12')) this.host.writeSnapshot(this.app.snapshot('file'));
      const role = new Leader(this);
      this.#enter('leading', role);
      role.start();
      this.#ports.begun(role);
    } else {
      const kind = isObserver ? 'observing' : 'following';
      const role = new Learner(this, leader, kind);
      this.#enter(kind, role);
      this.#ports.begun(role);
      role.start();
    }
  }

  #enter(state: 'leading' | 'following' | 'observing', role: Leader | Learner): void {
    this.#state = state;
    this.#role = role;
    this.#election.settled(state, this.leaderSid ?? this.options.sid);
    this.repeated.try(
      this.now,
      'info',
      `${state}: elected in ${Math.round(this.now - this.#lookingSince)} ms`,
      this.#refusals.count,
      {
        leader: this.leaderSid ?? -1,
        zxid: formatZxid(this.history.last),
        epoch: this.epochs.current,
      },
    );
  }

  established(state: 'leading' | 'following' | 'observing', epoch: Epoch): void {
    this.#election.established(epoch);
    this.#refusals.clear();
    this.stats.established(state, this.now);
    this.note('info', `${state}: established, clients are served`, { epoch, leader: this.leaderSid ?? -1 });
  }

  leave(reason: string, designated?: number): void {
    if (this.#role === undefined) return;
    const role = this.#role;
    if (!role.isServing) this.#refusals.add(this.now);
    const message = `${this.#state} ends: ${reason}`;
    if (role.isServing) this.note('warn', message);
    else this.repeated.try(this.now, 'warn', message, this.#refusals.count);
    if (role.isServing) this.stats.servedUntil = this.now;
    this.#role = undefined;
    this.#state = 'leaving';
    this.#designated = designated;
    this.#ops.nextTerm();
    this.#election.left();
    role.end();
    this.app.stop();
    this.batches.turn();
    this.#goOnWhenIdle();
  }

  /** Ends the role; takes no part in elections for a while, so that another server leads, or follows the successor. */
  resign(reason: string, restMs: number, successor?: number): void {
    this.#restUntil = this.now + (successor === undefined || restMs === Infinity ? restMs : 0);
    this.leave(reason, successor);
  }

  /** Begins to hand over when this server leads. */
  handOver(): HandOver | undefined {
    return this.#role instanceof Leader ? this.#role.handOver() : undefined;
  }

  /** The next role begins when everything the last one logged is on disk. */
  #goOnWhenIdle(): void {
    const isIdle = this.#isDiskIdle || this.has('A39');
    if (this.#state !== 'leaving' || !isIdle || this.now < this.#restsUntil) return;
    const designated = this.#designated;
    this.#designated = undefined;
    this.#lookingSince = this.now;
    if (designated !== undefined && this.quorums.isVoter(designated)) this.#begin(designated);
    else this.#look();
  }

  lookedAt(sid: number): number {
    return this.#election.lookedAt(sid);
  }

  get #restsUntil(): number {
    return Math.max(this.#restUntil, this.#refusals.until);
  }

  #heard(from: number, notification: Notification): void {
    if (notification.state === 'looking' && this.quorums.isVoter(from)) this.#refusals.cutShort();
    if (this.#state === 'looking' && this.differences.heard(from, notification)) this.#election.look(this.now);
    this.#election.receive(from, notification, this.now);
  }

  fail(reason: string): void {
    throw new Error(reason);
  }

  didNotLead(sid: number, wasReached: boolean, costMs: number): void {
    if (!this.has('A10')) this.#election.didNotLead(sid, wasReached, costMs, this.now);
  }

  // The disk.

  log(zxid: Zxid, payload: Uint8Array): Entry {
    const out = this.batches.log(zxid);
    this.stats.proposalsReceived++;
    const start = this.#frame(out, payload);
    const entry = { zxid, payload: out.bytes.subarray(start, start + payload.length) };
    this.history.append(entry);
    return entry;
  }

  #accepted(zxid: Zxid): void {
    this.#role?.accepted(zxid);
    if (this.batches.idle) this.#ops.logged();
  }

  whenLogged(then: () => void): void {
    if (this.batches.idle) then();
    else this.#ops.whenLogged(then);
  }

  writeEpoch(file: EpochFile, value: number, then: () => void): void {
    const key = { acceptedEpoch: 'accepted', currentEpoch: 'current', historyId: 'historyId' } as const;
    const op = this.#ops.start(() => (this.epochs[key[file]] = value), then);
    this.host.writeEpoch(op, file, value);
  }

  truncate(zxid: Zxid, then: () => void): void {
    const { history, app } = this;
    const isInMemory = zxid >= history.base;
    const mustReload = (!isInMemory || zxid < app.applied) && !this.has('A17');
    const goOn = this.#ops.inThisTerm(then);
    const op = this.#ops.start(
      () => {
        if (isInMemory) history.cut(zxid);
        if (mustReload) this.#reload(goOn);
      },
      () => {
        if (!mustReload) then();
      },
    );
    this.host.truncate(op, zxid);
  }

  /** Memory has what was cut: it is dropped and restored from the disk. */
  #reload(then: () => void): void {
    const reload = this.app.reload();
    const op = this.#ops.start(() => this.#restoreHistory(reload.adopt()), then);
    this.host.reload(op, () => reload.makeTarget());
  }

  install(snapshot: IncomingSnapshot, zxid: Zxid, then: () => void): void {
    const adopt = (): void => {
      snapshot.adopt();
      this.history.reset(zxid);
      this.#needsBase = this.has('A21');
      this.replacement.isDue = false;
      this.differences.replaced();
    };
    if (this.has('A21')) return (adopt(), then());
    const op = this.#ops.start(adopt, then);
    const aside = this.differences.mustKeep ? `differing-${zxidHex(this.history.last)}` : undefined;
    this.host.installSnapshot(op, snapshot.source(zxid), aside);
  }

  secureBase(then: () => void): void {
    if (!this.#needsBase) return then();
    const op = this.#ops.start(() => (this.#needsBase = false), then);
    this.host.installSnapshot(op, this.app.snapshot('file'), undefined);
  }

  // Configuration.

  get quorums(): Quorums {
    return this.#configuration.quorums;
  }

  propose(config: EnsembleConfig): void {
    this.#configuration.propose(config);
  }

  activate(config: EnsembleConfig): void {
    this.#configuration.activate(config);
    this.app.configured(this.quorums.committed.config);
  }

  abandonProposed(epoch: Epoch): void {
    this.#configuration.abandonProposed(epoch);
  }

  /** A newer configuration was heard of: a looking server looks for the leader by it. Returns whether it does. */
  #heardOf(config: EnsembleConfig): boolean {
    if (!this.options.reconfigEnabled || this.#state !== 'looking') return false;
    this.#configuration.believe(config);
    this.#mesh.configured(this.now);
    return true;
  }

  #keepConfig(which: 'next' | 'active', config: EnsembleConfig): void {
    this.host.writeConfig(this.#ops.start(nothing), which, config);
    this.#mesh.configured(this.now);
  }

  // Inputs.

  step(input: EnsembleInput): void {
    switch (input.kind) {
      case 'peerOpened':
      case 'peerReceived':
      case 'peerDrained':
      case 'peerClosed':
        return this.#ports.step(input);
      case 'dialFailed':
        this.#mesh.dialFailed(input.dial, input.reason, this.now);
        return this.#role?.dialFailed(input.dial, input.reason);
      case 'diskDone':
        this.#ops.finished(input.op);
        return this.#goOnWhenIdle();
    }
  }

  appended(op: DiskOp): void {
    this.#ops.finished(op);
    this.batches.appended(op);
    this.#goOnWhenIdle();
  }

  turn(): void {
    this.#turnRequested = false;
    this.batches.turn();
    this.#role?.turn();
  }

  requestTurn(): void {
    if (this.#turnRequested) return;
    this.#turnRequested = true;
    this.host.requestTurn();
  }

  tick(): void {
    this.#goOnWhenIdle();
    this.#election.tick(this.now);
    this.#mesh.tick(this.now);
    this.#role?.tick();
    this.#ports.tick(this.now);
    if (!this.options.readOnlyEnabled || this.#state !== 'looking' || this.#isReadOnly) return;
    if (this.now - this.#lookingSince < readOnlyAfterMs(this.options.tickMs)) return;
    this.#isReadOnly = true;
    this.app.serveReadOnly();
  }

  flush(): void {
    this.#role?.flush();
  }

  /** When the next tick is wanted. */
  get deadline(): number {
    const mayRead = this.options.readOnlyEnabled && this.#state === 'looking' && !this.#isReadOnly;
    const readOnly = mayRead ? this.#lookingSince + readOnlyAfterMs(this.options.tickMs) : Infinity;
    const rest = this.#state === 'leaving' && this.#restsUntil > this.now ? this.#restsUntil : Infinity;
    return Math.min(this.#election.deadline, this.#mesh.deadline, this.#role?.deadline ?? Infinity, readOnly, rest);
  }

  nextDial(): number {
    return ++this.#dials;
  }

  traced(step: Step, sid: number, after: Zxid, to: Zxid): void {
    this.trace.add(step, sid, after, to, this.now, this.wall);
  }

  note(level: EnsembleNote['level'], message: string, facts?: EnsembleNote['facts']): void {
    this.host.note({ kind: 'ensemble', level, message, ...(facts && { facts }) });
  }
}

const nothing = (): void => undefined;
/** How long this server looks for a leader before clients may read without one. */
const readOnlyAfterMs = (tickMs: number): number => Math.max(2000, tickMs);
