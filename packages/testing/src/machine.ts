// A server without a machine: the real core, with a disk in memory and connections within this process. Its lives come
// and go, its disk stays. It does what packages/server does with sockets and files, and can be killed, paused and slowed.

import { Member, Replica, RestoredState, recover, restoreMember, snapshotsIn } from '@corral/core';
import type {
  DiskOp,
  EnsembleHost,
  EnsembleOptions,
  EpochFile,
  Input,
  Moment,
  Note,
  PeerAddress,
  PeerPort,
  Recovered,
  RecoveryTarget,
  ReplicaOptions,
  SnapshotSource,
} from '@corral/core';
import type { EnsembleConfig, Epoch, Zxid } from '@corral/protocol';
import { MemoryDisk, dataDir, drained, historyDirs } from './memory-disk.ts';
import type { Time } from './time.ts';

type WithoutMoment<T> = T extends Moment ? Omit<T, keyof Moment> : never;
/** An input without the time, which is added when it is handled. */
export type InputBody = WithoutMoment<Input>;

export type Pipeline = Replica['pipeline'];

export interface CoreOptions {
  readonly replica: ReplicaOptions;
  readonly ensemble: EnsembleOptions | undefined;
}

/** What is around a server. */
export interface Surroundings {
  readonly time: Time;
  /** Options for a life that begins now. */
  options(startedAt: number): CoreOptions;
  /** Connects to another member: `peerOpened` or `dialFailed` will follow. */
  dial(dial: number, port: PeerPort, address: PeerAddress): void;
  noted(note: Note): void;
  /** The server has stopped by itself. */
  halted(reason: string): void;
}

const tickMsMax = 1000;
/** Memory does not decay: what cannot be read is a defect, and nothing to be set aside. */
const neverDamaged = { maySetAside: false, asideName: 'aside', settingAside: () => undefined };

export class Machine implements EnsembleHost {
  readonly disk: MemoryDisk;
  engine: Replica | Member | undefined;
  isPaused = false;
  readonly #around: Surroundings;
  readonly #time: Time;
  /** It belongs to a new ensemble, or is alone: an empty disk is no loss. */
  #mayBegin = true;
  /** Another object in every life. */
  life: object = {};
  #deferred: InputBody[] = [];
  #stopTicks: () => void = () => undefined;
  #stopWake: (() => void) | undefined;
  #wakeWanted = 0;
  #wakeSetFor = 0;
  #isTurnRequested = false;

  constructor(around: Surroundings) {
    this.#around = around;
    this.#time = around.time;
    this.disk = new MemoryDisk(around.time);
  }

  get isUp(): boolean {
    return this.engine !== undefined;
  }

  // Lives.

  /** Starts on what is on the disk. */
  start(): void {
    if (this.isUp) return;
    const { replica: options, ensemble } = this.#options();
    const kept = ensemble?.commitLogCount ?? 0;
    const hasSnapshot = snapshotsIn(this.disk.files.list(dataDir)).length > 0;
    if (ensemble === undefined) {
      const { state, replayed } = hasSnapshot ? this.#recovered(options, kept) : this.#fresh(options, kept);
      this.engine = new Replica(options, this, state, replayed);
    } else this.engine = new Member(options, ensemble, this, this.#restored(options, kept));
    // A log without any snapshot before it would be refused at the next start.
    if (!hasSnapshot && this.#mayBegin) {
      const source = this.engine.snapshotSource();
      this.disk.writeSnapshot(source.zxid, drained(source));
    }
    this.#mayBegin = false;
    this.#tick(Math.min(options.tickMs, tickMsMax));
    if (this.engine instanceof Member) this.engine.start(this.#moment());
  }

  /** What the server was told when it was set up, and what a reconfiguration has changed since. */
  #options(): CoreOptions {
    const { replica, ensemble } = this.#around.options(this.#time.wall());
    if (ensemble === undefined) return { replica, ensemble };
    const config = this.disk.config('active') ?? ensemble.config;
    const next = this.disk.config('next');
    const isPending = next !== undefined && next.version > config.version;
    return { replica, ensemble: { ...ensemble, config, ...(isPending ? { nextConfig: next } : {}) } };
  }

  #fresh(options: ReplicaOptions, kept: number): { readonly state: RestoredState; readonly replayed: number } {
    return { state: RestoredState.fresh(options, kept), replayed: 0 };
  }

