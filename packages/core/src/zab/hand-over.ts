// The planned end of a leader's term, so that clients notice nothing. The leader asks its learners to hold back their
// clients' requests; when all have, and everything is decided and answered, it tells them who leads the next epoch, and
// gives the successor what only a leader knows: at which server the client of each session is. With that, the clients'
// connections can stay where they are: a request that comes from a server which its client has left is still refused.
// Learners of other make skip these packets and look for a leader when the connection ends, as ever.

import { beginPacket, endPacket, limits, packetTypes, writeHandOver, writePacket, zxidNone } from '@corral/protocol';
import type { SessionId } from '@corral/protocol';
import type { Broadcast } from './broadcast.ts';
import type { LearnerLink } from './learner-link.ts';
import type { Zab } from './zab.ts';

/** A packet takes no more. */
const ownersMax = Math.floor((limits.fieldBytesMax - 8) / 16);

export class HandOver {
  readonly #zab: Zab;
  readonly #broadcast: Broadcast;
  readonly #asked: ReadonlySet<LearnerLink>;
  /** Those that send no more requests. */
  readonly #holding = new Set<LearnerLink>();

  constructor(zab: Zab, broadcast: Broadcast, learners: Iterable<LearnerLink>) {
    this.#zab = zab;
    this.#broadcast = broadcast;
    this.#asked = new Set([...learners].filter(({ state }) => state === 'serving'));
    for (const learner of this.#asked)
      broadcast.sendTo(learner, (out) => writePacket(out, packetTypes.handOver, zxidNone));
  }

  /** The learner has sent its last request. */
  answered(learner: LearnerLink): void {
    if (this.#asked.has(learner)) this.#holding.add(learner);
  }

  /** Whether everyone who was asked holds its clients back, and every sync is answered. */
  get isAnswered(): boolean {
    for (const learner of this.#asked) if (!learner.isGone && !this.#holding.has(learner)) return false;
    return this.#broadcast.pendingSyncs === 0;
  }

  /** Who leads the next epoch: this server, or the voter among those asked that has accepted most; undefined: nobody can. */
  successor(next: 'self' | 'another'): number | undefined {
    const { options, quorums } = this.#zab;
    if (next === 'self') return options.sid;
    let best: LearnerLink | undefined;
    for (const learner of this.#holding) {
      if (learner.isGone || learner.isObserver || !quorums.isVoter(learner.sid)) continue;
      if (best === undefined || learner.acked > best.acked) best = learner;
    }
    return best?.sid;
  }

  /** The term is over. False: too many sessions to hand them over. */
  finish(successor: number, owners: ReadonlyMap<SessionId, number>): boolean {
    if (owners.size > ownersMax) return false;
    for (const learner of this.#holding) {
      this.#broadcast.sendTo(learner, (out) => {
        const frame = beginPacket(out, packetTypes.handOver, zxidNone);
        writeHandOver(out, { successor, owners: learner.sid === successor ? owners : new Map() });
        endPacket(out, frame);
      });
    }
    return true;
  }
}
