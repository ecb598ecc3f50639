// One life of a simulated server, from its start to a kill, a loss of power or a halt: it carries out the effects of the
// core and brings it what they led to. Nothing of it survives; what does is on the disk.

import type { EpochFile, Moment, Note, PeerAddress, PeerPort, RecoveryTarget, SnapshotSource } from '@corral/core';
import { decodeText, parseEnsembleConfig } from '@corral/protocol';
import type { EnsembleConfig, Zxid } from '@corral/protocol';
import type { NodeClock } from './clock.ts';
import { DiskJobs } from './disk-jobs.ts';
import { CrashSignal } from './disk.ts';
import type { SimDisk } from './disk.ts';
import { ClientEnd, Numbers, PeerEnd } from './ends.ts';
import type { EndOwner, InputBody } from './ends.ts';
import type { SimEvent } from './events.ts';
import type { DiskOp, Machine, MachineHost, Recovered } from './machine.ts';
import type { Connection, End, NetPort } from './pipe.ts';
import { configFile, hostOf, sidOfHost } from './places.ts';
import type { World } from './world.ts';

/** How the life of a process ended. */
export type Ending = 'kill' | 'power' | 'halt';

export interface ProcessOwner {
  readonly sid: number;
  readonly disk: SimDisk;
  readonly clock: NodeClock;
  /** The process stopped by itself, or ran into a crash point. */
  stopped(ending: Ending, reason: string): void;
}

export class SimProcess implements MachineHost, EndOwner {
  readonly sid: number;
  isAlive = true;
  isPaused = false;
  machine: Machine | undefined;
  readonly peers = new Numbers();
  readonly clients = new Numbers();
  readonly #world: World;
  readonly #owner: ProcessOwner;
  readonly #jobs: DiskJobs;
  readonly #deferred: (() => void)[] = [];
  /** Appends under way, for a defect. */
  readonly #appends = new Set<DiskOp>();
  #tick: SimEvent | undefined;
  #wakeAt = Infinity;
  #isTurnRequested = false;