  #recovered(options: ReplicaOptions, kept: number): { readonly state: RestoredState; readonly replayed: number } {
    const makeTarget = (): RestoredState => new RestoredState(options, kept);
    const { target, replayed } = recover(this.disk.files, historyDirs, makeTarget);
    target.finish();
    return { state: target, replayed };
  }

  /** What a member has on its disk. */
  #restored(options: ReplicaOptions, kept: number): Recovered {
    const recovery = { ...historyDirs, mayBegin: this.#mayBegin, ...neverDamaged };
    const makeTarget = (): RestoredState => new RestoredState(options, kept);
    const { result, epochs, isEmpty } = restoreMember(this.disk.files, recovery, makeTarget);
    result.target.finish();
    const { target: state, replayed } = result;
    return { state, replayed, epochs, isUnknown: epochs.isUnknown, isEmpty };
  }

  /** Ends this life. finish: what the disk has begun is done. drop: as when a process is killed. */
  end(how: 'finish' | 'drop'): void {
    this.engine = undefined;
    this.life = {};
    this.#stopTicks();
    this.#stopWake?.();
    this.#stopWake = undefined;
    this.#isTurnRequested = false;
    this.isPaused = false;
    this.#deferred = [];
    this.disk.end(how);
  }

  /** Nothing of it is left. A server on its own begins anew; a member has to ask the others. */
  wipe(): void {
    this.disk.files.clear();
    this.#mayBegin = this.#around.options(0).ensemble === undefined;
  }

  #tick(ms: number): void {
    this.#stopTicks = this.#time.later(ms, () => {
      this.#tick(ms);
      this.input({ kind: 'tick' });
    });
  }

  // Inputs.

  #moment(): Moment {
    return { now: this.#time.now(), wall: this.#time.wall() };
  }

  /** Handles an input. Never call it from inside an effect. */
  input(body: InputBody): void {
    if (this.engine === undefined) return;
    if (this.isPaused) this.#deferred.push('bytes' in body ? { ...body, ...copied(body) } : body);
    else this.engine.step({ ...body, ...this.#moment() });
  }

  /** Handles an input when its turn comes, if this life goes on until then. */
  feed(body: InputBody): void {
    const life = this.life;
    this.#time.turns.post(() => {
      if (life === this.life) this.input(body);
    });
  }

  /** Stops and goes on as a process does that a debugger holds, or an overloaded machine. */
  pause(): void {
    if (this.isUp) this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
    for (const body of this.#deferred.splice(0)) this.feed(body);
  }

  /** Ends a session as if its time were up. False when another server decides. */
  expire(session: bigint): boolean {
    if (this.engine === undefined || this.isPaused) return false;
    this.input({ kind: 'tick' }); // so that it happens now, and not at the time of the last input
    const isDone = this.engine.pipeline.expireNow(session as never);
    this.input({ kind: 'tick' });
    return isDone;
  }

  // Effects: the disk.

  append(op: DiskOp, firstZxid: Zxid, bytes: Uint8Array): void {
    this.disk.append(firstZxid, bytes, () => this.input({ kind: 'appended', op }));
  }
  rollLog(): void {
    this.disk.roll();
  }
  writeSnapshot(source: SnapshotSource): void {
    const { zxid } = source;
    this.disk.snapshot(source, () => this.input({ kind: 'snapshotDone', zxid, error: undefined }));
  }
  writeEpoch(op: DiskOp, file: EpochFile, epoch: Epoch): void {
    this.disk.writeEpoch(file, epoch, this.#done(op));
  }
  truncate(op: DiskOp, zxid: Zxid): void {
    this.disk.truncate(zxid, this.#done(op));
  }
  installSnapshot(op: DiskOp, source: SnapshotSource, aside: string | undefined): void {
    this.disk.installSnapshot(source, aside, this.#done(op));
  }
  reload(op: DiskOp, makeTarget: () => RecoveryTarget): void {
    this.disk.reload(makeTarget, this.#done(op));
  }
  writeConfig(op: DiskOp, which: 'next' | 'active', config: EnsembleConfig): void {
    this.disk.writeConfig(which, config, this.#done(op));
  }
  #done(op: DiskOp): () => void {
    return () => this.input({ kind: 'diskDone', op });
  }

  // Effects: the rest.

  dial(dial: number, port: PeerPort, [address]: readonly PeerAddress[]): void {
    this.#around.dial(dial, port, address);
  }

  requestTurn(): void {
    if (this.#isTurnRequested) return;
    this.#isTurnRequested = true;
    const life = this.life;
    this.#time.turns.post(() => {
      if (life !== this.life) return;
      this.#isTurnRequested = false;
      this.input({ kind: 'turn' });
    });
  }

  /** Nearly every input puts the end of some wait off: a timer that goes off too early is set again only then. */
  wakeAt(now: number): void {
    this.#wakeWanted = now;
    if (this.#stopWake !== undefined && this.#wakeSetFor <= now) return;
    this.#stopWake?.();
    this.#setWake();
  }

  #setWake(): void {
    this.#wakeSetFor = this.#wakeWanted;
    this.#stopWake = this.#time.later(this.#wakeSetFor - this.#time.now(), () => {
      this.#stopWake = undefined;
      if (this.#time.now() < this.#wakeWanted) this.#setWake();
      else this.input({ kind: 'tick' });
    });
  }

  halt(reason: string): void {
    const life = this.life;
    this.#time.turns.post(() => {
      if (life !== this.life) return;
      this.end('drop');
      this.#around.halted(reason);
    });
  }

  note(event: Note): void {
    this.#around.noted(event);
  }
}

function copied(body: { readonly bytes: Uint8Array; readonly start: number; readonly end: number }) {
  const bytes = body.bytes.slice(body.start, body.end);
  return { bytes, start: 0, end: bytes.length };
}
