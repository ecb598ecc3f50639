// Leading, from a won election to the loss of the quorum. Discovery (leader-discovery.ts) fixes a new epoch,
// synchronisation (synchroniser.ts) brings a quorum to this server's history, broadcast orders what comes after. Learners
// that arrive later go through the same steps. Here are the connections, the packets and the time limits.

import {
  JuteReader,
  ProtocolError,
  beginPacket,
  counterOf,
  endPacket,
  formatZxid,
  limits,
  opcodes,
  packetNames,
  packetTypes,
  readRequest,
  readRevalidateRequest,
  readTouches,
  writeRevalidateReply,
  zxidNone,
} from '@corral/protocol';
import type { JuteWriter, QuorumPacket, Zxid } from '@corral/protocol';
import type { PeerLink } from '../effects.ts';
import { Admission } from './admission.ts';
import type { Broadcast } from './broadcast.ts';
import { HandOver } from './hand-over.ts';
import { LeaderDiscovery } from './leader-discovery.ts';
import type { Leading } from './leading.ts';
import { LearnerLink } from './learner-link.ts';
import { Synchroniser } from './synchroniser.ts';
import type { Role, Zab } from './zab.ts';

/** Bytes a learner may leave unread; each proposal and every commit is among them. */
const backlogMax = 64 << 20;

type Handler = (leader: Leader, learner: LearnerLink, packet: QuorumPacket) => void;

/** The learner's jute.maxbuffer decided how long a field may be; it may be larger than this server's. */
const requestReader = (body: Uint8Array): JuteReader =>
  new JuteReader(body, 0, body.length, limits.learnerFieldBytesMax);

export class Leader implements Role, Leading {
  readonly kind = 'leading';
  readonly zab: Zab;
  readonly #learners = new Map<number, LearnerLink>();
  readonly #admission: Admission;
  readonly #discovery: LeaderDiscovery;
  readonly #synchroniser: Synchroniser;
  /** The phase under way must be over by then. */
  #phaseDeadline: number;
  #nextPing = Infinity;
  #nextCheck = Infinity;
  #handOver: HandOver | undefined;

