// The disk operations a core asks for, as jobs on its server's disk. Those that change history, promises and
// configuration run one after the other; a snapshot is written beside them.

import { decidePurge, logFilesIn, recover, retireHistory, snapshotsIn, truncateHistory } from '@corral/core';
import type { Defect, RecoveryTarget, SnapshotSource } from '@corral/core';
import { encodeText, formatEnsembleConfig } from '@corral/protocol';
import type { EnsembleConfig, Zxid } from '@corral/protocol';
import { SimFiles } from './disk-files.ts';
import { JobLane, LogAppender, writeSnapshotSteps } from './disk-work.ts';
import type { Steps } from './disk-work.ts';
import type { SimDisk } from './disk.ts';
import type { DiskOp } from './machine.ts';
import { configFile, dataDir } from './places.ts';
import type { World } from './world.ts';

type Done = () => void;
type Failed = (reason: string) => void;

export const historyDirs = { snapDir: dataDir, logDir: dataDir };

export class DiskJobs {
  readonly lane: JobLane;
  readonly #snapshots: JobLane;
  readonly #disk: SimDisk;
  readonly #files: SimFiles;
  readonly #log: LogAppender;
  readonly #keepSnapshots: number;
  readonly #defects: ReadonlySet<Defect>;
  readonly #pending = new Set<DiskOp>();

  constructor(world: World, disk: SimDisk, schedule: (step: () => void) => void) {
    this.lane = new JobLane(schedule);
    this.#snapshots = new JobLane(schedule);
    this.#disk = disk;
    this.#defects = world.defects;
    this.#files = new SimFiles(disk, world.defects);
    this.#log = new LogAppender(disk, dataDir, world.defects);
    this.#keepSnapshots = world.knobs.keepSnapshots;
  }

  /** The lowest operation that has not been reported; Infinity when there is none. */
  get oldestPending(): number {
    let oldest = Infinity;
    for (const op of this.#pending) oldest = Math.min(oldest, op);
    return oldest;
  }

  #add(op: DiskOp, steps: Steps, done: Done, failed: Failed, early?: Defect): void {
    if (early !== undefined && this.#defects.has(early)) {
      this.lane.add({ steps: nothing(), done, failed: (error) => failed(error.message) });
      this.lane.add({ steps, done: () => undefined, failed: (error) => failed(error.message) });
      return;
    }
    this.#pending.add(op);
    const report = (): void => {
      this.#pending.delete(op);
      done();
    };
    this.lane.add({ steps, done: report, failed: (error) => failed(error.message) });
  }

  append(op: DiskOp, firstZxid: Zxid, bytes: Uint8Array, done: Done, failed: Failed): void {
    this.#add(op, this.#log.append(firstZxid, bytes), done, failed, 'early-ack');
  }

  roll(failed: Failed): void {
    this.lane.add({ steps: this.#log.roll(), done: () => undefined, failed: (error) => failed(error.message) });
  }

  snapshot(source: SnapshotSource, finished: (error: string | undefined) => void): void {
    this.#snapshots.add({
      steps: this.#snapshotAndPurge(source),
      done: () => finished(undefined),
      failed: (error) => {
        source.abandon();
        finished(error.message);
      },
    });
  }

  *#snapshotAndPurge(source: SnapshotSource): Steps {
    yield* writeSnapshotSteps(this.#disk, dataDir, source, this.#defects);
    if (this.#keepSnapshots === 0) return;
    yield;
    const names = this.#files.list(dataDir);
    const snapshots = snapshotsIn(names).map((snapshot) => ({ ...snapshot, valid: true }));
    const decision = decidePurge({ snapshots, logs: logFilesIn(names), keep: this.#keepSnapshots });
    for (const name of [...decision.snapshots, ...decision.logs]) {
      this.#disk.remove(`${dataDir}/${name}`);
      yield;
    }
  }

  writeEpoch(op: DiskOp, file: string, epoch: number, done: Done, failed: Failed): void {
    this.#add(
      op,
      this.#replace(`${dataDir}/${file}`, encodeText(String(epoch)), 'A02-name'),
      done,
      failed,
      'early-promise',
    );
  }

  writeConfig(op: DiskOp, which: 'active' | 'next', config: EnsembleConfig, done: Done, failed: Failed): void {
    this.#add(op, this.#replace(configFile(which), encodeText(formatEnsembleConfig(config))), done, failed);
  }

  *#replace(path: string, bytes: Uint8Array, careless?: Defect): Steps {
    const disk = this.#disk;
    const temporary = `${path}.tmp`;
    disk.create(temporary);
    disk.write(temporary, 0, bytes);
    yield;
    disk.sync(temporary);
    yield;
    disk.rename(temporary, path);
    yield;
    if (careless !== undefined && this.#defects.has(careless)) return;
    disk.syncDir(dataDir);
    yield;
  }

  truncate(op: DiskOp, zxid: Zxid, done: Done, failed: Failed): void {
    this.#add(op, this.#truncateSteps(zxid), done, failed);
  }

  *#truncateSteps(zxid: Zxid): Steps {
    this.#log.forget();
    truncateHistory(this.#files, historyDirs, zxid);
    yield;
  }

  install(op: DiskOp, source: SnapshotSource, aside: string | undefined, done: Done, failed: Failed): void {
    this.#add(op, this.#installSteps(source, aside), done, failed);
  }

  /** The snapshot is durable before anything it replaces goes, the newest first. */
  *#installSteps(source: SnapshotSource, aside: string | undefined): Steps {
    this.#log.forget();
    yield* writeSnapshotSteps(this.#disk, dataDir, source, this.#defects);
    yield;
    retireHistory(this.#files, historyDirs, source.zxid, aside);
  }

  reload(op: DiskOp, makeTarget: () => RecoveryTarget, done: Done, failed: Failed): void {
    this.#add(op, this.#reloadSteps(makeTarget), done, failed);
  }

  *#reloadSteps(makeTarget: () => RecoveryTarget): Steps {
    this.#log.forget();
    recover(this.#files, historyDirs, makeTarget);
    yield;
  }
}

function* nothing(): Steps {
  yield;
}
