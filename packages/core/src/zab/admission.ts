// Who comes in at the leader's port. Anybody can connect there and say anything, so until a connection has greeted it may
// hold little, for a short time, and the oldest of too many makes room for the newest: no number of silent connections
// keeps a member out. A greeting in the name of a server that is connected already throws nobody out, either: the one that
// answers the leader's pings stays. Only when it is silent, as after a restart of its machine, the newer one takes over.

import { ProtocolError, epochOf, readLearnerInfo } from '@corral/protocol';
import type { QuorumPacket } from '@corral/protocol';
import type { Greeting, Leading } from './leading.ts';
import type { LearnerLink } from './learner-link.ts';

export const admissionLimits = {
  /** Connections that have not said who they are; beyond it the oldest is closed. */
  greetingsMax: 64,
  /** For a greeting to arrive, in milliseconds. */
  greetingMs: 3000,
  /** Connections of one server on their way into the broadcast. */
  perServerMax: 4,
  /** Servers that no configuration names. */
  joinersMax: 16,
} as const;

interface Waiting {
  readonly greeting: Greeting;
  /** The connection of the same server that has to prove itself. */
  readonly older: LearnerLink;
  readonly until: number;
}

export class Admission {
  readonly #leading: Leading;
  readonly #admit: (learner: LearnerLink, greeting: Greeting) => void;
  readonly #waiting = new Map<LearnerLink, Waiting>();

  constructor(leading: Leading, admit: (learner: LearnerLink, greeting: Greeting) => void) {
    this.#leading = leading;
    this.#admit = admit;
  }

  /** How long a new connection may be silent. */
  get greetingMs(): number {
    return Math.min(admissionLimits.greetingMs, this.#leading.zab.options.initLimitMs);
  }

  /** Before another connection is taken. */
  makeRoom(): void {
    const strangers = this.#all(({ state }) => state === 'greeting');
    if (strangers.length >= admissionLimits.greetingsMax)
      this.#leading.drop(strangers[0], 'more connections came, and it has not said who it is');
  }

  greeted(learner: LearnerLink, packet: QuorumPacket, isObserver: boolean): void {
    const { sid, protocolVersion, configVersion } = readLearnerInfo(packet.data);
    const { options, quorums } = this.#leading.zab;
    if (protocolVersion < 0x10000)
      throw new ProtocolError(`protocol version ${protocolVersion} is not spoken any more`);
    if (sid === options.sid) throw new ProtocolError(`server ${sid} connected to itself: two servers have this id`);
    const greeting = { sid, accepted: epochOf(packet.zxid), configVersion, isObserver };
    learner.sid = sid;
    const older = this.#all((other) => other.sid === sid && other !== learner && sid >= 0);
    const live = this.#leading.isServing ? older.find(({ isForwarded }) => isForwarded) : undefined;
    if (live !== undefined) return this.#wait(learner, greeting, live);
    if (older.length >= admissionLimits.perServerMax)
      this.#leading.drop(older[0], 'the same server has connected again');
    const joiners = this.#all((other) => other.state !== 'greeting' && !quorums.knows(other.sid));
    if (!quorums.knows(sid) && joiners.length >= admissionLimits.joinersMax)
      throw new ProtocolError(`server ${sid} is in no configuration, and too many such are connected`);
    this.#admit(learner, greeting);
  }

  #wait(learner: LearnerLink, greeting: Greeting, older: LearnerLink): void {
    for (const [other, waiting] of this.#waiting) if (waiting.older === older) this.#refuse(other, older);
    const { now, options } = this.#leading.zab;
    const until = now + Math.min(options.syncLimitMs / 2, 2 * options.tickMs);
    learner.state = 'waiting';
    this.#waiting.set(learner, { greeting, older, until });
  }

  #refuse(learner: LearnerLink, { link, sid }: LearnerLink): void {
    this.#waiting.delete(learner);
    const reason = `server ${sid} is connected from ${link.address} and answers: two servers may have this id`;
    this.#leading.drop(learner, reason);
  }

  /** Something came from a learner that was admitted: whoever waits for its end is somebody else. */
  heard(learner: LearnerLink): void {
    if (this.#waiting.size === 0) return;
    for (const [other, { older }] of this.#waiting) if (older === learner) this.#refuse(other, older);
  }

  /** A connection has gone: whoever waited for that goes on. */
  gone(learner: LearnerLink): void {
    this.#waiting.delete(learner);
    for (const [other, { greeting, older }] of this.#waiting) {
      if (older !== learner) continue;
      this.#waiting.delete(other);
      this.#guard(other, () => this.#admit(other, greeting));
    }
  }

  /** This connection of its server has the history: it is the one, until it is silent. */
  settle(learner: LearnerLink): void {
    for (const other of this.#all(({ sid }) => sid === learner.sid))
      if (other !== learner) this.#leading.drop(other, `server ${learner.sid} has come in by another connection`);
  }

  get deadline(): number {
    let deadline = Infinity;
    for (const { until } of this.#waiting.values()) deadline = Math.min(deadline, until);
    return deadline;
  }

  tick(): void {
    const { now } = this.#leading.zab;
    for (const { older, until } of this.#waiting.values())
      if (now >= until) this.#leading.drop(older, 'it is silent, and the same server has connected again');
  }

  #guard(learner: LearnerLink, work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#leading.drop(learner, error.message);
    }
  }

  #all(is: (learner: LearnerLink) => boolean): LearnerLink[] {
    return [...this.#leading.learners.values()].filter((learner) => !learner.isGone && is(learner));
  }
}
