// One simulated server over all its lives: its disk and its clocks stay, its processes come and go.

import { RecoveryRefused, restoreMember } from '@corral/core';
import { epochOf } from '@corral/protocol';
import { NodeClock } from './clock.ts';
import { SimFiles } from './disk-files.ts';
import { historyDirs } from './disk-jobs.ts';
import { writeSnapshotSteps } from './disk-work.ts';
import { CrashSignal, DiskError, SimDisk } from './disk.ts';
import type { Recovered } from './machine.ts';
import type { Place } from './network.ts';
import type { Connection, End, NetPort } from './pipe.ts';
import { dataDir, nameOf } from './places.ts';
import { SimProcess } from './process.ts';
import type { Ending, ProcessOwner } from './process.ts';
import type { World } from './world.ts';

const newerThanEpoch = {
  file: `${dataDir}/currentEpoch`,
  problem: 'the history is newer than this epoch',
  advice: 'none: this is a defect put back in',
};
/** Says that this is the first start of a new ensemble: nothing was promised yet. */
const initializeFile = `${dataDir}/initialize`;

export class SimNode implements Place, ProcessOwner {
  readonly sid: number;
  readonly disk: SimDisk;
  readonly clock: NodeClock;
  readonly #world: World;
  process: SimProcess | undefined;
  state: 'up' | 'down' | 'off' = 'down';
  /** Why the last life ended. */
  ending: { readonly kind: Ending; readonly reason: string } | undefined;
  /** A fault was injected that explains a halt or a refused start. */
  isExcused = false;
  starts = 0;

  constructor(world: World, sid: number) {
    this.#world = world;
    this.sid = sid;
    this.disk = new SimDisk(world.random.stream(`disk ${sid}`));
    const random = world.random.stream(`clock ${sid}`);
    const drift = world.knobs.driftPermille;
    this.clock = new NodeClock({
      driftPermille: random.between(-drift, drift),
      wallOffsetMs: random.between(-drift, drift),
    });
    this.disk.create(initializeFile);
    this.disk.syncDir(dataDir);
  }

  get name(): string {
    return nameOf(this.sid);
  }

  // Starting.

  /** Starts a process on what is on the disk. False when it stops right away. */
  start(): boolean {
    if (this.state === 'up') return true;
    this.starts++;
    this.#world.trace.number(0x5000 + this.sid);
    // After a failed fsync the cache lies: only what the disk gives back can be trusted.
    if (this.ending?.kind === 'halt' && this.disk.faultsStruck > 0) this.disk.power();
    this.process = new SimProcess(this.#world, this);
    try {
      return this.#begin(this.process);
    } catch (error) {
      if (error instanceof CrashSignal) this.stopped('power', error.message);
      else if (error instanceof RecoveryRefused || error instanceof DiskError) this.#refused(error);
      else throw error;
      return false;
    }
  }

  #begin(process: SimProcess): boolean {
    const isNew = this.disk.exists(initializeFile);
    const { recovered, hasSnapshot } = this.#restore(isNew);
    const machine = process.prepare(recovered);
    if (!hasSnapshot && !recovered.isEmpty) {
      const steps = writeSnapshotSteps(this.disk, dataDir, machine.snapshotSource());
      while (steps.next().done !== true);
    }
    if (isNew) new SimFiles(this.disk).remove(initializeFile);
    this.#world.network.serverStarted(this.sid);
    this.state = 'up';
    this.ending = undefined;
    this.#world.watch.started(this.sid, recovered.state.tree.lastZxid);
    process.start(machine);
    return process.isAlive;
  }

  #refused(error: Error): void {
    this.#world.note(`refuses to start: ${error.message}`, this.sid);
    this.process?.end();
    this.process = undefined;
    this.ending = { kind: 'halt', reason: error.message };
    this.state = 'down';
    // A disk that fails is a reason; the next start may find it in order.
    if (this.isExcused || error instanceof DiskError) return;
    this.#world.watch.ghost.fail(42, 'crash only', `${this.sid} does not start again: ${error.message}`);
  }

  #restore(isNew: boolean): { recovered: Recovered; hasSnapshot: boolean } {
    const { kind, knobs } = this.#world;
    const files = new SimFiles(this.disk, this.#world.defects);
    const { result, epochs, isEmpty } = restoreMember(
      files,
      {
        ...historyDirs,
        mayBegin: isNew,
        maySetAside: knobs.voters > 2,
        asideName: `damaged-${this.starts}`,
        settingAside: (facts) => this.#settingAside(facts?.problem),
      },
      () => kind.emptyState(this.sid, knobs),
    );
    const { target: state, replayed, lastZxid, snapshotFile } = result;
    state.finish();
    const { accepted, current, isUnknown, historyId } = epochs;
    if (this.#world.defects.has('A03') && current < epochOf(lastZxid)) throw new RecoveryRefused(newerThanEpoch);
    const recovered = {
      state,
      replayed,
      acceptedEpoch: accepted,
      currentEpoch: current,
      historyId,
      isUnknown,
      isEmpty,
    };
    return { recovered, hasSnapshot: snapshotFile !== undefined };
  }

  /** From here on the server has no more than one whose disk was replaced. */
  #settingAside(problem = 'an earlier start was interrupted'): void {
    const { watch } = this.#world;
    this.#world.note(`sets its damaged history aside: ${problem}`, this.sid);
    if (!this.isExcused) watch.ghost.fail(42, 'crash only', `${this.sid} finds damage where none was done: ${problem}`);
    watch.wiped(this.sid);
  }

  // Stopping.

  /** The process is killed; what it wrote stays in the system's cache. */
  kill(reason = 'killed'): void {
    if (this.state === 'up') this.stopped('kill', reason);
  }

  /** The machine loses its power. */
  power(reason = 'power failed'): void {
    if (this.state === 'up') this.stopped('power', reason);
    else if (this.state === 'down') {
      this.disk.power();
      this.state = 'off';
      this.#world.watch.stopped(this.sid);
    }
  }

  stopped(ending: Ending, reason: string): void {
    const { network, trace, watch } = this.#world;
    trace.number(0x6000 + this.sid);
    this.#world.note(`${ending === 'power' ? 'loses power' : ending}: ${reason}`, this.sid);
    this.process?.end();
    this.process = undefined;
    this.ending = { kind: ending, reason };
    this.state = ending === 'power' ? 'off' : 'down';
    network.serverStopped(this.sid, ending === 'power' ? 'power' : 'kill');
    if (ending === 'power') this.disk.power();
    else this.disk.kill();
    watch.stopped(this.sid);
    if (ending === 'halt' && !this.isExcused && this.disk.faultsStruck === 0) {
      watch.ghost.fail(42, 'crash only', `${this.sid} halts for no reason: ${reason}`);
    }
  }

  /** Everything on its disk is gone, as after a replacement. */
  wipe(): void {
    this.kill('wiped');
    this.disk.wipe();
    this.isExcused = true;
    this.#world.watch.wiped(this.sid);
  }

  /** Stops and restarts the process as a debugger or an overloaded machine does. */
  pause(): void {
    if (this.process !== undefined) this.process.isPaused = true;
  }

  resume(): void {
    this.process?.resume();
  }

  accept(connection: Connection, port: NetPort): End {
    return this.process!.accept(connection, port);
  }
}
