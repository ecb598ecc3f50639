// Where the checkers look: every packet that leaves a server, every change of a disk, every step of a core. What is seen
// is turned into facts for the rules in this folder; the first broken one is remembered, and the simulation stops.

import { ProtocolError, decodeText, parseEnsembleConfig, readAckEpoch, readNewLeader } from '@corral/protocol';
import type { EnsembleConfig, Notification, PacketName, QuorumPacket } from '@corral/protocol';
import { SnapshotReader } from '@corral/core';
import type { DiskWatcher, SimDisk } from '../disk.ts';
import type { Machine } from '../machine.ts';
import type { NetworkWatcher } from '../network.ts';
import { ElectionTap, QuorumTap } from '../packet-tap.ts';
import type { Tap } from '../packet-tap.ts';
import type { Connection, Pipe } from '../pipe.ts';
import type { SimFile } from '../sim-file.ts';
import { hashBytes } from '../trace.ts';
import { DurableHistory, loggedTxn, payloadsIn } from './durable-history.ts';
import { configFile } from '../places.ts';
import * as configs from './configs.ts';
import * as epochs from './epochs.ts';
import { Ghost, counterOfZxid, epochOfZxid } from './ghost.ts';
import type { ServerView } from './ghost.ts';
import * as proposals from './proposals.ts';
import * as state from './state.ts';

interface Session {
  /** Epoch that was announced on this connection. */
  epoch: number;
  /** Where in the leader's stream the learner is told to serve. */
  serveAt: number;
}

const ignore = (): undefined => undefined;
const nowhere = { session: ignore, acl: ignore, node: ignore };

export class Watch implements NetworkWatcher {
  readonly ghost: Ghost;
  /** How often each packet was sent. */
  readonly packets = new Map<PacketName, number>();
  readonly #sessions = new Map<number, Session>();
  readonly #disks = new Map<number, SimDisk>();
  readonly #knownSnapshots = new Map<number, Set<number>>();
  /** Epoch files as they were last seen. */
  readonly #knownEpochs = new Map<number, { readonly accepted: number; readonly current: number }>();

  readonly #knownConfigs = new Map<number, SimFile | undefined>();

  constructor(ghost: Ghost = new Ghost()) {
    this.ghost = ghost;
  }

  // Servers.

  addServer(sid: number, isVoter: boolean, disk: SimDisk): void {
    const history = new DurableHistory(disk);
    const view: ServerView = {
      sid,
      isVoter,
      history,
      isUp: false,
      promised: 0,
      isAmnesic: false,
      decidedAtCut: undefined,
      hasForgotten: false,
      isDamaged: false,
      round: 0,
      servesOn: undefined,
      leads: undefined,
      applied: 0,
      config: undefined,
    };
    this.ghost.servers.set(sid, view);
    this.#disks.set(sid, disk);
    this.#knownSnapshots.set(sid, new Set());
    history.added = (txn, previous) => proposals.becameDurable(this.ghost, view, txn, previous);
    history.shrunk = (txns) => state.removed(this.ghost, view, txns);
    const watcher: DiskWatcher = {
      grown: (path: string, file: SimFile) => this.#diskChanged(view, () => history.grown(path, file)),
      changed: (path: string) => this.#diskChanged(view, () => history.changed(path)),
    };
    disk.watcher = watcher;
  }

  started(sid: number, last: number): void {
    const view = this.ghost.server(sid);
    Object.assign(view, { isUp: true, round: 0, servesOn: undefined, leads: undefined, applied: 0 });
    state.checkStart(this.ghost, view, last);
    this.#look(view);
  }

  stopped(sid: number): void {
    const view = this.ghost.server(sid);
    Object.assign(view, { isUp: false, servesOn: undefined, leads: undefined });
    this.#look(view);
    state.checkDurability(this.ghost);
  }

  wiped(sid: number): void {
    const view = this.ghost.server(sid);
    view.isAmnesic = true;
    view.hasForgotten = this.ghost.decided.length > 0;
    view.config = undefined;
    this.#knownEpochs.delete(sid);
    this.#knownSnapshots.set(sid, new Set());
  }

  damaged(sid: number): void {
    this.ghost.server(sid).isDamaged = true;
  }

