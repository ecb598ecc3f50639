// Several members without machines: connections are queues of bytes, disks answer when they are told to, time passes when
// it is told to. For tests of one rule at a time; schedules and faults at random are the simulator's business.

import { parseMember, zxidZero } from '@corral/protocol';
import type { EnsembleConfig, Epoch, Member as MemberSpec, Zxid } from '@corral/protocol';
import type {
  DiskOp,
  EnsembleHost,
  EnsembleNote,
  EpochFile,
  Input,
  Moment,
  Note,
  PeerAddress,
  PeerLink,
  PeerPort,
  RecoveryTarget,
  SnapshotSource,
} from '../effects.ts';
import { MemoryFiles } from '../log/testing/memory-files.ts';
import { logFileHeader } from '../log/log-codec.ts';
import { logFileName, logFilesIn, snapshotFileName, snapshotsIn } from '../log/file-names.ts';
import { recover } from '../log/recovery.ts';
import { retireHistory } from '../log/retire-history.ts';
import { truncateHistory } from '../log/truncate.ts';
import { Member } from '../member.ts';
import type { ReplicaOptions } from '../options.ts';
import { RestoredState } from '../restored-state.ts';
import type { EnsembleOptions } from '../zab/zab.ts';
import { TestClient, plainOptions } from './memory-replica.ts';
import type { Greeting, WithoutMoment, World } from './memory-replica.ts';

const dir = '/data';
const dirs = { snapDir: dir, logDir: dir };

export const tickMs = 200;

/** One direction of a connection. */
interface End {
  readonly node: ClusterNode;
  readonly connection: number;
  readonly chunks: Uint8Array[];
  isPaused: boolean;
  isClosed: boolean;
}

export class MemoryCluster {
  now = 1000;
  readonly nodes = new Map<number, ClusterNode>();
  /** Pairs of servers that do not reach each other, as `a-b`. */
  readonly cuts = new Set<string>();
  readonly config: EnsembleConfig;
  readonly ends: End[] = [];
  readonly tasks: (() => void)[] = [];

  constructor(voters: number, observers = 0) {
    const members = new Map<number, MemberSpec>();
    for (let sid = 1; sid <= voters + observers; sid++) {
      const role = sid > voters ? 'observer' : 'participant';
      members.set(sid, parseMember(sid, `node${sid}:2888:3888:${role};2181`));
    }
    this.config = { version: zxidZero, members };
    for (const sid of members.keys()) this.nodes.set(sid, new ClusterNode(this, sid));
  }

  node(sid: number): ClusterNode {
    const node = this.nodes.get(sid);
    if (node === undefined) throw new Error(`there is no server ${sid}`);
    return node;
  }

  start(...sids: number[]): void {
    for (const sid of sids.length === 0 ? this.nodes.keys() : sids) this.node(sid).start();
  }

  isCut(a: number, b: number): boolean {
    return this.cuts.has(`${Math.min(a, b)}-${Math.max(a, b)}`);
  }

  cut(a: number, b: number): void {
    this.cuts.add(`${Math.min(a, b)}-${Math.max(a, b)}`);
  }

