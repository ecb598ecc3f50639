// Following and observing: promise the leader's epoch, get its history, then log what it proposes, acknowledge what is
// durable and apply what it decides. Memory never holds what the disk does not: a transaction is applied when it is decided
// and durable here, in that order of its leader. An observer does the same without a voice.

import {
  EnsembleConfigError,
  JuteWriter,
  PacketReader,
  ProtocolError,
  epochOf,
  formatZxid,
  limits,
  learnerProtocolVersion,
  packetTypes,
  parseEnsembleConfig,
  readCommitAndActivate,
  readHandOver,
  readInformAndActivate,
  readLeaderInfo,
  readNewLeader,
  readRevalidateReply,
  zxidNone,
} from '@corral/protocol';
import type { EnsembleConfig, Epoch, QuorumPacket, Zxid } from '@corral/protocol';
import type { PeerLink } from '../effects.ts';
import { epochStart, follows } from './history.ts';
import { historySays } from './history-identity.ts';
import { LeaderDial } from './leader-dial.ts';
import { LeaderLink } from './leader-link.ts';
import { UnreadableTxn, enterEpoch, keepDecided, refuse, whyClosed } from './learner-safety.ts';
import { LearnerState } from './learner-state.ts';
import type { IncomingSnapshot, Role, Zab } from './zab.ts';

/** How far this server has come with its leader. */
type Phase = 'connecting' | 'discovery' | 'synchronisation' | 'loading' | 'established' | 'serving' | 'over';
type Handler = (learner: Learner, packet: QuorumPacket) => void;

export class Learner implements Role {
  readonly kind: 'following' | 'observing';
  readonly leader: number;
  readonly #zab: Zab;
  readonly #link = new LeaderLink();
  readonly #reader = new PacketReader(limits.leaderFieldBytesMax);
  #connection = -1;
  readonly #dial: LeaderDial;
  phase: Phase = 'connecting';
  #deadline: number;
  #epoch = 0 as Epoch;
  /** The disk has to finish something before the next packet. */
  #isBusy = false;
  #snapshot: IncomingSnapshot | undefined;
  #snapshotZxid = zxidNone;
  /** Decided according to the leader; only true once it is established. */
  #decided: Zxid;
  /** Everything logged up to here is durable. */
  #durable: Zxid;
  /** Acknowledged to the leader, or not to be. */
  #acked: Zxid;
  #config: EnsembleConfig | undefined;
  /** Number of the leader's history; 0 while it has told none. */
  #historyId = 0;
  readonly #state: LearnerState;
  /** The transaction behind which another role begins, and who leads then. */
  #succession: { readonly zxid: Zxid; readonly designated: number } | undefined;
  /** The leader is about to end its term, and has until the deadline: others may know the next one before this server. */
  isEnding = false;
  /** Bytes that arrived while the disk was busy. */
  readonly #kept = new JuteWriter(64);
  sync: 'none' | 'DIFF' | 'TRUNC' | 'SNAP' = 'none';
  readonly #since: number;

  constructor(zab: Zab, leader: number, kind: 'following' | 'observing') {
    this.#zab = zab;
    this.leader = leader;
    this.kind = kind;
    this.#state = new LearnerState(zab, leader);
    this.#dial = new LeaderDial(zab, leader);
    this.#decided = zab.history.committed;
    this.#durable = this.#acked = zab.history.last;
    this.#since = zab.now;
    this.#deadline = zab.now + zab.options.initLimitMs;
  }

  start(): void {
    this.#dial.start();
  }

  get isServing(): boolean {
    return this.phase === 'serving';
  }

  // Connection.

  dialFailed(dial: number, reason: string): void {
    this.#dial.failed(dial, reason);
  }

