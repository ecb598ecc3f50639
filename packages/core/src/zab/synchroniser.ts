// Synchronisation, the leader's side: brings each learner to this server's history, and begins to order new transactions
// once a quorum has it. Owns the broadcast and the configuration that this leader was elected with.

import {
  beginPacket,
  endPacket,
  epochOf,
  formatEnsembleConfig,
  formatZxid,
  packetTypes,
  writeNewLeader,
  writePacket,
  zxidNone,
} from '@corral/protocol';
import type { EnsembleConfig, Epoch, Zxid } from '@corral/protocol';
import { Broadcast } from './broadcast.ts';
import { historySays } from './history-identity.ts';
import { epochStart } from './history.ts';
import type { Leading } from './leading.ts';
import { isFollowed } from './learner-link.ts';
import type { LearnerLink } from './learner-link.ts';
import { planSync, syncBacklogMax, writeDecided } from './synchronisation.ts';
import type { Zab } from './zab.ts';

export class Synchroniser {
  readonly #leading: Leading;
  readonly #zab: Zab;
  /** End of the history this server was elected with. */
  readonly #initialLast: Zxid;
  readonly #established: () => void;
  #broadcast: Broadcast | undefined;
  #config: EnsembleConfig;
  isEstablished = false;

  /** `established` is called once, when a quorum has this leader's history. */
  constructor(leading: Leading, established: () => void) {
    const { zab } = leading;
    this.#leading = leading;
    this.#zab = zab;
    this.#established = established;
    this.#config = zab.quorums.lastSeen?.config ?? zab.quorums.committed.config;
    this.#initialLast = zab.history.last;
  }

  /** Undefined during discovery. */
  get broadcast(): Broadcast | undefined {
    return this.#broadcast;
  }

  get lastProposed(): Zxid {
    return this.#broadcast?.lastProposed ?? this.#initialLast;
  }

  /** A quorum has promised the epoch. */
  begin(epoch: Epoch): void {
    const zab = this.#zab;
    const { history, app } = zab;
    this.#leading.restartClock();
    this.#config = this.#firstVersion(epoch);
    this.#broadcast = new Broadcast(zab, epoch, this.#leading.learners, (sid) =>
      zab.leave(`server ${sid} leads from now on`),
    );
    // Its whole history, decided or not, is the state that a leader gives away.
    for (let i = history.indexAfter(app.applied); i < history.length; i++) app.assume(history.at(i)!);
    for (const learner of this.#leading.learners.values())
      if (learner.state === 'acknowledged') this.synchronise(learner);
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
    return this.isEstablished ? this.#zab.history.committed : this.#initialLast;
  }

  synchronise(learner: LearnerLink): void {
    const { history, app, options } = this.#zab;
    const plan = options.forceSnapshotSync
      ? ({ kind: 'SNAP' } as const)
      : planSync(history, learner.lastZxid, this.#decided, (defect) => this.#zab.has(defect));
    const { out } = learner;
    learner.sync = plan.kind;
    this.#zab.stats.synchronising(plan.kind, this.#leading.learners.values());
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
    this.feed(learner);
  }

  /** Sends as much of the history as the connection takes; at its end the learner joins the broadcast. */
  feed(learner: LearnerLink): void {
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
        return this.#leading.drop(learner, 'the history it needs next is not in memory any more');
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
    this.#tellHistory(learner, historySays.accept);
    const frame = beginPacket(out, packetTypes.newLeader, this.#broadcast!.epochStart);
    // One that is on its way comes as a proposal, like everything that is not decided.
    const isReplaced = this.isEstablished && !this.#zab.has('A50');
    writeNewLeader(out, isReplaced ? this.#zab.quorums.committed.text : formatEnsembleConfig(this.#config));
    endPacket(out, frame);
    learner.cursor = this.#decided;
    this.#broadcast!.joins(learner);
    learner.state = 'synchronised';
  }

  /** An acknowledgement: of the history (its zxid is where the epoch begins), or of a proposal. */
  acknowledged(learner: LearnerLink, zxid: Zxid): void {
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
    if (this.isEstablished) this.#goLive(learner);
    else this.#checkEstablished();
  }

  #checkEstablished(): void {
    if (this.isEstablished || this.#broadcast === undefined) return;
    const { options } = this.#zab;
    const hasQuorum = this.#zab.quorums.isQuorum(
      (sid) => sid === options.sid || isFollowed(this.#leading.learners, sid),
    );
    if (hasQuorum || this.#zab.has('lone-leader')) this.#establish();
  }

  /** A quorum has this leader's history: it is decided, and new proposals may be made. */
  #establish(): void {
    const { history, app, options } = this.#zab;
    const broadcast = this.#broadcast!;
    this.isEstablished = true;
    this.#zab.isUnknown = false;
    history.committed = this.#initialLast;
    if (options.reconfigEnabled) this.#zab.activate(this.#config);
    this.#established();
    this.#zab.established('leading', epochOf(broadcast.epochStart));
    app.lead(broadcast);
    for (const learner of this.#leading.learners.values()) if (learner.hasHistory) this.#goLive(learner);
    // The configuration that came with this history has others to vote and to lead: now they know it.
    if (!this.#zab.quorums.isVoter(options.sid)) this.#zab.leave('it has no vote in the new configuration');
  }

  /** To servers that keep the number of their history. */
  #tellHistory({ historyId, out }: LearnerLink, says: number): void {
    const { number } = this.#zab.identity;
    if (historyId === undefined || number === 0) return;
    writePacket(out, packetTypes.historyId, number as Zxid, new Uint8Array([says]));
  }

  /** The number of the history counts for good when a quorum of servers that keep it have acknowledged it. */
  #countHistory(): void {
    const { quorums, options, identity } = this.#zab;
    const keeping = new Set([options.sid]);
    for (const { sid, hasHistory, historyId, isObserver } of this.#leading.learners.values())
      if (hasHistory && historyId !== undefined && !isObserver) keeping.add(sid);
    if (quorums.isQuorum((sid) => keeping.has(sid))) identity.count();
  }

  #goLive(learner: LearnerLink): void {
    if (learner.state === 'serving') return;
    this.#broadcast!.sendTo(learner, (out) => writePacket(out, packetTypes.upToDate, zxidNone));
    learner.state = 'serving';
    this.#countHistory();
    if (this.#zab.identity.counts)
      this.#broadcast!.sendTo(learner, () => this.#tellHistory(learner, historySays.counts));
    if (learner.sync === 'SNAP') this.#zab.differences.agreed(learner.sid);
  }
}
