// Discovery, as the leader talks it: hears what each server has promised, fixes a new epoch, tells it, and takes the
// promises of a quorum. Which epoch it is and who counts is in discovery.ts. Learners that come later go through the same.

import {
  ProtocolError,
  beginPacket,
  endPacket,
  epochMax,
  formatZxid,
  packetTypes,
  readAckEpoch,
  readHistoryId,
  writeLeaderInfo,
  writePacket,
  zxidNone,
} from '@corral/protocol';
import type { Epoch, QuorumPacket, Zxid } from '@corral/protocol';
import { Discovery, isAhead } from './discovery.ts';
import { historySays } from './history-identity.ts';
import { epochStart } from './history.ts';
import type { Greeting, Leading } from './leading.ts';
import type { LearnerLink, LearnerState } from './learner-link.ts';
import type { Zab } from './zab.ts';

export interface DiscoveryNext {
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
  /** The number of the history is fixed. */
  #isChosen = false;

  constructor(leading: Leading, next: DiscoveryNext) {
    const { zab } = leading;
    this.#leading = leading;
    this.#zab = zab;
    this.#next = next;
    this.#initialLast = zab.history.last;
    const start = Math.max(zab.epochs.accepted, zab.claims.floor(zab.now));
    this.#discovery = new Discovery(zab.options.sid, start, (has) => zab.quorums.isQuorum(has));
  }

  start(): void {
    const { options, epochs } = this.#zab;
    if (this.#discovery.followerInfo(options.sid, epochs.accepted)) this.#epochFound();
    else if (this.#discovery.isUsedUp) this.#usedUp();
  }

  /** A learner that has gone counts no more, unless its server is there by another connection. */
  lost(learner: LearnerLink): void {
    const { sid } = learner;
    if (sid < 0) return;
    const others = [...this.#leading.learners.values()].filter((other) => other !== learner && other.sid === sid);
    const has = (...states: readonly LearnerState[]): boolean => others.some(({ state }) => states.includes(state));
    const hasPromised = has('acknowledged', 'sending', 'synchronised', 'serving');
    this.#discovery.lost(sid, hasPromised || has('promised', 'informed'), hasPromised);
  }

  /** A learner has come in. */
  greeting(learner: LearnerLink, { sid, accepted, configVersion, isObserver }: Greeting): void {
    const { quorums, options, epochs, claims, now } = this.#zab;
    const { epoch } = this.#discovery;
    if (configVersion > quorums.committed.config.version && options.reconfigEnabled && !this.#leading.isServing)
      throw new ProtocolError(`its configuration (${formatZxid(configVersion)}) is newer than this leader's`);
    const isVoter = quorums.isVoter(sid);
    const isBeyond = accepted > (epoch ?? Infinity) || (epoch === undefined && !this.#discovery.isPlausible(accepted));
    if (isBeyond && isVoter) claims.heard(sid, accepted, now);
    if (isBeyond && epoch === undefined)
      throw new ProtocolError(`it claims epoch ${accepted}, this server is at ${epochs.accepted}`);
    learner.isObserver = isObserver;
    learner.state = 'promised';
    learner.isBeyond = isBeyond;
    if (isBeyond && isVoter && !this.#canDoWithout()) {
      this.#zab.stats.disloyalVoters++;
      claims.adopt(epochs.accepted);
      return this.#zab.leave(`voter ${sid} has promised epoch ${accepted} to another candidate, and is needed`);
    }
    if (epoch !== undefined) {
      if (epochs.accepted >= epoch) this.#inform(learner);
      return;
    }
    if (!quorums.knows(sid)) return;
    if (this.#discovery.followerInfo(sid, accepted)) this.#epochFound();
    else if (this.#discovery.isUsedUp) this.#usedUp();
  }

  /** Whether this leader has a quorum of voters that may promise its epoch. A claim is no reason to leave while it has. */
  #canDoWithout(): boolean {
    const { options, quorums } = this.#zab;
    const may = new Set([options.sid]);
    for (const { sid, state, isBeyond } of this.#leading.learners.values())
      if (!isBeyond && state !== 'greeting' && state !== 'waiting' && state !== 'gone') may.add(sid);
    return quorums.isQuorum(may);
  }

  #usedUp(): void {
    this.#zab.note('error', 'no epoch is left: the epoch files of all members have to be set back', { last: epochMax });
    this.#zab.leave('no epoch is left after those that were promised');
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
    if (learner.isBeyond) throw new ProtocolError('it has promised a later epoch than it acknowledges');
    if (learner.state !== 'informed') throw new ProtocolError(`ackEpoch out of turn (${learner.state})`);
    const current = readAckEpoch(packet.data);
    const { epochs, quorums, identity } = this.#zab;
    learner.lastZxid = packet.zxid;
    learner.historyId = readHistoryId(packet.data);
    learner.currentEpoch = current ?? -1;
    if (identity.contradicts(learner.historyId ?? 0, this.#isChosen)) return this.#keepOut(learner);
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
    const { identity } = this.#zab;
    const promised = [...this.#leading.learners.values()].filter(({ state }) => state === 'acknowledged');
    const enter = (): void =>
      this.#zab.writeEpoch('currentEpoch', epoch, () => {
        this.#isOver = true;
        this.#next.promised(epoch);
      });
    this.#isChosen = true;
    this.#zab.secureBase(() => identity.choose(promised, enter));
    for (const learner of promised) if (identity.contradicts(learner.historyId ?? 0, true)) this.#keepOut(learner);
  }

  /** Another history is neither brought to this one nor followed. */
  #keepOut(learner: LearnerLink): void {
    const { identity } = this.#zab;
    // Before a quorum follows this server, nobody knows which of the two is the odd one.
    if (this.#leading.isServing)
      writePacket(learner.out, packetTypes.historyId, identity.number as Zxid, new Uint8Array([historySays.refused]));
    const isOdd = identity.refused(learner.sid, learner.historyId ?? 0, this.#leading.isServing);
    this.#leading.drop(learner, 'it has another history');
    if (isOdd) this.#zab.leave('a majority has another history');
  }
}