  connect(from: ClusterNode, dial: number, port: PeerPort, to: ClusterNode | undefined): void {
    if (to === undefined || !to.isUp || this.isCut(from.sid, to.sid)) {
      from.feed({ kind: 'dialFailed', dial, reason: 'refused' });
      return;
    }
    const a: End = { node: from, connection: from.nextConnection(), chunks: [], isPaused: false, isClosed: false };
    const b: End = { node: to, connection: to.nextConnection(), chunks: [], isPaused: false, isClosed: false };
    this.ends.push(a, b);
    to.feed({ kind: 'peerOpened', connection: b.connection, link: this.#link(b, a), port, dial: undefined });
    from.feed({ kind: 'peerOpened', connection: a.connection, link: this.#link(a, b), port, dial });
  }

  #link(own: End, other: End): PeerLink {
    return {
      address: `node${other.node.sid}`,
      get backlog() {
        return other.chunks.reduce((sum, chunk) => sum + chunk.length, 0);
      },
      send: (bytes) => {
        if (!own.isClosed) other.chunks.push(bytes.slice());
      },
      close: () => this.#close(own, other),
      pause: () => (own.isPaused = true),
      resume: () => (own.isPaused = false),
    };
  }

  #close(own: End, other: End): void {
    if (own.isClosed) return;
    own.isClosed = true;
    own.node.feed({ kind: 'peerClosed', connection: own.connection });
    // What was sent before arrives first.
    this.tasks.push(() => {
      this.#deliver(other);
      if (other.isClosed) return;
      other.isClosed = true;
      other.node.feed({ kind: 'peerClosed', connection: other.connection });
    });
  }

  #deliver(end: End): void {
    for (const bytes of end.chunks.splice(0)) {
      if (end.isClosed || !end.node.isUp) return;
      end.node.now({ kind: 'peerReceived', connection: end.connection, bytes, start: 0, end: bytes.length });
    }
  }

  /** Lets one thing happen; false when nothing is due. */
  advance(): boolean {
    const task = this.tasks.shift();
    if (task !== undefined) {
      task();
      return true;
    }
    for (const node of this.nodes.values()) for (const client of node.clients) if (client.deliver()) return true;
    const end = this.ends.find((e) => e.chunks.length > 0 && !e.isPaused && !e.isClosed && !e.node.isHeld);
    if (end === undefined) return false;
    this.#deliver(end);
    const other = this.ends[this.ends.indexOf(end) ^ 1];
    if (!other.isClosed) other.node.now({ kind: 'peerDrained', connection: other.connection });
    return true;
  }

  settle(): void {
    for (let steps = 0; this.advance(); steps++) if (steps > 100_000) throw new Error('the cluster does not settle');
  }

  /** Time passes; every server is woken when it wants to be. */
  pass(ms: number): void {
    for (const until = this.now + ms; this.now < until;) {
      this.settle();
      const wake = Math.min(...[...this.nodes.values()].filter((n) => n.isUp).map((n) => n.wake));
      this.now = Math.min(until, Math.max(this.now + 1, Math.min(wake, this.now + tickMs / 2)));
      for (const node of this.nodes.values()) if (node.isUp) node.now({ kind: 'tick' });
      this.settle();
    }
  }

  /** Lets things happen until something is so. */
  settleUntil(isSo: () => boolean): void {
    while (!isSo()) if (!this.advance()) throw new Error('it did not happen');
  }

  /** Cuts all connections of a server without a word. */
  drop(sid: number): void {
    for (let i = 0; i < this.ends.length; i += 2) {
      const pair = [this.ends[i], this.ends[i + 1]];
      if (!pair.some((end) => end.node.sid === sid)) continue;
      for (const end of pair) {
        if (end.isClosed) continue;
        end.isClosed = true;
        if (end.node.isUp) end.node.feed({ kind: 'peerClosed', connection: end.connection });
      }
    }
  }

  /** The server that leads, when there is one that can. */
  get leader(): ClusterNode | undefined {
    return [...this.nodes.values()].find((n) => n.isUp && n.member.peer.state === 'leading' && n.member.peer.isServing);
  }

  /** The leader, after as much time as it takes. */
  elect(): ClusterNode {
    for (let i = 0; i < 100 && this.leader === undefined; i++) this.pass(tickMs);
    if (this.leader === undefined) throw new Error('no leader was elected');
    this.pass(tickMs);
    return this.leader;
  }
}

export class ClusterNode implements EnsembleHost, World {
  readonly cluster: MemoryCluster;
  readonly sid: number;
  readonly files = new MemoryFiles();
  readonly notes: EnsembleNote[] = [];
  readonly halts: string[] = [];
  member!: Member;
  isUp = false;
  wake = Infinity;
  /** While true nothing arrives from the network. */
  isHeld = false;
  /** While true the disk does not answer. */
  isDiskHeld = false;
  readonly clients: TestClient[] = [];
  readonly #heldOps: (() => void)[] = [];
  #connections = 0;
  #generation = 0;
  #log: string | undefined;
  replica: Partial<ReplicaOptions> = {};
  ensemble: Partial<EnsembleOptions> = {};
  isUnknown = false;
  /** Somebody says that an empty disk is no loss. */
  mayBegin = false;

  constructor(cluster: MemoryCluster, sid: number) {
    this.cluster = cluster;
    this.sid = sid;
  }

  get durable(): DiskOp {
    return this.peer.durable;
  }

  step(input: WithoutMoment<Input>): void {
    this.now(input);
  }

  settle(): void {
    this.cluster.settle();
  }

  /** A client whose connection is open; it has not said anything yet. */
  open(address = '10.0.0.1'): TestClient {
    const client = new TestClient(this, this.clients.length, address);
    this.clients.push(client);
    this.now({ kind: 'opened', connection: client.id, link: client.link, address });
    return client;
  }

  /** A client with a session. */
  connect(options: Greeting = {}): TestClient {
    const client = this.open();
    client.greet(options);
    client.greeting();
    return client;
  }

  get peer(): Member['peer'] {
    return this.member.peer;
  }

  /** Starts from what the disk holds. */
  start(): void {
    const { cluster, sid } = this;
    const options = { ...plainOptions, tickMs, serverId: sid, ...this.replica };
    const ensemble: EnsembleOptions = {
      sid,
      config: cluster.config,
      peerType: 'participant',
      tickMs,
      initLimitMs: 10 * tickMs,
      syncLimitMs: 5 * tickMs,
      electionMinMs: 20,
      electionMaxMs: 1000,
      electionFinalizeMs: 20,
      commitLogCount: 500,
      commitLogBytes: 1 << 20,
      forceSnapshotSync: false,
      counterMax: 0xfff00000,
      leaderServes: true,
      readOnlyEnabled: false,
      reconfigEnabled: false,
      standaloneEnabled: true,
      ...this.ensemble,
    };
    const isEmpty = snapshotsIn(this.files.list(dir)).length === 0 && logFilesIn(this.files.list(dir)).length === 0;
    const { target: state, replayed } = isEmpty
      ? { target: RestoredState.fresh(options, ensemble.commitLogCount), replayed: 0 }
      : recover(this.files, dirs, () => new RestoredState(options, ensemble.commitLogCount));
    if (!isEmpty) state.finish();
    this.#generation++;
    this.#log = undefined;
    this.isUp = true;
    const epochs = {
      accepted: this.#epoch('acceptedEpoch'),
      current: this.#epoch('currentEpoch'),
      historyId: isEmpty ? 0 : this.#epoch('historyId'),
    };
    this.member = new Member(options, ensemble, this, {
      state,
      replayed,
      epochs,
      isUnknown: (isEmpty && !this.mayBegin) || this.isUnknown,
      isEmpty,
    });
    this.member.start(this.#moment());
  }

  #epoch(file: EpochFile): number {
    const bytes = this.files.content.get(`${dir}/${file}`);
    return bytes === undefined ? 0 : Number(new TextDecoder().decode(bytes));
  }

