// What a server's disk is asked to do, one thing after the other in steps that each take their time: appending to the
// log, writing snapshots, replacing epoch files, cutting the history. A crash can come between any two steps, or, where a
// step is made of several primitives, behind each of them.

import { durableMark, logFileHeader, logFileName, snapshotFileName } from '@corral/core';
import type { Defect, SnapshotSource } from '@corral/core';
import type { Zxid } from '@corral/protocol';
import { CrashSignal } from './disk.ts';
import type { SimDisk } from './disk.ts';

/** A piece of work: every `next` is one step; between steps the world goes on. */
export type Steps = Generator<void, void, void>;

/** The log of a server as it is being appended to; the form of the files is that of the real server. */
export class LogAppender {
  readonly #disk: SimDisk;
  readonly #dir: string;
  readonly #defects: ReadonlySet<Defect>;
  #path: string | undefined;
  #position = 0;

  constructor(disk: SimDisk, dir: string, defects: ReadonlySet<Defect> = new Set()) {
    this.#disk = disk;
    this.#dir = dir;
    this.#defects = defects;
  }

  /** Writes records, the first of them `firstZxid`, and a mark that says what was durable before; then makes it durable. */
  *append(firstZxid: Zxid, records: Uint8Array): Steps {
    const disk = this.#disk;
    const isNew = this.#path === undefined;
    const path = (this.#path ??= `${this.#dir}/${logFileName(firstZxid)}`);
    if (isNew) {
      this.#position = 0;
      disk.create(path, 'exclusive');
      yield;
    }
    const header = isNew ? logFileHeader() : new Uint8Array(0);
    const end = this.#position + header.length + records.length;
    const mark = durableMark(end, this.#position);
    const bytes = new Uint8Array(header.length + records.length + mark.length);
    bytes.set(header);
    bytes.set(records, header.length);
    bytes.set(mark, header.length + records.length);
    disk.write(path, this.#position, bytes);
    yield;
    disk.sync(path);
    this.#position = end;
    yield;
    if (isNew && !this.#defects.has('A33')) disk.syncDir(this.#dir);
  }

  /** The next append starts a new file; this one is cut to its data. */
  *roll(): Steps {
    const path = this.#path;
    this.#path = undefined;
    if (path === undefined || !this.#disk.exists(path)) return;
    this.#disk.truncate(path, this.#position);
    yield;
    this.#disk.sync(path);
  }

  /** Files were cut or replaced: the next append starts a new one, and what was open is left as it is. */
  forget(): void {
    this.#path = undefined;
  }
}

/** Writes a snapshot under a temporary name, makes it durable and gives it its name. */
export function* writeSnapshotSteps(
  disk: SimDisk,
  dir: string,
  source: SnapshotSource,
  defects: ReadonlySet<Defect> = new Set(),
): Steps {
  const path = `${dir}/${snapshotFileName(source.zxid)}`;
  const temporary = `${path}.tmp`;
  disk.create(temporary);
  let offset = 0;
  for (let chunk = source.next(); chunk !== null; chunk = source.next()) {
    yield;
    disk.write(temporary, offset, chunk);
    offset += chunk.length;
  }
  yield;
  if (!defects.has('A35')) disk.sync(temporary);
  yield;
  disk.rename(temporary, path);
  yield;
  disk.syncDir(dir);
}

export interface Job {
  readonly steps: Steps;
  readonly done: () => void;
  readonly failed: (error: Error) => void;
}

/** Jobs of one kind, in the order in which they were asked for. `schedule` runs a step when its time has come. */
export class JobLane {
  readonly #schedule: (step: () => void) => void;
  readonly #jobs: Job[] = [];
  #isRunning = false;
  /** While true no step is made: a stuck disk. */
  #isHeld = false;

  constructor(schedule: (step: () => void) => void) {
    this.#schedule = schedule;
  }

  get isIdle(): boolean {
    return this.#jobs.length === 0;
  }

  add(job: Job): void {
    this.#jobs.push(job);
    this.#goOn();
  }

  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
    this.#goOn();
  }

  #goOn(): void {
    if (this.#isRunning || this.#isHeld || this.#jobs.length === 0) return;
    this.#isRunning = true;
    this.#schedule(() => this.#step());
  }

  #step(): void {
    this.#isRunning = false;
    if (this.#isHeld) return;
    const job = this.#jobs[0];
    let isDone: boolean;
    try {
      isDone = job.steps.next().done === true;
    } catch (error) {
      if (error instanceof CrashSignal || !(error instanceof Error)) throw error;
      this.#jobs.shift();
      job.failed(error);
      this.#goOn();
      return;
    }
    if (isDone) {
      this.#jobs.shift();
      job.done();
    }
    this.#goOn();
  }
}
