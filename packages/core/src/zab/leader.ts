// Leading, from a won election to the loss of the quorum. Discovery fixes a new epoch, synchronisation brings a quorum to
// this server's history, broadcast orders what comes after. Learners that arrive later go through the same steps.

import {
  JuteReader,
  ProtocolError,
  beginPacket,
  counterOf,
  endPacket,
  epochOf,
  formatEnsembleConfig,
  formatZxid,
  opcodes,
  packetNames,
  packetTypes,
  readAckEpoch,
  readLearnerInfo,
  readRequest,
  readRevalidateRequest,
  readTouches,
  writeLeaderInfo,
  writeNewLeader,
  writePacket,
  writeRevalidateReply,
  zxidNone,
} from '@corral/protocol';
import type { EnsembleConfig, Epoch, JuteWriter, QuorumPacket, Zxid } from '@corral/protocol';
import type { PeerLink } from '../effects.ts';
import { Broadcast } from './broadcast.ts';
import { Discovery, isAhead } from './discovery.ts';
import { HandOver } from './hand-over.ts';
import { epochStart } from './history.ts';
import { LearnerLink, isFollowed } from './learner-link.ts';
import { planSync, syncBacklogMax, writeDecided } from './synchronisation.ts';
import type { Role, Zab } from './zab.ts';

/** Connections that have not said who they are. */
const strangersMax = 64;
/** Bytes a learner may leave unread; each proposal and every commit is among them. */
const backlogMax = 64 << 20;

type Handler = (leader: Leader, learner: LearnerLink, packet: QuorumPacket) => void;

export class Leader implements Role {
  readonly kind = 'leading';
  readonly #zab: Zab;
  readonly #learners = new Map<number, LearnerLink>();
  readonly #discovery: Discovery;
  /** End of the history this server was elected with. */
  readonly #initialLast: Zxid;
  #broadcast: Broadcast | undefined;
  #config: EnsembleConfig;
  #established = false;
  #phase: 'discovery' | 'synchronisation' | 'broadcast' = 'discovery';
  /** The phase under way must be over by then. */
  #phaseDeadline: number;
  #nextPing = Infinity;
  #nextCheck = Infinity;
  #handOver: HandOver | undefined;

  constructor(zab: Zab) {
    this.#zab = zab;
    this.#config = zab.quorums.lastSeen?.config ?? zab.quorums.committed.config;
    this.#initialLast = zab.history.last;
    const { options, epochs, now } = zab;
    this.#phaseDeadline = now + options.initLimitMs;
    this.#discovery = new Discovery(options.sid, epochs.accepted, (has) => zab.quorums.isQuorum(has));
  }