  opened(connection: number, link: PeerLink, dial: number | undefined): void {
    if (!this.#dial.answered(dial) || this.#link.isOpen) return link.close();
    this.#connection = connection;
    this.#link.open(link);
    this.phase = 'discovery';
    const { options, epochs, quorums } = this.#zab;
    this.#link.introduce(this.kind, epochStart(epochs.accepted), {
      sid: options.sid,
      protocolVersion: learnerProtocolVersion,
      configVersion: quorums.committed.config.version,
    });
  }

  closed(connection: number): void {
    if (connection !== this.#connection) return;
    this.#link.lost();
    // A leader that hands over may be gone before the disk here is done with the transaction that says so.
    if (this.#succession !== undefined) return;
    this.#zab.leave(whyClosed(this.#zab, this.leader, this.phase));
  }

  drained(): void {
    // What a learner sends is bounded by what the pipeline lets through.
  }

  received(connection: number, bytes: Uint8Array, start: number, end: number): void {
    if (connection !== this.#connection || !this.#link.isOpen) return;
    if (this.#isBusy) return this.#kept.raw(bytes.subarray(start, end));
    this.#guard(() => this.#take(bytes, start, end));
  }

  /** What the leader sends may be wrong in any way: then this connection ends, and nothing else. */
  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (error instanceof UnreadableTxn) return refuse(this.#zab, this.leader, error);
      if (!(error instanceof ProtocolError) && !(error instanceof EnsembleConfigError)) throw error;
      this.#zab.leave(`the leader (server ${this.leader}) sent something wrong: ${error.message}`);
    }
  }

  #take(bytes: Uint8Array, start: number, end: number): void {
    let at = start;
    if (this.#snapshot !== undefined && !this.#snapshot.isComplete) {
      at = this.#snapshot.push(bytes, start, end);
      this.#deadline = this.#zab.now + this.#zab.options.initLimitMs;
      if (this.#snapshot.isComplete) this.#install();
    }
    if (this.#isBusy) return this.#kept.raw(bytes.subarray(at, end));
    this.#reader.push(bytes, at, end);
    this.#packets();
  }

  #packets(): void {
    const { last } = this.#zab.history;
    while (this.#link.isOpen && !this.#isBusy && this.phase !== 'loading') {
      const packet = this.#reader.next();
      if (packet === undefined) break;
      const { syncLimitMs, initLimitMs } = this.#zab.options;
      if (!this.isEnding) this.#deadline = this.#zab.now + (this.isServing ? syncLimitMs : initLimitMs);
      Learner.#handlers.get(packet.type)?.(this, packet);
    }
    if (!this.#link.isOpen) return;
    if (this.isServing) this.#zab.traced('proposed', this.leader, last, this.#zab.history.last);
    if (this.#isBusy) this.#kept.raw(this.#reader.takeRest());
    else if (this.phase === 'loading') this.#load();
    else this.#apply();
  }

  /** Nothing more is read until the disk has answered, which it may do at once. */
  #await(work: (done: () => void) => void): void {
    let isAtOnce = true;
    this.#isBusy = true;
    work(() => {
      this.#isBusy = false;
      if (!isAtOnce) this.#goOn();
    });
    isAtOnce = false;
    if (this.#isBusy) this.#link.pause();
  }

  #goOn(): void {
    this.#link.resume();
    const bytes = this.#kept.detach(64);
    this.#guard(() => this.#take(bytes, 0, bytes.length));
  }

  static readonly #handlers = new Map<number, Handler>([
    [packetTypes.leaderInfo, (learner, packet) => learner.#leaderInfo(packet)],
    [packetTypes.diff, (learner, packet) => learner.#diff(packet.zxid)],
    [packetTypes.trunc, (learner, packet) => learner.#trunc(packet.zxid)],
    [packetTypes.snap, (learner, packet) => learner.#snap(packet.zxid)],
    [packetTypes.proposal, (learner, packet) => learner.#proposal(packet.zxid, packet.data)],
    [packetTypes.commit, (learner, packet) => learner.#commit(packet.zxid)],
    [packetTypes.inform, (learner, packet) => learner.#inform(packet.zxid, packet.data)],
    [packetTypes.commitAndActivate, (learner, packet) => learner.#commitAndActivate(packet)],
    [packetTypes.informAndActivate, (learner, packet) => learner.#informAndActivate(packet)],
    [packetTypes.newLeader, (learner, packet) => learner.#newLeader(packet)],
    [packetTypes.upToDate, (learner) => learner.#upToDate()],
    [packetTypes.ping, (learner, packet) => learner.#ping(packet.zxid)],
    [packetTypes.revalidate, (learner, packet) => learner.#revalidated(packet)],
    [packetTypes.sync, (learner) => learner.#synced()],
    [packetTypes.historyId, (learner, packet) => learner.#history(packet)],
    [packetTypes.handOver, (learner, packet) => learner.#handOver(packet)],
  ]);

  #expect(phase: Phase, what: string): void {
    if (this.phase !== phase) throw new ProtocolError(`${what} during ${this.phase}`);
  }

  // Discovery.

  #leaderInfo(packet: QuorumPacket): void {
    this.#expect('discovery', 'leaderInfo');
    if (readLeaderInfo(packet.data) < learnerProtocolVersion) throw new ProtocolError('the leader is too old');
    const { epochs } = this.#zab;
    const epoch = epochOf(packet.zxid);
    if (epoch < epochs.accepted)
      throw new ProtocolError(`it leads epoch ${epoch}, epoch ${epochs.accepted} is promised already`);
    this.#epoch = epoch;
    if (epoch === epochs.accepted && !this.#zab.has('A02')) return this.#promise(undefined);
    const current = epochs.current as Epoch;
    this.#await((done) =>
      this.#zab.writeEpoch('acceptedEpoch', epoch, () => {
        this.#promise(current);
        done();
      }),
    );
  }

  /** Undefined: this epoch was promised before, so the promise must not count again. */
  #promise(current: Epoch | undefined): void {
    const { isUnknown, replacement, end } = this.#zab;
    const last = isUnknown || replacement.isDue ? zxidNone : end;
    this.#link.promise(current, last, this.#zab.identity.told);
    this.phase = 'synchronisation';
  }

  #begin(kind: 'DIFF' | 'TRUNC' | 'SNAP'): void {
    this.#expect('synchronisation', kind);
    if (this.sync !== 'none') throw new ProtocolError(`${kind} after ${this.sync}`);
    this.sync = kind;
    this.#zab.note('info', 'the leader synchronises this server', { leader: this.leader, kind, epoch: this.#epoch });
  }

  /** The leader shares this history to its end, and calls it decided as far as `zxid`. */
  #diff(zxid: Zxid): void {
    this.#begin('DIFF');
    if (this.#zab.has('A24')) this.#zab.history.reset(zxid);
    const { last } = this.#zab.history;
    const decided = zxid < last ? zxid : last;
    if (decided > this.#decided) this.#decided = decided;
    this.#await((done) => this.#zab.secureBase(done));
  }

  #trunc(to: Zxid): void {
    this.#begin('TRUNC');
    const { history } = this.#zab;
    keepDecided(this.#zab, this.leader, to);
    this.#await((done) =>
      this.#zab.truncate(to, () => {
        if (history.last !== to) {
          // The leader takes for granted that this history contains the place of the cut. What is left is said next time.
          this.#zab.replacement.isDue = history.last > to;
          return this.#zab.leave(`the history had no ${formatZxid(to)}, it ends at ${formatZxid(history.last)} now`);
        }
        this.#decided = this.#durable = this.#acked = to;
        done();
      }),
    );
  }

  #snap(zxid: Zxid): void {
    this.#begin('SNAP');
    keepDecided(this.#zab, this.leader, zxid);
    this.phase = 'loading';
    this.#snapshotZxid = zxid;
    this.#snapshot = this.#zab.app.receiveSnapshot();
  }

  /** Behind the SNAP packet the bytes are a stream, not packets. */
  #load(): void {
    const rest = this.#reader.takeRest();
    this.phase = 'synchronisation';
    this.#take(rest, 0, rest.length);
  }

  #install(): void {
    const snapshot = this.#snapshot!;
    const zxid = this.#snapshotZxid;
    this.#snapshot = undefined;
    this.#await((done) =>
      this.#zab.install(snapshot, zxid, () => {
        this.#decided = this.#durable = this.#acked = zxid;
        done();
      }),
    );
  }

  /** Which history the leader has; or that it is not the one here. */
  #history({ zxid: number, data }: QuorumPacket): void {
    const { identity } = this.#zab;
    const says = data?.[0];
    if (says === historySays.refused || identity.contradicts(number))
      identity.keptOut(this.leader, number, says === historySays.refused);
    else if (this.isServing && says === historySays.counts) identity.keep(number);
    else this.#historyId = number;
  }

  #proposal(zxid: Zxid, data: Uint8Array | null): void {
    const { history } = this.#zab;
    if (this.sync === 'none' || data === null) throw new ProtocolError(`proposal ${formatZxid(zxid)} out of turn`);
    // Right after a snapshot a leader may repeat what the snapshot has.
    if (zxid <= history.last && this.phase !== 'serving') return;
    if (!follows(zxid, history.last))
      throw new UnreadableTxn(`proposal ${formatZxid(zxid)} does not follow ${formatZxid(history.last)}`);
    const config = this.#zab.app.check(zxid, data);
    this.#zab.log(zxid, data);
    if (config !== undefined) this.#zab.propose(config);
  }

  #commit(zxid: Zxid): void {
    if (zxid > this.#zab.history.last) throw new ProtocolError(`commit of ${formatZxid(zxid)}, which was not proposed`);
    this.#zab.stats.commitsReceived++;
    if (zxid > this.#decided) this.#decided = zxid;
  }

  #inform(zxid: Zxid, data: Uint8Array | null): void {
    this.#proposal(zxid, data);
    this.#commit(zxid);
  }

  /** The history is complete: once it is durable, this server belongs to the epoch and says so. */
  #newLeader(packet: QuorumPacket): void {
    this.#expect('synchronisation', 'newLeader');
    if (this.sync === 'none') throw new ProtocolError('newLeader before any history');
    if (epochOf(packet.zxid) !== this.#epoch) throw new ProtocolError('newLeader of another epoch');
    const text = readNewLeader(packet.data);
    this.#config = text === undefined ? undefined : parseEnsembleConfig(text);
    if (this.#config !== undefined) this.#zab.propose(this.#config);
    const number = this.#historyId;
    this.#await((done) =>
      enterEpoch(this.#zab, this.#epoch, number, () => {
        this.phase = 'established';
        // The leader counts on this history from the acknowledgement on, so it has a vote.
        this.#zab.isUnknown = false;
        this.#link.acknowledge(epochStart(this.#epoch));
        done();
      }),
    );
  }

  /** The leader is established: what it called decided is. */
  #upToDate(): void {
    this.#expect('established', 'upToDate');
    const { history, options } = this.#zab;
    this.phase = 'serving';
    this.#deadline = this.#zab.now + options.syncLimitMs;
    if (this.#config !== undefined) this.#zab.activate(this.#config);
    this.#zab.abandonProposed(this.#epoch);
    this.#link.acknowledge(epochStart(this.#epoch));
    this.#acked = this.#decided > history.last ? history.last : this.#decided;
    this.#apply();
    if (!this.isServing) return;
    if (this.#zab.has('A20')) history.forgetUnnoticed();
    this.#zab.stats.synchronised(this.kind, this.#zab.now - this.#since);
    this.#zab.established(this.kind, this.#epoch);
    this.#zab.app.follow(this.#link, this.leader, this.#epoch);
    this.#acknowledge();
  }

  // Broadcast.

  /** Everything up to zxid is durable here. */
  accepted(zxid: Zxid): void {
    if (zxid > this.#durable) this.#durable = zxid;
    if (this.phase !== 'serving') return;
    this.#acknowledge();
    this.#apply();
    this.#leaveTo();
  }

  #acknowledge(): void {
    if (this.kind === 'observing') return void (this.#acked = this.#durable);
    const { history, options } = this.#zab;
    const before = this.#acked;
    for (let i = history.indexAfter(before); i < history.length; i++) {
      const { zxid } = history.at(i)!;
      if (zxid > this.#durable) break;
      this.#link.acknowledge(zxid);
      this.#acked = zxid;
    }
    this.#zab.traced('accepted', options.sid, before, this.#acked);
  }

  /** Applies what is decided and durable, unless that shows that the state here is not the leader's. */
  #apply(): void {
    if (this.phase !== 'serving') return;
    const differing = this.#state.apply(this.#decided < this.#durable ? this.#decided : this.#durable);
    if (differing === undefined) return;
    this.phase = 'over';
    this.#link.differs(differing);
    this.#zab.leave(`its data differs from that of the leader (server ${this.leader})`);
  }

  #ping(zxid: Zxid): void {
    this.#link.pong(zxid, this.isServing ? this.#zab.app.takeTouched() : []);
  }

  #revalidated(packet: QuorumPacket): void {
    const { session, valid } = readRevalidateReply(packet.data);
    this.#zab.app.revalidated(session, valid);
  }

  /** Everything decided before the leader answered is applied first, which may have to wait for the disk. */
  #synced(): void {
    this.#state.synced(this.#decided);
    this.#apply();
    if (this.isServing) this.#state.answerSyncs();
  }

  // Reconfiguration.

  #commitAndActivate(packet: QuorumPacket): void {
    this.#commit(packet.zxid);
    this.#reconfigured(packet.zxid, readCommitAndActivate(packet.data));
  }

  #informAndActivate(packet: QuorumPacket): void {
    const { designatedLeader, txn } = readInformAndActivate(packet.data);
    this.#inform(packet.zxid, txn);
    this.#reconfigured(packet.zxid, designatedLeader);
  }

  #reconfigured(zxid: Zxid, designated: number): void {
    const { history, options } = this.#zab;
    const entry = history.at(history.indexAfter(zxid) - 1);
    if (entry?.zxid !== zxid) return;
    const config = this.#zab.app.configOf(entry);
    if (config === undefined) throw new ProtocolError('a reconfiguration without a configuration');
    const roleBefore = this.#zab.quorums.member(options.sid)?.role;
    this.#apply(); // whoever asked for it is answered before the role may end
    this.#zab.activate(config);
    const role = this.#zab.quorums.member(options.sid)?.role;
    // A joiner has its role as soon as it is proposed, but begins it only now.
    const isInRole = role === undefined || (role === 'observer') === (this.kind === 'observing');
    if (designated === this.leader && role === roleBefore && isInRole) return;
    this.#succession = { zxid, designated };
    this.#leaveTo();
  }

  /** The leader wants no more requests, or has ended its term. */
  #handOver(packet: QuorumPacket): void {
    this.#expect('serving', 'handOver');
    const over = readHandOver(packet.data);
    if (over === undefined) {
      this.isEnding = true;
      this.#zab.app.hold();
      return this.#link.handOver();
    }
    this.#apply();
    this.#zab.app.handedOver(over, this.#epoch);
    this.#succession = { zxid: this.#zab.history.last, designated: over.successor };
    this.#leaveTo();
  }

  /** The role ends when all of it is durable and applied, or whoever asked for something would not be answered. */
  #leaveTo(): void {
    if (this.#succession === undefined || this.#durable < this.#succession.zxid) return;
    const { designated } = this.#succession;
    this.#zab.leave(`server ${designated} leads from now on`, designated);
  }

  // Time.

  turn(): void {
    // A learner proposes nothing.
  }

  get deadline(): number {
    return Math.min(this.#deadline, this.#dial.deadline);
  }

  tick(): void {
    const { now } = this.#zab;
    if (now >= this.#deadline && !this.#isBusy)
      return this.#zab.leave(`nothing heard from the leader (server ${this.leader}) in time (${this.phase})`);
    this.#dial.tick();
  }

  flush(): void {
    this.#link.flush(this.#zab.durable);
  }

  end(): void {
    this.flush();
    const { now } = this.#zab;
    if (this.#epoch === 0) this.#zab.didNotLead(this.leader, this.phase !== 'connecting', now - this.#since);
    this.#link.close();
    this.#snapshot = undefined;
  }
}