  /** The core has handled an input. */
  stepped(sid: number, machine: Machine): void {
    const view = this.ghost.server(sid);
    // The same server may lead the next epoch as well, and begins that without being established.
    if (machine.role !== 'leading' || machine.epoch !== view.leads) view.leads = undefined;
    // It has closed that connection, and the end of it may still be on its way.
    if (machine.role === 'looking' || machine.role === 'leading') view.servesOn = undefined;
    const { applied } = machine;
    if (applied !== view.applied) state.applied(this.ghost, view, applied, machine.digest);
  }

  appending(sid: number, bytes: Uint8Array): void {
    for (const [start, end] of payloadsIn(bytes)) {
      proposals.proposed(this.ghost, sid, loggedTxn(bytes, start, end), bytes.subarray(start, end), 'logged');
    }
  }

  brokenFence(sid: number, durable: number, pending: number): void {
    this.ghost.fail(8, 'ack means durable', `${sid} sends what rests on operation ${durable}; ${pending} is not done`);
  }

  /** TRUNC is said to be done. */
  truncatedTo(sid: number, zxid: number): void {
    state.truncated(this.ghost, this.ghost.server(sid), zxid, this.#disks.get(sid)!.durableNames);
  }

  // Disks.

  /** Facts are looked up only when the change may concern epochs or snapshots. */
  #diskChanged(view: ServerView, change: () => void): void {
    change();
    if (view.isUp) this.#pendingLooks.add(view);
  }

  readonly #pendingLooks = new Set<ServerView>();