  /** The process ends; what was written stays. */
  stop(): void {
    this.isUp = false;
    this.#generation++;
    this.wake = Infinity;
    this.#heldOps.length = 0;
    this.clients.length = 0;
    this.cluster.drop(this.sid);
  }

  restart(): void {
    this.stop();
    this.start();
  }

  nextConnection(): number {
    return ++this.#connections;
  }

  #moment(): Moment {
    return { now: this.cluster.now, wall: this.cluster.now + plainOptions.startedAt };
  }

  /** Handles an input at once. */
  now(input: WithoutMoment<Input>): void {
    if (this.isUp) this.member.step({ ...input, ...this.#moment() });
  }

  /** Handles an input when its turn comes. */
  feed(input: WithoutMoment<Input>): void {
    const generation = this.#generation;
    this.cluster.tasks.push(() => {
      if (generation === this.#generation) this.now(input);
    });
  }

  #disk(op: DiskOp, work: () => void, input: WithoutMoment<Input> = { kind: 'diskDone', op }): void {
    const run = (): void => {
      work();
      this.now(input);
    };
    if (this.isDiskHeld) this.#heldOps.push(run);
    else {
      const generation = this.#generation;
      this.cluster.tasks.push(() => {
        if (generation === this.#generation) run();
      });
    }
  }

  releaseDisk(): void {
    this.isDiskHeld = false;
    for (const run of this.#heldOps.splice(0)) run();
  }

  // Effects.

  append(op: DiskOp, firstZxid: Zxid, bytes: Uint8Array): void {
    const copy = bytes.slice();
    const write = (): void => {
      this.#log ??= `${dir}/${logFileName(firstZxid)}`;
      const before = this.files.content.get(this.#log) ?? logFileHeader();
      const after = new Uint8Array(before.length + copy.length);
      after.set(before);
      after.set(copy, before.length);
      this.files.content.set(this.#log, after);
    };
    this.#disk(op, write, { kind: 'appended', op });
  }

  rollLog(): void {
    this.#log = undefined;
  }

  #store(source: SnapshotSource): void {
    const chunks: Uint8Array[] = [];
    for (let chunk = source.next(); chunk !== null; chunk = source.next()) chunks.push(chunk.slice());
    const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
    let at = 0;
    for (const chunk of chunks) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
    this.files.content.set(`${dir}/${snapshotFileName(source.zxid, 'none')}`, bytes);
  }

  writeSnapshot(source: SnapshotSource): void {
    this.#store(source);
    this.feed({ kind: 'snapshotDone', zxid: source.zxid, error: undefined });
  }

  installSnapshot(op: DiskOp, source: SnapshotSource, aside: string | undefined): void {
    this.#disk(op, () => {
      this.#store(source);
      retireHistory(this.files, dirs, source.zxid, aside);
      this.#log = undefined;
    });
  }

  writeEpoch(op: DiskOp, file: EpochFile, epoch: Epoch): void {
    this.#disk(op, () => this.files.writeDurably(`${dir}/${file}`, new TextEncoder().encode(`${epoch}`)));
  }

  truncate(op: DiskOp, zxid: Zxid): void {
    this.#disk(op, () => {
      truncateHistory(this.files, dirs, zxid);
      this.#log = undefined;
    });
  }

  reload(op: DiskOp, makeTarget: () => RecoveryTarget): void {
    this.#disk(op, () => void recover(this.files, dirs, makeTarget));
  }

  writeConfig(op: DiskOp): void {
    this.#disk(op, () => undefined);
  }

  dial(dial: number, port: PeerPort, [address]: readonly PeerAddress[]): void {
    const to = [...this.cluster.nodes.values()].find(({ sid }) => `node${sid}` === address?.host);
    const generation = this.#generation;
    this.cluster.tasks.push(() => {
      if (generation === this.#generation) this.cluster.connect(this, dial, port, to);
    });
  }

  wakeAt(now: number): void {
    this.wake = now;
  }

  requestTurn(): void {
    this.feed({ kind: 'turn' });
  }

  halt(reason: string): void {
    this.halts.push(reason);
    this.isUp = false;
  }

  note(event: Note): void {
    if (event.kind === 'ensemble') this.notes.push(event);
  }
}