  constructor(zab: Zab) {
    this.zab = zab;
    this.#phaseDeadline = zab.now + zab.options.initLimitMs;
    const synchroniser = new Synchroniser(this, () => this.#established());
    this.#synchroniser = synchroniser;
    this.#discovery = new LeaderDiscovery(this, {
      promised: (epoch) => synchroniser.begin(epoch),
      joined: (learner) => synchroniser.synchronise(learner),
    });
    this.#admission = new Admission(this, (learner, greeting) => this.#discovery.greeting(learner, greeting));
  }

  start(): void {
    this.#discovery.start();
  }

  get isServing(): boolean {
    return this.#synchroniser.isEstablished;
  }

  get phase(): 'discovery' | 'synchronisation' | 'broadcast' {
    if (this.isServing) return 'broadcast';
    return this.#broadcast === undefined ? 'discovery' : 'synchronisation';
  }

  get learners(): ReadonlyMap<number, LearnerLink> {
    return this.#learners;
  }

  get broadcast(): Broadcast | undefined {
    return this.isServing ? this.#broadcast : undefined;
  }

  /** From synchronisation on. */
  get #broadcast(): Broadcast | undefined {
    return this.#synchroniser.broadcast;
  }

  // Connections.

  opened(connection: number, link: PeerLink): void {
    const { now } = this.zab;
    this.#admission.makeRoom();
    this.#learners.set(connection, new LearnerLink(connection, link, now, now + this.#admission.greetingMs));
  }

  received(connection: number, bytes: Uint8Array, start: number, end: number): void {
    const learner = this.#learners.get(connection);
    if (learner === undefined || learner.isGone) return;
    try {
      learner.push(bytes, start, end);
      for (let packet = learner.reader.next(); packet !== undefined; packet = learner.reader.next()) {
        this.#packet(learner, packet);
        if (learner.isGone) return;
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      return this.drop(learner, error.message);
    }
    this.#broadcast?.decide();
  }

  drained(connection: number): void {
    const learner = this.#learners.get(connection);
    if (learner?.state === 'sending') this.#synchroniser.feed(learner);
  }

  closed(connection: number): void {
    const learner = this.#learners.get(connection);
    if (learner === undefined) return;
    this.#learners.delete(connection);
    if (!learner.isGone) this.#tellLost(learner, 'it has closed the connection');
    this.#forget(learner);
  }

  /** A server that followed is news each time; strangers and those that were refused could fill the log. */
  #tellLost({ sid, state, link, hasHistory }: LearnerLink, reason: string): void {
    const facts = { sid, address: link.address, reason };
    if (hasHistory) return this.zab.note('warn', `server ${sid} is lost as a learner`, facts);
    const kind = `learner ${sid} ${state} ${hostOf(link)} ${reason.replace(/\d+/g, '')}`;
    this.zab.repeated.tell(this.zab.now, kind, 'warn', 'connection to a learner closed', facts);
  }

  dialFailed(): void {
    // A leader dials nobody.
  }

  drop(learner: LearnerLink, reason: string): void {
    if (learner.isGone) return;
    this.#tellLost(learner, reason);
    learner.flush(this.zab.durable);
    this.#forget(learner);
    learner.link.close();
  }

  #forget(learner: LearnerLink): void {
    if (learner.isGone) return;
    learner.state = 'gone';
    learner.hasHistory = false;
    learner.snapshot?.abandon();
    learner.snapshot = undefined;
    if (!this.isServing) this.#discovery.lost(learner);
    this.#admission.gone(learner);
  }

  // Packets.

  static readonly #handlers = new Map<number, Handler>([
    [packetTypes.followerInfo, (leader, learner, packet) => leader.#admission.greeted(learner, packet, false)],
    [packetTypes.observerInfo, (leader, learner, packet) => leader.#admission.greeted(learner, packet, true)],
    [packetTypes.ackEpoch, (leader, learner, packet) => leader.#discovery.ackEpoch(learner, packet)],
    [packetTypes.ack, (leader, learner, packet) => leader.#ack(learner, packet.zxid)],
    [packetTypes.ping, (leader, learner, packet) => leader.#pong(learner, packet)],
    [packetTypes.request, (leader, learner, packet) => leader.#request(learner, packet)],
    [packetTypes.revalidate, (leader, learner, packet) => leader.#revalidate(learner, packet)],
    [packetTypes.handOver, (leader, learner) => leader.#handOver?.answered(learner)],
    [packetTypes.differs, (leader, learner, packet) => leader.#differs(learner, packet.zxid)],
  ]);

  #packet(learner: LearnerLink, packet: QuorumPacket): void {
    const { now, options } = this.zab;
    const isGreeting = packet.type === packetTypes.followerInfo || packet.type === packetTypes.observerInfo;
    if (learner.state === 'waiting' || (learner.state === 'greeting') !== isGreeting)
      throw new ProtocolError(`unexpected ${packetNames.get(packet.type) ?? packet.type} (${learner.state})`);
    this.#admission.heard(learner);
    learner.deadline = now + (learner.isForwarded && learner.hasHistory ? options.syncLimitMs : options.initLimitMs);
    Leader.#handlers.get(packet.type)?.(this, learner, packet);
  }

  #ack(learner: LearnerLink, zxid: Zxid): void {
    const { hasHistory } = learner;
    this.#synchroniser.acknowledged(learner, zxid);
    if (hasHistory || !learner.hasHistory) return;
    this.#admission.settle(learner);
    this.zab.claims.isIn(learner.sid);
  }

  // Broadcast.

  accepted(zxid: Zxid): void {
    this.#broadcast?.accepted(zxid);
  }

  turn(): void {
    this.#broadcast?.turn();
    if (
      this.isServing &&
      counterOf(this.#synchroniser.lastProposed) >= this.zab.options.counterMax &&
      !this.zab.has('A28')
    )
      this.zab.app.makeWay('the counter of this epoch is nearly used up; the next epoch starts anew');
  }

  #pong(learner: LearnerLink, packet: QuorumPacket): void {
    for (const { session } of readTouches(packet.data)) if (this.isServing) this.zab.app.touched(session);
    this.#broadcast?.ponged(learner);
  }

  #request(learner: LearnerLink, packet: QuorumPacket): void {
    if (learner.state !== 'serving' || this.#broadcast === undefined) throw new ProtocolError('a request too early');
    const { session, cxid, opcode, body } = readRequest(packet.data);
    const broadcast = this.#broadcast;
    if (opcode === opcodes.sync) return broadcast.confirm(() => broadcast.answerSync(learner));
    this.zab.app.request(learner.sid, session, cxid, opcode, requestReader(body), packet.authinfo);
  }

  #revalidate(learner: LearnerLink, packet: QuorumPacket): void {
    if (!this.isServing) throw new ProtocolError('a session to validate too early');
    const { session, timeoutMs } = readRevalidateRequest(packet.data);
    this.zab.stats.revalidations++;
    const valid = this.zab.app.revalidate(learner.sid, session, timeoutMs);
    this.#broadcast!.sendTo(learner, (out: JuteWriter) => {
      const frame = beginPacket(out, packetTypes.revalidate, zxidNone);
      writeRevalidateReply(out, { session, valid });
      endPacket(out, frame);
    });
  }

  /** A learner has come to another state than this server, and is about to leave. */
  #differs(learner: LearnerLink, zxid: Zxid): void {
    if (learner.state !== 'serving') throw new ProtocolError('a difference found too early');
    const { zab } = this;
    zab.note('error', 'the data of a learner differs from the data of this leader', {
      sid: learner.sid,
      zxid: formatZxid(zxid),
    });
    if (learner.isObserver) return;
    if (zab.differences.reported(learner.sid)) zab.leave('its data differs from that of a majority');
  }

  // Handing over.

  /** Begins to hand over; undefined when this server does not lead yet. */
  handOver(): HandOver | undefined {
    if (!this.isServing) return undefined;
    return (this.#handOver ??= new HandOver(this.zab, this.#broadcast!, this.#learners.values()));
  }

  // Time.

  restartClock(): void {
    this.#phaseDeadline = this.zab.now + this.zab.options.initLimitMs;
  }

  #established(): void {
    const { now, options } = this.zab;
    this.#phaseDeadline = Infinity;
    this.#nextPing = now + options.tickMs / 2;
    this.#nextCheck = now + options.tickMs;
  }

  get deadline(): number {
    let deadline = Math.min(this.#phaseDeadline, this.#nextPing, this.#nextCheck, this.#admission.deadline);
    for (const learner of this.#learners.values()) deadline = Math.min(deadline, learner.deadline);
    return deadline;
  }

  tick(): void {
    const { now, options } = this.zab;
    if (now >= this.#phaseDeadline) {
      this.zab.claims.adopt(this.zab.epochs.accepted);
      return this.zab.leave(`no quorum of followers within ${options.initLimitMs} ms (${this.phase})`);
    }
    this.#dropLate();
    this.#admission.tick();
    if (!this.isServing) return;
    if (now >= this.#nextPing) {
      this.#nextPing = now + options.tickMs / 2;
      this.#broadcast!.ping();
    }
    if (now < this.#nextCheck || this.zab.has('A11')) return;
    this.#nextCheck = now + options.tickMs;
    const reason = this.#broadcast!.whyNothingIsDecided;
    if (reason !== undefined) return this.zab.leave(reason);
    this.#letIn();
  }

  /** A voter that cannot follow in this epoch may in the next one. */
  #letIn(): void {
    const { zab } = this;
    const sid = zab.claims.due(zab.now, (voter) => zab.lookedAt(voter));
    if (sid === undefined) return;
    zab.stats.disloyalVoters++;
    zab.claims.granted(zab.now);
    zab.claims.adopt(zab.epochs.accepted);
    zab.app.makeWay(`voter ${sid} has promised a later epoch and waits: the next epoch takes it in`);
  }

  #dropLate(): void {
    const { now, options } = this.zab;
    for (const learner of [...this.#learners.values()]) {
      if (learner.isGone) continue;
      if (learner.link.backlog > backlogMax && learner.state !== 'sending')
        this.drop(learner, 'it does not read what it is sent');
      else if (now >= learner.deadline) this.drop(learner, `silent for too long (${learner.state})`);
      else if (learner.hasHistory && learner.owes > learner.acked && now - learner.owesSince > options.syncLimitMs)
        this.drop(learner, 'it does not acknowledge proposals in time');
    }
  }

  flush(): void {
    if (this.#broadcast !== undefined) return this.#broadcast.flush();
    for (const learner of this.#learners.values()) learner.flush(this.zab.durable);
  }

  end(): void {
    // What is decided is said: a follower answers its clients before it hears that this leader has gone.
    this.#broadcast?.flushStreams();
    for (const learner of this.#learners.values()) {
      if (learner.isGone) continue;
      learner.flush(this.zab.durable);
      this.#forget(learner);
      learner.link.close();
    }
    this.#learners.clear();
  }
}

const hostOf = ({ address }: PeerLink): string => address.replace(/:\d+$/, '');
