// Discovery, as the leader talks it: hears what each server has promised, fixes a new epoch, tells it, and takes the
// promises of a quorum. Which epoch it is and who counts is in discovery.ts. Learners that come later go through the same.

import {
  ProtocolError,
  beginPacket,
  endPacket,
  epochOf,
  formatZxid,
  packetTypes,
  readAckEpoch,
  readLearnerInfo,
  writeLeaderInfo,
  zxidNone,
} from '@corral/protocol';
import type { Epoch, QuorumPacket, Zxid } from '@corral/protocol';
import { Discovery, isAhead } from './discovery.ts';
import { epochStart } from './history.ts';
import type { LearnerLink } from './learner-link.ts';
import type { Zab } from './zab.ts';

/** What the parts of a leader share with it. */
export interface Leading {
  readonly zab: Zab;
  /** By connection. */
  readonly learners: ReadonlyMap<number, LearnerLink>;
  /** Ends the connection to a learner. */
  drop(learner: LearnerLink, reason: string): void;
  /** A quorum has initLimit from now on to get through the next phase. */
  restartClock(): void;
}

export interface DiscoveryNext {
  readonly isEstablished: () => boolean;
  /** A quorum has promised the epoch, which is on disk here, too. */
  readonly promised: (epoch: Epoch) => void;
  /** A learner has promised it after that. */
  readonly joined: (learner: LearnerLink) => void;
}

export class LeaderDiscovery {
  readonly #leading: Leading;
  readonly #zab: Zab;
  readonly #next: DiscoveryNext;
  readonly #discovery: Discovery;
  /** End of the history this server was elected with. */
  readonly #initialLast: Zxid;
  /** Whether the phase is over. */
  #isOver = false;

  constructor(leading: Leading, next: DiscoveryNext) {
    const { zab } = leading;
    this.#leading = leading;
    this.#zab = zab;
    this.#next = next;
    this.#initialLast = zab.history.last;
    this.#discovery = new Discovery(zab.options.sid, zab.epochs.accepted, (has) => zab.quorums.isQuorum(has));
  }

  start(): void {
    const { options, epochs } = this.#zab;
    if (this.#discovery.followerInfo(options.sid, epochs.accepted)) this.#epochFound();
  }

  /** A learner that has gone counts no more. */
  lost({ sid }: LearnerLink): void {
    if (sid >= 0) this.#discovery.lost(sid);
  }

  greeting(learner: LearnerLink, packet: QuorumPacket, isObserver: boolean): void {
    const { sid, protocolVersion, configVersion } = readLearnerInfo(packet.data);
    const { options, quorums, epochs } = this.#zab;
    if (protocolVersion < 0x10000)
      throw new ProtocolError(`protocol version ${protocolVersion} is not spoken any more`);
    if (sid === options.sid) throw new ProtocolError(`server ${sid} connected to itself: two servers have this id`);
    if (configVersion > quorums.committed.config.version && options.reconfigEnabled && !this.#next.isEstablished()) {
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
    for (const other of this.#leading.learners.values())
      if (other !== learner && other.sid === sid) this.#leading.drop(other, 'the same server has connected again');
  }

  #epochFound(): void {
    const epoch = this.#discovery.epoch!;
    this.#leading.restartClock();
    const announce = (): void => {
      for (const learner of this.#leading.learners.values()) if (learner.state === 'promised') this.#inform(learner);
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

  ackEpoch(learner: LearnerLink, packet: QuorumPacket): void {
    if (learner.state !== 'informed') throw new ProtocolError(`ackEpoch out of turn (${learner.state})`);
    const current = readAckEpoch(packet.data);
    const { epochs, quorums } = this.#zab;
    learner.lastZxid = packet.zxid;
    learner.state = 'acknowledged';
    if (this.#isOver) return this.#next.joined(learner);
    if (current === undefined) return; // has promised this epoch before: nothing can be concluded from it
    if (isAhead(current, packet.zxid, epochs.current, this.#initialLast)) {
      throw new ProtocolError(
        `it has a longer history (${formatZxid(packet.zxid)}, epoch ${current}) than this leader`,
      );
    }
    if (packet.zxid === zxidNone || !quorums.isVoter(learner.sid)) return;
    if (this.#discovery.ackEpoch(learner.sid)) this.#epochPromised();
  }

  #epochPromised(): void {
    const epoch = this.#discovery.epoch!;
    this.#leading.restartClock();
    this.#zab.secureBase(() =>
      this.#zab.writeEpoch('currentEpoch', epoch, () => {
        this.#isOver = true;
        this.#next.promised(epoch);
      }),
    );
  }
}