  /** Once per event, behind it. */
  afterEvent(): void {
    if (this.#pendingLooks.size === 0) return;
    for (const view of this.#pendingLooks) this.#look(view);
    this.#pendingLooks.clear();
  }

  #look(view: ServerView): void {
    const { history, sid } = view;
    const { acceptedEpoch: accepted, currentEpoch: current } = history;
    const before = this.#knownEpochs.get(sid) ?? { accepted: 0, current: 0 };
    if (accepted !== before.accepted || current !== before.current) {
      this.#knownEpochs.set(sid, { accepted, current });
      epochs.checkMonotone(this.ghost, view, before);
      if (current !== before.current) epochs.currentEpochChanged(this.ghost, view, current);
    }
    this.#lookAtConfig(view);
    epochs.checkEpochFiles(this.ghost, view);
    const known = this.#knownSnapshots.get(sid)!;
    for (const zxid of history.snapshots) {
      if (known.has(zxid)) continue;
      known.add(zxid);
      state.snapshotTaken(this.ghost, view, zxid, this.#digestOfSnapshot(sid, zxid));
    }
    for (const zxid of known) if (!history.snapshots.includes(zxid)) known.delete(zxid);
    state.checkRestorable(this.ghost, view);
    state.checkDurability(this.ghost);
  }

  #lookAtConfig(view: ServerView): void {
    const file = this.#disks.get(view.sid)!.durableNames.get(configFile('active'));
    if (file === this.#knownConfigs.get(view.sid)) return;
    this.#knownConfigs.set(view.sid, file);
    if (file === undefined) return;
    const text = decodeText(file.durable, 0, file.safeSize);
    configs.activated(this.ghost, view, parseEnsembleConfig(text));
  }

  #digestOfSnapshot(sid: number, zxid: number): bigint | undefined {
    const file = this.#disks.get(sid)!.durableNames.get(`/data/snapshot.${zxid.toString(16)}`);
    if (file === undefined) return undefined;
    try {
      const reader = new SnapshotReader(nowhere);
      reader.push(file.durable.slice(0, file.safeSize));
      return reader.finish().digest?.value;
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      state.unreadable(this.ghost, this.ghost.server(sid), zxid, error.message);
      return undefined;
    }
  }

  // The wire.

  connected(connection: Connection): { readonly toAcceptor: Tap; readonly toDialler: Tap } {
    if (connection.port === 'election') {
      const from = (sid: number): ElectionTap => {
        const events = { packet: ignore, notification: (seen: Notification) => this.#voted(sid, seen) };
        return new ElectionTap(events, sid === connection.dialler);
      };
      return { toAcceptor: from(connection.dialler), toDialler: from(connection.acceptor) };
    }
    const session: Session = { epoch: 0, serveAt: Infinity };
    this.#sessions.set(connection.id, session);
    const learner = this.ghost.server(connection.dialler);
    const leader = this.ghost.server(connection.acceptor);
    const fromLearner = (packet: QuorumPacket, name: PacketName): void => {
      this.#count(name);
      this.#fromLearner(learner, leader, session, packet, name);
    };
    const fromLeader = (packet: QuorumPacket, name: PacketName, end: number): void => {
      this.#count(name);
      if (name === 'trunc') learner.decidedAtCut = this.ghost.lastDecided;
      this.#fromLeader(leader, session, packet, name, end);
    };
    return {
      toAcceptor: new QuorumTap({ packet: fromLearner, notification: ignore }),
      toDialler: new QuorumTap({ packet: fromLeader, notification: ignore }),
    };
  }

  #count(name: PacketName): void {
    this.packets.set(name, (this.packets.get(name) ?? 0) + 1);
  }

  delivered(connection: Connection, pipe: Pipe): void {
    if (connection.port !== 'quorum' || pipe !== connection.toDialler) return;
    if (pipe.delivered < this.#sessions.get(connection.id)!.serveAt) return;
    const view = this.ghost.server(connection.dialler);
    if (view.servesOn === connection.id) return;
    view.servesOn = connection.id;
  }

  ended(connection: Connection, server: number): void {
    if (server < 0) return;
    const view = this.ghost.servers.get(server);
    if (view?.servesOn === connection.id) view.servesOn = undefined;
  }

  #voted(sid: number, { state: senderState, leader, zxid, round, peerEpoch }: Notification): void {
    if (senderState !== 'looking' || leader !== sid || zxid === undefined) return;
    epochs.voted(this.ghost, this.ghost.server(sid), round, zxid, peerEpoch ?? 0);
  }

  #fromLearner(
    learner: ServerView,
    leader: ServerView,
    session: Session,
    packet: QuorumPacket,
    name: PacketName,
  ): void {
    const { ghost } = this;
    const { zxid } = packet;
    switch (name) {
      case 'followerInfo':
      case 'observerInfo':
        return epochs.introduced(ghost, learner, epochOfZxid(zxid));
      case 'ackEpoch':
        return epochs.promised(ghost, learner, leader.sid, session.epoch, readAckEpoch(packet.data), zxid);
      case 'ack':
        if (counterOfZxid(zxid) === 0) epochs.hasHistory(ghost, learner, leader.sid, epochOfZxid(zxid));
        else proposals.acknowledged(ghost, learner, zxid);
        return;
      default:
        return;
    }
  }

  #fromLeader(leader: ServerView, session: Session, packet: QuorumPacket, name: PacketName, end: number): void {
    const { ghost } = this;
    const attempt = ghost.attempt(session.epoch, leader.sid);
    switch (name) {
      case 'leaderInfo':
        session.epoch = epochOfZxid(packet.zxid);
        return epochs.announced(ghost, leader, session.epoch);
      case 'newLeader':
        if (attempt !== undefined) attempt.config ??= configIn(packet);
        return;
      case 'upToDate':
        session.serveAt = end;
        if (attempt !== undefined && !attempt.isEstablished) epochs.establish(ghost, attempt);
        return;
      case 'proposal':
        return this.#proposal(leader, packet);
      case 'inform':
        this.#proposal(leader, packet);
        if (attempt !== undefined) proposals.committed(ghost, attempt, packet.zxid);
        return;
      case 'commit':
      case 'commitAndActivate':
        if (attempt !== undefined) proposals.committed(ghost, attempt, packet.zxid);
        return;
      default:
        return;
    }
  }

  #proposal(leader: ServerView, { zxid, data }: QuorumPacket): void {
    if (data === null) return;
    proposals.proposed(this.ghost, leader.sid, { zxid, hash: hashBytes(data) }, data, 'sent');
  }
}

/** The configuration that a leader brings with it. */
function configIn({ data }: QuorumPacket): EnsembleConfig | undefined {
  const text = readNewLeader(data);
  return text === undefined ? undefined : parseEnsembleConfig(text);
}