  constructor(world: World, owner: ProcessOwner) {
    this.#world = world;
    this.#owner = owner;
    this.sid = owner.sid;
    this.#jobs = new DiskJobs(world, owner.disk, (step) => {
      const delay = world.scheduler.delay(owner.sid, 'disk');
      world.queue.after(delay, () => this.#guarded(step));
    });
  }

  /** Makes the core, on what recovery has found. */
  prepare(recovered: Recovered): Machine {
    const { kind, knobs, defects, seed } = this.#world;
    const { config, nextConfig } = this.#configs();
    const isObserver = config.members.get(this.sid)?.role === 'observer';
    const startedAt = this.#moment().wall;
    const options = { sid: this.sid, config, nextConfig, isObserver, knobs, seed, startedAt, defects };
    return (this.machine = kind.create({ ...options, host: this, recovered }));
  }

  /** What the server was told when it was set up, or what its files say of later. */
  #configs(): { readonly config: EnsembleConfig; readonly nextConfig: EnsembleConfig | undefined } {
    const config = this.#configIn('active') ?? this.#world.configFor(this.sid);
    const next = this.#configIn('next');
    return { config, nextConfig: next !== undefined && next.version > config.version ? next : undefined };
  }

  #configIn(which: 'active' | 'next'): EnsembleConfig | undefined {
    const { disk } = this.#owner;
    const path = configFile(which);
    if (!disk.exists(path)) return undefined;
    const bytes = disk.read(path, 0, disk.size(path));
    return parseEnsembleConfig(decodeText(bytes, 0, bytes.length));
  }

  /** Begins to look for the others. */
  start(machine: Machine): void {
    machine.start(this.#moment());
    if (!this.isAlive) return;
    this.#plan();
    this.#world.watch.stepped(this.sid, machine);
  }

  /** Nothing reaches the core any more, nothing it asked for goes on. */
  end(): void {
    this.isAlive = false;
    this.#tick?.cancel();
    this.machine = undefined;
  }

  /** Somebody asks this server to let another one lead. */
  handOver(restMs: number): void {
    const { machine } = this;
    if (!this.isAlive || this.isPaused || machine === undefined) return;
    machine.handOver(this.#moment(), restMs);
    if (this.isAlive) this.#world.watch.stepped(this.sid, machine);
  }

  get jobs(): DiskJobs {
    return this.#jobs;
  }

  resume(): void {
    this.isPaused = false;
    for (const input of this.#deferred.splice(0)) input();
  }

  // Inputs.

  input(input: InputBody): void {
    if (!this.isAlive) return;
    if (this.isPaused) {
      if ('bytes' in input) {
        const bytes = input.bytes.slice(input.start, input.end);
        const kept = { ...input, bytes, start: 0, end: bytes.length };
        this.#deferred.push(() => this.input(kept));
      } else this.#deferred.push(() => this.input(input));
      return;
    }
    const { trace, watch } = this.#world;
    const { machine } = this;
    trace.number(this.sid);
    trace.text(input.kind);
    machine?.step({ ...input, ...this.#moment() });
    if (this.isAlive && machine !== undefined) watch.stepped(this.sid, machine);
  }

  #moment(): Moment {
    return this.#owner.clock.moment(this.#world.queue.now);
  }

  /** Runs a step of the disk; at a crash point the process ends. */
  #guarded(step: () => void): void {
    if (!this.isAlive) return;
    try {
      step();
    } catch (error) {
      if (!(error instanceof CrashSignal)) throw error;
      this.#owner.stopped('power', error.message);
    }
  }

  #plan(): void {
    this.#tick?.cancel();
    const { queue, knobs } = this.#world;
    const { clock } = this.#owner;
    const regular = queue.now + knobs.tickMs;
    const wanted = this.#wakeAt === Infinity ? Infinity : clock.timeOf(this.#wakeAt);
    this.#tick = queue.at(Math.max(queue.now + 1, Math.min(regular, wanted)), () => {
      if (!this.isAlive) return;
      this.#wakeAt = Infinity;
      this.#plan();
      this.input({ kind: 'tick' });
    });
  }

  // Effects: the disk.

  append(op: DiskOp, firstZxid: Zxid, bytes: Uint8Array): void {
    this.#world.watch.appending(this.sid, bytes);
    if (this.#world.defects.has('A15')) this.#appends.add(op);
    const answer = (): void => this.input({ kind: 'appended', op });
    this.#jobs.append(op, firstZxid, bytes, answer, (reason) => this.#failed(op, reason));
  }

  rollLog(): void {
    this.#jobs.roll((reason) => this.#failed(0, reason));
  }

  writeSnapshot(source: SnapshotSource): void {
    const { zxid } = source;
    this.#jobs.snapshot(source, (error) => this.input({ kind: 'snapshotDone', zxid, error }));
  }

  writeEpoch(op: DiskOp, file: EpochFile, value: number): void {
    this.#jobs.writeEpoch(op, file, value, ...this.#answers(op));
  }

  truncate(op: DiskOp, zxid: Zxid): void {
    const [done, failed] = this.#answers(op);
    const answer = (): void => {
      this.#world.watch.truncatedTo(this.sid, zxid);
      done();
    };
    this.#jobs.truncate(op, zxid, answer, failed);
  }

  installSnapshot(op: DiskOp, source: SnapshotSource, aside: string | undefined): void {
    this.#jobs.install(op, source, aside, ...this.#answers(op));
  }

  reload(op: DiskOp, makeTarget: () => RecoveryTarget): void {
    this.#jobs.reload(op, makeTarget, ...this.#answers(op));
  }

  writeConfig(op: DiskOp, which: 'next' | 'active', config: EnsembleConfig): void {
    this.#jobs.writeConfig(op, which, config, ...this.#answers(op));
  }

  #answers(op: DiskOp): [done: () => void, failed: (reason: string) => void] {
    return [() => this.input({ kind: 'diskDone', op }), (reason) => this.#failed(op, reason)];
  }

  #failed(op: DiskOp, reason: string): void {
    if (this.#world.defects.has('A15'))
      return this.input({ kind: this.#appends.delete(op) ? 'appended' : 'diskDone', op });
    this.input({ kind: 'diskFailed', op, reason });
  }

  /** What is sent rests on disk operations: those must have been reported done. */
  checkFence(durable: DiskOp): void {
    const pending = this.#jobs.oldestPending;
    if (pending <= durable) this.#world.watch.brokenFence(this.sid, durable, pending);
  }

  // Effects: the network.

  dial(dial: number, port: PeerPort, addresses: readonly PeerAddress[]): void {
    const { network } = this.#world;
    const to = sidOfHost(addresses[0].host);
    const end = new PeerEnd(this, network, port, dial, addresses[0].host);
    const failed = (reason: string): void => this.input({ kind: 'dialFailed', dial, reason });
    network.dial(this.sid, to, port, end, failed);
  }

  accept(connection: Connection, port: NetPort): End {
    const { network } = this.#world;
    if (port === 'client') return new ClientEnd(this, network, connection);
    return new PeerEnd(this, network, port, undefined, hostOf(connection.dialler));
  }

  // Effects: the rest.

  requestTurn(): void {
    if (this.#isTurnRequested) return;
    this.#isTurnRequested = true;
    const { queue, scheduler } = this.#world;
    queue.after(scheduler.delay(this.sid, 'turn'), () => {
      this.#isTurnRequested = false;
      this.input({ kind: 'turn' });
    });
  }

  wakeAt(now: number): void {
    this.#wakeAt = now;
    this.#plan();
  }

  halt(reason: string): void {
    this.#owner.stopped('halt', reason);
  }

  note(event: Note): void {
    if (event.kind !== 'ensemble') return;
    const facts = Object.entries(event.facts ?? {}).map(([name, value]) => ` ${name}=${value}`);
    this.#world.note(`${event.level} ${event.message}${facts.join('')}`, this.sid);
  }
}