  start(): void {
    if (this.#discovery.followerInfo(this.#zab.options.sid, this.#zab.epochs.accepted)) this.#epochFound();
  }

  get isServing(): boolean {
    return this.#established;
  }

  get phase(): string {
    return this.#phase;
  }

  get learners(): ReadonlyMap<number, LearnerLink> {
    return this.#learners;
  }

  get broadcast(): Broadcast | undefined {
    return this.#established ? this.#broadcast : undefined;
  }

  // Connections.

  opened(connection: number, link: PeerLink): void {
    const { now, options } = this.#zab;
    const strangers = [...this.#learners.values()].filter(({ state }) => state === 'greeting').length;
    if (strangers >= strangersMax) {
      this.#zab.note('warn', 'too many connections that do not say who they are', { address: link.address });
      return link.close();
    }
    this.#learners.set(connection, new LearnerLink(connection, link, now, now + options.initLimitMs));
  }

  received(connection: number, bytes: Uint8Array, start: number, end: number): void {
    const learner = this.#learners.get(connection);
    if (learner === undefined || learner.isGone) return;
    try {
      learner.reader.push(bytes, start, end);
      for (let packet = learner.reader.next(); packet !== undefined; packet = learner.reader.next()) {
        this.#packet(learner, packet);
        if (learner.isGone) return;
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      return this.#drop(learner, error.message);
    }
    this.#broadcast?.decide();
  }

  drained(connection: number): void {
    const learner = this.#learners.get(connection);
    if (learner?.state === 'sending') this.#feed(learner);
  }

  closed(connection: number): void {
    const learner = this.#learners.get(connection);
    if (learner === undefined) return;
    this.#learners.delete(connection);
    this.#forget(learner);
  }

  dialFailed(): void {
    // A leader dials nobody.
  }

  #drop(learner: LearnerLink, reason: string): void {
    if (learner.isGone) return;
    const { address } = learner.link;
    this.#zab.note('warn', 'connection to a learner closed', { sid: learner.sid, address, reason });
    learner.flush(this.#zab.durable);
    this.#forget(learner);
    learner.link.close();
  }

  #forget(learner: LearnerLink): void {
    if (learner.isGone) return;
    learner.state = 'gone';
    learner.hasHistory = false;
    learner.snapshot?.abandon();
    learner.snapshot = undefined;
    if (this.#phase !== 'broadcast' && learner.sid >= 0) this.#discovery.lost(learner.sid);
  }

  // Packets.

  static readonly #handlers = new Map<number, Handler>([
    [packetTypes.followerInfo, (leader, learner, packet) => leader.#greeting(learner, packet, false)],
    [packetTypes.observerInfo, (leader, learner, packet) => leader.#greeting(learner, packet, true)],
    [packetTypes.ackEpoch, (leader, learner, packet) => leader.#ackEpoch(learner, packet)],
    [packetTypes.ack, (leader, learner, packet) => leader.#ack(learner, packet.zxid)],
    [packetTypes.ping, (leader, learner, packet) => leader.#pong(learner, packet)],
    [packetTypes.request, (leader, learner, packet) => leader.#request(learner, packet)],
    [packetTypes.revalidate, (leader, learner, packet) => leader.#revalidate(learner, packet)],
    [packetTypes.handOver, (leader, learner) => leader.#handOver?.answered(learner)],
  ]);

  #packet(learner: LearnerLink, packet: QuorumPacket): void {
    const { now, options } = this.#zab;
    const isGreeting = packet.type === packetTypes.followerInfo || packet.type === packetTypes.observerInfo;
    if ((learner.state === 'greeting') !== isGreeting)
      throw new ProtocolError(`unexpected ${packetNames.get(packet.type) ?? packet.type} (${learner.state})`);
    learner.deadline = now + (learner.isForwarded && learner.hasHistory ? options.syncLimitMs : options.initLimitMs);
    Leader.#handlers.get(packet.type)?.(this, learner, packet);
  }

  // Discovery.

  #greeting(learner: LearnerLink, packet: QuorumPacket, isObserver: boolean): void {
    const { sid, protocolVersion, configVersion } = readLearnerInfo(packet.data);
    const { options, quorums, epochs } = this.#zab;
    if (protocolVersion < 0x10000)
      throw new ProtocolError(`protocol version ${protocolVersion} is not spoken any more`);
    if (sid === options.sid) throw new ProtocolError(`server ${sid} connected to itself: two servers have this id`);
    if (configVersion > quorums.committed.config.version && options.reconfigEnabled && !this.#established) {
      throw new ProtocolError(`its configuration (${formatZxid(configVersion)}) is newer than this leader's`);
    }
    const accepted = epochOf(packet.zxid);
    if (!this.#discovery.isPlausible(accepted))
      throw new ProtocolError(`it claims epoch ${accepted}, this server is at ${epochs.accepted}`);
    if (accepted > (this.#discovery.epoch ?? Infinity) && quorums.isVoter(sid)) {
      // It may not follow a leader of an epoch below the one it promised; only a later epoch takes it in again.
      this.#zab.stats.disloyalVoters++;
      return this.#zab.leave(`voter ${sid} has promised epoch ${accepted} to another candidate`);
    }
    this.#replaceOlder(learner, sid);
    learner.sid = sid;
    learner.isObserver = isObserver;
    learner.state = 'promised';
    if (this.#discovery.epoch !== undefined) {
      if (this.#zab.epochs.accepted >= this.#discovery.epoch) this.#inform(learner);
      return;
    }
    if (!quorums.knows(sid)) return;
    if (this.#discovery.followerInfo(sid, accepted)) this.#epochFound();
  }

  /** A server that connects again has lost its earlier connection; a quorum must not count it twice. */
  #replaceOlder(learner: LearnerLink, sid: number): void {
    for (const other of this.#learners.values())
      if (other !== learner && other.sid === sid) this.#drop(other, 'the same server has connected again');
  }

  #epochFound(): void {
    const epoch = this.#discovery.epoch!;
    this.#phaseDeadline = this.#zab.now + this.#zab.options.initLimitMs;
    const announce = (): void => {
      for (const learner of this.#learners.values()) if (learner.state === 'promised') this.#inform(learner);
    };
    if (this.#zab.has('early-announcement')) announce();
    this.#zab.writeEpoch('acceptedEpoch', epoch, () => {
      announce();
      if (this.#discovery.ackEpoch(this.#zab.options.sid)) this.#epochPromised();
    });
  }

  #inform(learner: LearnerLink): void {
    learner.state = 'informed';
    const frame = beginPacket(learner.out, packetTypes.leaderInfo, epochStart(this.#discovery.epoch!));
    writeLeaderInfo(learner.out);
    endPacket(learner.out, frame);
  }

  #ackEpoch(learner: LearnerLink, packet: QuorumPacket): void {
    if (learner.state !== 'informed') throw new ProtocolError(`ackEpoch out of turn (${learner.state})`);
    const current = readAckEpoch(packet.data);
    const { epochs, quorums } = this.#zab;
    learner.lastZxid = packet.zxid;
    learner.state = 'acknowledged';
    if (this.#phase !== 'discovery') return this.#synchronise(learner);
    if (current === undefined) return; // has promised this epoch before: nothing can be concluded from it
    if (isAhead(current, packet.zxid, epochs.current, this.#initialLast)) {
      throw new ProtocolError(
        `it has a longer history (${formatZxid(packet.zxid)}, epoch ${current}) than this leader`,
      );
    }
    if (packet.zxid === zxidNone || !quorums.isVoter(learner.sid)) return;
    if (this.#discovery.ackEpoch(learner.sid)) this.#epochPromised();
  }

  // Synchronisation.

  #epochPromised(): void {
    const epoch = this.#discovery.epoch!;
    this.#phaseDeadline = this.#zab.now + this.#zab.options.initLimitMs;
    this.#zab.secureBase(() => this.#zab.writeEpoch('currentEpoch', epoch, () => this.#beginSynchronisation(epoch)));
  }

  #beginSynchronisation(epoch: Epoch): void {
    const zab = this.#zab;
    const { history, app, now, options } = zab;
    this.#phase = 'synchronisation';
    this.#phaseDeadline = now + options.initLimitMs;
    this.#config = this.#firstVersion(epoch);
    this.#broadcast = new Broadcast(zab, epoch, this.#learners, (sid) => zab.leave(`server ${sid} leads from now on`));
    // Its whole history, decided or not, is the state that a leader gives away.
    for (let i = history.indexAfter(app.applied); i < history.length; i++) app.assume(history.at(i)!);
    for (const learner of this.#learners.values()) if (learner.state === 'acknowledged') this.#synchronise(learner);
    this.#checkEstablished();
  }

  /** The first leader of an ensemble that may be reconfigured gives its configuration a version. */
  #firstVersion(epoch: Epoch): EnsembleConfig {
    const { options } = this.#zab;
    if (!options.reconfigEnabled || this.#config.version !== 0) return this.#config;
    const config = { ...this.#config, version: epochStart(epoch) };
    this.#zab.propose(config);
    return config;
  }

  /** All this leader regards as decided: before it is established, the whole history it was elected with. */
  get #decided(): Zxid {
    return this.#established ? this.#zab.history.committed : this.#initialLast;
  }

  #synchronise(learner: LearnerLink): void {
    const { history, app, options } = this.#zab;
    const plan = options.forceSnapshotSync
      ? ({ kind: 'SNAP' } as const)
      : planSync(history, learner.lastZxid, this.#decided, (defect) => this.#zab.has(defect));
    const { out } = learner;
    learner.sync = plan.kind;
    this.#zab.stats.synchronising(plan.kind, this.#learners.values());
    learner.state = 'sending';
    switch (plan.kind) {
      case 'DIFF':
        learner.cursor = plan.after;
        writePacket(out, packetTypes.diff, this.#decided);
        break;
      case 'TRUNC':
        learner.cursor = plan.to;
        writePacket(out, packetTypes.trunc, plan.to);
        break;
      case 'SNAP':
        learner.cursor = app.applied;
        learner.snapshot = app.snapshot('stream');
        writePacket(out, packetTypes.snap, app.applied);
        break;
    }
    this.#zab.note('info', 'synchronising a learner', {
      sid: learner.sid,
      kind: plan.kind,
      from: formatZxid(learner.lastZxid),
      to: formatZxid(this.#decided),
    });
    this.#feed(learner);
  }

  /** Sends as much of the history as the connection takes; at its end the learner joins the broadcast. */
  #feed(learner: LearnerLink): void {
    const { history, durable } = this.#zab;
    while (learner.state === 'sending') {
      learner.flush(durable);
      if (learner.link.backlog > syncBacklogMax) return;
      learner.deadline = this.#zab.now + this.#zab.options.initLimitMs;
      if (learner.snapshot !== undefined) {
        const chunk = learner.snapshot.next();
        if (chunk === null) learner.snapshot = undefined;
        else learner.link.send(chunk, durable);
        continue;
      }
      const hasGap = learner.cursor < history.base && learner.cursor < this.#decided && !this.#zab.has('A18');
      if (hasGap && !history.continues(learner.cursor))
        return this.#drop(learner, 'the history it needs next is not in memory any more');
      let index = history.indexAfter(learner.cursor);
      for (; learner.out.length < syncBacklogMax; index++) {
        const entry = history.at(index);
        if (entry === undefined || entry.zxid > this.#decided) return this.#complete(learner);
        writeDecided(learner.out, entry);
        learner.cursor = entry.zxid;
      }
    }
  }

  #complete(learner: LearnerLink): void {
    const { out } = learner;
    const frame = beginPacket(out, packetTypes.newLeader, epochStart(this.#discovery.epoch!));
    // One that is on its way comes as a proposal, like everything that is not decided.
    const isReplaced = this.#established && !this.#zab.has('A50');
    writeNewLeader(out, isReplaced ? this.#zab.quorums.committed.text : formatEnsembleConfig(this.#config));
    endPacket(out, frame);
    learner.cursor = this.#decided;
    this.#broadcast!.joins(learner);
    learner.state = 'synchronised';
  }

  /** An acknowledgement: of the history (its zxid is where the epoch begins), or of a proposal. */
  #ack(learner: LearnerLink, zxid: Zxid): void {
    const broadcast = this.#broadcast;
    if (broadcast === undefined || !learner.isForwarded) return;
    if (zxid !== broadcast.epochStart) {
      if (epochOf(zxid) === epochOf(broadcast.epochStart)) broadcast.acknowledged(learner, zxid);
      return;
    }
    if (learner.hasHistory) return; // the answer to upToDate
    learner.hasHistory = true;
    learner.acked = learner.traced = Math.max(learner.acked, learner.cursor, broadcast.epochStart) as Zxid;
    learner.deadline = this.#zab.now + this.#zab.options.syncLimitMs;
    if (this.#established) this.#goLive(learner);
    else this.#checkEstablished();
  }

  #checkEstablished(): void {
    if (this.#established || this.#phase !== 'synchronisation') return;
    const { options } = this.#zab;
    const hasQuorum = this.#zab.quorums.isQuorum((sid) => sid === options.sid || isFollowed(this.#learners, sid));
    if (hasQuorum || this.#zab.has('lone-leader')) this.#establish();
  }

  /** A quorum has this leader's history: it is decided, and new proposals may be made. */
  #establish(): void {
    const { history, app, now, options } = this.#zab;
    const broadcast = this.#broadcast!;
    this.#established = true;
    this.#phase = 'broadcast';
    this.#phaseDeadline = Infinity;
    this.#zab.isUnknown = false;
    history.committed = this.#initialLast;
    if (options.reconfigEnabled) this.#zab.activate(this.#config);
    this.#nextPing = now + options.tickMs / 2;
    this.#nextCheck = now + options.tickMs;
    this.#zab.established('leading', epochOf(broadcast.epochStart));
    app.lead(broadcast);
    for (const learner of this.#learners.values()) if (learner.hasHistory) this.#goLive(learner);
    // The configuration that came with this history has others to vote and to lead: now they know it.
    if (!this.#zab.quorums.isVoter(options.sid)) this.#zab.leave('it has no vote in the new configuration');
  }

  #goLive(learner: LearnerLink): void {
    if (learner.state === 'serving') return;
    this.#broadcast!.sendTo(learner, (out) => writePacket(out, packetTypes.upToDate, zxidNone));
    learner.state = 'serving';
  }

  // Broadcast.

  accepted(zxid: Zxid): void {
    this.#broadcast?.accepted(zxid);
  }

  turn(): void {
    this.#broadcast?.turn();
    const last = this.#broadcast?.lastProposed ?? this.#initialLast;
    if (this.#established && counterOf(last) >= this.#zab.options.counterMax && !this.#zab.has('A28'))
      this.#zab.app.makeWay('the counter of this epoch is nearly used up; the next epoch starts anew');
  }

  #pong(learner: LearnerLink, packet: QuorumPacket): void {
    for (const { session } of readTouches(packet.data)) if (this.#established) this.#zab.app.touched(session);
    this.#broadcast?.ponged(learner);
  }

  #request(learner: LearnerLink, packet: QuorumPacket): void {
    if (learner.state !== 'serving' || this.#broadcast === undefined) throw new ProtocolError('a request too early');
    const { session, cxid, opcode, body } = readRequest(packet.data);
    const broadcast = this.#broadcast;
    if (opcode === opcodes.sync) return broadcast.confirm(() => broadcast.answerSync(learner));
    this.#zab.app.request(learner.sid, session, cxid, opcode, new JuteReader(body), packet.authinfo);
  }

  #revalidate(learner: LearnerLink, packet: QuorumPacket): void {
    if (!this.#established) throw new ProtocolError('a session to validate too early');
    const { session, timeoutMs } = readRevalidateRequest(packet.data);
    this.#zab.stats.revalidations++;
    const valid = this.#zab.app.revalidate(learner.sid, session, timeoutMs);
    this.#broadcast!.sendTo(learner, (out: JuteWriter) => {
      const frame = beginPacket(out, packetTypes.revalidate, zxidNone);
      writeRevalidateReply(out, { session, valid });
      endPacket(out, frame);
    });
  }

  // Handing over.

  /** Begins to hand over; undefined when this server does not lead yet. */
  handOver(): HandOver | undefined {
    if (!this.#established) return undefined;
    return (this.#handOver ??= new HandOver(this.#zab, this.#broadcast!, this.#learners.values()));
  }

  // Time.

  get deadline(): number {
    let deadline = Math.min(this.#phaseDeadline, this.#nextPing, this.#nextCheck);
    for (const learner of this.#learners.values()) deadline = Math.min(deadline, learner.deadline);
    return deadline;
  }

  tick(): void {
    const { now, options } = this.#zab;
    if (now >= this.#phaseDeadline)
      return this.#zab.leave(`no quorum of followers within ${options.initLimitMs} ms (${this.#phase})`);
    this.#dropLate();
    if (!this.#established) return;
    if (now >= this.#nextPing) {
      this.#nextPing = now + options.tickMs / 2;
      this.#broadcast!.ping();
    }
    if (now < this.#nextCheck || this.#zab.has('A11')) return;
    this.#nextCheck = now + options.tickMs;
    const reason = this.#broadcast!.whyNothingIsDecided;
    if (reason !== undefined) this.#zab.leave(reason);
  }

  #dropLate(): void {
    const { now, options } = this.#zab;
    for (const learner of [...this.#learners.values()]) {
      if (learner.isGone) continue;
      if (learner.link.backlog > backlogMax && learner.state !== 'sending')
        this.#drop(learner, 'it does not read what it is sent');
      else if (now >= learner.deadline) this.#drop(learner, `silent for too long (${learner.state})`);
      else if (learner.hasHistory && learner.owes > learner.acked && now - learner.owesSince > options.syncLimitMs)
        this.#drop(learner, 'it does not acknowledge proposals in time');
    }
  }

  flush(): void {
    if (this.#broadcast !== undefined) return this.#broadcast.flush();
    for (const learner of this.#learners.values()) learner.flush(this.#zab.durable);
  }

  end(): void {
    // What is decided is said: a follower answers its clients before it hears that this leader has gone.
    this.#broadcast?.flushStreams();
    for (const learner of this.#learners.values()) {
      if (learner.isGone) continue;
      learner.flush(this.#zab.durable);
      this.#forget(learner);
      learner.link.close();
    }
    this.#learners.clear();
  }
}
